//! Signed calls, tried again while that helps, and lists walked to their ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use farmtally_model::{FarmId, JobId, QueueId};
use farmtally_sigv4::{OutgoingRequest, Signer, body_sha256};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use crate::answers::{
    Association, AssociationsPage, Farm, Fleet, FleetsPage, Job, JobsPage, ListedSession, Page, Queue,
    QueuesPage, RawFarm, SessionKey, SessionsBatch, SessionsFound, SessionsPage,
};
use crate::call_error::CallError;
use crate::credentials::{CredentialProvider, Credentials};
use crate::endpoint::Endpoint;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_WITHIN, ATTEMPTS_MAX, RENEWALS_MAX};
use crate::retry::{Remedy, asked_ms, remedy, wait};
use crate::surroundings::Surroundings;
use crate::transport::{TransportError, agent};

/// The signing name of the service.
const SERVICE: &str = "deadline";
/// The version of the service model, which every path begins with.
const VERSION: &str = "/2023-10-12";
/// Attempts while nobody has ever answered: a wrong endpoint should be told soon.
const FIRST_ATTEMPTS_MAX: u32 = 3;
/// How often sessions are asked for again that the service could not read inside of a batch.
const BATCH_ATTEMPTS_MAX: u32 = 4;

/// What stays as it is in a query: everything else is percent-encoded, as signatures demand.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the service is.
    pub endpoint: Endpoint,
    /// The region that requests are signed for.
    pub region: String,
    /// Most entries of a page, 1 to [`PAGE_SIZE_MAX`](crate::PAGE_SIZE_MAX).
    pub page_size: u32,
    /// Certificates to trust in place of the usual roots.
    pub certificates: Option<std::path::PathBuf>,
}

/// How often was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCounts {
    /// Requests that were sent.
    pub requests: u64,
    /// Those of them that were sent again.
    pub repeats: u64,
}

/// A client of the service. Several threads may use it at once; when one is told to slow down, all do.
pub struct Client {
    agent: Agent,
    options: ClientOptions,
    credentials: CredentialProvider,
    surroundings: Arc<dyn Surroundings>,
    /// Nothing is sent before this instant, in milliseconds since 1970.
    not_before_ms: AtomicI64,
    was_answered: AtomicBool,
    requests: AtomicU64,
    repeats: AtomicU64,
}

/// A call that is about to be made.
#[derive(Clone, Copy)]
struct Call<'a> {
    operation: &'static str,
    method: &'static str,
    /// Path and query below the endpoint.
    target: &'a str,
    body: &'a [u8],
}

/// An attempt that failed.
struct Failed {
    error: CallError,
    remedy: Remedy,
    asked_ms: Option<u64>,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(
        options: ClientOptions,
        credentials: CredentialProvider,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, TransportError> {
        Ok(Self {
            agent: agent(options.certificates.as_deref(), ANSWER_WITHIN)?,
            options,
            credentials,
            surroundings,
            not_before_ms: AtomicI64::new(i64::MIN),
            was_answered: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
        })
    }

    /// How often was asked so far.
    pub fn counts(&self) -> CallCounts {
        CallCounts {
            requests: self.requests.load(Ordering::Relaxed),
            repeats: self.repeats.load(Ordering::Relaxed),
        }
    }

    /// A farm.
    pub fn farm(&self, farm_id: FarmId) -> Result<Farm, CallError> {
        const OPERATION: &str = "GetFarm";
        let raw: RawFarm = self.get(OPERATION, &format!("{VERSION}/farms/{farm_id}"))?;
        Farm::read(raw).map_err(|detail| CallError::Unreadable { operation: OPERATION, detail })
    }

    /// Every queue of a farm.
    pub fn queues(&self, farm_id: FarmId) -> Result<Vec<Queue>, CallError> {
        self.all::<QueuesPage>("ListQueues", &format!("{VERSION}/farms/{farm_id}/queues"))
    }

    /// Every fleet of a farm.
    pub fn fleets(&self, farm_id: FarmId) -> Result<Vec<Fleet>, CallError> {
        self.all::<FleetsPage>("ListFleets", &format!("{VERSION}/farms/{farm_id}/fleets"))
    }

    /// Every association of a queue and a fleet.
    pub fn associations(&self, farm_id: FarmId) -> Result<Vec<Association>, CallError> {
        let path = format!("{VERSION}/farms/{farm_id}/queue-fleet-associations");
        self.all::<AssociationsPage>("ListQueueFleetAssociations", &path)
    }

    /// Every job of a queue.
    pub fn jobs(&self, farm_id: FarmId, queue_id: QueueId) -> Result<Vec<Job>, CallError> {
        self.all::<JobsPage>("ListJobs", &format!("{VERSION}/farms/{farm_id}/queues/{queue_id}/jobs"))
    }

    /// Every session of a job, without its host.
    pub fn sessions(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        job_id: JobId,
    ) -> Result<Vec<ListedSession>, CallError> {
        let path = format!("{VERSION}/farms/{farm_id}/queues/{queue_id}/jobs/{job_id}/sessions");
        self.all::<SessionsPage>("ListSessions", &path)
    }

    /// Sessions with their hosts, at most [`BATCH_SESSIONS_MAX`](crate::BATCH_SESSIONS_MAX) of them, in any order.
    pub fn batch_get_sessions(
        &self,
        farm_id: FarmId,
        keys: &[SessionKey],
    ) -> Result<SessionsFound, CallError> {
        let mut found = SessionsFound::default();
        let mut wanted: Vec<Value> = keys.iter().map(|key| key.to_json(farm_id)).collect();
        for attempt in 1..=BATCH_ATTEMPTS_MAX {
            let batch = self.batch_once(&wanted)?;
            found.sessions.extend(batch.sessions);
            let (passing, lasting): (Vec<_>, Vec<_>) =
                batch.errors.into_iter().partition(|error| error.code == "InternalServerErrorException");
            found.missing.extend(lasting);
            if passing.is_empty() {
                break;
            }
            if attempt == BATCH_ATTEMPTS_MAX {
                found.missing.extend(passing);
                break;
            }
            wanted = passing.iter().map(|error| error.to_json(farm_id)).collect();
            self.pause("BatchGetSession", attempt, Remedy::AskAgain, None)?;
        }
        Ok(found)
    }

    fn batch_once(&self, identifiers: &[Value]) -> Result<SessionsBatch, CallError> {
        const OPERATION: &str = "BatchGetSession";
        if identifiers.is_empty() {
            return Ok(SessionsBatch::default());
        }
        let body = json!({ "identifiers": identifiers }).to_string();
        let target = self.options.endpoint.target(&format!("{VERSION}/batch-get-session"));
        let call = Call { operation: OPERATION, method: "POST", target: &target, body: body.as_bytes() };
        read(OPERATION, &self.call(call)?)
    }

    /// Walks a list to its end.
    fn all<P: Page + DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
    ) -> Result<Vec<P::Entry>, CallError> {
        let unreadable = |detail| CallError::Unreadable { operation, detail };
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = format!("{path}?maxResults={}", self.options.page_size);
            if let Some(token) = &token {
                query.push_str("&nextToken=");
                query.extend(utf8_percent_encode(token, UNRESERVED));
            }
            let page: P = self.get(operation, &query)?;
            let (found, next) = page.into_parts().map_err(unreadable)?;
            entries.extend(found);
            let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(entries) };
            if token.as_ref() == Some(&next) {
                return Err(unreadable("two pages have the same token, so the list has no end".to_owned()));
            }
            token = Some(next);
        }
    }

    fn get<T: DeserializeOwned>(&self, operation: &'static str, path: &str) -> Result<T, CallError> {
        let target = self.options.endpoint.target(path);
        read(operation, &self.call(Call { operation, method: "GET", target: &target, body: b"" })?)
    }

    /// Makes a call, and makes it again while that may help: everything that is asked here only reads.
    fn call(&self, call: Call<'_>) -> Result<Vec<u8>, CallError> {
        let (mut failed, mut renewals) = (0, 0);
        loop {
            self.hold_back(call.operation)?;
            let credentials = self.credentials.current(self.surroundings.now())?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let failure = match self.attempt(call, &credentials) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.remedy {
                Remedy::None => return Err(failure.error),
                Remedy::RenewCredentials => {
                    renewals += 1;
                    if renewals > RENEWALS_MAX || !self.credentials.renew(&credentials)? {
                        return Err(failure.error);
                    }
                }
                Remedy::SlowDown | Remedy::AskAgain => {
                    failed += 1;
                    if failed >= self.attempts_max() {
                        return Err(failure.error);
                    }
                    self.pause(call.operation, failed, failure.remedy, failure.asked_ms)?;
                }
            }
            self.repeats.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn attempts_max(&self) -> u32 {
        if self.was_answered.load(Ordering::Relaxed) { ATTEMPTS_MAX } else { FIRST_ATTEMPTS_MAX }
    }

    /// Waits before the next attempt. Being told to slow down is for all threads.
    fn pause(
        &self,
        operation: &'static str,
        failed: u32,
        remedy: Remedy,
        asked_ms: Option<u64>,
    ) -> Result<(), CallError> {
        let time = wait(failed, remedy, asked_ms, getrandom::u64().unwrap_or_default());
        if remedy == Remedy::SlowDown {
            let until =
                self.surroundings.now().millis() + i64::try_from(time.as_millis()).unwrap_or_default();
            self.not_before_ms.fetch_max(until, Ordering::Relaxed);
        }
        self.wait(operation, time)
    }

    fn hold_back(&self, operation: &'static str) -> Result<(), CallError> {
        let until = self.not_before_ms.load(Ordering::Relaxed);
        let rest = until.saturating_sub(self.surroundings.now().millis());
        match u64::try_from(rest) {
            Ok(rest) if rest > 0 => self.wait(operation, Duration::from_millis(rest)),
            _ => Ok(()),
        }
    }

    fn wait(&self, operation: &'static str, time: Duration) -> Result<(), CallError> {
        if self.surroundings.wait(time) { Ok(()) } else { Err(CallError::Stopped { operation }) }
    }

    fn attempt(&self, call: Call<'_>, credentials: &Credentials) -> Result<Vec<u8>, Failed> {
        let request = self.signed(call, credentials).map_err(|error| self.unreachable(call, error.into()))?;
        let sent = self.agent.run(request).and_then(|mut response| {
            let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
            Ok((response, body))
        });
        let (response, body) = sent.map_err(|error| self.unreachable(call, error))?;
        self.was_answered.store(true, Ordering::Relaxed);
        if response.status().is_success() { Ok(body) } else { Err(refused(call.operation, &response, &body)) }
    }

    fn signed(
        &self,
        call: Call<'_>,
        credentials: &Credentials,
    ) -> Result<Request<Vec<u8>>, ureq::http::Error> {
        let Call { method, target, body, .. } = call;
        let ClientOptions { endpoint, region, .. } = &self.options;
        let mut headers: Vec<(&str, &[u8])> = Vec::new();
        if !body.is_empty() {
            headers.push(("content-type", b"application/json"));
        }
        if let Some(token) = &credentials.session_token {
            headers.push(("x-amz-security-token", token.expose().as_bytes()));
        }
        let signer = Signer {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            region,
            service: SERVICE,
        };
        let body_sha256 = body_sha256(body);
        let outgoing = OutgoingRequest {
            method,
            host: endpoint.host(),
            target,
            headers: &headers,
            body_sha256: &body_sha256,
        };
        let signing = signer.sign(&outgoing, self.surroundings.now().millis().div_euclid(1000));
        let mut request = Request::builder()
            .method(method)
            .uri(endpoint.url(target))
            .header("host", endpoint.host())
            .header("x-amz-date", signing.x_amz_date)
            .header("authorization", signing.authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(body.to_vec())
    }

    fn unreachable(&self, call: Call<'_>, error: ureq::Error) -> Failed {
        use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
        let passes = matches!(error, Io(_) | Timeout(_) | Protocol(_) | ConnectionFailed | HostNotFound);
        Failed {
            error: CallError::Unreachable {
                endpoint: self.options.endpoint.to_string(),
                operation: call.operation,
                cause: Box::new(error),
            },
            remedy: if passes { Remedy::AskAgain } else { Remedy::None },
            asked_ms: None,
        }
    }
}

fn read<T: DeserializeOwned>(operation: &'static str, body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body)
        .map_err(|error| CallError::Unreadable { operation, detail: error.to_string() })
}

fn refused(operation: &'static str, response: &Response<Body>, body: &[u8]) -> Failed {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| json.get(name).and_then(Value::as_str);
    let code = header("x-amzn-errortype").or_else(|| member("__type")).or_else(|| member("code"));
    let code = error_code(code.unwrap_or_default());
    let status = response.status().as_u16();
    let message = member("message").or_else(|| member("Message")).unwrap_or("(no message)").to_owned();
    Failed {
        remedy: remedy(status, &code),
        asked_ms: asked_ms(header("retry-after"), header("x-amz-retry-after")),
        error: CallError::Refused { operation, status, code, message },
    }
}

/// The name of an error without the namespace before it and the address behind it.
fn error_code(text: &str) -> String {
    let text = text.split(':').next().unwrap_or_default();
    text.rsplit('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_bare_name() {
        for text in [
            "ThrottlingException",
            "com.amazonaws.deadline#ThrottlingException",
            "ThrottlingException:http://internal.amazon.com/coral/",
        ] {
            assert_eq!(error_code(text), "ThrottlingException");
        }
    }

    #[test]
    fn a_token_is_encoded_as_signatures_demand() {
        assert_eq!(utf8_percent_encode("a+b/c= d~é", UNRESERVED).to_string(), "a%2Bb%2Fc%3D%20d~%C3%A9");
    }
}
