//! Counts that requests and connections leave behind.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::histogram::{Counted, Histogram};

/// Everything that is counted in this process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By route and class of status. Routes are names of the program's own, so that there are only so many.
    requests: Mutex<BTreeMap<(&'static str, Class), u64>>,
    durations: Histogram,
    connections_open: AtomicU64,
    connections_total: AtomicU64,
    /// Requests that were refused because nobody knows who sent them.
    refused_signatures: AtomicU64,
    /// Requests that were refused because their key asks too often.
    throttled_keys: AtomicU64,
}

/// The first digit of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Success,
    Redirection,
    Refused,
    Failed,
}

impl Class {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            500.. => Self::Failed,
            400.. => Self::Refused,
            300.. => Self::Redirection,
            _ => Self::Success,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::Refused => "4xx",
            Self::Failed => "5xx",
        }
    }
}

/// The counts at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) requests: Vec<(&'static str, Class, u64)>,
    pub(super) durations: Counted,
    pub(super) connections_open: u64,
    pub(super) connections_total: u64,
    pub(super) refused_signatures: u64,
    pub(super) throttled_keys: u64,
}

impl Metrics {
    pub(crate) fn answered(&self, route: &'static str, status: StatusCode, duration: Duration) {
        *self.requests().entry((route, Class::of(status))).or_default() += 1;
        self.durations.observe(duration);
    }

    pub(crate) fn refused_signature(&self) {
        self.refused_signatures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttled_key(&self) {
        self.throttled_keys.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let requests =
            self.requests().iter().map(|((route, class), count)| (*route, *class, *count)).collect();
        Snapshot {
            requests,
            durations: self.durations.counted(),
            connections_open: number(&self.connections_open),
            connections_total: number(&self.connections_total),
            refused_signatures: number(&self.refused_signatures),
            throttled_keys: number(&self.throttled_keys),
        }
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Class), u64>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Metrics>);

impl OpenConnection {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        metrics.connections_open.fetch_add(1, Ordering::Relaxed);
        metrics.connections_total.fetch_add(1, Ordering::Relaxed);
        Self(metrics)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}
