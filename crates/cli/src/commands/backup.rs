//! `backup` and `restore`: a data folder in another place, as it was at one instant.

use farmtally_service as service;

use super::verify::report;
use crate::args::{BackupArguments, RestoreArguments};
use crate::data_folder::DataFolder;
use crate::exit::ExitStatus;
use crate::report_error::Failure;

/// Copies a folder and prints what the copy holds.
pub(crate) fn back_up(arguments: &BackupArguments) -> Result<ExitStatus, Failure> {
    drop(arguments.folder.existing()?);
    report(&service::backup(arguments.folder.path(), &arguments.destination)?)
}

/// Makes a folder of a backup and prints what it holds.
pub(crate) fn restore(arguments: &RestoreArguments) -> Result<ExitStatus, Failure> {
    let backup = DataFolder::at(arguments.backup.clone());
    drop(backup.existing_or("name the folder that `farmtally backup` made")?);
    report(&service::restore(backup.path(), &arguments.destination)?)
}
