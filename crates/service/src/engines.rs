//! Which engine answers a question: the one in this process, or one on other machines over the sealed records.

use std::sync::Arc;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{
    AggregationControl, AggregationError, DistributedEngine, DistributedError, JobNames, MergedGroups,
    RemovedRecord, SealedRecords,
};
use farmtally_model::{AggregationQuery, FarmId, StatisticsTable, Timestamp};
use farmtally_store::{FarmShares, SealedShare, Store, StoreError};

use crate::service::Service;

/// An engine on other machines, and from which size on it is asked.
#[derive(Debug, Clone)]
pub struct Distributed {
    /// The engine.
    pub engine: Arc<dyn DistributedEngine>,
    /// Sealed records in the segments that reach into a question's window from which on it is asked. Below, and for what it
    /// cannot be told, the engine in this process answers.
    pub records_min: u64,
}

/// The records of a question, for the engine that will answer it.
#[derive(Debug)]
pub(crate) enum Source {
    /// For the engine in this process.
    Native(Arc<FarmSnapshot>),
    /// For an engine on other machines, and this one for the rest.
    Shares(Box<Shares>),
}

/// A farm in two shares.
#[derive(Debug)]
pub(crate) struct Shares {
    engine: Arc<dyn DistributedEngine>,
    sealed: SealedRecords,
    farm: FarmShares,
}

impl Source {
    /// Everything that was acknowledged before, laid out for the engine that is to answer.
    pub(crate) fn of(
        store: &Store,
        distributed: Option<&Distributed>,
        farm_id: FarmId,
        query: &AggregationQuery,
    ) -> Result<Self, StoreError> {
        if let Some(Distributed { engine, records_min }) = distributed
            && store.sealed_record_count(farm_id, query.window())? >= (*records_min).max(1)
        {
            let mut farm = store.shares(farm_id, query.window())?;
            let sealed = sealed_records(std::mem::take(&mut farm.sealed));
            if engine.can_answer(query, &sealed) {
                return Ok(Self::Shares(Box::new(Shares { engine: Arc::clone(engine), sealed, farm })));
            }
            let removed = sealed.removed.len();
            tracing::warn!(farm = %farm_id, removed, "the native engine answers what cannot be put to the distributed one");
        }
        store.snapshot(farm_id).map(Self::Native)
    }

    /// Answers the question.
    pub(crate) fn answer(
        &self,
        query: &AggregationQuery,
        now: Timestamp,
        control: &AggregationControl<'_>,
    ) -> Result<StatisticsTable, DistributedError> {
        match self {
            Self::Native(snapshot) => Ok(farmtally_engine::aggregate(snapshot, query, now, control)?),
            Self::Shares(shares) => shares.answer(query, now, control),
        }
    }
}

impl Shares {
    /// The sealed share is counted elsewhere, the rest here. The rest comes first: what is wrong with it costs nothing yet.
    fn answer(
        &self,
        query: &AggregationQuery,
        now: Timestamp,
        control: &AggregationControl<'_>,
    ) -> Result<StatisticsTable, DistributedError> {
        let job_names = JobNames::of(&self.farm.snapshot, query.group_by());
        let mut groups = MergedGroups::new(query, control.limits, job_names);
        groups.add_table(&self.rest(query, now, control)?)?;
        let seen = self.engine.aggregate(query, &self.sealed, &mut groups, control.cancelled)?;
        self.sealed.check(seen)?;
        Ok(groups.finish())
    }

    fn rest(
        &self,
        query: &AggregationQuery,
        now: Timestamp,
        control: &AggregationControl<'_>,
    ) -> Result<StatisticsTable, AggregationError> {
        let mut columns = FarmColumns::default();
        columns.apply(&self.farm.unsealed, &[]);
        farmtally_engine::aggregate(&columns.snapshot(), query, now, control)
    }
}

impl Service {
    /// What to say of a damaged block: it does not know its file, but the store finds it.
    pub(crate) fn column_damage(&self, farm_id: FarmId, found: &AggregationError) -> String {
        match self.store.column_damage(farm_id) {
            Ok(Some(damage)) => damage.to_string(),
            Ok(None) | Err(_) => found.to_string(),
        }
    }
}

fn sealed_records(share: SealedShare) -> SealedRecords {
    let removed = share.removed.into_iter().map(|(id, revision)| RemovedRecord { id, revision });
    SealedRecords {
        files: share.names,
        removed: removed.collect(),
        record_count: share.record_count,
        line_count: share.line_count,
        cost_nanos: share.cost_nanos,
        runtime_ms_bound: share.runtime_ms_bound,
    }
}
