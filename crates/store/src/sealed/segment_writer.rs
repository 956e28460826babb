//! Writes a segment: sorted records in, a Parquet file with its facts and keys out.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;
use xxhash_rust::xxh3::Xxh3Default;

use crate::encoding::Put;
use crate::error::StoreError;
use crate::limits::ROW_GROUP_ROWS;
use crate::sealed::files::FarmFiles;
use crate::sealed::keys::KeyEntry;
use crate::sealed::manifest::Segment;
use crate::sealed::month::Month;
use crate::sealed::segment_reader::verified_bytes;
use crate::sealed::segment_rows::{RowGroup, SegmentNames};
use crate::sealed::segment_schema::{properties, schema};

/// What a segment is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSegment<'a> {
    pub(crate) number: u32,
    pub(crate) month: Month,
    /// First and last batch that its records came in.
    pub(crate) sequences: (i64, i64),
    pub(crate) names: &'a SegmentNames,
}

/// A segment whose file is in its place and synced, and that no manifest names yet.
#[derive(Debug)]
pub(crate) struct WrittenSegment {
    pub(crate) segment: Segment,
    pub(crate) keys: Vec<KeyEntry>,
}

/// Writes ended records, which have to come in order of their ends.
pub(crate) fn write_segment<'a>(
    files: &FarmFiles,
    new: NewSegment<'_>,
    puts: impl ExactSizeIterator<Item = &'a Put>,
) -> Result<WrittenSegment, StoreError> {
    let path = files.segment(new.month, new.number);
    let shown = files.shown(&path);
    let written = files.put(&path, |file| {
        let mut writing = Writing::new(new, puts.len());
        let mut hashing = Hashing { file, hash: Xxh3Default::new(), bytes: 0 };
        let written = writing.write(&mut hashing, files, puts);
        written.map_err(|error| refused(&shown, &error))?;
        writing.segment.file_bytes = hashing.bytes;
        writing.segment.file_checksum = hashing.hash.digest128().to_be_bytes();
        Ok(WrittenSegment { segment: writing.segment, keys: writing.keys })
    })?;
    if files.are_copies() {
        files.share(new.month, new.number, &verified_bytes(files, &written.segment)?)?;
    }
    Ok(written)
}

/// A segment on its way to its file.
struct Writing<'a> {
    new: NewSegment<'a>,
    segment: Segment,
    keys: Vec<KeyEntry>,
}

impl<'a> Writing<'a> {
    fn new(new: NewSegment<'a>, records: usize) -> Self {
        let segment = Segment::empty(new.number, new.month, new.sequences);
        Self { new, segment, keys: Vec::with_capacity(records) }
    }

    fn write<'p>(
        &mut self,
        file: &mut Hashing<'_>,
        files: &FarmFiles,
        puts: impl Iterator<Item = &'p Put>,
    ) -> Result<(), ParquetError> {
        let mut writer = SerializedFileWriter::new(file, schema()?, Arc::new(properties()))?;
        writer.append_key_value_metadata(KeyValue::new("farmId".to_owned(), files.farm_id().to_string()));
        let mut rows = RowGroup::default();
        for put in puts {
            self.add(put, &mut rows);
            if rows.len() >= ROW_GROUP_ROWS {
                rows.write(&mut writer)?;
            }
        }
        if rows.len() > 0 {
            rows.write(&mut writer)?;
        }
        writer.close()?;
        Ok(())
    }

    fn add(&mut self, put: &Put, rows: &mut RowGroup) {
        let row = self.segment.row_count;
        let (lines, cost_nanos) = rows.push(put, self.new.names);
        self.keys.push(KeyEntry::of(put, self.new.number, row));
        // A record has at most 64 lines.
        self.segment.count(&put.record, u32::try_from(lines).unwrap_or(u32::MAX), cost_nanos);
    }
}

/// Computes the checksum of a file while it is written, so that bytes that change on their way are found out.
struct Hashing<'a> {
    file: &'a mut File,
    hash: Xxh3Default,
    bytes: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the disk said is inside of what the Parquet writer says.
fn refused(shown: &str, error: &ParquetError) -> StoreError {
    if let ParquetError::External(cause) = error
        && let Some(cause) = cause.downcast_ref::<io::Error>()
    {
        return StoreError::file(shown.to_owned(), cause);
    }
    StoreError::File { path: shown.to_owned(), cause: error.to_string() }
}
