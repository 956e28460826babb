//! Answers that were just computed, kept at hand with the state of their aggregation, so that a page costs no disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::{AggregationId, FarmId, StatisticsTable};
use farmtally_store::AggregationState;

/// A completed aggregation. Its state never changes again, so that it may be remembered beside the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct CompletedAggregation {
    pub(crate) farm_id: FarmId,
    pub(crate) state: AggregationState,
    pub(crate) table: Arc<StatisticsTable>,
}

/// The latest answers, as many as fit.
#[derive(Debug)]
pub(crate) struct ResultCache {
    rows_max: usize,
    completed: Mutex<VecDeque<(AggregationId, CompletedAggregation)>>,
}

impl ResultCache {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self { rows_max, completed: Mutex::default() }
    }

    /// The answer of an aggregation of this farm, if it is at hand.
    pub(crate) fn get(&self, farm_id: FarmId, id: AggregationId) -> Option<CompletedAggregation> {
        let completed = self.lock();
        let (_, found) = completed.iter().find(|(known, _)| *known == id)?;
        (found.farm_id == farm_id).then(|| found.clone())
    }

    /// Keeps an answer, and forgets the oldest ones until the rest fit.
    pub(crate) fn insert(&self, id: AggregationId, answer: CompletedAggregation) {
        let mut completed = self.lock();
        completed.retain(|(known, _)| *known != id);
        completed.push_back((id, answer));
        while completed.len() > 1
            && completed.iter().map(|(_, answer)| answer.table.rows.len()).sum::<usize>() > self.rows_max
        {
            completed.pop_front();
        }
    }

    /// Forgets the answers of a farm that is no more.
    pub(crate) fn forget_farm(&self, farm_id: FarmId) {
        self.lock().retain(|(_, answer)| answer.farm_id != farm_id);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(AggregationId, CompletedAggregation)>> {
        // A panic elsewhere leaves whole answers behind, never half of one.
        self.completed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
