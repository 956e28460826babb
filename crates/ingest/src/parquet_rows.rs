//! Parquet files with the columns of the CSV form.

use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescriptor;

use crate::cell::{Cell, Cells};
use crate::column::{Column, missing_columns};
use crate::entry::{Entry, ReadError};
use crate::flat_rows::{FlatItem, FlatRow};
use crate::parquet_cell::Encoding;
use crate::parquet_sessions::TypedSessions;
use crate::parquet_table::{FileColumn, ParquetTable};
use crate::suggestion::unknown;

/// The rows of a Parquet file.
pub(crate) struct ParquetRows {
    table: ParquetTable,
    columns: Vec<Column>,
    /// The short way from columns to sessions.
    typed: TypedSessions,
    /// Of which batch of the table the short way knows, by the number of its first row.
    typed_batch: Option<u64>,
    /// The session id of the row that was given out before, if it was given out by itself.
    begun: Option<Cell<'static>>,
}

impl ParquetRows {
    /// Reads the schema.
    pub(crate) fn open(source: impl ChunkReader + 'static) -> Result<Self, ReadError> {
        let mut columns = Vec::new();
        let table = ParquetTable::open(source, |schema| {
            let (members, file_columns): (Vec<_>, _) = choose(schema)?.into_iter().unzip();
            columns = members;
            Ok(file_columns)
        })?;
        let typed = TypedSessions::new(&columns);
        Ok(Self { table, columns, typed, typed_batch: None, begun: None })
    }

    fn next_item(&mut self) -> Result<Option<FlatItem>, ReadError> {
        if !self.table.fill()? {
            return Ok(None);
        }
        if self.begun.is_none()
            && let Some(entry) = self.typed_session()
        {
            return Ok(Some(FlatItem::Whole(entry)));
        }
        let row = self.row();
        // A session whose first row went the long way goes it to its end.
        if self.begun.take().is_some_and(|begun| row.cells.get(Column::SessionId) != Some(&begun))
            && let Some(entry) = self.typed_session()
        {
            return Ok(Some(FlatItem::Whole(entry)));
        }
        self.begun = row.cells.get(Column::SessionId).cloned();
        self.table.advance(1);
        Ok(Some(FlatItem::Row(Box::new(row))))
    }

    /// The current row, cell by cell.
    fn row(&self) -> FlatRow {
        let mut cells = Cells::new();
        for (column, value) in self.columns.iter().zip(self.table.batch().cells(self.table.at())) {
            cells.set(*column, value);
        }
        FlatRow { line: self.table.line(), cells, problem: None, torn: false }
    }

    /// The session that begins in the current row, if it can go the short way.
    fn typed_session(&mut self) -> Option<Entry> {
        let (at, line) = (self.table.at(), self.table.line());
        let batch = line - at as u64;
        if self.typed_batch != Some(batch) {
            self.typed.begin_batch();
            self.typed_batch = Some(batch);
        }
        let (submission, rows) = self.typed.session(self.table.batch(), at)?;
        self.table.advance(rows);
        Some(Entry::Submission { line, submission })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<FlatItem, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_item().transpose()
    }
}

fn choose(schema: &SchemaDescriptor) -> Result<Vec<(Column, FileColumn)>, ReadError> {
    let mut columns: Vec<(Column, FileColumn)> = Vec::with_capacity(schema.num_columns());
    for (index, descriptor) in schema.columns().iter().enumerate() {
        let name = descriptor.path().parts().first().map_or("", String::as_str);
        if is_pandas_index(name) || SEGMENT_COLUMNS.contains(&name) {
            continue;
        }
        let column = Column::named(name)
            .ok_or_else(|| ReadError::header(unknown("column", name, &Column::all_names())))?;
        if columns.iter().any(|(earlier, _)| *earlier == column) {
            return Err(ReadError::header(format!("column {name} is given twice")));
        }
        columns.push((column, FileColumn { index, encoding: Encoding::of(column, descriptor)? }));
    }
    match missing_columns(|column| columns.iter().any(|(present, _)| *present == column)) {
        Some(message) => Err(ReadError::header(message)),
        None => Ok(columns),
    }
}

/// What farmtally's own segments have besides the columns of the interchange form, so that one can be imported elsewhere.
const SEGMENT_COLUMNS: [&str; 5] = ["line", "priced", "fingerprint", "share", "sentCostInUsd"];

/// pandas stores the labels of its rows as `__index_level_0__` and so on, which nobody asked it for.
fn is_pandas_index(name: &str) -> bool {
    let level = name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    level.is_some_and(|level| !level.is_empty() && level.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
