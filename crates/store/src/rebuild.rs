//! `rebuild` and `seal`: what is derived from the segments made anew, and what has ended made a segment, at once.

use std::path::Path;

use farmtally_model::FarmId;

use crate::error::{OpenError, StoreError};
use crate::folder::FolderLock;
use crate::location::require_own;
use crate::sealed::remove_derived;
use crate::store::Store;

/// Makes the derived files of a folder anew and reads all that is stored. Returns the number of records of each farm.
pub fn rebuild(dir: &Path) -> Result<Vec<(FarmId, u64)>, OpenError> {
    {
        let _lock = FolderLock::acquire(dir)?;
        remove_derived(dir).map_err(OpenError::file(dir))?;
    }
    // Opening makes what is missing.
    record_counts(&Store::open(dir)?)
}

/// Seals everything that has ended, in every farm. Returns the number of records of each farm.
pub fn seal(dir: &Path) -> Result<Vec<(FarmId, u64)>, OpenError> {
    require_own(dir)?;
    let store = Store::open(dir)?;
    store.open_farms().into_iter().try_for_each(|farm_id| store.seal(farm_id))?;
    record_counts(&store)
}

fn record_counts(store: &Store) -> Result<Vec<(FarmId, u64)>, OpenError> {
    let mut farms = store.open_farms();
    farms.sort_unstable();
    let counted = farms.into_iter().map(|farm_id| Ok((farm_id, store.record_count(farm_id)?)));
    counted.collect::<Result<_, StoreError>>().map_err(OpenError::from)
}
