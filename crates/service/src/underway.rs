//! Aggregations that this process runs, so that whoever asks for one can wait for its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::{AggregationId, FarmId};
use tokio::sync::watch;

type Key = (FarmId, AggregationId);

/// The aggregations that are on their way. Nothing is ever sent to those who wait: they go on when a sender is dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Underway(Arc<Mutex<HashMap<Key, watch::Sender<()>>>>);

impl Underway {
    /// Notes one, until what this gives is dropped.
    pub(crate) fn begin(&self, farm_id: FarmId, id: AggregationId) -> RunUnderway {
        self.note(&mut self.lock(), (farm_id, id))
    }

    /// Says that one has ended, although its run may go on for a while.
    pub(crate) fn has_ended(&self, farm_id: FarmId, id: AggregationId) {
        self.lock().remove(&(farm_id, id));
    }

    /// Notes one likewise, unless another one of the farm is on its way here.
    pub(crate) fn begin_alone(&self, farm_id: FarmId, id: AggregationId) -> Option<RunUnderway> {
        let mut underway = self.lock();
        if underway.keys().any(|(of, _)| *of == farm_id) {
            return None;
        }
        Some(self.note(&mut underway, (farm_id, id)))
    }

    fn note(&self, underway: &mut HashMap<Key, watch::Sender<()>>, key: Key) -> RunUnderway {
        underway.insert(key, watch::Sender::new(()));
        RunUnderway { underway: self.clone(), key }
    }

    /// What becomes ready when one has ended; `None` when it is not on its way here.
    pub(crate) fn end(&self, farm_id: FarmId, id: AggregationId) -> Option<impl Future<Output = ()> + use<>> {
        let mut ended = self.lock().get(&(farm_id, id))?.subscribe();
        Some(async move { ended.changed().await.unwrap_or_default() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<()>>> {
        // Nothing can panic while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
