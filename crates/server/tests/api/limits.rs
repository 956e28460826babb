//! What a client may not do to the server: be slow, be large, be many, or be garbage.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use farmtally_server::ConnectionLimits;

use crate::client::Call;
use crate::door::{FARM, Farmtally, Setup, aggregation_path};

const API_BODY_BYTES_MAX: usize = 64 * 1024;
const INGEST_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

fn impatient(change: impl FnOnce(&mut ConnectionLimits)) -> Farmtally {
    let mut connection_limits = ConnectionLimits::default();
    change(&mut connection_limits);
    Farmtally::with(Setup { connection_limits, ..Setup::default() })
}

fn live() -> Vec<u8> {
    Call::get("/livez").unsigned()
}

fn sessions_path() -> String {
    format!("/api/v1/farms/{FARM}/sessions")
}

#[test]
fn a_head_that_does_not_end_ends_the_connection() {
    let farmtally = impatient(|limits| limits.head_read_max = Duration::from_millis(50));
    for bytes in ["", "G", "GET /livez HTTP/1.1\r\nhost: x\r\n", "GET /livez HTTP/1.1\r\nx: "] {
        let mut connection = farmtally.connect();
        connection.send(bytes.as_bytes());
        assert_eq!(String::from_utf8_lossy(&connection.rest()), "", "{bytes:?}");
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let farmtally = impatient(|limits| limits.head_read_max = Duration::from_millis(50));
    let mut connection = farmtally.connect();
    connection.send(&live());
    assert_eq!(connection.answer().unwrap().status, 200);
    assert!(connection.answer().is_none());
}

#[test]
fn a_body_that_does_not_end_is_to_be_sent_again_and_ends_the_connection() {
    let farmtally = impatient(|limits| limits.body_read_max = Duration::from_millis(50));
    for framing in ["content-length: 10\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let mut connection = farmtally.connect();
        connection
            .send(format!("POST {} HTTP/1.1\r\nhost: x\r\n{framing}", aggregation_path(FARM)).as_bytes());
        let answer = connection.answer().unwrap();
        // Clients repeat it: a server that was frozen between head and body has seen no body in time either.
        let body = answer.error(429, "ThrottlingException");
        assert!(body["message"].as_str().unwrap().contains("0.05 seconds"), "{body}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.answer().is_none());
    }
}

#[test]
fn a_client_that_takes_no_answer_is_cut_off() {
    let farmtally = impatient(|limits| limits.write_stall_max = Duration::from_millis(50));
    let mut stream = TcpStream::connect(farmtally.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // The sign-in page, which anybody gets.
    let requests = Call::get("/").host("localhost").unsigned().repeat(1_000);
    // Never reads, so that the answers fill every buffer on the way.
    let error = loop {
        if let Err(error) = stream.write_all(&requests) {
            break error;
        }
    };
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::ConnectionAborted];
    assert!(kinds.contains(&error.kind()), "{error}");
}

#[test]
fn a_body_of_an_operation_has_at_most_64_kib() {
    let farmtally = Farmtally::start();
    let send = |length: usize| farmtally.call(Call::post(aggregation_path(FARM), vec![b' '; length]));
    let body = send(API_BODY_BYTES_MAX).error(400, "ValidationException");
    assert_eq!(body["reason"], "CANNOT_PARSE");
    let answer = send(API_BODY_BYTES_MAX + 1);
    let body = answer.error(413, "RequestTooLargeException");
    assert!(body["message"].as_str().unwrap().contains("65536 bytes"), "{body}");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_body_of_sessions_has_at_most_8_mib() {
    let farmtally = Farmtally::start();
    let send = |length: usize| farmtally.call(Call::post(sessions_path(), vec![b'\n'; length]));
    assert_eq!(send(INGEST_BODY_BYTES_MAX).ok()["received"], 0);
    send(INGEST_BODY_BYTES_MAX + 1).error(413, "RequestTooLargeException");
}

#[test]
fn bodies_of_all_connections_share_one_limit_of_memory() {
    let farmtally = impatient(|limits| limits.bodies_bytes_max = 1000);
    let send = |length: usize| farmtally.call(Call::post(sessions_path(), vec![b'\n'; length]));
    let first = send(1001);
    first.error(429, "ThrottlingException");
    assert_eq!((first.header("retry-after"), first.header("connection")), (Some("1"), Some("close")));
    // What was taken is given back, whether the body was refused or answered.
    for _ in 0..3 {
        send(1000).ok();
    }
}

#[test]
fn a_chunked_body_has_the_same_limit() {
    let farmtally = Farmtally::start();
    let mut connection = farmtally.connect();
    let head =
        format!("POST {} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", aggregation_path(FARM));
    connection.send(head.as_bytes());
    let chunk = [b"8000\r\n".to_vec(), vec![b' '; 0x8000], b"\r\n".to_vec()].concat();
    for _ in 0..3 {
        connection.send(&chunk);
    }
    connection.send(b"0\r\n\r\n");
    connection.answer().unwrap().error(413, "RequestTooLargeException");
}

#[test]
fn a_head_has_at_most_64_headers_and_32_kib() {
    let farmtally = Farmtally::start();
    let with_headers = |count: usize, length: usize| {
        let header = |number| format!("x-{number}: {}\r\n", "a".repeat(length));
        let headers: String = (0..count).map(header).collect();
        farmtally.send(format!("GET /livez HTTP/1.1\r\nhost: x\r\n{headers}\r\n").as_bytes()).status
    };
    assert_eq!(with_headers(63, 1), 200);
    assert_eq!(with_headers(64, 1), 431);
    assert_eq!(with_headers(1, 32_000), 200);
    assert_eq!(with_headers(1, 33_000), 431);
}

#[test]
fn a_connection_too_many_waits_for_another_to_end() {
    let farmtally = impatient(|limits| limits.connections_max = 1);
    let mut first = farmtally.connect();
    first.send(&live());
    assert_eq!(first.answer().unwrap().status, 200);
    let mut second = farmtally.connect();
    second.send(&live());
    // The only place is taken, so that what comes next comes to the first.
    first.send(&live());
    assert_eq!(first.answer().unwrap().status, 200);
    drop(first);
    assert_eq!(second.answer().unwrap().status, 200);
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    let farmtally = Farmtally::start();
    let mut connection = farmtally.connect();
    let unknown = Call::get("/nowhere").unsigned();
    let signed = Call::get("/2023-10-12/farms").signed(&farmtally.key, farmtally.unix_seconds());
    connection.send(&[live(), unknown, signed, live()].concat());
    let statuses: Vec<u16> = (0..4).map(|_| connection.answer().unwrap().status).collect();
    assert_eq!(statuses, [200, 404, 200, 200]);
}

#[test]
fn garbage_is_refused_or_the_connection_closed() {
    let farmtally = Farmtally::start();
    let garbage: [&[u8]; 11] = [
        b"\r\n\r\n\r\n\r\nx\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n",
        b"POST /livez HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /livez HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ];
    for bytes in garbage {
        let mut connection = farmtally.connect();
        connection.send(bytes);
        let received = String::from_utf8_lossy(&connection.rest()).into_owned();
        assert!(received.is_empty() || received.starts_with("HTTP/1.1 4"), "{received}");
    }
}

#[test]
fn broken_chunks_are_refused() {
    let farmtally = Farmtally::start();
    let mut connection = farmtally.connect();
    let head =
        format!("POST {} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", aggregation_path(FARM));
    connection.send([head.as_bytes(), b"zz\r\n{}\r\n0\r\n\r\n"].concat().as_slice());
    let body = connection.answer().unwrap().error(400, "ValidationException");
    assert_eq!(body["reason"], "CANNOT_PARSE");
    assert!(connection.answer().is_none());
}

#[test]
fn two_ways_to_say_where_a_body_ends_do_not_hide_a_second_request() {
    let farmtally = Farmtally::start();
    let mut connection = farmtally.connect();
    let head = "POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.send([head, "0\r\n\r\nGET /livez HTTP/1.1\r\nhost: x\r\n\r\n"].concat().as_bytes());
    let received = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(!received.contains("HTTP/1.1 200"), "{received}");
}
