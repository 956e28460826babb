//! `seal`, `verify`, `rebuild`, `backup`, `restore` and how long sessions are kept.

use std::fs;

use insta::assert_snapshot;

use crate::door::Place;

fn session(number: u32, month: &str) -> String {
    format!(
        r#"{{"sessionId":"session-{number:032x}","queueName":"comp","fleetName":"cpu","jobName":"sh010","userId":"alice",
        "startedAt":"{month}-03T10:00:00Z","endedAt":"{month}-03T11:00:00Z",
        "usage":[{{"usageType":"COMPUTE","costInUsd":"0.5"}}]}}"#
    )
    .replace('\n', "")
}

/// A folder with a session in each of three months.
fn place() -> Place {
    let place = Place::new();
    let lines: Vec<String> =
        (1..).zip(["2019-01", "2019-02", "2019-03"]).map(|(n, month)| session(n, month)).collect();
    place.write("sessions.jsonl", &lines.join("\n"));
    place.done("import --data-dir data --farm oslo sessions.jsonl");
    place.done("seal --data-dir data");
    place
}

#[test]
fn a_whole_folder_agrees_and_a_damaged_file_is_named() {
    let place = place();
    let report = place.done("verify --data-dir data");
    assert!(report.ends_with("everything agrees\n"), "{report}");
    assert!(report.contains("\t3\t3\t0\t"), "{report}");
    let file = "data/sessions/farm=farm-d5e9816650cca3315bfa365febbe0f72/month=2019-02/0000000002.parquet";
    fs::write(place.path(file), "dust").unwrap();
    let ended = place.run("verify --data-dir data");
    assert_eq!(ended.code, Some(1));
    let name = file.strip_prefix("data/").unwrap();
    assert!(
        ended.stdout.contains(&format!("`{name}` is damaged: its length is not that of the manifest")),
        "{ended}"
    );
    assert_snapshot!(ended.stderr, @"
    error: the folder is not as it was written
    hint: `farmtally rebuild` mends files below `derived`; everything else comes back from a backup
    ");
    let report = place.run("report --data-dir data --from 2019-01-01 --to 2020-01-01");
    assert_eq!(report.code, Some(1));
    assert!(
        report.stderr.ends_with("hint: `farmtally verify` says what is damaged, and what to do\n"),
        "{report}"
    );
}

#[test]
fn an_audit_log_that_was_changed_and_a_key_that_does_not_open_are_named_too() {
    let place = place();
    place.done("key create --data-dir data --role reader");
    let audit = fs::read_to_string(place.path("data/audit.jsonl")).unwrap();
    place.write("data/audit.jsonl", &audit.replacen("owner", "nobody", 1));
    place.write("data/master.key", &format!("{}\n", "0".repeat(64)));
    let ended = place.run("verify --data-dir data");
    assert_eq!(ended.code, Some(1));
    let wrong: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("wrong\t")).collect();
    assert_eq!(wrong.len(), 2, "{ended}");
    assert!(wrong[0].starts_with("wrong\t-\t`audit.jsonl`: line 1 of the audit log"), "{ended}");
    assert!(
        wrong[1].ends_with("cannot be read with this folder's master key; was `master.key` replaced?"),
        "{ended}"
    );
}

#[test]
fn a_backup_beside_a_server_becomes_a_folder_again() {
    let place = place();
    {
        let _server = place.serve("");
        assert!(place.done("backup --data-dir data copy").ends_with("everything agrees\n"));
    }
    assert!(place.done("restore copy again").ends_with("everything agrees\n"));
    assert_eq!(place.done("rebuild --data-dir again"), place.done("rebuild --data-dir data"));
    assert!(place.done("import --data-dir again --farm oslo sessions.jsonl").contains("unchanged: 3\n"));
    assert_snapshot!(place.run("backup --data-dir data copy"), @"
    exit 1
    --- stderr
    error: `copy` is not empty; name a folder that is not there yet
    ");
}

#[test]
fn sessions_of_months_that_are_not_kept_are_removed_and_refused() {
    let place = place();
    place.done("farm set --data-dir data oslo --keep 2y");
    let ended = place.run("import --data-dir data --farm oslo sessions.jsonl");
    assert!(ended.stdout.contains("rejected: 3\n"), "{ended}");
    assert!(ended.stderr.contains("and this farm keeps no earlier records; leave it out"), "{ended}");
    assert!(place.done("verify --data-dir data").contains("\t0\t0\t0\t0\t0\t0\t0\n"));
    place.done("farm set --data-dir data oslo --keep all --cost-scale-factor 2");
}

#[test]
fn a_time_to_keep_that_is_none_is_refused() {
    let ended = Place::new().run("farm set --data-dir data oslo --keep 5d");
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("it is `all`, a number of years such as 5y, or a number of months such as 18m")
    );
}
