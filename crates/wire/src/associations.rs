//! The five operations on queue-fleet associations.

use std::fmt;
use std::str::FromStr;

use farmtally_model::{FarmId, FleetId, QueueId, Timestamp};

use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::timestamp::WireTimestamp;
use crate::validation::ValidationError;

/// Which association: a queue and a fleet. Its text is the token of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssociationKey {
    /// The queue.
    pub queue_id: QueueId,
    /// The fleet.
    pub fleet_id: FleetId,
}

impl fmt::Display for AssociationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.queue_id, self.fleet_id)
    }
}

impl FromStr for AssociationKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (queue_id, fleet_id) = text.split_once('.').ok_or(())?;
        let (queue_id, fleet_id) = (queue_id.parse().map_err(drop)?, fleet_id.parse().map_err(drop)?);
        Ok(Self { queue_id, fleet_id })
    }
}

/// An association as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Association<'a> {
    /// Queue and fleet.
    pub key: AssociationKey,
    /// Whether it is ACTIVE; otherwise it is STOPPED, because there is nothing left to stop here.
    pub is_active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: &'a str,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<&'a str>,
}

/// A checked request for associations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAssociationsRequest {
    /// The farm.
    pub farm_id: FarmId,
    /// Only those of this queue.
    pub queue_id: Option<QueueId>,
    /// Only those of this fleet.
    pub fleet_id: Option<FleetId>,
    /// Which page.
    pub position: ListPosition<AssociationKey>,
}

/// Which associations are asked for.
pub fn parse_list_associations(request: &CheckedRequest) -> Result<ListAssociationsRequest, ValidationError> {
    Ok(ListAssociationsRequest {
        farm_id: request.required("farmId")?,
        queue_id: request.optional("queueId")?,
        fleet_id: request.optional("fleetId")?,
        position: request.position()?,
    })
}

/// Which association a request is about, and its farm.
pub fn parse_association(request: &CheckedRequest) -> Result<(FarmId, AssociationKey), ValidationError> {
    let (queue_id, fleet_id) = (request.required("queueId")?, request.required("fleetId")?);
    Ok((request.required("farmId")?, AssociationKey { queue_id, fleet_id }))
}

/// Whether an association is to be active.
pub fn parse_is_active(request: &CheckedRequest) -> bool {
    request.text("status") == Some("ACTIVE")
}

/// The body of a page of associations. `more_after` is the last of the page, if others follow it.
pub fn write_associations_page(
    associations: &[Association<'_>],
    more_after: Option<AssociationKey>,
) -> Vec<u8> {
    json::page("queueFleetAssociations", associations.iter().map(shape), more_after)
}

/// The body of one association.
pub fn write_association(association: &Association<'_>) -> Vec<u8> {
    shape(association).into_bytes()
}

fn shape(association: &Association<'_>) -> Shape {
    Shape::default()
        .with_text("queueId", association.key.queue_id)
        .with_text("fleetId", association.key.fleet_id)
        .with("status", if association.is_active { "ACTIVE" } else { "STOPPED" })
        .with_text("createdAt", WireTimestamp(association.created_at))
        .with("createdBy", association.created_by)
        .with_some("updatedAt", association.updated_at.map(|at| WireTimestamp(at).to_string()))
        .with_some("updatedBy", association.updated_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_queue_and_fleet_and_reads_back() {
        let key =
            AssociationKey { queue_id: QueueId::from_bytes([1; 16]), fleet_id: FleetId::from_bytes([2; 16]) };
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in ["", ".", "queue-1.fleet-1", &key.queue_id.to_string(), &format!("{key}.")] {
            assert_eq!(text.parse::<AssociationKey>(), Err(()), "{text}");
        }
    }
}
