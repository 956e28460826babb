//! ListWorkers, GetWorker, SearchWorkers and BatchGetWorker.
//!
//! Workers are known from their sessions, too. One with a running session is RUNNING; of any other nothing is known but
//! that it is not working, and it is shown as STOPPED.

use farmtally_model::{FarmId, FleetId, InstanceType, Timestamp, WorkerId};
use serde_json::{Value, json};

use crate::batch::{self, Found};
use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::search::{SearchRequest, search_answer};
use crate::validation::ValidationError;

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerKey {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its fleet.
    pub fleet_id: FleetId,
    /// Its id.
    pub worker_id: WorkerId,
}

/// A worker as the API shows it.
#[derive(Debug, Clone)]
pub struct Worker<'a> {
    /// Where it is.
    pub key: WorkerKey,
    /// The kind of machine, where the source knows it.
    pub instance_type: Option<&'a InstanceType>,
    /// What it does: RUNNING or STOPPED.
    pub status: &'static str,
    /// When its first session started.
    pub created_at: Timestamp,
    /// Who created its farm.
    pub created_by: &'a str,
    /// When its last session ended, if one has.
    pub updated_at: Option<Timestamp>,
}

/// Which workers are asked for: of which fleet, and which page.
pub fn parse_list_workers(
    request: &CheckedRequest,
) -> Result<(FarmId, FleetId, ListPosition<WorkerId>), ValidationError> {
    Ok((request.required("farmId")?, request.required("fleetId")?, request.position()?))
}

/// The worker of a request whose path has one.
pub fn parse_worker(request: &CheckedRequest) -> Result<WorkerKey, ValidationError> {
    Ok(WorkerKey {
        farm_id: request.required("farmId")?,
        fleet_id: request.required("fleetId")?,
        worker_id: request.required("workerId")?,
    })
}

/// The workers of a request for several.
pub fn parse_batch_get_worker(request: &CheckedRequest) -> Result<Vec<WorkerKey>, ValidationError> {
    batch::identifiers(request, |id| {
        let (farm_id, fleet_id) = (id.required("farmId")?, id.required("fleetId")?);
        Ok(WorkerKey { farm_id, fleet_id, worker_id: id.required("workerId")? })
    })
}

/// The body of a page of workers. `more_after` is the last worker of the page, if workers follow it.
pub fn write_workers_page(workers: &[Worker<'_>], more_after: Option<WorkerId>) -> Vec<u8> {
    json::page("workers", workers.iter().map(whole), more_after)
}

/// The body of one worker.
pub fn write_worker(worker: &Worker<'_>) -> Vec<u8> {
    whole(worker).into_bytes()
}

/// The body of what a search found: some of `total`.
pub fn write_found_workers(workers: &[Worker<'_>], search: &SearchRequest<FleetId>, total: usize) -> Vec<u8> {
    let found = workers.iter().map(|worker| {
        shape(worker).with_text("fleetId", worker.key.fleet_id).with_text("workerId", worker.key.worker_id)
    });
    search_answer("workers", found, search, total)
}

/// The body of several workers, and of those that were not found.
pub fn write_batch_of_workers(workers: &[Found<WorkerKey, Worker<'_>>]) -> Vec<u8> {
    batch::answer("workers", workers, key, shape)
}

fn key(key: &WorkerKey) -> Shape {
    Shape::default()
        .with_text("farmId", key.farm_id)
        .with_text("fleetId", key.fleet_id)
        .with_text("workerId", key.worker_id)
}

fn whole(worker: &Worker<'_>) -> Shape {
    let Value::Object(members) = shape(worker).into_value() else { return key(&worker.key) };
    key(&worker.key).with_all(members)
}

fn shape(worker: &Worker<'_>) -> Shape {
    Shape::default()
        .with("status", worker.status)
        .with_some("hostProperties", worker.instance_type.map(host_properties))
        .with_text("createdAt", worker.created_at)
        .with("createdBy", worker.created_by)
        .with_some("updatedAt", worker.updated_at.map(|at| at.to_string()))
}

/// What is known of a machine.
pub(crate) fn host_properties(instance_type: &InstanceType) -> Value {
    json!({ "ec2InstanceType": instance_type.as_str() })
}
