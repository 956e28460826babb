//! `serve`: ready, in use, and stopped.

use std::io::{Read, Write};
use std::net::TcpStream;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::door::Place;

#[test]
fn one_line_says_ready_and_a_signal_ends_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let server = place.serve("");
        assert_eq!(place.masked(&server.first_line), "farmtally is serving on http://127.0.0.1:[port]");
        assert_eq!(server.stop(signal), (Some(0), String::new()));
    }
}

#[test]
fn who_sees_the_line_can_connect() {
    let place = Place::new();
    let server = place.serve("");
    let address = server.first_line.rsplit_once("//").unwrap().1;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn the_first_start_makes_a_key_and_says_how_to_get_it() {
    let place = Place::new();
    let mut server = place.serve("");
    assert_snapshot!(server.wait_for_stderr("key"), @"Made an admin key. `farmtally env --data-dir data` prints it.");
    assert!(server.wait_for_stderr("Overview").contains("/?token="));
    server.stop(Signal::TERM);
    let mut second = place.serve("");
    assert!(second.wait_for_stderr("").starts_with("Overview"), "the second start makes no key");
}

#[test]
fn a_folder_has_one_server() {
    let place = Place::new();
    let _server = place.serve("");
    assert_snapshot!(place.run("serve --data-dir data --listen 127.0.0.1:0"), @"
    exit 1
    --- stderr
    error: cannot open `data`: it is in use by process [pid]
    hint: stop that server, or pass another `--data-dir`
    ");
}

#[test]
fn a_port_has_one_listener() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    assert_snapshot!(place.run(&format!("serve --data-dir data --listen {address} --log off")), @"
    exit 1
    --- stderr
    error: cannot listen on `127.0.0.1:[port]`: Address already in use (os error 98)
    hint: another program listens there; pass another `--listen`, or port 0 for any
    ");
}

#[test]
fn an_open_network_is_allowed_behind_a_proxy() {
    let place = Place::new();
    let server = place.start("serve --data-dir data --listen 0.0.0.0:0 --behind-tls-proxy");
    assert!(
        server.first_line.starts_with("farmtally is serving on http://0.0.0.0:"),
        "{}",
        server.first_line
    );
    assert!(place.read("data/endpoint").starts_with("http://127.0.0.1:"));
    assert_eq!(server.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_log_can_be_json() {
    let place = Place::new();
    let mut server = place.serve("--log-format json");
    server.wait_for_stderr("Overview");
    let address = server.first_line.rsplit_once("//").unwrap().1.to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let line = server.wait_for_stderr("/nowhere");
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
}

#[test]
fn a_port_that_is_in_use_leaves_no_folder_behind() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for command in ["serve", "demo"] {
        let ended = place.run(&format!("{command} --data-dir data --listen {address}"));
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(ended.stderr.contains("hint: another program listens there"), "{ended}");
        assert!(!place.path("data").exists(), "{command}");
    }
}
