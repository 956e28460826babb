//! Farms, queues and fleets deleted, if no record needs them: what was used stays on the bill.

use crate::catalogue::{Deletion, ResourceId, changes};
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::shared;

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
        let deleted = database.write(|transaction| {
            shared::claim(transaction, self.farm_id(), book.progress())?;
            let deletion = changes::delete(transaction, self.farm_id(), id)?;
            let is_gone = deletion == Deletion::Deleted;
            let revision = book.names_revision;
            let revision =
                if is_gone { shared::change_names(transaction, self.farm_id(), revision)? } else { revision };
            Ok((deletion, revision))
        })?;
        let (deletion, revision) = deleted.into_inner();
        if deletion == Deletion::Deleted {
            book.registry.forget(tagged);
            book.names_revision = revision;
            self.publish(&book);
        }
        Ok(deletion)
    }

    /// Deletes the farm if it has neither records nor queues nor fleets.
    pub(crate) fn delete(&self, database: &Database) -> Result<Deletion, StoreError> {
        let book = self.book()?;
        let records = self.record_count()?;
        if records > 0 {
            return Ok(Deletion::InUse(format!("it still contains {records} sessions and volumes")));
        }
        let deleted = database.write(|transaction| {
            shared::claim(transaction, self.farm_id(), book.progress())?;
            changes::delete_farm(transaction, self.farm_id())
        })?;
        Ok(deleted.into_inner())
    }
}
