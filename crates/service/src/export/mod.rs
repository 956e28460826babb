//! Tables for others to read: sessions, and usage in the columns of FOCUS, as CSV, JSON Lines or Parquet.
//!
//! Amounts are decimal text or decimal columns, never floats, and add up to what the API says. What is written goes to any
//! writer; which files there are is for the caller to know.

mod cell;
mod column;
mod csv;
mod focus;
mod focus_columns;
mod json_lines;
mod parquet_file;
mod sessions;
mod used;

use std::io::Write;

use farmtally_model::FarmId;

pub use cell::Cell;
pub use column::{Column, ColumnKind};
pub use focus::FocusOptions;
pub use focus_columns::FocusVersion;

use crate::error::ServiceError;
use crate::month::Month;
use crate::service::Service;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values by RFC 4180, a head first; an empty cell is no value.
    Csv,
    /// A JSON object a line; amounts are texts; members without a value are left out.
    JsonLines,
    /// Parquet with decimal and timestamp columns, compressed by Zstandard.
    Parquet,
}

impl ExportFormat {
    /// The ending of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The records could not be read.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The table could not be written.
    #[error("cannot write the table")]
    Write(#[from] std::io::Error),
    /// A record has more of something than can be counted.
    #[error("`{record}` has accrued more than 1000000000 USD; correct its rate or end it")]
    AccruedTooMuch {
        /// The record.
        record: String,
    },
}

/// A table on its way out.
#[derive(Debug, Default)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Writes it.
    pub fn write(&self, format: ExportFormat, mut writer: impl Write + Send) -> Result<(), ExportError> {
        match format {
            ExportFormat::Csv => csv::write(self, &mut writer)?,
            ExportFormat::JsonLines => json_lines::write(self, &mut writer)?,
            ExportFormat::Parquet => parquet_file::write(self, &mut writer)?,
        }
        Ok(writer.flush()?)
    }
}

impl Service {
    /// The usage of a month in the columns of FOCUS: a row for each day and each use of each job or volume.
    pub fn export_focus(
        &self,
        farm_id: FarmId,
        month: Month,
        options: &FocusOptions,
    ) -> Result<Table, ExportError> {
        focus::table(self, farm_id, month, options)
    }

    /// The records that started in a month: a usage line a row, in the columns of the interchange form.
    pub fn export_sessions(&self, farm_id: FarmId, month: Month) -> Result<Table, ExportError> {
        sessions::table(self, farm_id, month)
    }
}
