//! Answers that are shown while they are still being written down.
//!
//! What is here is completed for everybody who asks, whatever the catalogue says yet, and is at hand whatever the cache forgets. If the process
//! ends before it is written down, the next one answers again; but not where no file could be written.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farmtally_model::{AggregationId, FarmId};

use crate::result_cache::CompletedAggregation;

type Key = (FarmId, AggregationId);

/// The answers that are being written down, and those of which no file can be written.
#[derive(Debug, Default)]
pub(crate) struct ShownAnswers {
    answers: Mutex<HashMap<Key, Shown>>,
    recorded: Condvar,
}

#[derive(Debug)]
struct Shown {
    answer: CompletedAggregation,
    /// Whether the catalogue says that it is completed. Then it is here because it is nowhere else.
    is_recorded: bool,
}

impl ShownAnswers {
    /// Shows an answer that is to be written down.
    pub(crate) fn show(&self, id: AggregationId, answer: CompletedAggregation) {
        self.lock().insert((answer.farm_id, id), Shown { answer, is_recorded: false });
    }

    /// Says that an answer was written down, or is not to be shown any more.
    pub(crate) fn end(&self, farm_id: FarmId, id: AggregationId) {
        self.lock().remove(&(farm_id, id));
        self.recorded.notify_all();
    }

    /// Says that an answer is completed in the catalogue and has no file.
    pub(crate) fn keep(&self, farm_id: FarmId, id: AggregationId) {
        if let Some(shown) = self.lock().get_mut(&(farm_id, id)) {
            shown.is_recorded = true;
        }
        self.recorded.notify_all();
    }

    /// Forgets some of the answers.
    pub(crate) fn forget(&self, is_one: impl Fn(&CompletedAggregation) -> bool) {
        self.lock().retain(|_, shown| !is_one(&shown.answer));
        self.recorded.notify_all();
    }

    /// The answer of an aggregation of this farm, if it is here.
    pub(crate) fn get(&self, farm_id: FarmId, id: AggregationId) -> Option<CompletedAggregation> {
        self.lock().get(&(farm_id, id)).map(|shown| shown.answer.clone())
    }

    /// Whether an answer is in memory alone. Others are not to join it.
    pub(crate) fn has_kept(&self) -> bool {
        self.lock().values().any(|shown| shown.is_recorded)
    }

    /// Waits until the catalogue knows of all answers of a farm, for so long at most.
    pub(crate) fn wait(&self, farm_id: FarmId, at_most: Duration) {
        let is_awaited = |answers: &mut HashMap<Key, Shown>| {
            answers.iter().any(|((farm, _), shown)| *farm == farm_id && !shown.is_recorded)
        };
        drop(self.recorded.wait_timeout_while(self.lock(), at_most, is_awaited));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Shown>> {
        // Nothing can panic while it is locked.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
