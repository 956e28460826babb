//! GetSessionsStatisticsAggregation.

use std::time::Duration;

use farmtally_service::{AggregationPage, PageRequest, Service};
use farmtally_wire::{GetRequest, StatisticsPage, StatisticsRows, parse_get, write_statistics_page};
use http::StatusCode;

use tokio::time::timeout;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

/// How long a Get waits for the end of an aggregation before it says that it is in progress.
const END_AWAITED: Duration = Duration::from_millis(100);

pub(super) fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let get = parse_get(farm_label, request.raw_query())?;
    let page =
        service.aggregation_page(request.caller(), get.farm_id, get.aggregation_id, &page_request(&get))?;
    Ok(reply(&page))
}

/// The same, if memory alone can tell: `None` when the answer may have to wait for the disk.
pub(super) fn answer_at_hand(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Option<Result<Reply, Refusal>> {
    let get = parse_get(farm_label, request.raw_query()).ok()?;
    let page = service.aggregation_page_at_hand(
        request.caller(),
        get.farm_id,
        get.aggregation_id,
        &page_request(&get),
    )?;
    Some(page.map(|page| reply(&page)).map_err(Refusal::from))
}

/// Waits a little for the end of an aggregation that is on its way, and says whether it came: it does for nearly all, and then nobody
/// has to ask again.
pub(super) async fn wait_for_end(service: &Service, request: &VerifiedRequest, farm_label: &str) -> bool {
    let end = parse_get(farm_label, request.raw_query())
        .ok()
        .and_then(|get| service.end_of_aggregation(request.caller(), get.farm_id, get.aggregation_id));
    match end {
        Some(end) => timeout(END_AWAITED, end).await.is_ok(),
        None => false,
    }
}

fn page_request(get: &GetRequest) -> PageRequest<'_> {
    PageRequest { page_size: get.page_size.get(), page_token: get.next_token.as_deref() }
}

fn reply(page: &AggregationPage) -> Reply {
    Reply::json(StatusCode::OK, write_statistics_page(&shape(page)))
}

fn shape(page: &AggregationPage) -> StatisticsPage<'_> {
    let rows = page.table.as_deref().map(|table| StatisticsRows {
        table,
        rows: page.rows.clone(),
        statistics: page.statistics,
        cost_scale_factor: page.cost_scale_factor,
    });
    StatisticsPage {
        status: page.status,
        status_message: page.status_message.as_deref(),
        rows,
        next_token: page.next_token.as_deref(),
    }
}
