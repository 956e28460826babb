//! `import` while a server has the folder.

use std::fs::File;

use insta::assert_snapshot;
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use crate::door::{Place, data, number, sessions};

#[test]
fn records_go_through_the_server_and_are_stored_as_if_it_were_not_there() {
    let place = Place::new();
    let server = place.serve("");
    let file = data("sessions.jsonl");
    let import = format!("import --data-dir data --farm oslo --rejects rejects {file}");
    let beside = place.run(&import);
    assert_snapshot!(beside.to_string().replace(&file, "[file]"), @"
    exit 0
    --- stdout
    read: 5
    stored: 5
    replaced: 0
    unchanged: 0
    rejected: 0
    skipped: 0
    unpriced lines: 2
      COMPUTE: 2
    reconciled: 5 read = 5 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped
    --- stderr
    Made the farm `oslo` with the id farm-d5e9816650cca3315bfa365febbe0f72.
    hint: the farm has no rate card, and usage lines that came without a cost count as free; before importing, set one by `farmtally rates set --data-dir data --farm oslo FILE` or pass `--rates FILE`; what is stored keeps its price until `farmtally rates reprice` prices it anew
    ");
    assert_eq!(server.stop(Signal::TERM).0, Some(0));
    let alone = place.done(&import);
    assert_eq!(number(&alone, "unchanged"), number(&beside.stdout, "stored"));
    assert_eq!(number(&alone, "stored"), 0);
}

#[test]
fn every_sample_is_stored_the_same_both_ways() {
    let place = Place::new();
    let imports =
        [("sessions.csv", "csv"), ("slurm.txt", "slurm"), ("test.swf", "swf")].map(|(file, format)| {
            format!("import --data-dir data --farm oslo --format {format} --rejects rejects {}", data(file))
        });
    let server = place.serve("");
    let stored = imports.each_ref().map(|import| number(&place.done(import), "stored"));
    server.stop(Signal::TERM);
    let unchanged = imports.each_ref().map(|import| number(&place.done(import), "unchanged"));
    assert_eq!(unchanged, stored);
    assert!(stored.iter().all(|count| *count > 0), "{stored:?}");
}

#[test]
fn a_refusal_by_the_server_names_the_line_of_the_file() {
    let place = Place::new();
    let _server = place.serve("");
    place.write("a.jsonl", &sessions(1, 5));
    place.done("import --data-dir data --farm oslo a.jsonl");
    place.write("b.jsonl", &format!("{}\n{}", sessions(6, 3), sessions(5, 1).replace("alice", "bob")));
    assert_snapshot!(place.run("import --data-dir data --farm oslo --batch 2 b.jsonl"), @"
    exit 0
    --- stdout
    read: 4
    stored: 3
    replaced: 0
    unchanged: 0
    rejected: 1
    skipped: 0
    unpriced lines: 0
    reconciled: 4 read = 3 stored + 0 replaced + 0 unchanged + 1 rejected + 0 skipped
    --- stderr
    warning: `b.jsonl` line 5, sessionId: `session-00000000000000000000000000000005` is stored with other content; send a higher revision than 0 to correct it
    warning: `b.jsonl.rejects.jsonl` names every rejected record
    hint: with `--strict` an import exits with 1 when a record was rejected
    ");
    assert_snapshot!(place.read("b.jsonl.rejects.jsonl"), @r#"{"file":"b.jsonl","line":5,"field":"sessionId","value":"session-00000000000000000000000000000005","message":"`session-00000000000000000000000000000005` is stored with other content; send a higher revision than 0 to correct it"}"#);
}

#[test]
fn many_records_go_in_several_requests() {
    let place = Place::new();
    let _server = place.serve("");
    place.write("a.jsonl", &sessions(1, 2_500));
    assert_eq!(number(&place.done("import --data-dir data --farm oslo a.jsonl"), "stored"), 2_500);
    let at_once = place.done("import --data-dir data --farm oslo --batch 100000 a.jsonl");
    assert_eq!(number(&at_once, "unchanged"), 2_500);
}

#[test]
fn the_servers_only_region_is_signed_for() {
    let place = Place::new();
    let _server = place.serve("--region eu-north-1");
    place.write("a.jsonl", &sessions(1, 1));
    assert_eq!(number(&place.done("import --data-dir data --farm oslo a.jsonl"), "stored"), 1);
}

#[test]
fn new_rates_price_what_comes_with_them() {
    let place = Place::new();
    let _server = place.serve("");
    place.write("a.jsonl", &sessions(1, 2).replace(r#","costInUsd":"0.01""#, ""));
    place.write("rates.toml", "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.6\"\n");
    let summary = place.done("import --data-dir data --farm oslo --rates rates.toml a.jsonl");
    assert_eq!((number(&summary, "stored"), number(&summary, "unpriced lines")), (2, 0));
}

#[test]
fn a_folder_in_use_by_something_that_does_not_serve_is_an_error() {
    let place = Place::new();
    let _lock = held_by_us(&place);
    place.write("a.jsonl", &sessions(1, 1));
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl"), @"
    exit 1
    --- stderr
    error: cannot open `data`: it is in use by another process
    hint: it is another import, or a server that is not ready yet; try again in a moment
    ");
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error() {
    let place = Place::new();
    let _lock = held_by_us(&place);
    // The port of a listener that is gone; the system hands it out again only after thousands of others.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.write("data/endpoint", &format!("http://{gone}"));
    place.write("a.jsonl", &sessions(1, 1));
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl"), @"
    exit 1
    --- stdout
    read: 1
    stored: 0
    replaced: 0
    unchanged: 0
    rejected: 0
    skipped: 0
    unpriced lines: 0
    not reconciled: 1 read is not 0 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped
    --- stderr
    error: cannot reach the server at `http://127.0.0.1:[port]`
      caused by: io: Connection refused (os error 111)
    hint: a server has the folder and published `http://127.0.0.1:[port]`; see whether it still runs
    hint: what was stored stays; the same command goes on from there
    ");
}

/// Takes the folder as another program would.
fn held_by_us(place: &Place) -> File {
    place.done("farm create --data-dir data oslo");
    let lock = File::create(place.path("data/lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    lock
}
