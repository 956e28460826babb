//! One farm that is open: what is stored of it, and what questions see.
//!
//! A batch is decided, committed and taken in under one lock per farm; a snapshot needs only the last published view, so
//! that questions never wait for the disk.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use farmtally_columns::FarmSnapshot;
use farmtally_model::{FarmId, RecordId, Timestamp};

use crate::admission::{Admission, BatchReceipt, PricedSubmission};
use crate::batches::{self, EncodedBatch};
use crate::behind::ReadPieces;
use crate::book::{Book, Decided, Known, Reading, load_from_batches};
use crate::database::{Connection, Database};
use crate::durable::Durable;
use crate::encoding;
use crate::error::StoreError;
use crate::identity::Standing;
use crate::limits::SEAL_RECORDS;
use crate::roster::Roster;
use crate::sealed::{FarmFiles, Manifest, ManifestChange, Segment};
use crate::shared::{self, Progress};

/// A farm that is open.
#[derive(Debug)]
pub(crate) struct OpenFarm {
    pub(crate) files: FarmFiles,
    book: Mutex<Book>,
    /// Changed only while the book is held.
    roster: RwLock<Roster>,
    view: RwLock<View>,
    pub(crate) read_pieces: ReadPieces,
    /// Ended records since the last seal, about.
    unsealed: AtomicUsize,
    /// Held by whoever changes segments: one at a time, because they number new ones.
    pub(crate) sealing: Mutex<SegmentNumbers>,
    /// Held by whoever writes derived columns: each adds to the dictionaries of the one before.
    pub(crate) deriving: Mutex<()>,
    /// Times that the farm was read as a whole. Changed only while the book and `deriving` are held.
    pub(crate) readings: AtomicU64,
}

/// The numbers that were given to segments.
#[derive(Debug, Default)]
pub(crate) struct SegmentNumbers {
    /// The last one that a commit was tried with. One that failed may still be found when the folder is opened again, and
    /// then it has to find its files, too.
    tried: u32,
}

impl SegmentNumbers {
    /// The number of the next segment.
    pub(crate) fn next(&self, manifest: &Manifest) -> u32 {
        manifest.next_number().max(self.tried.saturating_add(1))
    }

    /// Notes that a commit is tried that names segments.
    pub(crate) fn try_with(&mut self, segments: &[Segment]) {
        self.tried = segments.iter().map(|segment| segment.number).fold(self.tried, u32::max);
    }

    /// Whether a commit failed behind this manifest that may have left files.
    pub(crate) fn is_beyond(&self, manifest: &Manifest) -> bool {
        self.tried >= manifest.next_number()
    }
}

/// What questions see.
#[derive(Debug, Clone, Default)]
struct View {
    snapshot: Arc<FarmSnapshot>,
    record_count: u64,
    /// Of the records that are seen.
    progress: Progress,
    /// Set when the farm was not readable as a whole; it stays until the folder is repaired and opened again.
    damage: Option<StoreError>,
}

impl View {
    fn of(book: &Book) -> Self {
        Self {
            snapshot: book.columns.snapshot(),
            record_count: book.live_count(),
            progress: book.progress(),
            damage: None,
        }
    }

    /// The view, if the columns have exactly the records that the batches and the manifest have.
    fn checked(self, farm_id: FarmId) -> Result<Self, StoreError> {
        let found = self.snapshot.session_count() + self.snapshot.volume_count();
        match self.damage {
            Some(damage) => Err(damage),
            None if found == self.record_count => Ok(self),
            None => {
                let reason = format!("they hold {found} records instead of {}", self.record_count);
                Err(StoreError::damaged(format!("the columns of `{farm_id}`"), reason))
            }
        }
    }
}

impl OpenFarm {
    /// A farm without records.
    pub(crate) fn empty(files: FarmFiles) -> Self {
        Self::with(files, Book::default(), Roster::gathering(), View::default())
    }

    /// Reads what is stored. A farm that cannot be read is open, too: it answers with what is wrong with it.
    pub(crate) fn load(connection: &Connection<'_>, files: FarmFiles) -> Self {
        match Book::load(connection, &files) {
            Ok(book) => {
                let view = View::of(&book);
                Self::with(files, book, Roster::default(), view)
            }
            Err(damage) => {
                let view = View { damage: Some(damage), ..View::default() };
                Self::with(files, Book::default(), Roster::default(), view)
            }
        }
    }

    fn with(files: FarmFiles, book: Book, roster: Roster, view: View) -> Self {
        Self {
            files,
            unsealed: AtomicUsize::new(book.identities.ended_count()),
            book: Mutex::new(book),
            roster: RwLock::new(roster),
            view: RwLock::new(view),
            read_pieces: ReadPieces::default(),
            sealing: Mutex::default(),
            deriving: Mutex::default(),
            readings: AtomicU64::new(0),
        }
    }

    pub(crate) fn farm_id(&self) -> FarmId {
        self.files.farm_id()
    }

    /// Refuses a farm that could not be read as a whole.
    pub(crate) fn require_whole(&self) -> Result<(), StoreError> {
        self.whole_view().map(drop)
    }

    pub(crate) fn read_roster(&self) -> RwLockReadGuard<'_, Roster> {
        self.roster.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_roster(&self) -> RwLockWriteGuard<'_, Roster> {
        self.roster.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was acknowledged, and nothing that was not.
    pub(crate) fn snapshot(&self) -> Result<Arc<FarmSnapshot>, StoreError> {
        self.whole_view().map(|view| view.snapshot)
    }

    /// Number of records that are stored and not deleted.
    pub(crate) fn record_count(&self) -> Result<u64, StoreError> {
        self.whole_view().map(|view| view.record_count)
    }

    /// Whether the view is of exactly these records.
    pub(crate) fn shows(&self, progress: Progress) -> bool {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.damage.is_none() && view.progress == progress
    }

    /// How far the view has come.
    pub(crate) fn progress(&self) -> Progress {
        self.view.read().unwrap_or_else(PoisonError::into_inner).progress
    }

    /// Whether the farm could be read as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.view.read().unwrap_or_else(PoisonError::into_inner).damage.is_none()
    }

    /// Answers with an error from now on, until the farm is followed again.
    pub(crate) fn withdraw(&self, damage: StoreError) {
        self.view.write().unwrap_or_else(PoisonError::into_inner).damage = Some(damage);
    }

    /// Reads the farm into its book as if it was opened now. The book gets a number that none before it had.
    pub(crate) fn read_anew(&self, connection: &Connection<'_>, book: &mut Book) -> Result<(), StoreError> {
        let _deriving = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = Book::load(connection, &self.files)?;
        *book = Book { number: self.readings.fetch_add(1, Ordering::Relaxed) + 1, ..loaded };
        *self.write_roster() = Roster::default();
        Ok(())
    }

    fn whole_view(&self) -> Result<View, StoreError> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        view.checked(self.files.farm_id())
    }

    /// Decides, commits and takes in one batch.
    pub(crate) fn append(
        &self,
        database: &Database,
        batch: &[PricedSubmission],
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        let mut book = self.book()?;
        let farm_id = self.files.farm_id();
        let reading = Reading { database, files: &self.files };
        let Decided { admission, known } = book.decide(&reading, &batch.iter().collect::<Vec<_>>())?;
        let Admission { receipt, puts, .. } = admission;
        let names = book.registry.changes(batch, &receipt);
        if puts.is_empty() && names.is_empty() {
            return Ok(Durable::already(receipt));
        }
        let payload = encoding::encode_puts(&puts)?;
        let removals = known.removals(puts.iter().map(|put| put.record.id()))?;
        let change = ManifestChange { removals, ..ManifestChange::default() };
        let committed = database.write(|transaction| {
            shared::claim(transaction, farm_id, book.progress())?;
            let names_revision = names.write(transaction, farm_id, book.names_revision, now)?;
            if puts.is_empty() {
                return Ok((book.head, names_revision, None));
            }
            let encoded = EncodedBatch { entry_count: puts.len(), payload };
            let head = batches::append(transaction, farm_id, book.head, encoded, now)?;
            Ok((head, names_revision, change.apply_to(&book.manifest, transaction, farm_id)?))
        })?;
        let committed = committed.map(|(head, names_revision, manifest)| {
            book.names_revision = names_revision;
            book.manifest = manifest.unwrap_or_else(|| std::mem::take(&mut book.manifest));
            self.note_unsealed(puts.len());
            book.take_in(head, puts, &known, &mut self.write_roster());
            book.registry.extend(names);
            receipt
        });
        self.publish(&book);
        Ok(committed)
    }

    /// Deletes a record and remembers its revision. False when nothing is stored under the id.
    pub(crate) fn delete_record(
        &self,
        database: &Database,
        id: RecordId,
        now: Timestamp,
    ) -> Result<Durable<bool>, StoreError> {
        let mut book = self.book()?;
        let farm_id = self.files.farm_id();
        let Some((revision, known)) = self.deletable(&book, database, id)? else {
            return Ok(Durable::already(false));
        };
        let payload = encoding::encode_delete(id, revision)?;
        let change =
            ManifestChange { removals: known.removals([id].into_iter())?, ..ManifestChange::default() };
        let committed = database.write(|transaction| {
            shared::claim(transaction, farm_id, book.progress())?;
            let encoded = EncodedBatch { entry_count: 1, payload };
            let head = batches::append(transaction, farm_id, book.head, encoded, now)?;
            Ok((head, change.apply_to(&book.manifest, transaction, farm_id)?))
        })?;
        let committed = committed.map(|(head, manifest)| {
            book.manifest = manifest.unwrap_or_else(|| std::mem::take(&mut book.manifest));
            book.take_out(head, id, revision, &known, &mut self.write_roster());
            true
        });
        self.publish(&book);
        Ok(committed)
    }

    /// The revision of a live record, and the record as far as it is not in memory.
    fn deletable(
        &self,
        book: &Book,
        database: &Database,
        id: RecordId,
    ) -> Result<Option<(u32, Known)>, StoreError> {
        let mut known = Known::default();
        let Some((identity, place)) = book.identities.get(id).copied() else {
            let known = book.sealed_record(&self.files, id)?;
            book.verify_replaced(&self.files, &known)?;
            return Ok(known
                .sealed
                .get(&id)
                .map(|(identity, _)| identity.revision)
                .map(|revision| (revision, known)));
        };
        match identity.standing {
            Standing::Deleted => return Ok(None),
            Standing::Running => {}
            Standing::Ended => {
                let reading = Reading { database, files: &self.files };
                load_from_batches(&reading, vec![(place, id)], &mut known.loaded)?;
            }
        }
        Ok(Some((identity.revision, known)))
    }

    /// Whether so many records came in since the last seal that the next is due.
    pub(crate) fn is_worth_sealing(&self) -> bool {
        self.unsealed.load(Ordering::Relaxed) >= SEAL_RECORDS
    }

    /// Notes that so many more records were stored in a batch.
    pub(crate) fn note_unsealed(&self, records: usize) {
        self.unsealed.fetch_add(records, Ordering::Relaxed);
    }

    /// Notes how many ended records there are.
    pub(crate) fn note_sealable(&self, records: usize) {
        self.unsealed.store(records, Ordering::Relaxed);
    }

    /// The book of a whole farm. After a panic half-way through a change, memory may lag behind the disk, so that
    /// nothing may be decided from it.
    pub(crate) fn book(&self) -> Result<MutexGuard<'_, Book>, StoreError> {
        self.whole_view()?;
        self.book_to_follow()
    }

    /// The book as it is, to be brought to the present.
    pub(crate) fn book_to_follow(&self) -> Result<MutexGuard<'_, Book>, StoreError> {
        let cause = || "it broke off after it was committed".to_owned();
        self.book.lock().map_err(|_| StoreError::Poisoned { cause: cause() })
    }

    pub(crate) fn publish(&self, book: &Book) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = View::of(book);
    }
}
