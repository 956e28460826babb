//! Shutting down: no new connections, requests in flight end, and nobody is waited for too long.

use std::net::TcpStream;
use std::time::Duration;

use farmtally_server::ConnectionLimits;

use crate::client::{Call, Connection};
use crate::door::{FARM, Farmtally, Setup, sessions, wait_until};
use crate::records::session;

/// Sends the head of a signed request, and gives its body once the server wants it.
fn begin_request(farmtally: &Farmtally) -> (Connection, Vec<u8>) {
    let call = sessions(FARM, &[session(1)]).unsigned_header("expect", "100-continue");
    let bytes = call.signed(&farmtally.key, farmtally.unix_seconds());
    let head_length = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let mut connection = farmtally.connect();
    connection.send(&bytes[..head_length]);
    assert_eq!(connection.answer().unwrap().status, 100);
    (connection, bytes[head_length..].to_vec())
}

#[test]
fn a_request_in_flight_ends_and_no_other_begins() {
    let mut farmtally = Farmtally::start();
    let (address, idle) = (farmtally.address(), farmtally.connect());
    let mut waiting = farmtally.connect();
    waiting.send(&Call::get("/livez").unsigned());
    assert_eq!(waiting.answer().unwrap().status, 200);
    let (mut connection, body) = begin_request(&farmtally);
    let server = farmtally.begin_shutdown();
    wait_until("the server no longer listens", || TcpStream::connect(address).is_err());
    assert_eq!(idle.rest(), b"");
    assert!(waiting.answer().is_none());
    connection.send(&body);
    let answer = connection.answer().unwrap();
    assert_eq!(answer.ok()["stored"], 1);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(connection.answer().is_none());
    server.join().unwrap().unwrap();
}

#[test]
fn a_request_that_does_not_end_is_cut_off() {
    let limits =
        ConnectionLimits { shutdown_grace: Duration::from_millis(50), ..ConnectionLimits::default() };
    let mut farmtally = Farmtally::with(Setup { connection_limits: limits, ..Setup::default() });
    let (mut connection, _) = begin_request(&farmtally);
    let error = farmtally.begin_shutdown().join().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "requests on 1 connections did not end within 0.05 seconds and were cut off"
    );
    assert!(connection.answer().is_none());
}

#[test]
fn an_address_that_is_taken_is_said_to_be() {
    let farmtally = Farmtally::start();
    let options = farmtally_server::ServerOptions::new(farmtally.address());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bound = runtime.block_on(farmtally_server::Server::bind(farmtally.service.clone(), options));
    let error = bound.unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().starts_with(&format!("cannot listen on `{}`: ", farmtally.address())),
        "{error}"
    );
}
