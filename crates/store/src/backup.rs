//! `backup` and `restore`: a folder as it was at one instant, in another place, read back and compared.
//!
//! A backup is a data folder. The catalogue is copied in one read transaction, so that a server may go on; segments
//! never change, and each is compared with the manifest in the copy. Derived files are left out: whoever opens the copy
//! makes them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::audit::AUDIT_LOG;
use crate::catalogue::Catalogue;
use crate::error::{OpenError, StoreError};
use crate::folder::{self, CATALOGUE, MASTER_KEY};
use crate::location::require_own;
use crate::sealed::{FarmFiles, verified_bytes};
use crate::verify::{VerifyReport, verify};

/// Copies that are begun anew because a segment went while they were made.
const TRIES: usize = 5;

/// Copies a data folder, beside a running server too, into one that is not there or empty. Says what the copy holds.
pub fn backup(dir: &Path, destination: &Path) -> Result<VerifyReport, OpenError> {
    require_own(dir)?;
    require_empty(destination)?;
    let source = Catalogue::open(dir)?;
    folder::create(destination)?;
    for attempt in 1.. {
        match copy(&source, dir, destination) {
            Err(OpenError::Store(StoreError::Damaged { .. })) if attempt < TRIES => clear(destination)?,
            Err(error) => {
                // Half of a backup would look like a folder with nothing in it.
                clear(destination).unwrap_or_default();
                return Err(error);
            }
            Ok(()) => break,
        }
    }
    verify(destination)
}

/// Makes a data folder of a backup, which nobody may have open. Says what it holds.
pub fn restore(backup_dir: &Path, destination: &Path) -> Result<VerifyReport, OpenError> {
    let found = verify(backup_dir)?;
    if !found.findings.is_empty() {
        return Ok(found);
    }
    backup(backup_dir, destination)
}

fn require_empty(destination: &Path) -> Result<(), OpenError> {
    let is_empty = match fs::read_dir(destination) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        entries => entries.map_err(OpenError::file(destination))?.next().is_none(),
    };
    if is_empty { Ok(()) } else { Err(OpenError::NotEmpty { path: destination.to_owned() }) }
}

/// Takes away what a copy that broke off left.
fn clear(destination: &Path) -> Result<(), OpenError> {
    fs::remove_dir_all(destination).map_err(OpenError::file(destination))?;
    folder::create(destination)
}

fn copy(source: &Catalogue, dir: &Path, destination: &Path) -> Result<(), OpenError> {
    copy_file(&dir.join(MASTER_KEY), &destination.join(MASTER_KEY))?;
    copy_audit_log(dir, destination)?;
    let path = destination.join(CATALOGUE);
    source.copy_to(&path)?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(OpenError::file(&path))?;
    let copied = Catalogue::open(destination)?;
    for (farm_id, segment) in copied.segments()? {
        let bytes = verified_bytes(&FarmFiles::new(dir, farm_id), &segment)?;
        FarmFiles::new(destination, farm_id).put_segment(&segment, &bytes)?;
    }
    Ok(())
}

/// Who changed what goes with what was changed; a folder that nobody changed has none.
fn copy_audit_log(dir: &Path, destination: &Path) -> Result<(), OpenError> {
    let from = dir.join(AUDIT_LOG);
    if from.exists() { copy_file(&from, &destination.join(AUDIT_LOG)) } else { Ok(()) }
}

fn copy_file(from: &Path, to: &Path) -> Result<(), OpenError> {
    let copied = fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.map_err(OpenError::file(from))
}
