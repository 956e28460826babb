//! `env` prints what clients need.

use std::process::Stdio;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::Place;

#[test]
fn the_lines_are_for_a_shell() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    assert_snapshot!(place.run("env --data-dir data"), @"
    exit 0
    --- stdout
    export AWS_ACCESS_KEY_ID=FTAK[id]
    export AWS_SECRET_ACCESS_KEY=[secret]
    export AWS_REGION=us-west-2
    export AWS_DEFAULT_REGION=us-west-2
    export AWS_ENDPOINT_URL_DEADLINE=http://127.0.0.1:[port]
    export AWS_DISABLE_HOST_PREFIX_INJECTION=true
    --- stderr
    hint: no server has the folder, and another one may listen there; `farmtally serve --data-dir data` starts one
    ");
}

#[test]
fn the_key_is_made_once() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let lines = || place.command("env --data-dir data").output().unwrap().stdout;
    assert_eq!(lines(), lines());
}

#[test]
fn a_given_endpoint_goes_before_that_of_a_running_server() {
    let place = Place::new();
    let server = place.serve("--region eu-north-1");
    let own = server.first_line.strip_prefix("farmtally is serving on ").unwrap().to_owned();
    let endpoint = |more: &str| {
        let lines = place.command(&format!("env --data-dir data {more}")).output().unwrap().stdout;
        let lines = String::from_utf8(lines).unwrap();
        assert!(lines.contains("export AWS_REGION=eu-north-1\n"), "{lines}");
        lines
            .lines()
            .find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL_DEADLINE="))
            .unwrap()
            .to_owned()
    };
    assert_eq!(endpoint(""), own);
    assert_eq!(endpoint("--endpoint https://tally.example/"), "https://tally.example");
    server.kill();
    assert_eq!(endpoint(""), "http://127.0.0.1:8037");
}

#[test]
fn a_stopped_server_takes_its_address_back() {
    let place = Place::new();
    let server = place.serve("");
    assert!(place.path("data/endpoint").exists());
    server.stop(Signal::TERM);
    assert!(!place.path("data/endpoint").exists());
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let place = Place::new();
    assert_snapshot!(place.run("env --data-dir data"), @"
    exit 1
    --- stderr
    error: there is no farmtally data in `data`
    hint: `farmtally import`, `farmtally farm create`, `farmtally serve` and `farmtally demo` make a data folder; another one is named by `--data-dir` or by the variable FARMTALLY_DATA_DIR
    ");
    assert!(!place.path("data").exists());
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_not_called_empty() {
    let place = Place::new();
    place.write("data", "no folder at all");
    assert_snapshot!(place.run("env --data-dir data"), @"
    exit 1
    --- stderr
    error: cannot open `data`: Not a directory (os error 20)
    ");
}

#[test]
fn the_data_folder_can_come_from_the_environment() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let output = place.command("env").env("FARMTALLY_DATA_DIR", "data").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_token_of_another_key_is_warned_of() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let output = place.command("env --data-dir data").env("AWS_SESSION_TOKEN", "x").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("unset AWS_SESSION_TOKEN"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = place.command("env --data-dir data").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
