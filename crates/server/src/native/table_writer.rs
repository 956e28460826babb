//! A table in one of its forms, some rows after the others.

use std::io;

use super::columns::Column;
use super::csv::row_count;
use super::form::Form;
use super::parquet::ParquetParts;
use super::{arrow, csv};

/// Rows of a part of CSV.
const CSV_ROWS: usize = 2_048;
/// Rows of a batch of Arrow.
const ARROW_ROWS: usize = 16 * 1024;
/// Rows of a group of Parquet: fewer would compress badly, and a whole group is in memory.
const PARQUET_ROWS: usize = 64 * 1024;

/// Writes a table.
#[derive(Debug)]
pub(super) struct TableWriter {
    form: TableForm,
    is_begun: bool,
}

#[derive(Debug)]
enum TableForm {
    Csv,
    Arrow,
    Parquet(Option<Box<ParquetParts>>),
}

impl TableWriter {
    /// A writer for a form that is a table; `None` for JSON.
    pub(super) fn new(form: Form) -> Option<Self> {
        let form = match form {
            Form::Json => return None,
            Form::Csv => TableForm::Csv,
            Form::Arrow => TableForm::Arrow,
            Form::Parquet => TableForm::Parquet(None),
        };
        Some(Self { form, is_begun: false })
    }

    /// How many rows are best written at once.
    pub(super) fn rows_max(&self) -> usize {
        match self.form {
            TableForm::Csv => CSV_ROWS,
            TableForm::Arrow => ARROW_ROWS,
            TableForm::Parquet(_) => PARQUET_ROWS,
        }
    }

    /// Writes rows, and with the last of them the end. Names and types have to be the same each time; a table without rows is
    /// written with columns that have none.
    pub(super) fn write(&mut self, columns: &[Column], is_last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        match &mut self.form {
            TableForm::Csv => {
                if is_first {
                    csv::write_header(columns, &mut *out)?;
                }
                csv::write_rows(columns, out)
            }
            TableForm::Arrow => {
                if is_first {
                    arrow::write_schema(columns, &mut *out)?;
                }
                if row_count(columns) > 0 {
                    arrow::write_batch(columns, &mut *out)?;
                }
                if is_last { arrow::write_end(out) } else { Ok(()) }
            }
            TableForm::Parquet(writer) => {
                let mut parquet = match writer.take() {
                    Some(parquet) => parquet,
                    None => Box::new(ParquetParts::begin(columns)?),
                };
                if is_first || row_count(columns) > 0 {
                    parquet.write_group(columns, &mut *out)?;
                }
                if is_last {
                    return parquet.end(out);
                }
                *writer = Some(parquet);
                Ok(())
            }
        }
    }
}
