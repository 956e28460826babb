//! Rate cards, kept as the text that their owner wrote, and every one that there was. What it means is not this crate's
//! business.

use farmtally_model::{FarmId, Timestamp};

use super::{Catalogue, row};
use crate::database::params;
use crate::error::StoreError;

/// A rate card that a farm has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCardVersion {
    /// 1 for the farm's first card, and so on; a version never changes.
    pub version: u32,
    /// The card.
    pub text: String,
    /// Since when it prices what arrives, until the next was set.
    pub set_at: Timestamp,
}

impl Catalogue {
    /// The farm's rate card.
    pub fn rate_card(&self, farm_id: FarmId) -> Result<Option<String>, StoreError> {
        self.database().read(|connection| {
            connection.query_row(
                "SELECT text FROM rate_cards WHERE farm_id = ?1",
                params![farm_id.bytes()],
                |row| row.get(0),
            )
        })
    }

    /// Every rate card that the farm had, the first first; the last is the one that it has.
    pub fn rate_card_versions(&self, farm_id: FarmId) -> Result<Vec<RateCardVersion>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                "SELECT version, text, set_at FROM rate_card_versions WHERE farm_id = ?1 ORDER BY version",
                params![farm_id.bytes()],
                |stored| {
                    let (version, text) = (stored.get(0)?, stored.get(1)?);
                    Ok(RateCardVersion { version, text, set_at: row::timestamp(stored, 2)? })
                },
            )
        })
    }

    /// Replaces the farm's rate card. It becomes a new version, unless it is the card that the farm has.
    pub fn set_rate_card(&self, farm_id: FarmId, text: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.farm(farm_id)?.is_none() {
            return Err(StoreError::UnknownFarm { farm_id });
        }
        let written = self.database().write(|transaction| {
            let sql = "INSERT INTO rate_card_versions (farm_id, version, text, set_at)
                     SELECT ?1, 1 + coalesce((SELECT max(version) FROM rate_card_versions WHERE farm_id = ?1), 0),
                            ?2, ?3
                     WHERE NOT EXISTS (SELECT 1 FROM rate_cards WHERE farm_id = ?1 AND text = ?2)";
            transaction
                .execute(sql, params![farm_id.bytes(), text, now.millis()])?;
            let sql = "INSERT INTO rate_cards (farm_id, text, updated_at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (farm_id) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at";
            transaction
                .execute(sql, params![farm_id.bytes(), text, now.millis()])?;
            Ok(())
        })?;
        written.into_inner();
        Ok(())
    }
}
