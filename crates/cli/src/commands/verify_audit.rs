//! `verify-audit`: follows the chain of the audit log from its first line to its last.

use crate::args::VerifyAuditArguments;
use crate::output::print;
use crate::report_error::Failure;
use crate::talk::tell;

/// Checks the log, and prints how many entries it has and the hash of the last.
pub(crate) fn run(arguments: &VerifyAuditArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let summary =
        catalogue.audit().verify(arguments.known.as_deref()).map_err(|error| Failure::of(&error))?;
    if let Some(known) = arguments.known.as_deref().filter(|_| !summary.has_known) {
        return Err(Failure::failed(format!("the audit log has no entry with the hash `{known}`"))
            .hint("the log was cut off or replaced after that entry was written"));
    }
    print(format_args!("entries: {}\nhead: {}", summary.entries, summary.head))?;
    if summary.torn_lines > 0 {
        tell(format_args!(
            "lines that are no entries, as a kill or a power cut leaves them: {}",
            summary.torn_lines
        ));
    }
    Ok(())
}
