//! Answers that were just computed, kept at hand so that a page costs no disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::{AggregationId, StatisticsTable};

/// The latest answers, as many as fit.
#[derive(Debug)]
pub(crate) struct ResultCache {
    rows_max: usize,
    tables: Mutex<VecDeque<(AggregationId, Arc<StatisticsTable>)>>,
}

impl ResultCache {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self { rows_max, tables: Mutex::default() }
    }

    pub(crate) fn get(&self, id: AggregationId) -> Option<Arc<StatisticsTable>> {
        self.lock().iter().find(|(known, _)| *known == id).map(|(_, table)| Arc::clone(table))
    }

    /// Keeps an answer, and forgets the oldest ones until the rest fit.
    pub(crate) fn insert(&self, id: AggregationId, table: Arc<StatisticsTable>) {
        let mut tables = self.lock();
        tables.retain(|(known, _)| *known != id);
        tables.push_back((id, table));
        while tables.len() > 1
            && tables.iter().map(|(_, table)| table.rows.len()).sum::<usize>() > self.rows_max
        {
            tables.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(AggregationId, Arc<StatisticsTable>)>> {
        // A panic elsewhere leaves whole tables behind, never half of one.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
