//! Files that several servers share: segments and answers, each written whole under a name that is never used again.

mod folder;

use bytes::Bytes;

use crate::error::StoreError;

pub(crate) use folder::SharedFolder;

/// Where the shared files are.
#[derive(Debug)]
pub(crate) enum Objects {
    /// A folder that all servers have mounted.
    Folder(SharedFolder),
}

impl Objects {
    /// The place with this address.
    pub(crate) fn at(address: &str) -> Self {
        Self::Folder(SharedFolder::new(address))
    }

    /// Writes a file. It is durable, whole, and there for every server when this returns.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.put(name, bytes),
        }
    }

    /// Reads a file; `None` when it is not there.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Folder(folder) => folder.get(name),
        }
    }

    /// Removes a file; one that is gone already is no error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.remove(name),
        }
    }
}
