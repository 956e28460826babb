//! Bytes that are not those that were written are found out and named. They never change an answer in silence.

use std::fs;
use std::path::Path;

use farmtally_store::{Farm, Store, StoreError};
use rusqlite::{Connection, params};

use crate::sessions::{
    NOW, at, catalogue, create_farm, ended, farm, open, sorted_rows, stored_rows, submissions,
};

const BATCHES: u32 = 6;

/// A folder with six batches of farm 1 and one of farm 2.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..BATCHES {
        let batch: Vec<_> = (number * 10..number * 10 + 10).map(ended).collect();
        store.append(farm(1), &submissions(&batch), at(NOW)).unwrap().into_inner();
    }
    create_farm(&store, farm(2));
    store.append(farm(2), &submissions(&[ended(1)]), at(NOW)).unwrap().into_inner();
    dir
}

/// Changes the catalogue behind the store's back, and returns what is said about farm 1 then.
fn damage_after(change: impl FnOnce(&Connection)) -> String {
    let dir = folder();
    let connection = catalogue(dir.path());
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    change(&connection);
    drop(connection);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.record_count(farm(2)), Ok(1), "the other farm goes on");
    let error = store.snapshot(farm(1)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let refused = store.append(farm(1), &submissions(&[ended(99)]), at(NOW)).unwrap_err();
    assert_eq!(refused, error, "identities of a damaged farm are not to be trusted");
    error.to_string()
}

fn batch_4(reason: &str) -> String {
    format!("batch 4 of `{}` is damaged: {reason}; restore the folder from a backup", farm(1))
}

#[test]
fn a_changed_byte_anywhere_in_a_payload_is_damage() {
    let dir = folder();
    let path = dir.path().join("catalogue.sqlite");
    let sql = "SELECT payload FROM batches WHERE farm_id = ?1 AND sequence = 4";
    let payload: Vec<u8> =
        Connection::open(path).unwrap().query_row(sql, [farm(1).bytes()], |row| row.get(0)).unwrap();
    for index in (0..payload.len()).step_by(payload.len() / 20) {
        let sentence = damage_after(|connection| {
            let mut changed = payload.clone();
            changed[index] ^= 1 << (index % 8);
            let sql = "UPDATE batches SET payload = ?1 WHERE farm_id = ?2 AND sequence = 4";
            connection.execute(sql, params![changed, farm(1).bytes()]).unwrap();
        });
        assert_eq!(sentence, batch_4("its checksum does not match"), "byte {index}");
    }
}

#[test]
fn every_column_of_a_batch_is_covered() {
    for (column, value) in [("received_at", "7"), ("entry_count", "9"), ("previous", "zeroblob(16)")] {
        let sentence = damage_after(|connection| {
            let sql = format!("UPDATE batches SET {column} = {value} WHERE farm_id = ?1 AND sequence = 4");
            connection.execute(&sql, [farm(1).bytes()]).unwrap();
        });
        assert_eq!(sentence, batch_4("its checksum does not match"), "{column}");
    }
    let sentence = damage_after(|connection| {
        let sql = "UPDATE batches SET checksum = zeroblob(16) WHERE farm_id = ?1 AND sequence = 4";
        connection.execute(sql, [farm(1).bytes()]).unwrap();
    });
    assert_eq!(sentence, batch_4("it is not the batch that its successor follows"));
}

#[test]
fn a_lost_batch_is_named_wherever_it_was() {
    for sequence in 1..=i64::from(BATCHES) {
        let sentence = damage_after(|connection| {
            let sql = "DELETE FROM batches WHERE farm_id = ?1 AND sequence = ?2";
            connection.execute(sql, params![farm(1).bytes(), sequence]).unwrap();
        });
        assert!(sentence.starts_with(&format!("batch {sequence} of ")), "{sentence}");
        assert!(sentence.contains("it is missing"), "{sentence}");
    }
}

#[test]
fn batches_that_changed_places_or_farms_are_found_out() {
    damage_after(|connection| {
        let swap = "UPDATE batches SET sequence = CASE sequence WHEN 2 THEN -3 ELSE -2 END
                    WHERE farm_id = ?1 AND sequence IN (2, 3)";
        connection.execute(swap, [farm(1).bytes()]).unwrap();
        connection.execute("UPDATE batches SET sequence = -sequence WHERE sequence < 0", []).unwrap();
    });
    damage_after(|connection| {
        connection.execute("DELETE FROM batch_heads WHERE farm_id = ?1", [farm(1).bytes()]).unwrap();
    });
    damage_after(|connection| {
        let sql =
            "UPDATE batches SET payload = (SELECT payload FROM batches WHERE farm_id = ?2), entry_count = 1
                   WHERE farm_id = ?1 AND sequence = 4";
        connection.execute(sql, params![farm(1).bytes(), farm(2).bytes()]).unwrap();
    });
}

#[test]
fn an_older_copy_of_a_farm_without_its_head_is_found_out() {
    damage_after(|connection| {
        let sql = "DELETE FROM batches WHERE farm_id = ?1 AND sequence > 4";
        connection.execute(sql, [farm(1).bytes()]).unwrap();
    });
}

/// What is stored of a farm but records: each amount is multiplied by the factor that is in it.
type Registry = Option<(Farm, Vec<String>)>;

fn registry(store: &Store) -> Registry {
    let queues = store.catalogue().queues(farm(1), None, 100).ok()?;
    let farm = store.catalogue().farm(farm(1)).ok()??;
    Some((farm, queues.iter().map(|queue| queue.display_name.to_string()).collect()))
}

/// The folder with one byte of the catalogue changed: an error, or what was written.
fn check_changed_byte(folder: &Registry, catalogue: &[u8], key: &Path, index: usize, change: u8) {
    let dir = tempfile::tempdir().unwrap();
    let mut changed = catalogue.to_vec();
    changed[index] ^= change;
    fs::write(dir.path().join("catalogue.sqlite"), changed).unwrap();
    fs::copy(key, dir.path().join("master.key")).unwrap();
    let Ok(store) = Store::open(dir.path()) else { return };
    let registry = registry(&store);
    assert!(registry.is_none() || registry == *folder, "byte {index} changed by {change:#x} in silence");
    if store.snapshot(farm(1)).is_ok() {
        let expected = sorted_rows((0..BATCHES * 10).map(ended));
        assert_eq!(stored_rows(&store), expected, "byte {index} changed by {change:#x} in silence");
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_file_never_changes_the_sessions_in_silence() {
    let dir = folder();
    let registry = registry(&Store::open(dir.path()).unwrap());
    assert!(registry.is_some());
    let catalogue = fs::read(dir.path().join("catalogue.sqlite")).unwrap();
    let key = dir.path().join("master.key");
    let mut random: u64 = std::env::var("FARMTALLY_SEED").map_or(0x5EED, |seed| seed.parse().unwrap());
    println!("FARMTALLY_SEED={random}");
    let flips = std::env::var("FARMTALLY_FLIPS").map_or(400, |flips| flips.parse().unwrap());
    for _ in 0..flips {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = (random >> 20) as usize % catalogue.len();
        check_changed_byte(&registry, &catalogue, &key, index, 1 << (random >> 61));
    }
}
