//! `rebuild` and `seal`: what is derived from the segments made anew, and what has ended made a segment, at once.

use std::path::Path;

use farmtally_model::FarmId;

use crate::catalogue::Catalogue;
use crate::error::{OpenError, StoreError};
use crate::folder::FolderLock;
use crate::location::require_own;
use crate::sealed::{FarmFiles, remove_derived, verified_bytes};
use crate::store::Store;

/// Makes the derived files of a folder anew and reads all that is stored. Returns the number of records of each farm.
///
/// Nothing is removed when a segment is damaged, because what was derived of it may answer still. `trusts_catalogue`: its pages are taken for
/// right before, although they do not match their checksums.
pub fn rebuild(dir: &Path, trusts_catalogue: bool) -> Result<Vec<(FarmId, u64)>, OpenError> {
    {
        let _lock = FolderLock::acquire(dir)?;
        if trusts_catalogue {
            require_own(dir)?;
            Catalogue::trust(dir)?;
        }
        if require_own(dir).is_ok() {
            for (farm_id, segment) in Catalogue::open(dir)?.segments()? {
                verified_bytes(&FarmFiles::new(dir, farm_id), &segment)?;
            }
        }
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
