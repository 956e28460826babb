//! A log that was cut, as a crash of the machine can leave it: what opens is a prefix of the batches, never part of one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use farmtally_store::{Catalogue, OpenError, Store, rebuild, verify};

use crate::sessions::{Facts, NOW, at, ended, farm, open, sorted_rows, stored_rows, submissions};

const BATCHES: u32 = 12;

fn batch(number: u32) -> Vec<Facts> {
    (number * 20..number * 20 + 20).map(ended).collect()
}

/// A copy of an open folder as it would be after the machine stopped, with its log cut.
fn copy_with_log_cut(from: &Path, to: &Path, log_length: usize) {
    for name in ["catalogue.sqlite", "master.key"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let log = fs::read(from.join("catalogue.sqlite-wal")).unwrap();
    fs::write(to.join("catalogue.sqlite-wal"), &log[..log_length]).unwrap();
}

#[test]
fn a_cut_log_opens_to_a_prefix_of_the_batches() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let store = open(dir.path());
    for number in 0..BATCHES {
        store.append(farm(1), &submissions(&batch(number)), at(NOW)).unwrap().into_inner();
    }
    let log_length = fs::read(dir.path().join("catalogue.sqlite-wal")).unwrap().len();
    let mut batches_before = 0;
    for step in 0..=150 {
        let copy = tempfile::tempdir().unwrap();
        copy_with_log_cut(dir.path(), copy.path(), log_length * step / 150);
        let rows = stored_rows(&open(copy.path()));
        let batches = (0..=BATCHES).find(|batches| rows == sorted_rows((0..*batches).flat_map(batch)));
        let batches = batches.unwrap_or_else(|| panic!("{} rows after cut {step}", rows.len()));
        assert!(batches >= batches_before, "a longer log has fewer batches");
        batches_before = batches;
    }
    assert_eq!(batches_before, BATCHES);
}

#[test]
fn what_an_earlier_process_left_in_the_log_is_written_anew_before_it_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(farm(1), &submissions(&batch(0)), at(NOW)).unwrap().into_inner();
    let copy = tempfile::tempdir().unwrap();
    let log_length = fs::read(dir.path().join("catalogue.sqlite-wal")).unwrap().len();
    copy_with_log_cut(dir.path(), copy.path(), log_length);

    // Whether those bytes ever reached the disk, nobody can ask. A sync after a failed one would not write them.
    let log = copy.path().join("catalogue.sqlite-wal");
    let before = fs::read(&log).unwrap();
    fs::File::options().write(true).open(&log).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let reopened = open(copy.path());
    assert_ne!(fs::metadata(&log).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
    assert_eq!(fs::read(&log).unwrap(), before);
    assert_eq!(stored_rows(&reopened), sorted_rows(batch(0)));
}

/// A folder whose process was killed, and in whose log a bit is another in the middle of the first of many batches.
fn with_damaged_log() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let store = open(dir.path());
    let log = dir.path().join("catalogue.sqlite-wal");
    let before = fs::read(&log).map_or(0, |log| log.len());
    for number in 0..BATCHES {
        store.append(farm(1), &submissions(&batch(number)), at(NOW)).unwrap().into_inner();
    }
    let copy = tempfile::tempdir().unwrap();
    copy_with_log_cut(dir.path(), copy.path(), fs::read(&log).unwrap().len());
    let log = copy.path().join("catalogue.sqlite-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[before.max(32) + 1000] ^= 1;
    fs::write(&log, bytes).unwrap();
    copy
}

#[test]
fn a_log_that_is_damaged_before_its_end_is_refused_and_stays_as_it_is() {
    let dir = with_damaged_log();
    let files =
        || ["catalogue.sqlite", "catalogue.sqlite-wal"].map(|name| fs::read(dir.path().join(name)).unwrap());
    let before = files();
    for _ in 0..2 {
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::DamagedLog { offset: 32.., .. }), "{error}");
        assert!(error.to_string().contains("changes that were accepted stand behind"), "{error}");
        assert!(matches!(Catalogue::open(dir.path()), Err(OpenError::DamagedLog { .. })));
        assert!(matches!(verify(dir.path()), Err(OpenError::DamagedLog { .. })));
        assert!(matches!(rebuild(dir.path(), false), Err(OpenError::DamagedLog { .. })));
        assert!(files() == before, "not a byte was changed");
    }
}

#[test]
fn what_is_behind_damage_in_the_log_is_given_up_when_the_owner_says_so_and_can_be_sent_again() {
    let dir = with_damaged_log();
    assert_eq!(rebuild(dir.path(), true).unwrap(), [], "the first batch was behind it, too");
    let store = Store::open(dir.path()).unwrap();
    assert!(stored_rows(&store).is_empty());
    for number in 0..BATCHES {
        store.append(farm(1), &submissions(&batch(number)), at(NOW)).unwrap().into_inner();
    }
    assert_eq!(stored_rows(&store), sorted_rows((0..BATCHES).flat_map(batch)));
}

#[test]
fn a_catalogue_that_is_missing_or_empty_beside_its_log_is_not_taken_for_a_new_one() {
    let dir = with_damaged_log();
    let (catalogue, log) = (dir.path().join("catalogue.sqlite"), dir.path().join("catalogue.sqlite-wal"));
    let before = fs::read(&log).unwrap();
    fs::write(&catalogue, "").unwrap();
    for _ in 0..2 {
        assert!(matches!(Store::open(dir.path()), Err(OpenError::MissingCatalogue { .. })));
        fs::remove_file(&catalogue).unwrap_or_default();
    }
    assert!(fs::read(&log).unwrap() == before);
}

#[test]
fn the_log_of_a_linked_catalogue_is_looked_at_where_it_is() {
    let (dir, elsewhere) = (with_damaged_log(), tempfile::tempdir().unwrap());
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
        fs::copy(dir.path().join(name), elsewhere.path().join(name)).unwrap();
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    symlink(elsewhere.path().join("catalogue.sqlite"), dir.path().join("catalogue.sqlite")).unwrap();
    for _ in 0..2 {
        assert!(matches!(Store::open(dir.path()), Err(OpenError::DamagedLog { .. })));
    }
}
