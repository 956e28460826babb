//! A file of a partition, replaced as a whole.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use farmtally_service::ExportError;

use crate::report_error::Failure;

/// Writes a file beside its place, and puts it there when it is whole and on the disk.
pub(in crate::commands) fn put(
    path: &Path,
    write: impl FnOnce(&File) -> Result<(), ExportError>,
) -> Result<(), Failure> {
    let cannot_write =
        |error: &io::Error| Failure::caused(format!("cannot write `{}`", path.display()), error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| cannot_write(&error))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let file = File::create(&beside).map_err(|error| cannot_write(&error))?;
    write(&file).map_err(|error| match error {
        ExportError::Write(error) => cannot_write(&error),
        other => failure(other),
    })?;
    let put = file.sync_all().and_then(|()| fs::rename(&beside, path));
    // The name is on the disk when its folder is.
    put.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| cannot_write(&error))
}

/// What a person reads of a table that was not made.
pub(super) fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Service(error) => error.into(),
        error => Failure::of(&error),
    }
}
