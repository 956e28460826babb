//! The SQLite file: one connection that writes, one that reads, and the rules for what an earlier process left unsynced
//! and for a failed write.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, ErrorCode, ToSql, Transaction, TransactionBehavior, params_from_iter,
};

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

/// Pages of the log from which on a change moves it into the file: SQLite's own number.
const LOG_PAGES: u32 = 1_000;

/// How often, at most, and how long after another it is tried to move the log into the file at the end.
const MOVES_MAX: usize = 20;
const MOVED_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Prepared statements that a connection keeps; more than this crate has.
const STATEMENTS_CACHED: usize = 96;

/// The catalogue's connections.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
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
    /// Whether no damage was found in the log that an earlier process left.
    is_log_whole: bool,
    /// The log, from when all that an earlier process left in it is on the disk. A sync of it tells of everything that was not confirmed since.
    certain_log: Option<File>,
    /// By what SQLite tells whether another connection has changed something since.
    data_version: i64,
    /// Whether the disk may not have the last change yet, which is a note.
    is_note_unsynced: bool,
    /// How a write failed. The disk may have lost what it will call safe, so there is no second try.
    failure: Option<String>,
}

impl Sqlite {
    /// Opens the file, which must exist; `prepare` gets a connection and its file, checks the version and creates the tables. One
    /// without checksums in its pages is written anew.
    pub(crate) fn open(
        path: &Path,
        prepare: impl Fn(&mut Connection, &Path) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        // The file itself, where the name is a link to it: its log lies beside it.
        let path = &fs::canonicalize(path).map_err(OpenError::file(path))?;
        let mut connection = connect(path)?;
        if renewal::is_due(&connection)? {
            drop(connection);
            renewal::renew(path, Source::Older, &prepare)?;
            connection = connect(path)?;
        }
        let is_log_whole = require_whole_log(&mut connection, path)?;
        let version_before = number(&connection, "user_version")?;
        prepare(&mut connection, path)?;
        let is_lifted = number(&connection, "user_version")? != version_before;
        let reading = || -> Result<Mutex<Connection>, OpenError> {
            let reader = connect(path)?;
            reader.pragma_update(None, "query_only", true)?;
            Ok(Mutex::new(reader))
        };
        let (reader, background) = (reading()?, reading()?);
        let writer = Writer {
            connection,
            log: log_path(path),
            is_log_whole,
            certain_log: None,
            data_version: 0,
            is_note_unsynced: false,
            failure: None,
        };
        let (path, writer) = (path.to_owned(), Mutex::new(writer));
        let opened = Self { path, reader, background, writer, failure: OnceLock::new() };
        if is_lifted {
            // It has changed something, and is to move the log at its end as whoever does.
            opened.make_certain()?;
        }
        Ok(opened)
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
        let connection = page_checksums::open(&self.path)?;
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
        self.make_certain()?;
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
        self.keep_failure(lock(&self.writer).write(change))
    }

    /// Makes certain that the disk has whatever can be read now, by a change of nothing.
    pub(crate) fn make_certain(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).map(Durable::into_inner)
    }

    /// Makes one change of everything that `change` does, or of nothing, and does not wait for the disk: a power cut may take this
    /// change, and none before it. It is synced before the next one begins.
    pub(crate) fn note<T>(
        &self,
        change: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.keep_failure(lock(&self.writer).note(change))
    }

    fn keep_failure<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        written.inspect_err(|error| {
            if let StoreError::NotDurable { cause } = error {
                self.failure.get_or_init(|| cause.clone());
            }
        })
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
        self.unless_failed(|writer| {
            writer.settle_note()?;
            let transaction = writer.begin()?;
            let value = change(&connection::Connection::Sqlite(&transaction))?;
            Ok(Durable::commit(transaction, value)?)
        })
    }

    fn note<T>(
        &mut self,
        change: impl FnOnce(&connection::Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.unless_failed(|writer| {
            writer.settle_note()?;
            // Before the connection is told: whatever happens here, the next change tells it again.
            writer.is_note_unsynced = true;
            writer.connection.pragma_update(None, "synchronous", "NORMAL")?;
            // Moving the log into the file begins with a sync of the log whose failure nobody is told of.
            writer.connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            let transaction = writer.begin()?;
            let value = change(&connection::Connection::Sqlite(&transaction))?;
            transaction.commit()?;
            Ok(value)
        })
    }

    /// Syncs the last change if it is a note, and lets the next one be synced as it is made.
    fn settle_note(&mut self) -> Result<(), StoreError> {
        if self.is_note_unsynced {
            self.certain_log.as_ref().map_or(Ok(()), File::sync_data).map_err(unreadable)?;
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            self.connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
            self.is_note_unsynced = false;
        }
        Ok(())
    }

    /// Does something, unless the disk did not confirm something before.
    fn unless_failed<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(cause) = &self.failure {
            return Err(StoreError::Poisoned { cause: cause.clone() });
        }
        act(self).map_err(|error| match error {
            StoreError::Unreadable { cause } => {
                self.failure = Some(cause.clone());
                StoreError::NotDurable { cause }
            }
            other => other,
        })
    }

    /// Begins a change. What others have committed before is on the disk then.
    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let data_version = data_version(&transaction)?;
        match &self.certain_log {
            None => {
                folder::rewrite(&self.log).map_err(unreadable)?;
                self.certain_log = Some(File::open(&self.log).map_err(unreadable)?);
            }
            // It may be a note.
            Some(log) if data_version != self.data_version => log.sync_data().map_err(unreadable)?,
            Some(_) => {}
        }
        self.data_version = data_version;
        Ok(transaction)
    }

    /// Moves the log into the file, if all of it is on the disk for certain.
    fn move_log(&mut self) -> Result<(), StoreError> {
        self.settle_note()?;
        let Some(log) = self.certain_log.as_ref().filter(|_| self.is_log_whole) else { return Ok(()) };
        if data_version(&self.connection)? != self.data_version {
            log.sync_data().map_err(unreadable)?;
        }
        // Not while SQLite holds the lock to write for somebody who reads.
        self.connection.busy_timeout(Duration::ZERO)?;
        for _ in 0..MOVES_MAX {
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            let is_busy: bool = self.connection.query_row(sql, [], |row| row.get(0))?;
            if !is_busy {
                return Ok(());
            }
            sleep(MOVED_AGAIN_AFTER);
        }
        tracing::info!(log = %self.log.display(), "the log stays beside the catalogue, which somebody else reads or writes");
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.failure.is_none()
            && let Err(error) = self.move_log()
        {
            tracing::warn!(log = %self.log.display(), %error, "the log stays beside the catalogue");
        }
        // The files of an empty log go with the last connection.
        if fs::metadata(&self.log).is_ok_and(|log| log.len() == 0) {
            move_log_when_closed(&self.connection).unwrap_or_default();
        }
    }
}

/// What changes when another connection has changed something.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// Makes certain that the disk has all that an earlier process left in a file's log. Only whoever has the lock to write may touch it.
pub(crate) fn rewrite_log(file: &Path) -> io::Result<()> {
    // The file itself, where the name is a link to it; and an error where there is none, whose log would not be missed.
    folder::rewrite(&log_path(&fs::canonicalize(file)?))
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn unreadable(cause: io::Error) -> StoreError {
    StoreError::Unreadable { cause: cause.to_string() }
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

/// A number that SQLite keeps in the file.
pub(crate) fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// How many tables and indexes there are.
pub(crate) fn schema_entries(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// Refuses a log with changes that cannot be read. False if another program, which looked at it when it came, keeps this one from
/// looking.
fn require_whole_log(connection: &mut Connection, path: &Path) -> Result<bool, OpenError> {
    let log = log_path(path);
    if fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        return Ok(true);
    }
    // Nobody writes to the log as long as this one might.
    match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(_lock) => log_damage::require_none(&log).map(|()| true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The last connection of a file moves the log into it when it is closed. With that goes what is behind damage in the log.
pub(super) fn move_log_when_closed(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

pub(super) fn keep_log_when_closed(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
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
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::database::params;

    fn with_table(dir: &tempfile::TempDir) -> Sqlite {
        let path = dir.path().join("catalogue.sqlite");
        File::create(&path).unwrap();
        let database = Sqlite::open(&path, |connection, _| {
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

    fn log_len(dir: &tempfile::TempDir) -> u64 {
        fs::metadata(dir.path().join("catalogue.sqlite-wal")).map_or(0, |log| log.len())
    }

    fn note(database: &Sqlite, number: i64) -> Result<(), StoreError> {
        database.note(|transaction| {
            transaction.execute("INSERT INTO numbers (number) VALUES (?1)", params![number])?;
            Ok(())
        })
    }

    #[test]
    fn changes_after_a_note_are_synced_and_before_them_the_note_is() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        let is_note_unsynced = || lock(&database.writer).is_note_unsynced;
        let synchronous = || {
            let writer = lock(&database.writer);
            writer.connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap()
        };
        let (normal, full) = (1, 2);
        insert(&database, 1).unwrap();
        assert_eq!((count(&database), is_note_unsynced(), synchronous()), (1, false, full));
        note(&database, 7).unwrap();
        assert_eq!((count(&database), is_note_unsynced(), synchronous()), (2, true, normal));
        // One that fails half-way is undone as any other change.
        assert!(note(&database, 7).is_err());
        let panics = || database.note(|_| -> Result<(), StoreError> { panic!("a defect") });
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!((count(&database), is_note_unsynced(), synchronous()), (2, true, normal));
        insert(&database, 1).unwrap();
        assert_eq!((count(&database), is_note_unsynced(), synchronous()), (3, false, full));
    }

    #[test]
    fn a_note_that_the_disk_does_not_confirm_ends_all_writing() {
        let a_change: fn(&Sqlite) -> Result<(), StoreError> = |database| insert(database, 1);
        for next in [a_change, |database| note(database, 2)] {
            let dir = tempfile::tempdir().unwrap();
            let database = with_table(&dir);
            note(&database, 1).unwrap();
            // Which cannot be synced.
            lock(&database.writer).certain_log = Some(File::open("/dev/null").unwrap());
            assert!(matches!(next(&database), Err(StoreError::NotDurable { .. })));
            assert!(matches!(insert(&database, 1), Err(StoreError::Poisoned { .. })));
            assert!(matches!(note(&database, 3), Err(StoreError::Poisoned { .. })));
            assert!(database.write_failure().is_some());
            assert_eq!(count(&database), 1);
            drop(database);
            assert!(log_len(&dir) > 0, "it was moved into the file");
        }
    }

    #[test]
    fn a_log_that_was_left_is_moved_into_the_file_by_whoever_writes_and_not_by_whoever_looks() {
        let (left, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = with_table(&left);
        insert(&database, 1).unwrap();
        // As the end of a process leaves them.
        for name in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
            fs::copy(left.path().join(name), dir.path().join(name)).unwrap();
        }
        let open = || Sqlite::open(&dir.path().join("catalogue.sqlite"), |_, _| Ok(())).unwrap();
        let before = log_len(&dir);
        let (looking, writing) = (open(), open());
        assert_eq!(count(&looking), 1);
        drop(looking);
        drop(open());
        assert!(before > 0);
        assert_eq!(log_len(&dir), before);
        writing.make_certain().unwrap();
        // Whoever has it open still leaves nothing behind.
        let looking = open();
        drop(writing);
        assert_eq!((count(&looking), log_len(&dir)), (1, 0));
        drop(looking);
        assert!(!dir.path().join("catalogue.sqlite-wal").exists());
    }

    #[test]
    fn what_another_connection_has_written_is_synced_before_a_change_and_before_the_log_is_moved() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        let other = Sqlite::open(&dir.path().join("catalogue.sqlite"), |_, _| Ok(())).unwrap();
        insert(&database, 1).unwrap();
        insert(&other, 1).unwrap();
        let no_sync = || Some(File::open("/dev/null").unwrap());
        lock(&other.writer).certain_log = no_sync();
        // Its own changes are synced as they are made.
        insert(&other, 1).unwrap();
        note(&database, 100).unwrap();
        assert!(matches!(insert(&other, 1), Err(StoreError::NotDurable { .. })));
        drop(other);
        let before = log_len(&dir);
        let other = Sqlite::open(&dir.path().join("catalogue.sqlite"), |_, _| Ok(())).unwrap();
        insert(&other, 1).unwrap();
        lock(&other.writer).certain_log = no_sync();
        note(&database, 200).unwrap();
        lock(&database.writer).failure = Some("a failed sync".into());
        drop(database);
        drop(other);
        assert!(log_len(&dir) > before, "it was moved into the file");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_folder_whose_name_is_no_text_is_copied_and_its_log_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"n\xff"));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("catalogue.sqlite");
        File::create(&path).unwrap();
        let prepare = |connection: &mut Connection, _: &Path| {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            Ok(connection.execute_batch("CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY)")?)
        };
        let database = Sqlite::open(&path, prepare).unwrap();
        note(&database, 7).unwrap();
        let copy = dir.path().join("copy.sqlite");
        File::create(&copy).unwrap();
        database.copy_to(&copy).unwrap();
        assert_eq!(count(&Sqlite::open(&copy, prepare).unwrap()), 1);
        assert!(log_path(&path).exists() && rewrite_log(&path).is_ok());
        assert!(rewrite_log(&folder.join("nothing")).is_err());
    }

    #[test]
    fn the_log_is_not_moved_into_the_file_as_long_as_a_note_in_it_is_not_synced() {
        let dir = tempfile::tempdir().unwrap();
        let database = with_table(&dir);
        let file_len = || fs::metadata(dir.path().join("catalogue.sqlite")).unwrap().len();
        let bytes = 2 * 4096 * LOG_PAGES;
        let before = file_len();
        let noted = database.note(|transaction| {
            transaction.execute("INSERT INTO numbers (bytes) VALUES (zeroblob(?1))", params![bytes])?;
            Ok(())
        });
        noted.unwrap();
        assert_eq!(file_len(), before);
        assert!(log_len(&dir) > u64::from(bytes));
        insert(&database, 1).unwrap();
        assert!(file_len() > u64::from(bytes));
        drop(database);
        assert_eq!(log_len(&dir), 0);
    }
}
