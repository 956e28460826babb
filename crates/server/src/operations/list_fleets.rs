//! ListFleets.

use farmtally_model::{FarmId, FleetId};
use farmtally_service::{NamedResource, Service};
use farmtally_wire::{Fleet, FleetStatus, parse_list_fleets, write_fleets_page};
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
    let wanted = parse_list_fleets(farm_label, request.raw_query())?;
    let (farm_id, page_size) = (wanted.farm_id, wanted.position.page_size.get());
    let limit = list::limit(page_size);
    let mut fleets = service.fleets(request.caller(), farm_id, wanted.position.after, limit)?;
    if wanted.status.is_some_and(|status| status != FleetStatus::Active) {
        fleets.clear();
    }
    // Cut before the name is looked at, so that the next page goes on behind the last fleet that was read.
    let more_after = list::cut(&mut fleets, page_size, |fleet| fleet.id);
    let has_name = |name| wanted.display_name.as_ref().is_none_or(|wanted| wanted == name);
    let shown = fleets.iter().filter(|fleet| has_name(&fleet.display_name));
    let shapes: Vec<_> = shown.map(|fleet| shape(farm_id, fleet)).collect();
    Ok(Reply::json(StatusCode::OK, write_fleets_page(&shapes, more_after)))
}

fn shape(farm_id: FarmId, fleet: &NamedResource<FleetId>) -> Fleet<'_> {
    Fleet {
        farm_id,
        fleet_id: fleet.id,
        display_name: &fleet.display_name,
        created_at: fleet.created_at,
        created_by: &fleet.created_by,
    }
}
