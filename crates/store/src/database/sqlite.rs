//! The SQLite file: one connection that writes, one that reads, and the rules for what an earlier process left unsynced
//! and for a failed write.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, TransactionBehavior, params_from_iter};

use crate::database::connection::{self, Row};
use crate::database::renewal::{self, Source};
use crate::database::value::{Column, Value};
use crate::database::{log_damage, page_checksums};
use crate::durable::Durable;
use crate::error::{OpenError, StoreError};
use crate::folder;
use crate::locking::lock;

/// How long a statement waits for another process, such as the command line beside a server.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps; more than this crate has.
const STATEMENTS_CACHED: usize = 96;

/// The catalogue's connections.
#[derive(Debug)]
pub(crate) struct Sqlite {
    reader: Mutex<Connection>,
    /// For reading that takes long, so that nobody waits for it.
    background: Mutex<Connection>,
    /// Closed last, because it alone moves the log into the file then.
    writer: Mutex<Writer>,
    /// How a write failed; see [`Writer::failure`].
    failure: OnceLock<String>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    log: PathBuf,
    /// Whether everything that an earlier process left in the log is on the disk for certain.
    is_log_certain: bool,
    /// How a write failed. The disk may have lost what it will call safe, so there is no second try.
    failure: Option<String>,
}

impl Sqlite {
    /// Opens the file, which must exist; `prepare` checks its version and creates the tables. One without checksums in its
    /// pages is written anew.
    pub(crate) fn open(
        path: &Path,
        prepare: impl Fn(&mut Connection) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        // The file itself, where the name is a link to it: its log lies beside it.
        let path = &fs::canonicalize(path).map_err(OpenError::file(path))?;
        let mut connection = connect(path)?;
        if renewal::is_due(&connection)? {
            drop(connection);
            renewal::renew(path, Source::Older, &prepare)?;
            connection = connect(path)?;
        }
        require_whole_log(&mut connection, path)?;
        prepare(&mut connection)?;
        let reading = || -> Result<Mutex<Connection>, OpenError> {
            let reader = connect(path)?;
            reader.pragma_update(None, "query_only", true)?;
            Ok(Mutex::new(reader))
        };
        let (reader, background) = (reading()?, reading()?);
        let writer = Writer { connection, log: log_path(path), is_log_certain: false, failure: None };
        Ok(Self { reader, background, writer: Mutex::new(writer), failure: OnceLock::new() })
    }

    /// Asks something of the last committed state.
    pub(crate) fn read<T>(
        &self,
        question: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        question(&connection::Connection::Sqlite(&lock(&self.reader)))
    }

    /// Asks something that takes long.
    pub(crate) fn read_long<T>(
        &self,
        question: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        question(&connection::Connection::Sqlite(&lock(&self.background)))
    }

    /// Copies the database, as it is at one instant, into an empty file.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        // A connection of its own, because one that only reads may not write elsewhere either.
        let source = lock(&self.background).path().map(PathBuf::from).unwrap_or_default();
        let connection = page_checksums::open(&source)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        vacuum_into(&connection, path)
    }

    /// A file beside the catalogue was not confirmed by the disk: nothing more may be written until the folder is opened
    /// again.
    pub(crate) fn refuse_writes(&self, cause: &str) {
        lock(&self.writer).failure.get_or_insert_with(|| cause.to_owned());
        self.failure.get_or_init(|| cause.to_owned());
    }

    /// What is wrong with the file: the pages that do not match their checksums or, if all do, what SQLite finds.
    pub(crate) fn integrity_problems(&self) -> Result<Vec<String>, StoreError> {
        // Reading the pages moves the log into the file.
        self.write(|_| Ok(()))?.into_inner();
        let Some(damaged) = page_checksums::damaged_pages(&lock(&self.writer).connection)? else {
            let cause = "another program has it open; end that one and try again".to_owned();
            return Err(StoreError::Database { cause });
        };
        if !damaged.is_empty() {
            let problem = |page| format!("page {page} does not match its checksum");
            return Ok(damaged.into_iter().map(problem).collect());
        }
        self.read_long(|connection| {
            let lines: Vec<String> = connection.query("PRAGMA integrity_check", &[], |row| row.get(0))?;
            Ok(lines.into_iter().filter(|line| line != "ok").collect())
        })
    }

    /// Makes one change of everything that `change` does, synced before this returns, or of nothing.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        let written = lock(&self.writer).write(change);
        if let Err(StoreError::NotDurable { cause }) = &written {
            self.failure.get_or_init(|| cause.clone());
        }
        written
    }

    /// How a write failed that the disk did not confirm, if one did.
    pub(crate) fn write_failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }
}

impl Writer {
    fn write<T>(
        &mut self,
        change: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        if let Some(cause) = &self.failure {
            return Err(StoreError::Poisoned { cause: cause.clone() });
        }
        self.try_write(change).map_err(|error| match error {
            StoreError::Unreadable { cause } => {
                self.failure = Some(cause.clone());
                StoreError::NotDurable { cause }
            }
            other => other,
        })
    }

    fn try_write<T>(
        &mut self,
        change: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !self.is_log_certain {
            // Only whoever has the write lock may touch the log.
            folder::rewrite(&self.log)
                .map_err(|cause| StoreError::Unreadable { cause: cause.to_string() })?;
            self.is_log_certain = true;
        }
        let value = change(&connection::Connection::Sqlite(&transaction))?;
        Ok(Durable::commit(transaction, value)?)
    }
}

/// Copies a database, as it is at one instant, into an empty file.
pub(super) fn vacuum_into(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    // The path as it is: one that is not UTF-8 would name another file when it is made so.
    let path = PathText(path);
    connection.execute("VACUUM INTO ?1", [path])?;
    Ok(())
}

struct PathText<'a>(&'a Path);

impl ToSql for PathText<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0.as_os_str().as_bytes())))
    }
}

/// Runs a statement and says how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(params_from_iter(values))?)
}

/// Visits the rows of a question, until a visit says that it was enough.
pub(super) fn visit(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut statement: CachedStatement<'_> = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if visit(&Row::Sqlite(row))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// A column of a row.
pub(super) fn column<'a>(row: &'a rusqlite::Row<'_>, index: usize) -> Result<Column<'a>, StoreError> {
    let not_ours =
        || StoreError::damaged("a row of the catalogue", "it has a value of a kind that is not used");
    match row.get_ref(index)? {
        ValueRef::Null => Ok(Column::Null),
        ValueRef::Integer(number) => Ok(Column::Integer(number)),
        ValueRef::Text(text) => std::str::from_utf8(text).map(Column::Text).map_err(|_| not_ours()),
        ValueRef::Blob(bytes) => Ok(Column::Bytes(bytes)),
        ValueRef::Real(_) => Err(not_ours()),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Integer(Some(number)) => ValueRef::Integer(number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Integer(None) | Self::Text(None) | Self::Bytes(None) => ValueRef::Null,
        }))
    }
}

/// Where SQLite keeps what is committed and not yet moved into the file.
pub(super) fn log_path(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// A path with something appended to it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// How many tables and indexes there are.
pub(crate) fn schema_entries(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// Refuses a log with changes that cannot be read, and lets a log without be moved into the file when the connection is closed.
fn require_whole_log(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let log = log_path(path);
    if log.exists() {
        // Nobody writes to the log as long as this one might.
        let is_whole = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(_lock) => log_damage::require_none(&log).map(|()| true),
            // By a program that looked at the log when it came.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(error.into()),
        };
        if !is_whole? {
            return Ok(());
        }
    }
    move_log_when_closed(connection)
}

/// The last connection of a file moves the log into it when it is closed. With that goes what is behind damage in the log.
pub(super) fn move_log_when_closed(connection: &Connection) -> Result<(), OpenError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

pub(super) fn keep_log_when_closed(connection: &Connection) -> Result<(), OpenError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// Opens a file, whose log stays beside it when the connection is closed.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let connection = page_checksums::open(path)?;
    keep_log_when_closed(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let cause = error.to_string();
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                _ if let Some(damage) = page_checksums::damage(*failure) => {
                    Self::damaged("the catalogue", damage)
                }
                ErrorCode::DiskFull => Self::DiskFull,
                // The index of the log could not grow. SQLite ignores what it wrote before and overwrites it next time.
                _ if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull,
                // A quota or a limit of the file's size; only a full disk has a code of its own. What was written for a
                // commit that is not there is ignored and overwritten, too.
                _ if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE => {
                    Self::WriteRefused { cause }
                }
                ErrorCode::SystemIoFailure => Self::Unreadable { cause },
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::damaged("the catalogue", cause),
                _ => Self::Database { cause },
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Self::damaged("a row of the catalogue", cause),
            _ => Self::Database { cause },
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::params;

    fn with_table(dir: &tempfile::TempDir) -> Sqlite {
        let path = dir.path().join("catalogue.sqlite");
        fs::File::create(&path).unwrap();
        let database = Sqlite::open(&path, |connection| {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            Ok(connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY, bytes BLOB)")?)
        });
        database.unwrap()
    }

    fn insert(database: &Sqlite, bytes: u32) -> Result<(), StoreError> {
        let inserted = database.write(|transaction| {
            transaction.execute("INSERT INTO numbers (bytes) VALUES (zeroblob(?1))", params![bytes])?;
            Ok(())
        });
        inserted.map(Durable::into_inner)
    }

    fn count(database: &Sqlite) -> i64 {
        let sql = "SELECT count(*) FROM numbers";
        database.read(|connection| connection.count(sql, &[])).unwrap()
    }

    #[test]
    fn a_full_disk_changes_nothing_and_writing_works_again_when_there_is_space() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        insert(&database, 10).unwrap();
        // SQLite's own bound on the size of the file fails in the same way as a disk without space.
        let set_page_count_max = |pages: u32| {
            lock(&database.writer).connection.pragma_update(None, "max_page_count", pages).unwrap();
        };
        set_page_count_max(4);
        for _ in 0..3 {
            let error = insert(&database, 100_000).unwrap_err();
            assert_eq!(error, StoreError::DiskFull);
            assert!(error.is_retryable());
        }
        assert_eq!(count(&database), 1);
        set_page_count_max(1000);
        insert(&database, 100_000).unwrap();
        assert_eq!(count(&database), 2);
    }

    #[test]
    fn a_change_that_fails_half_way_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        let refused = database.write(|transaction| {
            transaction.execute("INSERT INTO numbers (number) VALUES (1)", &[])?;
            transaction.execute("INSERT INTO numbers (number) VALUES (1)", &[])?;
            Ok(())
        });
        assert!(matches!(refused, Err(StoreError::Database { .. })));
        assert_eq!(count(&database), 0);
        insert(&database, 1).unwrap();
    }

    #[test]
    fn commits_are_synced_and_the_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        let full = 2_i64;
        for connection in [&lock(&database.writer).connection, &*lock(&database.reader)] {
            let synchronous: i64 =
                connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(synchronous, full);
        }
        let sql = "INSERT INTO numbers (number) VALUES (1)";
        assert!(database.read(|connection| connection.execute(sql, &[])).is_err());
    }
}
