//! `verify`: is everything in the folder what was written?

use farmtally_service::{FarmFigures, VerifyReport, verify};

use crate::args::VerifyArguments;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::report_error::Failure;
use crate::terminal_text::one_line;

/// The figures of a farm, in the order of the columns.
const COLUMNS: &str = "farm\tbatches\tentries\tsegments\tsessions\tvolumes\tbytes\tkeys\tblocks";

/// Reads everything and prints what was found.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<ExitStatus, Failure> {
    drop(arguments.folder.existing()?);
    report(&verify(arguments.folder.path())?)
}

/// Prints what was found in a folder; anything wrong is a failure.
pub(super) fn report(report: &VerifyReport) -> Result<ExitStatus, Failure> {
    print(COLUMNS)?;
    report.farms.iter().try_for_each(|farm| print(line(farm)))?;
    for finding in &report.findings {
        match finding.farm_id {
            Some(farm_id) => print(format_args!("wrong\t{farm_id}\t{}", one_line(&finding.problem)))?,
            None => print(format_args!("wrong\t-\t{}", one_line(&finding.problem)))?,
        }
    }
    if report.findings.is_empty() {
        print("everything agrees")?;
        return Ok(ExitStatus::Success);
    }
    Err(Failure::failed("the folder is not as it was written")
        .hint("`farmtally rebuild` mends files below `derived`; everything else comes back from a backup"))
}

fn line(farm: &FarmFigures) -> String {
    let figures = [
        farm.batches,
        farm.entries,
        farm.segments,
        farm.sealed_sessions,
        farm.sealed_volumes,
        farm.segment_bytes,
        farm.keys,
        farm.blocks,
    ];
    figures.iter().fold(farm.farm_id.to_string(), |line, figure| format!("{line}\t{figure}"))
}
