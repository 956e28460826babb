//! StartSessionsStatisticsAggregation.

use std::sync::Arc;

use farmtally_service::{Service, StartAggregation};
use farmtally_wire::{parse_start, write_start};
use http::StatusCode;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn answer(
    service: &Arc<Service>,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let start = parse_start(farm_label, request.body())?;
    let start =
        StartAggregation { farm_id: start.farm_id, query: start.query, retry_key: request.retry_key() };
    let aggregation_id = service.start_aggregation(request.caller(), start)?;
    Ok(Reply::json(StatusCode::OK, write_start(aggregation_id)))
}
