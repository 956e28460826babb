//! farmtally's own way in and out for records, beside the operations of AWS: signed like them, refused like them.

mod delete;
mod send;

pub(crate) use delete::{delete_session, delete_volume};
pub(crate) use send::send_sessions;

use farmtally_model::FarmId;

use crate::refusal::Refusal;

fn farm_id(farm_label: &str) -> Result<FarmId, Refusal> {
    FarmId::parse(farm_label).map_err(|error| Refusal::field("farmId", &error))
}
