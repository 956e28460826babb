//! ListQueues.

use farmtally_model::{FarmId, QueueId};
use farmtally_service::{NamedResource, Service};
use farmtally_wire::{Queue, QueueStatus, parse_list_queues, write_queues_page};
use http::StatusCode;

use super::list;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let wanted = parse_list_queues(farm_label, request.raw_query())?;
    let (farm_id, page_size) = (wanted.farm_id, wanted.position.page_size.get());
    let limit = list::limit(page_size);
    let mut queues = service.queues(request.caller(), farm_id, wanted.position.after, limit)?;
    if wanted.status.is_some_and(|status| status != QueueStatus::Idle) {
        queues.clear();
    }
    let more_after = list::cut(&mut queues, page_size, |queue| queue.id);
    let shapes: Vec<_> = queues.iter().map(|queue| shape(farm_id, queue)).collect();
    Ok(Reply::json(StatusCode::OK, write_queues_page(&shapes, more_after)))
}

fn shape(farm_id: FarmId, queue: &NamedResource<QueueId>) -> Queue<'_> {
    Queue {
        farm_id,
        queue_id: queue.id,
        display_name: &queue.display_name,
        created_at: queue.created_at,
        created_by: &queue.created_by,
    }
}
