//! Queues, fleets and users: records bring them, and people may create queues and fleets before.

use std::collections::HashSet;
use std::iter;

use farmtally_model::{DisplayName, FarmId, FleetId, QueueId, Timestamp, UserId};

use super::{Catalogue, Tagged, row};
use crate::database::{Connection, Row, ToValue, Value, params};
use crate::error::StoreError;

/// Ids that one statement asks for: as many as an aggregation names.
const IDS_ASKED: usize = 10;

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

    /// What other tables call a reference to one.
    #[doc(hidden)]
    const COLUMN: &'static str;

    /// The resource as something that has tags.
    #[doc(hidden)]
    fn tagged(farm_id: FarmId, id: Self) -> Tagged;

    /// The id with these bytes.
    #[doc(hidden)]
    fn from_bytes(bytes: [u8; 16]) -> Self;

    /// The bytes of the id.
    #[doc(hidden)]
    fn bytes(self) -> [u8; 16];
}

impl ResourceId for QueueId {
    const TABLE: &'static str = "queues";
    const COLUMN: &'static str = "queue_id";

    fn tagged(farm_id: FarmId, id: Self) -> Tagged {
        Tagged::Queue(farm_id, id)
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_bytes(bytes)
    }

    fn bytes(self) -> [u8; 16] {
        self.bytes()
    }
}

impl ResourceId for FleetId {
    const TABLE: &'static str = "fleets";
    const COLUMN: &'static str = "fleet_id";

    fn tagged(farm_id: FarmId, id: Self) -> Tagged {
        Tagged::Fleet(farm_id, id)
    }

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
    /// What people call it: the name that somebody gave it, or else the one that a source gave last, or else its id.
    pub display_name: DisplayName,
    /// What people say about it.
    pub description: Option<String>,
    /// Everything else that was said about it, as one text.
    pub settings: Option<String>,
    /// When it was created, or when a record first named it.
    pub created_at: Timestamp,
    /// Who created it; for one that a record named, who created its farm.
    pub created_by: String,
    /// When somebody last changed it.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<String>,
}

/// The columns of a [`NamedResource`], of a resource called `named` and its farm.
const COLUMNS: &str =
    "named.id, coalesce(named.given_name, named.display_name), named.description, named.settings,
                       named.created_at, coalesce(named.created_by, farms.created_by), named.updated_at,
                       named.updated_by";

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

    /// A queue or fleet of a farm.
    pub fn resource<I: ResourceId>(
        &self,
        farm_id: FarmId,
        id: I,
    ) -> Result<Option<NamedResource<I>>, StoreError> {
        self.database().read(|connection| resource(connection, farm_id, id))
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
            connection.query(
                "SELECT user_id, display_name FROM users WHERE farm_id = ?1 ORDER BY user_id",
                params![farm_id.bytes()],
                |stored| {
                    Ok((row::text(stored, 0, UserId::new)?, row::optional_text(stored, 1, DisplayName::new)?))
                },
            )
        })
    }

    /// At most `limit` queues or fleets of a farm behind `after`, ordered by id.
    pub fn resources<I: ResourceId>(
        &self,
        farm_id: FarmId,
        after: Option<I>,
        limit: usize,
    ) -> Result<Vec<NamedResource<I>>, StoreError> {
        self.database().read(|connection| {
            let after = after.map(I::bytes);
            connection.query(
                &format!(
                    "SELECT {COLUMNS} FROM {} AS named JOIN farms USING (farm_id)
                 WHERE farm_id = ?1 AND (?2 IS NULL OR named.id > ?2) ORDER BY named.id LIMIT ?3",
                    I::TABLE
                ),
                params![farm_id.bytes(), after, row_limit(limit)],
                resource_from_row,
            )
        })
    }

    fn unknown<I: ResourceId>(&self, farm_id: FarmId, ids: &[I]) -> Result<Vec<I>, StoreError> {
        self.database().read(|connection| {
            let mut known = HashSet::new();
            for asked in ids.chunks(IDS_ASKED) {
                known.extend(known_of(connection, farm_id, asked)?);
            }
            Ok(ids.iter().copied().filter(|id| !known.contains(id)).collect())
        })
    }
}

pub(super) fn resource<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    id: I,
) -> Result<Option<NamedResource<I>>, StoreError> {
    let sql = &format!(
        "SELECT {COLUMNS} FROM {} AS named JOIN farms USING (farm_id) WHERE farm_id = ?1 AND named.id = ?2",
        I::TABLE
    );
    connection.query_row(sql, params![farm_id.bytes(), id.bytes()], resource_from_row)
}

/// Those of at most [`IDS_ASKED`] ids that the farm has, in any order.
fn known_of<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    asked: &[I],
) -> Result<Vec<I>, StoreError> {
    let sql = format!(
        "SELECT id FROM {} WHERE farm_id = ?1 AND id IN (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        I::TABLE
    );
    // Where they are fewer, some are asked for again, so that there is one statement.
    let ids = asked.iter().cycle().take(IDS_ASKED).map(|id| id.bytes());
    let bytes: Vec<[u8; 16]> = iter::once(farm_id.bytes()).chain(ids).collect();
    let values: Vec<Value<'_>> = bytes.iter().map(ToValue::to_value).collect();
    connection.query(&sql, &values, |stored| stored.get(0).map(I::from_bytes))
}

fn resource_from_row<I: ResourceId>(stored: &Row<'_>) -> Result<NamedResource<I>, StoreError> {
    let id: I = stored.get(0).map(I::from_bytes)?;
    let given = row::optional_text(stored, 1, DisplayName::new)?;
    Ok(NamedResource {
        id,
        display_name: given.map_or_else(|| row::checked(1, DisplayName::new(&id.to_string())), Ok)?,
        description: stored.get(2)?,
        settings: stored.get(3)?,
        created_at: row::timestamp(stored, 4)?,
        created_by: stored.get(5)?,
        updated_at: row::optional_timestamp(stored, 6)?,
        updated_by: stored.get(7)?,
    })
}

/// A limit as SQLite takes it, where a negative number would mean none.
pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
