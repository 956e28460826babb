//! The store's limits.

/// Most records of one batch, which is one transaction and one row.
pub const BATCH_RECORDS_MAX: usize = 100_000;
