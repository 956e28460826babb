//! The answers of completed aggregations: a file each, or two for a long one, written whole before the aggregation's row says COMPLETED.
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
/// Bytes that are written at once. Longer pieces are written faster, but without reserved room Linux 6.18 takes twelve times as long for pieces of
/// 1 MiB, because it looks for large pages.
const WRITTEN_BYTES: usize = 1 << 18;
/// Bytes of rows from which on a part of them is written to a second file by another thread: the system lets one thread at a time write
/// to a file, and finding memory for a long one takes longer than anything else between an answer and its first page. For less, it
/// takes as long until the other thread begins.
const SHARED_MIN: usize = 1 << 22;
/// Free bytes on the disk with which an answer can be expected to be kept, and those for each of its rows.
const ROOM_MIN: u64 = 16 << 20;
const ROW_BYTES_MAX: u64 = 128;
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

    /// Whether an answer of so many rows can be expected to be kept. Names take room, too, and others write meanwhile.
    pub(crate) fn have_room(&self, row_count: usize) -> bool {
        let wanted = ROOM_MIN.saturating_add((row_count as u64).saturating_mul(ROW_BYTES_MAX));
        self.create_folder().is_ok() && folder::free_bytes(&self.folder).is_ok_and(|free| free >= wanted)
    }

    fn create_folder(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    /// Writes an answer, for the next process to find it as well.
    pub(crate) fn write(
        &self,
        id: AggregationId,
        table: &StatisticsTable,
    ) -> Result<AnswerChecksum, StoreError> {
        let path = self.path(id);
        let failed = |cause: io::Error| StoreError::file(shown(id), &cause);
        self.create_folder().map_err(failed)?;
        let file = folder::new_private_file(&path).map_err(failed)?;
        let mut output = AnswerOutput {
            file,
            hash: hash_of(id),
            failed: None,
            second_path: self.second_path(id),
            second: None,
        };
        // Servers from before may be beside this one, and read no other version.
        let version = if self.objects.is_some() { Version::Plain } else { Version::Lists };
        let written = write_table(table, version, &mut output);
        written.inspect_err(|_| self.remove(id)).map_err(|error| match (output.failed.take(), error) {
            (Some(cause), _) | (None, WriteError::File(cause)) => failed(cause),
            (None, WriteError::Store(error)) => error,
        })?;
        let checksum = checksum_of(output.hash, output.second);
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
        let second = read_if_there(&self.second_path(id), id)?;
        let mut hash = hash_of(id);
        hash.update(&own);
        if checksum_of(hash, second.as_deref().map(xxh3_128)) != checksum {
            return Err(damaged(id, "its checksum does not match"));
        }
        read_table(&own, &second.unwrap_or_default(), group_by, row_count)
            .map_err(|malformed| damaged(id, &malformed.reason()))
    }

    /// The bytes of an answer of this or of another server; `None` when there are none.
    fn bytes(&self, id: AggregationId) -> Result<Option<Bytes>, StoreError> {
        match (read_if_there(&self.path(id), id)?, &self.objects) {
            (Some(bytes), _) => Ok(Some(bytes.into())),
            (None, Some(objects)) => objects.get(&shown(id)),
            (None, None) => Ok(None),
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
        let AnswersThere { first, second } = self.list()?;
        first.union(&second).for_each(|id| self.remove_files(*id));
        Ok(())
    }

    fn remove_files(&self, id: AggregationId) {
        for path in [self.path(id), self.second_path(id)] {
            fs::remove_file(path).unwrap_or_default();
        }
    }

    /// The answers of which anything is there. Other files are nobody's answers and are left alone.
    pub(crate) fn list(&self) -> Result<AnswersThere, OpenError> {
        let mut there = AnswersThere::default();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(there),
            entries => entries.map_err(OpenError::file(&self.folder))?,
        };
        for entry in entries {
            let name = entry.map_err(OpenError::file(&self.folder))?.file_name();
            let name = name.to_str().unwrap_or_default();
            let (ids, id) = match name.strip_suffix(SECOND) {
                Some(id) => (&mut there.second, id),
                None => (&mut there.first, name),
            };
            ids.extend(id.parse::<AggregationId>());
        }
        Ok(there)
    }
}

/// Whose first files, and whose second files, are in a folder.
#[derive(Debug, Default)]
pub(crate) struct AnswersThere {
    pub(crate) first: HashSet<AggregationId>,
    pub(crate) second: HashSet<AggregationId>,
}

fn shown(id: AggregationId) -> String {
    format!("{ANSWERS}/{id}")
}

fn damaged(id: AggregationId, reason: &str) -> StoreError {
    StoreError::DamagedAnswer { aggregation_id: id, reason: reason.to_owned() }
}

/// The bytes of a file of an answer; `None` when it is not there.
fn read_if_there(path: &Path, id: AggregationId) -> Result<Option<Vec<u8>>, StoreError> {
    folder::read_if_there(path).map_err(|cause| StoreError::file(shown(id), &cause))
}

/// The checksum of an answer before its first byte.
fn hash_of(id: AggregationId) -> Xxh3Default {
    let mut hash = Xxh3Default::new();
    hash.update(&id.bytes());
    hash
}

fn checksum_of(mut hash: Xxh3Default, second: Option<u128>) -> AnswerChecksum {
    if let Some(second) = second {
        hash.update(&second.to_be_bytes());
    }
    hash.digest128().to_be_bytes()
}

/// The file of an answer with the checksum of what went into it, and the second file if the answer is long.
struct AnswerOutput {
    file: File,
    hash: Xxh3Default,
    /// Why the last part was not written, which encoders do not hand on.
    failed: Option<io::Error>,
    second_path: PathBuf,
    /// The checksum of the second file.
    second: Option<u128>,
}

impl Write for AnswerOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes).map_err(|cause| {
            let kind = cause.kind();
            self.failed = Some(cause);
            kind
        })?;
        self.failed = None;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Output for AnswerOutput {
    fn write_parts(
        &mut self,
        parts: &[&[u8]],
        next_bytes: usize,
        next: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let pieces: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(WRITTEN_BYTES)).collect();
        let bytes = length(parts);
        // Where there are two threads, both have as much to do.
        let own_bytes = if bytes < SHARED_MIN { bytes } else { bytes.saturating_sub(next_bytes) / 2 };
        let (first, second) = pieces.split_at(pieces_within(&pieces, own_bytes));
        let write_own = |output: &mut Self| {
            folder::reserve(&output.file, length(first));
            first.iter().try_for_each(|piece| output.write_all(piece))?;
            next(output)
        };
        if second.is_empty() {
            return write_own(self);
        }
        let path = &self.second_path.clone();
        let write_second = || write_hashed(path, second);
        let (own, writing) = thread::scope(|scope| {
            let writing = thread::Builder::new().spawn_scoped(scope, write_second);
            let own = write_own(self);
            (own, writing.map(|writing| writing.join().unwrap_or_else(|panic| resume_unwind(panic))))
        });
        own?;
        // The process may have no thread left.
        self.second = Some(writing.unwrap_or_else(|_| write_second())?);
        Ok(())
    }
}

fn length(pieces: &[&[u8]]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// How many of some pieces, from the first one on, take no more than so many bytes.
fn pieces_within(pieces: &[&[u8]], bytes: usize) -> usize {
    let mut left = Some(bytes);
    let fits = |piece: &&&[u8]| {
        left = left.and_then(|left| left.checked_sub(piece.len()));
        left.is_some()
    };
    pieces.iter().take_while(fits).count()
}

/// Writes a file, and gives its checksum.
fn write_hashed(path: &Path, pieces: &[&[u8]]) -> io::Result<u128> {
    let (mut file, mut hash) = (folder::new_private_file(path)?, Xxh3Default::new());
    folder::reserve(&file, length(pieces));
    for piece in pieces {
        file.write_all(piece)?;
        hash.update(piece);
    }
    Ok(hash.digest128())
}
