//! `seal`: all ended sessions as Parquet files, for whoever wants to read them without a server.

use farmtally_service::seal;

use crate::args::SealArguments;
use crate::output::print;
use crate::report_error::Failure;

/// Seals everything and prints how many records each farm has.
pub(crate) fn run(arguments: &SealArguments) -> Result<(), Failure> {
    drop(arguments.folder.existing()?);
    let farms = seal(arguments.folder.path())?;
    farms.into_iter().try_for_each(|(farm_id, records)| print(format_args!("{farm_id}\t{records} records")))
}
