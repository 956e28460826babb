//! Signed requests to a server of ours on this machine, for what only it may do while it has the folder.

use std::time::Duration;

use farmtally_service::{Clock, Credential, SystemClock};
use farmtally_sigv4::{OutgoingRequest, SecretAccessKey, Signer, SigningHeaders, body_sha256};
use farmtally_wire::native::Problem;
use serde_json::Value;
use ureq::Agent;

/// The signing name of the service.
const SERVICE: &str = "deadline";

/// Longest wait for an answer. A batch is one durable commit, and a disk may be busy.
const ANSWER_WITHIN: Duration = Duration::from_mins(2);

/// Longest answer that is read, in bytes: every record of a batch refused.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A request that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// Nobody answered.
    #[error("cannot reach the server at `{endpoint}`")]
    Unreachable {
        /// Base URL.
        endpoint: String,
        /// What the network said.
        #[source]
        cause: Box<ureq::Error>,
    },
    /// The server said no.
    #[error("the server at `{endpoint}` answered {status}: {message}")]
    Refused {
        /// Base URL.
        endpoint: String,
        /// HTTP status.
        status: u16,
        /// What the server said.
        message: String,
        /// The same in parts, if the native API said it.
        problem: Option<Box<Problem>>,
    },
    /// The answer is not one of ours.
    #[error(
        "the server at `{endpoint}` sent an answer that is not farmtally's; does another program listen there?"
    )]
    Unreadable {
        /// Base URL.
        endpoint: String,
    },
}

/// A server and the key to it.
#[derive(Debug)]
pub(crate) struct Connection {
    agent: Agent,
    /// Base URL without a slash at its end.
    endpoint: String,
    region: String,
    access_key_id: String,
    secret: SecretAccessKey,
    clock: SystemClock,
}

impl Connection {
    /// A connection to the server at a base URL; nothing is sent yet.
    pub(crate) fn new(endpoint: &str, region: String, credential: &Credential) -> Self {
        let config = Agent::config_builder()
            // The server is on this machine; a proxy would be somewhere else.
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            // The source may pause between two batches for longer than the server keeps an idle connection.
            .max_idle_connections(0)
            .timeout_global(Some(ANSWER_WITHIN));
        Self {
            agent: config.build().new_agent(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            region,
            access_key_id: credential.caller.access_key_id.clone(),
            secret: SecretAccessKey::new(credential.secret.expose().to_owned()),
            clock: SystemClock::default(),
        }
    }

    /// Base URL of the server.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends a body to a path and gives the JSON that comes back.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Value, ConnectionError> {
        let answer = self.post_for_bytes(path, content_type, body, ANSWER_BYTES_MAX)?;
        serde_json::from_slice(&answer).map_err(|_| self.unreadable())
    }

    /// Sends a body to a path and gives what comes back, which is at most so many bytes long.
    pub(crate) fn post_for_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
        bytes_max: u64,
    ) -> Result<Vec<u8>, ConnectionError> {
        let signed = self.sign(path, content_type, body);
        let request = self
            .agent
            .post(format!("{}{path}", self.endpoint))
            .header("host", self.host())
            .header("content-type", content_type)
            .header("x-amz-date", signed.x_amz_date)
            .header("authorization", signed.authorization);
        let mut response = request.send(body).map_err(|cause| self.unreachable(cause))?;
        let status = response.status();
        let answer = response.body_mut().with_config().limit(bytes_max).read_to_vec();
        let answer = answer.map_err(|cause| self.unreachable(cause))?;
        if status.is_success() { Ok(answer) } else { Err(self.refused(status.as_u16(), &answer)) }
    }

    fn sign(&self, path: &str, content_type: &str, body: &[u8]) -> SigningHeaders {
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret,
            region: &self.region,
            service: SERVICE,
        };
        let request = OutgoingRequest {
            method: "POST",
            host: self.host(),
            target: path,
            headers: &[("content-type", content_type.as_bytes())],
            body_sha256: &body_sha256(body),
        };
        signer.sign(&request, self.clock.now().millis().div_euclid(1000))
    }

    fn host(&self) -> &str {
        self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, host)| host)
    }

    fn unreachable(&self, cause: ureq::Error) -> ConnectionError {
        ConnectionError::Unreachable { endpoint: self.endpoint.clone(), cause: Box::new(cause) }
    }

    /// An answer in another shape than ours.
    pub(crate) fn unreadable(&self) -> ConnectionError {
        ConnectionError::Unreadable { endpoint: self.endpoint.clone() }
    }

    fn refused(&self, status: u16, answer: &[u8]) -> ConnectionError {
        let problem: Option<Box<Problem>> = serde_json::from_slice(answer).ok();
        let message = problem.as_ref().map(|problem| problem.message.clone());
        ConnectionError::Refused {
            endpoint: self.endpoint.clone(),
            status,
            message: message.unwrap_or_else(|| "(no message)".to_owned()),
            problem,
        }
    }
}
