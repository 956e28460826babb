//! ListFleets, GetFleet, CreateFleet, UpdateFleet and DeleteFleet.

use farmtally_model::{FarmId, FleetId};
use farmtally_service::NamedResource;
use farmtally_wire as wire;

use super::call::Call;
use super::{done, list, ok, resource};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = wire::parse_list_fleets(&call.request)?;
    let (farm_id, page_size) = (wanted.farm_id, wanted.position.page_size.get());
    let limit = list::limit(page_size);
    let mut fleets = call.service.resources(call.caller, farm_id, wanted.position.after, limit)?;
    if wanted.is_for_none {
        fleets.clear();
    }
    // Cut before the name is looked at, so that the next page goes on behind the last fleet that was read.
    let more_after = list::cut(&mut fleets, page_size, |fleet| fleet.id);
    let has_name = |name| wanted.display_name.as_ref().is_none_or(|wanted| wanted == name);
    let shown = fleets.iter().filter(|fleet| has_name(&fleet.display_name));
    let shapes = shown.map(|fleet| shape(call, farm_id, fleet)).collect::<Result<Vec<_>, _>>()?;
    Ok(ok(wire::write_fleets_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, fleet_id) = wire::parse_fleet(&call.request)?;
    let fleet = call.service.resource(call.caller, farm_id, fleet_id)?;
    Ok(ok(wire::write_fleet(&shape(call, farm_id, &fleet)?)))
}

pub(super) fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, new) = wire::parse_create(&call.request)?;
    let once = call.once(new.client_token.as_deref());
    let new = resource::new(call, new);
    let fleet_id = call.service.create_resource(call.caller, farm_id, &new, once.as_ref())?;
    Ok(ok(wire::write_created_fleet(fleet_id)))
}

pub(super) fn update(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, fleet_id) = wire::parse_fleet(&call.request)?;
    let patch = wire::parse_patch(&call.request)?;
    call.service.change_resource(call.caller, farm_id, fleet_id, |fleet| {
        resource::change(&patch, fleet.settings.as_deref())
    })??;
    Ok(done())
}

pub(super) fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, fleet_id) = wire::parse_fleet(&call.request)?;
    call.service.delete_resource(call.caller, farm_id, fleet_id)?;
    Ok(done())
}

fn shape<'a>(
    call: &Call<'_>,
    farm_id: FarmId,
    fleet: &'a NamedResource<FleetId>,
) -> Result<wire::Fleet<'a>, Refusal> {
    let worker_count = call.service.running_worker_count(farm_id, fleet.id)?;
    Ok(wire::Fleet { farm_id, fleet_id: fleet.id, resource: resource::shape(fleet), worker_count })
}
