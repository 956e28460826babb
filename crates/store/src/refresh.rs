//! Columns after sealing: mapped blocks take the place of rows in memory, so that what was sealed leaves the memory.
//!
//! Sessions are coded by the dictionaries that the farm's columns have, a few under each hold of the farm's lock, and the blocks
//! are written while the farm goes on. So what this costs follows the sessions that are sealed, and not those that
//! are there. The columns that were there before are as right as the new ones, so that any failure leaves them in place.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::{LineCost, Record};

use crate::batches::Head;
use crate::book::{Book, Reading};
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::sealed::{CodedSegments, NewBlocks, NewValues, Removal, StoredDictionaries, verify_columns};
use crate::sealing::{SETTLED_AT_ONCE, Written};
use crate::shared::taken_over;

/// The values of a book's dictionaries that are not stored, and what is stored of them.
struct Unstored {
    stored: Arc<Mutex<StoredDictionaries>>,
    values: Option<NewValues>,
}

impl Unstored {
    fn of(book: &Book) -> Self {
        let stored = Arc::clone(&book.dictionaries);
        let values = locked(&stored).unstored(&book.columns);
        Self { stored, values }
    }
}

fn locked(stored: &Mutex<StoredDictionaries>) -> MutexGuard<'_, StoredDictionaries> {
    stored.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What changes in the columns when blocks come.
pub(crate) struct Swap<'a> {
    /// Segments that go.
    pub(crate) dropped: &'a [u32],
    /// Removals from the manifest's segments, of which those from the new ones matter.
    pub(crate) removals: Vec<Removal>,
    /// Up to where batches are sealed from now on, if that changes.
    pub(crate) sealed: Option<Head>,
}

impl OpenFarm {
    /// The first damage that is found in the column blocks of any segment.
    pub(crate) fn column_damage(&self) -> Result<Option<StoreError>, StoreError> {
        let manifest = self.book()?.manifest.clone();
        let opened = {
            let _deriving = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
            StoredDictionaries::open(&self.files)?
        };
        let Some(origin) = opened.map(|dictionaries| dictionaries.origin()) else { return Ok(None) };
        Ok(manifest.segments().find_map(|segment| verify_columns(&self.files, segment, origin).err()))
    }

    /// Writes the column blocks of segments while the farm goes on.
    pub(crate) fn prepare_columns(&self, written: &Written) -> Result<NewBlocks, StoreError> {
        let mut coded = CodedSegments::of(written.records());
        let number = self.book()?.number;
        let unstored = loop {
            let mut book = self.book()?;
            if book.number != number {
                return Err(taken_over());
            }
            if !coded.code_some(&mut book.columns, SETTLED_AT_ONCE) {
                break Unstored::of(&book);
            }
        };
        self.write_columns(number, coded, unstored)
    }

    /// Writes the column blocks of segments while nothing else happens to the farm.
    pub(crate) fn prepare_columns_of(
        &self,
        book: &mut Book,
        written: &Written,
    ) -> Result<NewBlocks, StoreError> {
        let mut coded = CodedSegments::of(written.records());
        while coded.code_some(&mut book.columns, usize::MAX) {}
        self.write_columns(book.number, coded, Unstored::of(book))
    }

    fn write_columns(
        &self,
        book_number: u64,
        coded: CodedSegments<'_>,
        unstored: Unstored,
    ) -> Result<NewBlocks, StoreError> {
        let _deriving = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
        // The codes are those of a book that has been read anew meanwhile, and may stand for other values in the new one.
        if self.readings.load(Ordering::Relaxed) != book_number {
            return Err(taken_over());
        }
        coded.write(&self.files, &mut locked(&unstored.stored), unstored.values)
    }

    /// Puts prepared blocks among the columns of the book, whose manifest has their segments.
    pub(crate) fn swap_columns(
        &self,
        book: &mut Book,
        database: &Database,
        prepared: NewBlocks,
        swap: Swap<'_>,
    ) -> Result<(), StoreError> {
        let unsealed = match swap.sealed {
            Some(base) => Some(self.unsealed(book, database, base)?),
            None => None,
        };
        let removals = swap.removals.into_iter().filter(|removal| prepared.are_of(removal.segment));
        let removals: Vec<_> = removals.map(|removal| removal.record).collect();
        if !removals.is_empty() {
            prepared.verify(&self.files)?;
        }
        if prepared.exchange(&mut book.columns, swap.dropped, &removals, unsealed.as_deref()) {
            return Ok(());
        }
        tracing::warn!(farm = %self.files.farm_id(), "its columns do not have the sessions of its segments, and are read anew");
        database.read_long(|connection| self.read_anew(connection, book))
    }

    /// The records of batches behind `base`.
    fn unsealed(
        &self,
        book: &Book,
        database: &Database,
        base: Head,
    ) -> Result<Vec<Record<LineCost>>, StoreError> {
        let mut unsealed = Vec::new();
        let reading = Reading { database, files: &self.files };
        book.for_each_unsealed(&reading, base, |_, put| unsealed.push(put.record))?;
        Ok(unsealed)
    }
}
