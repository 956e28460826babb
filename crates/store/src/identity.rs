//! What is stored under each id, and what a newcomer with the same id means.
//!
//! Identities are kept for ever and for every record, tombstones included; there is no window after which a repeat would
//! count again. Those that are not sealed are in memory here; the sealed ones are looked up in key files.

use farmtally_model::{Record, RecordId};
use hashbrown::HashMap;

use crate::batches;
use crate::encoding::Entry;
use crate::error::StoreError;
use crate::fingerprint::Fingerprint;
use crate::roster::Piece;
use crate::sealed::FarmFiles;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a batch, at a position inside.
    Batch { sequence: i64, index: u32 },
    /// Among the records and tombstones that sealing carries on.
    Carried,
    /// In a segment; the first row of the record.
    Sealed { segment: u32, row: u32 },
}

impl Place {
    /// The part of storage that it is in.
    pub(crate) const fn piece(self) -> Piece {
        match self {
            Self::Batch { sequence, .. } => Piece::Batch(sequence),
            Self::Carried => Piece::Carried,
            Self::Sealed { segment, .. } => Piece::Segment(segment),
        }
    }

    /// Whether both are in one batch, where an id may be once.
    pub(crate) fn is_in_the_batch_of(self, other: Self) -> bool {
        matches!(self, Self::Batch { .. }) && self.piece() == other.piece()
    }

    /// The damage of what it is in.
    pub(crate) fn damaged(self, files: &FarmFiles, reason: &str) -> StoreError {
        let what = match self {
            Self::Batch { sequence, .. } => return batches::damaged(files.farm_id(), sequence, reason),
            Self::Carried => "the carried records".to_owned(),
            Self::Sealed { segment, .. } => format!("segment {segment}"),
        };
        StoreError::damaged(format!("{what} of `{}`", files.farm_id()), reason)
    }
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
    /// The first 48 bits of the submission's fingerprint; zero for a tombstone, which nothing is compared with.
    pub(crate) print: u64,
}

impl Identity {
    pub(crate) fn of_record<C>(record: &Record<C>, fingerprint: Fingerprint) -> Self {
        let standing = if record.span().ended_at().is_some() { Standing::Ended } else { Standing::Running };
        Self { revision: record.revision(), standing, print: fingerprint.short() }
    }

    /// Of a record in a segment: those have ended.
    pub(crate) const fn sealed(print: u64, revision: u32) -> Self {
        Self { revision, standing: Standing::Ended, print }
    }

    pub(crate) const fn tombstone(revision: u32) -> Self {
        Self { revision, standing: Standing::Deleted, print: 0 }
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
    pub(crate) fn is_repeated_by(&self, newcomer: &Newcomer) -> bool {
        let Newcomer { identity, amends } = newcomer;
        !amends && self.print == identity.print && identity.revision <= self.revision
    }
}

/// What comes in, as far as it is decided about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newcomer {
    pub(crate) identity: Identity,
    /// Whether it is the stored record with another cost, and no telling of its source.
    pub(crate) amends: bool,
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
    /// It amends what is no longer stored.
    Outdated,
}

/// What a newcomer means beside what is stored under its id. `same_opening` says whether both began as the same usage:
/// the same queue, fleet, job and start.
pub(crate) fn decide(stored: &Identity, newcomer: &Newcomer, same_opening: impl Fn() -> bool) -> Decision {
    let is_repeated = stored.is_repeated_by(newcomer);
    let Newcomer { identity: newcomer, amends } = newcomer;
    if *amends {
        return if stored == newcomer { Decision::Replace } else { Decision::Outdated };
    }
    let higher_revision = newcomer.revision > stored.revision;
    match stored.standing {
        Standing::Deleted if higher_revision => Decision::Store,
        Standing::Deleted => Decision::WasDeleted,
        _ if is_repeated => Decision::Keep,
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

/// A farm's identities that are not sealed.
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

    /// Forgets the ended records of batches up to `sequence`, which are sealed, and what else was in them is carried.
    pub(crate) fn seal(&mut self, sequence: i64) {
        self.known.retain(|_, (identity, place)| match *place {
            Place::Batch { sequence: of, .. } if of <= sequence => {
                *place = Place::Carried;
                identity.standing != Standing::Ended
            }
            _ => true,
        });
        self.live_count = self.known.values().filter(|(identity, _)| identity.is_live()).count() as u64;
    }

    /// Number of records that are not sealed and not deleted.
    pub(crate) fn live_count(&self) -> u64 {
        self.live_count
    }

    /// Number of ended records that could be sealed.
    pub(crate) fn ended_count(&self) -> usize {
        self.known.values().filter(|(identity, _)| identity.standing == Standing::Ended).count()
    }
}
