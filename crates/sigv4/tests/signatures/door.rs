//! The one way by which these tests ask whether a request is accepted, and a request to begin from.

use farmtally_sigv4::{
    ClockSkewMax, OutgoingRequest, Policy, ReceivedRequest, SecretAccessKey, SignatureError, Signer,
    UnverifiedSignature, Verified, body_sha256,
};

pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-21T01:25:57Z.
pub(crate) const NOW: i64 = 1_795_224_357;

/// A request on its way, for a test to change.
#[derive(Clone, Debug)]
pub(crate) struct SentRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl SentRequest {
    /// A request like those that boto3 sends, signed at [`NOW`].
    pub(crate) fn signed() -> Self {
        let body = br#"{"groupBy": ["USER_ID"]}"#.to_vec();
        let mut request = Self {
            method: "POST".to_owned(),
            target: "/2023-10-12/farms/f/sessions-statistics-aggregation".to_owned(),
            headers: vec![
                ("Host".to_owned(), b"127.0.0.1:8080".to_vec()),
                ("Content-Type".to_owned(), b"application/json".to_vec()),
            ],
            body,
        };
        request.sign(NOW);
        request
    }

    /// Signs the first header as the host, and all the others; a signature of before is replaced.
    pub(crate) fn sign(&mut self, now_unix_seconds: i64) {
        self.remove("authorization");
        self.remove("x-amz-date");
        let headers = self.borrowed_headers();
        let secret = SecretAccessKey::new(SECRET.to_owned());
        let signer = Signer {
            access_key_id: ACCESS_KEY_ID,
            secret_access_key: &secret,
            region: "us-west-2",
            service: "deadline",
        };
        let outgoing = OutgoingRequest {
            method: &self.method,
            host: str::from_utf8(headers[0].1).unwrap(),
            target: &self.target,
            headers: &headers[1..],
            body_sha256: &body_sha256(&self.body),
        };
        let signing = signer.sign(&outgoing, now_unix_seconds);
        self.add("X-Amz-Date", &signing.x_amz_date);
        self.add("Authorization", &signing.authorization);
    }

    pub(crate) fn borrowed_headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        *self.value_mut(name) = value.as_ref().to_vec();
    }

    /// Replaces text that must be there in the value of a header.
    pub(crate) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let value = self.value_mut(name);
        let text = str::from_utf8(value).unwrap();
        assert!(text.contains(from), "{text} has no {from}");
        *value = text.replacen(from, to, 1).into_bytes();
    }

    pub(crate) fn value_mut(&mut self, name: &str) -> &mut Vec<u8> {
        let mut headers = self.headers.iter_mut();
        &mut headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).unwrap().1
    }
}

/// The server's rules in most tests.
pub(crate) fn policy() -> Policy {
    Policy {
        service: "deadline".to_owned(),
        region: Some("us-west-2".to_owned()),
        clock_skew_max: ClockSkewMax::DEFAULT,
    }
}

/// What a server that knows one access key does.
pub(crate) fn check(request: &SentRequest, policy: &Policy, now: i64) -> Result<Verified, SignatureError> {
    let received = ReceivedRequest {
        method: &request.method,
        target: &request.target,
        headers: &request.borrowed_headers(),
        body_sha256: &body_sha256(&request.body),
    };
    let unverified = UnverifiedSignature::from_request(&received, policy, now)?;
    if unverified.access_key_id() == ACCESS_KEY_ID {
        unverified.verify(&SecretAccessKey::new(SECRET.to_owned()))
    } else {
        Err(unverified.verify_unknown())
    }
}
