//! CSV as RFC 4180 has it, in UTF-8, row by row, whatever its columns mean.
//!
//! The parser underneath would collect an unclosed quote up to the end of the file, so the bytes pass a meter that
//! stops it at the bound of a row. It also numbers a row by the end of the row before, which is another line after a
//! blank line or a carriage return; so rows end at the line feed alone here, and are numbered back from it.

use std::fmt;
use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use crate::entry::{FieldProblem, ReadError};
use crate::input::TextReader;
use crate::limits::LINE_BYTES_MAX;

/// What stands between two columns unless somebody says otherwise.
pub(crate) const COMMA: u8 = b',';

/// A CSV text and the row of it that was read last.
pub(crate) struct CsvText {
    reader: Reader<Metered>,
    record: ByteRecord,
    columns: usize,
    delimiter: u8,
}

/// What there is to know of a row besides its cells.
pub(crate) struct CsvRow {
    pub(crate) line: u64,
    /// What is wrong with the row as a whole.
    pub(crate) problem: Option<FieldProblem>,
    /// The source ends in the middle of the row.
    pub(crate) torn: bool,
}

impl CsvText {
    /// Reads the header, whose cells are [`Self::header`] until the next row is read.
    pub(crate) fn open(source: TextReader, delimiter: u8) -> Result<Self, ReadError> {
        let metered = Metered { source, bytes: 0, bytes_total: 0, last: b'\n', end: End::Ahead };
        let mut builder = ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        let reader = builder.delimiter(delimiter).from_reader(metered);
        let mut text = Self { reader, record: ByteRecord::new(), columns: 0, delimiter };
        text.read_record()?;
        text.columns = text.record.len();
        Ok(text)
    }

    /// The row that was read last as one text, without its separators.
    pub(crate) fn row_text(&self) -> String {
        String::from_utf8_lossy(self.record.as_slice()).into_owned()
    }

    /// The cells of the row that was read last, all of them.
    pub(crate) fn header(&self) -> impl Iterator<Item = &[u8]> {
        cells(&self.record)
    }

    /// Number of columns that the header has.
    pub(crate) const fn columns(&self) -> usize {
        self.columns
    }

    /// The cells of the row that was read last, without the carriage return that may stand before its line feed, and
    /// without one whose quote nothing closes: it holds whatever came behind it.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.record.len().saturating_sub(usize::from(self.has_open_quote()));
        cells(&self.record).take(whole)
    }

    /// Reads the next row; `None` at the end, where it can be asked again if the source grows.
    pub(crate) fn next_row(&mut self) -> Result<Option<CsvRow>, ReadError> {
        if self.has_seen_end() || self.is_at_end()? || !self.read_record()? {
            return Ok(None);
        }
        let problem = self.open_quote().or_else(|| self.wrong_width());
        let torn = problem.is_some() && self.reader.get_ref().end != End::Ahead;
        Ok(Some(CsvRow { line: self.line(), problem, torn }))
    }

    /// Whether the last row was ended by the end of the source. If the source has grown since, what comes is the rest of that
    /// row, and not another.
    fn has_seen_end(&self) -> bool {
        self.reader.get_ref().end != End::Ahead
    }

    /// Whether all was read. The parser underneath goes on no more once it has seen an end.
    fn is_at_end(&mut self) -> Result<bool, ReadError> {
        let read = self.reader.position().byte();
        let metered = self.reader.get_mut();
        Ok(read == metered.bytes_total && metered.source.fill_buf()?.is_empty())
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

    fn open_quote(&self) -> Option<FieldProblem> {
        self.has_open_quote().then(|| self.row_problem("a quote is left open up to the end of the file"))
    }

    fn wrong_width(&self) -> Option<FieldProblem> {
        let (found, expected) = (self.record.len(), self.columns);
        let message = || format!("the row has {found} columns, the header {expected}");
        (found != expected).then(|| self.row_problem(message()))
    }

    fn row_problem(&self, message: impl fmt::Display) -> FieldProblem {
        let cells: Vec<_> = cells(&self.record).map(String::from_utf8_lossy).collect();
        FieldProblem::row(&cells.join(char::from(self.delimiter).to_string().as_str()), message)
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
    bytes_total: u64,
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
        self.bytes_total += length as u64;
        Ok(length)
    }
}
