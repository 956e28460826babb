//! What this process did, in numbers for whoever operates it. They begin at zero with every start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::ingest::IngestReport;

/// Counts that only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    aggregations_started: AtomicU64,
    aggregations_completed: AtomicU64,
    aggregations_failed: AtomicU64,
    aggregations_timed_out: AtomicU64,
    aggregation_us: AtomicU64,
    records_stored: AtomicU64,
    records_replaced: AtomicU64,
    records_unchanged: AtomicU64,
    records_refused: AtomicU64,
    batches_stored: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceCounts {
    /// Aggregations that were started.
    pub aggregations_started: u64,
    /// Aggregations that ended COMPLETED.
    pub aggregations_completed: u64,
    /// Aggregations that ended FAILED.
    pub aggregations_failed: u64,
    /// Aggregations that ended TIMEOUT.
    pub aggregations_timed_out: u64,
    /// How long aggregations ran, in microseconds.
    pub aggregation_us: u64,
    /// Records that were new.
    pub records_stored: u64,
    /// Records that took the place of an earlier state.
    pub records_replaced: u64,
    /// Records that were there already.
    pub records_unchanged: u64,
    /// Records that were refused after they could be read.
    pub records_refused: u64,
    /// Batches that were made durable.
    pub batches_stored: u64,
}

/// How an aggregation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Failed,
    TimedOut,
}

impl Counters {
    pub(crate) fn aggregation_started(&self) {
        add(&self.aggregations_started, 1);
    }

    pub(crate) fn aggregation_ended(&self, how: Ended) {
        let count = match how {
            Ended::Completed => &self.aggregations_completed,
            Ended::Failed => &self.aggregations_failed,
            Ended::TimedOut => &self.aggregations_timed_out,
        };
        add(count, 1);
    }

    pub(crate) fn aggregation_ran(&self, duration: Duration) {
        add(&self.aggregation_us, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn batch_stored(&self, report: &IngestReport) {
        add(&self.batches_stored, 1);
        add(&self.records_stored, report.stored);
        add(&self.records_replaced, report.replaced);
        add(&self.records_unchanged, report.unchanged);
        add(&self.records_refused, report.refused.len() as u64);
    }

    pub(crate) fn counts(&self) -> ServiceCounts {
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ServiceCounts {
            aggregations_started: number(&self.aggregations_started),
            aggregations_completed: number(&self.aggregations_completed),
            aggregations_failed: number(&self.aggregations_failed),
            aggregations_timed_out: number(&self.aggregations_timed_out),
            aggregation_us: number(&self.aggregation_us),
            records_stored: number(&self.records_stored),
            records_replaced: number(&self.records_replaced),
            records_unchanged: number(&self.records_unchanged),
            records_refused: number(&self.records_refused),
            batches_stored: number(&self.batches_stored),
        }
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
