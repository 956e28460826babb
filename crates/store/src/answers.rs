//! The answers of completed aggregations: a file each, or two for a long one, written whole before its aggregation is COMPLETED.
//!
//! An answer is not money: it can be asked for again, and lives for an hour. So its file is written and not synced. It
//! outlives the end of this process; after a power cut it may be damaged, which its checksum tells.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use farmtally_model::{AggregationId, GroupBy, StatisticsTable};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::answer_layout::{Output, Version, WriteError, read_table, write_table};
use crate::error::{OpenError, StoreError};
use crate::folder;
use crate::objects::Objects;

const ANSWERS: &str = "answers";
/// Bytes that are written at once. Of 40 MB, Linux 6.18 writes pieces of 1 MiB twelve times as slowly: it looks for large pages.
const WRITTEN_BYTES: usize = 1 << 17;
/// Bytes from which on half of them are written to a second file by another thread: the system lets one thread at a time write to
/// a file, and finding memory for a long one takes longer than anything else between an answer and its first page.
const HALVED_MIN: usize = 1 << 20;
/// What the name of that file has behind the aggregation's id.
const SECOND: &str = ".rows";

/// XXH3-128 of an aggregation's id, its file, and the XXH3-128 of the second file if there is one.
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

    fn second_path(&self, id: AggregationId) -> PathBuf {
        self.folder.join(format!("{id}{SECOND}"))
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
        let mut output = AnswerOutput {
            own: Hashed::new(&id.bytes(), file),
            second_path: self.second_path(id),
            second: None,
        };
        // Servers from before may be beside this one, and read no other version.
        let version = if self.objects.is_some() { Version::Plain } else { Version::Lists };
        let written = write_table(table, version, &mut output);
        written.inspect_err(|_| self.remove(id)).map_err(|error| {
            match (output.own.failed.take(), error) {
                (Some(cause), _) | (None, WriteError::File(cause)) => failed(cause),
                (None, WriteError::Store(error)) => error,
            }
        })?;
        let checksum = checksum_of(output.own.hash, output.second);
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
        let own = self.bytes(id)?.ok_or_else(|| damaged(id, "its file is missing"))?;
        let second = match fs::read(self.second_path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read.map_err(|cause| StoreError::file(shown(id), &cause))?),
        };
        let mut hash = Hashed::new(&id.bytes(), io::sink()).hash;
        hash.update(&own);
        if checksum_of(hash, second.as_deref().map(xxh3_128)) != checksum {
            return Err(damaged(id, "its checksum does not match"));
        }
        read_table(&own, &second.unwrap_or_default(), group_by, row_count)
            .map_err(|malformed| damaged(id, &malformed.reason()))
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
        self.remove_files(id);
        if let Some(Err(error)) = self.objects.as_ref().map(|objects| objects.remove(&shown(id))) {
            tracing::warn!(%error, aggregation = %id, "an answer that nobody needs stays among the shared files");
        }
    }

    /// Removes what a crash left in the folder of a server whose answers are elsewhere.
    pub(crate) fn clear(&self) -> Result<(), OpenError> {
        self.list()?.into_iter().for_each(|id| self.remove_files(id));
        Ok(())
    }

    fn remove_files(&self, id: AggregationId) {
        for path in [self.path(id), self.second_path(id)] {
            fs::remove_file(path).unwrap_or_default();
        }
    }

    /// Whether the file of an answer is there.
    pub(crate) fn has(&self, id: AggregationId) -> bool {
        self.path(id).exists()
    }

    /// The ids of the answers of which anything is there. Other files are nobody's answers and are left alone.
    pub(crate) fn list(&self) -> Result<HashSet<AggregationId>, OpenError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
            entries => entries.map_err(OpenError::file(&self.folder))?,
        };
        let id = |name: &str| name.strip_suffix(SECOND).unwrap_or(name).parse().ok();
        let ids = entries.map(|entry| Ok(entry?.file_name().to_str().and_then(id)));
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

fn checksum_of(mut hash: Xxh3Default, second: Option<u128>) -> AnswerChecksum {
    if let Some(second) = second {
        hash.update(&second.to_be_bytes());
    }
    hash.digest128().to_be_bytes()
}

/// The file of an answer, and the second one if it becomes long.
struct AnswerOutput {
    own: Hashed<File>,
    second_path: PathBuf,
    /// The checksum of the second file.
    second: Option<u128>,
}

/// A file and the checksum of what went into it.
struct Hashed<W> {
    output: W,
    hash: Xxh3Default,
    /// Why the last part was not written, which encoders do not hand on.
    failed: Option<io::Error>,
}

impl<W: Write> Hashed<W> {
    fn new(prefix: &[u8], output: W) -> Self {
        let mut hash = Xxh3Default::new();
        hash.update(prefix);
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

impl Write for AnswerOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.own.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.own.flush()
    }
}

impl Output for AnswerOutput {
    fn write_parts(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut pieces: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(WRITTEN_BYTES)).collect();
        if parts.iter().map(|part| part.len()).sum::<usize>() < HALVED_MIN {
            return pieces.into_iter().try_for_each(|piece| self.own.write_all(piece));
        }
        let second_pieces = pieces.split_off(pieces.len().div_ceil(2));
        let mut second = Hashed::new(&[], folder::new_private_file(&self.second_path)?);
        let mut write_second = || second_pieces.iter().try_for_each(|piece| second.write_all(piece));
        let (own, writing) = thread::scope(|scope| {
            let writing = thread::Builder::new().spawn_scoped(scope, &mut write_second);
            let own = pieces.iter().try_for_each(|piece| self.own.write_all(piece));
            (own, writing.map(|writing| writing.join().unwrap_or_else(|panic| resume_unwind(panic))))
        });
        own?;
        // The process may have no thread left.
        if let Err(error) = writing.unwrap_or_else(|_| write_second()) {
            self.own.failed = second.failed;
            return Err(error);
        }
        self.second = Some(second.hash.digest128());
        Ok(())
    }
}
