//! A farm of the service as a farm of the wire.

use farmtally_wire as wire;

pub(super) fn shape(farm: &farmtally_service::Farm) -> wire::Farm<'_> {
    wire::Farm {
        farm_id: farm.farm_id,
        display_name: &farm.display_name,
        description: farm.description.as_deref(),
        cost_scale_factor: farm.cost_scale_factor,
        created_at: farm.created_at,
        created_by: &farm.created_by,
        updated_at: farm.updated_at,
        updated_by: farm.updated_by.as_deref(),
    }
}
