//! The operations of AWS: each reads its request, asks the service, and writes its answer.
//!
//! Who may call which is decided here for all of them, by the table in `farmtally_wire`: an operation that a role is not
//! for is refused before its request is looked at.

mod associations;
mod call;
mod farms;
mod fleets;
mod get;
mod jobs;
mod list;
mod queues;
mod resource;
mod sessions;
mod start;
mod tags;
mod workers;

use std::sync::Arc;

use farmtally_service::{Action, Service};
use farmtally_wire::{Access, Labels, Operation};
use http::StatusCode;

use self::call::Call;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// Whether [`answer_at_hand`] is worth a try.
pub(crate) fn may_be_at_hand(operation: Operation) -> bool {
    operation == Operation::GetSessionsStatisticsAggregation
}

/// Waits a little where what is asked for is on its way, and says whether it came.
pub(crate) async fn wait_for_end(
    operation: Operation,
    service: &Service,
    request: &VerifiedRequest,
    labels: &Labels,
) -> bool {
    match operation {
        Operation::GetSessionsStatisticsAggregation => {
            get::wait_for_end(service, request, labels.get("farmId")).await
        }
        _ => false,
    }
}

/// Answers an operation from memory, or gives `None` when it may have to wait for the disk.
pub(crate) fn answer_at_hand(
    operation: Operation,
    service: &Service,
    request: &VerifiedRequest,
    labels: &Labels,
) -> Option<Result<Reply, Refusal>> {
    match operation {
        Operation::GetSessionsStatisticsAggregation => {
            get::answer_at_hand(service, request, labels.get("farmId"))
        }
        _ => None,
    }
}

/// Answers an operation.
pub(crate) fn answer(
    operation: Operation,
    service: &Arc<Service>,
    request: &VerifiedRequest,
    labels: &Labels,
) -> Result<Reply, Refusal> {
    request.caller().may(action(operation.access()))?;
    let call = || Call::read(operation, service, request, labels);
    match operation {
        Operation::StartSessionsStatisticsAggregation => {
            start::answer(service, request, labels.get("farmId"))
        }
        Operation::GetSessionsStatisticsAggregation => get::answer(service, request, labels.get("farmId")),

        Operation::ListFarms => farms::list(&call()?),
        Operation::GetFarm => farms::get(&call()?),
        Operation::CreateFarm => farms::create(&call()?),
        Operation::UpdateFarm => farms::update(&call()?),
        Operation::DeleteFarm => farms::delete(&call()?),

        Operation::ListQueues => queues::list(&call()?),
        Operation::GetQueue => queues::get(&call()?),
        Operation::CreateQueue => queues::create(&call()?),
        Operation::UpdateQueue => queues::update(&call()?),
        Operation::DeleteQueue => queues::delete(&call()?),

        Operation::ListFleets => fleets::list(&call()?),
        Operation::GetFleet => fleets::get(&call()?),
        Operation::CreateFleet => fleets::create(&call()?),
        Operation::UpdateFleet => fleets::update(&call()?),
        Operation::DeleteFleet => fleets::delete(&call()?),

        Operation::ListQueueFleetAssociations => associations::list(&call()?),
        Operation::GetQueueFleetAssociation => associations::get(&call()?),
        Operation::CreateQueueFleetAssociation => associations::create(&call()?),
        Operation::UpdateQueueFleetAssociation => associations::update(&call()?),
        Operation::DeleteQueueFleetAssociation => associations::delete(&call()?),

        Operation::ListJobs => jobs::list(&call()?),
        Operation::GetJob => jobs::get(&call()?),
        Operation::SearchJobs => jobs::search(&call()?),
        Operation::BatchGetJob => jobs::batch_get(&call()?),

        Operation::ListSessions => sessions::list(&call()?),
        Operation::GetSession => sessions::get(&call()?),
        Operation::ListSessionsForWorker => sessions::list_for_worker(&call()?),
        Operation::BatchGetSession => sessions::batch_get(&call()?),

        Operation::ListWorkers => workers::list(&call()?),
        Operation::GetWorker => workers::get(&call()?),
        Operation::SearchWorkers => workers::search(&call()?),
        Operation::BatchGetWorker => workers::batch_get(&call()?),

        Operation::ListTagsForResource => tags::list(&call()?),
        Operation::TagResource => tags::tag(&call()?),
        Operation::UntagResource => tags::untag(&call()?),
    }
}

/// What a caller has to be allowed for an operation.
const fn action(access: Access) -> Action {
    match access {
        Access::Statistics => Action::ReadStatistics,
        Access::Read => Action::ReadFarm,
        Access::Change => Action::ManageFarm,
    }
}

fn ok(body: Vec<u8>) -> Reply {
    Reply::json(StatusCode::OK, body)
}

/// The answer of an operation that has nothing to say.
fn done() -> Reply {
    ok(farmtally_wire::write_nothing())
}
