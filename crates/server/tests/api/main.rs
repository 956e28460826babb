//! The API over real sockets, one module per behaviour. Every test has a server, a folder and a clock of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is missing"
)]

mod auth;
mod client;
mod door;
mod errors;
mod get;
mod ingest;
mod jobs;
mod life;
mod limits;
mod lists;
mod matrix;
mod operating;
mod page;
mod paging;
mod records;
mod resources;
mod shutdown;
mod sign_in;
mod start;
mod tls;
mod usage;
mod usage_access;
mod usage_limits;
mod usage_long;
