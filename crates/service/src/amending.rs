//! Other costs for records that are stored: what pricing anew and spreading a bill change.
//!
//! The source has told nothing new. What it sent stays known by its fingerprint and its revision, so that its own
//! corrections go on from the revision that it gave last.

use farmtally_model::FarmId;
use farmtally_store::Amended;

use crate::access::{Action, Caller};
use crate::error::ServiceError;
use crate::ingest::{IngestReport, RefusedSubmission};
use crate::service::Service;

/// A record with another cost, and where it stood in its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedAmended {
    /// Line, from 1.
    pub line: u64,
    /// What is to be stored.
    pub amended: Amended,
}

impl Service {
    /// Stores other costs for a caller.
    pub fn amend(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        batch: Vec<NumberedAmended>,
    ) -> Result<IngestReport, ServiceError> {
        caller.require_on(Action::ChangeCosts, farm_id)?;
        self.existing_farm(farm_id)?;
        self.store_amended(farm_id, batch)
    }

    /// Stores other costs for the owner of the folder. What was changed since they were worked out is refused.
    pub fn store_amended(
        &self,
        farm_id: FarmId,
        batch: Vec<NumberedAmended>,
    ) -> Result<IngestReport, ServiceError> {
        let lines: Vec<u64> = batch.iter().map(|numbered| numbered.line).collect();
        let amended = batch.into_iter().map(|numbered| numbered.amended).collect();
        let receipt = self.store.amend(farm_id, amended, self.now())?.into_inner();
        let mut report = IngestReport { replaced: receipt.replaced, ..IngestReport::default() };
        report.refused.extend(receipt.refused.iter().map(|refusal| RefusedSubmission::new(&lines, refusal)));
        self.counters.batch_stored(&report);
        Ok(report)
    }
}
