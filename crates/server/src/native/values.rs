//! The values of a dimension, for whoever picks one.

use std::sync::atomic::AtomicBool;

use farmtally_model::FarmId;
use farmtally_service::{Service, ValuesRequest};
use farmtally_wire::native::{Named, Values, parse_values_query, write_resource};
use http::StatusCode;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let asked = parse_values_query(request.raw_query())?;
    let asked =
        ValuesRequest { by: asked.by, prefix: asked.prefix, contains: asked.contains, limit: asked.limit };
    let found = service.usage_values(request.caller(), farm_id, &asked, cancelled)?;
    let values = found.values.into_iter().map(|value| Named { id: value.id, name: value.name });
    let values = Values { values: values.collect(), more: found.more };
    Ok(Reply::json(StatusCode::OK, write_resource(&values)))
}
