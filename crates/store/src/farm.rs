//! One farm in memory: what is stored under each id, and the columns that the engine reads.
//!
//! A batch is decided, committed and taken in under one lock per farm; a snapshot needs only the last published view, so
//! that questions never wait for the disk. Everything in here was committed before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_model::{FarmId, LineCost, Record, RecordId, Timestamp};
use hashbrown::{HashMap, HashSet};
use rusqlite::Connection;

use crate::admission::{Admission, BatchReceipt, PricedSubmission, Stored};
use crate::batches::{self, EncodedBatch, Head};
use crate::database::Database;
use crate::durable::Durable;
use crate::encoding::{self, Entry, Put};
use crate::error::StoreError;
use crate::identity::{Identities, Identity, Place, Standing};
use crate::registry::Registry;
use crate::roster::Roster;

/// Records that are given to the columns at once while a farm is loaded: enough for full blocks, few enough that a large
/// farm is never in memory twice.
const LOAD_RECORDS: usize = 256 * 1024;

/// A farm that is open.
#[derive(Debug)]
pub(crate) struct OpenFarm {
    farm_id: FarmId,
    book: Mutex<Book>,
    /// Changed only while the book is held.
    roster: RwLock<Roster>,
    view: RwLock<View>,
}

/// What is stored, and what is needed to decide about more.
#[derive(Debug, Default)]
pub(crate) struct Book {
    head: Head,
    identities: Identities,
    /// The records that still run, whole: they are what will most likely be replaced.
    running: HashMap<RecordId, Record<LineCost>>,
    registry: Registry,
    columns: FarmColumns,
}

/// What questions see.
#[derive(Debug, Clone, Default)]
struct View {
    snapshot: Arc<FarmSnapshot>,
    record_count: u64,
    /// Set when the farm was not readable as a whole; it stays until the folder is repaired and opened again.
    damage: Option<StoreError>,
}

impl OpenFarm {
    /// A farm without records.
    pub(crate) fn empty(farm_id: FarmId) -> Self {
        Self { farm_id, book: Mutex::default(), roster: RwLock::default(), view: RwLock::default() }
    }

    /// Reads all batches. A farm that cannot be read is open, too: it answers with what is wrong with it.
    pub(crate) fn load(connection: &Connection, farm_id: FarmId) -> Self {
        match Book::load(connection, farm_id) {
            Ok((book, roster)) => Self {
                farm_id,
                view: RwLock::new(book.view()),
                book: Mutex::new(book),
                roster: RwLock::new(roster),
            },
            Err(damage) => {
                let view = View { damage: Some(damage), ..View::default() };
                Self { view: RwLock::new(view), ..Self::empty(farm_id) }
            }
        }
    }

    /// Everything that was acknowledged, and nothing that was not.
    pub(crate) fn snapshot(&self) -> Result<Arc<FarmSnapshot>, StoreError> {
        self.whole_view().map(|view| view.snapshot)
    }

    /// Number of records that are stored and not deleted.
    pub(crate) fn record_count(&self) -> Result<u64, StoreError> {
        self.whole_view().map(|view| view.record_count)
    }

    pub(crate) fn farm_id(&self) -> FarmId {
        self.farm_id
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

    fn whole_view(&self) -> Result<View, StoreError> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        match view.damage {
            Some(damage) => Err(damage),
            None => Ok(view),
        }
    }

    /// Decides, commits and takes in one batch.
    pub(crate) fn append(
        &self,
        database: &Database,
        batch: &[PricedSubmission],
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        let mut book = self.book()?;
        let Decided { admission, loaded } = book.decide(database, self.farm_id, batch)?;
        let Admission { receipt, puts, .. } = admission;
        let names = book.registry.changes(batch, &receipt);
        if puts.is_empty() && names.is_empty() {
            return Ok(Durable::already(receipt));
        }
        let payload = encoding::encode_puts(&puts)?;
        let head = database.write(|transaction| {
            names.write(transaction, self.farm_id, now)?;
            if puts.is_empty() {
                return Ok(book.head);
            }
            let encoded = EncodedBatch { entry_count: puts.len(), payload };
            batches::append(transaction, self.farm_id, book.head, encoded, now)
        })?;
        book.take_in(*head.get(), puts, &loaded, &mut self.write_roster());
        book.registry.extend(names);
        self.publish(&book);
        Ok(head.map(|_| receipt))
    }

    /// Deletes a record and remembers its revision. False when nothing is stored under the id.
    pub(crate) fn delete_record(
        &self,
        database: &Database,
        id: RecordId,
        now: Timestamp,
    ) -> Result<Durable<bool>, StoreError> {
        let mut book = self.book()?;
        let Some((identity, place)) =
            book.identities.get(id).copied().filter(|(identity, _)| identity.is_live())
        else {
            return Ok(Durable::already(false));
        };
        let loaded = match identity.standing {
            Standing::Running => HashMap::new(),
            _ => load_records(database, self.farm_id, vec![(place, id)])?,
        };
        let payload = encoding::encode_delete(id, identity.revision)?;
        let head = database.write(|transaction| {
            let encoded = EncodedBatch { entry_count: 1, payload };
            batches::append(transaction, self.farm_id, book.head, encoded, now)
        })?;
        book.take_out(*head.get(), id, identity.revision, &loaded, &mut self.write_roster());
        self.publish(&book);
        Ok(head.map(|_| true))
    }

    /// The book of a whole farm. After a panic half-way through a change, memory may lag behind the disk, so that
    /// nothing may be decided from it.
    pub(crate) fn book(&self) -> Result<MutexGuard<'_, Book>, StoreError> {
        self.whole_view()?;
        let cause = || "it broke off after it was committed".to_owned();
        self.book.lock().map_err(|_| StoreError::Poisoned { cause: cause() })
    }

    fn publish(&self, book: &Book) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = book.view();
    }
}

/// The decisions about a batch, and the stored records that were read for them.
struct Decided {
    admission: Admission,
    loaded: HashMap<RecordId, Record<LineCost>>,
}

impl Book {
    /// Walks the batches from the newest to the oldest: the first entry that is met for an id is the one that counts, so
    /// that everything is decoded once and what was replaced never reaches the columns.
    fn load(connection: &Connection, farm_id: FarmId) -> Result<(Self, Roster), StoreError> {
        let head = batches::head(connection, farm_id)?;
        let registry = Registry::load(connection, farm_id)?;
        let mut book = Self { head, registry, ..Self::default() };
        let (mut inserts, mut roster) = (Vec::new(), Roster::default());
        batches::for_each_newest_first(connection, farm_id, head, |sequence, entries| {
            book.take_back(farm_id, sequence, entries, &mut inserts, &mut roster)?;
            if inserts.len() >= LOAD_RECORDS {
                book.columns.apply(&inserts, &[]);
                inserts.clear();
            }
            Ok(())
        })?;
        book.columns.apply(&inserts, &[]);
        Ok((book, roster))
    }

    /// Takes in the entries of a batch unless newer ones with their ids were taken in before.
    fn take_back(
        &mut self,
        farm_id: FarmId,
        sequence: i64,
        entries: Vec<Entry>,
        inserts: &mut Vec<Record<LineCost>>,
        roster: &mut Roster,
    ) -> Result<(), StoreError> {
        for (index, entry) in (0..).zip(entries) {
            let id = entry.id();
            match self.identities.get(id) {
                Some((_, newer)) if newer.sequence == sequence => {
                    return Err(batches::damaged(farm_id, sequence, &format!("it has `{id}` twice")));
                }
                Some(_) => continue,
                None => self.identities.set(id, Identity::of_entry(&entry), Place { sequence, index }),
            }
            if let Entry::Put(Put { record, .. }) = entry {
                self.remember_if_running(&record);
                roster.replace(None, Some(&record), sequence);
                inserts.push(record);
            }
        }
        Ok(())
    }

    pub(crate) fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Where the record is that is stored under an id, if one is.
    pub(crate) fn live_place(&self, id: RecordId) -> Option<Place> {
        self.identities.get(id).filter(|(identity, _)| identity.is_live()).map(|(_, place)| *place)
    }

    /// Whether what is stored under an id is what is at a place.
    pub(crate) fn is_at(&self, id: RecordId, place: Place) -> bool {
        self.live_place(id) == Some(place)
    }

    fn view(&self) -> View {
        let (snapshot, record_count) = (self.columns.snapshot(), self.identities.live_count());
        debug_assert_eq!(snapshot.session_count() + snapshot.volume_count(), record_count);
        View { snapshot, record_count, damage: None }
    }

    fn decide(
        &self,
        database: &Database,
        farm_id: FarmId,
        batch: &[PricedSubmission],
    ) -> Result<Decided, StoreError> {
        let loaded = load_records(database, farm_id, self.replaceable(batch))?;
        let stored = Stored { identities: &self.identities, running: &self.running, loaded: &loaded };
        let admission = Admission::of(batch, &stored);
        Ok(Decided { admission, loaded })
    }

    /// Where the ended records are that a batch may replace, or that it has to be compared with.
    fn replaceable(&self, batch: &[PricedSubmission]) -> Vec<(Place, RecordId)> {
        let place = |submission: &PricedSubmission| {
            let id = submission.record.id();
            let (identity, place) = self.identities.get(id)?;
            let newcomer = Identity::of_record(&submission.record, submission.fingerprint);
            let wanted = identity.standing == Standing::Ended && !identity.repeats(&newcomer);
            wanted.then_some((*place, id))
        };
        batch.iter().filter_map(place).collect()
    }

    /// Takes in records that were committed as the batch `head`.
    fn take_in(
        &mut self,
        head: Head,
        puts: Vec<Put>,
        loaded: &HashMap<RecordId, Record<LineCost>>,
        roster: &mut Roster,
    ) {
        let mut inserts = Vec::with_capacity(puts.len());
        let mut removals = Vec::new();
        for (index, put) in (0..).zip(puts) {
            let id = put.record.id();
            let removal = self.stored_record(id, loaded);
            roster.replace(removal.as_ref(), Some(&put.record), head.sequence);
            removals.extend(removal);
            let place = Place { sequence: head.sequence, index };
            self.identities.set(id, Identity::of_record(&put.record, put.fingerprint), place);
            self.remember_if_running(&put.record);
            inserts.push(put.record);
        }
        self.columns.apply(&inserts, &removals);
        self.head = head;
    }

    /// Takes out a record whose deletion was committed as the batch `head`.
    fn take_out(
        &mut self,
        head: Head,
        id: RecordId,
        revision: u32,
        loaded: &HashMap<RecordId, Record<LineCost>>,
        roster: &mut Roster,
    ) {
        let removals: Vec<_> = self.stored_record(id, loaded).into_iter().collect();
        roster.replace(removals.first(), None, head.sequence);
        let place = Place { sequence: head.sequence, index: 0 };
        self.identities.set(id, Identity::tombstone(revision), place);
        self.columns.apply(&[], &removals);
        self.head = head;
    }

    /// The record that lives under an id, which is about to go.
    fn stored_record(
        &mut self,
        id: RecordId,
        loaded: &HashMap<RecordId, Record<LineCost>>,
    ) -> Option<Record<LineCost>> {
        let (identity, _) = self.identities.get(id)?;
        match identity.standing {
            Standing::Running => self.running.remove(&id),
            Standing::Ended => loaded.get(&id).cloned(),
            Standing::Deleted => None,
        }
    }

    fn remember_if_running(&mut self, record: &Record<LineCost>) {
        if record.span().ended_at().is_none() {
            self.running.insert(record.id(), record.clone());
        }
    }
}

/// Reads stored records back, each batch once.
fn load_records(
    database: &Database,
    farm_id: FarmId,
    mut places: Vec<(Place, RecordId)>,
) -> Result<HashMap<RecordId, Record<LineCost>>, StoreError> {
    let mut records = HashMap::with_capacity(places.len());
    places.sort_unstable_by_key(|(place, _)| (place.sequence, place.index));
    for places in places.chunk_by(|(one, _), (other, _)| one.sequence == other.sequence) {
        let Some((Place { sequence, .. }, _)) = places.first() else { continue };
        let wanted: HashSet<u32> = places.iter().map(|(place, _)| place.index).collect();
        let entries = database.read(|connection| batches::load(connection, farm_id, *sequence))?;
        for (index, entry) in (0..).zip(entries) {
            if let Entry::Put(put) = entry
                && wanted.contains(&index)
            {
                records.insert(put.record.id(), put.record);
            }
        }
    }
    match places.iter().find(|(_, id)| !records.contains_key(id)) {
        Some((place, id)) => Err(batches::damaged(farm_id, place.sequence, &format!("it lost `{id}`"))),
        None => Ok(records),
    }
}
