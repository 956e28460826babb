//! Programs of several formats over one catalogue, with steps that were made up.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{OURS, SharedFormat, Step};
use crate::database::{Database, params};
use crate::error::{OpenError, StoreError};
use crate::shared;

#[expect(dead_code, reason = "other tests let it crash")]
#[path = "../../tests/store/cluster.rs"]
mod cluster;

use cluster::Cluster;

const TABLE: Step = Step { sql: "CREATE TABLE later (word TEXT)", oldest: 6 };
const COLUMN: Step = Step { sql: "ALTER TABLE later ADD COLUMN number BIGINT", oldest: 8 };

/// Programs from before work on beside its step.
const LATER: SharedFormat = SharedFormat(&[TABLE]);

/// And here they do not.
const MUCH_LATER: SharedFormat = SharedFormat(&[TABLE, COLUMN]);

fn store_word(database: &Database, word: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2)";
    let stored = database.write(|transaction| transaction.execute(sql, params![word, [1_u8; 16]]));
    stored.map(|_| ())
}

fn words(cluster: &Cluster, name: &str) -> Vec<String> {
    cluster.sql(name, "SELECT name FROM settings ORDER BY name")
}

fn versions(cluster: &Cluster, name: &str) -> Vec<String> {
    cluster.sql(name, "SELECT version, oldest FROM catalogue_format")
}

fn beat(database: &Database, format: SharedFormat) -> Result<(), StoreError> {
    let node = database.node().unwrap();
    database.pulse(|connection| shared::beat(connection, node, format.version()))
}

fn depart(database: &Database) {
    let node = database.node().unwrap();
    database.pulse(|connection| shared::depart(connection, node)).unwrap();
}

#[test]
fn a_step_is_made_beside_older_servers_if_they_need_not_know_of_it_and_otherwise_after_them() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("steps");
    let old = Database::connect(&url, OURS).unwrap();
    beat(&old, OURS).unwrap();
    let later = Database::connect(&url, LATER).unwrap();
    beat(&later, LATER).unwrap();
    assert_eq!(versions(&cluster, "steps"), ["7|6"]);
    store_word(&old, "by the old one").unwrap();
    store_word(&later, "by the later one").unwrap();
    let another_old = Database::connect(&url, OURS).unwrap();
    store_word(&another_old, "by one more").unwrap();
    assert_eq!(versions(&cluster, "steps"), ["7|6"], "an older program takes nothing back");

    let error = Database::connect(&url, MUCH_LATER).unwrap_err();
    assert!(matches!(error, OpenError::OlderServers { servers: 2, version: 8 }), "{error}");
    assert!(error.to_string().starts_with("2 servers of an older farmtally still run"), "{error}");
    store_word(&old, "as before").unwrap();
    depart(&old);
    depart(&later);
    let much_later = Database::connect(&url, MUCH_LATER).unwrap();
    assert_eq!(versions(&cluster, "steps"), ["8|8"]);
    store_word(&much_later, "by the newest one").unwrap();

    let stored = words(&cluster, "steps");
    for (database, known) in [(&old, 6), (&later, 7)] {
        let outdated = StoreError::Outdated { oldest: 8, known };
        assert_eq!(database.outdated(), None);
        assert_eq!(store_word(database, "too late").unwrap_err(), outdated);
        assert_eq!(database.outdated(), Some(outdated.clone()));
        assert_eq!(database.read(|connection| connection.count("SELECT 1", &[])).unwrap_err(), outdated);
        assert_eq!(beat(database, OURS).unwrap_err(), outdated);
    }
    let unseen = another_old.read_long(|connection| connection.count("SELECT 1", &[])).unwrap_err();
    assert_eq!(unseen, StoreError::Outdated { oldest: 8, known: 6 });
    assert_eq!(words(&cluster, "steps"), stored);
    assert_eq!(cluster.sql("steps", "SELECT count(*) FROM nodes"), ["0"]);
    let error = Database::connect(&url, OURS).unwrap_err();
    assert!(matches!(error, OpenError::NewerFormat { found: 8, known: 6 }), "{error}");
}

/// A server that was given up may be in the middle of a change when it wakes up.
#[test]
fn a_change_that_was_begun_before_a_step_is_committed_before_it() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("waits");
    let old = Database::connect(&url, LATER).unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (goes_on, go_on) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            old.write(move |transaction| {
                begun.send(()).unwrap();
                go_on.recv().unwrap();
                transaction.execute("INSERT INTO later (word) VALUES ('in time')", &[])
            })
        });
        has_begun.recv().unwrap();
        let lifting = scope.spawn(|| Database::connect(&url, MUCH_LATER).map(drop));
        until(|| cluster.sql("waits", "SELECT count(*) FROM pg_locks WHERE NOT granted") == ["1"]);
        assert_eq!(versions(&cluster, "waits"), ["7|6"]);
        goes_on.send(()).unwrap();
        assert_eq!(changing.join().unwrap().unwrap().into_inner(), 1);
        lifting.join().unwrap().unwrap();
    });
    assert_eq!(cluster.sql("waits", "SELECT word FROM later WHERE number IS NULL"), ["in time"]);
    assert_eq!(store_word(&old, "late").unwrap_err(), StoreError::Outdated { oldest: 8, known: 7 });
}

fn until(mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(8);
    while !is_so() {
        assert!(Instant::now() < give_up, "it never came to pass");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn of_servers_that_start_at_once_one_makes_each_step() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("at_once");
    for (format, expected) in [(OURS, "6|6"), (LATER, "7|6"), (MUCH_LATER, "8|8")] {
        thread::scope(|scope| {
            // Until each of them has looked at the catalogue and found that there is something to do.
            scope.spawn(|| {
                cluster.sql("at_once", "SELECT pg_advisory_lock(5788176932); SELECT pg_sleep(0.3)");
            });
            until(|| {
                cluster.sql("at_once", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == ["1"]
            });
            let starts: Vec<_> =
                (0..6).map(|_| scope.spawn(|| Database::connect(&url, format).map(drop))).collect();
            for start in starts {
                start.join().unwrap().unwrap();
            }
        });
        assert_eq!(versions(&cluster, "at_once"), [expected]);
    }
}
