//! A process that appends is killed at random moments. Nothing that it was told is stored may be lost, and nothing that
//! it did not send may appear.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use farmtally_store::Store;

use crate::sessions::{Facts, NOW, at, ended, farm, open, sorted_rows, stored_rows, submissions};

const FOLDER: &str = "FARMTALLY_KILL_FOLDER";
const FIRST_BATCH: &str = "FARMTALLY_KILL_FIRST_BATCH";
const KILLS: &str = "FARMTALLY_KILLS";
const BATCH_SESSIONS: u32 = 40;

/// Often enough that many processes die while they seal.
const BATCHES_OF_A_SEAL: u32 = 3;

/// Then a new one is begun: small folders are opened sooner, which leaves time for more kills.
const KILLS_OF_A_FOLDER: u64 = 10;

/// A batch is known by its number: sessions of its own, and one that the next batch replaces.
fn batch(number: u32) -> Vec<Facts> {
    let first = number * BATCH_SESSIONS;
    let shared = Facts { revision: number, cost: u64::from(number), ..ended(u32::MAX) };
    (first..first + BATCH_SESSIONS).map(ended).chain([shared]).collect()
}

/// Every other batch goes straight into segments, but for the session that it shares with the others.
fn send(store: &Store, number: u32) {
    let submissions = submissions(&batch(number));
    let receipt = if number.is_multiple_of(2) {
        store.append(farm(1), &submissions, at(NOW))
    } else {
        store.append_straight(farm(1), submissions, at(NOW))
    };
    receipt.unwrap().into_inner();
}

/// What is stored after so many batches.
fn rows_after(batches: u32) -> Vec<crate::sessions::Row> {
    let own = (0..batches).flat_map(|number| batch(number).into_iter().take(BATCH_SESSIONS as usize));
    let shared = batches.checked_sub(1).and_then(|last| batch(last).last().copied());
    sorted_rows(own.chain(shared))
}

/// Not a test of its own: the process that is killed. It says each batch before it sends it and after it was accepted,
/// a line in one piece, because half a number would be another number.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn appends_until_killed() {
    let Ok(dir) = env::var(FOLDER) else { return };
    let first: u32 = env::var(FIRST_BATCH).unwrap().parse().unwrap();
    let store = open(Path::new(&dir));
    let say = |line: String| std::io::stderr().write_all(line.as_bytes()).unwrap();
    for number in first.. {
        say(format!("sending {number}\n"));
        send(&store, number);
        say(format!("accepted {number}\n"));
        if number % BATCHES_OF_A_SEAL == BATCHES_OF_A_SEAL - 1 {
            store.seal(farm(1)).unwrap();
        }
    }
}

fn start(dir: &Path, first_batch: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::appends_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, dir)
        .env(FIRST_BATCH, first_batch.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets the process say so many lines, then kills it. Returns how many batches were accepted and how many were sent.
fn kill_after(mut child: Child, lines_least: usize, spins: u64, first_batch: u32) -> (u32, u32) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (mut accepted, mut sent) = (first_batch, first_batch);
    let mut note = |line: String| match line.split_once(' ') {
        Some(("sending", number)) => sent = number.parse::<u32>().unwrap() + 1,
        Some(("accepted", number)) => accepted = number.parse::<u32>().unwrap() + 1,
        _ => {}
    };
    lines.by_ref().take(lines_least).for_each(&mut note);
    (0..spins).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    // What it said before it died counts as well.
    lines.for_each(&mut note);
    child.wait().unwrap();
    (accepted, sent)
}

#[test]
fn what_was_accepted_survives_sigkill_at_any_moment() {
    let kills: u64 = env::var(KILLS).map_or(30, |kills| kills.parse().unwrap());
    let mut random: u64 = env::var("FARMTALLY_SEED").map_or(0x5EED, |seed| seed.parse().unwrap());
    println!("FARMTALLY_SEED={random}");
    let (mut dir, mut stored) = (tempfile::tempdir().unwrap(), 0);
    for kill in 0..kills {
        if kill % KILLS_OF_A_FOLDER == 0 {
            (dir, stored) = (tempfile::tempdir().unwrap(), 0);
            drop(open(dir.path()));
        }
        random = next_random(random);
        println!("kill {kill}");
        stored = kill_and_reopen(dir.path(), stored, random);
        assert!(stored > 0 || kill % KILLS_OF_A_FOLDER < 9, "no process lived long enough to send a batch");
    }
}

/// Starts a process behind so many stored batches, kills it, and checks what it leaves. Returns how many there are then.
fn kill_and_reopen(dir: &Path, stored: u32, random: u64) -> u32 {
    // Some die while they open the folder, before they say anything.
    let lines = (random >> 33) as usize % 60;
    let spins = if lines == 0 { random % 4_000_000 } else { random % 400_000 };
    let (accepted, sent) = kill_after(start(dir, stored), lines, spins, stored);

    let store = open(dir);
    let rows = stored_rows(&store);
    let batches = (accepted..=sent).find(|batches| rows == rows_after(*batches));
    assert!(batches.is_some(), "{} rows, accepted {accepted}, sent {sent}", rows.len());
    for number in accepted.saturating_sub(1)..sent {
        send(&store, number);
    }
    assert_eq!(stored_rows(&store), rows_after(sent), "after everything was sent again");
    sent
}

fn next_random(random: u64) -> u64 {
    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}
