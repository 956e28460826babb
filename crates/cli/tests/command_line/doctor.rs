//! `doctor` in a shell that is set up well, and in some that are not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::{Ended, Place, Running};

/// What the doctor says with these variables set.
fn doctor(place: &Place, words: &str, variables: &[(&str, &str)]) -> Ended {
    let mut command = place.command(&format!("doctor {words}"));
    place.run_command(command.envs(variables.iter().copied()))
}

/// What `env` prints, as variables.
fn variables(place: &Place) -> Vec<(String, String)> {
    let lines = String::from_utf8(place.command("env --data-dir data").output().unwrap().stdout).unwrap();
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.lines().map(pair).collect()
}

fn lines_with(ended: &Ended, word: &str) -> Vec<String> {
    let starts = |line: &&str| line.starts_with(word);
    ended.stdout.lines().filter(starts).map(str::to_owned).collect()
}

fn served() -> (Place, Running) {
    let place = Place::new();
    let server = place.serve("");
    (place, server)
}

#[test]
fn where_everything_is_well_it_says_so_and_ends_with_0() {
    let (place, _server) = served();
    let environment = variables(&place);
    let ended = place.run_command(place.command("doctor --data-dir data").envs(environment));
    let text = ended.to_string();
    let free = text.split("the disk has ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let text = text.replace(free, "[free]");
    assert_snapshot!(text, @"
    exit 0
    --- stdout
    ok     `data` is a data folder that this program reads
    ok     only its owner can look into it
    ok     a server has it and answers at http://127.0.0.1:[port]
    ok     the disk has [free] MiB free
    ok     1 access key works
    ok     the server at http://127.0.0.1:[port] is ready
    ok     this machine's clock agrees with the server's
    ok     AWS clients in this shell ask http://127.0.0.1:[port]
    ok     boto3 and the AWS CLI leave the host name alone; the JavaScript SDK needs `disableHostPrefix: true`
    ok     they sign with the key FTAK[id], which works
    ");
}

#[test]
fn a_folder_without_a_server_is_not_taken_for_that_of_whoever_answers() {
    let (place, _server) = served();
    place.done("farm create --data-dir other oslo");
    let endpoint =
        variables(&place).into_iter().find(|(name, _)| name == "AWS_ENDPOINT_URL_DEADLINE").unwrap().1;
    let unserved = place.command("env --data-dir other").output().unwrap();
    let hint = String::from_utf8(unserved.stderr).unwrap();
    assert!(
        hint.contains("no server has the folder") && hint.contains("farmtally serve --data-dir other"),
        "{hint}"
    );
    let ended = doctor(&place, "--data-dir other", &[("AWS_ENDPOINT_URL_DEADLINE", &endpoint)]);
    let wrong = lines_with(&ended, "wrong");
    assert!(
        ended.code == Some(1) && wrong.iter().any(|line| line.contains("no server has the folder")),
        "{ended}"
    );
}

#[test]
fn a_shell_that_asks_aws_is_told_how_to_ask_us() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let ended = doctor(&place, "--data-dir data --listen 127.0.0.1:0", &[]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stdout.contains("note   no server has the folder\n       farmtally serve --data-dir data\n"),
        "{ended}"
    );
    assert!(
        ended.stdout.ends_with(
            "note   AWS clients in this shell ask AWS: no endpoint is set\n       eval \"$(farmtally env --data-dir data)\"\n"
        ),
        "{ended}"
    );
}

#[test]
fn the_trap_of_the_host_prefix_is_found() {
    let (place, server) = served();
    let endpoint = server.first_line.strip_prefix("farmtally is serving on ").unwrap().to_owned();
    let environment = [("AWS_ENDPOINT_URL_DEADLINE", endpoint.as_str()), ("AWS_REGION", "us-west-2")];
    let ended = doctor(&place, "--data-dir data", &environment);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stdout.contains(
            "wrong  AWS clients ask for `management.127.0.0.1`, and no such host is known\n       \
             export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"
        ),
        "{ended}"
    );
    assert_eq!(lines_with(&ended, "wrong").len(), 2, "{ended}");
    assert!(ended.stdout.contains("wrong  no access key is set\n"), "{ended}");
}

#[test]
fn variables_that_spoil_the_others_are_found() {
    let (place, _server) = served();
    let mut environment = variables(&place);
    for (name, value) in [
        ("AWS_SESSION_TOKEN", "x"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ("HTTP_PROXY", "http://proxy.lan:3128"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ] {
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value.to_owned()));
    }
    let ended = place.run_command(place.command("doctor --data-dir data").envs(environment));
    assert_eq!(ended.code, Some(1), "{ended}");
    assert_eq!(
        lines_with(&ended, "wrong").join("\n"),
        "wrong  the folder has no working key AKIAEXAMPLE\n\
         wrong  AWS_SESSION_TOKEN belongs to another key\n\
         wrong  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS makes clients ask AWS\n\
         wrong  a proxy is set, and clients would ask it for 127.0.0.1"
    );
    assert!(ended.stdout.contains("\n       export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1\n"), "{ended}");
}

#[test]
fn a_secret_of_another_key_and_an_endpoint_where_nobody_listens_are_found() {
    let (place, _server) = served();
    let with = |name: &str, value: &str| {
        let mut environment = variables(&place);
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value.to_owned()));
        place.run_command(place.command("doctor --data-dir data").envs(environment))
    };
    let ended = with("AWS_SECRET_ACCESS_KEY", "wrong");
    assert!(ended.stdout.contains("wrong  the secret that is set is not that of the key "), "{ended}");
    let ended = with("AWS_ENDPOINT_URL_DEADLINE", "http://127.0.0.1:1");
    assert!(ended.stdout.contains("wrong  nobody answers at "), "{ended}");
}

#[test]
fn a_region_that_the_server_does_not_take_is_found() {
    let place = Place::new();
    let _server = place.serve("--region eu-north-1");
    let mut environment = variables(&place);
    environment.retain(|(name, _)| !name.ends_with("REGION"));
    environment.push(("AWS_DEFAULT_REGION".to_owned(), "us-east-1".to_owned()));
    let ended = place.run_command(place.command("doctor --data-dir data").envs(environment));
    assert_eq!(
        lines_with(&ended, "wrong").join("\n"),
        "wrong  they sign for the region us-east-1, and the server accepts eu-north-1 alone"
    );
    assert!(
        ended.stdout.contains("\n       export AWS_REGION=eu-north-1 AWS_DEFAULT_REGION=eu-north-1"),
        "{ended}"
    );
}

#[test]
fn a_written_profile_is_found_to_be_enough() {
    let (place, _server) = served();
    place.done("env --data-dir data --write-profile");
    let ended = doctor(&place, "--data-dir data", &[("AWS_PROFILE", "farmtally")]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.contains("which works\n"), "{ended}");
    let ended = doctor(&place, "--data-dir data", &[("AWS_PROFILE", "nobody")]);
    assert!(ended.stdout.contains("wrong  `[place]/.aws/config` has no profile `nobody`\n"), "{ended}");
}

#[test]
fn a_folder_that_others_can_read_is_found() {
    let (place, _server) = served();
    fs::set_permissions(place.path("data"), Permissions::from_mode(0o755)).unwrap();
    let ended = doctor(&place, "--data-dir data", &[]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stdout.contains("(mode 755)") && ended.stdout.contains("\n       chmod 700 data\n"),
        "{ended}"
    );
}

#[test]
fn a_master_key_that_was_replaced_is_found() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    place.done("key create --data-dir data");
    place.write("data/master.key", &format!("{}\n", "0".repeat(64)));
    let ended = doctor(&place, "--data-dir data --listen 127.0.0.1:0", &[]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stdout.contains("was `master.key` replaced?\n       restore `master.key` from a backup"),
        "{ended}"
    );
}

#[test]
fn a_server_that_was_killed_is_told_from_one_that_answers() {
    let (place, server) = served();
    let quick = || place.run("doctor --data-dir data --quick");
    assert_eq!(quick().code, Some(0), "{}", quick());
    server.kill();
    let ended = quick();
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.contains("wrong  nobody answers at http://127.0.0.1:[port]"), "{ended}");
    let ended = doctor(&place, "--data-dir data", &[]);
    assert!(ended.stdout.contains("left its address http://127.0.0.1:[port] behind and is gone"), "{ended}");
}

#[test]
fn a_port_that_another_program_has_is_found() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = doctor(&Place::new(), &format!("--listen {}", taken.local_addr().unwrap()), &[]);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.contains("note   cannot listen on 127.0.0.1:[port]"), "{ended}");
    assert!(
        ended.stdout.contains("\n       farmtally serve --data-dir DIR --listen 127.0.0.1:[port]\n"),
        "{ended}"
    );
}

#[test]
fn to_look_is_not_to_make() {
    let place = Place::new();
    let ended = doctor(&place, "--data-dir data --listen 127.0.0.1:0", &[]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stdout.starts_with(
        "wrong  there is no farmtally data in `data`\n       farmtally serve --data-dir data\n"
    ));
    assert!(!place.path("data").exists());
    let (served, server) = served();
    let before = served.done("key list --data-dir data");
    doctor(&served, "--data-dir data", &[]);
    assert_eq!(served.done("key list --data-dir data"), before);
    server.stop(Signal::TERM);
}
