//! ListWorkers, GetWorker, SearchWorkers and BatchGetWorker.

use farmtally_model::FarmId;
use farmtally_service::{Search, Worker};
use farmtally_wire::{self as wire, WorkerKey};

use super::call::Call;
use super::{list, ok};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, fleet_id, position) = wire::parse_list_workers(&call.request)?;
    let page_size = position.page_size.get();
    let limit = list::limit(page_size);
    let mut workers = call.service.workers(call.caller, farm_id, fleet_id, position.after, limit)?;
    let more_after = list::cut(&mut workers, page_size, |worker| worker.summary.worker_id);
    let shapes: Vec<_> = workers.iter().map(|worker| shape(farm_id, worker)).collect();
    Ok(ok(wire::write_workers_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let WorkerKey { farm_id, fleet_id, worker_id } = wire::parse_worker(&call.request)?;
    let worker = call.service.worker(call.caller, farm_id, fleet_id, worker_id)?;
    Ok(ok(wire::write_worker(&shape(farm_id, &worker))))
}

pub(super) fn search(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = wire::parse_search::<Worker, _>(&call.request, "fleetIds")?;
    let search = Search {
        filter: wanted.filter.as_ref(),
        sorts: &wanted.sorts,
        offset: wanted.offset,
        limit: wanted.page_size,
    };
    let result = call.service.search_workers(call.caller, wanted.farm_id, &wanted.within, search)?;
    let shapes: Vec<_> = result.found.iter().map(|worker| shape(wanted.farm_id, worker)).collect();
    Ok(ok(wire::write_found_workers(&shapes, &wanted, result.total)))
}

pub(super) fn batch_get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let workers = list::find(wire::parse_batch_get_worker(&call.request)?, |key: &WorkerKey| {
        call.service.worker(call.caller, key.farm_id, key.fleet_id, key.worker_id)
    })?;
    Ok(ok(wire::write_batch_of_workers(&list::shapes(&workers, |key, worker| shape(key.farm_id, worker)))))
}

fn shape(farm_id: FarmId, worker: &Worker) -> wire::Worker<'_> {
    let summary = &worker.summary;
    wire::Worker {
        key: WorkerKey { farm_id, fleet_id: summary.fleet_id, worker_id: summary.worker_id },
        instance_type: summary.instance_type.as_ref(),
        status: worker.status(),
        created_at: summary.activity.first_started_at,
        created_by: &worker.created_by,
        updated_at: summary.activity.last_ended_at,
    }
}
