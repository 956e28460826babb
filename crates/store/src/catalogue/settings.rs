//! Small values with names, such as the clock's high-water mark, or how far a farm's copy has come.

use farmtally_model::FarmId;

use super::Catalogue;
use crate::database::{Connection, params};
use crate::error::StoreError;

impl Catalogue {
    /// The value under a name.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.database().read(|connection| get(connection, name))
    }

    /// The value under a name, which becomes `value` if there is none. All who ask at once get the same.
    pub fn setting_or(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let written = self.database().write(|transaction| get_or_put(transaction, name, value))?;
        Ok(written.into_inner())
    }

    /// Sets the value under a name.
    pub fn put_setting(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let written = self.database().write(|transaction| {
            transaction.execute(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                params![name, value],
            )?;
            Ok(())
        })?;
        written.into_inner();
        Ok(())
    }

    /// Forgets the value under a name, if there is one.
    pub fn delete_setting(&self, name: &str) -> Result<(), StoreError> {
        let deleted = self.database().write(|transaction| {
            transaction.execute("DELETE FROM settings WHERE name = ?1", params![name])?;
            Ok(())
        })?;
        deleted.into_inner();
        Ok(())
    }

    /// The values of a farm whose names begin with `prefix`, by the rest of their names.
    pub fn farm_settings(&self, farm_id: FarmId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let start = farm_setting(farm_id, prefix);
        self.database().read(|connection| {
            // All names that begin with `start` lie between it and its successor, in the order of the key.
            let rest = i64::try_from(start.chars().count() + 1).unwrap_or(i64::MAX);
            let sql = "SELECT substr(name, CAST(?3 AS INTEGER)), value FROM settings
                       WHERE name >= ?1 AND name < ?2 ORDER BY name";
            connection
                .query(sql, params![start, successor(&start), rest], |row| Ok((row.get(0)?, row.get(1)?)))
        })
    }

    /// Sets and forgets values of a farm in one transaction.
    pub fn change_farm_settings(
        &self,
        farm_id: FarmId,
        put: &[(String, Vec<u8>)],
        forgotten: &[String],
    ) -> Result<(), StoreError> {
        let changed = self.database().write(|transaction| {
            for (name, value) in put {
                transaction.execute(
                    "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    params![farm_setting(farm_id, name), value],
                )?;
            }
            for name in forgotten {
                transaction
                    .execute("DELETE FROM settings WHERE name = ?1", params![farm_setting(farm_id, name)])?;
            }
            Ok(())
        })?;
        changed.into_inner();
        Ok(())
    }
}

pub(super) fn get(connection: &Connection<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    connection.query_row("SELECT value FROM settings WHERE name = ?1", params![name], |row| row.get(0))
}

pub(super) fn get_or_put(
    connection: &Connection<'_>,
    name: &str,
    value: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    connection.execute(sql, params![name, value])?;
    Ok(get(connection, name)?.unwrap_or_else(|| value.to_vec()))
}

/// Forgets every value of a farm.
pub(super) fn delete_of_farm(connection: &Connection<'_>, farm_id: FarmId) -> Result<(), StoreError> {
    let start = farm_setting(farm_id, "");
    connection
        .execute("DELETE FROM settings WHERE name >= ?1 AND name < ?2", params![start, successor(&start)])?;
    Ok(())
}

fn farm_setting(farm_id: FarmId, name: &str) -> String {
    format!("farm/{farm_id}/{name}")
}

/// What comes behind every text that begins with this one, in the order of bytes.
fn successor(text: &str) -> String {
    format!("{text}\u{10ffff}")
}
