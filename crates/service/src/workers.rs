//! Workers, as their sessions tell of them.

use std::borrow::Cow;

use farmtally_model::search::{FieldKind, FieldValue, Searched};
use farmtally_model::{FarmId, FleetId, WorkerId};
use farmtally_store::WorkerSummary;

use crate::access::Caller;
use crate::error::{ResourceName, ServiceError};
use crate::jobs::{Search, SearchResult};
use crate::service::Service;

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// What its sessions tell.
    pub summary: WorkerSummary,
    /// Who created its farm, because sessions do not say who created it.
    pub created_by: String,
}

impl Worker {
    /// RUNNING while it has a running session. Of any other nothing is known but that it does not work: STOPPED.
    pub fn status(&self) -> &'static str {
        if self.summary.activity.running > 0 { "RUNNING" } else { "STOPPED" }
    }
}

impl Searched for Worker {
    const FIELDS: &'static [(&'static str, FieldKind)] = &[
        ("WORKER_ID", FieldKind::Text),
        ("FLEET_ID", FieldKind::Text),
        ("STATUS", FieldKind::Text),
        ("CREATED_BY", FieldKind::Text),
        ("EC2_INSTANCE_TYPE", FieldKind::Text),
        ("CREATED_AT", FieldKind::Time),
        ("UPDATED_AT", FieldKind::Time),
    ];

    fn value(&self, field: &str) -> Option<FieldValue<'_>> {
        let summary = &self.summary;
        match field {
            "WORKER_ID" => Some(FieldValue::Text(summary.worker_id.to_string().into())),
            "FLEET_ID" => Some(FieldValue::Text(summary.fleet_id.to_string().into())),
            "STATUS" => Some(FieldValue::Text(self.status().into())),
            "CREATED_BY" => Some(FieldValue::Text(self.created_by.as_str().into())),
            "EC2_INSTANCE_TYPE" => {
                summary.instance_type.as_ref().map(|kind| FieldValue::Text(kind.as_str().into()))
            }
            "CREATED_AT" => Some(FieldValue::Time(summary.activity.first_started_at)),
            "UPDATED_AT" => summary.activity.last_ended_at.map(FieldValue::Time),
            _ => None,
        }
    }

    fn searched_text(&self) -> Cow<'_, str> {
        self.summary.worker_id.to_string().into()
    }

    fn owner(&self) -> Option<&str> {
        None
    }
}

impl Service {
    /// A worker of a fleet.
    pub fn worker(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        fleet_id: FleetId,
        worker_id: WorkerId,
    ) -> Result<Worker, ServiceError> {
        let created_by = self.farm(caller, farm_id)?.created_by;
        self.existing(farm_id, fleet_id)?;
        let worker = self.store.worker(farm_id, fleet_id, worker_id)?;
        let worker = worker.map(|summary| Worker { summary, created_by });
        worker.ok_or(ServiceError::NotFound(ResourceName::Worker(worker_id)))
    }

    /// The workers of a fleet, by id, after `after`.
    pub fn workers(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        fleet_id: FleetId,
        after: Option<WorkerId>,
        limit: usize,
    ) -> Result<Vec<Worker>, ServiceError> {
        let created_by = self.farm(caller, farm_id)?.created_by;
        self.existing(farm_id, fleet_id)?;
        let workers = self.store.workers(farm_id, fleet_id, after, limit)?;
        Ok(workers.into_iter().map(|summary| Worker { summary, created_by: created_by.clone() }).collect())
    }

    /// Number of workers at work in a fleet that the caller was shown.
    pub fn running_worker_count(&self, farm_id: FarmId, fleet_id: FleetId) -> Result<usize, ServiceError> {
        Ok(self.store.running_worker_count(farm_id, fleet_id)?)
    }

    /// Searches the workers of some fleets.
    pub fn search_workers(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        fleet_ids: &[FleetId],
        search: Search<'_>,
    ) -> Result<SearchResult<Worker>, ServiceError> {
        let created_by = self.farm(caller, farm_id)?.created_by;
        let mut found = Vec::new();
        for fleet_id in fleet_ids {
            self.existing(farm_id, *fleet_id)?;
            self.store.for_each_worker(farm_id, *fleet_id, |summary| {
                let worker = Worker { summary, created_by: created_by.clone() };
                if search.matches(&worker) {
                    found.push(worker);
                }
            })?;
        }
        Ok(search.part(found))
    }
}
