//! `demo --clean`: the folder goes away, if it is the demonstration's and nobody has it.

use std::fs;
use std::sync::Arc;

use farmtally_service::{ServiceLimits, SystemClock};

use super::sample;
use crate::data_folder::DataFolder;
use crate::farm_reference::all_farms;
use crate::report_error::Failure;
use crate::talk::tell;

/// Removes the folder.
pub(super) fn remove(folder: &DataFolder) -> Result<(), Failure> {
    let shown = folder.path().display();
    if !folder.exists()? {
        tell(format_args!("There is no demonstration in `{shown}`."));
        return Ok(());
    }
    let catalogue = folder.catalogue()?;
    if !sample::is_made_here(&catalogue)? || all_farms(&catalogue)?.len() > 1 {
        return Err(Failure::failed(format!("`{shown}` holds farms that demo did not make"))
            .hint("remove it yourself, if it is not needed"));
    }
    drop(catalogue);
    // Nobody else has it from here on.
    let service = folder.service(Arc::new(SystemClock::default()), ServiceLimits::default())?;
    fs::remove_dir_all(folder.path())
        .map_err(|error| Failure::caused(format!("cannot remove `{shown}`"), &error))?;
    drop(service);
    tell(format_args!("Removed `{shown}`."));
    Ok(())
}
