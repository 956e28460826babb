//! `migrate`: a store moved from a folder to servers that share it, and back.

use farmtally_service::{StoreLocation, migrate};

use crate::args::MigrateArguments;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::report_error::Failure;

/// Copies the store, reads the copy back, and prints what was moved.
pub(crate) fn run(arguments: &MigrateArguments) -> Result<ExitStatus, Failure> {
    drop(arguments.folder.existing()?);
    let destination = match arguments.to_catalogue.as_ref().zip(arguments.to_segments.as_ref()) {
        Some((catalogue, segments)) => StoreLocation::shared(&arguments.destination, catalogue, segments)?,
        None => StoreLocation::folder(&arguments.destination),
    };
    let moved = migrate(arguments.folder.path(), &destination)?;
    print(format_args!(
        "moved {} farms, {} segments with {} records and {} bytes, and {} batches",
        moved.farms, moved.segments, moved.sealed_records, moved.segment_bytes, moved.batches
    ))?;
    Ok(ExitStatus::Success)
}
