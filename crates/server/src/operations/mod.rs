//! The operations of AWS: each reads its request, asks the service, and writes its answer.

mod farm;
mod get;
mod get_farm;
mod list;
mod list_farms;
mod list_fleets;
mod list_queues;
mod start;

use std::sync::Arc;

use farmtally_service::Service;
use farmtally_wire::Operation;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// Whether [`answer_at_hand`] is worth a try.
pub(crate) fn may_be_at_hand(operation: Operation) -> bool {
    operation == Operation::GetSessionsStatisticsAggregation
}

/// Answers an operation from memory, or gives `None` when it may have to wait for the disk.
pub(crate) fn answer_at_hand(
    operation: Operation,
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Option<Result<Reply, Refusal>> {
    match operation {
        Operation::GetSessionsStatisticsAggregation => get::answer_at_hand(service, request, farm_label),
        _ => None,
    }
}

/// Answers an operation.
pub(crate) fn answer(
    operation: Operation,
    service: &Arc<Service>,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    match operation {
        Operation::StartSessionsStatisticsAggregation => start::answer(service, request, farm_label),
        Operation::GetSessionsStatisticsAggregation => get::answer(service, request, farm_label),
        Operation::ListFarms => list_farms::answer(service, request),
        Operation::GetFarm => get_farm::answer(service, request, farm_label),
        Operation::ListQueues => list_queues::answer(service, request, farm_label),
        Operation::ListFleets => list_fleets::answer(service, request, farm_label),
    }
}
