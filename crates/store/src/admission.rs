//! What each record of a batch means beside what is stored, and beside the records before it in the same batch.
//!
//! Nothing is written here: the result is a receipt and the records that the commit has to store, each id at most once.

use std::fmt;

use farmtally_model::{LineCost, Record, RecordId, RecordNames, Timestamp};
use hashbrown::HashMap;

use crate::encoding::{Put, StoredShare};
use crate::fingerprint::Fingerprint;
use crate::identity::{self, Decision, Identities, Identity, Newcomer, Place};

/// A record with its price, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedSubmission {
    /// The record as it is to be kept.
    pub record: Record<LineCost>,
    /// Of the record as it was submitted, see [`fingerprint`](crate::fingerprint()).
    pub fingerprint: Fingerprint,
    /// What people call its queue, fleet and user.
    pub names: RecordNames,
    /// Set when the source has told nothing new, and the farm itself changes what its telling costs.
    pub amendment: Option<Amendment>,
}

/// Another cost for an ended record that is stored. It is taken if what is stored has the same content and revision, which
/// stay as they are: revisions belong to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amendment {
    /// Set when the worker's cost is a share of a bill from now on.
    pub share: Option<StoredShare>,
}

impl PricedSubmission {
    pub(crate) fn newcomer(&self) -> Newcomer {
        let identity = Identity::of_record(&self.record, self.fingerprint);
        Newcomer { identity, amends: self.amendment.is_some() }
    }
}

/// What became of the records of a batch. The counts and the refusals add up to the batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchReceipt {
    /// Records under ids that held nothing.
    pub stored: u64,
    /// Records that took the place of an earlier form of themselves.
    pub replaced: u64,
    /// Records that say no more than what is stored.
    pub unchanged: u64,
    /// Records that were not taken.
    pub refused: Vec<Refusal>,
}

impl BatchReceipt {
    /// The receipt of a batch of which this is the first part, and `next` that of the part from `start` on.
    pub(crate) fn with(mut self, next: Self, start: usize) -> Self {
        self.stored += next.stored;
        self.replaced += next.replaced;
        self.unchanged += next.unchanged;
        let in_batch = |refusal: Refusal| Refusal { index: refusal.index + start, ..refusal };
        self.refused.extend(next.refused.into_iter().map(in_batch));
        self
    }
}

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its position in the batch, from 0.
    pub index: usize,
    /// Why.
    pub reason: RefusalReason,
}

/// How the part of a refusal begins that is for sources with revisions.
pub const REVISION_ADVICE: &str = "; send a higher revision than ";

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Something else is stored under its id.
    Conflict {
        /// The id.
        id: RecordId,
        /// Revision of what is stored.
        stored_revision: u32,
    },
    /// What was stored under its id was deleted.
    Deleted {
        /// The id.
        id: RecordId,
        /// Revision of what was deleted.
        deleted_revision: u32,
    },
    /// It ended in a time whose records are no longer kept.
    NoLongerKept {
        /// The id.
        id: RecordId,
        /// The first instant that is kept.
        kept_from: Timestamp,
    },
    /// It has another cost for something that is no longer stored.
    Outdated {
        /// The id.
        id: RecordId,
    },
}

impl RefusalReason {
    /// Which record was not taken.
    pub const fn id(&self) -> RecordId {
        match self {
            Self::Conflict { id, .. }
            | Self::Deleted { id, .. }
            | Self::NoLongerKept { id, .. }
            | Self::Outdated { id } => *id,
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { id, stored_revision } => write!(
                f,
                "`{id}` is stored with other content{REVISION_ADVICE}{stored_revision} to correct it"
            ),
            Self::Deleted { id, deleted_revision } => {
                write!(f, "`{id}` was deleted{REVISION_ADVICE}{deleted_revision} to bring it back")
            }
            Self::Outdated { id } => {
                write!(f, "`{id}` was changed since its new cost was worked out; work it out again")
            }
            Self::NoLongerKept { id, kept_from } => {
                write!(
                    f,
                    "`{id}` ended before {kept_from}, and this farm keeps no earlier records; leave it out"
                )
            }
        }
    }
}

/// What is stored, as far as the batch needs to know it.
pub(crate) struct Stored<'a> {
    pub(crate) identities: &'a Identities,
    /// The sealed records under ids of the batch.
    pub(crate) sealed: &'a HashMap<RecordId, (Identity, Place)>,
    /// The records that run.
    pub(crate) running: &'a HashMap<RecordId, Put>,
    /// The ended records that the batch may replace.
    pub(crate) loaded: &'a HashMap<RecordId, Record<LineCost>>,
    /// New records that ended before this instant are refused.
    pub(crate) kept_from_ms: i64,
}

impl Stored<'_> {
    fn under(&self, id: RecordId) -> Option<&(Identity, Place)> {
        self.identities.get(id).or_else(|| self.sealed.get(&id))
    }

    /// The record under an id, as far as it was read.
    fn record(&self, id: RecordId) -> Option<&Record<LineCost>> {
        self.running.get(&id).map(|put| &put.record).or_else(|| self.loaded.get(&id))
    }

    /// Whether a record ended in a time that is no longer kept.
    fn is_too_old<C>(&self, record: &Record<C>) -> bool {
        record.span().ended_at().is_some_and(|ended_at| ended_at.millis() < self.kept_from_ms)
    }
}

/// The decisions about a batch.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    pub(crate) receipt: BatchReceipt,
    /// What has to be stored.
    pub(crate) puts: Vec<Put>,
    /// Positions in `puts`.
    by_id: HashMap<RecordId, usize>,
}

impl Admission {
    pub(crate) fn of(batch: &[&PricedSubmission], stored: &Stored<'_>) -> Self {
        let mut admission = Self::default();
        for (index, submission) in batch.iter().enumerate() {
            admission.admit(index, submission, stored);
        }
        admission
    }

    fn admit(&mut self, index: usize, submission: &PricedSubmission, stored: &Stored<'_>) {
        let id = submission.record.id();
        let (decision, revision) = self.judge(submission, stored);
        match decision {
            Decision::Store if stored.is_too_old(&submission.record) => {
                let kept_from = Timestamp::from_millis_clamped(stored.kept_from_ms);
                self.refuse(index, RefusalReason::NoLongerKept { id, kept_from });
            }
            Decision::Store => {
                self.receipt.stored += 1;
                self.put(submission, 0);
            }
            Decision::Replace => {
                self.receipt.replaced += 1;
                self.put(submission, revision);
            }
            Decision::Keep => self.receipt.unchanged += 1,
            Decision::Conflict => {
                self.refuse(index, RefusalReason::Conflict { id, stored_revision: revision });
            }
            Decision::Outdated => self.refuse(index, RefusalReason::Outdated { id }),
            Decision::WasDeleted => {
                self.refuse(index, RefusalReason::Deleted { id, deleted_revision: revision });
            }
        }
    }

    /// The decision about a record, and the revision of what is under its id, once the records before it are stored.
    fn judge(&self, submission: &PricedSubmission, stored: &Stored<'_>) -> (Decision, u32) {
        let id = submission.record.id();
        let newcomer = submission.newcomer();
        let (current, record) = if let Some(index) = self.by_id.get(&id) {
            let put = &self.puts[*index];
            (Identity::of_record(&put.record, put.fingerprint), Some(&put.record))
        } else if let Some((identity, _)) = stored.under(id) {
            (*identity, stored.record(id))
        } else {
            return (if newcomer.amends { Decision::Outdated } else { Decision::Store }, 0);
        };
        let same_opening = || record.is_some_and(|record| identity::same_opening(record, &submission.record));
        (identity::decide(&current, &newcomer, same_opening), current.revision)
    }

    fn put(&mut self, submission: &PricedSubmission, revision_least: u32) {
        let put = Put {
            record: with_revision_least(submission.record.clone(), revision_least),
            fingerprint: submission.fingerprint,
            share: submission.amendment.and_then(|amendment| amendment.share),
        };
        let index = *self.by_id.entry(put.record.id()).or_insert(self.puts.len());
        if index < self.puts.len() {
            self.puts[index] = put;
        } else {
            self.puts.push(put);
        }
    }

    fn refuse(&mut self, index: usize, reason: RefusalReason) {
        self.receipt.refused.push(Refusal { index, reason });
    }
}

/// The end of a session whose opening was corrected may come with the revision from before the correction. It inherits
/// the higher one, because a revision that went down would let the correction, sent again, reopen the session.
fn with_revision_least(mut record: Record<LineCost>, revision_least: u32) -> Record<LineCost> {
    let revision = match &mut record {
        Record::Session(session) => &mut session.revision,
        Record::Volume(volume) => &mut volume.revision,
    };
    *revision = (*revision).max(revision_least);
    record
}
