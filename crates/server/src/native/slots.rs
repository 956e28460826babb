//! How many questions about usage are answered at once, for how long, and how they are called off.
//!
//! A question may keep every core busy. AWS's operations have threads of their own; so that they get a share of the cores,
//! only a few questions run at once, and some more wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::ConnectionLimits;
use crate::refusal::Refusal;

/// Places for questions that run and for those that wait.
#[derive(Debug)]
pub(crate) struct QuerySlots {
    running: Arc<Semaphore>,
    running_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
    wait_max: Duration,
    runtime_max: Duration,
    called_off: AtomicU64,
}

/// Questions at one moment, and those that were called off so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryCounts {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) called_off: u64,
}

impl QuerySlots {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        let running_max = limits.queries_max.max(1);
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            running_max,
            waiting: AtomicUsize::new(0),
            waiting_max: limits.queries_waiting_max,
            wait_max: limits.query_wait_max,
            runtime_max: limits.query_runtime_max,
            called_off: AtomicU64::new(0),
        }
    }

    /// A place to run in, once there is one. It is taken as long as the permit lives.
    pub(crate) async fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::begin(&self.waiting, self.waiting_max)?;
        match timeout(self.wait_max, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(error)) => Err(Refusal::internal(error)),
            Err(_) => {
                Err(Refusal::busy(StatusCode::SERVICE_UNAVAILABLE, "other questions take longer than that"))
            }
        }
    }

    /// Counts a question whose answer nobody waits for.
    pub(crate) fn called_off(&self) {
        self.called_off.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> QueryCounts {
        QueryCounts {
            running: self.running_max.saturating_sub(self.running.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
            called_off: self.called_off.load(Ordering::Relaxed),
        }
    }

    /// How long an answer may take.
    pub(crate) fn runtime_max(&self) -> Duration {
        self.runtime_max
    }
}

/// Memory of answers that are made while their clients read them. Clients may be slow, so that answers outlive the places of
/// their questions.
#[derive(Debug)]
pub(crate) struct AnswerMemory {
    /// A permit for each KiB.
    room: Arc<Semaphore>,
    kib_max: u32,
    wait_max: Duration,
}

impl AnswerMemory {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        let kib_max = u32::try_from(limits.answers_bytes_max / 1024).unwrap_or(u32::MAX >> 4).max(1);
        Self { room: Arc::new(Semaphore::new(kib_max as usize)), kib_max, wait_max: limits.query_wait_max }
    }

    /// Room for an answer, once there is some. An answer that is larger than everything waits until it is the only one.
    pub(crate) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, self.kib_max);
        match timeout(self.wait_max, Arc::clone(&self.room).acquire_many_owned(kib)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(error)) => Err(Refusal::internal(error)),
            Err(_) => Err(Refusal::busy(
                StatusCode::SERVICE_UNAVAILABLE,
                "answers that are still being read take all the memory for answers",
            )),
        }
    }

    /// Memory that is taken, in bytes.
    pub(crate) fn bytes_held(&self) -> usize {
        (self.kib_max as usize).saturating_sub(self.room.available_permits()) * 1024
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize, max: usize) -> Result<Self, Refusal> {
        let counted = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= max {
            return Err(Refusal::busy(StatusCode::TOO_MANY_REQUESTS, "too many questions wait already"));
        }
        Ok(counted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls a question off when it is dropped: with the connection, or when the answer took too long.
#[derive(Debug, Default)]
pub(crate) struct CallOff(Arc<AtomicBool>);

impl CallOff {
    /// What the work looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
