//! Which fleets are to work for which queues. People say so; sessions neither make nor need an association.

use farmtally_model::{FarmId, FleetId, QueueId, Timestamp};

use super::{Catalogue, row};
use crate::database::{Connection, Row, params};
use crate::error::StoreError;

/// A queue and a fleet that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The queue.
    pub queue_id: QueueId,
    /// The fleet.
    pub fleet_id: FleetId,
    /// Whether the fleet is to work for the queue at present.
    pub is_active: bool,
    /// When they were put together.
    pub created_at: Timestamp,
    /// Who did.
    pub created_by: String,
    /// When the association was last changed.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<String>,
}

/// Which associations of a farm are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssociationFilter {
    /// Only those of this queue.
    pub queue_id: Option<QueueId>,
    /// Only those of this fleet.
    pub fleet_id: Option<FleetId>,
}

/// What became of the wish to delete something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssociationDeletion {
    /// It is gone.
    Deleted,
    /// There was none.
    Missing,
    /// It is active, and has to be stopped first.
    Active,
}

const SELECT: &str = "SELECT queue_id, fleet_id, status, created_at, created_by, updated_at, updated_by \
                      FROM queue_fleet_associations";

impl Catalogue {
    /// Puts a queue and a fleet together, both of which have to be there. Those that are together stay as they are.
    pub fn associate(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        fleet_id: FleetId,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let associated = self.database().write(|transaction| {
            let sql = "INSERT INTO queue_fleet_associations
                           (farm_id, queue_id, fleet_id, status, created_at, created_by)
                       VALUES (?1, ?2, ?3, 'ACTIVE', ?4, ?5) ON CONFLICT DO NOTHING";
            transaction.execute(
                sql,
                params![farm_id.bytes(), queue_id.bytes(), fleet_id.bytes(), now.millis(), by],
            )?;
            Ok(())
        })?;
        associated.into_inner();
        Ok(())
    }

    /// An association.
    pub fn association(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        fleet_id: FleetId,
    ) -> Result<Option<Association>, StoreError> {
        self.database().read(|connection| association(connection, farm_id, queue_id, fleet_id))
    }

    /// At most `limit` associations of a farm behind `after`, ordered by queue and fleet.
    pub fn associations(
        &self,
        farm_id: FarmId,
        filter: AssociationFilter,
        after: Option<(QueueId, FleetId)>,
        limit: usize,
    ) -> Result<Vec<Association>, StoreError> {
        self.database().read(|connection| {
            let sql = &format!(
                "{SELECT} WHERE farm_id = ?1
                 AND (?2 IS NULL OR queue_id = ?2) AND (?3 IS NULL OR fleet_id = ?3)
                 AND (?4 IS NULL OR (queue_id, fleet_id) > (?4, ?5)) ORDER BY queue_id, fleet_id LIMIT ?6"
            );
            connection.query(
                sql,
                params![
                    farm_id.bytes(),
                    filter.queue_id.map(QueueId::bytes),
                    filter.fleet_id.map(FleetId::bytes),
                    after.map(|(queue_id, _)| queue_id.bytes()),
                    after.map(|(_, fleet_id)| fleet_id.bytes()),
                    super::resources::row_limit(limit)
                ],
                from_row,
            )
        })
    }

    /// Starts or stops an association. False when there is none.
    pub fn set_association_active(
        &self,
        farm_id: FarmId,
        (queue_id, fleet_id): (QueueId, FleetId),
        is_active: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.database().write(|transaction| {
            transaction.execute(
                "UPDATE queue_fleet_associations SET status = ?4, updated_at = ?5, updated_by = ?6
                 WHERE farm_id = ?1 AND queue_id = ?2 AND fleet_id = ?3",
                params![
                    farm_id.bytes(),
                    queue_id.bytes(),
                    fleet_id.bytes(),
                    if is_active { "ACTIVE" } else { "STOPPED" },
                    now.millis(),
                    by
                ],
            )
        })?;
        Ok(changed.into_inner() == 1)
    }

    /// Takes a queue and a fleet apart, unless the association is active.
    pub fn dissociate(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        fleet_id: FleetId,
    ) -> Result<AssociationDeletion, StoreError> {
        let deleted = self.database().write(|transaction| {
            match association(transaction, farm_id, queue_id, fleet_id)? {
                None => return Ok(AssociationDeletion::Missing),
                Some(association) if association.is_active => return Ok(AssociationDeletion::Active),
                Some(_) => {}
            }
            transaction.execute(
                "DELETE FROM queue_fleet_associations WHERE farm_id = ?1 AND queue_id = ?2 AND fleet_id = ?3",
                params![farm_id.bytes(), queue_id.bytes(), fleet_id.bytes()],
            )?;
            Ok(AssociationDeletion::Deleted)
        })?;
        Ok(deleted.into_inner())
    }
}

fn association(
    connection: &Connection<'_>,
    farm_id: FarmId,
    queue_id: QueueId,
    fleet_id: FleetId,
) -> Result<Option<Association>, StoreError> {
    connection.query_row(
        &format!("{SELECT} WHERE farm_id = ?1 AND queue_id = ?2 AND fleet_id = ?3"),
        params![farm_id.bytes(), queue_id.bytes(), fleet_id.bytes()],
        from_row,
    )
}

fn from_row(stored: &Row<'_>) -> Result<Association, StoreError> {
    let status: String = stored.get(2)?;
    Ok(Association {
        queue_id: stored.get(0).map(QueueId::from_bytes)?,
        fleet_id: stored.get(1).map(FleetId::from_bytes)?,
        is_active: status == "ACTIVE",
        created_at: row::timestamp(stored, 3)?,
        created_by: stored.get(4)?,
        updated_at: row::optional_timestamp(stored, 5)?,
        updated_by: stored.get(6)?,
    })
}
