//! GetFarm.

use farmtally_service::Service;
use farmtally_wire::{parse_get_farm, write_farm};
use http::StatusCode;

use super::farm;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let farm_id = parse_get_farm(farm_label)?;
    let farm = service.farm(request.caller(), farm_id)?;
    Ok(Reply::json(StatusCode::OK, write_farm(&farm::shape(&farm))))
}
