//! CSV as RFC 4180 has it, in UTF-8, with a header.
//!
//! The parser underneath would collect an unclosed quote up to the end of the file, so the bytes pass a meter that
//! stops it at the bound of a row. It also numbers a row by the end of the row before, which is another line after a
//! blank line or a carriage return; so rows end at the line feed alone here, and are numbered back from it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

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
    columns: Vec<Column>,
    record: ByteRecord,
}

impl CsvRows {
    /// Reads the header.
    pub(crate) fn open(source: TextReader) -> Result<Self, ReadError> {
        let metered = Metered { source, bytes: 0, last: b'\n', end: End::Ahead };
        let mut builder = ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let mut rows =
            Self { reader: builder.from_reader(metered), columns: vec![], record: ByteRecord::new() };
        rows.read_record()?;
        rows.columns = columns(&rows.record)?;
        Ok(rows)
    }

    /// Reads the next row that is not blank; false at the end.
    fn read_record(&mut self) -> Result<bool, ReadError> {
        loop {
            self.reader.get_mut().bytes = 0;
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
        // Splitting at its line feeds gives a row one piece more than it has of them, and one more ended it, unless a
        // quote was left open.
        let pieces = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        let lines = pieces - u64::from(self.has_open_quote());
        self.reader.position().line().saturating_sub(lines)
    }

    /// Whether the row that was just read has a quote that nothing closes. The source always ends with a line feed, so
    /// that only such a row reads beyond it.
    fn has_open_quote(&self) -> bool {
        self.reader.get_ref().end == End::Passed
    }

    fn next_row(&mut self) -> Result<Option<FlatRow>, ReadError> {
        if !self.read_record()? {
            return Ok(None);
        }
        let problem = self.open_quote().or_else(|| self.wrong_width());
        let torn = problem.is_some() && self.reader.get_ref().end != End::Ahead;
        let mut row = FlatRow { line: self.line(), cells: Cells::new(), problem, torn };
        // The cell of an open quote holds whatever came behind it.
        let whole = self.record.len() - usize::from(self.has_open_quote());
        for (column, bytes) in self.columns.iter().zip(cells(&self.record).take(whole)) {
            match std::str::from_utf8(bytes) {
                Ok("") => {}
                Ok(text) => row.cells.set(*column, Some(Cell::Untyped(Cow::Owned(text.to_owned())))),
                Err(_) => row.problem = Some(not_utf8(*column, bytes)),
            }
        }
        Ok(Some(row))
    }

    fn open_quote(&self) -> Option<FieldProblem> {
        self.has_open_quote().then(|| self.row_problem("a quote is left open up to the end of the file"))
    }

    fn wrong_width(&self) -> Option<FieldProblem> {
        let (found, expected) = (self.record.len(), self.columns.len());
        let message = || format!("the row has {found} columns, the header {expected}");
        (found != expected).then(|| self.row_problem(message()))
    }

    fn row_problem(&self, message: impl fmt::Display) -> FieldProblem {
        let cells: Vec<_> = cells(&self.record).map(String::from_utf8_lossy).collect();
        FieldProblem::row(&cells.join(","), message)
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
    refuse_other_separators(header)?;
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

fn refuse_other_separators(header: &ByteRecord) -> Result<(), ReadError> {
    let line = String::from_utf8_lossy(header.as_slice());
    match line.matches([';', '\t']).next() {
        Some(separator) if header.len() == 1 => Err(ReadError::header(format!(
            "the header is one column with {separator:?} in it; separate the columns by commas"
        ))),
        _ => Ok(()),
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
    bytes: usize,
    last: u8,
    end: End,
}

/// How far the reading is from the end of its source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// There may be more to read.
    Ahead,
    /// The last row had no line feed, and was given one.
    Mended,
    /// All was read, and more was asked for.
    Passed,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes > LINE_BYTES_MAX {
            let message = format!("a CSV row is longer than {LINE_BYTES_MAX} bytes; is a quote left open?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut length = self.source.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            self.end = End::Passed;
            if self.last != b'\n' {
                (buffer[0], length) = (b'\n', 1);
                self.end = End::Mended;
            }
        }
        if let Some(last) = buffer[..length].last() {
            self.last = *last;
        }
        self.bytes += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
