//! Access keys. Their secrets are sealed before they come here and opened after they leave.

use std::fmt;

use farmtally_model::{FarmId, Timestamp};

use super::{Catalogue, row};
use crate::database::{Row, params};
use crate::error::StoreError;

/// An access key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAccessKey {
    /// The public half.
    pub access_key_id: String,
    /// The secret, sealed under the master key.
    pub sealed_secret: Vec<u8>,
    /// What the key may do.
    pub role: String,
    /// The farm that it is for, or all farms.
    pub farm_id: Option<FarmId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it does not work. Later than now for a key that was rotated and works a while longer.
    pub disabled_at: Option<Timestamp>,
}

impl fmt::Debug for StoredAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAccessKey")
            .field("access_key_id", &self.access_key_id)
            .field("role", &self.role)
            .field("farm_id", &self.farm_id)
            .field("created_at", &self.created_at)
            .field("disabled_at", &self.disabled_at)
            .finish_non_exhaustive()
    }
}

const SELECT: &str =
    "SELECT access_key_id, sealed_secret, role, farm_id, created_at, disabled_at FROM access_keys";

impl Catalogue {
    /// Keeps a new key.
    pub fn insert_access_key(&self, key: &StoredAccessKey) -> Result<(), StoreError> {
        let inserted = self.database().write(|transaction| {
            let sql = "INSERT INTO access_keys
                           (access_key_id, sealed_secret, role, farm_id, created_at, disabled_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
            transaction.execute(
                sql,
                params![
                    key.access_key_id,
                    key.sealed_secret,
                    key.role,
                    key.farm_id.map(FarmId::bytes),
                    key.created_at.millis(),
                    key.disabled_at.map(Timestamp::millis),
                ],
            )
        })?;
        match inserted.into_inner() {
            0 => Err(StoreError::AccessKeyExists { access_key_id: key.access_key_id.clone() }),
            _ => Ok(()),
        }
    }

    /// The key with an id, disabled or not.
    pub fn access_key(&self, access_key_id: &str) -> Result<Option<StoredAccessKey>, StoreError> {
        self.database().read(|connection| {
            connection.query_row(
                &format!("{SELECT} WHERE access_key_id = ?1"),
                params![access_key_id],
                key_from_row,
            )
        })
    }

    /// Every key, the oldest first.
    pub fn access_keys(&self) -> Result<Vec<StoredAccessKey>, StoreError> {
        self.database().read(|connection| {
            connection.query(&format!("{SELECT} ORDER BY created_at, access_key_id"), &[], key_from_row)
        })
    }

    /// Stops a key from working at an instant. False when there is none with this id or it stops by then anyway.
    pub fn disable_access_key(&self, access_key_id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let changed = self.database().write(|transaction| {
            transaction.execute(
                "UPDATE access_keys SET disabled_at = ?2
                 WHERE access_key_id = ?1 AND (disabled_at IS NULL OR disabled_at > ?2)",
                params![access_key_id, at.millis()],
            )
        })?;
        Ok(changed.into_inner() == 1)
    }

    /// Removes a key that does not work any more. False when there is none with this id, or it works at `now`.
    pub fn delete_access_key(&self, access_key_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let deleted = self.database().write(|transaction| {
            transaction.execute(
                "DELETE FROM access_keys WHERE access_key_id = ?1 AND disabled_at <= ?2",
                params![access_key_id, now.millis()],
            )
        })?;
        Ok(deleted.into_inner() == 1)
    }
}

fn key_from_row(stored: &Row<'_>) -> Result<StoredAccessKey, StoreError> {
    let farm_id: Option<[u8; 16]> = stored.get(3)?;
    Ok(StoredAccessKey {
        access_key_id: stored.get(0)?,
        sealed_secret: stored.get(1)?,
        role: stored.get(2)?,
        farm_id: farm_id.map(FarmId::from_bytes),
        created_at: row::timestamp(stored, 4)?,
        disabled_at: row::optional_timestamp(stored, 5)?,
    })
}
