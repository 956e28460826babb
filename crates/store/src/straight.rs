//! Large batches: what has ended and is new goes straight into segments, and is written once.
//!
//! The files are synced first, and the transaction that names them is the commit. A batch that breaks off before it leaves
//! orphans, which are removed when the folder is opened. What has to be weighed against something else, or still runs, is
//! stored as a batch in the same transaction, so that all of it counts from one instant on.

use farmtally_model::Timestamp;
use hashbrown::HashSet;

use crate::admission::{Admission, BatchReceipt, PricedSubmission, Refusal};
use crate::batches::{self, EncodedBatch};
use crate::book::{Book, Decided, Reading};
use crate::database::Database;
use crate::durable::Durable;
use crate::encoding::{self, Put};
use crate::error::StoreError;
use crate::farm::{OpenFarm, SegmentNumbers};
use crate::limits::{BATCH_RECORDS_MAX, STRAIGHT_RECORDS, STRAIGHT_RECORDS_OF_A_MONTH};
use crate::roster::Roster;
use crate::sealed::{KeyFile, Manifest, ManifestChange, NewBlocks, SegmentNames, key_of};
use crate::sealing::{Written, broke_off};
use crate::shared::Sealing;

/// Whether a batch is large enough to go straight: each month that its records ended in costs some files.
pub fn is_worth_segments(batch: &[PricedSubmission]) -> bool {
    const MONTH_MS: i64 = 31 * 86_400_000;
    if batch.len() < STRAIGHT_RECORDS {
        return false;
    }
    let ends = batch.iter().filter_map(|submission| submission.record.span().ended_at());
    let months: HashSet<i64> = ends.map(|ended_at| ended_at.millis() / MONTH_MS).collect();
    // A batch that is too large for a transaction of its own has no choice.
    batch.len() > BATCH_RECORDS_MAX || batch.len() >= months.len() * STRAIGHT_RECORDS_OF_A_MONTH
}

/// Files that are in their places and that nothing names yet.
struct Prepared {
    written: Written,
    keys: Option<KeyFile>,
    columns: NewBlocks,
}

impl OpenFarm {
    /// Decides, commits and takes in a batch that is worth segments of its own.
    pub(crate) fn append_straight(
        &self,
        database: &Database,
        batch: Vec<PricedSubmission>,
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        self.write_straight(database, batch, now).inspect_err(|error| database.refuse_writes_after(error))
    }

    fn write_straight(
        &self,
        database: &Database,
        batch: Vec<PricedSubmission>,
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        let mut numbers = self.sealing.lock().map_err(|_| broke_off())?;
        let mut book = self.book()?;
        let farm_id = self.files.farm_id();
        let is_straight = part(&book, &batch)?;
        let reading = Reading { database, files: &self.files };
        let (Decided { admission, known }, receipt) = decide_others(&book, &reading, &batch, &is_straight)?;
        let Admission { puts: others, .. } = admission;
        let names = book.registry.changes(&batch, &receipt);
        let straight: Vec<Put> =
            batch.into_iter().zip(is_straight).filter(|(_, is_straight)| *is_straight).map(put).collect();
        if straight.is_empty() && others.is_empty() && names.is_empty() {
            return Ok(Durable::already(receipt));
        }
        let segment_names = book.registry.segment_names_with(&names);
        let number = numbers.next(&book.manifest);
        let Prepared { written, keys, columns } = self
            .prepare_straight(database, &mut book, (number, &segment_names), straight)
            // Whoever reads the folder must not find what was not stored. Behind this the catalogue decides what stays.
            .inspect_err(|_| self.remove_orphans(&numbers, &book.manifest))?;
        let encoded = EncodedBatch { entry_count: others.len(), payload: encoding::encode_puts(&others)? };
        let removals = known.removals(others.iter().map(|put| put.record.id()))?;
        let change = ManifestChange { added: written.segments(), removals, ..ManifestChange::default() };
        let had_failed = numbers.is_beyond(&book.manifest);
        numbers.try_with(&change.added);
        let committed = database.write(|transaction| {
            names.write(transaction, farm_id, book.names_revision, now)?;
            let head = if others.is_empty() {
                book.head
            } else {
                batches::append(transaction, farm_id, book.head, encoded, now)?
            };
            Ok((head, change.apply_to(&book.manifest, transaction, farm_id)?))
        })?;
        let committed = committed.map(|(head, manifest)| {
            book.manifest = manifest.unwrap_or_else(|| std::mem::take(&mut book.manifest));
            book.keys = keys.into_iter().fold(book.keys.clone(), |keys, file| keys.with(file));
            book.registry.extend(names);
            self.note_unsealed(others.len());
            // It is gathered again when somebody asks for it, which a large import does not.
            *self.write_roster() = Roster::default();
            if !others.is_empty() {
                book.take_in(head, others, &known, &mut self.write_roster());
            }
            receipt
        });
        columns.add_to(&mut book.columns);
        self.mend_columns(&mut book, database);
        self.publish(&book);
        if had_failed {
            self.remove_orphans(&numbers, &book.manifest);
        }
        Ok(committed)
    }

    /// Writes and syncs the segments of records, and what is derived from them.
    fn prepare_straight(
        &self,
        database: &Database,
        book: &mut Book,
        (number, names): (u32, &SegmentNames),
        straight: Vec<Put>,
    ) -> Result<Prepared, StoreError> {
        let sequence = book.head.sequence;
        let right = (database, Sealing::in_folder(self.farm_id()));
        let written = self.write_segments(right, number, ((sequence, sequence), names), straight)?;
        let keys = self.write_keys_of(&written)?;
        let columns = self.prepare_columns_of(book, &written)?;
        Ok(Prepared { written, keys, columns })
    }

    /// Removes what no manifest names, unless a commit failed that may have named it.
    fn remove_orphans(&self, numbers: &SegmentNumbers, manifest: &Manifest) {
        if !numbers.is_beyond(manifest)
            && let Err(error) = self.files.remove_orphans(manifest)
        {
            tracing::warn!(farm = %self.files.farm_id(), %error, "files of no segment stay until the next start");
        }
    }

    /// Reads the farm anew should its columns not have what was just committed, which has to be there whatever happens.
    fn mend_columns(&self, book: &mut Book, database: &Database) {
        if book.is_consistent() {
            return;
        }
        if let Err(error) = database.read_long(|connection| self.read_anew(connection, book)) {
            tracing::error!(farm = %self.files.farm_id(), %error, "the columns lack records until the next start");
        }
    }
}

/// For each record of a batch whether it has ended and nothing is known of its id, in the batch or in the farm.
fn part(book: &Book, batch: &[PricedSubmission]) -> Result<Vec<bool>, StoreError> {
    let kept_from_ms = book.manifest.kept_from_ms();
    let is_new = |submission: &PricedSubmission| {
        let ended_at = submission.record.span().ended_at();
        ended_at.is_some_and(|ended_at| ended_at.millis() >= kept_from_ms)
            && book.identities.get(submission.record.id()).is_none()
    };
    let mut is_straight: Vec<bool> = batch.iter().map(is_new).collect();
    let mut keys: Vec<(u64, usize)> =
        batch.iter().enumerate().map(|(index, submission)| (key_of(submission.record.id()), index)).collect();
    keys.sort_unstable();
    for same in keys.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
        for (_, index) in same {
            is_straight[*index] = false;
        }
    }
    book.keys.visit_known(&keys, &book.manifest, |index| is_straight[index] = false)?;
    Ok(is_straight)
}

/// The decisions about the records that do not go straight, and what becomes of the whole batch.
fn decide_others(
    book: &Book,
    reading: &Reading<'_>,
    batch: &[PricedSubmission],
    is_straight: &[bool],
) -> Result<(Decided, BatchReceipt), StoreError> {
    let places: Vec<usize> = (0..batch.len()).filter(|index| !is_straight[*index]).collect();
    let others: Vec<&PricedSubmission> = places.iter().map(|index| &batch[*index]).collect();
    let mut decided = book.decide(reading, &others)?;
    let mut receipt = std::mem::take(&mut decided.admission.receipt);
    receipt.stored += (batch.len() - others.len()) as u64;
    let in_batch = |refusal: Refusal| Refusal { index: places[refusal.index], ..refusal };
    receipt.refused = receipt.refused.into_iter().map(in_batch).collect();
    Ok((decided, receipt))
}

fn put((submission, _): (PricedSubmission, bool)) -> Put {
    Put { record: submission.record, fingerprint: submission.fingerprint, share: None }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fingerprint::fingerprint;
    use farmtally_model::{FleetId, LineCost, NanoUsd, Record, RecordNames, Span, Volume, VolumeId};

    fn volume<C>(end_ms: i64, cost: C) -> Record<C> {
        let at = Timestamp::from_millis_clamped;
        Record::Volume(Volume {
            volume_id: VolumeId::from_bytes([1; 16]),
            fleet_id: FleetId::from_bytes([2; 16]),
            span: Span::new(at(0), Some(at(end_ms))).unwrap(),
            revision: 0,
            cost,
        })
    }

    /// So many records of one volume, which ends in one month after the other.
    pub(crate) fn batch(records: usize, months: i64) -> Vec<PricedSubmission> {
        let submission = |end_ms| PricedSubmission {
            fingerprint: fingerprint(&volume(end_ms, None)),
            record: volume(end_ms, LineCost::Total(NanoUsd::ZERO)),
            names: RecordNames::default(),
            amendment: None,
        };
        (0..months).cycle().take(records).map(|month| submission(month * 31 * 86_400_000)).collect()
    }

    #[test]
    fn a_batch_is_worth_segments_when_each_gets_some_thousand_records() {
        assert!(!is_worth_segments(&batch(STRAIGHT_RECORDS - 1, 1)));
        assert!(is_worth_segments(&batch(STRAIGHT_RECORDS, 16)));
        assert!(!is_worth_segments(&batch(STRAIGHT_RECORDS, 17)));
        assert!(is_worth_segments(&batch(BATCH_RECORDS_MAX + 1, 1000)));
    }
}
