//! The farms that the caller may read.

use farmtally_service::{FarmSpan, Service};
use farmtally_wire::native::{FarmSummary, Farms, write_resource};
use http::StatusCode;

use crate::gate::VerifiedRequest;
use crate::limits::FARMS_MAX;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(service: &Service, request: &VerifiedRequest) -> Result<Reply, Refusal> {
    let caller = request.caller();
    let farms = service.farms(caller, None, FARMS_MAX)?;
    let farms = farms.into_iter().map(|farm| {
        // One farm that cannot be read does not hide the others.
        let span = service.farm_span(caller, farm.farm_id).inspect_err(|error| {
            tracing::error!(farm = %farm.farm_id, %error, "a farm cannot be read");
        });
        let FarmSpan { first_usage, last_usage, .. } = span.as_ref().copied().unwrap_or_default();
        FarmSummary {
            farm_id: farm.farm_id.to_string(),
            display_name: farm.display_name.to_string(),
            cost_scale_factor: farm.cost_scale_factor.to_string(),
            records: span.ok().map(|span| span.records),
            first_usage: first_usage.map(|at| at.to_string()),
            last_usage: last_usage.map(|at| at.to_string()),
        }
    });
    Ok(Reply::json(StatusCode::OK, write_resource(&Farms { farms: farms.collect() })))
}
