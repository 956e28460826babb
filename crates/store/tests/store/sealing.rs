//! Sealed records: in Parquet files that nothing changes in silence, and still the same records.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use farmtally_store::{Store, StoreError};

use crate::sessions::{self, Facts, NOW, at, ended, farm, open, sorted_rows, stored_rows, submissions};

/// Milliseconds of a month, about.
const MONTH_MS: i64 = 31 * 24 * 3_600_000;

pub(crate) fn files_below(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn append(store: &Store, facts: &[Facts]) -> farmtally_store::BatchReceipt {
    store.append(farm(1), &submissions(facts), at(NOW)).unwrap().into_inner()
}

/// A folder at rest whose forty records are all sealed, and the records.
fn sealed_folder() -> (tempfile::TempDir, Vec<Facts>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let facts: Vec<Facts> = (0..40).map(ended).collect();
    append(&store, &facts);
    store.seal(farm(1)).unwrap();
    (dir, facts)
}

pub(crate) fn in_month(number: u32, month: i64) -> Facts {
    Facts { start: 1000 + month * MONTH_MS, end: Some(2000 + month * MONTH_MS), ..ended(number) }
}

#[test]
fn a_segment_holds_the_records_that_ended_in_one_month() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let facts: Vec<Facts> = (0..30).map(|number| in_month(number, i64::from(number % 3))).collect();
    append(&store, &facts);
    store.seal(farm(1)).unwrap();
    let names: Vec<String> = files_below(dir.path(), "parquet")
        .iter()
        .map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned())
        .collect();
    let named =
        |number: u32, month: &str| format!("sessions/farm={}/month={month}/{number:010}.parquet", farm(1));
    assert_eq!(names, [named(1, "1970-01"), named(2, "1970-02"), named(3, "1970-03")]);
    assert_eq!(stored_rows(&store), sorted_rows(facts));
}

#[test]
fn a_batch_that_goes_straight_is_in_segments_at_once_and_in_no_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let facts: Vec<Facts> = (0..30).map(|number| in_month(number, i64::from(number % 3))).collect();
    let running = Facts { end: None, ..ended(30) };
    let mut sent = facts.clone();
    sent.extend([running, facts[0]]);
    let receipt = store.append_straight(farm(1), submissions(&sent), at(NOW)).unwrap().into_inner();
    assert_eq!((receipt.stored, receipt.unchanged, receipt.refused), (31, 1, vec![]));
    let all = || sorted_rows(facts.iter().copied().chain([running]));
    assert_eq!(stored_rows(&store), all());
    assert_eq!(files_below(dir.path(), "parquet").len(), 3);
    drop(store);
    let verified = farmtally_store::verify(dir.path()).unwrap();
    let figures = &verified.farms[0];
    assert_eq!((verified.findings.len(), figures.segments, figures.batches), (0, 3, 1));
    let store = open(dir.path());
    assert_eq!(stored_rows(&store), all());
    let again = store.append_straight(farm(1), submissions(&sent), at(NOW)).unwrap().into_inner();
    assert_eq!((again.stored, again.unchanged), (0, 32));
    assert_eq!(files_below(dir.path(), "parquet").len(), 3);
}

#[test]
fn many_small_seals_become_one_segment_of_a_month() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..9 {
        append(&store, &[ended(number)]);
        store.seal(farm(1)).unwrap();
    }
    assert!(files_below(dir.path(), "parquet").len() <= 4);
    assert_eq!(stored_rows(&store), sorted_rows((0..9).map(ended)));
    drop(store);
    let store = open(dir.path());
    assert_eq!(append(&store, &(0..9).map(ended).collect::<Vec<_>>()).unchanged, 9);
}

#[test]
fn a_corrected_or_deleted_record_leaves_the_parquet_files_with_the_next_seal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &[ended(1), ended(2), ended(3)]);
    store.seal(farm(1)).unwrap();
    let before = files_below(dir.path(), "parquet");
    append(&store, &[Facts { cost: 50, revision: 1, ..ended(1) }]);
    store.delete(farm(1), ended(2).id(), at(NOW)).unwrap().into_inner();
    assert_eq!(files_below(dir.path(), "parquet"), before, "until then they are masked");
    store.seal(farm(1)).unwrap();
    let after = files_below(dir.path(), "parquet");
    assert!(!after.contains(&before[0]), "{after:?}");
    let expected = sorted_rows([Facts { cost: 50, ..ended(1) }, ended(3)]);
    assert_eq!(stored_rows(&store), expected);
    drop(store);
    assert_eq!(stored_rows(&open(dir.path())), expected);
}

#[test]
fn what_a_crash_left_behind_is_removed_and_what_is_named_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, &[ended(1)]);
    store.seal(farm(1)).unwrap();
    drop(store);
    let segment = files_below(dir.path(), "parquet").remove(0);
    let orphan = segment.with_file_name("0000000099.parquet");
    fs::copy(&segment, &orphan).unwrap();
    fs::write(segment.with_extension("new"), b"half of a file").unwrap();
    let store = open(dir.path());
    assert_eq!(stored_rows(&store), sorted_rows([ended(1)]));
    assert!(segment.exists() && !orphan.exists() && !segment.with_extension("new").exists());
}

/// What is said of farm 1 after a change to its only segment.
fn said_after(dir: &Path, change: impl FnOnce(&Path)) -> StoreError {
    let segment = files_below(dir, "parquet").remove(0);
    let whole = fs::read(&segment).unwrap();
    change(&segment);
    // So that the segment has to be read.
    drop(fs::remove_dir_all(dir.join("derived")));
    let store = Store::open(dir).unwrap();
    let error = store.snapshot(farm(1)).unwrap_err();
    let refused = store.append(farm(1), &submissions(&[ended(99)]), at(NOW)).unwrap_err();
    assert_eq!(refused, error, "identities of a damaged farm are not to be trusted");
    drop(store);
    fs::write(&segment, whole).unwrap();
    error
}

#[test]
fn a_changed_cut_or_lost_segment_is_named() {
    let (dir, facts) = sealed_folder();
    let length = fs::metadata(&files_below(dir.path(), "parquet")[0]).unwrap().len();
    let name = format!("`sessions/farm={}/month=1970-01/0000000001.parquet` is damaged: ", farm(1));
    let says = |error: StoreError, reason: &str| {
        assert_eq!(error.to_string(), format!("{name}{reason}; restore the folder from a backup"));
    };
    for index in (0..length).step_by(97) {
        let error = said_after(dir.path(), |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[usize::try_from(index).unwrap()] ^= 1 << (index % 8);
            fs::write(path, bytes).unwrap();
        });
        says(error, "its checksum does not match");
    }
    says(
        said_after(dir.path(), |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        }),
        "its length is not that of the manifest",
    );
    says(said_after(dir.path(), |path| fs::remove_file(path).unwrap()), "it is missing");
    assert_eq!(stored_rows(&open(dir.path())), sorted_rows(facts));
}

#[test]
fn a_lost_or_changed_row_of_the_manifest_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // So many that the segment of the one that is corrected is not written anew, should the store find time for that.
    append(&store, &(0..90).map(|number| in_month(number, i64::from(number % 3))).collect::<Vec<_>>());
    store.seal(farm(1)).unwrap();
    append(&store, &[Facts { cost: 50, revision: 1, ..in_month(1, 1) }]);
    drop(store);
    let catalogue = dir.path().join("catalogue.sqlite");
    let whole = fs::read(&catalogue).unwrap();
    for change in [
        "DELETE FROM segments WHERE segment = 2",
        "DELETE FROM segments",
        "DELETE FROM removals",
        "DELETE FROM carried",
        "DELETE FROM seals",
        "UPDATE removals SET row = row + 1",
        "UPDATE segments SET end_max = end_max + 1 WHERE segment = 1",
        "UPDATE segments SET removed_count = 0",
        "UPDATE seals SET sequence = 0",
        "UPDATE seals SET kept_from = 5",
        "UPDATE carried SET payload = x'00'",
    ] {
        sessions::catalogue(dir.path()).execute(change, []).unwrap();
        let error = Store::open(dir.path()).unwrap().snapshot(farm(1)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error}");
        fs::write(&catalogue, &whole).unwrap();
    }
    assert_eq!(open(dir.path()).record_count(farm(1)), Ok(90));
}

#[test]
fn keys_that_are_lost_or_damaged_are_made_anew() {
    let (dir, facts) = sealed_folder();
    let changes: [&dyn Fn(&Path); 3] = [
        &|path| fs::remove_file(path).unwrap(),
        &|path| fs::write(path, b"nothing of ours").unwrap(),
        &|path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[50] ^= 1;
            fs::write(path, bytes).unwrap();
        },
    ];
    for change in changes {
        change(&files_below(dir.path(), "keys")[0]);
        let store = open(dir.path());
        assert_eq!(append(&store, &facts).unchanged, 40);
    }
}

#[test]
fn a_changed_byte_of_a_key_file_never_doubles_a_record() {
    let (dir, facts) = sealed_folder();
    let path = files_below(dir.path(), "keys").remove(0);
    let whole = fs::read(&path).unwrap();
    for index in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[index] ^= 1 << (index % 8);
        fs::write(&path, bytes).unwrap();
        let store = open(dir.path());
        match store.append(farm(1), &submissions(&facts), at(NOW)) {
            Ok(receipt) => assert_eq!(receipt.get().unchanged, 40, "byte {index}"),
            Err(error) => {
                assert!(matches!(error, StoreError::DerivedDamaged { .. }), "byte {index}: {error}");
            }
        }
        drop(store);
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn blocks_and_dictionaries_that_are_lost_damaged_or_stale_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let volume = Facts { is_volume: true, ..in_month(90, 1) };
    let mut facts: Vec<Facts> = (0..40).map(|n| in_month(n, i64::from(n % 2))).chain([volume]).collect();
    append(&store, &facts);
    store.seal(farm(1)).unwrap();
    facts[3] = Facts { cost: 77, revision: 1, ..facts[3] };
    append(&store, &facts[3..4]);
    drop(store);
    let blocks = files_below(dir.path(), "blocks");
    let dictionaries = files_below(dir.path(), "values");
    assert_eq!((blocks.len(), dictionaries.len()), (2, 1));
    let changes: [&dyn Fn(); 5] = [
        &|| fs::remove_file(&blocks[0]).unwrap(),
        &|| fs::write(&blocks[1], b"dust").unwrap(),
        &|| assert!(fs::copy(&blocks[0], &blocks[1]).unwrap() > 0),
        &|| fs::remove_file(&dictionaries[0]).unwrap(),
        &|| fs::write(&dictionaries[0], vec![7; 500]).unwrap(),
    ];
    for (index, change) in changes.iter().enumerate() {
        change();
        assert_eq!(stored_rows(&open(dir.path())), sorted_rows(facts.iter().copied()), "change {index}");
    }
}

/// What the engine does before it reads a block.
fn check_blocks(store: &Store) -> Result<(), farmtally_columns::ImageError> {
    let snapshot = store.snapshot(farm(1)).unwrap();
    snapshot.blocks().iter().try_for_each(|view| {
        view.block().check_outline()?;
        view.block().check_columns()
    })
}

#[test]
fn a_changed_byte_of_a_block_or_dictionary_never_changes_a_session_in_silence() {
    let (dir, facts) = sealed_folder();
    for path in [files_below(dir.path(), "blocks"), files_below(dir.path(), "values")].concat() {
        let whole = fs::read(&path).unwrap();
        for index in (0..whole.len()).step_by(41) {
            let mut bytes = whole.clone();
            bytes[index] ^= 1 << (index % 8);
            fs::write(&path, bytes).unwrap();
            let store = open(dir.path());
            if check_blocks(&store).is_ok() {
                assert_eq!(stored_rows(&store), sorted_rows(facts.iter().copied()), "{path:?} byte {index}");
            }
            drop(store);
            fs::write(&path, &whole).unwrap();
        }
    }
}

/// One thread sends, corrects and deletes while another one seals without a pause.
#[test]
fn what_comes_in_while_sealing_is_neither_lost_nor_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut expected = BTreeMap::new();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, done) = (&store, &done);
        let sealing = scope.spawn(move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                store.seal(farm(1)).unwrap();
            }
        });
        for step in 0..60_u32 {
            let mut batch: Vec<Facts> =
                (step * 20..step * 20 + 20).map(|n| in_month(n, i64::from(n % 2))).collect();
            batch[0].end = None;
            if step > 2 {
                let (closed, corrected) = ((step - 1) * 20, (step - 2) * 20 + 5);
                batch.push(in_month(closed, i64::from(closed % 2)));
                batch.push(Facts { cost: 7, revision: 1, ..in_month(corrected, i64::from(corrected % 2)) });
            }
            if step % 3 == 1 {
                store.append_straight(farm(1), submissions(&batch), at(NOW)).unwrap().into_inner();
            } else {
                append(store, &batch);
            }
            expected.extend(batch.into_iter().map(|facts| (facts.id(), facts)));
            if step > 2 {
                let gone = in_month((step - 2) * 20 + 9, 0).id();
                assert!(store.delete(farm(1), gone, at(NOW)).unwrap().into_inner());
                expected.remove(&gone);
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        sealing.join().unwrap();
    });
    assert_eq!(stored_rows(&store), sorted_rows(expected.values().copied()));
    drop(store);
    let store = open(dir.path());
    assert_eq!(stored_rows(&store), sorted_rows(expected.values().copied()), "after it was opened again");
    let again: Vec<Facts> = expected.into_values().collect();
    assert_eq!(append(&store, &again).unchanged, again.len() as u64);
}
