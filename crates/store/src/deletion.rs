//! Farms, queues and fleets deleted, if no record needs them: what was used stays on the bill.

use crate::catalogue::{Deletion, ResourceId, changes};
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;

impl OpenFarm {
    /// Deletes a queue or fleet that no record names.
    pub(crate) fn delete_resource<I: ResourceId>(
        &self,
        database: &Database,
        id: I,
    ) -> Result<Deletion, StoreError> {
        self.gather_roster(database)?;
        let mut book = self.book()?;
        let tagged = I::tagged(self.farm_id(), id);
        let records = self.read_roster().record_count(tagged);
        if records > 0 {
            return Ok(Deletion::InUse(format!("{records} sessions and volumes are stored under it")));
        }
        let deleted = database.write(|transaction| changes::delete(transaction, self.farm_id(), id))?;
        if deleted.get() == &Deletion::Deleted {
            book.registry.forget(tagged);
        }
        Ok(deleted.into_inner())
    }

    /// Deletes the farm if it has neither records nor queues nor fleets.
    pub(crate) fn delete(&self, database: &Database) -> Result<Deletion, StoreError> {
        let _book = self.book()?;
        let records = self.record_count()?;
        if records > 0 {
            return Ok(Deletion::InUse(format!("it still contains {records} sessions and volumes")));
        }
        let deleted = database.write(|transaction| changes::delete_farm(transaction, self.farm_id()))?;
        Ok(deleted.into_inner())
    }
}
