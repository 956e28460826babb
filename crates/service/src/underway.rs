//! Aggregations that this process runs, so that whoever asks for one can wait for its end.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use farmtally_model::{AggregationId, FarmId};
use tokio::sync::watch;

type Key = (FarmId, AggregationId);

/// How long a run that was begun again after a restart is waited for by whoever asks for it. Somebody may have seen before the restart that it
/// was completed, so that nobody is to see it in progress. It is less than what a server that is stopped lets its requests have.
const RESUMED_AWAITED: Duration = Duration::from_secs(8);

/// The aggregations that are on their way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Underway(Arc<Runs>);

#[derive(Debug, Default)]
struct Runs {
    by_key: Mutex<HashMap<Key, Run>>,
    /// That one of them has ended, for those who block.
    ended: Condvar,
}

#[derive(Debug)]
struct Run {
    /// Nothing is ever sent to those who wait: they go on when it is dropped.
    ended: watch::Sender<()>,
    /// Until when it is to be waited for, if it was begun again.
    awaited_until: Option<Instant>,
}

impl Underway {
    /// Notes one, until what this gives is dropped.
    pub(crate) fn begin(&self, farm_id: FarmId, id: AggregationId) -> RunUnderway {
        self.note(&mut self.lock(), (farm_id, id), None)
    }

    /// Notes one likewise that was begun again after a restart.
    pub(crate) fn begin_again(&self, farm_id: FarmId, id: AggregationId) -> RunUnderway {
        self.note(&mut self.lock(), (farm_id, id), Some(Instant::now() + RESUMED_AWAITED))
    }

    /// Says that one has ended, although its run may go on for a while.
    pub(crate) fn has_ended(&self, farm_id: FarmId, id: AggregationId) {
        self.lock().remove(&(farm_id, id));
        self.0.ended.notify_all();
    }

    /// Notes one likewise, unless another one of the farm is on its way here.
    pub(crate) fn begin_alone(&self, farm_id: FarmId, id: AggregationId) -> Option<RunUnderway> {
        let mut underway = self.lock();
        if underway.keys().any(|(of, _)| *of == farm_id) {
            return None;
        }
        Some(self.note(&mut underway, (farm_id, id), None))
    }

    fn note(
        &self,
        underway: &mut HashMap<Key, Run>,
        key: Key,
        awaited_until: Option<Instant>,
    ) -> RunUnderway {
        underway.insert(key, Run { ended: watch::Sender::new(()), awaited_until });
        RunUnderway { underway: self.clone(), key }
    }

    /// Whether one is on its way here.
    pub(crate) fn has(&self, farm_id: FarmId, id: AggregationId) -> bool {
        self.lock().contains_key(&(farm_id, id))
    }

    /// What becomes ready when one has ended; `None` when it is not on its way here.
    pub(crate) fn end(&self, farm_id: FarmId, id: AggregationId) -> Option<impl Future<Output = ()> + use<>> {
        let mut ended = self.lock().get(&(farm_id, id))?.ended.subscribe();
        Some(async move { ended.changed().await.unwrap_or_default() })
    }

    /// Waits for the end of one that was begun again, as long as that is worth it.
    pub(crate) fn wait_if_resumed(&self, farm_id: FarmId, id: AggregationId) {
        let underway = self.lock();
        let Some(until) = underway.get(&(farm_id, id)).and_then(|run| run.awaited_until) else { return };
        let is_there = |runs: &mut HashMap<Key, Run>| runs.contains_key(&(farm_id, id));
        let left = until.saturating_duration_since(Instant::now());
        drop(self.0.ended.wait_timeout_while(underway, left, is_there));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Run>> {
        // Nothing can panic while it is locked.
        self.0.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An aggregation that is on its way for as long as this lives.
#[derive(Debug)]
pub(crate) struct RunUnderway {
    underway: Underway,
    key: Key,
}

impl Drop for RunUnderway {
    fn drop(&mut self) {
        let (farm_id, id) = self.key;
        self.underway.has_ended(farm_id, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn whoever_waits_goes_on_when_the_run_has_ended_and_nobody_waits_for_another_farms() {
        let underway = Underway::default();
        let (farm, id) = (FarmId::from_bytes([1; 16]), AggregationId::from_bytes([2; 16]));
        let run = underway.begin(farm, id);
        assert!(underway.end(FarmId::from_bytes([3; 16]), id).is_none());
        let other_id = AggregationId::from_bytes([4; 16]);
        assert!(underway.begin_alone(farm, other_id).is_none() && underway.end(farm, other_id).is_none());
        assert!(underway.begin_alone(FarmId::from_bytes([3; 16]), other_id).is_some());
        let mut end = pin!(underway.end(farm, id).unwrap());
        let mut context = Context::from_waker(Waker::noop());
        assert!(end.as_mut().poll(&mut context).is_pending());
        drop(run);
        assert!(end.as_mut().poll(&mut context).is_ready());
        assert!(underway.end(farm, id).is_none(), "it is not on its way any more");
        assert!(underway.begin_alone(farm, other_id).is_some());
        let _run = underway.begin(farm, id);
        let mut end = pin!(underway.end(farm, id).unwrap());
        underway.has_ended(farm, id);
        assert!(end.as_mut().poll(&mut context).is_ready(), "it timed out");
    }

    #[test]
    fn whoever_blocks_waits_for_the_end_of_a_run_that_was_begun_again_and_of_no_other() {
        let underway = Underway::default();
        let (farm, id) = (FarmId::from_bytes([1; 16]), AggregationId::from_bytes([2; 16]));
        underway.wait_if_resumed(farm, id);
        let first = underway.begin(farm, id);
        underway.wait_if_resumed(farm, id);
        drop(first);
        let again = underway.begin_again(farm, id);
        let waiting = std::thread::spawn({
            let underway = underway.clone();
            move || underway.wait_if_resumed(farm, id)
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(again);
        waiting.join().unwrap();
    }
}
