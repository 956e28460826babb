//! Why a request did not get what it asked for, and the one place where that becomes an answer.
//!
//! What the caller reads and what the log records part here: an internal error goes to the log with everything behind
//! it, and the caller learns that it happened and under which request id.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use farmtally_model::RecordId;
use farmtally_model::question::QuestionError;
use farmtally_service::{InternalError, ResourceName, ServiceError, UsageError};
use farmtally_sigv4::SignatureError;
use farmtally_wire::native::Problem;
use farmtally_wire::{ConflictReason, ValidationError, WireError};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::body::BodyRefusal;
use crate::reply::Reply;
use crate::request_id::RequestId;

/// The name of the limit of one running aggregation per farm.
const RUNNING_AGGREGATIONS: &str = "running-aggregations-per-farm";
/// When to ask again while another aggregation runs; most take far less.
const RETRY_AFTER_RUNNING: Duration = Duration::from_secs(1);
/// When to try again after an internal problem.
const RETRY_AFTER_PROBLEM: Duration = Duration::from_secs(1);
/// When to try again on a full disk, which somebody has to make room on.
const RETRY_AFTER_DISK_FULL: Duration = Duration::from_secs(30);
/// When to ask again while the database of a shared catalogue does not answer.
const RETRY_AFTER_UNAVAILABLE: Duration = Duration::from_secs(2);

/// A request that was not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    told: Told,
    /// For the log only.
    cause: Option<InternalError>,
    /// Whether the rest of the request is still to come, so that the connection is of no more use.
    is_unread: bool,
}

/// What the caller reads.
#[derive(Debug)]
enum Told {
    /// An error of AWS's API, and of the routes that are signed like it.
    Wire(WireError),
    /// An error of the routes that read, which say what to do.
    Native { status: StatusCode, problem: Box<Problem>, retry_after: Option<Duration> },
}

impl Refusal {
    fn native(status: StatusCode, problem: Problem, retry_after: Option<Duration>) -> Self {
        let told = Told::Native { status, problem: Box::new(problem), retry_after };
        Self { told, cause: None, is_unread: false }
    }

    /// Too many questions about usage at once.
    pub(crate) fn busy(status: StatusCode, why: &str) -> Self {
        let mut problem = Problem::new(format!("the question could not be answered now: {why}"));
        problem.hint = Some("ask again a little later".to_owned());
        Self::native(status, problem, Some(RETRY_AFTER_PROBLEM))
    }

    /// An answer that takes longer than one may.
    pub(crate) fn too_slow(runtime_max: Duration) -> Self {
        let seconds = runtime_max.as_secs_f32();
        let mut problem = Problem::new(format!("the answer takes more than {seconds} seconds"));
        problem.hint =
            Some("ask for a shorter window or less to group by, or start an aggregation".to_owned());
        Self::native(StatusCode::GATEWAY_TIMEOUT, problem, None)
    }

    /// A question that another tool cannot be asked.
    pub(crate) fn cannot_be_asked(message: String, hint: &str) -> Self {
        let mut problem = Problem::new(message);
        problem.hint = Some(hint.to_owned());
        Self::native(StatusCode::BAD_REQUEST, problem, None)
    }

    /// Something inside went wrong.
    pub(crate) fn internal(cause: impl Into<InternalError>) -> Self {
        Self::logged(Some(RETRY_AFTER_PROBLEM), cause)
    }

    pub(crate) fn unknown_operation(method: &Method, raw_path: &str) -> Self {
        WireError::UnknownOperation { method: method.to_string(), path: raw_path.to_owned() }.into()
    }

    /// A part of the path that is not what it should be.
    pub(crate) fn field(name: &str, problem: &impl fmt::Display) -> Self {
        ValidationError::field(name, &problem.to_string()).into()
    }

    /// A session or volume that is not there.
    pub(crate) fn missing_record(record_id: RecordId) -> Self {
        let resource_type = match record_id {
            RecordId::Session(_) => "session",
            RecordId::Volume(_) => "volume",
        };
        let message = format!("{resource_type} {record_id} does not exist");
        WireError::ResourceNotFound { message, resource_id: record_id.to_string(), resource_type }.into()
    }

    /// A key that asks too often.
    pub(crate) fn key_throttled(access_key_id: &str, retry_after: Duration) -> Self {
        let message = format!("access key `{access_key_id}` sends too many requests; send them more slowly");
        let retry_after = retry_after.max(RETRY_AFTER_PROBLEM);
        WireError::Throttling { message, quota_code: None, retry_after }.into()
    }

    /// The name of the error, as the caller reads it.
    pub(crate) fn name(&self) -> &'static str {
        match &self.told {
            Told::Wire(wire) => wire.exception_name(),
            Told::Native { .. } => "Problem",
        }
    }

    fn logged(retry_after: Option<Duration>, cause: impl Into<InternalError>) -> Self {
        let wire = WireError::InternalServerError { retry_after };
        Self { told: Told::Wire(wire), cause: Some(cause.into()), is_unread: false }
    }

    /// The answer. What is for the log is logged.
    pub(crate) fn into_reply(self, request_id: RequestId) -> Reply {
        if let Some(cause) = &self.cause {
            tracing::error!(%request_id, error = cause.as_ref() as &dyn Error, "internal error");
        }
        let reply = match &self.told {
            Told::Wire(wire) => wire_reply(wire),
            Told::Native { status, problem, retry_after } => {
                let reply = Reply::json(*status, problem.to_json());
                let seconds = retry_after.map(|after| HeaderValue::from(after.as_secs().max(1)));
                seconds.into_iter().fold(reply, |reply, seconds| reply.header(RETRY_AFTER, seconds))
            }
        };
        if self.is_unread { reply.closing() } else { reply }
    }
}

fn wire_reply(wire: &WireError) -> Reply {
    let status = StatusCode::from_u16(wire.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = Reply::json(status, wire.body());
    for (name, value) in wire.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            reply = reply.header(HeaderName::from_static(name), value);
        }
    }
    reply
}

impl From<WireError> for Refusal {
    fn from(wire: WireError) -> Self {
        Self { told: Told::Wire(wire), cause: None, is_unread: false }
    }
}

impl From<QuestionError> for Refusal {
    fn from(error: QuestionError) -> Self {
        Self::native(StatusCode::BAD_REQUEST, error.into(), None)
    }
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Question(error) => error.into(),
            UsageError::TooLarge(message) => {
                Self::native(StatusCode::UNPROCESSABLE_ENTITY, Problem::new(message), None)
            }
            // Nobody is there to read it, but for whoever is told by `too_slow` already.
            UsageError::Cancelled => {
                Self::native(StatusCode::SERVICE_UNAVAILABLE, Problem::new(error.to_string()), None)
            }
            UsageError::Service(error) => error.into(),
        }
    }
}

impl From<ValidationError> for Refusal {
    fn from(error: ValidationError) -> Self {
        WireError::from(error).into()
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        let (exception_name, message) = (error.aws_error_type(), error.to_string());
        WireError::NotAuthenticated { exception_name, message }.into()
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::Denied { .. } | ServiceError::OneFarmOnly { .. } => {
                WireError::AccessDenied { message }.into()
            }
            ServiceError::InUse { resource, .. } => {
                conflict(message, ConflictReason::ResourceInUse, &resource).into()
            }
            ServiceError::Active(resource) => {
                conflict(message, ConflictReason::StatusConflict, &resource).into()
            }
            ServiceError::OtherCall { .. } => ValidationError::field("clientToken", &message).into(),
            ServiceError::TooManyTags { .. } => ValidationError::field("tags", &message).into(),
            ServiceError::NotFound(missing) => WireError::ResourceNotFound {
                message,
                resource_id: missing.resource_id(),
                resource_type: missing.resource_type(),
            }
            .into(),
            ServiceError::AggregationRunning { .. } => WireError::Throttling {
                message,
                quota_code: Some(RUNNING_AGGREGATIONS),
                retry_after: RETRY_AFTER_RUNNING,
            }
            .into(),
            ServiceError::InvalidPageToken { reason } => ValidationError::field("nextToken", reason).into(),
            ServiceError::DiskFull | ServiceError::WriteRefused { .. } => {
                Self::logged(Some(RETRY_AFTER_DISK_FULL), message)
            }
            ServiceError::CatalogueUnavailable { .. } => Self::logged(Some(RETRY_AFTER_UNAVAILABLE), message),
            ServiceError::Internal(cause) => Self::internal(cause),
        }
    }
}

fn conflict(message: String, reason: ConflictReason, resource: &ResourceName) -> WireError {
    let (resource_id, resource_type) = (resource.resource_id(), resource.resource_type());
    WireError::Conflict { message, reason, resource_id, resource_type }
}

impl From<BodyRefusal> for Refusal {
    fn from(refusal: BodyRefusal) -> Self {
        let unparsable = |message| WireError::Validation(ValidationError::CannotParse { message });
        let throttled =
            |message| WireError::Throttling { message, quota_code: None, retry_after: RETRY_AFTER_PROBLEM };
        let wire = match refusal {
            BodyRefusal::TooLarge { bytes_max } => {
                WireError::RequestTooLarge { body_bytes_max: bytes_max as u64 }
            }
            // A process that stood still was the slow one as often as the caller: an error that clients repeat.
            BodyRefusal::TooSlow { read_max } => throttled(format!(
                "the request body did not arrive within {} seconds; send the request again",
                read_max.as_secs_f32()
            )),
            BodyRefusal::Broken => unparsable("the request body could not be read to its end".to_owned()),
            BodyRefusal::NoMemory => {
                throttled("too many large requests at once; send this one again a little later".to_owned())
            }
        };
        Self { told: Told::Wire(wire), cause: None, is_unread: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_cause_does_not_reach_the_caller() {
        let refusal = Refusal::from(ServiceError::Internal("table `batches` is locked".into()));
        let reply = refusal.into_reply(RequestId::new());
        assert_eq!(reply.status(), 500);
        assert!(!format!("{reply:?}").contains("batches"));
    }
}
