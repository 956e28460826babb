//! Every error that can reach a caller of the API, and what it looks like on the wire.
//!
//! Only sentences that are meant for callers get in here; what the disk or the database said stays in the log. Clients
//! recognise an error by the header `x-amzn-ErrorType` and by nothing in the body, so [`WireError::headers`] is not
//! optional.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::excerpt::quoted;
use crate::json;
use crate::validation::{FieldProblem, ValidationError};

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireError {
    /// The request breaks a rule of its shape.
    Validation(ValidationError),
    /// The caller is known and may not do this.
    AccessDenied {
        /// The sentence for the caller.
        message: String,
    },
    /// The caller is not known, or the signature is not right.
    NotAuthenticated {
        /// The name by which clients know the refusal, such as `InvalidSignatureException`.
        exception_name: &'static str,
        /// The sentence for the caller.
        message: String,
    },
    /// Something that the request names is not there.
    ResourceNotFound {
        /// The sentence for the caller.
        message: String,
        /// The id that was named.
        resource_id: String,
        /// What the id should have led to, such as `farm`.
        resource_type: &'static str,
    },
    /// What is wanted does not go together with how something is now.
    Conflict {
        /// The sentence for the caller.
        message: String,
        /// Why, as the service model names it.
        reason: ConflictReason,
        /// The id of what is in the way.
        resource_id: String,
        /// What the id leads to, such as `queue`.
        resource_type: &'static str,
    },
    /// Too much at once; the same request can succeed later.
    Throttling {
        /// The sentence for the caller.
        message: String,
        /// The limit that was reached, if it has a name.
        quota_code: Option<&'static str>,
        /// When to try again.
        retry_after: Duration,
    },
    /// Something went wrong that is not the caller's doing.
    InternalServerError {
        /// When to try again, if that can help.
        retry_after: Option<Duration>,
    },
    /// No operation has this method and path.
    UnknownOperation {
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
    },
    /// The body is longer than any request of the API needs.
    RequestTooLarge {
        /// Most bytes that are read.
        body_bytes_max: u64,
    },
}

/// Why something conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictReason {
    /// Something else needs it.
    ResourceInUse,
    /// Its status does not allow it.
    StatusConflict,
}

/// How an error is known to clients.
struct Identity {
    status: u16,
    exception_name: &'static str,
    reason: Option<&'static str>,
}

impl Identity {
    const fn new(status: u16, exception_name: &'static str) -> Self {
        Self { status, exception_name, reason: None }
    }

    const fn conflict(reason: &'static str) -> Self {
        Self { status: 409, exception_name: "ConflictException", reason: Some(reason) }
    }

    const fn validation(reason: &'static str) -> Self {
        Self { status: 400, exception_name: "ValidationException", reason: Some(reason) }
    }
}

impl WireError {
    /// The one place that chooses status, exception name and reason.
    const fn identity(&self) -> Identity {
        match self {
            Self::Validation(ValidationError::CannotParse { .. }) => Identity::validation("CANNOT_PARSE"),
            Self::Validation(ValidationError::Fields(_)) => Identity::validation("FIELD_VALIDATION_FAILED"),
            Self::Validation(ValidationError::Other { .. }) => Identity::validation("OTHER"),
            Self::AccessDenied { .. } => Identity::new(403, "AccessDeniedException"),
            Self::NotAuthenticated { exception_name, .. } => Identity::new(403, exception_name),
            Self::ResourceNotFound { .. } => Identity::new(404, "ResourceNotFoundException"),
            Self::Conflict { reason, .. } => Identity::conflict(match reason {
                ConflictReason::ResourceInUse => "RESOURCE_IN_USE",
                ConflictReason::StatusConflict => "STATUS_CONFLICT",
            }),
            Self::Throttling { .. } => Identity::new(429, "ThrottlingException"),
            Self::InternalServerError { .. } => Identity::new(500, "InternalServerErrorException"),
            Self::UnknownOperation { .. } => Identity::new(404, "UnknownOperationException"),
            Self::RequestTooLarge { .. } => Identity::new(413, "RequestTooLargeException"),
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.identity().status
    }

    /// The value of `x-amzn-ErrorType`.
    pub const fn exception_name(&self) -> &'static str {
        self.identity().exception_name
    }

    /// The headers that the answer needs, names in lower case. The request id is not among them.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-amzn-errortype", self.exception_name().to_owned()),
        ];
        if let Some(wait) = self.retry_after() {
            // Some clients wait for the first and some for the second, which is in milliseconds; none waits for both.
            headers.push(("retry-after", seconds_rounded_up(wait).to_string()));
            headers.push(("x-amz-retry-after", wait.as_millis().to_string()));
        }
        headers
    }

    /// The JSON body.
    pub fn body(&self) -> Vec<u8> {
        let message = self.to_string();
        let mut shape =
            ErrorShape { message: &message, reason: self.identity().reason, ..ErrorShape::default() };
        match self {
            Self::Validation(ValidationError::Fields(problems)) => shape.field_list = Some(problems),
            Self::ResourceNotFound { resource_id, resource_type, .. }
            | Self::Conflict { resource_id, resource_type, .. } => {
                shape.resource_id = Some(resource_id);
                shape.resource_type = Some(resource_type);
            }
            Self::Throttling { quota_code, .. } => {
                shape.service_code = Some("deadline");
                shape.quota_code = *quota_code;
            }
            Self::Validation(ValidationError::CannotParse { .. } | ValidationError::Other { .. })
            | Self::AccessDenied { .. }
            | Self::NotAuthenticated { .. }
            | Self::InternalServerError { .. }
            | Self::UnknownOperation { .. }
            | Self::RequestTooLarge { .. } => {}
        }
        json::to_bytes(&shape)
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttling { retry_after, .. } => Some(*retry_after),
            Self::InternalServerError { retry_after } => *retry_after,
            Self::Validation(_)
            | Self::AccessDenied { .. }
            | Self::NotAuthenticated { .. }
            | Self::ResourceNotFound { .. }
            | Self::Conflict { .. }
            | Self::UnknownOperation { .. }
            | Self::RequestTooLarge { .. } => None,
        }
    }
}

/// Whole seconds that are not too early.
const fn seconds_rounded_up(wait: Duration) -> u64 {
    wait.as_secs().saturating_add((wait.subsec_nanos() > 0) as u64)
}

impl From<ValidationError> for WireError {
    fn from(error: ValidationError) -> Self {
        Self::Validation(error)
    }
}

impl fmt::Display for WireError {
    /// The sentence that the caller reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validation(error) => error.fmt(f),
            Self::AccessDenied { message }
            | Self::NotAuthenticated { message, .. }
            | Self::ResourceNotFound { message, .. }
            | Self::Conflict { message, .. }
            | Self::Throttling { message, .. } => f.write_str(message),
            Self::InternalServerError { .. } => {
                f.write_str("the server could not answer because of an internal problem; its log says more")
            }
            Self::UnknownOperation { method, path } => {
                write!(f, "{} {} is not an operation of this server", quoted(method), quoted(path))
            }
            Self::RequestTooLarge { body_bytes_max } => {
                write!(f, "the request body is too large; at most {body_bytes_max} bytes are read")
            }
        }
    }
}

impl std::error::Error for WireError {}

/// The members of every error body. Those that an error does not have are left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorShape<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_list: Option<&'a [FieldProblem]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_code: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence() -> String {
        "why".to_owned()
    }

    /// Checks everything that a client sees of an error, save the two headers that all errors have.
    fn check(error: &WireError, status: u16, name: &str, further_headers: &[(&str, &str)], body: &str) {
        assert_eq!((error.status(), error.exception_name()), (status, name));
        let headers = error.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(headers[..2], [("content-type", "application/json"), ("x-amzn-errortype", name)]);
        assert_eq!(headers[2..], *further_headers);
        assert_eq!(String::from_utf8(error.body()).unwrap(), body);
    }

    #[test]
    fn fields_that_are_not_valid_are_400_and_listed() {
        let body = r#"{"message":"1 field is not valid: period: why","reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"period","message":"why"}]}"#;
        check(&ValidationError::field("period", "why").into(), 400, "ValidationException", &[], body);
    }

    #[test]
    fn a_body_that_cannot_be_parsed_is_400_without_fields() {
        let error = ValidationError::CannotParse { message: sentence() };
        let body = r#"{"message":"why","reason":"CANNOT_PARSE"}"#;
        check(&error.into(), 400, "ValidationException", &[], body);
    }

    #[test]
    fn a_caller_who_may_not_is_403() {
        let error = WireError::AccessDenied { message: sentence() };
        check(&error, 403, "AccessDeniedException", &[], r#"{"message":"why"}"#);
    }

    #[test]
    fn a_caller_who_is_not_known_is_403_under_the_name_of_the_refusal() {
        for exception_name in [
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "IncompleteSignatureException",
        ] {
            let error = WireError::NotAuthenticated { exception_name, message: sentence() };
            check(&error, 403, exception_name, &[], r#"{"message":"why"}"#);
        }
    }

    #[test]
    fn a_missing_resource_is_404_and_named() {
        let error = WireError::ResourceNotFound {
            message: sentence(),
            resource_id: "queue-1".to_owned(),
            resource_type: "queue",
        };
        let body = r#"{"message":"why","resourceId":"queue-1","resourceType":"queue"}"#;
        check(&error, 404, "ResourceNotFoundException", &[], body);
    }

    #[test]
    fn a_conflict_is_409_and_says_with_what() {
        let error = WireError::Conflict {
            message: sentence(),
            reason: ConflictReason::ResourceInUse,
            resource_id: "queue-1".to_owned(),
            resource_type: "queue",
        };
        let body =
            r#"{"message":"why","reason":"RESOURCE_IN_USE","resourceId":"queue-1","resourceType":"queue"}"#;
        check(&error, 409, "ConflictException", &[], body);
    }

    #[test]
    fn a_request_that_cannot_be_done_as_things_are_is_400_for_another_reason() {
        let error = ValidationError::Other { message: sentence() };
        check(&error.into(), 400, "ValidationException", &[], r#"{"message":"why","reason":"OTHER"}"#);
    }

    #[test]
    fn throttling_is_429_and_says_twice_when_to_come_again() {
        let error = WireError::Throttling {
            message: sentence(),
            quota_code: Some("running-aggregations-per-farm"),
            retry_after: Duration::from_millis(1500),
        };
        let headers = [("retry-after", "2"), ("x-amz-retry-after", "1500")];
        let body =
            r#"{"message":"why","serviceCode":"deadline","quotaCode":"running-aggregations-per-farm"}"#;
        check(&error, 429, "ThrottlingException", &headers, body);
    }

    #[test]
    fn an_internal_problem_is_500_and_tells_nothing_of_the_inside() {
        let body =
            r#"{"message":"the server could not answer because of an internal problem; its log says more"}"#;
        let error = WireError::InternalServerError { retry_after: Some(Duration::from_secs(1)) };
        let headers = [("retry-after", "1"), ("x-amz-retry-after", "1000")];
        check(&error, 500, "InternalServerErrorException", &headers, body);
        let error = WireError::InternalServerError { retry_after: None };
        check(&error, 500, "InternalServerErrorException", &[], body);
    }

    #[test]
    fn an_unknown_operation_is_404() {
        let error = WireError::UnknownOperation { method: "PUT".to_owned(), path: "/x\n".to_owned() };
        let body = r#"{"message":"\"PUT\" \"/x\\n\" is not an operation of this server"}"#;
        check(&error, 404, "UnknownOperationException", &[], body);
    }

    #[test]
    fn a_body_that_is_too_large_is_413() {
        let error = WireError::RequestTooLarge { body_bytes_max: 65_536 };
        let body = r#"{"message":"the request body is too large; at most 65536 bytes are read"}"#;
        check(&error, 413, "RequestTooLargeException", &[], body);
    }
}
