//! GetSessionsStatisticsAggregation.

use farmtally_service::{AggregationPage, Service};
use farmtally_wire::{StatisticsPage, StatisticsRows, parse_get, write_statistics_page};
use http::StatusCode;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let get = parse_get(farm_label, request.raw_query())?;
    let page = service.aggregation_page(
        request.caller(),
        get.farm_id,
        get.aggregation_id,
        get.page_size.get(),
        get.next_token.as_deref(),
    )?;
    Ok(Reply::json(StatusCode::OK, write_statistics_page(&shape(&page))))
}

fn shape(page: &AggregationPage) -> StatisticsPage<'_> {
    let rows = page.table.as_deref().map(|table| StatisticsRows {
        table,
        rows: &table.rows[page.rows.clone()],
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
