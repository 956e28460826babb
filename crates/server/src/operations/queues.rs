//! ListQueues, GetQueue, CreateQueue, UpdateQueue and DeleteQueue.

use farmtally_model::{FarmId, QueueId};
use farmtally_service::NamedResource;
use farmtally_wire as wire;

use super::call::Call;
use super::{done, list, ok, resource};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = wire::parse_list_queues(&call.request)?;
    let (farm_id, page_size) = (wanted.farm_id, wanted.position.page_size.get());
    let limit = list::limit(page_size);
    let mut queues = call.service.resources(call.caller, farm_id, wanted.position.after, limit)?;
    if wanted.is_for_none {
        queues.clear();
    }
    let more_after = list::cut(&mut queues, page_size, |queue| queue.id);
    let shapes: Vec<_> = queues.iter().map(|queue| shape(farm_id, queue)).collect();
    Ok(ok(wire::write_queues_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, queue_id) = wire::parse_queue(&call.request)?;
    let queue = call.service.resource(call.caller, farm_id, queue_id)?;
    Ok(ok(wire::write_queue(&shape(farm_id, &queue))))
}

pub(super) fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, new) = wire::parse_create(&call.request)?;
    let once = call.once(new.client_token.as_deref());
    let new = resource::new(call, new);
    let queue_id = call.service.create_resource(call.caller, farm_id, &new, once.as_ref())?;
    Ok(ok(wire::write_created_queue(queue_id)))
}

pub(super) fn update(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, queue_id) = wire::parse_queue(&call.request)?;
    let patch = wire::parse_patch(&call.request)?;
    call.service.change_resource(call.caller, farm_id, queue_id, |queue| {
        resource::change(&patch, queue.settings.as_deref())
    })??;
    Ok(done())
}

pub(super) fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, queue_id) = wire::parse_queue(&call.request)?;
    call.service.delete_resource(call.caller, farm_id, queue_id)?;
    Ok(done())
}

fn shape(farm_id: FarmId, queue: &NamedResource<QueueId>) -> wire::Queue<'_> {
    wire::Queue { farm_id, queue_id: queue.id, resource: resource::shape(queue) }
}
