//! What was acknowledged survives the death of the process that acknowledged it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::door::{Place, number, sessions};

const BATCH: u64 = 20;

#[test]
fn a_server_that_is_killed_during_an_import_keeps_every_acknowledged_batch() {
    for batches_before_the_kill in [1, 4] {
        let place = Place::new();
        let mut server = place.serve("");
        place.write("a.jsonl", &sessions(1, 4_000));
        let import = format!("import --data-dir data --farm oslo --batch {BATCH} a.jsonl");
        let importer = place.command(&import).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..batches_before_the_kill {
            server.wait_for_stderr("status=200");
        }
        server.kill();
        let output = importer.wait_with_output().unwrap();
        let summary = String::from_utf8(output.stdout).unwrap();
        let acknowledged = number(&summary, "stored");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(acknowledged < 4_000, "the import was over before the kill");

        let again = place.done(&import);
        let kept = number(&again, "unchanged");
        // The batch that was on its way may have been committed without anybody hearing of it.
        assert!(kept == acknowledged || kept == acknowledged + BATCH, "{kept} of {acknowledged}");
        assert!(kept >= (batches_before_the_kill - 1) * BATCH, "{kept}");
        assert_eq!(kept + number(&again, "stored"), 4_000);
    }
}

#[test]
fn an_interrupted_import_leaves_whole_batches() {
    let place = Place::new();
    let mut command = place.command("import --data-dir data --farm oslo --format jsonl --batch 10 -");
    let mut importer = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = importer.stdin.take().unwrap();
    // Whoever hears of the bad line knows that the batch before it was read; it may be on its way to the disk.
    writeln!(input, "{}bad", sessions(1, 15)).unwrap();
    let mut stderr = BufReader::new(importer.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(stderr.any(|line| line.contains("line 16")));
    kill_process(Pid::from_child(&importer), Signal::INT).unwrap();
    assert!(!importer.wait().unwrap().success());

    place.write("a.jsonl", &sessions(1, 25));
    let again = place.done("import --data-dir data --farm oslo a.jsonl");
    let kept = number(&again, "unchanged");
    assert!([0, 10].contains(&kept), "{kept} is no whole batch");
    assert_eq!(kept + number(&again, "stored"), 25);
}

#[test]
fn a_server_that_is_stopped_leaves_no_log_beside_the_catalogue_nor_does_a_command() {
    let place = Place::new();
    let has_log = || place.path("data/catalogue.sqlite-wal").exists();
    place.write("cheap.toml", CHEAP);
    let import = |first| {
        place.write("a.jsonl", &sessions(first, 10));
        place.done("import --data-dir data --farm oslo a.jsonl");
    };
    for (first, signal) in [(1, Signal::TERM), (11, Signal::TERM), (21, Signal::KILL), (31, Signal::TERM)] {
        let server = place.serve("");
        import(first);
        server.stop(signal);
        assert_eq!(has_log(), signal == Signal::KILL, "{signal:?}");
    }
    let server = place.serve("");
    import(41);
    server.kill();
    assert!(has_log());
    place.done("rates set --data-dir data --farm oslo cheap.toml");
    assert!(!has_log());
}

const CHEAP: &str = "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.6\"\n";
const DEAR: &str = "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.9\"\n";
/// What a session of a minute costs by each.
const COSTS: [&str; 2] = ["0.01", "0.015"];
const PRICED: usize = 6_000;

/// A farm whose sessions the cheap card priced, and which has the dear one since.
fn priced_farm() -> Place {
    let place = Place::new();
    place.write("cheap.toml", CHEAP);
    place.write("dear.toml", DEAR);
    let unpriced = sessions(1, u32::try_from(PRICED).unwrap()).replace(",\"costInUsd\":\"0.01\"", "");
    place.write("a.jsonl", &unpriced);
    place.done("import --data-dir data --farm oslo --rates cheap.toml a.jsonl");
    place.done("rates set --data-dir data --farm oslo dear.toml");
    place
}

/// How many sessions have the cost of each card. Every one has one of the two.
fn by_cost(place: &Place) -> [usize; 2] {
    place.done("export sessions --data-dir data --farm oslo --from 2025-11 --to 2025-11 --output out");
    let text = place.read("out/month=2025-11/sessions.csv");
    let mut rows = text.lines();
    let cost = rows.next().unwrap().split(',').position(|name| name == "costInUsd").unwrap();
    let costs: Vec<&str> = rows.map(|row| row.split(',').nth(cost).unwrap()).collect();
    let counts = COSTS.map(|cost| costs.iter().filter(|found| **found == cost).count());
    assert_eq!((costs.len(), counts.iter().sum::<usize>()), (PRICED, PRICED), "some have neither price");
    counts
}

const REPRICE: &str = "rates reprice --data-dir data --farm oslo --from 2025-01-01 --yes";

/// Whatever it was that died, the same command finishes the work, and there is nothing to do after that.
fn finish(place: &Place) {
    place.done(REPRICE);
    assert_eq!(by_cost(place), [0, PRICED]);
    let again = place.run(REPRICE);
    assert!(again.stderr.contains("there is nothing to change"), "{again}");
    assert_eq!(number(&place.done("import --data-dir data --farm oslo a.jsonl"), "unchanged"), PRICED as u64);
}

#[test]
fn a_repricing_whose_server_is_killed_leaves_each_session_with_one_of_the_two_prices() {
    let place = priced_farm();
    let mut server = place.serve("");
    let mut reprice = place.command(REPRICE);
    let reprice = reprice.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    server.wait_for_stderr("status=200");
    server.wait_for_stderr("status=200");
    server.kill();
    let ended = reprice.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    let [old, new] = by_cost(&place);
    assert!(old > 0 && new >= 1_000, "it was killed on its way: {old} and {new}");
    assert_eq!(new % 1_000, 0, "a commit is whole");
    finish(&place);
}

#[test]
fn a_repricing_that_is_killed_leaves_each_session_with_one_of_the_two_prices() {
    let place = priced_farm();
    let mut server = place.serve("");
    let mut reprice = place.command(REPRICE);
    let mut reprice = reprice.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.wait_for_stderr("status=200");
    reprice.kill().unwrap();
    reprice.wait().unwrap();
    server.stop(Signal::TERM);
    let [_, new] = by_cost(&place);
    assert!(new >= 1_000 && new % 1_000 == 0, "a commit is whole: {new}");
    finish(&place);
}

#[test]
fn a_repricing_of_a_folder_that_is_killed_at_any_time_is_finished_by_the_next() {
    // Killed after so many commits that the catalogue tells of, beside which nobody else has the folder.
    for commits in [1, 3] {
        let place = priced_farm();
        let mut reprice = place.command(REPRICE);
        let mut reprice = reprice.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wal = place.path("data/catalogue.sqlite-wal");
        let grown = |base: u64| fs::metadata(&wal).map_or(0, |metadata| metadata.len()) > base;
        for _ in 0..commits {
            let base = fs::metadata(&wal).map_or(0, |metadata| metadata.len());
            while !grown(base) && reprice.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
        }
        reprice.kill().unwrap();
        reprice.wait().unwrap();
        by_cost(&place);
        finish(&place);
    }
}
