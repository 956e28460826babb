//! HTTP: connection limits, the signature gate, the operations of AWS, the native way in for records, and a page.
//!
//! [`Server::bind`] listens and [`Server::run`] answers. Every request goes through `app`: `route` says where it leads,
//! `body` takes its body in, `gate` verifies its signature, and a handler asks the service. Handlers take a
//! `VerifiedRequest`, which only the gate makes, so that an unsigned request cannot reach one.
//!
//! The painful fact: clients of AWS sign the `Host` they believe in and retry what was answered with 429 or 500, so
//! that a proxy must leave `Host` alone and a Start must be known again when it comes twice.

mod app;
mod body;
mod gate;
mod limits;
mod metrics;
mod native;
mod operations;
mod page;
mod peer;
mod probes;
mod rate;
mod refusal;
mod refusal_audit;
mod reply;
mod reply_body;
mod request;
mod request_id;
mod route;
mod server;
mod shell_word;
mod stream;
mod tls;

pub use limits::ConnectionLimits;
pub use server::{BindError, Server, ServerOptions, ShutdownError};
pub use shell_word::quoted;
pub use tls::{TlsError, TlsIdentity, TlsSlot};
