//! `import` into a folder that nobody has.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::{Place, data, number, sessions};

#[test]
fn json_lines_are_stored_and_the_farm_is_made() {
    let place = Place::new();
    let file = data("sessions.jsonl");
    let ended = place.run(&format!("import --data-dir data --farm oslo --rejects rejects {file}"));
    assert_snapshot!(ended.to_string().replace(&file, "[file]"), @"
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
}

#[test]
fn csv_and_parquet_bring_the_same_records_as_json_lines() {
    let place = Place::new();
    let summary = |file: &str| {
        place.done(&format!("import --data-dir data --farm oslo --rejects rejects {}", data(file)))
    };
    let stored = number(&summary("sessions.jsonl"), "stored");
    for file in [
        "sessions.csv",
        "sessions.parquet",
        "sessions-duckdb.parquet",
        "sessions-pandas.parquet",
        "sessions-polars.parquet",
    ] {
        let summary = summary(file);
        assert_eq!(
            (number(&summary, "stored"), number(&summary, "unchanged")),
            (0, stored),
            "{file}: {summary}"
        );
    }
}

#[test]
fn slurm_tells_what_it_left_out_and_why() {
    let place = Place::new();
    let file = data("slurm.txt");
    let ended =
        place.run(&format!("import --data-dir data --farm fjord --format slurm --rejects rejects {file}"));
    assert_snapshot!(ended.to_string().replace(&file, "[file]"), @"
    exit 0
    --- stdout
    read: 10
    stored: 5
    replaced: 0
    unchanged: 0
    rejected: 2
    skipped: 3
      the job never started: 2
      a step of a job, which its job's row counts already: 1
    unpriced lines: 5
      COMPUTE: 5
    reconciled: 10 read = 5 stored + 0 replaced + 0 unchanged + 2 rejected + 3 skipped
    --- stderr
    Made the farm `fjord` with the id farm-a8164b52e499f2712a9b11d57b9d139d.
    warning: `[file]` line 9, end: end 2025-11-24T20:29:59 is before start 2025-11-24T20:30:00
    warning: `[file]` line 10, row: the row has 5 fields; 26 are needed
    warning: `rejects` names every rejected record
    hint: the farm has no rate card, and usage lines that came without a cost count as free; before importing, set one by `farmtally rates set --data-dir data --farm fjord FILE` or pass `--rates FILE`; what is stored keeps its price until `farmtally rates reprice` prices it anew
    hint: with `--strict` an import exits with 1 when a record was rejected
    ");
    assert_snapshot!(place.read("rejects").replace(&file, "[file]"), @r#"
    {"file":"[file]","line":9,"field":"end","value":"2025-11-24T20:29:59","message":"end 2025-11-24T20:29:59 is before start 2025-11-24T20:30:00"}
    {"file":"[file]","line":10,"field":"row","value":"1015|1015|fjord|batch|too short","message":"the row has 5 fields; 26 are needed"}
    "#);
}

#[test]
fn swf_is_told_by_its_name() {
    let place = Place::new();
    let file = data("test.swf");
    let ended = place.run(&format!("import --data-dir data --farm fjord --rejects rejects {file}"));
    assert_snapshot!(ended.to_string().replace(&file, "[file]"), @r#"
    exit 0
    --- stdout
    read: 12
    stored: 4
    replaced: 0
    unchanged: 0
    rejected: 4
    skipped: 4
      the job's start is unknown: 1
      the job's run time is unknown: 1
      one burst of a job, which its job's row counts already: 2
    unpriced lines: 4
      COMPUTE: 4
    reconciled: 12 read = 4 stored + 0 replaced + 0 unchanged + 4 rejected + 4 skipped
    --- stderr
    Made the farm `fjord` with the id farm-a8164b52e499f2712a9b11d57b9d139d.
    warning: `[file]` line 17, row: the row has 14 columns; 18 are needed
    warning: `[file]` line 18, wait time: "1.5" is not a whole number
    warning: `[file]` line 19, run time: endedAt 2025-11-24T16:04:01Z is before startedAt 2025-11-24T16:05:01Z
    warning: `[file]` line 20, run time: "many" is not a whole number
    warning: `rejects` names every rejected record
    hint: the farm has no rate card, and usage lines that came without a cost count as free; before importing, set one by `farmtally rates set --data-dir data --farm fjord FILE` or pass `--rates FILE`; what is stored keeps its price until `farmtally rates reprice` prices it anew
    hint: with `--strict` an import exits with 1 when a record was rejected
    "#);
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    place.write("a.jsonl", &format!("{}{{}}\n", sessions(1, 3)));
    let ended = place.run("import --data-dir data --farm oslo --dry-run a.jsonl");
    assert_snapshot!(ended, @"
    exit 0
    --- stdout
    read: 4
    valid: 3
    rejected: 1
    skipped: 0
    unpriced lines: 0
    reconciled: 4 read = 3 valid + 1 rejected + 0 skipped
    --- stderr
    There is no farm `oslo` yet; the import would make it.
    warning: `a.jsonl` line 4, sessionId: sessionId is missing
    This was a dry run: nothing was stored.
    hint: with `--strict` an import exits with 1 when a record was rejected
    ");
    assert!(!place.path("data").exists());
    assert!(!place.path("a.jsonl.rejects.jsonl").exists());
}

#[test]
fn a_dry_run_prices_with_the_rates_of_the_farm() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2).replace(r#","costInUsd":"0.01""#, ""));
    place.write("rates.toml", RATES);
    let unpriced = |more: &str| {
        let summary = place.done(&format!("import --data-dir data --farm oslo --dry-run {more} a.jsonl"));
        number(&summary, "unpriced lines")
    };
    assert_eq!(unpriced(""), 2);
    assert_eq!(unpriced("--rates rates.toml"), 0);
    place.done("farm create --data-dir data oslo");
    assert_eq!(unpriced(""), 2);
    place.done("rates set --data-dir data --farm oslo rates.toml");
    assert_eq!(unpriced(""), 0);
}

const RATES: &str =
    "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"0.6\"\nvalidFrom = \"2020-01-01T00:00:00Z\"\n";

#[test]
fn lines_without_a_price_are_told_with_what_to_do() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2).replace(r#","costInUsd":"0.01""#, ""));
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl"), @"
    exit 0
    --- stdout
    read: 2
    stored: 2
    replaced: 0
    unchanged: 0
    rejected: 0
    skipped: 0
    unpriced lines: 2
      COMPUTE: 2
    reconciled: 2 read = 2 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped
    --- stderr
    Made the farm `oslo` with the id farm-d5e9816650cca3315bfa365febbe0f72.
    hint: the farm has no rate card, and usage lines that came without a cost count as free; before importing, set one by `farmtally rates set --data-dir data --farm oslo FILE` or pass `--rates FILE`; what is stored keeps its price until `farmtally rates reprice` prices it anew
    ");
    place.write("b.jsonl", &sessions(3, 2).replace(r#","costInUsd":"0.01""#, ""));
    place.write("rates.toml", RATES);
    let summary = place.done("import --data-dir data --farm oslo --rates rates.toml b.jsonl");
    assert_eq!(number(&summary, "unpriced lines"), 0);
}

#[test]
fn a_dry_run_of_a_new_farm_says_how_to_have_its_rates_before_the_import() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2).replace(r#","costInUsd":"0.01""#, ""));
    place.write("FILE", RATES);
    let id = "farm-0123456789abcdef0123456789abcdef";
    let import = |farm: &str| place.run(&format!("import --data-dir data --farm {farm} --dry-run a.jsonl"));
    assert_snapshot!(import("oslo").stderr, @"
    There is no farm `oslo` yet; the import would make it.
    hint: the farm has no rate card, and usage lines that came without a cost count as free; import with `--rates FILE`, or before it make the farm by `farmtally farm create --data-dir data oslo` and set one by `farmtally rates set --data-dir data --farm oslo FILE`; what is stored keeps its price until `farmtally rates reprice` prices it anew
    This was a dry run: nothing was stored.
    ");
    for farm in ["oslo", id] {
        // Of a farm that is missing in a folder that is there, too.
        let ended = import(farm);
        let lines = ended.stderr.split("`farmtally ").skip(1).filter_map(|rest| rest.split_once('`'));
        let lines: Vec<&str> =
            lines.map(|(words, _)| words).filter(|words| words.contains("--data-dir")).collect();
        assert_eq!(lines.len(), 2, "{ended}");
        for words in lines {
            place.done(words);
        }
        let ended = import(farm);
        assert_eq!(number(&ended.stdout, "unpriced lines"), 0, "{ended}");
    }
}

#[test]
fn a_card_without_a_fitting_rate_is_told_apart_from_no_card() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2).replace(r#","costInUsd":"0.01""#, ""));
    place.write("rates.toml", &RATES.replace("2020", "2030"));
    let import = "import --data-dir data --farm oslo";
    for more in ["--dry-run --rates rates.toml", "--rates rates.toml"] {
        let ended = place.run(&format!("{import} {more} a.jsonl"));
        assert!(ended.stderr.contains("hint: the rate card has no rate for usage lines"), "{ended}");
    }
    assert_snapshot!(place.run(&format!("{import} a.jsonl")).stderr, @"");
    place.write("b.jsonl", &sessions(3, 1).replace(r#","costInUsd":"0.01""#, ""));
    assert_snapshot!(place.run(&format!("{import} b.jsonl")).stderr, @"hint: the rate card has no rate for usage lines that came without a cost; they count as free; what is stored keeps its price until `farmtally rates reprice` prices it anew");
}

#[test]
fn the_same_import_again_changes_nothing() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 25));
    let import = "import --data-dir data --farm oslo --batch 10 a.jsonl";
    assert_eq!(number(&place.done(import), "stored"), 25);
    assert_snapshot!(place.run(import), @"
    exit 0
    --- stdout
    read: 25
    stored: 0
    replaced: 0
    unchanged: 25
    rejected: 0
    skipped: 0
    unpriced lines: 0
    reconciled: 25 read = 0 stored + 0 replaced + 25 unchanged + 0 rejected + 0 skipped
    ");
}

#[test]
fn a_record_that_contradicts_what_is_stored_is_rejected_and_named() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 1));
    place.done("import --data-dir data --farm oslo a.jsonl");
    place.write("b.jsonl", &format!("\n{}{}", sessions(1, 1).replace("alice", "bob"), sessions(2, 1)));
    assert_snapshot!(place.run("import --data-dir data --farm oslo b.jsonl"), @"
    exit 0
    --- stdout
    read: 2
    stored: 1
    replaced: 0
    unchanged: 0
    rejected: 1
    skipped: 0
    unpriced lines: 0
    reconciled: 2 read = 1 stored + 0 replaced + 0 unchanged + 1 rejected + 0 skipped
    --- stderr
    warning: `b.jsonl` line 2, sessionId: `session-00000000000000000000000000000001` is stored with other content; send a higher revision than 0 to correct it
    warning: `b.jsonl.rejects.jsonl` names every rejected record
    hint: with `--strict` an import exits with 1 when a record was rejected
    ");
    assert_snapshot!(place.read("b.jsonl.rejects.jsonl"), @r#"{"file":"b.jsonl","line":2,"field":"sessionId","value":"session-00000000000000000000000000000001","message":"`session-00000000000000000000000000000001` is stored with other content; send a higher revision than 0 to correct it"}"#);
}

#[test]
fn rejects_are_a_failure_only_when_that_is_asked_for() {
    let place = Place::new();
    place.write("a.jsonl", &format!("{}{{}}\n", sessions(1, 1)));
    let run = |more: &str| place.run(&format!("import --data-dir data --farm oslo {more} a.jsonl"));
    let hint = "hint: with `--strict` an import exits with 1 when a record was rejected\n";
    for more in ["", "--dry-run"] {
        let ended = run(more);
        assert!(ended.code == Some(0) && ended.stderr.contains(hint), "{ended}");
        let strict = run(&format!("{more} --strict"));
        assert!(strict.code == Some(1) && !strict.stderr.contains("--strict"), "{strict}");
    }
    // Where a later file breaks off, the exit code is 1 already.
    place.write("b.csv", "sessionId,colour\n");
    let ended = place.run("import --data-dir data --farm oslo a.jsonl b.csv");
    assert!(ended.code == Some(1) && ended.stdout.contains("rejected: 1\n"), "{ended}");
    assert!(!ended.stderr.contains("--strict"), "{ended}");
    place.write("a.jsonl", &sessions(1, 1));
    assert_eq!(run("").stderr.matches("--strict").count(), 0);
}

#[test]
fn an_import_that_rejects_every_record_is_a_failure() {
    let place = Place::new();
    place.write("a.jsonl", "{}\n{}\n");
    place.done("farm create --data-dir data oslo");
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl"), @"
    exit 1
    --- stdout
    read: 2
    stored: 0
    replaced: 0
    unchanged: 0
    rejected: 2
    skipped: 0
    unpriced lines: 0
    reconciled: 2 read = 0 stored + 0 replaced + 0 unchanged + 2 rejected + 0 skipped
    --- stderr
    warning: `a.jsonl` line 1, sessionId: sessionId is missing
    warning: `a.jsonl` line 2, sessionId: sessionId is missing
    warning: `a.jsonl.rejects.jsonl` names every rejected record
    error: every record was rejected
    hint: `a.jsonl.rejects.jsonl` says why; check `--format` too
    ");
    let dry = place.run("import --data-dir data --farm oslo --dry-run a.jsonl");
    assert_eq!(dry.code, Some(1), "{dry}");
    assert!(dry.stderr.ends_with("hint: the warnings say why; check `--format` too\n"), "{dry}");
    place.write("empty.jsonl", "");
    place.done("import --data-dir data --farm oslo empty.jsonl");
}

#[test]
fn rejected_records_that_are_not_told_are_counted() {
    let place = Place::new();
    place.write("a.jsonl", &("{}\n".repeat(7) + &sessions(1, 1)));
    let last_line = |more: &str| {
        let ended = place.run(&format!("import --data-dir data --farm oslo {more} a.jsonl"));
        assert_eq!(ended.stderr.matches("sessionId is missing").count(), 5, "{ended}");
        ended.stderr.lines().find(|line| line.starts_with('…')).unwrap().to_owned()
    };
    assert_snapshot!(last_line("--dry-run"), @"… and 2 more rejected records; `--rejects FILE` writes them");
    assert_snapshot!(last_line(""), @"… and 2 more rejected records; `a.jsonl.rejects.jsonl` names every one");
}

#[test]
fn a_rejects_file_does_not_outlive_its_rejects() {
    let place = Place::new();
    place.write("a.jsonl", &format!("{}{{}}\n", sessions(1, 1)));
    place.done("import --data-dir data --farm oslo a.jsonl");
    assert!(place.path("a.jsonl.rejects.jsonl").exists());
    place.write("a.jsonl", &sessions(1, 1));
    place.done("import --data-dir data --farm oslo --dry-run a.jsonl");
    place.done("import --data-dir data --farm oslo --rejects a.jsonl.rejects.jsonl a.jsonl");
    assert!(
        place.path("a.jsonl.rejects.jsonl").exists(),
        "a file that was named, or a dry run, is left alone"
    );
    let ended = place.run("import --data-dir data --farm oslo a.jsonl");
    assert_snapshot!(ended.stderr, @"Removed `a.jsonl.rejects.jsonl` of an earlier import: nothing was rejected this time.");
    assert!(!place.path("a.jsonl.rejects.jsonl").exists());
}

#[test]
fn the_standard_input_is_a_file_like_any_other() {
    let place = Place::new();
    let import = "import --data-dir data --farm oslo --format jsonl -";
    let ended = place.run_with_input(import, &format!("{}no json\n", sessions(1, 2)));
    assert_snapshot!(ended, @"
    exit 0
    --- stdout
    read: 3
    stored: 2
    replaced: 0
    unchanged: 0
    rejected: 1
    skipped: 0
    unpriced lines: 0
    reconciled: 3 read = 2 stored + 0 replaced + 0 unchanged + 1 rejected + 0 skipped
    --- stderr
    Made the farm `oslo` with the id farm-d5e9816650cca3315bfa365febbe0f72.
    warning: `-` line 3, row: not a JSON object: expected ident at column 2
    warning: `stdin.rejects.jsonl` names every rejected record
    hint: with `--strict` an import exits with 1 when a record was rejected
    ");
    assert!(place.path("stdin.rejects.jsonl").exists());
}

#[test]
fn a_missing_file_is_found_before_anything_is_stored() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2));
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl b.jsonl"), @"
    exit 1
    --- stderr
    error: cannot read `b.jsonl`: No such file or directory (os error 2)
    ");
    assert!(!place.path("data").exists());
}

#[test]
fn a_file_that_cannot_be_read_on_does_not_take_others_with_it() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2));
    place.write("b.csv", "sessionId,colour\n");
    assert_snapshot!(place.run("import --data-dir data --farm oslo a.jsonl b.csv"), @r#"
    exit 1
    --- stdout
    read: 2
    stored: 2
    replaced: 0
    unchanged: 0
    rejected: 0
    skipped: 0
    unpriced lines: 0
    reconciled: 2 read = 2 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped
    --- stderr
    Made the farm `oslo` with the id farm-d5e9816650cca3315bfa365febbe0f72.
    error: cannot read `b.csv`: unknown column "colour"
    hint: `farmtally import --suggest-mapping b.csv` drafts a mapping for a file with columns of its own
    "#);
}

#[test]
fn a_farm_can_be_named_by_its_id() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2));
    let id = place.done("farm create --data-dir data oslo");
    place.done(&format!("import --data-dir data --farm {} a.jsonl", id.trim()));
    let again = place.done("import --data-dir data --farm oslo a.jsonl");
    assert_eq!(number(&again, "unchanged"), 2);
}

#[test]
fn a_batch_is_smaller_than_a_file_and_nothing_is_lost_at_its_edges() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 7));
    place.write("b.jsonl", &sessions(6, 7));
    let summary = place.done("import --data-dir data --farm oslo --batch 3 a.jsonl b.jsonl");
    assert_eq!((number(&summary, "stored"), number(&summary, "unchanged")), (12, 2));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 1));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command("import --data-dir data --farm oslo a.jsonl");
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_import_that_finds_no_record_leaves_no_farm_behind() {
    let place = Place::new();
    place.write("wrong.txt", "JobID|User|Elapsed\n1|alice|00:01:00\n");
    place.write("bad.jsonl", "{}\n{}\n");
    place.write("empty.jsonl", "");
    for words in ["--format slurm wrong.txt", "bad.jsonl", "postgres://nobody@127.0.0.1:1/cuebot"] {
        let ended = place.run(&format!("import --data-dir data --farm oslo {words}"));
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(!ended.stderr.contains("Made the farm"), "{ended}");
        assert!(!place.path("data").exists(), "{words}");
    }
    // A source that has nothing yet is no mistake.
    let ended = place.run("import --data-dir data --farm oslo empty.jsonl");
    assert!(ended.code == Some(0) && ended.stderr.contains("Made the farm"), "{ended}");
}

#[test]
fn an_import_that_goes_on_sets_its_rates_once_and_tells_once_what_has_no_price() {
    let place = Place::new();
    place.write("rates.toml", "[[rate]]\nusage = 'COMPUTE'\nfleet = 'other'\nusdPerHour = 1\n");
    let unpriced = |first| sessions(first, 2).replace(r#","costInUsd":"0.01""#, "");
    // The card is set by the first pass, also when that finds no record.
    place.write("a.jsonl", "{}\n");
    let mut running = place.start("import --data-dir data --farm oslo --follow --rates rates.toml a.jsonl");
    while !running.next_line().starts_with("reconciled: 1 read") {}
    let append = |text: &str| {
        let mut file = OpenOptions::new().append(true).open(place.path("a.jsonl")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append(&unpriced(1));
    while !running.next_line().starts_with("reconciled: 2 read") {}
    running.wait_for_stderr("hint: the rate card has no rate");
    let changed = "[[rate]]\nusage = 'COMPUTE'\nfleet = 'more'\nusdPerHour = 2\n";
    place.write("rates.toml", changed);
    place.done("rates set --data-dir data --farm oslo rates.toml");
    place.write("rates.toml", "no card");
    append(&unpriced(3));
    while !running.next_line().starts_with("reconciled: 2 read") {}
    assert_eq!(running.stop(Signal::TERM).0, Some(0));
    assert_eq!(place.done("rates show --data-dir data --farm oslo"), changed);
}
