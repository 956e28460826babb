//! What the commands write into the folder's audit log.

use farmtally_service::{AuditEntry, Catalogue, Clock, SystemClock};

use crate::report_error::Failure;

/// Writes down that the folder's owner did something.
pub(crate) fn note(catalogue: &Catalogue, action: &str, subject: &str, detail: &str) -> Result<(), Failure> {
    let entry =
        AuditEntry { actor: "owner", action, subject, outcome: "done", detail, source: "", request_id: "" };
    let noted = catalogue.audit().append(&entry, SystemClock::default().now());
    noted.map_err(|error| Failure::of(&error).hint(format!("`{action}` was done all the same")))
}
