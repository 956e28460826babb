//! The service's limits. Each has a name, and they are all here.

use std::num::NonZeroUsize;
use std::time::Duration;

use farmtally_engine::AggregationLimits;

/// How long an aggregation can be read after its Start.
pub(crate) const AGGREGATION_LIFE_MS: i64 = 60 * 60 * 1000;
/// How long a page token is valid.
pub(crate) const PAGE_TOKEN_LIFE_MS: i64 = 24 * 60 * 60 * 1000;
/// The wire's `count` is a 32-bit integer.
pub(crate) const ROW_COUNT_MAX: u64 = i32::MAX as u64;
/// How long a key's state may be remembered: a disabled key stops working within this time.
pub(crate) const KEY_MEMORY: Duration = Duration::from_secs(2);
/// Days of a farm's usage in the metrics.
pub(crate) const OVERVIEW_DAYS: i64 = 30;
/// Most farms that the page names and the metrics count.
pub(crate) const OVERVIEW_FARMS_MAX: usize = 20;

const _: () = assert!(AGGREGATION_LIFE_MS < PAGE_TOKEN_LIFE_MS);

/// Limits that an operator can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Most rows of an answer; beyond it the aggregation is FAILED.
    pub aggregation_rows_max: usize,
    /// Most memory for the groups of an aggregation in bytes, for each of its threads; beyond it the aggregation is FAILED.
    pub aggregation_bytes_max: usize,
    /// Longest time an aggregation may run; beyond it the aggregation is TIMEOUT.
    pub aggregation_runtime_max: Duration,
    /// Threads of one aggregation.
    pub aggregation_threads: NonZeroUsize,
    /// Memory for answers that are kept at hand, in rows over all aggregations; older ones are read from disk again.
    pub cached_rows_max: usize,
}

impl ServiceLimits {
    /// What bounds the engine while it answers one question.
    pub(crate) fn of_engine(&self) -> AggregationLimits {
        AggregationLimits {
            rows_max: self.aggregation_rows_max,
            bytes_max: self.aggregation_bytes_max,
            threads: self.aggregation_threads,
        }
    }
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            aggregation_rows_max: 3_000_000,
            aggregation_bytes_max: 1 << 30,
            aggregation_runtime_max: Duration::from_mins(5),
            aggregation_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            cached_rows_max: 6_000_000,
        }
    }
}
