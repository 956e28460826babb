//! What a client sends before and after it is known who it is.

use farmtally_sigv4::{
    ClockSkewMax, OutgoingRequest, Policy, ReceivedRequest, SecretAccessKey, Signer, UnverifiedSignature,
    body_sha256,
};
use farmtally_wire::{
    CheckedRequest, Operation, Received, Route, ValidationError, WireError, parse_get, parse_list_farms,
    parse_list_fleets, parse_list_queues, parse_start,
};

use crate::text;

/// 2025-11-26T00:00:00Z.
const NOW_UNIX_SECONDS: i64 = 1_764_115_200;
const DATE: &[u8] = b"20251126T000000Z";
const FARM: &str = "farm-0123456789abcdef0123456789abcdef";

fn policy() -> Policy {
    Policy { service: "deadline".into(), region: None, clock_skew_max: ClockSkewMax::DEFAULT }
}

/// A request that nobody signed must not be taken for one that this key signed.
fn refuse(request: &ReceivedRequest<'_>) {
    match UnverifiedSignature::from_request(request, &policy(), NOW_UNIX_SECONDS) {
        Ok(signature) => {
            let secret = SecretAccessKey::new("a secret that no input knows about".into());
            assert!(signature.verify(&secret).is_err(), "a forged signature was accepted");
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.aws_error_type().is_empty());
        }
    }
}

pub(crate) fn authorization(bytes: &[u8]) {
    let headers: [(&str, &[u8]); 3] = [("host", b"farm.lan"), ("x-amz-date", DATE), ("authorization", bytes)];
    let body_sha256 = body_sha256(b"");
    refuse(&ReceivedRequest { method: "GET", target: "/", headers: &headers, body_sha256: &body_sha256 });
}

/// Lines: method, target, `name: value` headers, an empty line, and the body.
pub(crate) fn signed_request(bytes: &[u8]) {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &b""[..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let method = text(lines.next().unwrap_or_default());
    let target = text(lines.next().unwrap_or_default());
    let headers: Vec<(String, &[u8])> = lines.filter_map(header).collect();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let body_sha256 = body_sha256(body);
    refuse(&ReceivedRequest {
        method: &method,
        target: &target,
        headers: &headers,
        body_sha256: &body_sha256,
    });
    accept_what_was_signed(&method, &target, &body_sha256);
}

fn header(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((text(&line[..colon]).into_owned(), &line[colon + 1..]))
}

/// What our own signer signs, our verifier accepts, whatever the target looks like.
fn accept_what_was_signed(method: &str, target: &str, body_sha256: &[u8; 32]) {
    let secret = SecretAccessKey::new("secret".into());
    let signer = Signer {
        access_key_id: "FTAK",
        secret_access_key: &secret,
        region: "us-west-2",
        service: "deadline",
    };
    let request = OutgoingRequest { method, host: "farm.lan", target, headers: &[], body_sha256 };
    let signed = signer.sign(&request, NOW_UNIX_SECONDS);
    let headers: [(&str, &[u8]); 3] = [
        ("host", b"farm.lan"),
        ("x-amz-date", signed.x_amz_date.as_bytes()),
        ("authorization", signed.authorization.as_bytes()),
    ];
    let received = ReceivedRequest { method, target, headers: &headers, body_sha256 };
    match UnverifiedSignature::from_request(&received, &policy(), NOW_UNIX_SECONDS) {
        Ok(signature) => assert!(signature.verify(&secret).is_ok(), "{method:?} {target:?}"),
        // A target with parameters of another way to sign is refused, whoever signed it.
        Err(error) => assert_eq!(error.aws_error_type(), "IncompleteSignatureException", "{error}"),
    }
}

/// The first line is the method, the rest the path.
pub(crate) fn route(bytes: &[u8]) {
    let text = text(bytes);
    let (method, path) = text.split_once('\n').unwrap_or(("GET", &text));
    let routed = Operation::route(method, path);
    assert_eq!(Operation::route(method, path), routed);
}

pub(crate) fn start(bytes: &[u8]) {
    check(parse_start(FARM, bytes));
    check(parse_start(&text(bytes), b"{}"));
}

pub(crate) fn get(bytes: &[u8]) {
    check(parse_get(FARM, &text(bytes)));
}

/// The first line is the query, the rest the body, of a request of every operation; of one of them where many are tried.
pub(crate) fn lists(bytes: &[u8]) {
    let text = text(bytes);
    let (query, body) = text.split_once('\n').unwrap_or((&text, ""));
    let sum: usize = bytes.iter().copied().map(usize::from).sum();
    let one = sum % Operation::ALL.len();
    let tried = if cfg!(feature = "libfuzzer") { &Operation::ALL[one..=one] } else { Operation::ALL };
    for operation in tried {
        check(read(*operation, query, body));
    }
    if let Ok(request) = read(Operation::ListFarms, query, body) {
        check(parse_list_farms(&request));
    }
    if let Ok(request) = read(Operation::ListQueues, query, body) {
        check(parse_list_queues(&request));
    }
    if let Ok(request) = read(Operation::ListFleets, query, body) {
        check(parse_list_fleets(&request));
    }
}

fn read(operation: Operation, query: &str, body: &str) -> Result<CheckedRequest, ValidationError> {
    let path: Vec<&str> = operation.path_template().split('/').map(with_farm).collect();
    let labels = match Operation::route(operation.method(), &path.join("/")) {
        Route::Operation { labels, .. } => labels,
        Route::UnknownOperation => unreachable!("an operation's own path leads to it"),
    };
    let received =
        Received { labels: &labels, raw_query: query, client_token: Some(query), body: body.as_bytes() };
    CheckedRequest::read(operation, &received)
}

/// A part of a path with an id in the place of its label.
fn with_farm(part: &str) -> &str {
    if part.starts_with('{') { FARM } else { part }
}

/// A refusal is a 400 whose body is JSON.
fn check<T>(read: Result<T, ValidationError>) {
    if let Err(error) = read {
        let error = WireError::from(error);
        assert_eq!(error.status(), 400);
        assert!(error.body().starts_with(b"{"));
    }
}
