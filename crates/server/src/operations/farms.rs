//! ListFarms, GetFarm, CreateFarm, UpdateFarm and DeleteFarm.

use farmtally_service::{Farm, ResourceChange, ServiceError};
use farmtally_wire as wire;

use super::call::Call;
use super::{done, list, ok, resource};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let position = wire::parse_list_farms(&call.request)?;
    let page_size = position.page_size.get();
    let mut farms = call.service.farms(call.caller, position.after, list::limit(page_size))?;
    let more_after = list::cut(&mut farms, page_size, |farm| farm.farm_id);
    let shapes: Vec<_> = farms.iter().map(shape).collect();
    Ok(ok(wire::write_farms_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let farm = call.service.farm(call.caller, wire::farm_id(&call.request)?)?;
    Ok(ok(wire::write_farm(&shape(&farm))))
}

pub(super) fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (new, factor) = wire::parse_create_farm(&call.request)?;
    let once = call.once(new.client_token.as_deref());
    let new = resource::new(call, new);
    let farm_id = call.service.create_farm_once(call.caller, &new, factor, once.as_ref())?;
    Ok(ok(wire::write_created_farm(farm_id)))
}

pub(super) fn update(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (patch, cost_scale_factor) = wire::parse_update_farm(&call.request)?;
    let (display_name, description) = (patch.display_name, patch.description);
    let change = ResourceChange { display_name, description, settings: None, cost_scale_factor };
    call.service.change_farm(call.caller, wire::farm_id(&call.request)?, &change)?;
    Ok(done())
}

/// The model has no ConflictException for farms: a farm that is in use is a request that is not valid.
pub(super) fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    match call.service.delete_farm(call.caller, wire::farm_id(&call.request)?) {
        Ok(()) => Ok(done()),
        Err(error @ ServiceError::InUse { .. }) => {
            Err(wire::ValidationError::Other { message: error.to_string() }.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn shape(farm: &Farm) -> wire::Farm<'_> {
    wire::Farm {
        farm_id: farm.farm_id,
        resource: wire::Resource {
            display_name: &farm.display_name,
            description: farm.description.as_deref(),
            settings: farm.settings.as_deref(),
            created_at: farm.created_at,
            created_by: &farm.created_by,
            updated_at: farm.updated_at,
            updated_by: farm.updated_by.as_deref(),
        },
        cost_scale_factor: farm.cost_scale_factor,
    }
}
