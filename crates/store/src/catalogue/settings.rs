//! Small values with names, such as the clock's high-water mark.

use rusqlite::{OptionalExtension, params};

use super::Catalogue;
use crate::error::StoreError;

impl Catalogue {
    /// The value under a name.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.database().read(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
            Ok(statement.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// Sets the value under a name.
    pub fn put_setting(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let written = self.database().write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?;
            statement.execute(params![name, value])?;
            Ok(())
        })?;
        written.into_inner();
        Ok(())
    }

    /// Forgets the value under a name, if there is one.
    pub fn delete_setting(&self, name: &str) -> Result<(), StoreError> {
        let deleted = self.database().write(|transaction| {
            transaction.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([name])?;
            Ok(())
        })?;
        deleted.into_inner();
        Ok(())
    }
}
