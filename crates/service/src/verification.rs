//! `verify`: everything in a folder that somebody may rely on, the audit log and the keys included.

use std::path::Path;

use farmtally_store::{Catalogue, Finding, OpenError, VerifyReport};

use crate::keys::KeyAdministration;

/// Verifies a folder that no server has: the sessions, the chain of the audit log, and that `master.key` opens every access key.
///
/// What can be read is read on, whatever is found. Fails when the folder cannot be opened.
pub fn verify(dir: &Path) -> Result<VerifyReport, OpenError> {
    let mut report = farmtally_store::verify(dir)?;
    let mut found = |problem| report.findings.push(Finding { farm_id: None, problem });
    let catalogue = Catalogue::open(dir)?;
    if let Err(error) = catalogue.audit().verify(None) {
        found(format!("`audit.jsonl`: {error}"));
    }
    let keys = KeyAdministration::new(&catalogue);
    match keys.list() {
        // As it was when it worked: one that was disabled has to be readable as well.
        Ok(list) => list
            .iter()
            .filter_map(|key| keys.credential(&key.access_key_id, key.created_at).err())
            .for_each(|error| found(error.to_string())),
        Err(error) => found(error.to_string()),
    }
    Ok(report)
}
