//! `export report`: any report in files, a period each.

use std::fs;

use insta::assert_snapshot;

use crate::door::{Place, sessions};

/// A farm with three sessions of a minute in a minute of November, and one that crosses the end of the year.
fn farm() -> Place {
    let place = Place::new();
    let across = sessions(9, 1)
        .replace("2025-11-24T22:00:00Z", "2025-12-31T23:59:30Z")
        .replace("2025-11-24T22:01:00Z", "2026-01-01T00:00:30Z");
    place.write("a.jsonl", &(sessions(1, 3) + &across));
    place.done("import --data-dir data --farm oslo a.jsonl");
    place
}

const EXPORT: &str = "export report --data-dir data --by user --from 2025-11-01 --to 2026-02-01 --output out";

#[test]
fn every_period_has_its_file_and_they_add_up() {
    let place = farm();
    assert_snapshot!(place.run(EXPORT), @"
    exit 0
    --- stdout
    out/month=2025-11/report.csv	0.03 USD
    out/month=2025-12/report.csv	0.005 USD
    out/month=2026-01/report.csv	0.005 USD
    sum: 3 files, 4 sessions, 0.04 USD
    --- stderr
    oslo from 2025-11-01T00:00:00+00:00 to 2026-02-01T00:00:00+00:00 (UTC)
    ");
    for month in ["2025-11", "2025-12", "2026-01"] {
        let report = place.done(&format!("report --data-dir data --by user --in {month} --output csv"));
        assert_eq!(place.read(&format!("out/month={month}/report.csv")), report, "what report prints");
    }
}

#[test]
fn an_export_again_replaces_each_file_as_a_whole() {
    let place = farm();
    place.done(EXPORT);
    let stale = "out/month=2025-11/report.csv";
    let first = place.read(stale);
    place.write(stale, "stale\n");
    fs::create_dir(place.path("out/month=2025-10")).unwrap();
    place.write("out/month=2025-10/report.csv", "of another export\n");
    place.done(EXPORT);
    assert_eq!(place.read(stale), first);
    assert_eq!(place.read("out/month=2025-10/report.csv"), "of another export\n");
    // A period without usage gets a file without rows, in the place of one that had some.
    place.done("export report --data-dir data --by user --in 2025-11 --where queue!=comp --output out");
    assert_eq!(place.read(stale).lines().count(), 1);
    let left: Vec<_> = fs::read_dir(place.path("out/month=2025-11")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
}

#[test]
fn the_same_files_come_from_a_server_and_in_other_zones_periods_and_formats() {
    let place = farm();
    place.done(EXPORT);
    let server = place.serve("");
    place.done(&EXPORT.replace("--output out", "--output served"));
    for month in ["2025-11", "2025-12", "2026-01"] {
        let file = format!("month={month}/report.csv");
        assert_eq!(place.read(&format!("out/{file}")), place.read(&format!("served/{file}")));
    }
    let weeks = "--tz Europe/Paris --partition week --from 2025-12-29 --to 2026-01-12 --format parquet --output weeks";
    let told = place.done(&format!("export report --data-dir data --by queue,fleet {weeks}"));
    assert_eq!(told.lines().last().unwrap(), "sum: 2 files, 1 session, 0.01 USD");
    let bytes = fs::read(place.path("weeks/week=2026-W01/report.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    drop(server);
}

#[test]
fn a_piece_of_a_period_is_refused_before_anything_is_written() {
    let place = farm();
    assert_snapshot!(place.run("export report --data-dir data --from 2025-11-10 --to 2026-01-01 --output out"), @"
    exit 2
    --- stderr
    oslo from 2025-11-10T00:00:00+00:00 to 2026-01-01T00:00:00+00:00 (UTC)
    error: the range has only 2025-11-10T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 of the month from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00
    hint: name whole units by `--in`, or by `--from` and `--to`, or choose a shorter `--partition`
    ");
    assert!(!place.path("out").exists());
    let ended = place.run("export report --data-dir data --by moon --in 2025 --output out");
    assert!(ended.code == Some(2) && ended.stderr.contains("--by"), "{ended}");
}
