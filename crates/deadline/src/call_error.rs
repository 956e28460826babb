//! Calls that did not bring what was asked for.

use crate::credentials::CredentialsError;

/// Why a call failed for good.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is nothing to sign with.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Nobody answered, however often they were asked.
    #[error("cannot reach `{endpoint}` for {operation}")]
    Unreachable {
        /// Base URL.
        endpoint: String,
        /// The operation.
        operation: &'static str,
        /// What the network said last.
        #[source]
        cause: Box<ureq::Error>,
    },
    /// The service said no, or asked to slow down for longer than anybody waits.
    #[error("{operation} was answered with {status} {code}: {message}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// HTTP status.
        status: u16,
        /// The name of the error in the service model; empty if the answer had none.
        code: String,
        /// What the service said.
        message: String,
    },
    /// The answer is not what the service model promises.
    #[error("{operation} was answered with something that cannot be read: {detail}")]
    Unreadable {
        /// The operation.
        operation: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody stopped the work.
    #[error("stopped while waiting to ask {operation} again")]
    Stopped {
        /// The operation.
        operation: &'static str,
    },
}

impl CallError {
    /// The name of the service's error, if the service answered with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}
