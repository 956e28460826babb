//! The data folder: who has it, the key of its secrets, and where its server answers.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::sealed::SESSIONS;

const LOCK: &str = "lock";
pub(crate) const MASTER_KEY: &str = "master.key";
pub(crate) const CATALOGUE: &str = "catalogue.sqlite";
const CATALOGUE_LOG: &str = "catalogue.sqlite-wal";
/// Of a log in which nothing is.
const LOG_HEADER_BYTES: u64 = 32;
const ENDPOINT: &str = "endpoint";

/// Bytes of a file that are written over at once.
const REWRITE_BYTES: usize = 1 << 20;

/// Bytes from which on room for a file is reserved.
const RESERVED_MIN: usize = 1 << 20;

/// The key under which secrets in the catalogue are sealed. It has no `Debug` that shows it.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The secret itself, for sealing and opening and for nothing else.
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

/// Creates the folder for its owner alone, so that it is still there after a power cut. One that exists is left as it is.
pub(crate) fn create(dir: &Path) -> Result<(), OpenError> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(OpenError::file(dir))?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new("."))).map_err(OpenError::file(created))?;
    }
    Ok(())
}

/// Bytes that the disk of a folder has room for.
pub(crate) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let disk = statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Held for as long as a server has the folder.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Takes the folder, or says who has it.
    pub(crate) fn acquire(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(LOCK);
        let mut file = private_file(&path).map_err(OpenError::file(&path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(OpenError::InUse { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(errno) => return Err(OpenError::File { path, cause: errno.into() }),
        }
        let written =
            file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        written.map_err(OpenError::file(&path))?;
        Ok(Self { file })
    }
}

impl Drop for FolderLock {
    /// Closing the file would not do: a process that is just being started has a copy of it until it runs its program,
    /// and the folder would seem to be in use for that moment. When this fails, closing is all that is left.
    fn drop(&mut self) {
        flock(&self.file, FlockOperation::Unlock).unwrap_or_default();
    }
}

/// The process that has the folder to itself, if one has: `Some(None)` when it has not said yet which it is.
///
/// It takes the folder for a moment, so that a program that starts in that very moment finds it in use.
pub fn holder(dir: &Path) -> io::Result<Option<Option<u32>>> {
    let mut file = match File::open(dir.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Some(read_pid(&mut file))),
        Err(errno) => Err(errno.into()),
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Locks the folder itself for a moment, so that two programs that start at once do not both create what is in it.
pub(crate) fn hold_for_creation(dir: &Path) -> Result<File, OpenError> {
    let handle = File::open(dir).map_err(OpenError::file(dir))?;
    flock(&handle, FlockOperation::LockExclusive).map_err(|errno| OpenError::file(dir)(errno.into()))?;
    Ok(handle)
}

/// The catalogue's path; the file is made with its mode before SQLite opens it for the first time.
///
/// A file that is there is not touched. When a process closes any descriptor of a file, the system drops all locks that
/// the process has on it, SQLite's too, and then the next program to close the catalogue takes itself for the last one
/// and deletes the write-ahead log under a running server.
pub(crate) fn catalogue_file(dir: &Path) -> Result<PathBuf, OpenError> {
    let path = dir.join(CATALOGUE);
    let length = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    // SQLite would remove the log of an empty file. It writes the first page before it begins one.
    let has_log = length(dir.join(CATALOGUE_LOG)) > LOG_HEADER_BYTES;
    let has_sessions = || dir.join(SESSIONS).read_dir().is_ok_and(|mut farms| farms.next().is_some());
    if length(path.clone()) == 0 && (has_log || has_sessions()) {
        return Err(OpenError::MissingCatalogue { path });
    }
    if !path.exists() {
        private_file(&path).map_err(OpenError::file(&path))?;
    }
    Ok(path)
}

/// Reads the master key, or makes it in a folder that has no catalogue yet.
pub(crate) fn master_key(dir: &Path) -> Result<MasterKey, OpenError> {
    let path = dir.join(MASTER_KEY);
    match fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => key_from_text(&text).ok_or(OpenError::UnreadableKey { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && dir.join(CATALOGUE).exists() => {
            Err(OpenError::MissingKey { path })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => fresh_key(dir),
        Err(cause) => Err(OpenError::File { path, cause }),
    }
}

/// Whether there is a master key in the folder.
pub(crate) fn has_master_key(dir: &Path) -> bool {
    dir.join(MASTER_KEY).exists()
}

/// The key of the folder is not that of a shared catalogue.
pub(crate) fn other_key(dir: &Path, reason: &'static str) -> OpenError {
    OpenError::OtherKey { path: dir.join(MASTER_KEY), reason }
}

fn fresh_key(dir: &Path) -> Result<MasterKey, OpenError> {
    let path = dir.join(MASTER_KEY);
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut()).map_err(|cause| OpenError::file(&path)(io::Error::other(cause)))?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text.push('\n');
    write_whole(dir, MASTER_KEY, &text).map_err(OpenError::file(&path))?;
    Ok(MasterKey(key))
}

fn key_from_text(text: &str) -> Option<MasterKey> {
    let digits = text.trim_end().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(MasterKey(key))
}

/// The base URL of the server that has the folder, if one runs. After a crash it may be that of a server that is gone.
pub fn published_endpoint(dir: &Path) -> Option<String> {
    fs::read_to_string(dir.join(ENDPOINT)).ok()
}

pub(crate) fn publish_endpoint(dir: &Path, url: &str) -> io::Result<()> {
    write_whole(dir, ENDPOINT, url)
}

pub(crate) fn withdraw_endpoint(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(ENDPOINT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Puts a file in place so that a reader, or a crash, sees all of it or none.
pub(crate) fn write_whole(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let beside = dir.join(format!("{name}.new"));
    let mut file = private_file(&beside)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, dir.join(name))?;
    sync_folder(dir)
}

/// Writes a file over itself and syncs it; a file that is missing has nothing to lose.
///
/// A sync alone would not do: after one that failed, the kernel takes the pages for clean, and the next one has nothing to
/// write and succeeds. A power cut in the middle leaves each sector as it was or as it is, and what it is was read from it.
pub(crate) fn rewrite(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut bytes = vec![0; REWRITE_BYTES];
    let mut offset = 0;
    loop {
        let length = file.read_at(&mut bytes, offset)?;
        if length == 0 {
            return file.sync_all();
        }
        file.write_all_at(&bytes[..length], offset)?;
        offset += length as u64;
    }
}

pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates a file that only its owner can read, in the place of one that is there.
pub(crate) fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Has the system find room for a file of so many bytes at once, if it is long: that is faster than to find it while they are written.
/// Where it cannot, or there is no room, writing says so.
pub(crate) fn reserve(file: &File, bytes: usize) {
    if bytes >= RESERVED_MIN {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap_or_default();
    }
}

/// The bytes of a file; `None` when it is not there.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Opens or creates a file that only its owner can read.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = master_key(dir.path()).unwrap();
        assert_eq!(master_key(dir.path()).unwrap().expose_secret(), key.expose_secret());
        let mode = fs::metadata(dir.path().join(MASTER_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{key:?}"), "MasterKey(hidden)");
    }

    #[test]
    fn a_key_file_without_a_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "0123", &"g".repeat(64), &"0".repeat(63)] {
            fs::write(dir.path().join(MASTER_KEY), text).unwrap();
            assert!(matches!(master_key(dir.path()), Err(OpenError::UnreadableKey { .. })), "{text:?}");
        }
    }
}
