//! Columns after sealing: restored from mapped blocks, so that what was sealed leaves the memory.
//!
//! Most of it is done while the farm goes on. What came in meanwhile is added under the farm's lock. The columns that were
//! there before are as right as the new ones, so that any failure leaves them in place.

use std::sync::PoisonError;

use crate::batches::Head;
use crate::book::{Book, Reading, settle_columns};
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::sealed::{Manifest, Removal, SealedColumns, open_columns, verify_columns, write_columns};
use crate::sealing::Written;

impl OpenFarm {
    /// The first damage that is found in the column blocks of any segment.
    pub(crate) fn column_damage(&self) -> Result<Option<StoreError>, StoreError> {
        let manifest = self.book()?.manifest.clone();
        Ok(manifest.segments().find_map(|segment| verify_columns(&self.files, segment).err()))
    }

    /// The sealed columns that there will be once segments are added and dropped.
    pub(crate) fn prepare_columns(
        &self,
        manifest: &Manifest,
        written: &Written,
        dropped: &[u32],
    ) -> Result<SealedColumns, StoreError> {
        let _deriving = self.deriving.lock().unwrap_or_else(PoisonError::into_inner);
        write_columns(&self.files, manifest, written.records())?;
        open_columns(&self.files, &manifest.with_segments(&written.segments(), dropped))
    }

    /// Puts prepared columns in the place of those of the book, whose manifest is the one that they were prepared for.
    /// Batches behind `base` are not sealed, and `removals` are all of that manifest.
    pub(crate) fn swap_columns(
        &self,
        book: &mut Book,
        database: &Database,
        prepared: SealedColumns,
        base: Head,
        removals: Vec<Removal>,
    ) -> Result<(), StoreError> {
        let SealedColumns { mut columns, volumes } = prepared;
        let mut unsealed = Vec::new();
        let reading = Reading { database, files: &self.files };
        book.for_each_unsealed(&reading, base, |_, put| unsealed.push(put.record))?;
        settle_columns(&self.files, &mut columns, &book.manifest, volumes, removals, unsealed)?;
        let snapshot = columns.snapshot();
        let (found, expected) = (snapshot.session_count() + snapshot.volume_count(), book.live_count());
        if found != expected {
            let reason = format!("its blocks hold {found} records instead of {expected}");
            return Err(StoreError::DerivedDamaged {
                path: self.files.shown(&self.files.derived_folder()),
                reason,
            });
        }
        book.columns = columns;
        Ok(())
    }
}
