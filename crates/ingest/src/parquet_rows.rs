//! Parquet files with the columns of the CSV form.

use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescriptor;

use crate::cell::Cells;
use crate::column::{Column, missing_columns};
use crate::entry::ReadError;
use crate::flat_rows::FlatRow;
use crate::parquet_cell::Encoding;
use crate::parquet_table::{FileColumn, ParquetTable};
use crate::suggestion::unknown;

/// The rows of a Parquet file.
pub(crate) struct ParquetRows {
    table: ParquetTable,
    columns: Vec<Column>,
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
        Ok(Self { table, columns })
    }

    fn next_row(&mut self) -> Result<Option<FlatRow>, ReadError> {
        let Some((line, values)) = self.table.next_row()? else { return Ok(None) };
        let mut cells = Cells::new();
        for (column, value) in self.columns.iter().zip(values) {
            cells.set(*column, value);
        }
        Ok(Some(FlatRow { line, cells, problem: None, torn: false }))
    }
}

impl Iterator for ParquetRows {
    type Item = Result<FlatRow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
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
const SEGMENT_COLUMNS: [&str; 3] = ["line", "priced", "fingerprint"];

/// pandas stores the labels of its rows as `__index_level_0__` and so on, which nobody asked it for.
fn is_pandas_index(name: &str) -> bool {
    let level = name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    level.is_some_and(|level| !level.is_empty() && level.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
