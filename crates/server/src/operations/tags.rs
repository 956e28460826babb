//! ListTagsForResource, TagResource and UntagResource.

use farmtally_service::Tagged;
use farmtally_wire::{self as wire, TAGS_MAX, TaggedResource};

use super::call::Call;
use super::ok;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let tags = call.service.tags(call.caller, tagged(call)?)?;
    Ok(ok(wire::write_tags(&tags)))
}

pub(super) fn tag(call: &Call<'_>) -> Result<Reply, Refusal> {
    let new = wire::tags(&call.request)?;
    call.service.change_tags(call.caller, tagged(call)?, TAGS_MAX, |tags| tags.extend(new))?;
    Ok(Reply::no_content())
}

pub(super) fn untag(call: &Call<'_>) -> Result<Reply, Refusal> {
    let keys = wire::parse_tag_keys(&call.request);
    call.service.change_tags(call.caller, tagged(call)?, TAGS_MAX, |tags| {
        tags.retain(|key, _| !keys.contains(key));
    })?;
    Ok(Reply::no_content())
}

fn tagged(call: &Call<'_>) -> Result<Tagged, Refusal> {
    Ok(match wire::parse_tagged(&call.request)? {
        TaggedResource::Farm(farm_id) => Tagged::Farm(farm_id),
        TaggedResource::Queue(farm_id, queue_id) => Tagged::Queue(farm_id, queue_id),
        TaggedResource::Fleet(farm_id, fleet_id) => Tagged::Fleet(farm_id, fleet_id),
    })
}
