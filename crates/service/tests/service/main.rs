//! The service over real stores.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ends;
mod engines;
mod farm;
mod sessions_behind;
