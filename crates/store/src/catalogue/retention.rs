//! How long a farm's records are kept.

use farmtally_model::FarmId;

use super::Catalogue;
use crate::database::params;
use crate::error::StoreError;

impl Catalogue {
    /// Months behind the current one whose records are kept, or `None` when all are.
    pub fn retention(&self, farm_id: FarmId) -> Result<Option<u32>, StoreError> {
        self.database().read(|connection| {
            connection.query_row(
                "SELECT keep_months FROM retention WHERE farm_id = ?1",
                params![farm_id.bytes()],
                |row| row.get(0),
            )
        })
    }

    /// Sets how many months behind the current one are kept; `None` keeps all that is there from now on.
    pub fn set_retention(&self, farm_id: FarmId, keep_months: Option<u32>) -> Result<(), StoreError> {
        let written = self.database().write(|transaction| {
            match keep_months {
                None => transaction
                    .execute("DELETE FROM retention WHERE farm_id = ?1", params![farm_id.bytes()])?,
                Some(months) => transaction.execute(
                    "INSERT INTO retention (farm_id, keep_months) VALUES (?1, ?2)
                     ON CONFLICT (farm_id) DO UPDATE SET keep_months = excluded.keep_months",
                    params![farm_id.bytes(), months],
                )?,
            };
            Ok(())
        })?;
        written.into_inner();
        Ok(())
    }
}
