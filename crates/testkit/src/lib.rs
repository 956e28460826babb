//! What the other crates are tested with, and the farm that the demonstration shows.
//!
//! - [`mod@reference`] answers every question slowly and obviously; the engine has to give the same rows.
//! - `random` (feature `proptest`) draws small farms and questions that sit on the edges.
//! - [`sample_farm`] makes ninety plausible days of a studio from a seed.
//!
//! This crate stops the test rather than answer wrongly: values that it makes itself are expected to be valid.

mod certain;
#[cfg(any(test, feature = "proptest"))]
pub mod random;
pub mod reference;
pub mod sample_farm;
