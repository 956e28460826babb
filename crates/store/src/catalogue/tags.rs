//! Tags of farms, queues and fleets.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, FleetId, QueueId};

use super::Catalogue;
use crate::database::{Connection, params};
use crate::error::StoreError;

/// Keys and values.
pub type Tags = BTreeMap<String, String>;

/// What can have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    /// A farm.
    Farm(FarmId),
    /// A queue of a farm.
    Queue(FarmId, QueueId),
    /// A fleet of a farm.
    Fleet(FarmId, FleetId),
}

impl Tagged {
    /// The farm.
    pub const fn farm_id(self) -> FarmId {
        match self {
            Self::Farm(farm_id) | Self::Queue(farm_id, _) | Self::Fleet(farm_id, _) => farm_id,
        }
    }

    const fn key(self) -> (&'static str, [u8; 16]) {
        match self {
            Self::Farm(farm_id) => ("farm", farm_id.bytes()),
            Self::Queue(_, queue_id) => ("queue", queue_id.bytes()),
            Self::Fleet(_, fleet_id) => ("fleet", fleet_id.bytes()),
        }
    }
}

impl Catalogue {
    /// The tags of something, which has to be there.
    pub fn tags(&self, tagged: Tagged) -> Result<Tags, StoreError> {
        self.database().read(|connection| tags(connection, tagged))
    }

    /// Changes the tags of something, which has to be there. A change that fails changes nothing.
    pub fn change_tags<E>(
        &self,
        tagged: Tagged,
        change: impl FnOnce(&mut Tags) -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        let changed = self.database().write(|transaction| {
            let mut changed = tags(transaction, tagged)?;
            if let Err(refusal) = change(&mut changed) {
                return Ok(Err(refusal));
            }
            delete(transaction, tagged)?;
            insert(transaction, tagged, &changed)?;
            Ok(Ok(()))
        })?;
        Ok(changed.into_inner())
    }
}

fn tags(connection: &Connection<'_>, tagged: Tagged) -> Result<Tags, StoreError> {
    let (kind, id) = tagged.key();
    connection.query(
        "SELECT key, value FROM tags WHERE farm_id = ?1 AND kind = ?2 AND id = ?3",
        params![tagged.farm_id().bytes(), kind, id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub(super) fn insert(connection: &Connection<'_>, tagged: Tagged, tags: &Tags) -> Result<(), StoreError> {
    let (kind, id) = tagged.key();
    for (key, value) in tags {
        connection.execute(
            "INSERT INTO tags (farm_id, kind, id, key, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![tagged.farm_id().bytes(), kind, id, key, value],
        )?;
    }
    Ok(())
}

pub(super) fn delete(connection: &Connection<'_>, tagged: Tagged) -> Result<(), StoreError> {
    let (kind, id) = tagged.key();
    connection.execute(
        "DELETE FROM tags WHERE farm_id = ?1 AND kind = ?2 AND id = ?3",
        params![tagged.farm_id().bytes(), kind, id],
    )?;
    Ok(())
}
