//! Storing beside reading: while one batch is committed, the next is read and parsed.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use farmtally_service::NumberedSubmission;

use super::batch::{Batch, BatchOutcome, Origin};
use super::destination::Destination;
use crate::report_error::Failure;

/// Batches that wait to be stored: with more, memory would grow and nothing would be faster.
const WAITING: usize = 1;

/// A thread that stores batches in the order in which they come.
pub(super) struct Storing {
    batches: Option<SyncSender<Vec<NumberedSubmission>>>,
    outcomes: Receiver<Result<BatchOutcome, Failure>>,
    /// Where the records of the batches came from whose outcome is not known yet.
    pending: VecDeque<Vec<Origin>>,
    thread: Option<JoinHandle<()>>,
}

/// A batch that was stored, and where its records came from.
pub(super) struct Stored {
    pub(super) origins: Vec<Origin>,
    pub(super) outcome: BatchOutcome,
}

impl Storing {
    pub(super) fn start(destination: Destination) -> Result<Self, Failure> {
        let (batches, waiting) = sync_channel::<Vec<NumberedSubmission>>(WAITING);
        let (told, outcomes) = sync_channel(WAITING + 2);
        let work = move || {
            for batch in waiting {
                let outcome = destination.store(batch);
                let failed = outcome.is_err();
                if told.send(outcome).is_err() || failed {
                    return;
                }
            }
        };
        let thread = Builder::new().name("storing".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Failure::caused("cannot start a thread", &error))?;
        Ok(Self { batches: Some(batches), outcomes, pending: VecDeque::new(), thread: Some(thread) })
    }

    /// Hands a batch over, and returns one whose outcome is known, if any waits.
    pub(super) fn store(&mut self, batch: Batch) -> Result<Option<Stored>, Failure> {
        let (submissions, origins) = batch.into_parts();
        self.pending.push_back(origins);
        let is_taken = self.batches.as_ref().is_some_and(|batches| batches.send(submissions).is_ok());
        if is_taken && self.pending.len() <= WAITING {
            return Ok(None);
        }
        self.next()
    }

    /// Waits for the next outcome; `None` when all are known.
    pub(super) fn next(&mut self) -> Result<Option<Stored>, Failure> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let outcome = self.outcomes.recv().map_err(|_| Failure::failed("storing broke off"))?;
        let origins = self.pending.pop_front().unwrap_or_default();
        outcome.map(|outcome| Some(Stored { origins, outcome }))
    }
}

impl Drop for Storing {
    /// Waits for the batch that is being stored, and with it for the folder to be given up.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by the panic hook.
            thread.join().unwrap_or_default();
        }
    }
}
