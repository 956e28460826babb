//! The answers of completed aggregations: a file each, written whole before its aggregation is COMPLETED.
//!
//! An answer is not money: it can be asked for again, and lives for an hour. So its file is written and not synced. It
//! outlives the end of this process; after a power cut it may be damaged, which its checksum tells.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use farmtally_model::{AggregationId, GroupBy, StatisticsTable};
use xxhash_rust::xxh3::Xxh3Default;

use crate::answer_layout::{Output, Version, WriteError, read_table, write_table};
use crate::error::{OpenError, StoreError};
use crate::folder;
use crate::objects::Objects;

const ANSWERS: &str = "answers";
/// Bytes that are written at once. Of 40 MB, Linux 6.18 writes pieces of 1 MiB twelve times as slowly: it looks for large pages.
const WRITTEN_BYTES: usize = 1 << 17;
/// Bytes from which on they are hashed by another thread while they are written.
const HASHED_APART_MIN: usize = 1 << 20;

/// XXH3-128 of an aggregation's id and its file.
pub(crate) type AnswerChecksum = [u8; 16];

/// The files of answers in a data folder.
#[derive(Debug)]
pub(crate) struct AnswerFiles {
    folder: PathBuf,
    /// Where other servers find them.
    objects: Option<Arc<Objects>>,
}

impl AnswerFiles {
    pub(crate) fn new(dir: &Path, objects: Option<Arc<Objects>>) -> Self {
        Self { folder: dir.join(ANSWERS), objects }
    }

    fn path(&self, id: AggregationId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Writes an answer, for the next process to find it as well.
    pub(crate) fn write(
        &self,
        id: AggregationId,
        table: &StatisticsTable,
    ) -> Result<AnswerChecksum, StoreError> {
        let path = self.path(id);
        let failed = |cause: io::Error| StoreError::file(shown(id), &cause);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        let file = folder::new_private_file(&path).map_err(failed)?;
        let mut output = Hashed::new(id, file);
        // Servers from before may be beside this one, and read no other version.
        let version = if self.objects.is_some() { Version::Plain } else { Version::Lists };
        let written = write_table(table, version, &mut output);
        written.inspect_err(|_| self.remove(id)).map_err(|error| match (output.failed.take(), error) {
            (Some(cause), _) | (None, WriteError::File(cause)) => failed(cause),
            (None, WriteError::Store(error)) => error,
        })?;
        let checksum = output.hash.digest128().to_be_bytes();
        if let Some(objects) = &self.objects {
            let bytes = fs::read(&path).map_err(failed)?;
            let put = objects.put(&shown(id), &bytes);
            // From there on it is read by every server, this one too, and whoever purges it need not be this one.
            fs::remove_file(&path).unwrap_or_default();
            put?;
        }
        Ok(checksum)
    }

    /// Reads an answer of `row_count` rows back, whole and verified.
    pub(crate) fn read(
        &self,
        id: AggregationId,
        group_by: GroupBy,
        row_count: u64,
        checksum: AnswerChecksum,
    ) -> Result<StatisticsTable, StoreError> {
        let bytes = self.bytes(id)?.ok_or_else(|| damaged(id, "its file is missing"))?;
        if checksum_of(id, &bytes) != checksum {
            return Err(damaged(id, "its checksum does not match"));
        }
        read_table(&bytes, group_by, row_count).map_err(|malformed| damaged(id, &malformed.reason()))
    }

    /// The bytes of an answer of this or of another server; `None` when there are none.
    fn bytes(&self, id: AggregationId) -> Result<Option<Bytes>, StoreError> {
        match fs::read(self.path(id)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.objects.as_ref().map_or(Ok(None), |objects| objects.get(&shown(id)))
            }
            Err(cause) => Err(StoreError::file(shown(id), &cause)),
        }
    }

    /// Takes an answer away. One that stays behind, which the next start removes, costs space and nothing else.
    pub(crate) fn remove(&self, id: AggregationId) {
        fs::remove_file(self.path(id)).unwrap_or_default();
        if let Some(Err(error)) = self.objects.as_ref().map(|objects| objects.remove(&shown(id))) {
            tracing::warn!(%error, aggregation = %id, "an answer that nobody needs stays among the shared files");
        }
    }

    /// Removes what a crash left in the folder of a server whose answers are elsewhere.
    pub(crate) fn clear(&self) -> Result<(), OpenError> {
        self.list()?.into_iter().for_each(|id| fs::remove_file(self.path(id)).unwrap_or_default());
        Ok(())
    }

    /// The ids of the answers that are there. Other files are nobody's answers and are left alone.
    pub(crate) fn list(&self) -> Result<HashSet<AggregationId>, OpenError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
            entries => entries.map_err(OpenError::file(&self.folder))?,
        };
        let ids = entries.map(|entry| Ok(entry?.file_name().to_str().and_then(|name| name.parse().ok())));
        let ids: io::Result<HashSet<Option<AggregationId>>> = ids.collect();
        Ok(ids.map_err(OpenError::file(&self.folder))?.into_iter().flatten().collect())
    }
}

fn shown(id: AggregationId) -> String {
    format!("{ANSWERS}/{id}")
}

fn damaged(id: AggregationId, reason: &str) -> StoreError {
    StoreError::DamagedAnswer { aggregation_id: id, reason: reason.to_owned() }
}

fn checksum_of(id: AggregationId, bytes: &[u8]) -> AnswerChecksum {
    let mut hash = Xxh3Default::new();
    hash.update(&id.bytes());
    hash.update(bytes);
    hash.digest128().to_be_bytes()
}

/// A file and the checksum of what went into it.
struct Hashed<W> {
    output: W,
    hash: Xxh3Default,
    /// Why the last part was not written, which encoders do not hand on.
    failed: Option<io::Error>,
}

impl<W: Write> Hashed<W> {
    fn new(id: AggregationId, output: W) -> Self {
        let mut hash = Xxh3Default::new();
        hash.update(&id.bytes());
        Self { output, hash, failed: None }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes).map_err(|cause| {
            let kind = cause.kind();
            self.failed = Some(cause);
            kind
        })?;
        self.failed = None;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl<W: Write> Output for Hashed<W> {
    fn write_parts(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        if parts.iter().map(|part| part.len()).sum::<usize>() < HASHED_APART_MIN {
            return parts.iter().try_for_each(|part| self.write_all(part));
        }
        let Self { output, hash, .. } = self;
        let mut hash_parts = || parts.iter().for_each(|part| hash.update(part));
        let (is_hashed, written) = thread::scope(|scope| {
            let hashing = thread::Builder::new().spawn_scoped(scope, &mut hash_parts);
            let mut pieces = parts.iter().flat_map(|part| part.chunks(WRITTEN_BYTES));
            (hashing.is_ok(), pieces.try_for_each(|piece| output.write_all(piece)))
        });
        if !is_hashed {
            // The process has no thread left.
            hash_parts();
        }
        written
    }
}
