//! A file of before its pages had checksums is written anew, beside its place, and moved into it when it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use crate::database::sqlite::{connect, log_path};
use crate::database::{APPLICATION_ID, CHECKSUMS_SINCE, page_checksums};
use crate::error::{OpenError, StoreError};
use crate::folder;

/// Whether a file is ours, and its pages have no checksums yet.
pub(super) fn is_due(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    Ok(number("application_id")? == APPLICATION_ID && (1..CHECKSUMS_SINCE).contains(&number("user_version")?))
}

/// Puts a file with checksums in the place of one without, which nobody may have open; `prepare` brings its tables to our version.
/// A crash leaves the one or the other.
pub(super) fn renew(
    path: &Path,
    prepare: impl Fn(&mut Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let fresh = beside(path, ".new");
    // Left from an attempt that broke off.
    for left in [fresh.clone(), log_path(&fresh), beside(&fresh, "-shm")] {
        remove(&left)?;
    }
    let source = to_itself(path)?;
    drop(folder::new_private_file(&fresh).map_err(OpenError::file(&fresh))?);
    source.execute("VACUUM INTO ?1", [fresh.to_string_lossy()])?;
    let mut copy = connect(&fresh)?;
    prepare(&mut copy)?;
    close(copy, &fresh)?;
    File::open(&fresh).and_then(|file| file.sync_all()).map_err(OpenError::file(&fresh))?;
    close(source, path)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    // First without a log for certain: one that a power cut brings back would be read as that of the new file.
    let renamed = folder::sync_folder(dir).and_then(|()| fs::rename(&fresh, path));
    renamed.and_then(|()| folder::sync_folder(dir)).map_err(OpenError::file(path))?;
    tracing::info!(path = %path.display(), "the catalogue was written anew, with checksums in its pages");
    Ok(())
}

/// Opens a file that no other connection has open, and lets none open it.
fn to_itself(path: &Path) -> Result<Connection, OpenError> {
    let connection = page_checksums::open(path)?;
    // Before anything is read: then the lock is on the file, where every other connection has one.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::OpenInOlderProgram { path: path.to_owned(), version: CHECKSUMS_SINCE }
        }
        _ => error.into(),
    })?;
    Ok(connection)
}

/// Closes the last connection of a file, with which its log goes.
fn close(connection: Connection, path: &Path) -> Result<(), OpenError> {
    connection.close().map_err(|(_, error)| error)?;
    let log = log_path(path);
    if log.exists() {
        // A log that stayed would be read as that of the file that comes in this one's place.
        let cause = format!("SQLite did not move `{}` into its file; try again", log.display());
        return Err(StoreError::Database { cause }.into());
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(OpenError::file(path)(error)),
        _ => Ok(()),
    }
}

/// A path with something appended to it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
