//! The folder: who may open it, and what is in it besides sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use farmtally_store::{Catalogue, OpenError, Store, published_endpoint};
use rusqlite::Connection;

use crate::sessions::{catalogue, open};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_server_is_refused_with_the_process_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let error = Store::open(dir.path()).unwrap_err();
    let expected =
        format!("cannot open `{}`: it is in use by process {}", dir.path().display(), std::process::id());
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error, OpenError::InUse { pid: Some(_), .. }));
    drop(first);
    Store::open(dir.path()).unwrap();
}

#[test]
fn a_new_folder_and_its_files_are_for_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data/farm");
    let store = open(&dir);
    store.publish_endpoint("http://127.0.0.1:4000").unwrap();
    assert_eq!(mode(&dir), 0o700);
    let names = [
        "lock",
        "master.key",
        "catalogue.sqlite",
        "catalogue.sqlite-wal",
        "catalogue.sqlite-shm",
        "endpoint",
    ];
    for name in names {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
}

#[test]
fn the_catalogue_opens_beside_a_running_server_and_sees_what_it_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let beside = Catalogue::open(dir.path()).unwrap();
    assert_eq!(beside.farms(None, 10).unwrap(), store.catalogue().farms(None, 10).unwrap());
    beside.put_setting("word", b"from beside").unwrap();
    assert_eq!(store.catalogue().setting("word").unwrap().unwrap(), b"from beside");
    assert_eq!(beside.master_key().expose_secret(), store.catalogue().master_key().expose_secret());
}

#[test]
fn programs_that_start_at_once_create_one_catalogue_with_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = std::thread::scope(|scope| {
        let open = || *Catalogue::open(dir.path()).unwrap().master_key().expose_secret();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_ne!(keys[0], [0; 32]);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let connection = catalogue(dir.path());
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.starts_with("store format 99 is newer than this program knows ("), "{sentence}");
    assert!(sentence.ends_with("); use a newer farmtally"), "{sentence}");
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalogue.sqlite");
    drop(Catalogue::open(dir.path()).unwrap());
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Catalogue::open(dir.path()), Err(OpenError::ForeignDatabase { .. })));
    fs::write(
        &path,
        "not a database, but long enough to be taken for one if nobody looks at its first bytes",
    )
    .unwrap();
    assert!(Catalogue::open(dir.path()).is_err());
}

#[test]
fn a_lost_key_is_not_replaced_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(Catalogue::open(dir.path()).unwrap());
    fs::remove_file(dir.path().join("master.key")).unwrap();
    assert!(matches!(Catalogue::open(dir.path()), Err(OpenError::MissingKey { .. })));
}

#[test]
fn the_endpoint_is_there_while_a_server_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(published_endpoint(dir.path()), None);
    store.publish_endpoint("http://127.0.0.1:4000").unwrap();
    store.publish_endpoint("http://127.0.0.1:4001").unwrap();
    assert_eq!(published_endpoint(dir.path()).unwrap(), "http://127.0.0.1:4001");
    store.withdraw_endpoint().unwrap();
    store.withdraw_endpoint().unwrap();
    assert_eq!(published_endpoint(dir.path()), None);
    // One that crashed leaves its endpoint behind, until the next one starts.
    store.publish_endpoint("http://127.0.0.1:4000").unwrap();
    drop(store);
    drop(open(dir.path()));
    assert_eq!(published_endpoint(dir.path()), None);
}
