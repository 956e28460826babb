//! CSV as RFC 4180 has it, in UTF-8, with a header.
//!
//! The parser underneath would collect an unclosed quote up to the end of the file, so the bytes pass a meter that
//! stops it at the bound of a row. It also numbers a row by the end of the row before, which is another line after a
//! blank line or a carriage return; so rows end at the line feed alone here, and are numbered back from it.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use crate::cell::{Cell, Cells};
use crate::column::{Column, missing_columns};
use crate::entry::{FieldProblem, ReadError};
use crate::flat_rows::FlatRow;
use crate::input::TextReader;
use crate::limits::LINE_BYTES_MAX;
use crate::suggestion::unknown;

/// The rows of a CSV text.
pub(crate) struct CsvRows {
    reader: Reader<Metered>,
    meter: Arc<AtomicUsize>,
    columns: Vec<Column>,
    record: ByteRecord,
}

impl CsvRows {
    /// Reads the header.
    pub(crate) fn open(source: TextReader) -> Result<Self, ReadError> {
        let meter = Arc::new(AtomicUsize::new(0));
        let metered = Metered { source, bytes: Arc::clone(&meter), last: b'\n' };
        let mut builder = ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut rows =
            Self { reader: builder.from_reader(metered), meter, columns: vec![], record: ByteRecord::new() };
        rows.read_record()?;
        rows.columns = columns(&rows.record)?;
        Ok(rows)
    }

    /// Reads the next row that is not blank; false at the end.
    fn read_record(&mut self) -> Result<bool, ReadError> {
        loop {
            self.meter.store(0, Ordering::Relaxed);
            if !self.reader.read_byte_record(&mut self.record).map_err(io_error)? {
                return Ok(false);
            }
            if self.record.as_slice() != b"\r" {
                return Ok(true);
            }
        }
    }

    /// The line on which the row that was just read begins: its line feed is behind the reader.
    fn line(&self) -> u64 {
        // Splitting at its line feeds gives a row one piece more than it has of them, and one more ended it.
        let lines = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        self.reader.position().line().saturating_sub(lines)
    }

    fn next_row(&mut self) -> Result<Option<FlatRow>, ReadError> {
        if !self.read_record()? {
            return Ok(None);
        }
        let mut row = FlatRow { line: self.line(), cells: Cells::new(), problem: self.wrong_width() };
        for (column, bytes) in self.columns.iter().zip(cells(&self.record)) {
            match std::str::from_utf8(bytes) {
                Ok("") => {}
                Ok(text) => row.cells.set(*column, Some(Cell::Untyped(Cow::Owned(text.to_owned())))),
                Err(_) => row.problem = Some(not_utf8(*column, bytes)),
            }
        }
        Ok(Some(row))
    }

    fn wrong_width(&self) -> Option<FieldProblem> {
        let (found, expected) = (self.record.len(), self.columns.len());
        let message = format!("the row has {found} columns, the header {expected}");
        (found != expected)
            .then(|| FieldProblem::row(&String::from_utf8_lossy(self.record.as_slice()), message))
    }
}

impl Iterator for CsvRows {
    type Item = Result<FlatRow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}

/// The cells of a row, without the carriage return that may stand before its line feed.
fn cells(record: &ByteRecord) -> impl Iterator<Item = &[u8]> {
    let last = record.len().saturating_sub(1);
    record.iter().enumerate().map(move |(index, cell)| match cell {
        [text @ .., b'\r'] if index == last => text,
        cell => cell,
    })
}

fn not_utf8(column: Column, bytes: &[u8]) -> FieldProblem {
    FieldProblem::new(column.name(), &String::from_utf8_lossy(bytes), "the cell is not UTF-8 text")
}

fn columns(header: &ByteRecord) -> Result<Vec<Column>, ReadError> {
    let mut columns = Vec::with_capacity(header.len());
    for name in cells(header) {
        let name = String::from_utf8_lossy(name);
        let column = Column::named(&name)
            .ok_or_else(|| ReadError::header(unknown("column", &name, &Column::all_names())))?;
        if columns.contains(&column) {
            return Err(ReadError::header(format!("column {name} is given twice")));
        }
        columns.push(column);
    }
    match missing_columns(|column| columns.contains(&column)) {
        Some(message) => Err(ReadError::header(message)),
        None => Ok(columns),
    }
}

/// With flexible rows of bytes, a failing source is all that the parser reports.
fn io_error(error: csv::Error) -> ReadError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReadError::Io(error),
        other => ReadError::header(format!("unreadable CSV: {other:?}")),
    }
}

/// Counts the bytes that were read since the last row, and ends the last row if its source does not.
struct Metered {
    source: TextReader,
    bytes: Arc<AtomicUsize>,
    last: u8,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.load(Ordering::Relaxed) > LINE_BYTES_MAX {
            let message = format!("a CSV row is longer than {LINE_BYTES_MAX} bytes; is a quote left open?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut length = self.source.read(buffer)?;
        if length == 0 && self.last != b'\n' && !buffer.is_empty() {
            (buffer[0], length) = (b'\n', 1);
        }
        if let Some(last) = buffer[..length].last() {
            self.last = *last;
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
