//! `rebuild`: everything that is derived from the stored sessions, anew.

use farmtally_service::rebuild;

use crate::args::RebuildArguments;
use crate::output::print;
use crate::report_error::Failure;

/// Makes it, and prints how many records each farm has.
pub(crate) fn run(arguments: &RebuildArguments) -> Result<(), Failure> {
    if !arguments.trust_catalogue {
        drop(arguments.folder.existing()?);
    }
    let farms = rebuild(arguments.folder.path(), arguments.trust_catalogue)?;
    farms.into_iter().try_for_each(|(farm_id, records)| print(format_args!("{farm_id}\t{records} records")))
}
