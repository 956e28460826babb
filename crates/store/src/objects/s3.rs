//! Shared files as objects of a server that speaks S3: three calls, signed, and made again while that may help.
//!
//! No object is ever written with other bytes than before, so that a call that broke off can be made again without harm, and
//! who reads an object sees all of it or none.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use farmtally_sigv4::{OutgoingRequest, Signer, body_sha256};
use ureq::http::{Request, StatusCode};
use ureq::{Agent, Body};

use crate::error::StoreError;
use crate::hex::hex;
use crate::objects::S3Address;

/// How often a call is made before it is given up.
const ATTEMPTS_MAX: u32 = 6;

/// The wait after the first attempt, which doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long it may take to reach the server, and how long it may be silent.
const CONNECTING_MAX: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// More than any segment or answer has.
const OBJECT_BYTES_MAX: u64 = 1 << 32;

/// As much of an error's text as says what is wrong.
const ERROR_BYTES_MAX: u64 = 1 << 16;

/// A bucket, or a part of one.
#[derive(Debug)]
pub(crate) struct S3 {
    address: S3Address,
    agent: Agent,
}

/// An attempt that failed, and whether another one may help.
struct Failed {
    cause: String,
    passes: bool,
}

impl S3 {
    pub(crate) fn new(address: S3Address) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECTING_MAX))
            .timeout_recv_response(Some(SILENCE_MAX))
            .timeout_per_read(Some(SILENCE_MAX))
            .timeout_per_write(Some(SILENCE_MAX))
            .user_agent(concat!("farmtally/", env!("CARGO_PKG_VERSION")));
        Self { address, agent: config.build().new_agent() }
    }

    /// Where it is, without its key pair.
    pub(crate) fn shown(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.call("PUT", name, bytes).and_then(|found| match found {
            Some(_) => Ok(()),
            None => Err(self.refused("PUT", name, "there is no such bucket")),
        })
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.call("GET", name, b"")?.map(Bytes::from))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.call("DELETE", name, b"").map(drop)
    }

    /// Makes a call until it is answered; `None` when there is no such object.
    fn call(&self, method: &str, name: &str, body: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            match self.attempt(method, name, body) {
                Ok(answer) => return Ok(answer),
                Err(failed) if failed.passes && attempt < ATTEMPTS_MAX => {
                    tracing::debug!(
                        attempt,
                        cause = failed.cause,
                        method,
                        name,
                        "a call of S3 is made again"
                    );
                    sleep(spread(wait));
                    wait *= 2;
                }
                Err(failed) => return Err(self.refused(method, name, &failed.cause)),
            }
        }
        Ok(None)
    }

    fn attempt(&self, method: &str, name: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Failed> {
        let request = self.signed(method, name, body).map_err(|error| lasting(&error))?;
        let mut response = self.agent.run(request).map_err(|error| of_transport(&error))?;
        let status = response.status();
        if status.is_success() {
            let length = response.body().content_length();
            let limited = response.body_mut().with_config().limit(OBJECT_BYTES_MAX);
            let bytes = limited.read_to_vec().map_err(|error| of_transport(&error))?;
            if length.is_some_and(|length| length != bytes.len() as u64) {
                return Err(Failed { cause: "the answer broke off".to_owned(), passes: true });
            }
            return Ok(Some(bytes));
        }
        let code = error_code(response.body_mut());
        if status == StatusCode::NOT_FOUND && code != "NoSuchBucket" {
            return Ok(None);
        }
        let passes = code == "SlowDown" || [408, 429, 500, 502, 503, 504].contains(&status.as_u16());
        Err(Failed { cause: format!("{} {code}", status.as_u16()), passes })
    }

    fn signed<'a>(
        &self,
        method: &str,
        name: &str,
        body: &'a [u8],
    ) -> Result<Request<&'a [u8]>, ureq::http::Error> {
        let S3Address { access_key_id, secret_access_key, region, origin, host, base, .. } = &self.address;
        // Sent as it is, its `=` too: the signature has the path encoded once, which is what S3 signs.
        let target = format!("{base}{name}");
        let sha256 = body_sha256(body);
        let hash = hex(&sha256);
        let headers = [("x-amz-content-sha256", hash.as_bytes())];
        let outgoing =
            OutgoingRequest { method, host, target: &target, headers: &headers, body_sha256: &sha256 };
        let signer = Signer { access_key_id, secret_access_key, region, service: "s3" };
        let signing = signer.sign(&outgoing, now_unix_seconds());
        Request::builder()
            .method(method)
            .uri(format!("{origin}{target}"))
            .header("host", host)
            .header("x-amz-content-sha256", &hash)
            .header("x-amz-date", signing.x_amz_date)
            .header("authorization", signing.authorization)
            .body(body)
    }

    fn refused(&self, method: &str, name: &str, cause: &str) -> StoreError {
        StoreError::Objects { place: self.shown(), cause: format!("{method} of `{name}`: {cause}") }
    }
}

/// The code in an error's document, or its beginning when there is none.
fn error_code(body: &mut Body) -> String {
    let text =
        body.with_config().limit(ERROR_BYTES_MAX).lossy_utf8(true).read_to_string().unwrap_or_default();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or_else(|| text.chars().take(100).collect(), |(code, _)| code.to_owned())
}

fn of_transport(error: &ureq::Error) -> Failed {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
    let passes = matches!(error, Io(_) | Timeout(_) | Protocol(_) | ConnectionFailed | HostNotFound);
    Failed { cause: error.to_string(), passes }
}

fn lasting(error: &ureq::http::Error) -> Failed {
    Failed { cause: error.to_string(), passes: false }
}

/// At random between half of a time and all of it, so that servers that were refused together do not come back together.
fn spread(wait: Duration) -> Duration {
    let half = wait / 2;
    let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    half + Duration::from_micros(getrandom::u64().unwrap_or_default() % micros.max(1))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature says when it was made; nothing that is stored or answered depends on it"
)]
fn now_unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::{JoinHandle, spawn};

    /// The first line of a request, and its body.
    type Received = (String, Vec<u8>);

    /// Answers one request after the other on connections of their own, and gives their first lines and their bodies.
    fn server(answers: &'static [&'static str]) -> (S3, JoinHandle<Vec<Received>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = format!("s3://key:secret@films/tally?endpoint=http://127.0.0.1:{port}");
        let serving = spawn(move || {
            let serve = |answer: &&str| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut lines, mut length) = (Vec::new(), 0);
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                    lines.push(line.trim_end().to_owned());
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                (lines.remove(0), body)
            };
            answers.iter().map(serve).collect()
        });
        (S3::new(S3Address::parse(&address).unwrap()), serving)
    }

    #[test]
    fn an_answer_that_passes_is_asked_for_again_and_a_body_that_breaks_off_too() {
        let (s3, serving) = server(&[
            "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: 28\r\n\r\n<Error><Code>SlowDown</Code>",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nseg",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nsegme",
        ]);
        assert_eq!(s3.get("sessions/farm=f/1.parquet").unwrap().as_deref(), Some(&b"segme"[..]));
        let requests = serving.join().unwrap();
        assert_eq!(requests.len(), 4);
        assert!(
            requests.iter().all(|(line, _)| line == "GET /films/tally/sessions/farm=f/1.parquet HTTP/1.1")
        );
    }

    #[test]
    fn what_is_not_there_is_none_and_what_is_refused_is_told_without_the_secret() {
        const GONE: &str = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 29\r\n\r\n<Error><Code>NoSuchKey</Code>";
        const NO_BUCKET: &str = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 32\r\n\r\n<Error><Code>NoSuchBucket</Code>";
        const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 32\r\n\r\n<Error><Code>AccessDenied</Code>";
        let (s3, serving) = server(&[GONE, GONE, NO_BUCKET, DENIED]);
        assert_eq!(s3.get("a").unwrap(), None);
        s3.remove("a").unwrap();
        let error = s3.get("a").unwrap_err().to_string();
        assert!(error.contains("`s3://films/tally`") && error.contains("404 NoSuchBucket"), "{error}");
        let error = s3.put("a", b"body").unwrap_err();
        assert!(
            error.to_string().contains("403 AccessDenied") && !error.to_string().contains("secret"),
            "{error}"
        );
        assert_eq!(
            serving.join().unwrap().pop().unwrap(),
            ("PUT /films/tally/a HTTP/1.1".to_owned(), b"body".to_vec())
        );
    }
}
