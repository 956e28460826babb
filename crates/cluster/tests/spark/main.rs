//! The distributed engine as the service uses it, against real servers of Spark Connect.
//!
//! Tests that need such a server are ignored unless `scripts/test-cluster` runs them, which installs one.
#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]
#![expect(clippy::print_stdout, reason = "times and what became of a question are for whoever runs the test")]
#![expect(clippy::panic, reason = "a test says what it found instead")]

mod apache_spark;
mod failures;
mod farm;
mod sail;
mod same_rows;
mod server;
mod speed;
