//! Reading everything finds what is wrong, and says where.

use std::fs;

use farmtally_model::RecordId;
use farmtally_store::{OpenError, RefusalReason, Store, backup, rebuild, restore, verify};
use rusqlite::Connection;

use crate::format::try_copy_folder;
use crate::sealing::{files_below, in_month};
use crate::sessions::{Facts, NOW, at, ended, farm, open, sorted_rows, stored_rows, submissions};

/// A folder with sealed, carried, removed and unsealed records.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let append = |facts: &[Facts]| {
        store.append(farm(1), &submissions(facts), at(NOW)).unwrap().into_inner();
    };
    let volume = Facts { is_volume: true, ..in_month(100, 1) };
    let running = Facts { end: None, ..ended(101) };
    append(&(0..30).map(|n| in_month(n, i64::from(n % 3))).chain([volume, running]).collect::<Vec<_>>());
    store.seal(farm(1)).unwrap();
    append(&[Facts { cost: 99, revision: 1, ..in_month(4, 1) }, ended(102)]);
    store.delete(farm(1), in_month(5, 2).id(), at(NOW)).unwrap().into_inner();
    dir
}

#[test]
fn a_whole_folder_agrees_and_its_figures_are_told() {
    let dir = folder();
    let report = verify(dir.path()).unwrap();
    assert_eq!(report.findings, []);
    let farm = &report.farms[0];
    assert_eq!((farm.batches, farm.entries, farm.segments), (2, 3 + 1, 3));
    assert_eq!((farm.sealed_sessions, farm.sealed_volumes, farm.keys), (28, 1, 31));
}

#[test]
fn every_changed_file_is_named() {
    let dir = folder();
    let files = ["parquet", "keys", "blocks"].map(|extension| files_below(dir.path(), extension)).concat();
    assert!(files.len() >= 4);
    for path in files {
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 4;
        fs::write(&path, changed).unwrap();
        let report = verify(dir.path()).unwrap();
        let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap();
        let is_named = report.findings.iter().any(|finding| finding.problem.contains(name));
        assert!(is_named, "{name}: {:?}", report.findings);
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

#[test]
fn every_damaged_page_of_the_catalogue_is_named() {
    let dir = folder();
    let path = dir.path().join("catalogue.sqlite");
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    let mut named_among_others = 0;
    for page in 1..=pages {
        let mut changed = whole.clone();
        changed[page * 4096 - 2000] ^= 1;
        fs::write(&path, changed).unwrap();
        match verify(dir.path()) {
            Ok(report) => {
                let problem = format!("`catalogue.sqlite`: page {page} does not match its checksum");
                assert_eq!(report.findings[0].problem, problem);
                named_among_others += 1;
            }
            // It cannot be opened.
            Err(error) => {
                let said = format!("page {page} of `catalogue.sqlite` does not match its checksum");
                assert!(error.to_string().contains(&said), "{error}");
            }
        }
        // What was in the log may have been moved into the file.
        fs::write(&path, &whole).unwrap();
    }
    assert!(named_among_others > pages / 2, "{named_among_others} of {pages}");
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

/// Another program that closes the catalogue last moves its log into it, after a kill for instance.
#[test]
fn a_catalogue_into_which_another_program_wrote_is_trusted_when_its_owner_says_so() {
    let live = folder();
    let store = open(live.path());
    store.append(farm(1), &submissions(&[ended(103)]), at(NOW)).unwrap().into_inner();
    // A file that the store has just written may get its name while it is copied, and then all is copied again.
    let copied = || {
        let dir = tempfile::tempdir().unwrap();
        try_copy_folder(live.path(), dir.path()).map(|()| dir)
    };
    let dir = (0..100).find_map(|_| copied().ok()).unwrap();
    let expected = stored_rows(&store);
    drop(store);
    let other = Connection::open(dir.path().join("catalogue.sqlite")).unwrap();
    let farms: i64 = other.query_row("SELECT count(*) FROM farms", [], |row| row.get(0)).unwrap();
    assert_eq!(farms, 1);
    drop(other);
    let error = rebuild(dir.path(), false).unwrap_err();
    assert!(error.to_string().contains("does not match its checksum"), "{error}");
    rebuild(dir.path(), true).unwrap();
    assert_eq!(verify(dir.path()).unwrap().findings, []);
    assert_eq!(stored_rows(&open(dir.path())), expected);
}

#[test]
fn sessions_without_a_catalogue_are_not_taken_for_a_new_folder() {
    let dir = folder();
    let path = dir.path().join("catalogue.sqlite");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, b"").unwrap();
    let is_refused = || matches!(Store::open(dir.path()), Err(OpenError::MissingCatalogue { .. }));
    assert!(is_refused());
    fs::remove_file(&path).unwrap();
    assert!(is_refused() && !path.exists());
    fs::write(&path, whole).unwrap();
    assert_eq!(verify(dir.path()).unwrap().findings, []);
}

#[test]
fn a_catalogue_that_has_lost_its_end_is_named() {
    let dir = folder();
    let path = dir.path().join("catalogue.sqlite");
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() - 1, whole.len() - 4096, whole.len() - 100] {
        fs::write(&path, &whole[..length]).unwrap();
        let found = match verify(dir.path()) {
            Ok(report) => report.findings.iter().any(|finding| finding.problem.contains("catalogue")),
            Err(error) => error.to_string().contains("catalogue is damaged"),
        };
        assert!(found, "{length} of {}", whole.len());
    }
}

fn folder_with_a_damaged_segment() -> tempfile::TempDir {
    let dir = folder();
    let segment = &files_below(dir.path(), "parquet")[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[100] ^= 1;
    fs::write(segment, bytes).unwrap();
    dir
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let dir = folder_with_a_damaged_segment();
    let place = tempfile::tempdir().unwrap();
    assert!(backup(dir.path(), place.path()).is_err());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn rebuilding_leaves_what_answers_still_when_a_segment_is_damaged() {
    let dir = folder_with_a_damaged_segment();
    let before = files_below(dir.path(), "blocks");
    let error = rebuild(dir.path(), false).unwrap_err().to_string();
    assert!(error.contains("parquet"), "{error}");
    assert_eq!(files_below(dir.path(), "blocks"), before);
}

#[test]
fn rebuilding_mends_everything_that_is_derived() {
    let dir = folder();
    let rows = stored_rows(&open(dir.path()));
    for path in files_below(&dir.path().join("derived"), "keys") {
        fs::write(path, b"dust").unwrap();
    }
    assert_eq!(rebuild(dir.path(), false).unwrap(), [(farm(1), 32)]);
    assert_eq!(verify(dir.path()).unwrap().findings, []);
    assert_eq!(stored_rows(&open(dir.path())), rows);
}

#[test]
fn a_backup_beside_a_running_store_holds_what_was_acknowledged_and_becomes_a_folder_again() {
    let dir = folder();
    let store = open(dir.path());
    let places = tempfile::tempdir().unwrap();
    let (copy, restored) = (places.path().join("copy"), places.path().join("a/restored"));
    let report = backup(dir.path(), &copy).unwrap();
    assert_eq!((report.findings.len(), report.farms[0].segments), (0, 3));
    let rows = stored_rows(&store);
    store.append(farm(1), &submissions(&[ended(700)]), at(NOW)).unwrap().into_inner();
    assert_eq!(restore(&copy, &restored).unwrap().findings, []);
    let again = Store::open(&restored).unwrap();
    assert_eq!(stored_rows(&again), rows);
    let sent = again.append(farm(1), &submissions(&[in_month(3, 0), ended(700)]), at(NOW)).unwrap();
    assert_eq!((sent.get().unchanged, sent.get().stored), (1, 1));
    let error = backup(dir.path(), &copy).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}` is not empty; name a folder that is not there yet", copy.display())
    );
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let dir = folder();
    let places = tempfile::tempdir().unwrap();
    let (copy, restored) = (places.path().join("copy"), places.path().join("restored"));
    backup(dir.path(), &copy).unwrap();
    fs::remove_file(&files_below(&copy, "parquet")[0]).unwrap();
    let report = restore(&copy, &restored).unwrap();
    assert!(report.findings[0].problem.contains("it is missing"), "{:?}", report.findings);
    assert!(!restored.exists());
}

/// 2025-11-24, months after 1970-01.
const MONTHS_SINCE_1970: u32 = 55 * 12 + 10;

#[test]
fn months_that_are_not_kept_are_removed_and_their_records_refused() {
    let dir = folder();
    let store = open(dir.path());
    assert!(!store.retain(farm(1), at(NOW)).unwrap(), "everything is kept unless somebody says otherwise");
    store.catalogue().set_retention(farm(1), Some(MONTHS_SINCE_1970 - 2)).unwrap();
    assert!(store.retain(farm(1), at(NOW)).unwrap());
    assert!(!store.retain(farm(1), at(NOW)).unwrap(), "once is enough");
    let left: Vec<Facts> = (0..30).filter(|n| n % 3 == 2 && *n != 5).map(|n| in_month(n, 2)).collect();
    let running = Facts { end: None, ..ended(101) };
    let expected = sorted_rows(left.iter().copied().chain([running]));
    assert_eq!(stored_rows(&store), expected);
    assert_eq!(files_below(dir.path(), "parquet").len(), 1);
    let sent = [in_month(3, 0), in_month(2, 2), in_month(500, 1), in_month(501, 2)];
    let receipt = store.append(farm(1), &submissions(&sent), at(NOW)).unwrap().into_inner();
    assert_eq!((receipt.stored, receipt.unchanged), (1, 1));
    let refused = |number: u32| RefusalReason::NoLongerKept {
        id: RecordId::clone(&in_month(number, 0).id()),
        kept_from: at(5_097_600_000),
    };
    let reasons: Vec<_> = receipt.refused.iter().map(|refusal| refusal.reason).collect();
    assert_eq!(reasons, [refused(3), refused(500)]);
    assert_eq!(
        reasons[0].to_string(),
        format!(
            "`{}` ended before 1970-03-01T00:00:00Z, and this farm keeps no earlier records; leave it out",
            in_month(3, 0).id()
        )
    );
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.record_count(farm(1)), Ok(expected.len() as u64 + 1));
    assert_eq!(verify_after(store, &dir), []);
}

fn verify_after(store: Store, dir: &tempfile::TempDir) -> Vec<farmtally_store::Finding> {
    drop(store);
    verify(dir.path()).unwrap().findings
}
