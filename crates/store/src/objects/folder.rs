//! Shared files in a folder that all servers have mounted.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::StoreError;
use crate::folder::{new_private_file, read_if_there, sync_folder};
use crate::sealed::remove_file;

/// A folder of files.
#[derive(Debug)]
pub(crate) struct SharedFolder {
    root: PathBuf,
}

impl SharedFolder {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(name);
        let failed = |cause: io::Error| StoreError::file(path.display().to_string(), &cause);
        let unfinished = unfinished(&path).map_err(failed)?;
        let written = self.write(&path, &unfinished, bytes);
        if written.is_err() {
            remove_file(&unfinished).unwrap_or_default();
        }
        written.map_err(failed)
    }

    fn write(&self, path: &Path, unfinished: &Path, bytes: &[u8]) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        create_folders(&self.root, parent)?;
        let mut file = new_private_file(unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(unfinished, path)?;
        sync_folder(parent)
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.root.join(name);
        let read = read_if_there(&path);
        read.map(|bytes| bytes.map(Bytes::from))
            .map_err(|cause| StoreError::file(path.display().to_string(), &cause))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        remove_file(&path).map_err(|cause| StoreError::file(path.display().to_string(), &cause))
    }
}

/// A name beside the file that no other server and no other thread writes.
fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(path.with_extension(format!("{:016x}.new", u64::from_le_bytes(random))))
}

/// Creates the folders below the root and syncs all above them, also those that were there: whoever made one may have died
/// before its entry was on the disk. The root has to be there: one that is missing is not mounted.
fn create_folders(root: &Path, folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent().filter(|_| folder != root) else { return File::open(root).map(drop) };
    create_folders(root, parent)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created?,
    }
    sync_folder(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let folder = SharedFolder::new(dir.path().to_str().unwrap());
        assert_eq!(folder.get("a/b/c").unwrap(), None);
        folder.put("a/b/c", b"content").unwrap();
        assert_eq!(folder.get("a/b/c").unwrap().as_deref(), Some(&b"content"[..]));
        assert_eq!(fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1);
        folder.remove("a/b/c").unwrap();
        folder.remove("a/b/c").unwrap();
        assert_eq!(folder.get("a/b/c").unwrap(), None);
    }

    #[test]
    fn a_root_that_is_not_mounted_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let folder = SharedFolder::new(dir.path().join("missing").to_str().unwrap());
        assert!(matches!(folder.put("a/b", b""), Err(StoreError::File { .. })));
        assert!(!dir.path().join("missing").exists());
    }
}
