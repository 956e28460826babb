//! The five operations on queue-fleet associations.

use farmtally_service::{Association, AssociationFilter};
use farmtally_wire::{self as wire, AssociationKey};

use super::call::Call;
use super::{done, list, ok};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = wire::parse_list_associations(&call.request)?;
    let page_size = wanted.position.page_size.get();
    let filter = AssociationFilter { queue_id: wanted.queue_id, fleet_id: wanted.fleet_id };
    let after = wanted.position.after.map(|key| (key.queue_id, key.fleet_id));
    let limit = list::limit(page_size);
    let mut found = call.service.associations(call.caller, wanted.farm_id, filter, after, limit)?;
    let more_after = list::cut(&mut found, page_size, key);
    let shapes: Vec<_> = found.iter().map(shape).collect();
    Ok(ok(wire::write_associations_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, key) = wire::parse_association(&call.request)?;
    let association = call.service.association(call.caller, farm_id, (key.queue_id, key.fleet_id))?;
    Ok(ok(wire::write_association(&shape(&association))))
}

pub(super) fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, key) = wire::parse_association(&call.request)?;
    call.service.associate(call.caller, farm_id, (key.queue_id, key.fleet_id))?;
    Ok(done())
}

pub(super) fn update(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, key) = wire::parse_association(&call.request)?;
    let is_active = wire::parse_is_active(&call.request);
    call.service.set_association_active(call.caller, farm_id, (key.queue_id, key.fleet_id), is_active)?;
    Ok(done())
}

pub(super) fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, key) = wire::parse_association(&call.request)?;
    call.service.dissociate(call.caller, farm_id, (key.queue_id, key.fleet_id))?;
    Ok(done())
}

fn key(association: &Association) -> AssociationKey {
    AssociationKey { queue_id: association.queue_id, fleet_id: association.fleet_id }
}

fn shape(association: &Association) -> wire::Association<'_> {
    wire::Association {
        key: key(association),
        is_active: association.is_active,
        created_at: association.created_at,
        created_by: &association.created_by,
        updated_at: association.updated_at,
        updated_by: association.updated_by.as_deref(),
    }
}
