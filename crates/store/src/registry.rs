//! The queues, fleets and users that records name, and what people call them.
//!
//! A farm's registry is held in memory so that a batch writes only what it changes, which is mostly nothing.

use std::hash::Hash;

use farmtally_model::{DisplayName, FarmId, FleetId, QueueId, Record, Timestamp, UserId};
use hashbrown::HashMap;

use crate::admission::{BatchReceipt, PricedSubmission};
use crate::catalogue::{ResourceId, Tagged, row};
use crate::database::{Connection, params};
use crate::error::StoreError;
use crate::sealed::SegmentNames;
use crate::shared;

/// Names by id; no name when no source gave one.
type Names<K> = HashMap<K, Option<DisplayName>>;

#[derive(Debug, Default)]
pub(crate) struct Registry {
    queues: Names<QueueId>,
    fleets: Names<FleetId>,
    users: Names<UserId>,
}

impl Registry {
    pub(crate) fn load(connection: &Connection<'_>, farm_id: FarmId) -> Result<Self, StoreError> {
        Ok(Self {
            queues: load_resources(connection, farm_id)?,
            fleets: load_resources(connection, farm_id)?,
            users: load_users(connection, farm_id)?,
        })
    }

    /// What people call the queues and fleets now, for files that are read without us.
    pub(crate) fn segment_names(&self) -> SegmentNames {
        fn given<K: Clone + Eq + Hash>(names: &Names<K>) -> HashMap<K, DisplayName> {
            names.iter().filter_map(|(id, name)| Some((id.clone(), name.clone()?))).collect()
        }
        SegmentNames { queues: given(&self.queues), fleets: given(&self.fleets) }
    }

    /// The same as it will be after these changes.
    pub(crate) fn segment_names_with(&self, changes: &Self) -> SegmentNames {
        let (mut names, changed) = (self.segment_names(), changes.segment_names());
        names.queues.extend(changed.queues);
        names.fleets.extend(changed.fleets);
        names
    }

    /// What the records that were taken add to the registry or change in it: the latest given name wins.
    pub(crate) fn changes(&self, batch: &[PricedSubmission], receipt: &BatchReceipt) -> Self {
        let mut changes = Self::default();
        let mut refused = receipt.refused.iter().map(|refusal| refusal.index).peekable();
        for (index, submission) in batch.iter().enumerate() {
            if refused.next_if_eq(&index).is_none() {
                self.note(&mut changes, submission);
            }
        }
        changes
    }

    fn note(&self, changes: &mut Self, submission: &PricedSubmission) {
        let names = &submission.names;
        let fleet_id = match &submission.record {
            Record::Session(session) => {
                note(&self.queues, &mut changes.queues, &session.queue_id, names.queue.as_ref());
                note(&self.users, &mut changes.users, &session.user_id, names.user.as_ref());
                session.fleet_id
            }
            Record::Volume(volume) => volume.fleet_id,
        };
        note(&self.fleets, &mut changes.fleets, &fleet_id, names.fleet.as_ref());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.fleets.is_empty() && self.users.is_empty()
    }

    /// Writes changes to names of a revision, and gives the one that they make.
    pub(crate) fn write(
        &self,
        connection: &Connection<'_>,
        farm_id: FarmId,
        revision: i64,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        if self.is_empty() {
            return Ok(revision);
        }
        write_resources(connection, farm_id, &self.queues, now)?;
        write_resources(connection, farm_id, &self.fleets, now)?;
        write_users(connection, farm_id, &self.users)?;
        shared::change_names(connection, farm_id, revision)
    }

    /// Forgets a queue or fleet that was deleted, so that a record may bring it back.
    pub(crate) fn forget(&mut self, deleted: Tagged) {
        match deleted {
            Tagged::Farm(_) => {}
            Tagged::Queue(_, queue_id) => drop(self.queues.remove(&queue_id)),
            Tagged::Fleet(_, fleet_id) => drop(self.fleets.remove(&fleet_id)),
        }
    }

    /// Takes in changes that were committed.
    pub(crate) fn extend(&mut self, changes: Self) {
        self.queues.extend(changes.queues);
        self.fleets.extend(changes.fleets);
        self.users.extend(changes.users);
    }
}

fn note<K: Eq + Hash + Clone>(known: &Names<K>, changes: &mut Names<K>, key: &K, name: Option<&DisplayName>) {
    let current = changes.get(key).or_else(|| known.get(key));
    if current.is_none_or(|current| name.is_some() && current.as_ref() != name) {
        changes.insert(key.clone(), name.cloned());
    }
}

fn load_resources<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
) -> Result<Names<I>, StoreError> {
    connection.query(
        &format!("SELECT id, display_name FROM {} WHERE farm_id = ?1", I::TABLE),
        params![farm_id.bytes()],
        |stored| Ok((stored.get(0).map(I::from_bytes)?, row::optional_text(stored, 1, DisplayName::new)?)),
    )
}

fn write_resources<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    names: &Names<I>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (id, name) in names {
        let name = name.as_ref().map(DisplayName::as_str);
        connection.execute(
            &format!(
                "INSERT INTO {} (farm_id, id, display_name, created_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (farm_id, id) DO UPDATE SET display_name = excluded.display_name",
                I::TABLE
            ),
            params![farm_id.bytes(), id.bytes(), name, now.millis()],
        )?;
    }
    Ok(())
}

fn load_users(connection: &Connection<'_>, farm_id: FarmId) -> Result<Names<UserId>, StoreError> {
    connection.query(
        "SELECT user_id, display_name FROM users WHERE farm_id = ?1",
        params![farm_id.bytes()],
        |stored| Ok((row::text(stored, 0, UserId::new)?, row::optional_text(stored, 1, DisplayName::new)?)),
    )
}

fn write_users(
    connection: &Connection<'_>,
    farm_id: FarmId,
    names: &Names<UserId>,
) -> Result<(), StoreError> {
    for (user_id, name) in names {
        let name = name.as_ref().map(DisplayName::as_str);
        connection.execute(
            "INSERT INTO users (farm_id, user_id, display_name) VALUES (?1, ?2, ?3)
         ON CONFLICT (farm_id, user_id) DO UPDATE SET display_name = excluded.display_name",
            params![farm_id.bytes(), user_id.as_str(), name],
        )?;
    }
    Ok(())
}
