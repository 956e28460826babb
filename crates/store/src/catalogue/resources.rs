//! Queues, fleets and users: nobody creates them, records bring them.

use farmtally_model::{DisplayName, FarmId, FleetId, QueueId, Timestamp, UserId};
use rusqlite::{Connection, Row, params};

use super::{Catalogue, row};
use crate::error::StoreError;

mod sealed {
    pub trait Sealed {}
    impl Sealed for farmtally_model::QueueId {}
    impl Sealed for farmtally_model::FleetId {}
}

/// The id of a queue or a fleet. No other type can be one.
pub trait ResourceId: sealed::Sealed + Copy + Eq + std::hash::Hash + std::fmt::Display {
    /// The table of these resources.
    #[doc(hidden)]
    const TABLE: &'static str;

    /// The id with these bytes.
    #[doc(hidden)]
    fn from_bytes(bytes: [u8; 16]) -> Self;

    /// The bytes of the id.
    #[doc(hidden)]
    fn bytes(self) -> [u8; 16];
}

impl ResourceId for QueueId {
    const TABLE: &'static str = "queues";

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }

    fn bytes(self) -> [u8; 16] {
        self.bytes()
    }
}

impl ResourceId for FleetId {
    const TABLE: &'static str = "fleets";

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }

    fn bytes(self) -> [u8; 16] {
        self.bytes()
    }
}

/// A queue or a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedResource<I> {
    /// Its id.
    pub id: I,
    /// What people call it: the name given last, or its id as long as no source gave one.
    pub display_name: DisplayName,
    /// When a record first named it.
    pub created_at: Timestamp,
    /// Who created its farm, because sources do not say who created it.
    pub created_by: String,
}

impl Catalogue {
    /// At most `limit` queues of a farm behind `after`, ordered by id.
    pub fn queues(
        &self,
        farm_id: FarmId,
        after: Option<QueueId>,
        limit: usize,
    ) -> Result<Vec<NamedResource<QueueId>>, StoreError> {
        self.resources(farm_id, after, limit)
    }

    /// At most `limit` fleets of a farm behind `after`, ordered by id.
    pub fn fleets(
        &self,
        farm_id: FarmId,
        after: Option<FleetId>,
        limit: usize,
    ) -> Result<Vec<NamedResource<FleetId>>, StoreError> {
        self.resources(farm_id, after, limit)
    }

    /// Those of the queues that the farm does not have.
    pub fn unknown_queues(&self, farm_id: FarmId, ids: &[QueueId]) -> Result<Vec<QueueId>, StoreError> {
        self.unknown(farm_id, ids)
    }

    /// Those of the fleets that the farm does not have.
    pub fn unknown_fleets(&self, farm_id: FarmId, ids: &[FleetId]) -> Result<Vec<FleetId>, StoreError> {
        self.unknown(farm_id, ids)
    }

    /// A farm's users and what people call them, ordered by id.
    pub fn users(&self, farm_id: FarmId) -> Result<Vec<(UserId, Option<DisplayName>)>, StoreError> {
        self.database().read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT user_id, display_name FROM users WHERE farm_id = ?1 ORDER BY user_id",
            )?;
            let users = statement.query_map([farm_id.bytes()], |stored| {
                Ok((row::text(stored, 0, UserId::new)?, row::optional_text(stored, 1, DisplayName::new)?))
            })?;
            Ok(users.collect::<Result<_, _>>()?)
        })
    }

    fn resources<I: ResourceId>(
        &self,
        farm_id: FarmId,
        after: Option<I>,
        limit: usize,
    ) -> Result<Vec<NamedResource<I>>, StoreError> {
        self.database().read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT named.id, named.display_name, named.created_at, farms.created_by
                 FROM {} AS named JOIN farms USING (farm_id)
                 WHERE farm_id = ?1 AND (?2 IS NULL OR named.id > ?2) ORDER BY named.id LIMIT ?3",
                I::TABLE
            ))?;
            let after = after.map(I::bytes);
            let named =
                statement.query_map(params![farm_id.bytes(), after, row_limit(limit)], resource_from_row)?;
            Ok(named.collect::<Result<_, _>>()?)
        })
    }

    fn unknown<I: ResourceId>(&self, farm_id: FarmId, ids: &[I]) -> Result<Vec<I>, StoreError> {
        self.database().read(|connection| {
            let mut unknown = Vec::new();
            for id in ids {
                if !exists(connection, farm_id, *id)? {
                    unknown.push(*id);
                }
            }
            Ok(unknown)
        })
    }
}

fn exists<I: ResourceId>(connection: &Connection, farm_id: FarmId, id: I) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT 1 FROM {} WHERE farm_id = ?1 AND id = ?2", I::TABLE))?;
    statement.exists(params![farm_id.bytes(), id.bytes()])
}

fn resource_from_row<I: ResourceId>(stored: &Row<'_>) -> rusqlite::Result<NamedResource<I>> {
    let id: I = stored.get(0).map(I::from_bytes)?;
    let given = row::optional_text(stored, 1, DisplayName::new)?;
    Ok(NamedResource {
        id,
        display_name: given.map_or_else(|| row::checked(1, DisplayName::new(&id.to_string())), Ok)?,
        created_at: row::timestamp(stored, 2)?,
        created_by: stored.get(3)?,
    })
}

/// A limit as SQLite takes it, where a negative number would mean none.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
