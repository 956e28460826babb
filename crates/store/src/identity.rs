//! What is stored under each id, and what a newcomer with the same id means.
//!
//! Identities are kept for ever and for every record, tombstones included: 64 bytes or so each, in memory. There is no
//! window after which a repeat would count again.

use farmtally_model::{Record, RecordId};
use hashbrown::HashMap;

use crate::encoding::Entry;
use crate::fingerprint::Fingerprint;

/// Where an entry is: the number of its batch and its position inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: i64,
    pub(crate) index: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Running,
    Ended,
    Deleted,
}

/// What is stored under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) revision: u32,
    pub(crate) standing: Standing,
    /// Of the submission; zeros for a tombstone, which nothing is compared with.
    pub(crate) fingerprint: Fingerprint,
}

impl Identity {
    pub(crate) fn of_record<C>(record: &Record<C>, fingerprint: Fingerprint) -> Self {
        let standing = if record.span().ended_at().is_some() { Standing::Ended } else { Standing::Running };
        Self { revision: record.revision(), standing, fingerprint }
    }

    pub(crate) const fn tombstone(revision: u32) -> Self {
        Self { revision, standing: Standing::Deleted, fingerprint: Fingerprint::from_bytes([0; 16]) }
    }

    pub(crate) fn of_entry(entry: &Entry) -> Self {
        match entry {
            Entry::Put(put) => Self::of_record(&put.record, put.fingerprint),
            Entry::Delete { revision, .. } => Self::tombstone(*revision),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.standing != Standing::Deleted
    }

    /// Whether a newcomer is this very record, or an older telling of it.
    pub(crate) fn repeats(&self, newcomer: &Self) -> bool {
        self.fingerprint == newcomer.fingerprint && newcomer.revision <= self.revision
    }
}

/// What is to be done with a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing lives under its id.
    Store,
    /// It takes the place of what is stored.
    Replace,
    /// What is stored says as much or more.
    Keep,
    /// It contradicts what is stored.
    Conflict,
    /// What was stored under its id was deleted.
    WasDeleted,
}

/// What a newcomer means beside what is stored under its id. `same_opening` says whether both began as the same usage:
/// the same queue, fleet, job and start.
pub(crate) fn decide(stored: &Identity, newcomer: &Identity, same_opening: impl Fn() -> bool) -> Decision {
    let higher_revision = newcomer.revision > stored.revision;
    match stored.standing {
        Standing::Deleted if higher_revision => Decision::Store,
        Standing::Deleted => Decision::WasDeleted,
        _ if stored.repeats(newcomer) => Decision::Keep,
        _ if higher_revision => Decision::Replace,
        Standing::Running if newcomer.standing == Standing::Ended && same_opening() => Decision::Replace,
        _ if newcomer.revision < stored.revision => Decision::Keep,
        // The opening of a session that has ended since, late or sent again.
        Standing::Ended if newcomer.standing == Standing::Running && same_opening() => Decision::Keep,
        _ => Decision::Conflict,
    }
}

/// Whether two records with the same id began as the same usage.
pub(crate) fn same_opening<A, B>(one: &Record<A>, other: &Record<B>) -> bool {
    let same_place = match (one, other) {
        (Record::Session(one), Record::Session(other)) => {
            (one.queue_id, one.fleet_id, one.job_id) == (other.queue_id, other.fleet_id, other.job_id)
        }
        (Record::Volume(one), Record::Volume(other)) => one.fleet_id == other.fleet_id,
        _ => false,
    };
    same_place && one.span().started_at() == other.span().started_at()
}

/// A farm's identities.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    known: HashMap<RecordId, (Identity, Place)>,
    live_count: u64,
}

impl Identities {
    pub(crate) fn get(&self, id: RecordId) -> Option<&(Identity, Place)> {
        self.known.get(&id)
    }

    /// Sets what is stored under an id from now on.
    pub(crate) fn set(&mut self, id: RecordId, identity: Identity, place: Place) {
        let before = self.known.insert(id, (identity, place));
        self.live_count += u64::from(identity.is_live());
        self.live_count -= u64::from(before.is_some_and(|(before, _)| before.is_live()));
    }

    /// Number of records that are stored and not deleted.
    pub(crate) fn live_count(&self) -> u64 {
        self.live_count
    }
}
