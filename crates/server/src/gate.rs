//! The signature gate: the only place that makes a [`VerifiedRequest`], and so the only way to a handler. What reads may
//! also be asked with the page's cookie, which `page::access` judges.
//!
//! The painful fact: the signature covers the request line and the headers as they were sent. Nothing here looks at
//! what the router made of them, and `Host` is taken as it came, with or without the `management.` that clients of AWS
//! put before it.

use std::ops::ControlFlow;
use std::time::Instant;

use farmtally_service::{Caller, Service};
use farmtally_sigv4 as sigv4;
use farmtally_wire::ValidationError;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::page::PageAccess;
use crate::rate::KeyRates;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;

/// The signing name of the service.
const SIGNING_NAME: &str = "deadline";
/// What a client calls one call of its own, the same for every attempt at it.
const AMZ_SDK_INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");

/// What a client calls a call that creates something.
const AMZ_CLIENT_TOKEN: HeaderName = HeaderName::from_static("x-amz-client-token");

/// A request whose sender is known.
#[derive(Debug)]
pub(crate) struct VerifiedRequest {
    caller: Caller,
    request: ReceivedRequest,
}

impl VerifiedRequest {
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The path, still percent-encoded.
    pub(crate) fn raw_path(&self) -> &str {
        self.request.raw_path()
    }

    /// What follows the `?`, still percent-encoded.
    pub(crate) fn raw_query(&self) -> &str {
        self.request.raw_query()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.request.body()
    }

    /// The request without its proof.
    pub(crate) fn into_received(self) -> ReceivedRequest {
        self.request
    }

    /// What the client calls this call, so that a retry of it creates nothing twice.
    pub(crate) fn client_token(&self) -> Option<&str> {
        self.request.only_header(&AMZ_CLIENT_TOKEN)
    }

    /// A digest by which a retry of this call is known, if the client says which call it is.
    pub(crate) fn retry_key(&self) -> Option<[u8; 32]> {
        let invocation_id = self.request.only_header(&AMZ_SDK_INVOCATION_ID)?;
        let access_key_id = &self.caller.access_key_id;
        Some(farmtally_service::retry_key(access_key_id, invocation_id, self.request.raw_path(), self.body()))
    }
}

/// Verifies signatures by the rules of one server.
#[derive(Debug)]
pub(crate) struct Gate {
    policy: sigv4::Policy,
    rates: KeyRates,
}

impl Gate {
    /// A gate for one region, or for any, that lets so many requests of a key through a second.
    pub(crate) fn new(region: Option<String>, key_requests_per_second_max: u32) -> Self {
        let service = SIGNING_NAME.to_owned();
        let policy = sigv4::Policy { service, region, clock_skew_max: sigv4::ClockSkewMax::DEFAULT };
        Self { policy, rates: KeyRates::new(key_requests_per_second_max) }
    }

    /// Lets a request through that somebody with a working key has signed.
    pub(crate) fn admit(
        &self,
        service: &Service,
        request: ReceivedRequest,
    ) -> Result<VerifiedRequest, Refusal> {
        let signature = self.signature(service, &request)?;
        let Some(credential) = service.credential(signature.access_key_id())? else {
            return Err(signature.verify_unknown().into());
        };
        signature.verify(&sigv4::SecretAccessKey::new(credential.secret.expose().to_owned()))?;
        refuse_encoded_body(&request)?;
        Ok(VerifiedRequest { caller: credential.caller, request })
    }

    /// Lets a request for reading through that somebody has signed, or that comes from a browser with the page's cookie.
    /// One that is signed counts as signed, whatever cookies it has.
    pub(crate) fn admit_reader(
        &self,
        service: &Service,
        page_access: &PageAccess,
        request: ReceivedRequest,
    ) -> Result<VerifiedRequest, Refusal> {
        match page_access.reader(service, &request)? {
            Some(caller) => {
                refuse_encoded_body(&request)?;
                Ok(VerifiedRequest { caller, request })
            }
            None => self.admit(service, request),
        }
    }

    /// Lets a request through whose key is at hand. Any other request is given back, for [`Gate::admit`] to look its key
    /// up or to say what is wrong with it.
    pub(crate) fn admit_at_hand(
        &self,
        service: &Service,
        request: ReceivedRequest,
    ) -> ControlFlow<ReceivedRequest, VerifiedRequest> {
        match self.caller_at_hand(service, &request) {
            Some(caller) => ControlFlow::Continue(VerifiedRequest { caller, request }),
            None => ControlFlow::Break(request),
        }
    }

    fn caller_at_hand(&self, service: &Service, request: &ReceivedRequest) -> Option<Caller> {
        let signature = self.signature(service, request).ok()?;
        let credential = service.credential_at_hand(signature.access_key_id())?;
        signature.verify(&sigv4::SecretAccessKey::new(credential.secret.expose().to_owned())).ok()?;
        refuse_encoded_body(request).ok()?;
        Some(credential.caller)
    }

    /// Refuses a request of a key that asks too often.
    pub(crate) fn throttle(&self, request: &VerifiedRequest) -> Result<(), Refusal> {
        let taken = self.rates.take(&request.caller.access_key_id, Instant::now());
        taken.map_err(|retry_after| Refusal::key_throttled(&request.caller.access_key_id, retry_after))
    }

    fn signature(
        &self,
        service: &Service,
        request: &ReceivedRequest,
    ) -> Result<sigv4::UnverifiedSignature, sigv4::SignatureError> {
        let headers: Vec<(&str, &[u8])> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = sigv4::ReceivedRequest {
            method: request.method().as_str(),
            target: request.target(),
            headers: &headers,
            body_sha256: &sigv4::body_sha256(request.body()),
        };
        let now_unix_seconds = service.now().millis().div_euclid(1000);
        sigv4::UnverifiedSignature::from_request(&received, &self.policy, now_unix_seconds)
    }
}

/// Bodies are read as they come. One that was compressed would be refused line by line as garbage.
fn refuse_encoded_body(request: &ReceivedRequest) -> Result<(), ValidationError> {
    match request.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity" | b"") => Ok(()),
        Some(encoding) => {
            let encoding = String::from_utf8_lossy(encoding).escape_default().to_string();
            let message = format!("content-encoding {encoding} is not supported; send the body as it is");
            Err(ValidationError::CannotParse { message })
        }
    }
}
