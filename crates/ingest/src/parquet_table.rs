//! A Parquet file, row by row, as far as its columns are asked for.
//!
//! Columns are decoded in batches, a row group at a time, so that a file of any size is read in bounded memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{AsBytes, DataType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use crate::cell::Cell;
use crate::entry::ReadError;
use crate::limits::PARQUET_BATCH_ROWS;
use crate::parquet_cell::Encoding;

/// A Parquet file and where it is read.
pub(crate) struct ParquetTable {
    file: Box<dyn FileReader>,
    columns: Vec<FileColumn>,
    next_row_group: usize,
    open_columns: Vec<OpenColumn>,
    batch: Vec<vec::IntoIter<Option<Cell<'static>>>>,
    row: u64,
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
            batch: vec![],
            row: 0,
        })
    }

    /// The number of the next row, from 1, and its cells in the order of the chosen columns; `None` at the end.
    pub(crate) fn next_row(
        &mut self,
    ) -> Result<Option<(u64, impl Iterator<Item = Option<Cell<'static>>> + '_)>, ReadError> {
        while self.batch.first().is_none_or(|column| column.len() == 0) {
            if !guarded(|| Ok(self.read_batch()? || self.open_row_group()?))? {
                return Ok(None);
            }
        }
        self.row += 1;
        Ok(Some((self.row, self.batch.iter_mut().map(|column| column.next().flatten()))))
    }

    /// Decodes the next rows of the open row group; false at its end.
    fn read_batch(&mut self) -> ParquetResult<bool> {
        let mut batch = Vec::with_capacity(self.open_columns.len());
        for column in &mut self.open_columns {
            batch.push(column.read(PARQUET_BATCH_ROWS)?.into_iter());
        }
        if batch.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
            return Err(ParquetError::General("the columns of a row group differ in length".to_owned()));
        }
        self.batch = batch;
        Ok(self.batch.first().is_some_and(|column| column.len() > 0))
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
    /// Up to so many values, with `None` for null.
    fn read(&mut self, rows_max: usize) -> ParquetResult<Vec<Option<Cell<'static>>>> {
        let (encoding, level_max) = (self.encoding, self.level_max);
        match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| Some(encoding.int32(*value)))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| Some(encoding.int64(*value)))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| Some(Encoding::fraction(value)))
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| encoding.bytes(value.as_bytes()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| encoding.bytes(value.as_bytes()))
            }
            ColumnReader::FloatColumnReader(reader) => {
                read_cells(reader, rows_max, level_max, |value| Some(Encoding::fraction(value)))
            }
            // Only a column without a type has these, and then it has no values.
            ColumnReader::BoolColumnReader(reader) => read_cells(reader, rows_max, level_max, |_| None),
            ColumnReader::Int96ColumnReader(reader) => read_cells(reader, rows_max, level_max, |_| None),
        }
    }
}

fn read_cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows_max: usize,
    level_max: i16,
    cell: impl Fn(&T::T) -> Option<Cell<'static>>,
) -> ParquetResult<Vec<Option<Cell<'static>>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    reader.read_records(rows_max, Some(&mut levels), None, &mut values)?;
    if level_max == 0 {
        return Ok(values.iter().map(cell).collect());
    }
    let mut present = values.iter();
    let cells =
        levels.iter().map(|level| if *level == level_max { present.next().and_then(&cell) } else { None });
    Ok(cells.collect())
}
