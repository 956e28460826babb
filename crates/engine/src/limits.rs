//! The engine's limits, each with a name, and the switch that stops it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one aggregation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregationLimits {
    /// Most rows of an answer. Memory follows it: a row takes about 200 bytes while it is computed.
    pub rows_max: usize,
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
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
