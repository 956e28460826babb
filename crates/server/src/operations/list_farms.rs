//! ListFarms.

use farmtally_service::Service;
use farmtally_wire::{parse_list_farms, write_farms_page};
use http::StatusCode;

use super::{farm, list};
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn answer(service: &Service, request: &VerifiedRequest) -> Result<Reply, Refusal> {
    let position = parse_list_farms(request.raw_query())?.position;
    let page_size = position.page_size.get();
    let mut farms = service.farms(request.caller(), position.after, list::limit(page_size))?;
    let more_after = list::cut(&mut farms, page_size, |farm| farm.farm_id);
    let shapes: Vec<_> = farms.iter().map(farm::shape).collect();
    Ok(Reply::json(StatusCode::OK, write_farms_page(&shapes, more_after)))
}
