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

/// Damages a log of several changes in many places. With something given up behind them, nothing of them is the end.
fn expect_damage_is_found(has_tail: bool) {
    const CHANGES: u32 = 12;
    let folder = Folder::new(b"", b"");
    let connection = folder.open();
    give_up(&connection, 60_000);
    finish_log(&connection);
    for number in 0..CHANGES {
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
    let is_tried = |at: &usize| {
        let in_frame = at.saturating_sub(HEADER_BYTES) % FRAME_BYTES;
        in_frame < FRAME_HEADER_BYTES || in_frame.is_multiple_of(1021)
    };
    let (mut lost, mut last, mut harmless) = (0, 0, 0);
    for at in (0..log.len()).filter(is_tried) {
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (at % 8);
        let found = found(&damaged);
        let is_right = found.is_some_and(|from| (from..from + FRAME_BYTES as u64).contains(&(at as u64)));
        match changes(&folder.copy(&damaged)) {
            Ok(CHANGES) => {
                assert!(found.is_none() || is_right, "byte {at}, of nothing that counts: {found:?}");
                harmless += u32::from(found.is_none());
            }
            Ok(left) if left + 1 == CHANGES && !has_tail => {
                assert!(found.is_none() || is_right, "byte {at}, of the last change: {found:?}");
                last += 1;
            }
            left => {
                assert!(is_right, "byte {at} leaves {left:?} of {CHANGES} changes: {found:?}");
                lost += 1;
            }
        }
    }
    assert!(
        lost > 1000 && (last > 200) != has_tail && (harmless > 200) == has_tail,
        "{lost} {last} {harmless}"
    );
}

#[test]
fn a_flipped_bit_is_found_unless_it_is_in_the_last_change() {
    expect_damage_is_found(false);
}

#[test]
fn a_flipped_bit_in_the_last_change_is_found_when_something_stands_behind() {
    expect_damage_is_found(true);
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

#[test]
fn half_a_header_of_a_new_log_before_half_of_an_old_one_shows_no_end_of_a_change() {
    // Where the checksum of this page begins, a sector does.
    const FRAME: usize = 62;
    let folder = Folder::new(b"", b"");
    let connection = folder.open();
    for _ in 0..FRAME + 10 {
        change(&connection, 1);
    }
    let before = folder.log_bytes();
    finish_log(&connection);
    change(&connection, 500_000);
    let now = folder.log_bytes();
    let at = HEADER_BYTES + FRAME * FRAME_BYTES;
    assert!((at + 16).is_multiple_of(512) && now.len() > at + 3 * FRAME_BYTES);
    let ends_change = |log: &[u8]| log[at + 4..at + 8] != [0; 4];
    let has: Vec<bool> = (0..now.len().div_ceil(512)).map(|sector| sector != at / 512).collect();
    let left = cut(&before, &now, &has, 512);
    assert!(ends_change(&before) && !ends_change(&now) && ends_change(&left));
    assert_eq!(found(&left), None);
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
                    for written in 0..HEADER_BYTES.min(before.len()) {
                        let torn = [&now[..written], &before[written..]].concat();
                        prop_assert_eq!(found(&torn), None, "{} bytes of the header", written);
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
