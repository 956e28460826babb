//! AWS Deadline Cloud as a source: whose credentials, signed calls with retries, pages, and sessions as submissions.
//!
//! This is the other side of `wire`: that crate answers the service's operations, this one asks them. Nothing is stored
//! here and nothing is printed. The clock, and the right to wait, come from the caller ([`Surroundings`]), so that a
//! person who stops a copy does not wait for a retry.
//!
//! The one fact that hurts when discovered late: the shell that asks may be set up to reach a farmtally
//! (`AWS_ENDPOINT_URL…`), and then a copy "from AWS" would read its own copy. No such variable is obeyed here.

mod answers;
mod call_error;
mod client;
mod credentials;
mod document;
mod endpoint;
mod environment;
mod limits;
mod retry;
mod submission;
mod surroundings;
mod transport;

pub use answers::{
    Association, Farm, Fleet, Job, ListedSession, Queue, SessionDetail, SessionKey, SessionsFound,
};
pub use call_error::CallError;
pub use client::{CallCounts, Client, ClientOptions};
pub use credentials::{CredentialProvider, Credentials, CredentialsError};
pub use document::{Document, read_sessions};
pub use endpoint::{Endpoint, EndpointError};
pub use environment::Environment;
pub use limits::{BATCH_SESSIONS_MAX, PAGE_SIZE_MAX};
pub use submission::{JobFacts, Refusal, submission};
pub use surroundings::Surroundings;
pub use transport::TransportError;
