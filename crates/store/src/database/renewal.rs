//! A file of before its pages had checksums is written anew, beside its place, and moved into it when it is whole.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::database::sqlite::{
    beside, connect, keep_log_when_closed, log_path, move_log_when_closed, number, schema_entries,
    vacuum_into,
};
use crate::database::{APPLICATION_ID, CHECKSUMS_SINCE, log_damage, page_checksums};
use crate::error::{OpenError, StoreError};
use crate::folder;
use crate::sealed::remove_file;

/// What a file is written anew of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// One of a version whose pages have no checksums.
    Older,
    /// One whose owner says that its pages are right, although they do not match their checksums.
    Trusted,
}

/// Whether a file is ours, or was on its way to be, and its pages have no checksums yet.
pub(super) fn is_due(connection: &Connection) -> rusqlite::Result<bool> {
    let marks = (number(connection, "application_id")?, number(connection, "user_version")?);
    if marks == (0, 0) {
        // A program that was ended before it made the tables leaves one page.
        return Ok(number(connection, "page_count")? > 0 && schema_entries(connection)? == 0);
    }
    Ok(marks.0 == APPLICATION_ID && (1..CHECKSUMS_SINCE).contains(&marks.1))
}

/// Puts a file with checksums in the place of one without, or whose pages do not match theirs, which nobody may have open; `prepare`
/// brings its tables to our version. A crash leaves the one or the other.
pub(super) fn renew(
    path: &Path,
    source: Source,
    prepare: impl Fn(&mut Connection, &Path) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    // The file itself, where the name is a link to it.
    let path = &fs::canonicalize(path).map_err(OpenError::file(path))?;
    let fresh = beside(path, ".new");
    // Left from an attempt that broke off.
    remove_all(&fresh)?;
    let source = to_itself(path, source)?;
    let copied = copy(&source, &fresh, prepare);
    if copied.is_err() {
        // A disk that is full needs the room. What went wrong is said, and not that this went wrong, too.
        remove_all(&fresh).unwrap_or_default();
    }
    copied?;
    close(source, path)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    // First without a log for certain: one that a power cut brings back would be read as that of the new file.
    let renamed = folder::sync_folder(dir).and_then(|()| fs::rename(&fresh, path));
    renamed.and_then(|()| folder::sync_folder(dir)).map_err(OpenError::file(path))?;
    tracing::info!(path = %path.display(), "the catalogue was written anew, with checksums in its pages");
    Ok(())
}

/// Makes the new file, synced.
fn copy(
    source: &Connection,
    fresh: &Path,
    prepare: impl Fn(&mut Connection, &Path) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    drop(folder::new_private_file(fresh).map_err(OpenError::file(fresh))?);
    vacuum_into(source, fresh)?;
    let mut copy = connect(fresh)?;
    if schema_entries(&copy)? != schema_entries(source)? {
        return Err(StoreError::damaged("the catalogue", "its copy has not all of its tables").into());
    }
    prepare(&mut copy, fresh)?;
    close(copy, fresh)?;
    File::open(fresh).and_then(|file| file.sync_all()).map_err(OpenError::file(fresh))
}

/// Opens a file that no other connection has open, and lets none open it.
fn to_itself(path: &Path, source: Source) -> Result<Connection, OpenError> {
    let connection = match source {
        Source::Older => page_checksums::open(path)?,
        Source::Trusted => page_checksums::open_without_comparing(path)?,
    };
    keep_log_when_closed(&connection)?;
    // Before anything is read: then the lock is on the file, where every other connection has one.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::OpenInOlderProgram { path: path.to_owned(), version: CHECKSUMS_SINCE }
        }
        _ => error.into(),
    })?;
    let log = log_path(path);
    if source == Source::Older {
        log_damage::require_none(&log)?;
    } else {
        if let Some(offset) = log_damage::find(&log).map_err(OpenError::file(&log))? {
            tracing::warn!(log = %log.display(), offset, "the log is damaged; what stands behind is given up");
        }
        let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(StoreError::damaged("the catalogue", found).into());
        }
    }
    // Before it is moved: it may be in the kernel's memory alone.
    folder::rewrite(&log).map_err(OpenError::file(&log))?;
    Ok(connection)
}

/// Closes the last connection of a file, with which its log goes.
fn close(connection: Connection, path: &Path) -> Result<(), OpenError> {
    move_log_when_closed(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    let log = log_path(path);
    if log.exists() {
        // A log that stayed would be read as that of the file that comes in this one's place.
        let cause = format!("SQLite did not move `{}` into its file; try again", log.display());
        return Err(StoreError::Database { cause }.into());
    }
    Ok(())
}

/// Removes a database with what belongs to it.
fn remove_all(path: &Path) -> Result<(), OpenError> {
    [path.to_owned(), log_path(path), beside(path, "-shm"), beside(path, "-journal")]
        .iter()
        .try_for_each(|path| remove_file(path).map_err(OpenError::file(path)))
}
