//! Sealing: the ended records of a farm's oldest batches become Parquet segments, and their batches go.
//!
//! The work is done while batches go on coming in. What changed meanwhile is settled in the end, under the farm's lock and
//! in the transaction that names the new segments: until then they are orphans, and from then on the batches are.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::MutexGuard;

use farmtally_model::{LineCost, Record, RecordId, Timestamp};
use hashbrown::HashSet;

use crate::batches::{self, Head};
use crate::book::Book;
use crate::database::Database;
use crate::encoding::{Entry, Put};
use crate::error::StoreError;
use crate::farm::{OpenFarm, SegmentNumbers};
use crate::identity::{Place, Standing};
use crate::limits::{PURGED_BATCHES, SEAL_RECORDS_MAX, SEGMENT_RECORDS_MAX, SEGMENT_ROWS_MAX};
use crate::refresh::Swap;
use crate::roster::{Piece, PieceIndex};
use crate::sealed::{
    Manifest, ManifestChange, Month, NewSegment, Removal, Segment, SegmentNames, WrittenSegment, merge_keys,
    write_keys, write_segment,
};
use crate::shared::{Sealing, claim, taken_over};

/// Records whose places are looked at under one hold of the farm's lock.
pub(crate) const SETTLED_AT_ONCE: usize = 8192;

/// What is taken out of batches to be sealed.
#[derive(Debug, Default)]
struct Gathered {
    ended: Vec<Put>,
    /// Running records and tombstones.
    carried: Vec<Entry>,
}

impl OpenFarm {
    /// Seals the oldest batches, up to a bounded number of records. False when there is nothing to seal, or another server
    /// does.
    pub(crate) fn seal(&self, database: &Database) -> Result<bool, StoreError> {
        self.with_the_right(database, |right, numbers| self.seal_by((database, right), numbers))
    }

    /// Does something for which nobody else may change segments meanwhile; false when another server does.
    pub(crate) fn with_the_right(
        &self,
        database: &Database,
        act: impl FnOnce(Sealing, &mut SegmentNumbers) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut numbers = self.sealing.lock().map_err(|_| broke_off())?;
        let Some(right) = Sealing::begin(database, self.farm_id())? else { return Ok(false) };
        let done = self.follow(database).and_then(|()| act(right, &mut numbers));
        right.end(database);
        done
    }

    fn seal_by(
        &self,
        (database, right): (&Database, Sealing),
        numbers: &mut SegmentNumbers,
    ) -> Result<bool, StoreError> {
        let farm_id = self.files.farm_id();
        let (head, manifest, names) = self.begin_sealing()?;
        let base = manifest.base();
        let portion =
            database.read_long(|connection| batches::portion(connection, farm_id, base, SEAL_RECORDS_MAX))?;
        let sealed = match portion {
            Some(last) => {
                // Only batches that are in memory can be sealed from there: others may have come from another server since.
                let last = if last.sequence > head.sequence { head } else { last };
                self.seal_up_to((database, right), numbers, (&manifest, &names), last).map(|()| true)
            }
            None => Ok(false),
        };
        self.end_sealing();
        sealed
    }

    fn begin_sealing(&self) -> Result<(Head, Manifest, SegmentNames), StoreError> {
        let mut book = self.book()?;
        book.changed = Some(HashSet::new());
        Ok((book.head, book.manifest.clone(), book.registry.segment_names()))
    }

    fn end_sealing(&self) {
        if let Ok(mut book) = self.book() {
            book.changed = None;
        }
    }

    fn seal_up_to(
        &self,
        (database, right): (&Database, Sealing),
        numbers: &mut SegmentNumbers,
        (manifest, names): (&Manifest, &SegmentNames),
        last: Head,
    ) -> Result<(), StoreError> {
        let Gathered { ended, carried } = self.gather(database, manifest, last)?;
        let sequences = (manifest.base().sequence + 1, last.sequence);
        let next_number = numbers.next(manifest);
        let written = self.write_segments((database, right), next_number, (sequences, names), ended)?;
        numbers.try_with(&written.segments());
        let keys = self.write_keys_of(&written)?;
        let columns = self.prepare_columns(&written)?;
        let mut pieces = written.pieces();
        pieces.push((Piece::Carried, PieceIndex::of(carried.iter().filter_map(Entry::record))));
        let (mut book, removals) = self.name_segments(database, right, manifest, |book| {
            let changed = book.changed.as_ref().ok_or_else(taken_over)?;
            Ok(ManifestChange {
                removals: written.removals_of(changed),
                added: written.segments(),
                sealed: Some((last, unchanged(&carried, changed))),
                ..ManifestChange::default()
            })
        })?;
        book.changed = None;
        book.identities.seal(last.sequence);
        let is_gone = |piece| matches!(piece, Piece::Batch(sequence) if sequence <= last.sequence);
        self.write_roster().move_pieces(&pieces, is_gone);
        book.keys = keys.into_iter().fold(book.keys.clone(), |keys, file| keys.with(file));
        let swap = Swap { dropped: &[], removals, sealed: Some(last) };
        let swapped = self.swap_columns(&mut book, database, columns, swap);
        self.publish(&book);
        swapped
    }

    /// Commits a change of a manifest that was prepared from `manifest`, as what came in meanwhile makes it, and gives the
    /// book with the new manifest, and all of its removals.
    pub(crate) fn name_segments(
        &self,
        database: &Database,
        right: Sealing,
        manifest: &Manifest,
        change: impl Fn(&Book) -> Result<ManifestChange, StoreError>,
    ) -> Result<(MutexGuard<'_, Book>, Vec<Removal>), StoreError> {
        let farm_id = self.files.farm_id();
        database.settle(|| {
            self.follow(database)?;
            let mut book = self.book()?;
            if book.manifest.layout() != manifest.layout() {
                return Err(taken_over());
            }
            let change = change(&book)?;
            let dropped = change.dropped.iter().filter_map(|number| book.manifest.segment(*number));
            let dropped: Vec<_> = dropped.map(|segment| (segment.number, segment.month)).collect();
            let named = database.write(|transaction| {
                claim(transaction, farm_id, book.progress())?;
                let added = change.added.iter().map(|segment| segment.number);
                right.name(transaction, added, dropped.iter().copied())?;
                let next = book.manifest.apply(transaction, farm_id, &change)?;
                let removals = next.removals(transaction, farm_id)?;
                Ok((next, removals))
            })?;
            let (next, removals) = named.into_inner();
            book.manifest = next;
            Ok((book, removals))
        })
    }

    /// The newest entry of each id in the batches up to `last`, if it is the newest of all.
    fn gather(&self, database: &Database, manifest: &Manifest, last: Head) -> Result<Gathered, StoreError> {
        let farm_id = self.files.farm_id();
        let mut gathered = Gathered::default();
        let mut waiting = Vec::new();
        let carried = database.read_long(|connection| {
            batches::for_each_newest_first(
                connection,
                farm_id,
                manifest.base(),
                last,
                |sequence, entries| {
                    let places = (0..).map(|index| Place::Batch { sequence, index });
                    waiting.extend(places.zip(entries));
                    self.settle(&mut waiting, SETTLED_AT_ONCE, &mut gathered)
                },
            )?;
            manifest.carried(connection, farm_id)
        })?;
        waiting.extend(carried.into_iter().map(|entry| (Place::Carried, entry)));
        self.settle(&mut waiting, 0, &mut gathered)?;
        Ok(gathered)
    }

    /// Keeps of the waiting entries those that are what is stored under their ids.
    fn settle(
        &self,
        waiting: &mut Vec<(Place, Entry)>,
        least: usize,
        gathered: &mut Gathered,
    ) -> Result<(), StoreError> {
        while !waiting.is_empty() && waiting.len() >= least {
            let some = waiting.split_off(waiting.len().saturating_sub(SETTLED_AT_ONCE));
            let book = self.book()?;
            for (place, entry) in some {
                match book.identities.get(entry.id()) {
                    Some((identity, stored)) if *stored == place => match entry {
                        Entry::Put(put) if identity.standing == Standing::Ended => gathered.ended.push(put),
                        other => gathered.carried.push(other),
                    },
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Writes records as segments, a month at a time.
    pub(crate) fn write_segments(
        &self,
        (database, right): (&Database, Sealing),
        next_number: u32,
        (sequences, names): ((i64, i64), &SegmentNames),
        puts: Vec<Put>,
    ) -> Result<Written, StoreError> {
        let order = order(&puts);
        let mut written = Written { files: Vec::new(), puts, order, ends: Vec::new() };
        let (mut start, mut next_number) = (0, next_number);
        while start < written.order.len() {
            let (month, end) = next_segment(&written, start);
            let number = right.number(database, month, next_number)?;
            let new = NewSegment { number, month, sequences, names };
            written.files.push(write_segment(&self.files, new, written.range(start..end))?);
            written.ends.push(end);
            (start, next_number) = (end, number + 1);
        }
        Ok(written)
    }

    pub(crate) fn write_keys_of(
        &self,
        written: &Written,
    ) -> Result<Option<crate::sealed::KeyFile>, StoreError> {
        if written.files.is_empty() {
            return Ok(None);
        }
        let covered: Vec<&Segment> = written.files.iter().map(|file| &file.segment).collect();
        let entries = written.files.iter().flat_map(|file| file.keys.iter().copied()).collect();
        write_keys(&self.files, &covered, entries).map(Some)
    }

    /// Deletes the batches that are sealed, a few at a time.
    pub(crate) fn purge(&self, database: &Database) -> Result<(), StoreError> {
        let base = self.book()?.manifest.base();
        loop {
            let purged = database.write(|transaction| {
                batches::purge(transaction, self.files.farm_id(), base, PURGED_BATCHES)
            })?;
            if *purged.get() < PURGED_BATCHES {
                return Ok(());
            }
        }
    }

    /// Merges key files of about one size, until there are few of each.
    pub(crate) fn merge_key_files(&self) -> Result<(), StoreError> {
        let _sealing = self.sealing.lock().map_err(|_| broke_off())?;
        loop {
            let (number, manifest, keys) = {
                let book = self.book()?;
                (book.number, book.manifest.clone(), book.keys.clone())
            };
            let Some(inputs) = keys.mergeable() else { return Ok(()) };
            let merged = merge_keys(&self.files, &manifest, &inputs)?;
            let mut book = self.book()?;
            if book.number != number {
                // It was read anew meanwhile, with the files that were there.
                return Ok(());
            }
            book.keys = keys.replaced(&inputs, merged);
            drop(book);
            let old: Vec<PathBuf> = inputs.iter().map(|file| file.path().to_owned()).collect();
            self.files.remove(&old)?;
        }
    }

    /// Ended records that are not sealed.
    pub(crate) fn sealable(&self) -> Result<usize, StoreError> {
        let count = self.book()?.identities.ended_count();
        self.note_sealable(count);
        Ok(count)
    }
}

/// Segments that were written, and their records.
pub(crate) struct Written {
    pub(crate) files: Vec<WrittenSegment>,
    puts: Vec<Put>,
    /// Places of the records in the order of their rows: records are large, and stay where they are.
    order: Vec<usize>,
    /// Where the records of each segment end, in that order.
    ends: Vec<usize>,
}

impl Written {
    pub(crate) fn segments(&self) -> Vec<Segment> {
        self.files.iter().map(|file| file.segment.clone()).collect()
    }

    fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = &Put> {
        self.order[range].iter().map(|place| &self.puts[*place])
    }

    /// The segments, each with its records in the order of its rows.
    fn by_segment(&self) -> impl Iterator<Item = (&WrittenSegment, impl Iterator<Item = &Put>)> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let ranges = starts.zip(self.ends.iter().copied());
        self.files.iter().zip(ranges).map(|(file, (start, end))| (file, self.range(start..end)))
    }

    /// The segments, each with its records by their rows.
    pub(crate) fn records(
        &self,
    ) -> impl Iterator<Item = (&Segment, impl Iterator<Item = (u32, &Record<LineCost>)>)> {
        self.by_segment().map(|(file, puts)| {
            let rows = file.keys.iter().map(|key| key.row);
            (&file.segment, rows.zip(puts.map(|put| &put.record)))
        })
    }

    /// Whose sessions are in the segments.
    pub(crate) fn pieces(&self) -> Vec<(Piece, PieceIndex)> {
        let mut pieces = Vec::with_capacity(self.files.len());
        for (file, puts) in self.by_segment() {
            let index = PieceIndex::of(puts.map(|put| &put.record));
            pieces.push((Piece::Segment(file.segment.number), index));
        }
        pieces
    }

    /// Removals of the records with these ids.
    pub(crate) fn removals_of<S: std::hash::BuildHasher>(&self, ids: &HashSet<RecordId, S>) -> Vec<Removal> {
        if ids.is_empty() {
            return Vec::new();
        }
        let mut removals = Vec::new();
        for (file, puts) in self.by_segment() {
            for (put, key) in puts.zip(&file.keys).filter(|(put, _)| ids.contains(&put.record.id())) {
                removals.push(Removal { segment: key.segment, row: key.row, record: put.record.clone() });
            }
        }
        removals
    }
}

/// Places of records by end, then start, then id.
fn order(puts: &[Put]) -> Vec<usize> {
    let key = |put: &Put| (end_ms(&put.record), put.record.span().started_at(), put.record.id());
    let mut order: Vec<_> = puts.iter().enumerate().map(|(place, put)| (key(put), place)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, place)| place).collect()
}

/// The month of the record at `start`, and where the segment that begins with it ends.
fn next_segment(written: &Written, start: usize) -> (Month, usize) {
    let put = |index: usize| &written.puts[written.order[index]];
    let month_of = |put: &Put| Month::of(Timestamp::from_millis_clamped(end_ms(&put.record)));
    let month = month_of(put(start));
    let rest = &written.order[start..];
    let month_end = start + rest.partition_point(|place| month_of(&written.puts[*place]) == month);
    let (mut end, mut rows) = (start, 0);
    while end < month_end && end - start < SEGMENT_RECORDS_MAX && rows < SEGMENT_ROWS_MAX / 2 {
        rows += match &put(end).record {
            Record::Session(session) => session.usage.as_slice().len(),
            Record::Volume(_) => 1,
        };
        end += 1;
    }
    (month, end)
}

/// The end of an ended record.
fn end_ms(record: &Record<LineCost>) -> i64 {
    record.span().ended_at().unwrap_or(record.span().started_at()).millis()
}

fn unchanged(carried: &[Entry], changed: &HashSet<RecordId>) -> Vec<Entry> {
    carried.iter().filter(|entry| !changed.contains(&entry.id())).cloned().collect()
}

pub(crate) fn broke_off() -> StoreError {
    StoreError::Poisoned { cause: "sealing broke off".to_owned() }
}
