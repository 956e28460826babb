//! Where a store is kept: in one folder, or shared by several servers, of which each has a folder of its own for what it
//! can make again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use farmtally_postgres::PostgresAddress;

use crate::database::read_address;
use crate::error::OpenError;
use crate::folder;
use crate::objects::{Objects, shown};

/// The file that makes a folder one server's part of a shared store.
const SHARED: &str = "shared";

/// Where a store is kept.
#[derive(Clone)]
pub struct StoreLocation {
    folder: PathBuf,
    shared: Option<SharedPlaces>,
}

/// Where what servers share is kept.
#[derive(Clone)]
pub(crate) struct SharedPlaces {
    /// The URL of the catalogue's database. It may have a password in it.
    pub(crate) catalogue: String,
    /// The folder or bucket of segments and answers. That of a bucket has a secret in it.
    pub(crate) segments: String,
}

impl std::fmt::Debug for StoreLocation {
    /// Without the database's URL, and without the key pair of a bucket.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreLocation")
            .field("folder", &self.folder)
            .field("segments", &self.shared.as_ref().map(|shared| shown(&shared.segments)))
            .finish()
    }
}

impl StoreLocation {
    /// A folder that has the store in it.
    pub fn folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), shared: None }
    }

    /// Where the store of a folder is: in it, unless the folder says that it is one server's part of a shared store.
    pub fn of_folder(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(SHARED);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::folder(folder));
            }
            Err(cause) => return Err(OpenError::File { path, cause }),
        };
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(" = "));
            lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value.trim())
        };
        Self::shared(folder, value("catalogue"), value("segments"))
    }

    /// A catalogue in PostgreSQL (`postgres://…`) and segments in a shared folder (an absolute path) or a bucket
    /// (`s3://KEY:SECRET@BUCKET/PREFIX?endpoint=URL&region=REGION`). `folder` is this server's own: its master key, its audit log, and copies of segments.
    pub fn shared(folder: &Path, catalogue: &str, segments: &str) -> Result<Self, OpenError> {
        if !PostgresAddress::is_meant(catalogue) {
            let reason = "it has to begin with `postgres://`".to_owned();
            return Err(OpenError::CatalogueAddress { reason });
        }
        if catalogue.contains('\n') {
            return Err(OpenError::CatalogueAddress { reason: "it has a line break".to_owned() });
        }
        if segments.contains('\n') {
            let reason = "it has a line break".to_owned();
            return Err(OpenError::SegmentsAddress { address: shown(segments), reason });
        }
        read_address(catalogue)?;
        Objects::at(segments)?;
        let shared = SharedPlaces { catalogue: catalogue.to_owned(), segments: segments.to_owned() };
        Ok(Self { folder: folder.to_owned(), shared: Some(shared) })
    }

    /// Writes down in the folder, for its owner alone, that it is part of a shared store, so that every command on the folder
    /// finds the store. A folder with a catalogue of its own is refused.
    pub fn remember(&self) -> Result<(), OpenError> {
        let Some(places) = &self.shared else { return Ok(()) };
        if self.folder.join(folder::CATALOGUE).exists() {
            return Err(OpenError::OwnCatalogue { path: self.folder.clone() });
        }
        folder::create(&self.folder)?;
        let text = format!("catalogue = {}\nsegments = {}\n", places.catalogue, places.segments);
        let path = self.folder.join(SHARED);
        folder::write_whole(&self.folder, SHARED, &text).map_err(OpenError::file(&path))
    }

    /// The server's own folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The folder that has segments by their names, for others who read them; `None` when they are in a bucket.
    pub fn segments_folder(&self) -> Option<&Path> {
        match &self.shared {
            None => Some(&self.folder),
            Some(shared) => Some(Path::new(&shared.segments)).filter(|path| path.is_absolute()),
        }
    }

    /// Whether several servers may have it.
    pub const fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    pub(crate) const fn places(&self) -> Option<&SharedPlaces> {
        self.shared.as_ref()
    }
}

/// Refuses what is for a store in one folder.
pub(crate) fn require_own(folder: &Path) -> Result<(), OpenError> {
    if StoreLocation::of_folder(folder)?.is_shared() {
        return Err(OpenError::SharedStore { path: folder.to_owned() });
    }
    Ok(())
}
