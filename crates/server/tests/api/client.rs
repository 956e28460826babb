//! A client that signs by hand and sends exactly what it is told, for what a real one would never send.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use farmtally_sigv4::{OutgoingRequest, SecretAccessKey, Signer, body_sha256};
use serde_json::Value;

/// Fails a test that would hang.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// An access key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
}

/// A request, and how it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    /// Sent after signing, so that they are not covered.
    pub(crate) unsigned_headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            host: "management.127.0.0.1:8037".into(),
            headers: Vec::new(),
            body: Vec::new(),
            region: "us-west-2",
            service: "deadline",
            unsigned_headers: Vec::new(),
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let mut call = Self::new("POST", target).header("content-type", "application/json");
        call.body = body.into();
        call
    }

    pub(crate) fn delete(target: impl Into<String>) -> Self {
        Self::new("DELETE", target)
    }

    /// A header that is signed.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A header that is not signed.
    pub(crate) fn unsigned_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.unsigned_headers.push((name, value.into()));
        self
    }

    pub(crate) fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The bytes of the request, signed as of an instant.
    pub(crate) fn signed(self, key: &Key, unix_seconds: i64) -> Vec<u8> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let signer = Signer {
            access_key_id: &key.access_key_id,
            secret_access_key: &SecretAccessKey::new(key.secret.clone()),
            region: self.region,
            service: self.service,
        };
        let request = OutgoingRequest {
            method: self.method,
            host: &self.host,
            target: &self.target,
            headers: &headers,
            body_sha256: &body_sha256(&self.body),
        };
        let signing = signer.sign(&request, unix_seconds);
        self.header("authorization", signing.authorization)
            .header("x-amz-date", signing.x_amz_date)
            .unsigned()
    }

    /// The bytes of the request as they are.
    pub(crate) fn unsigned(self) -> Vec<u8> {
        let request_line = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.target, self.host);
        let headers = self.headers.iter().chain(&self.unsigned_headers);
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = request_line + &headers.concat() + &format!("content-length: {}\r\n\r\n", self.body.len());
        [head.into_bytes(), self.body].concat()
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header that comes at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next()?;
        assert_eq!(values.next(), None, "{name} came twice");
        Some(&value.1)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The JSON body of a success.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The JSON body of an error, which has to look like one of AWS's.
    pub(crate) fn error(&self, status: u16, name: &str) -> Value {
        assert_eq!((self.status, self.header("x-amzn-errortype")), (status, Some(name)), "{}", self.text());
        let body = self.json();
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        body
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
        stream.set_write_timeout(Some(ANSWER_MAX)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer, or `None` if the server closes the connection instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let head_end = loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if !self.receive() {
                assert_eq!(self.received, b"", "the connection was closed inside an answer");
                return None;
            }
        };
        let head = String::from_utf8(self.received.drain(..head_end + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.into(), value.into()));
        let mut answer = Answer { status, headers: lines.filter_map(header).collect(), body: Vec::new() };
        answer.body = match answer.header("content-length") {
            Some(length) => self.body(length.parse().unwrap()),
            None if answer.header("transfer-encoding") == Some("chunked") => self.chunks(),
            None => Vec::new(),
        };
        Some(answer)
    }

    fn body(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.receive(), "the connection was closed inside a body");
        }
        self.received.drain(..length).collect()
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                if let Some(end) = self.received.windows(2).position(|bytes| bytes == b"\r\n") {
                    break end;
                }
                assert!(self.receive(), "the connection was closed between chunks");
            };
            let line: Vec<u8> = self.received.drain(..line_end + 2).collect();
            let length = std::str::from_utf8(&line[..line_end]).unwrap();
            let chunk = self.body(usize::from_str_radix(length, 16).unwrap() + 2);
            if chunk.len() == 2 {
                return body;
            }
            body.extend(&chunk[..chunk.len() - 2]);
        }
    }

    /// Everything until the server closes the connection.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        while self.receive() {}
        self.received
    }

    /// Whether more came. A reset is an end too.
    fn receive(&mut self) -> bool {
        let mut bytes = [0; 8 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(length) => {
                self.received.extend(&bytes[..length]);
                length > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer and no end of the connection: {error}"),
        }
    }
}
