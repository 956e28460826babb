//! `import` of what other farms keep, and imports that go on.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::door::{Place, data, number, sessions};

#[test]
fn slurm_in_json_brings_the_sessions_of_the_other_form() {
    let place = Place::new();
    let import = |format: &str, file: &str| {
        let file = data(file);
        place.done(&format!("import --data-dir data --farm fjord --format {format} --rejects rejects {file}"))
    };
    assert_eq!(number(&import("slurm", "slurm.txt"), "stored"), 5);
    let summary = import("slurm-json", "slurm.json");
    assert_eq!((number(&summary, "stored"), number(&summary, "unchanged")), (1, 4), "{summary}");
}

#[test]
fn the_logs_of_flamenco_are_a_folder() {
    let place = Place::new();
    let folder = data("flamenco");
    let import = format!("import --data-dir data --farm oslo --format flamenco --rejects rejects {folder}");
    assert_snapshot!(place.done(&import), @"
    read: 2
    stored: 2
    replaced: 0
    unchanged: 0
    rejected: 0
    skipped: 0
    unpriced lines: 2
      COMPUTE: 2
    reconciled: 2 read = 2 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped
    ");
    assert_eq!(number(&place.done(&import), "unchanged"), 2);
    let ended = place.run("import --data-dir data --farm oslo --format flamenco --rejects rejects data");
    assert!(ended.stderr.contains("it has no job-*/*/task-*.txt"), "{ended}");
    let ended = place.run(&import.replace("--format", "--names rejects --format"));
    assert!(ended.stderr.starts_with("error: cannot read `rejects`"), "{ended}");
}

#[test]
fn events_of_flamenco_are_lines() {
    let place = Place::new();
    let file = data("flamenco/events.jsonl");
    let summary =
        place.done(&format!("import --data-dir data --farm oslo --format flamenco --rejects rejects {file}"));
    assert_eq!((number(&summary, "read"), number(&summary, "stored")), (3, 3), "{summary}");
}

/// An import that goes on, ended with its test.
struct GoingOn(Child);

impl GoingOn {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    fn lines(&mut self, count: usize) -> Vec<String> {
        use std::io::Read;
        let mut text = Vec::new();
        let stdout = self.0.stdout.as_mut().unwrap();
        while text.split(|byte| *byte == b'\n').count() <= count {
            let mut byte = [0];
            stdout.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().unwrap();
    }
}

#[test]
fn an_import_that_goes_on_takes_what_is_appended_and_ends_when_asked() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2));
    let mut import =
        GoingOn::start(&mut place.command("import --data-dir data --farm oslo --every 1s a.jsonl"));
    assert_eq!(import.lines(8)[1], "stored: 2");
    let mut file = fs::OpenOptions::new().append(true).open(place.path("a.jsonl")).unwrap();
    file.write_all(("no session\n".to_owned() + &sessions(3, 1)).as_bytes()).unwrap();
    let lines = import.lines(8);
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("read: 2", "stored: 1"), "{lines:?}");
    file.write_all(("{}\n".to_owned() + &sessions(4, 1)).as_bytes()).unwrap();
    assert_eq!(import.lines(8)[1], "stored: 1");
    file.write_all(sessions(5, 1).as_bytes()).unwrap();
    assert_eq!(import.lines(8)[1], "stored: 1");
    let rejects = place.read("a.jsonl.rejects.jsonl");
    assert_eq!(rejects.lines().count(), 2, "what was refused before is still said: {rejects}");
    kill_process(Pid::from_child(&import.0), Signal::TERM).unwrap();
    assert_eq!(import.0.wait().unwrap().code(), Some(0));
    assert_eq!(number(&place.done("import --data-dir data --farm oslo a.jsonl"), "unchanged"), 5);
}

#[test]
fn a_followed_file_may_be_rotated_beside_a_server() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 2));
    let server = place.serve("");
    let mut import =
        GoingOn::start(&mut place.command("import --data-dir data --farm oslo --follow a.jsonl"));
    assert_eq!(import.lines(8)[1], "stored: 2");
    fs::rename(place.path("a.jsonl"), place.path("a.jsonl.1")).unwrap();
    // Half of a line that its writer finishes before it notices, and another that has no end.
    let lines = sessions(3, 2);
    let mut old = fs::OpenOptions::new().append(true).open(place.path("a.jsonl.1")).unwrap();
    old.write_all(&lines.as_bytes()[..40]).unwrap();
    place.write("a.jsonl", &sessions(5, 1));
    old.write_all(lines[40..].trim_end().as_bytes()).unwrap();
    let (mut stored, mut read) = (0, 0);
    while stored < 3 {
        let summary = import.lines(8).join("\n");
        stored += number(&summary, "stored");
        read += number(&summary, "read");
    }
    assert_eq!((stored, read), (3, 3), "none is lost and none is read twice");
    kill_process(Pid::from_child(&import.0), Signal::TERM).unwrap();
    assert_eq!(import.0.wait().unwrap().code(), Some(0));
    server.stop(Signal::TERM);
    let again = place.done("import --data-dir data --farm oslo --format jsonl a.jsonl.1 a.jsonl");
    assert_eq!(number(&again, "unchanged"), 5, "{again}");
}

#[test]
fn what_goes_on_needs_something_that_can_be_read_again() {
    let place = Place::new();
    let ended = place.run("import --data-dir data --farm oslo --format jsonl --every 60s -");
    assert_snapshot!(ended, @"
    exit 2
    --- stderr
    error: the standard input can be read once only
    hint: leave `--every` and `--follow` out
    ");
    let ended = place.run("import --data-dir data --farm oslo --every 60s missing.jsonl");
    assert_eq!(ended.code, Some(1), "what fails at first is wrong: {ended}");
}

#[test]
fn a_dry_run_does_not_go_on() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 1));
    for flag in ["--follow", "--every 60s"] {
        let ended = place.run(&format!("import --data-dir data --farm oslo --dry-run {flag} a.jsonl"));
        assert_eq!(ended.code, Some(2), "{ended}");
        assert!(ended.stderr.contains("'--dry-run' cannot be used with '--"), "{ended}");
    }
}

#[test]
fn a_dry_run_says_that_it_would_make_the_farm() {
    let place = Place::new();
    place.write("a.jsonl", &sessions(1, 1));
    let dry = "import --data-dir data --farm oslo --dry-run a.jsonl";
    let told = "There is no farm `oslo` yet; the import would make it.";
    assert!(place.run(dry).stderr.contains(told));
    assert!(!place.path("data").exists());
    place.done("import --data-dir data --farm oslo a.jsonl");
    assert!(!place.run(dry).stderr.contains(told));
}

#[test]
fn unpriced_lines_are_told_by_what_has_no_rate() {
    let place = Place::new();
    place.write("rates.toml", "[[rate]]\nusage = \"COMPUTE\"\nusdPerHour = \"1\"\n");
    let priced = sessions(1, 2)
        .replace(",\"costInUsd\":\"0.01\"}]", "},{\"usageType\":\"LICENSE\",\"licenseProduct\":\"nuke\"}]");
    place.write("a.jsonl", &priced);
    for more in ["--dry-run", ""] {
        let summary =
            place.done(&format!("import --data-dir data --farm oslo {more} --rates rates.toml a.jsonl"));
        assert!(summary.contains("\nunpriced lines: 2\n  LICENSE nuke: 2\n"), "{summary}");
    }
    let _server = place.serve("");
    place.write("a.jsonl", &priced.replace("session-0", "session-1"));
    let summary = place.done("import --data-dir data --farm oslo a.jsonl");
    assert!(summary.contains("\nunpriced lines: 2\n  LICENSE nuke: 2\n"), "{summary}");
}

#[test]
fn a_source_without_revisions_gets_no_advice_about_them() {
    let place = Place::new();
    let file = data("slurm.txt");
    let text = fs::read_to_string(&file).unwrap();
    place.write("a.txt", &text);
    place.done("import --data-dir data --farm fjord --format slurm a.txt");
    // The same job, and another user has it now.
    let user = text.lines().find(|line| line.contains("|alice|")).map_or("bob", |_| "alice");
    place.write("a.txt", &text.replace(&format!("|{user}|"), "|mallory|"));
    let ended = place.run("import --data-dir data --farm fjord --format slurm a.txt");
    assert!(
        ended.stderr.contains("slurm has no revisions, so that what is stored stays as it is"),
        "{ended}"
    );
    assert!(!ended.stderr.contains("higher revision"), "{ended}");
}
