//! Stored records for whoever owns the folder: for revisions, explanations and exports.

use std::collections::HashMap;

use farmtally_model::{DisplayName, FarmId, FleetId, RecordId, TimeRange};
use farmtally_store::StoredRecord;

use crate::error::ServiceError;
use crate::service::Service;

impl Service {
    /// Visits every stored record that may have been in use in a range, in no particular order. Nothing is taken in
    /// meanwhile, and `visit` must not ask the service anything.
    pub fn for_each_record(
        &self,
        farm_id: FarmId,
        range: TimeRange,
        visit: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), ServiceError> {
        let between_ms = (range.start().millis(), range.end().millis());
        Ok(self.store.for_each_record(farm_id, between_ms, visit)?)
    }

    /// The record under an id.
    pub fn stored_record(&self, farm_id: FarmId, id: RecordId) -> Result<Option<StoredRecord>, ServiceError> {
        Ok(self.store.record(farm_id, id)?)
    }

    /// What people call the farm's fleets.
    pub(crate) fn names_of_fleets(
        &self,
        farm_id: FarmId,
    ) -> Result<HashMap<FleetId, DisplayName>, ServiceError> {
        let fleets = self.store.catalogue().fleets(farm_id, None, usize::MAX)?;
        Ok(fleets.into_iter().map(|fleet| (fleet.id, fleet.display_name)).collect())
    }
}
