//! A Parquet file, row by row, as far as its columns are asked for.
//!
//! Columns are decoded in batches, a row group at a time, so that a file of any size is read in bounded memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use crate::cell::Cell;
use crate::entry::ReadError;
use crate::limits::PARQUET_BATCH_ROWS;
use crate::parquet_batch::{Batch, Data, Values};
use crate::parquet_cell::Encoding;

/// A Parquet file and where it is read.
pub(crate) struct ParquetTable {
    file: Box<dyn FileReader>,
    columns: Vec<FileColumn>,
    next_row_group: usize,
    open_columns: Vec<OpenColumn>,
    batch: Batch,
    /// The current row, in the batch.
    at: usize,
    /// Rows of the file before the batch.
    before: u64,
}

/// A column of the file that is read.
#[derive(Clone, Copy)]
pub(crate) struct FileColumn {
    /// Its place in the file.
    pub(crate) index: usize,
    pub(crate) encoding: Encoding,
}

/// A column of the row group that is being read.
struct OpenColumn {
    encoding: Encoding,
    /// The level of a value that is there.
    level_max: i16,
    reader: ColumnReader,
}

impl ParquetTable {
    /// Reads the schema, of which `choose` picks the columns to read.
    pub(crate) fn open(
        source: impl ChunkReader + 'static,
        choose: impl FnOnce(&SchemaDescriptor) -> Result<Vec<FileColumn>, ReadError>,
    ) -> Result<Self, ReadError> {
        let file = guarded(|| Ok(SerializedFileReader::new(source)?))?;
        refuse_impossible_places(file.metadata())?;
        let columns = choose(file.metadata().file_metadata().schema_descr())?;
        Ok(Self {
            file: Box::new(file),
            columns,
            next_row_group: 0,
            open_columns: vec![],
            batch: Batch::default(),
            at: 0,
            before: 0,
        })
    }

    /// The number of the next row, from 1, and its cells in the order of the chosen columns; `None` at the end.
    pub(crate) fn next_row(
        &mut self,
    ) -> Result<Option<(u64, impl Iterator<Item = Option<Cell<'static>>> + '_)>, ReadError> {
        if !self.fill()? {
            return Ok(None);
        }
        let (line, at) = (self.line(), self.at);
        self.advance(1);
        Ok(Some((line, self.batch.cells(at))))
    }

    /// Sees that there is a current row; false at the end.
    pub(crate) fn fill(&mut self) -> Result<bool, ReadError> {
        while self.at == self.batch.rows() {
            if !guarded(|| Ok(self.read_batch()? || self.open_row_group()?))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows that were decoded together.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The current row, in the batch.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The number of the current row, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.before + self.at as u64 + 1
    }

    /// Goes on by rows that the batch has.
    pub(crate) fn advance(&mut self, rows: usize) {
        self.at += rows;
    }

    /// Decodes the next rows of the open row group; false at its end.
    fn read_batch(&mut self) -> ParquetResult<bool> {
        let mut columns = Vec::with_capacity(self.open_columns.len());
        for column in &mut self.open_columns {
            columns.push(column.read(PARQUET_BATCH_ROWS)?);
        }
        self.before += self.batch.rows() as u64;
        self.at = 0;
        self.batch = Batch::new(columns)?;
        Ok(self.batch.rows() > 0)
    }

    /// Opens the next row group; false after the last.
    fn open_row_group(&mut self) -> ParquetResult<bool> {
        if self.next_row_group == self.file.num_row_groups() {
            return Ok(false);
        }
        let row_group = self.file.get_row_group(self.next_row_group)?;
        self.next_row_group += 1;
        self.open_columns.clear();
        for FileColumn { index, encoding } in self.columns.iter().copied() {
            let descriptor = self.file.metadata().file_metadata().schema_descr().column(index);
            let level_max = descriptor.max_def_level();
            let reader = get_column_reader(descriptor, row_group.get_column_page_reader(index)?);
            self.open_columns.push(OpenColumn { encoding, level_max, reader });
        }
        Ok(true)
    }
}

/// The crate that reads the format still panics over some damaged files. Here that is one more way to say that a file is
/// not readable, and nobody reads on in it.
fn guarded<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let gave_up = || ParquetError::General("its parts contradict each other".to_owned()).into();
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(gave_up()))
}

/// Finds what the crate would panic over, so that nobody has to read of a panic.
fn refuse_impossible_places(metadata: &ParquetMetaData) -> ParquetResult<()> {
    let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let is_possible = |column: &ColumnChunkMetaData| {
        column.data_page_offset() >= 0
            && column.dictionary_page_offset().is_none_or(|offset| offset >= 0)
            && column.compressed_size() >= 0
            && column.num_values() >= 0
    };
    if columns.into_iter().all(is_possible) {
        return Ok(());
    }
    Err(ParquetError::General("a column begins or ends before the file does".to_owned()))
}

impl OpenColumn {
    /// Up to so many values.
    fn read(&mut self, rows_max: usize) -> ParquetResult<Values> {
        let (mut levels, level_max) = (Vec::new(), self.level_max);
        let levels_wanted = (level_max > 0).then_some(&mut levels);
        let data = match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => Data::Int32(read(reader, rows_max, levels_wanted)?),
            ColumnReader::Int64ColumnReader(reader) => Data::Int64(read(reader, rows_max, levels_wanted)?),
            ColumnReader::DoubleColumnReader(reader) => Data::Double(read(reader, rows_max, levels_wanted)?),
            ColumnReader::FloatColumnReader(reader) => Data::Float(read(reader, rows_max, levels_wanted)?),
            ColumnReader::ByteArrayColumnReader(reader) => {
                Data::Bytes(read(reader, rows_max, levels_wanted)?)
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                Data::FixedBytes(read(reader, rows_max, levels_wanted)?)
            }
            // Only a column without a type has these, and then it has no values.
            ColumnReader::BoolColumnReader(reader) => {
                Data::Unread(read(reader, rows_max, levels_wanted)?.len())
            }
            ColumnReader::Int96ColumnReader(reader) => {
                Data::Unread(read(reader, rows_max, levels_wanted)?.len())
            }
        };
        let levels = (level_max > 0).then_some(levels);
        Ok(Values::new(self.encoding, data, levels.as_deref(), level_max))
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows_max: usize,
    levels: Option<&mut Vec<i16>>,
) -> ParquetResult<Vec<T::T>> {
    let mut values = Vec::with_capacity(rows_max);
    reader.read_records(rows_max, levels, None, &mut values)?;
    Ok(values)
}
