//! `report` on a farm whose figures were worked out by hand, from the folder itself and through its server.

use std::fs;

use insta::assert_snapshot;

use crate::door::{Ended, Place};

/// Two users and three jobs in two days; the second session spans midnight.
const SESSIONS: &str = r#"{"sessionId":"session-00000000000000000000000000000001","queueName":"comp","fleetName":"cloud","jobName":"abc_010","userId":"alice","startedAt":"2025-11-24T10:00:00Z","endedAt":"2025-11-24T11:00:00Z","usage":[{"usageType":"COMPUTE","costInUsd":"1.25"}]}
{"sessionId":"session-00000000000000000000000000000002","queueName":"comp","fleetName":"cloud","jobName":"abc_020","userId":"bob","startedAt":"2025-11-24T23:00:00Z","endedAt":"2025-11-25T01:00:00Z","usage":[{"usageType":"COMPUTE","costInUsd":"3"}]}
{"sessionId":"session-00000000000000000000000000000003","queueName":"sim","fleetName":"cloud","jobName":"xyz_010","userId":"bob","startedAt":"2025-11-25T08:00:00Z","endedAt":"2025-11-25T08:30:00Z","usage":[{"usageType":"COMPUTE","costInUsd":"0.123456789"}]}
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("in.jsonl", SESSIONS);
    place.done("import --data-dir data --farm Studio in.jsonl");
    place
}

fn report(place: &Place, words: &str) -> Ended {
    place.run(&format!("report --data-dir data {words}"))
}

const NOVEMBER: &str = "--in 2025-11";

#[test]
fn a_table_has_names_and_cents() {
    assert_snapshot!(report(&place(), &format!("{NOVEMBER} --by queue,user --output table")), @"
    exit 0
    --- stdout
    queue  user   sessions  hours   USD    share
    comp   bob           1   2.00  3.00   68.6 %
    comp   alice         1   1.00  1.25   28.6 %
    sim    bob           1   0.50  0.12    2.8 %
    ────────────────────────────────────────────
    total                3   3.50  4.37  100.0 %
    --- stderr
    Studio from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 (UTC)
    ");
}

#[test]
fn a_cut_range_begins_its_days_in_the_zone() {
    let place = place();
    assert_snapshot!(report(&place, &format!("{NOVEMBER} --period day --output table")), @"
    exit 0
    --- stdout
    day         sessions  hours   USD
    2025-11-24         2   2.00  2.75
    2025-11-25         2   1.50  1.62
    ─────────────────────────────────
    total              3   3.50  4.37
    --- stderr
    Studio from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 (UTC)
    ");
    assert_snapshot!(report(&place, &format!("{NOVEMBER} --period day --tz Europe/Paris --output table")), @"
    exit 0
    --- stdout
    day         sessions  hours   USD
    2025-11-24         1   1.00  1.25
    2025-11-25         2   2.50  3.12
    ─────────────────────────────────
    total              3   3.50  4.37
    --- stderr
    Studio from 2025-11-01T00:00:00+01:00 to 2025-12-01T00:00:00+01:00 (Europe/Paris)
    ");
}

#[test]
fn shows_come_out_of_the_names_of_jobs() {
    assert_snapshot!(report(&place(), &format!("{NOVEMBER} --by show:^([a-z]+)_ --where job~*_010 --chart --output table")), @"
    exit 0
    --- stdout
    show   sessions  hours   USD    share
    abc           1   1.00  1.25   91.0 %  ████████████████████████
    xyz           1   0.50  0.12    9.0 %  ██▍
    ───────────────────────────────────────────────────────────────
    total         2   1.50  1.37  100.0 %
    --- stderr
    Studio from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 (UTC)
    ");
}

#[test]
fn a_pipe_gets_exact_csv() {
    assert_snapshot!(report(&place(), &format!("{NOVEMBER} --by queue")), @"
    exit 0
    --- stdout
    bucketStart,bucketEnd,queueId,queueName,sessions,costInUsd_sum,runtimeSeconds_sum
    2025-11-01T00:00:00Z,2025-12-01T00:00:00Z,queue-0c3ac7e48417b93ab2d359ba3a42cd66,comp,2,4.25,10800
    2025-11-01T00:00:00Z,2025-12-01T00:00:00Z,queue-15831a6923bacebd6f976b71bf26eb70,sim,1,0.123456789,1800
    --- stderr
    Studio from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 (UTC)
    ");
}

#[test]
fn lines_of_json_have_names() {
    assert_snapshot!(report(&place(), &format!("{NOVEMBER} --by queue --top 1 --output jsonl")), @r#"
    exit 0
    --- stdout
    {"bucketStart":"2025-11-01T00:00:00+00:00","bucketEnd":"2025-12-01T00:00:00+00:00","queue":{"id":"queue-0c3ac7e48417b93ab2d359ba3a42cd66","name":"comp"},"sessions":2,"cost":{"sum":"4.25"},"runtimeMs":{"sum":10800000}}
    {"bucketStart":"2025-11-01T00:00:00+00:00","bucketEnd":"2025-12-01T00:00:00+00:00","other":1,"sessions":1,"cost":{"sum":"0.123456789"},"runtimeMs":{"sum":1800000}}
    --- stderr
    Studio from 2025-11-01T00:00:00+00:00 to 2025-12-01T00:00:00+00:00 (UTC)
    "#);
}

#[test]
fn the_folder_and_its_server_give_the_same_bytes() {
    let place = place();
    let outputs = ["table", "jsonl", "csv", "parquet", "arrow"];
    let ask = |form: &str| {
        let output = place
            .command(&format!(
                "report --data-dir data {NOVEMBER} --by queue,job --period day --output {form}"
            ))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{form}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let alone = outputs.map(ask);
    let server = place.serve("");
    assert_eq!(alone, outputs.map(ask));
    server.kill();
    assert_eq!(&alone[3][..4], b"PAR1");
}

#[test]
fn limits_are_exit_codes() {
    let place = place();
    let code = |words: &str| report(&place, &format!("{NOVEMBER} {words}")).code;
    assert_eq!(code("--fail-over 4.373456788"), Some(4));
    assert_eq!(code("--fail-over 4.373456789"), Some(0));
    assert_eq!(code("--fail-over 4.37 --stat p95"), Some(4));
    assert_eq!(code("--fail-empty"), Some(0));
    assert_eq!(code("--fail-empty --where user=bob --where queue!=sim|comp"), Some(5));
}

#[test]
fn where_nothing_matched_it_says_where_there_is_something() {
    let ended = report(&place(), "--in 2024 --output table");
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stderr.ends_with(
            "nothing matched; the farm has usage from 2025-11-24T10:00:00Z to 2025-11-25T08:30:00Z\n"
        ),
        "{ended}"
    );
}

#[test]
fn what_was_read_is_said_when_asked_for() {
    let ended = report(&place(), &format!("{NOVEMBER} --explain --output json"));
    assert!(ended.stderr.contains(" of 3 sessions and volumes looked at"), "{ended}");
    assert!(ended.stderr.contains("the farm's cost scale factor 1\n"), "{ended}");
    assert!(ended.stdout.ends_with("}\n") && ended.stdout.contains("\"4.373456789\""), "{ended}");
}

#[test]
fn a_flag_that_cannot_be_meant_is_named_as_a_flag() {
    let place = place();
    for (words, begin) in [
        ("--last 30x", "error: `--last 30x`: "),
        ("--in 2025-13", "error: `--in 2025-13`: "),
        ("--by queue,shot", "error: `--by shot`: "),
        ("--by queue,show:^a", "error: `--by queue,show:^a`: a pattern is given with others"),
        ("--where queue", "error: `--where queue`: no comparison"),
        ("--where queue=lighting", "error: `--where lighting`: "),
        ("--stat median", "error: `--stat median`: "),
        ("--tz Mars/Olympus", "error: `--time-zone Mars/Olympus`: "),
        ("--compare before", "error: `--compare before`: "),
        ("--top 0", "error: `--top 0`: "),
    ] {
        let ended = report(&place, words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words}: {ended}");
        assert!(ended.stderr.starts_with(begin), "{words}: {ended}");
    }
}

#[test]
fn a_range_with_one_end_is_answered_with_one_that_has_both() {
    let place = place();
    assert_snapshot!(report(&place, "--from 2025-11-01"), @"
    exit 2
    --- stderr
    error: `--to`: a window from a beginning needs an end
    hint: give both: `--from 2026-01-01 --to 2026-02-01` is January
    ");
    let ended = report(&place, "--to 2025-12-01");
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(
        ended.stderr.starts_with("error: `--from`: a window to an end needs a beginning\nhint: "),
        "{ended}"
    );
    let words = ended.stderr.split('`').find(|words| words.starts_with("--from 2")).unwrap();
    assert_eq!(report(&place, words).code, Some(0), "{words}");
}

#[test]
fn of_several_farms_one_has_to_be_named() {
    let place = place();
    place.done("farm create --data-dir data Oslo");
    assert_snapshot!(report(&place, NOVEMBER), @"
    exit 2
    --- stderr
    error: the folder has 2 farms
    hint: name one with `--farm`: Studio, Oslo
    ");
    assert_eq!(report(&place, &format!("{NOVEMBER} --farm Studio")).code, Some(0));
}

#[test]
fn the_page_is_opened_with_the_same_words() {
    let place = place();
    assert_snapshot!(report(&place, "--open"), @"
    exit 1
    --- stderr
    error: no server has `data`
    hint: `farmtally serve --data-dir data` shows the page
    ");
    place.write("browser", "#!/bin/sh\necho \"$1\" >opened\n");
    fs::set_permissions(place.path("browser"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let _server = place.serve("");
    let mut command = place
        .command("report --data-dir data --open --by user --in 2025-11 --where queue=comp --metric hours");
    let ended = place.run_command(command.env("BROWSER", place.path("browser")));
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.starts_with("http://127.0.0.1:[port]/?farm=farm-"), "{ended}");
    assert!(ended.stdout.ends_with("&metric=runtime&in=2025-11&by=user&where=queue%3Dcomp\n"), "{ended}");
}

#[test]
fn the_limit_is_about_what_the_answer_has_in_every_form() {
    let place = place();
    let volume = r#"{"volumeId":"volume-00000000000000000000000000000001","fleetName":"cloud","startedAt":"2025-11-01T00:00:00Z","endedAt":"2025-11-02T00:00:00Z","costInUsd":"1"}"#;
    place.write("volume.jsonl", volume);
    place.done("import --data-dir data --farm Studio volume.jsonl");
    for form in ["csv", "json", "table"] {
        let code =
            |by: &str| report(&place, &format!("{NOVEMBER} --by {by} --output {form} --fail-over 5")).code;
        assert_eq!(code("usageType"), Some(4), "sessions for 4.37 and a volume for 1, as {form}");
        assert_eq!(code("user"), Some(0), "a volume has no user, as {form}");
    }
}

#[test]
fn bars_are_drawn_into_a_pipe_too() {
    let place = place();
    let drawn = report(&place, &format!("{NOVEMBER} --by user --chart"));
    assert!(drawn.stdout.contains("█"), "{drawn}");
    let refused = report(&place, &format!("{NOVEMBER} --by user --chart --output csv"));
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.starts_with("error: bars are drawn in a table"), "{refused}");
}
