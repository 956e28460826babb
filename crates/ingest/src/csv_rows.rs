//! The CSV form of the interchange schema: a usage line per row, under a header of its members.

use std::borrow::Cow;

use crate::cell::{Cell, Cells};
use crate::column::{Column, missing_columns};
use crate::csv_text::{COMMA, CsvText};
use crate::entry::{FieldProblem, ReadError};
use crate::flat_rows::{FlatItem, FlatRow};
use crate::input::TextReader;
use crate::suggestion::unknown;

/// The rows of a CSV text.
pub(crate) struct CsvRows {
    text: CsvText,
    columns: Vec<Column>,
}

impl CsvRows {
    /// Reads the header.
    pub(crate) fn open(source: TextReader) -> Result<Self, ReadError> {
        let text = CsvText::open(source, COMMA)?;
        let columns = columns(&text)?;
        Ok(Self { text, columns })
    }

    fn next_row(&mut self) -> Result<Option<FlatRow>, ReadError> {
        let Some(row) = self.text.next_row()? else { return Ok(None) };
        let mut row = FlatRow { line: row.line, cells: Cells::new(), problem: row.problem, torn: row.torn };
        for (column, bytes) in self.columns.iter().zip(self.text.cells()) {
            match std::str::from_utf8(bytes) {
                Ok("") => {}
                Ok(text) => row.cells.set(*column, Some(Cell::Untyped(Cow::Owned(text.to_owned())))),
                Err(_) => row.problem = Some(not_utf8(column.name(), bytes)),
            }
        }
        Ok(Some(row))
    }
}

impl Iterator for CsvRows {
    type Item = Result<FlatItem, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().map(|row| row.map(|row| FlatItem::Row(Box::new(row)))).transpose()
    }
}

/// A cell that is no text.
pub(crate) fn not_utf8(column: &str, bytes: &[u8]) -> FieldProblem {
    FieldProblem::new(column, &String::from_utf8_lossy(bytes), "the cell is not UTF-8 text")
}

fn columns(header: &CsvText) -> Result<Vec<Column>, ReadError> {
    refuse_other_separators(header)?;
    let mut columns = Vec::with_capacity(header.columns());
    for name in header.header() {
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

fn refuse_other_separators(header: &CsvText) -> Result<(), ReadError> {
    match header.row_text().matches([';', '\t']).next() {
        Some(separator) if header.columns() == 1 => Err(ReadError::header(format!(
            "the header is one column with {separator:?} in it; separate the columns by commas, or use a mapping"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
