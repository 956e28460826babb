//! The engine's limits, each with a name, and the switch that stops it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::AggregationError;

/// What one aggregation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregationLimits {
    /// Most rows of an answer.
    pub rows_max: usize,
    /// Most memory of each thread for groups, the order of jobs and rows, in bytes; looked at between blocks and, by [`fn@crate::tabulate`], in
    /// them. A row of the answer takes 32, and one with large numbers 88.
    pub bytes_max: usize,
    /// Threads that scan.
    pub threads: NonZeroUsize,
}

/// Limits, and whether somebody wants the aggregation to stop.
#[derive(Debug, Clone, Copy)]
pub struct AggregationControl<'a> {
    /// What the aggregation may use.
    pub limits: AggregationLimits,
    /// Set by another thread to stop the aggregation; looked at between blocks.
    pub cancelled: &'a AtomicBool,
}

impl AggregationControl<'_> {
    /// Whether the aggregation may use so many bytes which all of its threads share.
    pub(crate) fn check_shared(&self, bytes: usize) -> Result<(), AggregationError> {
        self.check(0, bytes / self.limits.threads)
    }

    /// Whether the aggregation may go on with so many groups, each of which will be a row, and so many bytes.
    pub(crate) fn check(&self, groups: usize, bytes: usize) -> Result<(), AggregationError> {
        let AggregationLimits { rows_max, bytes_max, .. } = self.limits;
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(AggregationError::Cancelled);
        }
        if groups > rows_max {
            return Err(AggregationError::TooManyRows { rows_max });
        }
        if bytes > bytes_max {
            return Err(AggregationError::TooMuchMemory { bytes_max });
        }
        Ok(())
    }
}
