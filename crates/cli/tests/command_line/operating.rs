//! What an operator does beside serving: settings from three places, readiness, the audit log, and traces.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::{Place, sessions};

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let place = Place::new();
    place.write(
        "farmtally.toml",
        "data-dir = \"data\"\nlisten = \"127.0.0.1:1\"\nregion = \"eu-north-1\"\naggregation-rows-max = 5\n\
         page-host = [\"a.lan\", \"b.lan\"]\nlog = \"debug\"\n",
    );
    let mut command = place.command("config show --config farmtally.toml --listen 127.0.0.1:2");
    command.env("FARMTALLY_REGION", "eu-west-1").env("FARMTALLY_BEHIND_TLS_PROXY", "true");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let shown = |name: &str| {
        text.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap_or(&text).to_owned()
    };
    assert_eq!(shown("listen"), "listen = \"127.0.0.1:2\"  # flag --listen");
    assert_eq!(shown("region"), "region = \"eu-west-1\"  # environment FARMTALLY_REGION");
    assert_eq!(
        shown("behind-tls-proxy"),
        "behind-tls-proxy = true  # environment FARMTALLY_BEHIND_TLS_PROXY"
    );
    assert_eq!(shown("aggregation-rows-max"), "aggregation-rows-max = 5  # file farmtally.toml");
    assert_eq!(shown("page-host"), "page-host = [\"a.lan\", \"b.lan\"]  # file farmtally.toml");
    assert_eq!(shown("log"), "log = \"debug\"  # file farmtally.toml");
    assert_eq!(shown("aggregation-seconds-max"), "aggregation-seconds-max = 300  # default");
    assert_eq!(shown("tls-cert"), "tls-cert = (none)  # not set");
    assert_eq!(shown("data-dir"), "data-dir = \"data\"  # file farmtally.toml");
    assert!(!place.path("data").exists(), "to look is not to make");
}

#[test]
fn a_server_takes_its_settings_from_a_file() {
    let place = Place::new();
    place.write("farmtally.toml", "data-dir = \"data\"\nlisten = \"127.0.0.1:0\"\n");
    let server = place.start("serve --config farmtally.toml");
    assert_eq!(place.masked(&server.first_line), "farmtally is serving on http://127.0.0.1:[port]");
}

#[test]
fn a_setting_that_does_not_exist_is_refused_before_anything_is_made() {
    let place = Place::new();
    place.write("farmtally.toml", "data-dir = \"data\"\nlisten-to = \"127.0.0.1:0\"\n");
    let ended = place.run("serve --config farmtally.toml");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .starts_with("error: `farmtally.toml`: there is no setting `listen-to`\nhint: the settings are "),
        "{ended}"
    );
    assert!(!place.path("data").exists());
}

#[test]
fn ready_asks_the_server_of_the_folder() {
    let place = Place::new();
    assert_snapshot!(place.run("ready --data-dir data"), @"
    exit 1
    --- stderr
    error: no server has `data`
    ");
    let server = place.serve("");
    assert_snapshot!(place.run("ready --data-dir data"), @"
    exit 0
    --- stdout
    the server at http://127.0.0.1:[port] is ready
    ");
    server.kill();
    let ended = place.run("ready --data-dir data");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("is not ready: "), "{ended}");
}

#[test]
fn the_audit_log_tells_what_was_done_and_proves_it() {
    let place = Place::new();
    let server = place.serve("");
    place.done("farm create --data-dir data oslo");
    place.done("key create --data-dir data --role ingester --name \u{1b}[31mred");
    assert_eq!(
        place.run_with_input("import --data-dir data --farm oslo --format jsonl -", &sessions(1, 2)).code,
        Some(0)
    );
    server.stop(Signal::TERM);
    let log = place.read("data/audit.jsonl");
    let done: Vec<String> = log
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["action"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(done, ["key.create", "server.start", "farm.create", "key.create", "import", "server.stop"]);
    assert!(!log.contains('\u{1b}'), "{log}");
    let verified = place.done("verify-audit --data-dir data");
    assert!(verified.starts_with("entries: 6\nhead: "), "{verified}");
    let head = verified.trim_end().rsplit(' ').next().unwrap().to_owned();
    place.done("key create --data-dir data");
    place.done(&format!("verify-audit --data-dir data --known {head}"));

    let whole = std::fs::read_to_string(place.path("data/audit.jsonl")).unwrap();
    place.write("data/audit.jsonl", &whole.replacen("ingester", "reader", 1));
    assert_snapshot!(place.run("verify-audit --data-dir data"), @"
    exit 1
    --- stderr
    error: line 4 of the audit log has another hash than its text; it or a line near it was changed, added, removed or moved
    ");
    let cut: Vec<&str> = whole.lines().take(3).collect();
    place.write("data/audit.jsonl", &(cut.join("\n") + "\n"));
    place.done("verify-audit --data-dir data");
    let ended = place.run(&format!("verify-audit --data-dir data --known {head}"));
    assert!(ended.stderr.contains("the log was cut off or replaced"), "{ended}");
}

#[test]
fn traces_reach_a_collector() {
    let place = Place::new();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let server =
        place.serve(&format!("--log off --otlp-endpoint http://{}", collector.local_addr().unwrap()));
    let address = server.first_line.rsplit_once("//").unwrap().1;
    let mut asked = TcpStream::connect(address).unwrap();
    write!(asked, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let (mut stream, _) = collector.accept().unwrap();
    let mut received = Vec::new();
    while !String::from_utf8_lossy(&received).contains("endTimeUnixNano") {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&part[..length]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    let text = String::from_utf8(received).unwrap();
    assert!(text.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{text}");
    let body: serde_json::Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["name"], "request", "{span}");
    assert_eq!((span["traceId"].as_str().unwrap().len(), span["spanId"].as_str().unwrap().len()), (32, 16));
    assert!(span["attributes"].to_string().contains("livez"), "{span}");
}

#[test]
fn a_token_that_could_be_guessed_is_refused() {
    let place = Place::new();
    place.write("token", "short\n");
    let ended = place.run("serve --data-dir data --listen 127.0.0.1:0 --metrics-token-file token");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stderr.contains("the token in `token` has 5 characters; at least 16 are needed"),
        "{ended}"
    );
}
