//! Files that several servers share: segments and answers, each written whole under a name that is never used again.

mod folder;
mod s3;
mod s3_address;

use bytes::Bytes;

use crate::error::{OpenError, StoreError};

pub(crate) use folder::SharedFolder;
pub(crate) use s3::S3;
pub(crate) use s3_address::{S3Address, shown};

/// Where the shared files are.
#[derive(Debug)]
pub(crate) enum Objects {
    /// A folder that all servers have mounted.
    Folder(SharedFolder),
    /// A bucket of a server that speaks S3.
    S3(Box<S3>),
}

impl Objects {
    /// The place with this address: the absolute path of a folder, or `s3://…`.
    pub(crate) fn at(address: &str) -> Result<Self, OpenError> {
        let refused = |reason: String| OpenError::SegmentsAddress { address: shown(address), reason };
        if S3Address::is_meant(address) {
            let address = S3Address::parse(address).map_err(refused)?;
            return Ok(Self::S3(Box::new(S3::new(address))));
        }
        if !address.starts_with('/') {
            return Err(refused("it is neither the absolute path of a folder nor s3://…".to_owned()));
        }
        Ok(Self::Folder(SharedFolder::new(address)))
    }

    /// Writes a file. It is durable, whole, and there for every server when this returns.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.put(name, bytes),
            Self::S3(s3) => s3.put(name, bytes),
        }
    }

    /// Reads a file; `None` when it is not there.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Folder(folder) => folder.get(name),
            Self::S3(s3) => s3.get(name),
        }
    }

    /// Removes a file; one that is gone already is no error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => folder.remove(name),
            Self::S3(s3) => s3.remove(name),
        }
    }
}
