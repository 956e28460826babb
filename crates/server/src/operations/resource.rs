//! What farms, queues and fleets have in common, between the service and the wire.

use farmtally_service::{NamedResource, NewResource, ResourceChange};
use farmtally_wire as wire;

use super::call::Call;

pub(super) fn shape<I>(resource: &NamedResource<I>) -> wire::Resource<'_> {
    wire::Resource {
        display_name: &resource.display_name,
        description: resource.description.as_deref(),
        settings: resource.settings.as_deref(),
        created_at: resource.created_at,
        created_by: &resource.created_by,
        updated_at: resource.updated_at,
        updated_by: resource.updated_by.as_deref(),
    }
}

/// What is to be created, by the caller.
pub(super) fn new(call: &Call<'_>, new: wire::NewResource) -> NewResource {
    NewResource {
        display_name: new.display_name,
        description: new.description,
        settings: Some(new.settings),
        tags: new.tags,
        created_by: call.caller.access_key_id.clone(),
    }
}

/// What is to change, given the settings as they are.
pub(super) fn change(
    patch: &wire::ResourcePatch,
    settings: Option<&str>,
) -> Result<ResourceChange, wire::ValidationError> {
    Ok(ResourceChange {
        display_name: patch.display_name.clone(),
        description: patch.description.clone(),
        settings: Some(patch.patched_settings(settings)?),
        cost_scale_factor: None,
    })
}
