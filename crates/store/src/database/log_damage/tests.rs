use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::database::sqlite::{connect, log_path};

/// A folder with a database and its log, as it is while a process has it open or after that was killed.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new(database: &[u8], log: &[u8]) -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(folder.database(), database).unwrap();
        fs::write(folder.log(), log).unwrap();
        folder
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("database")
    }

    fn log(&self) -> PathBuf {
        log_path(&self.database())
    }

    fn log_bytes(&self) -> Vec<u8> {
        fs::read(self.log()).unwrap()
    }

    fn open(&self) -> Connection {
        let connection = connect(&self.database()).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        // So few that pages are written before the change ends.
        connection.pragma_update(None, "cache_size", 3).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY, bytes BLOB) STRICT",
            )
            .unwrap();
        connection
    }

    /// The folder as a killed process leaves it, with another log.
    fn copy(&self, log: &[u8]) -> Self {
        Self::new(&fs::read(self.database()).unwrap(), log)
    }
}

fn change(connection: &Connection, bytes: u32) {
    connection.execute("INSERT INTO changes (bytes) VALUES (randomblob(?1))", [bytes]).unwrap();
}

/// A change of which some pages are written, and that is given up.
fn give_up(connection: &Connection, bytes: u32) {
    connection.execute_batch("BEGIN").unwrap();
    change(connection, bytes);
    change(connection, bytes);
    connection.execute_batch("ROLLBACK").unwrap();
}

/// Lets the next change begin the log anew.
fn finish_log(connection: &Connection) {
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
}

fn found(log: &[u8]) -> Option<u64> {
    find_in(&mut &log[..]).unwrap()
}

/// How many changes SQLite finds.
fn changes(folder: &Folder) -> rusqlite::Result<u32> {
    connect(&folder.database()).unwrap().query_row("SELECT count(*) FROM changes", [], |row| row.get(0))
}

/// A log of several changes, after one that was given up, in the middle of them and behind them.
fn with_changes(count: u32, has_tail: bool) -> (Folder, Vec<u8>) {
    let folder = Folder::new(b"", b"");
    let connection = folder.open();
    give_up(&connection, 60_000);
    finish_log(&connection);
    for number in 0..count {
        change(&connection, [10, 9_000, 30_000][number as usize % 3]);
        if number == 6 {
            give_up(&connection, 30_000);
        }
    }
    if has_tail {
        give_up(&connection, 30_000);
    }
    let log = folder.log_bytes();
    assert_eq!(found(&log), None);
    (folder, log)
}

/// Damages a log in many places. SQLite says what that takes away; `unseen` changes at the end may go without a word.
fn expect_damage_is_found(has_tail: bool, unseen: u32) {
    const CHANGES: u32 = 12;
    let (folder, log) = with_changes(CHANGES, has_tail);
    let bits = |at: usize| {
        let in_frame = at.saturating_sub(HEADER_BYTES) % FRAME_BYTES;
        let is_mark = at >= HEADER_BYTES && (4..8).contains(&in_frame);
        let is_tried = in_frame < FRAME_HEADER_BYTES || in_frame.is_multiple_of(1021);
        (0..8).filter(move |bit| is_tried && (is_mark || at % 8 == *bit))
    };
    let (mut lost, mut harmless) = (0, 0);
    for (at, bit) in (0..log.len()).flat_map(|at| bits(at).map(move |bit| (at, bit))) {
        // Of the number of the log it cannot be told whether it was being written.
        if (NUMBER_AT..SALTS_AT).contains(&at) {
            continue;
        }
        let mut damaged = log.clone();
        damaged[at] ^= 1 << bit;
        let found = found(&damaged);
        let is_right = found.is_some_and(|from| (from..from + FRAME_BYTES as u64).contains(&(at as u64)));
        assert!(is_right || found.is_none(), "byte {at}: {found:?}");
        match changes(&folder.copy(&damaged)) {
            Ok(CHANGES) => harmless += u32::from(found.is_none()),
            Ok(left) if left + unseen >= CHANGES => {}
            left => {
                assert!(is_right, "byte {at} leaves {left:?} of {CHANGES} changes");
                lost += 1;
            }
        }
    }
    assert!(lost > 1000 && (harmless > 200) == has_tail, "{lost} {harmless}");
}

#[test]
fn a_flipped_bit_is_found_unless_it_is_in_the_last_changes() {
    expect_damage_is_found(false, 2);
}

#[test]
fn a_flipped_bit_is_found_more_often_when_something_stands_behind_the_changes() {
    expect_damage_is_found(true, 1);
}

#[test]
fn a_sector_that_is_gone_is_found_unless_it_is_in_the_last_changes() {
    const CHANGES: u32 = 12;
    let (folder, log) = with_changes(CHANGES, false);
    for (bytes, filling) in [(512, 0), (4096, 0), (512, 0xa5), (4096, 0xa5)] {
        for at in (0..log.len()).step_by(bytes) {
            let mut damaged = log.clone();
            damaged[at..log.len().min(at + bytes)].fill(filling);
            match changes(&folder.copy(&damaged)) {
                Ok(left) if left + 3 >= CHANGES => {}
                left => assert!(found(&damaged).is_some(), "{bytes} bytes from {at} leave {left:?} changes"),
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Change(u32),
    GiveUp(u32),
    FinishLog,
    Kill,
    /// Which sectors of the last change the disk has, of how many bytes.
    PowerCut(Vec<bool>, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop_oneof![Just(10_u32), 3_000_u32..60_000];
    let sectors = (prop::collection::vec(any::<bool>(), 97), prop_oneof![Just(512_usize), Just(4096)]);
    prop_oneof![
        5 => bytes().prop_map(Step::Change),
        1 => bytes().prop_map(Step::GiveUp),
        1 => Just(Step::FinishLog),
        1 => Just(Step::Kill),
        3 => sectors.prop_map(|(has, bytes)| Step::PowerCut(has, bytes)),
    ]
}

/// A log as a power cut may leave it while `now` was written over `before`; the header was synced first.
fn cut(before: &[u8], now: &[u8], has: &[bool], sector_bytes: usize) -> Vec<u8> {
    let mut left = now.to_vec();
    for (number, sector) in left.chunks_mut(sector_bytes).enumerate() {
        if has[number % has.len()] {
            continue;
        }
        for (at, byte) in sector.iter_mut().enumerate() {
            *byte = before.get(number * sector_bytes + at).copied().unwrap_or(0);
        }
    }
    left[..HEADER_BYTES].copy_from_slice(&now[..HEADER_BYTES]);
    left
}

/// How `now` looks if the process was killed after each byte that it wrote into headers over `before`.
fn torn_headers<'a>(before: &'a [u8], now: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let is_header =
        |at: &usize| *at < HEADER_BYTES || (*at - HEADER_BYTES) % FRAME_BYTES < FRAME_HEADER_BYTES;
    let written = move |at: &usize| before.get(*at) != now.get(*at);
    (0..now.len()).filter(is_header).filter(written).map(|at| {
        let rest = before.get(at..).unwrap_or_default();
        [&now[..at], rest].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_kills_and_power_cuts_leave_is_never_taken_for_damage(steps in prop::collection::vec(step(), 1..40)) {
        let mut folder = Folder::new(b"", b"");
        let mut connection = folder.open();
        let mut before = Vec::new();
        for step in steps {
            let left = match &step {
                Step::Change(bytes) => {
                    before = folder.log_bytes();
                    change(&connection, *bytes);
                    let now = folder.log_bytes();
                    for torn in torn_headers(&before, &now) {
                        prop_assert_eq!(found(&torn), None);
                    }
                    now
                }
                Step::GiveUp(bytes) => {
                    before = folder.log_bytes();
                    give_up(&connection, *bytes);
                    folder.log_bytes()
                }
                Step::FinishLog => {
                    finish_log(&connection);
                    // Nothing of it was being written.
                    before = folder.log_bytes();
                    before.clone()
                }
                Step::Kill => folder.log_bytes(),
                Step::PowerCut(has, sector_bytes) => cut(&before, &folder.log_bytes(), has, *sector_bytes),
            };
            prop_assert_eq!(found(&left), None, "after {:?}", step);
            if matches!(step, Step::Kill | Step::PowerCut(..)) {
                folder = folder.copy(&left);
                connection = folder.open();
                before = folder.log_bytes();
            }
        }
    }
}
