//! The one door to the catalogue's database. What is asked and changed is written elsewhere, for any database; how one is
//! opened, locked, synced and trusted is written here.

mod connection;
mod log_damage;
mod page_checksums;
mod postgres;
mod renewal;
mod sqlite;
mod value;

use std::path::Path;

use crate::durable::Durable;
use crate::error::{OpenError, StoreError};
use crate::shared::NodeId;
use crate::shared_format::SharedFormat;

pub(crate) use connection::{Connection, Row};
pub(crate) use postgres::{Session, read_address};
pub(crate) use sqlite::{number, rewrite_log, schema_entries};
pub(crate) use value::{Column, ToValue, Value, params};

/// `FTal`, in the header of the catalogue's file.
pub(crate) const APPLICATION_ID: i64 = 0x4654_616c;

/// The version of the catalogue's file since which its pages have checksums.
pub(crate) const CHECKSUMS_SINCE: i64 = 7;

/// How often a change is decided anew because another server changed the same; of several servers, one always gets on.
const ATTEMPTS_MAX: usize = 100;

/// The catalogue's database.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub(crate) enum Database {
    /// A file in the data folder.
    Sqlite(sqlite::Sqlite),
    /// A PostgreSQL database that several servers share, of which this process is one.
    Postgres(postgres::Postgres, NodeId),
}

impl Database {
    /// Opens the file, which must exist; `prepare` checks its version and creates the tables. One of before version
    /// [`CHECKSUMS_SINCE`] is written anew.
    pub(crate) fn open_file(
        path: &Path,
        prepare: impl Fn(&mut rusqlite::Connection, &Path) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        sqlite::Sqlite::open(path, prepare).map(Self::Sqlite)
    }

    /// Writes a file anew that its owner trusts, although its pages do not match their checksums.
    pub(crate) fn write_trusted_anew(
        path: &Path,
        prepare: impl Fn(&mut rusqlite::Connection, &Path) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        renewal::renew(path, renewal::Source::Trusted, prepare)
    }

    /// Connects to a shared database as a program that makes a format, and makes or lifts its tables.
    pub(crate) fn connect(url: &str, format: SharedFormat) -> Result<Self, OpenError> {
        let node = NodeId::random()?;
        Ok(Self::Postgres(postgres::Postgres::open(url, format)?, node))
    }

    /// This process among those that share the database; `None` when it has the catalogue to itself.
    pub(crate) const fn node(&self) -> Option<NodeId> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_, node) => Some(*node),
        }
    }

    /// Whether other processes may change the same farms.
    pub(crate) const fn is_shared(&self) -> bool {
        self.node().is_some()
    }

    /// Does something urgent that waits for nothing else; each statement is a change of its own.
    pub(crate) fn pulse<T>(
        &self,
        act: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(act).map(Durable::into_inner),
            Self::Postgres(postgres, _) => postgres.pulse(act),
        }
    }

    /// Tries again as long as another server was faster.
    pub(crate) fn settle<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 1..ATTEMPTS_MAX {
            match attempt() {
                Err(StoreError::Overtaken) if self.is_shared() => {}
                other => return other,
            }
        }
        attempt()
    }

    /// Asks something of the last committed state.
    pub(crate) fn read<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(question),
            Self::Postgres(postgres, _) => postgres.read(question),
        }
    }

    /// Asks something that takes long. In a shared database, all of it is of one instant.
    pub(crate) fn read_long<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read_long(question),
            Self::Postgres(postgres, _) => postgres.read_long(question),
        }
    }

    /// Makes one change of everything that `change` does, synced before this returns, or of nothing.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(change),
            Self::Postgres(postgres, _) => postgres.write(change),
        }
    }

    /// Makes one change of everything that `change` does, or of nothing. In a file it is synced before the next one begins: a power
    /// cut may take this change, and none before it. A shared database has it on its disk.
    pub(crate) fn note<T>(
        &self,
        change: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.note(change),
            Self::Postgres(postgres, _) => postgres.write(change).map(Durable::into_inner),
        }
    }

    /// Makes certain that whatever can be read now is still there after a power cut.
    ///
    /// A process that was killed before its sync, or whose sync failed, leaves bytes that the kernel shows to everyone and
    /// that are not on the disk. Nothing may be answered from them before they are, and nothing written behind them.
    pub(crate) fn make_certain(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.make_certain(),
            // It recovers by itself.
            Self::Postgres(..) => Ok(()),
        }
    }

    /// A file beside the catalogue was not confirmed by the disk: nothing more may be written until the folder is opened
    /// again.
    pub(crate) fn refuse_writes(&self, cause: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.refuse_writes(cause),
            // Nothing that was acknowledged is in a file of this server, and a shared file is never written twice.
            Self::Postgres(..) => tracing::error!(cause, "a file was not synced; it will be written anew"),
        }
    }

    /// Refuses writes when an error says that a file was not confirmed.
    pub(crate) fn refuse_writes_after(&self, error: &StoreError) {
        if let StoreError::NotDurable { cause } = error {
            self.refuse_writes(cause);
        }
    }

    /// How a write failed that the disk did not confirm, if one did.
    pub(crate) fn write_failure(&self) -> Option<String> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write_failure(),
            Self::Postgres(..) => None,
        }
    }

    /// Why nothing is answered or changed any more, if a newer program brought the catalogue on.
    pub(crate) fn outdated(&self) -> Option<StoreError> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(postgres, _) => postgres.outdated(),
        }
    }

    /// Copies the database, as it is at one instant, into an empty file.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.copy_to(path),
            Self::Postgres(..) => {
                let cause = "a shared catalogue is copied by `farmtally migrate`".to_owned();
                Err(StoreError::Database { cause })
            }
        }
    }

    /// What the database itself finds wrong with its file.
    pub(crate) fn integrity_problems(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.integrity_problems(),
            Self::Postgres(..) => Ok(Vec::new()),
        }
    }
}
