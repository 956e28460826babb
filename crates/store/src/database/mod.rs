//! The one door to the catalogue's database. What is asked and changed is written elsewhere, for any database; how one is
//! opened, locked, synced and trusted is written here.

mod connection;
mod sqlite;
mod value;

use std::path::Path;

use crate::durable::Durable;
use crate::error::{OpenError, StoreError};

pub(crate) use connection::{Connection, Row};
pub(crate) use value::{ToValue, params};

/// The catalogue's database.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file in the data folder.
    Sqlite(sqlite::Sqlite),
}

impl Database {
    /// Opens the file, which must exist; `prepare` checks its version and creates the tables.
    pub(crate) fn open_file(
        path: &Path,
        prepare: impl FnOnce(&mut rusqlite::Connection) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        sqlite::Sqlite::open(path, prepare).map(Self::Sqlite)
    }

    /// Asks something of the last committed state.
    pub(crate) fn read<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(question),
        }
    }

    /// Asks something that takes long.
    pub(crate) fn read_long<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_long(question),
        }
    }

    /// Makes one change of everything that `change` does, synced before this returns, or of nothing.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(change),
        }
    }

    /// Makes certain that whatever can be read now is still there after a power cut.
    ///
    /// A process that was killed before its sync, or whose sync failed, leaves bytes that the kernel shows to everyone and
    /// that are not on the disk. Nothing may be answered from them before they are, and nothing written behind them.
    pub(crate) fn make_certain(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).map(Durable::into_inner)
    }

    /// A file beside the catalogue was not confirmed by the disk: nothing more may be written until the folder is opened
    /// again.
    pub(crate) fn refuse_writes(&self, cause: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.refuse_writes(cause),
        }
    }

    /// Refuses writes when an error says that a file was not confirmed.
    pub(crate) fn note_unsynced(&self, error: &StoreError) {
        if let StoreError::NotDurable { cause } = error {
            self.refuse_writes(cause);
        }
    }

    /// How a write failed that the disk did not confirm, if one did.
    pub(crate) fn write_failure(&self) -> Option<String> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write_failure(),
        }
    }

    /// Copies the database, as it is at one instant, into an empty file.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.copy_to(path),
        }
    }

    /// What the database itself finds wrong with its file.
    pub(crate) fn integrity_problems(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.integrity_problems(),
        }
    }
}
