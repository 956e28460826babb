//! What is stored of one farm, and what is needed to decide about more.
//!
//! Records are in three places: in batches, carried on by sealing (running ones), or in segments. Everything in here was
//! committed before.

use std::sync::{Arc, Mutex};

use farmtally_columns::FarmColumns;
use farmtally_model::{FarmId, LineCost, Record, RecordId};
use hashbrown::{HashMap, HashSet};

use crate::admission::{Admission, PricedSubmission, Stored};
use crate::batches::{self, Head};
use crate::database::{Connection, Database};
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::identity::{Identities, Identity, Place, Standing};
use crate::registry::Registry;
use crate::roster::{Piece, Roster};
use crate::sealed::{
    Candidate, FarmFiles, KeyEntry, Keys, LoadedManifest, Manifest, OpenedKeys, Removal, SealedColumns,
    StoredDictionaries, check_file, open_columns, read_records, read_rows, remove_file, verify_overlapping,
    write_keys,
};
use crate::shared::{self, Progress};

/// Records that are given to the columns at once while a farm is loaded: enough for full blocks, few enough that a large
/// farm is never in memory twice.
const LOAD_RECORDS: usize = 256 * 1024;

/// What is stored of a farm.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) head: Head,
    pub(crate) identities: Identities,
    /// The records that still run, whole: they are what will most likely be replaced.
    pub(crate) running: HashMap<RecordId, Put>,
    pub(crate) registry: Registry,
    pub(crate) columns: FarmColumns,
    /// What is stored of the columns' dictionaries.
    pub(crate) dictionaries: Arc<Mutex<StoredDictionaries>>,
    pub(crate) manifest: Manifest,
    pub(crate) keys: Keys,
    /// Which of the farm's books it is: another one after each time that it was read as a whole.
    pub(crate) number: u64,
    /// The revision of the names in the registry, in a shared catalogue.
    pub(crate) names_revision: i64,
    /// Ids that changed since sealing began, while it is under way.
    pub(crate) changed: Option<HashSet<RecordId>>,
}

/// What decisions are made from.
pub(crate) struct Reading<'a> {
    pub(crate) database: &'a Database,
    pub(crate) files: &'a FarmFiles,
}

/// The decisions about a batch, and the stored records that were read for them.
pub(crate) struct Decided {
    pub(crate) admission: Admission,
    pub(crate) known: Known,
}

/// Stored records that a batch has to do with.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Sealed records by id.
    pub(crate) sealed: HashMap<RecordId, (Identity, Place)>,
    /// Ended records, whole.
    pub(crate) loaded: HashMap<RecordId, Record<LineCost>>,
}

impl Known {
    /// Takes note of a sealed record that was read.
    fn note(&mut self, place: Place, put: Put) {
        let id = put.record.id();
        self.sealed.insert(id, (Identity::of_record(&put.record, put.fingerprint), place));
        self.loaded.insert(id, put.record);
    }

    /// The sealed records that are no longer live once these ids are stored anew or deleted.
    pub(crate) fn removals(&self, ids: impl Iterator<Item = RecordId>) -> Result<Vec<Removal>, StoreError> {
        let mut removals = Vec::new();
        for id in ids {
            let Some((_, Place::Sealed { segment, row })) = self.sealed.get(&id) else { continue };
            // Without its removal the record would count twice.
            let missing =
                || StoreError::damaged(format!("segment {segment}"), format!("`{id}` was not read from it"));
            let record = self.loaded.get(&id).cloned().ok_or_else(missing)?;
            removals.push(Removal { segment: *segment, row: *row, record });
        }
        Ok(removals)
    }
}

impl Book {
    /// Walks the batches from the newest to the oldest: the first entry that is met for an id is the one that counts, so
    /// that everything is decoded once and what was replaced never reaches the columns. Then come the segments, whose
    /// manifest knows what was replaced.
    pub(crate) fn load(connection: &Connection<'_>, files: &FarmFiles) -> Result<Self, StoreError> {
        let farm_id = files.farm_id();
        let LoadedManifest { manifest, carried, removals } = Manifest::load(connection, farm_id)?;
        if files.are_copies() {
            files.remove_orphaned_blocks(&manifest)?;
        } else {
            files.remove_orphans(&manifest)?;
        }
        manifest.segments().try_for_each(|segment| check_file(files, segment))?;
        let head = batches::head(connection, farm_id)?;
        batches::check_head_is_last(connection, farm_id, head)?;
        let registry = Registry::load(connection, farm_id)?;
        let keys = open_keys(files, &manifest)?;
        let SealedColumns { columns, dictionaries, volumes } = open_columns(files, &manifest)?;
        let dictionaries = Arc::new(Mutex::new(dictionaries));
        let names_revision = shared::names_revision(connection, farm_id)?;
        let mut book =
            Self { head, registry, columns, dictionaries, manifest, keys, names_revision, ..Self::default() };
        book.take_sealed(files, volumes, removals)?;
        let mut inserts = Vec::new();
        let base = book.manifest.base();
        batches::for_each_newest_first(connection, farm_id, base, head, |sequence, entries| {
            let places = (0..).map(|index| Place::Batch { sequence, index });
            book.take_back(files, entries.into_iter().zip(places), &mut inserts)?;
            book.columns_take(&mut inserts, LOAD_RECORDS);
            Ok(())
        })?;
        book.take_back(files, carried.into_iter().map(|entry| (entry, Place::Carried)), &mut inserts)?;
        book.columns_take(&mut inserts, 0);
        Ok(book)
    }

    /// Puts the sealed volumes that are live beside the sealed sessions, and takes out the sessions that were removed since.
    fn take_sealed(
        &mut self,
        files: &FarmFiles,
        volumes: Vec<((u32, u32), Record<LineCost>)>,
        removals: Vec<Removal>,
    ) -> Result<(), StoreError> {
        let is_session = |removal: &Removal| matches!(removal.record, Record::Session(_));
        let removals: Vec<_> =
            removals.into_iter().filter(is_session).map(|removal| removal.record).collect();
        verify_overlapping(files, &self.columns.snapshot(), &removals)?;
        let live = volumes.into_iter().filter(|((segment, row), _)| self.manifest.is_live(*segment, *row));
        let inserts: Vec<_> = live.map(|(_, volume)| volume).collect();
        self.columns.apply(&inserts, &removals);
        Ok(())
    }

    /// Takes in entries unless newer ones with their ids were taken in before.
    fn take_back(
        &mut self,
        files: &FarmFiles,
        entries: impl Iterator<Item = (Entry, Place)>,
        inserts: &mut Vec<Record<LineCost>>,
    ) -> Result<(), StoreError> {
        for (entry, place) in entries {
            let id = entry.id();
            match self.identities.get(id) {
                Some((_, newer)) if newer.is_in_the_batch_of(place) => {
                    return Err(place.damaged(files, &format!("it has `{id}` twice")));
                }
                Some(_) => continue,
                None => self.identities.set(id, Identity::of_entry(&entry), place),
            }
            if let Entry::Put(put) = entry {
                self.remember_if_running(&put);
                inserts.push(put.record);
            }
        }
        Ok(())
    }

    /// Gives records to the columns once there are so many of them.
    fn columns_take(&mut self, inserts: &mut Vec<Record<LineCost>>, least: usize) {
        if inserts.len() >= least {
            self.columns.apply(inserts, &[]);
            inserts.clear();
        }
    }

    /// How far it has come.
    pub(crate) const fn progress(&self) -> Progress {
        Progress { head: self.head, root: self.manifest.root(), names_revision: self.names_revision }
    }

    /// Number of records that are stored and not deleted.
    pub(crate) fn live_count(&self) -> u64 {
        self.identities.live_count() + self.manifest.live_count()
    }

    /// Decides about a batch.
    pub(crate) fn decide(
        &self,
        reading: &Reading<'_>,
        batch: &[&PricedSubmission],
    ) -> Result<Decided, StoreError> {
        let mut known = self.sealed_records(reading, batch)?;
        let replaceable = self.replaceable(batch);
        load_from_batches(reading, replaceable, &mut known.loaded)?;
        let stored = Stored {
            identities: &self.identities,
            sealed: &known.sealed,
            running: &self.running,
            loaded: &known.loaded,
            kept_from_ms: self.manifest.kept_from_ms(),
        };
        let admission = Admission::of(batch, &stored);
        self.verify_replaced(reading.files, &known)?;
        Ok(Decided { admission, known })
    }

    /// Verifies the sealed columns that records may be taken out of: after the commit it would be too late.
    pub(crate) fn verify_replaced(&self, files: &FarmFiles, known: &Known) -> Result<(), StoreError> {
        if known.loaded.is_empty() {
            return Ok(());
        }
        let records: Vec<_> = known.loaded.values().cloned().collect();
        verify_overlapping(files, &self.columns.snapshot(), &records)
    }

    /// The sealed records under the ids of a batch. Those that the batch does not merely repeat are read.
    fn sealed_records(
        &self,
        reading: &Reading<'_>,
        batch: &[&PricedSubmission],
    ) -> Result<Known, StoreError> {
        let ids = batch.iter().map(|submission| submission.record.id());
        let unsealed = |id: &RecordId| self.identities.get(*id).is_none();
        let candidates = self.keys.lookup(ids.filter(unsealed), &self.manifest)?;
        let mut known = Known::default();
        let mut wanted = HashMap::new();
        for submission in batch {
            let id = submission.record.id();
            let Some(candidates) = candidates.get(&id) else { continue };
            let newcomer = submission.newcomer();
            let repeated = candidates.iter().find_map(|candidate| {
                let stored = Identity::sealed(candidate.print, candidate.revision?);
                stored.is_repeated_by(&newcomer).then_some((stored, candidate.place()))
            });
            match repeated {
                Some(stored) => {
                    known.sealed.entry(id).or_insert(stored);
                }
                None => {
                    wanted.insert(id, candidates.clone());
                }
            }
        }
        self.read_candidates(reading.files, &wanted, |place, put| known.note(place, put))?;
        Ok(known)
    }

    /// The sealed record under one id, whole.
    pub(crate) fn sealed_record(&self, files: &FarmFiles, id: RecordId) -> Result<Known, StoreError> {
        let mut known = Known::default();
        let wanted = self.keys.lookup([id].into_iter(), &self.manifest)?;
        self.read_candidates(files, &wanted, |place, put| known.note(place, put))?;
        Ok(known)
    }

    /// The same with what its source sent.
    pub(crate) fn sealed_put(&self, files: &FarmFiles, id: RecordId) -> Result<Option<Put>, StoreError> {
        let mut found = None;
        let wanted = self.keys.lookup([id].into_iter(), &self.manifest)?;
        self.read_candidates(files, &wanted, |_, put| found = Some(put))?;
        Ok(found)
    }

    /// Reads records that may have the wanted ids, each row group once, and hands over those that have.
    fn read_candidates(
        &self,
        files: &FarmFiles,
        wanted: &HashMap<RecordId, Vec<Candidate>>,
        mut take: impl FnMut(Place, Put),
    ) -> Result<(), StoreError> {
        let mut by_segment: HashMap<u32, HashMap<u32, RecordId>> = HashMap::new();
        for (id, candidates) in wanted {
            for candidate in candidates {
                by_segment.entry(candidate.segment).or_default().insert(candidate.row, *id);
            }
        }
        for (number, rows) in by_segment {
            let Some(segment) = self.manifest.segment(number) else { continue };
            let is_wanted = |range: &std::ops::Range<u32>| rows.keys().any(|row| range.contains(row));
            read_rows(files, segment, is_wanted, |sealed| {
                let row = sealed.row;
                if rows.contains_key(&row) && wanted.contains_key(&sealed.record.id()) {
                    take(Place::Sealed { segment: number, row }, sealed.into_put());
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Where the ended records of batches are that a batch may replace, or that it has to be compared with.
    fn replaceable(&self, batch: &[&PricedSubmission]) -> Vec<(Place, RecordId)> {
        let place = |submission: &&PricedSubmission| {
            let id = submission.record.id();
            let (identity, place) = self.identities.get(id)?;
            let wanted =
                identity.standing == Standing::Ended && !identity.is_repeated_by(&submission.newcomer());
            wanted.then_some((*place, id))
        };
        batch.iter().filter_map(place).collect()
    }

    /// Takes in records that were committed as the batch `head`.
    pub(crate) fn take_in(&mut self, head: Head, puts: Vec<Put>, known: &Known, roster: &mut Roster) {
        let mut inserts = Vec::with_capacity(puts.len());
        let mut removals = Vec::new();
        for (index, put) in (0..).zip(puts) {
            let id = put.record.id();
            let removal = self.stored_record(id, known);
            roster.replace(removal.as_ref(), Some(&put.record), Piece::Batch(head.sequence));
            removals.extend(removal);
            let place = Place::Batch { sequence: head.sequence, index };
            self.identities.set(id, Identity::of_record(&put.record, put.fingerprint), place);
            self.note_change(id);
            self.remember_if_running(&put);
            inserts.push(put.record);
        }
        self.columns.apply(&inserts, &removals);
        self.head = head;
    }

    /// Takes out a record whose deletion was committed as the batch `head`.
    pub(crate) fn take_out(
        &mut self,
        head: Head,
        id: RecordId,
        revision: u32,
        known: &Known,
        roster: &mut Roster,
    ) {
        let removals: Vec<_> = self.stored_record(id, known).into_iter().collect();
        roster.replace(removals.first(), None, Piece::Batch(head.sequence));
        let place = Place::Batch { sequence: head.sequence, index: 0 };
        self.identities.set(id, Identity::tombstone(revision), place);
        self.note_change(id);
        self.columns.apply(&[], &removals);
        self.head = head;
    }

    /// The record that lives under an id, which is about to go.
    fn stored_record(&mut self, id: RecordId, known: &Known) -> Option<Record<LineCost>> {
        let (identity, _) = self.identities.get(id).or_else(|| known.sealed.get(&id))?;
        match identity.standing {
            Standing::Running => self.running.remove(&id).map(|put| put.record),
            Standing::Ended => known.loaded.get(&id).cloned(),
            Standing::Deleted => None,
        }
    }

    fn note_change(&mut self, id: RecordId) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    fn remember_if_running(&mut self, put: &Put) {
        if put.record.span().ended_at().is_none() {
            self.running.insert(put.record.id(), put.clone());
        }
    }
}

/// The keys of all segments; those that are missing are made.
fn open_keys(files: &FarmFiles, manifest: &Manifest) -> Result<Keys, StoreError> {
    let OpenedKeys { mut keys, missing, damaged, superseded } = Keys::open(files, manifest)?;
    for path in damaged.into_iter().map(|(path, _)| path).chain(superseded) {
        remove_file(&path).map_err(files.failed(&path))?;
    }
    for number in missing {
        let Some(segment) = manifest.segment(number) else { continue };
        let mut entries = Vec::new();
        read_records(files, segment, |sealed| {
            let row = sealed.row;
            entries.push(KeyEntry::of(&sealed.into_put(), number, row));
            Ok(())
        })?;
        keys = keys.with(write_keys(files, &[segment], entries)?);
    }
    Ok(keys)
}

/// Reads ended records back from their batches, each batch once.
pub(crate) fn load_from_batches(
    reading: &Reading<'_>,
    places: Vec<(Place, RecordId)>,
    records: &mut HashMap<RecordId, Record<LineCost>>,
) -> Result<(), StoreError> {
    let farm_id = reading.files.farm_id();
    if places.is_empty() {
        return Ok(());
    }
    reading.database.read(|connection| load_from(connection, farm_id, places, records))
}

/// The same, by a connection.
pub(crate) fn load_from(
    connection: &Connection<'_>,
    farm_id: FarmId,
    places: Vec<(Place, RecordId)>,
    records: &mut HashMap<RecordId, Record<LineCost>>,
) -> Result<(), StoreError> {
    let mut by_batch: HashMap<i64, HashMap<u32, RecordId>> = HashMap::new();
    for (place, id) in places {
        if let Place::Batch { sequence, index } = place {
            by_batch.entry(sequence).or_default().insert(index, id);
        }
    }
    for (sequence, wanted) in by_batch {
        let entries = batches::load(connection, farm_id, sequence)?;
        for (index, entry) in (0..).zip(entries) {
            if let Entry::Put(put) = entry
                && wanted.contains_key(&index)
            {
                records.insert(put.record.id(), put.record);
            }
        }
        if let Some(id) = wanted.values().find(|id| !records.contains_key(*id)) {
            return Err(batches::damaged(farm_id, sequence, &format!("it lost `{id}`")));
        }
    }
    Ok(())
}
