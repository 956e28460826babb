//! Where a farm's sealed files are, and how one gets there: whole, synced, or not at all.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use farmtally_model::FarmId;

use crate::error::StoreError;
use crate::folder::sync_folder;
use crate::objects::Objects;
use crate::sealed::blocks;
use crate::sealed::holds::{HeldFiles, Holds};
use crate::sealed::manifest::{Manifest, Segment};
use crate::sealed::month::Month;

pub(crate) const SESSIONS: &str = "sessions";
const DERIVED: &str = "derived";

/// The ending of a file that is being written.
const UNFINISHED: &str = "new";

/// The sealed files of one farm in a data folder, which for a shared store has copies of segments.
#[derive(Debug, Clone)]
pub(crate) struct FarmFiles {
    folder: PathBuf,
    farm_id: FarmId,
    objects: Option<Arc<Objects>>,
    holds: Holds,
}

impl FarmFiles {
    pub(crate) fn new(folder: &Path, farm_id: FarmId) -> Self {
        Self { folder: folder.to_owned(), farm_id, objects: None, holds: Holds::default() }
    }

    /// Those of a store that may be shared.
    pub(crate) fn of_store(folder: &Path, objects: Option<&Arc<Objects>>, farm_id: FarmId) -> Self {
        Self { objects: objects.cloned(), ..Self::new(folder, farm_id) }
    }

    /// Whether the folder only has copies of what is somewhere else.
    pub(crate) const fn are_copies(&self) -> bool {
        self.objects.is_some()
    }

    /// Gives the bytes of a segment to every server, if there are several.
    pub(crate) fn share(&self, month: Month, number: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(objects) = &self.objects else { return Ok(()) };
        objects.put(&self.segment_name(month, number), bytes)
    }

    /// The bytes of a segment from where servers share them, unverified; `None` when there is no such place or file.
    pub(crate) fn fetch(&self, month: Month, number: u32) -> Result<Option<Bytes>, StoreError> {
        let Some(objects) = &self.objects else { return Ok(None) };
        objects.get(&self.segment_name(month, number))
    }

    /// Removes a segment for every server.
    pub(crate) fn unshare(&self, month: Month, number: u32) -> Result<(), StoreError> {
        let Some(objects) = &self.objects else { return Ok(()) };
        objects.remove(&self.segment_name(month, number))
    }

    pub(crate) const fn farm_id(&self) -> FarmId {
        self.farm_id
    }

    /// A segment's Parquet file, from the data folder.
    pub(crate) fn segment_name(&self, month: Month, number: u32) -> String {
        segment_below(&self.segments_name(), month, number)
    }

    /// The names of many segments' Parquet files, from the data folder.
    pub(crate) fn segment_names<'a>(
        &self,
        segments: impl Iterator<Item = &'a Segment>,
    ) -> impl Iterator<Item = String> {
        let farm = self.segments_name();
        segments.map(move |segment| segment_below(&farm, segment.month, segment.number))
    }

    fn segments_name(&self) -> String {
        format!("{SESSIONS}/farm={}", self.farm_id)
    }

    pub(crate) fn segment(&self, month: Month, number: u32) -> PathBuf {
        self.folder.join(self.segment_name(month, number))
    }

    /// A derived file, from the data folder.
    pub(crate) fn derived(&self, name: &str) -> PathBuf {
        self.derived_folder().join(name)
    }

    /// A segment's file and what is derived from it alone.
    pub(crate) fn of_segment(&self, month: Month, number: u32) -> [PathBuf; 2] {
        [self.segment(month, number), blocks::path(self, number)]
    }

    pub(crate) fn derived_folder(&self) -> PathBuf {
        self.folder.join(DERIVED).join(format!("farm={}", self.farm_id))
    }

    fn sessions_folder(&self) -> PathBuf {
        self.folder.join(self.segments_name())
    }

    /// The path as it is told to people.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// For `map_err`: the failure of an operation on a file.
    pub(crate) fn failed(&self, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = self.shown(path);
        move |cause| StoreError::file(path, &cause)
    }

    /// Keeps the files of all segments for somebody who opens them by their names.
    pub(crate) fn hold(&self) -> HeldFiles {
        self.holds.hold()
    }

    /// Removes files of segments that a committed manifest names no more, or leaves that to the last who holds them.
    pub(crate) fn retire(&self, paths: &[PathBuf]) -> Result<(), StoreError> {
        if self.holds.take_over(paths) {
            return Ok(());
        }
        self.remove(paths)
    }

    /// Removes files; those that are gone already are no error.
    pub(crate) fn remove(&self, paths: &[PathBuf]) -> Result<(), StoreError> {
        paths.iter().try_for_each(|path| remove_file(path).map_err(self.failed(path)))
    }

    /// Removes segments that no manifest names, what is derived from such, and everything unfinished: what a crash left.
    /// What somebody holds stays.
    pub(crate) fn remove_orphans(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let named: HashSet<PathBuf> = manifest.paths(self).collect();
        let sessions = self.sessions_folder();
        for month in list(&sessions).map_err(self.failed(&sessions))? {
            for path in list(&month).map_err(self.failed(&month))? {
                if !named.contains(&path) && !self.holds.is_doomed(&path) {
                    remove_file(&path).map_err(self.failed(&path))?;
                }
            }
        }
        self.remove(&self.derived_files(UNFINISHED)?)?;
        self.remove_orphaned_blocks(manifest)
    }

    /// Removes the blocks of segments that no manifest names. One of them could be named later, when the values that its
    /// codes stood for have become others.
    pub(crate) fn remove_orphaned_blocks(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let named: HashSet<PathBuf> =
            manifest.segments().map(|segment| blocks::path(self, segment.number)).collect();
        let mut orphans = self.derived_files(blocks::EXTENSION)?;
        orphans.retain(|path| !named.contains(path) && !self.holds.is_doomed(path));
        self.remove(&orphans)
    }

    /// The finished files in the farm's derived folder.
    pub(crate) fn derived_files(&self, extension: &str) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.derived_folder();
        let mut files = list(&folder).map_err(self.failed(&folder))?;
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        Ok(files)
    }

    /// Writes a file beside its place, syncs it, moves it there, and syncs the folders above it.
    pub(crate) fn put<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let unfinished = path.with_extension(UNFINISHED);
        let parent = path.parent().unwrap_or(&self.folder);
        self.create_folders(parent)?;
        let written = self.write(&unfinished, write).and_then(|value| {
            fs::rename(&unfinished, path).map_err(self.failed(path))?;
            sync_folder(parent).map_err(|cause| StoreError::not_synced(&self.shown(parent), &cause))?;
            Ok(value)
        });
        if written.is_err() {
            // What stays behind is removed when the folder is opened.
            remove_file(&unfinished).unwrap_or_default();
        }
        written
    }

    /// Puts the bytes of a segment into its place.
    pub(crate) fn put_segment(&self, segment: &Segment, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.segment(segment.month, segment.number);
        self.put(&path, |file| file.write_all(bytes).map_err(self.failed(&path)))
    }

    /// Creates a folder and those above it, and syncs each folder that has one of them in it: also where it was there already,
    /// because whoever made it may have died, or been told of a failure, before its entry was on the disk.
    fn create_folders(&self, folder: &Path) -> Result<(), StoreError> {
        let Some(parent) = folder.parent().filter(|_| folder != self.folder) else { return Ok(()) };
        self.create_folders(parent)?;
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created.map_err(self.failed(folder))?,
        }
        sync_folder(parent).map_err(|cause| StoreError::not_synced(&self.shown(parent), &cause))
    }

    fn write<T>(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut file = crate::folder::new_private_file(path).map_err(self.failed(path))?;
        let value = write(&mut file)?;
        file.sync_all().map_err(|cause| StoreError::not_synced(&self.shown(path), &cause))?;
        Ok(value)
    }
}

fn segment_below(farm: &str, month: Month, number: u32) -> String {
    // A question may need 100,000 of these: one allocation for each.
    let mut name = String::with_capacity(farm.len() + "/month=2025-12/0000000001.parquet".len());
    // Writing into a text does not fail.
    write!(name, "{farm}/month={month}/{number:010}.parquet").unwrap_or_default();
    name
}

/// Removes everything derived of all farms.
pub(crate) fn remove_derived(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder.join(DERIVED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a file; one that is gone already is no error.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// What is in a folder, by name; nothing when it is not there.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort_unstable();
    Ok(paths)
}
