//! Sail, two workers in one process: the same rows.

use crate::same_rows::{check_every_dimension, check_random_farms};
use crate::server::Server;

#[test]
#[ignore = "needs Sail; scripts/test-cluster runs it"]
fn random_farms_have_the_rows_of_the_native_engine_and_of_the_reference() {
    check_random_farms(&Server::sail().address(), 60);
}

#[test]
#[ignore = "needs Sail; scripts/test-cluster runs it"]
fn every_dimension_period_and_filter_has_the_rows_of_the_reference_beyond_64_bits() {
    check_every_dimension(&Server::sail().address());
}
