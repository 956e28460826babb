//! From a request as it arrived to the access key that signed it.

use std::hint::black_box;

use subtle::ConstantTimeEq;

use crate::amz_date::AmzDate;
use crate::authorization::Authorization;
use crate::canonical_request::CanonicalRequest;
use crate::canonical_uri::{has_empty_segment, parameter_names, split_target};
use crate::credential_scope::CredentialScope;
use crate::error::SignatureError;
use crate::hex;
use crate::policy::Policy;
use crate::secret::SecretAccessKey;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::string_to_sign::StringToSign;

const HOST: &str = "host";
const AUTHORIZATION: &str = "authorization";
const X_AMZ_DATE: &str = "x-amz-date";
const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";
const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
/// Headers and query parameters that begin so, in any case, steer authentication. (`x-amzn-trace-id` does not
/// begin so: load balancers add it and clients leave it unsigned.)
const X_AMZ_PREFIX: &[u8] = b"x-amz-";

/// As long as a real secret, so that an unknown access key costs the same time as a known one.
const SECRET_OF_NOBODY: &str = "0000000000000000000000000000000000000000";

/// A request as it came over the wire, nothing decoded and nothing normalised.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedRequest<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// The raw request target: path, and behind a `?` the query.
    pub target: &'a str,
    /// Name and value in the order of arrival, repeated headers kept apart; names in any case. For HTTP/2 the
    /// caller adds `:authority` as `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// From [`body_sha256`](crate::body_sha256) over the bytes that arrived, before any decoding.
    pub body_sha256: &'a [u8; 32],
}

/// A request whose signature is well-formed, timely and for this server; whether it is *right* takes the
/// secret.
#[derive(Debug)]
#[must_use = "a signature that is not verified protects nothing"]
pub struct UnverifiedSignature {
    access_key_id: String,
    scope: CredentialScope,
    string_to_sign: StringToSign,
    signature: [u8; 32],
    has_empty_segment: bool,
}

/// Proof that the holder of an access key signed the request. Only [`UnverifiedSignature::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    access_key_id: String,
    region: String,
}

impl UnverifiedSignature {
    /// Refuses all that can be refused without the secret: a request that is not signed in the header form,
    /// is for another region, service or time, leaves unsigned what must be signed, or has another body than
    /// it says.
    pub fn from_request(
        request: &ReceivedRequest<'_>,
        policy: &Policy,
        now_unix_seconds: i64,
    ) -> Result<Self, SignatureError> {
        refuse_presigned_url(request.target)?;
        let authorization =
            once(request.headers, AUTHORIZATION)?.ok_or(SignatureError::AuthorizationMissing)?;
        let authorization = Authorization::parse(authorization)?;
        refuse_session_token(request.headers)?;
        let signed_at = signed_at(request.headers)?;
        authorization.scope.check(signed_at, policy)?;
        check_clock(signed_at, now_unix_seconds, policy)?;
        check_signed_headers(request.headers, &authorization.signed_headers)?;
        check_body(request)?;
        Ok(Self::compose(request, signed_at, authorization))
    }

    /// The key whose secret [`verify`](Self::verify) needs. Nothing about it is proved yet.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Compares the signature, in constant time, with the one that `secret` makes of the request.
    pub fn verify(self, secret: &SecretAccessKey) -> Result<Verified, SignatureError> {
        if self.is_made_with(secret) {
            Ok(Verified { access_key_id: self.access_key_id, region: self.scope.region })
        } else {
            let access_key_id = self.access_key_id.as_str().into();
            Err(SignatureError::SignatureDiffers { access_key_id, has_empty_segment: self.has_empty_segment })
        }
    }

    /// For an access key that has no secret here: does the work of [`verify`](Self::verify) all the same, so
    /// that the time of the answer does not tell which access keys exist.
    pub fn verify_unknown(self) -> SignatureError {
        black_box(self.is_made_with(&SecretAccessKey::new(SECRET_OF_NOBODY.to_owned())));
        SignatureError::AccessKeyUnknown { access_key_id: self.access_key_id.as_str().into() }
    }

    fn compose(request: &ReceivedRequest<'_>, signed_at: AmzDate, authorization: Authorization) -> Self {
        let Authorization { access_key_id, scope, signed_headers, signature } = authorization;
        let ReceivedRequest { method, target, headers, body_sha256 } = *request;
        let canonical_request = CanonicalRequest::new(method, target, headers, &signed_headers, body_sha256);
        let string_to_sign = StringToSign::new(signed_at, &scope, &canonical_request);
        let has_empty_segment = has_empty_segment(split_target(target).0);
        Self { access_key_id, scope, string_to_sign, signature, has_empty_segment }
    }

    fn is_made_with(&self, secret: &SecretAccessKey) -> bool {
        let expected = SigningKey::derive(secret, &self.scope).sign(&self.string_to_sign);
        expected.ct_eq(&self.signature).into()
    }
}

impl Verified {
    /// The key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The region the client meant to talk to.
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// Authentication is taken from one place only, so that two places cannot contradict each other.
fn refuse_presigned_url(target: &str) -> Result<(), SignatureError> {
    let (_, query) = split_target(target);
    match parameter_names(query).find(|name| is_x_amz(name)) {
        Some(name) => Err(SignatureError::PresignedUrl { parameter: name.as_str().into() }),
        None => Ok(()),
    }
}

fn refuse_session_token(headers: &[(&str, &[u8])]) -> Result<(), SignatureError> {
    if is_present(headers, X_AMZ_SECURITY_TOKEN) { Err(SignatureError::SessionTokenPresent) } else { Ok(()) }
}

fn signed_at(headers: &[(&str, &[u8])]) -> Result<AmzDate, SignatureError> {
    let value = once(headers, X_AMZ_DATE)?.ok_or(SignatureError::DateMissing)?;
    AmzDate::parse(value).ok_or_else(|| SignatureError::DateMalformed { value: value.into() })
}

fn check_clock(signed_at: AmzDate, now_unix_seconds: i64, policy: &Policy) -> Result<(), SignatureError> {
    let now = AmzDate::from_unix_seconds(now_unix_seconds);
    let clock_skew_max = policy.clock_skew_max;
    let skew_seconds = i64::from(clock_skew_max.seconds());
    if signed_at < now.plus_seconds(-skew_seconds) {
        Err(SignatureError::Expired { signed_at, now, clock_skew_max })
    } else if signed_at > now.plus_seconds(skew_seconds) {
        Err(SignatureError::NotYetCurrent { signed_at, now, clock_skew_max })
    } else {
        Ok(())
    }
}

/// Host says which server was meant, and an unsigned `x-amz-` header could be added by anybody on the way.
fn check_signed_headers(headers: &[(&str, &[u8])], signed: &SignedHeaders) -> Result<(), SignatureError> {
    once(headers, HOST)?;
    let x_amz = headers.iter().map(|(name, _)| *name).filter(|name| is_x_amz(name));
    if let Some(name) = [HOST].into_iter().chain(x_amz).find(|name| !signed.contains(name)) {
        return Err(SignatureError::HeaderNotSigned { name: name.to_ascii_lowercase().as_str().into() });
    }
    match signed.names().find(|name| !is_present(headers, name)) {
        Some(name) => Err(SignatureError::SignedHeaderAbsent { name: name.into() }),
        None => Ok(()),
    }
}

/// Clients may leave the hash out of the headers, as botocore does: the signature covers it anyway.
fn check_body(request: &ReceivedRequest<'_>) -> Result<(), SignatureError> {
    let Some(value) = once(request.headers, X_AMZ_CONTENT_SHA256)? else { return Ok(()) };
    if value == "UNSIGNED-PAYLOAD" || value.starts_with("STREAMING-") {
        return Err(SignatureError::BodyNotSigned { value: value.into() });
    }
    let received = hex::encode(request.body_sha256);
    if value == received {
        Ok(())
    } else {
        Err(SignatureError::BodyHashDiffers { value: value.into(), received })
    }
}

/// The trimmed value of a header that may come at most once.
fn once<'a>(headers: &[(&str, &'a [u8])], name: &'static str) -> Result<Option<&'a str>, SignatureError> {
    let mut values =
        headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let Some(value) = values.next() else { return Ok(None) };
    match values.count() {
        0 => visible_ascii(value).map(Some).ok_or(SignatureError::HeaderNotAscii { name }),
        others => Err(SignatureError::HeaderRepeated { name, count: 1 + others }),
    }
}

fn visible_ascii(value: &[u8]) -> Option<&str> {
    let value = str::from_utf8(value.trim_ascii()).ok()?;
    value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ').then_some(value)
}

fn is_present(headers: &[(&str, &[u8])], name: &str) -> bool {
    headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

fn is_x_amz(name: &str) -> bool {
    name.as_bytes().get(..X_AMZ_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(X_AMZ_PREFIX))
}
