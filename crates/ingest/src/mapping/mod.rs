//! Foreign tables: a mapping says which of a file's columns feeds which member of a session.
//!
//! A row is a session. The mapping turns it into the cells of the interchange form, and from there on the contract is
//! the same as everywhere. The one fact that hurts when discovered late: a session's id is made of native text under
//! the mapping's `source`, so that another source, or another choice of columns, counts everything anew.

mod draft;
mod field;
mod form;
mod moment;
mod rows;
mod session;

use std::io::Read;

use bytes::Bytes;

use crate::column::Column;
use crate::entry::ReadError;
use crate::format::{Entries, Format, Input};
use crate::input::text_reader;
use crate::lines::LineEntries;

pub use self::draft::draft_mapping;
pub use self::form::MappingError;
use self::rows::{CsvEntries, MappedJsonLines, ParquetEntries};
use self::session::SessionMapping;

/// How the rows of a foreign table become sessions.
#[derive(Debug, Clone)]
pub struct Mapping {
    format: Option<Format>,
    delimiter: u8,
    /// Names of the columns that are read, each once.
    columns: Vec<String>,
    session: SessionMapping,
}

impl Mapping {
    /// Reads a mapping in TOML.
    pub fn parse(toml: &str) -> Result<Self, MappingError> {
        form::parse(toml)
    }

    /// The format that the mapping says its files have.
    pub const fn format(&self) -> Option<Format> {
        self.format
    }

    /// Whether a record of it can be a correction of an earlier one.
    pub fn has_revisions(&self) -> bool {
        self.session.fields.iter().any(|(column, _)| *column == Column::Revision)
    }

    /// The formats that a mapping can be for.
    pub const FORMATS: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Parquet];

    /// Reads a table by this mapping; `None` for a format that is no table.
    pub(crate) fn open(self, format: Format, input: Input) -> Result<Entries, ReadError> {
        match format {
            Format::Csv => Ok(Entries::new(CsvEntries::open(text_reader(input.into_stream())?, self)?)),
            Format::Jsonl => {
                let reader = text_reader(input.into_stream())?;
                Ok(Entries::new(LineEntries::new(reader, MappedJsonLines::new(self))))
            }
            Format::Parquet => Ok(Entries::new(match input {
                Input::File(file) => ParquetEntries::open(file, self)?,
                Input::Stream(mut stream) => {
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes)?;
                    ParquetEntries::open(Bytes::from(bytes), self)?
                }
            })),
            other => Err(ReadError::header(format!(
                "a mapping is for csv, jsonl and parquet; {other} has its own"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
