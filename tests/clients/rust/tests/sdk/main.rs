//! The published `aws-sdk-deadline` crate against a running farmtally.
//!
//! The servers are prepared by `tests/clients/test_rust.py`, which says where they are in environment variables. The one
//! thing a user of this SDK has to know: it puts `management.` before the host of every endpoint and has no setting
//! against it. [`host_prefix`] shows the two ways out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at its first surprise, in its helpers too"
)]

mod errors;
mod host_prefix;
mod site;
mod statistics;
