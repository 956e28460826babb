//! What was acknowledged survives the death of the process that acknowledged it.

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
