//! Rate cards, kept as the text that their owner wrote. What it means is not this crate's business.

use farmtally_model::{FarmId, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::Catalogue;
use crate::error::StoreError;

impl Catalogue {
    /// The farm's rate card.
    pub fn rate_card(&self, farm_id: FarmId) -> Result<Option<String>, StoreError> {
        self.database().read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT text FROM rate_cards WHERE farm_id = ?1")?;
            Ok(statement.query_row([farm_id.bytes()], |row| row.get(0)).optional()?)
        })
    }

    /// Replaces the farm's rate card.
    pub fn set_rate_card(&self, farm_id: FarmId, text: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.farm(farm_id)?.is_none() {
            return Err(StoreError::UnknownFarm { farm_id });
        }
        let written = self.database().write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO rate_cards (farm_id, text, updated_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (farm_id) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at",
            )?;
            statement.execute(params![farm_id.bytes(), text, now.millis()])?;
            Ok(())
        })?;
        written.into_inner();
        Ok(())
    }
}
