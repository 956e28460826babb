//! The rows of CSV, JSON Lines and Parquet tables, each with the cells that a mapping asks for.

use std::borrow::Cow;

use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescriptor;

use super::Mapping;
use crate::cell::Cell;
use crate::csv_rows::not_utf8;
use crate::csv_text::CsvText;
use crate::entry::{Entry, ReadError};
use crate::input::TextReader;
use crate::json_members::{Members, json_cell};
use crate::lines::LineParser;
use crate::parquet_cell::Encoding;
use crate::parquet_table::{FileColumn, ParquetTable};
use crate::suggestion::unknown;

/// The sessions of a CSV text.
pub(super) struct CsvEntries {
    text: CsvText,
    mapping: Mapping,
    /// For each column of the text the place of its cell in a row, if it is asked for.
    places: Vec<Option<usize>>,
}

impl CsvEntries {
    /// Reads the header.
    pub(super) fn open(source: TextReader, mapping: Mapping) -> Result<Self, ReadError> {
        let text = CsvText::open(source, mapping.delimiter)?;
        let header: Vec<String> = text.header().map(header_name).collect();
        refuse_missing(&mapping.columns, &header)?;
        let place = |name: &String| mapping.columns.iter().position(|column| column == name);
        let places: Vec<_> = header.iter().map(place).collect();
        let repeated = places
            .iter()
            .enumerate()
            .find(|(index, place)| place.is_some() && places[..*index].contains(place));
        match repeated {
            Some((index, _)) => Err(ReadError::header(format!("column {:?} is there twice", header[index]))),
            None => Ok(Self { text, mapping, places }),
        }
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some(row) = self.text.next_row()? else { return Ok(None) };
        if let Some(problem) = row.problem {
            return Ok(Some(Entry::Rejected(problem.at(row.line))));
        }
        let mut cells = vec![None; self.mapping.columns.len()];
        for (place, bytes) in self.places.iter().zip(self.text.cells()) {
            let Some(place) = *place else { continue };
            let Ok(text) = std::str::from_utf8(bytes) else {
                let problem = not_utf8(&self.mapping.columns[place], bytes);
                return Ok(Some(Entry::Rejected(problem.at(row.line))));
            };
            cells[place] = (!text.is_empty()).then_some(Cell::Untyped(Cow::Borrowed(text)));
        }
        Ok(Some(self.mapping.session.entry(row.line, &cells)))
    }
}

impl Iterator for CsvEntries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// The name of a column, without the spaces that people leave around it.
pub(super) fn header_name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn refuse_missing(wanted: &[String], present: &[String]) -> Result<(), ReadError> {
    let Some(missing) = wanted.iter().find(|column| !present.contains(column)) else { return Ok(()) };
    let known: Vec<&str> = present.iter().map(String::as_str).collect();
    let is_other_delimiter = present.len() == 1 && present[0].contains([',', ';', '\t', '|']);
    let advice = if is_other_delimiter { "; say the mapping's delimiter" } else { "" };
    Err(ReadError::header(format!(
        "the file does not have what the mapping asks for: {}; its columns are {}{advice}",
        unknown("column", missing, &known),
        crate::entry::excerpt(&known.join(", "))
    )))
}

/// The parser of one line of JSON.
pub(super) struct MappedJsonLines {
    mapping: Mapping,
    /// Whether any line had each column: one that none has is probably misspelt.
    seen: bool,
}

impl MappedJsonLines {
    pub(super) const fn new(mapping: Mapping) -> Self {
        Self { mapping, seen: false }
    }

    /// The first line has at least one of the columns, or the mapping is for another file.
    fn refuse_another_file(
        &mut self,
        cells: &[Option<Cell<'_>>],
        members: &Members<'_>,
    ) -> Result<(), ReadError> {
        if self.seen || cells.iter().any(Option::is_some) {
            self.seen = true;
            return Ok(());
        }
        let names: Vec<String> = members.names().map(str::to_owned).collect();
        refuse_missing(&self.mapping.columns, &names)
    }
}

impl LineParser for MappedJsonLines {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        if text.trim_ascii().is_empty() {
            return Ok(None);
        }
        let members = match Members::parse(text) {
            Ok(members) => members,
            Err(problem) => return Ok(Some(Entry::Rejected(problem.at(line)))),
        };
        let cells: Vec<_> = self.mapping.columns.iter().map(|path| member(&members, path)).collect();
        self.refuse_another_file(&cells, &members)?;
        Ok(Some(self.mapping.session.entry(line, &cells)))
    }
}

/// The member at a path such as `job.name`; a member whose own name has the dot goes first.
fn member<'a>(members: &Members<'a>, path: &str) -> Option<Cell<'a>> {
    if let Some(raw) = members.get(path) {
        return json_cell(raw);
    }
    let dots = path.match_indices('.').map(|(place, _)| place);
    for place in dots {
        let (outer, inner) = (&path[..place], &path[place + 1..]);
        if let Some(raw) = members.get(outer)
            && let Ok(inside) = Members::parse(raw.get())
        {
            return member(&inside, inner);
        }
    }
    None
}

/// The sessions of a Parquet file.
pub(super) struct ParquetEntries {
    table: ParquetTable,
    mapping: Mapping,
}

impl ParquetEntries {
    /// Reads the schema.
    pub(super) fn open(source: impl ChunkReader + 'static, mapping: Mapping) -> Result<Self, ReadError> {
        let table = ParquetTable::open(source, |schema| {
            let names: Vec<String> = parquet_names(schema).collect();
            refuse_missing(&mapping.columns, &names)?;
            let column = |name: &String| parquet_column(schema, name);
            mapping.columns.iter().map(column).collect()
        })?;
        Ok(Self { table, mapping })
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some((row, cells)) = self.table.next_row()? else { return Ok(None) };
        let cells: Vec<_> = cells.collect();
        Ok(Some(self.mapping.session.entry(row, &cells)))
    }
}

impl Iterator for ParquetEntries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// The paths of a file's columns, such as `job.name`.
pub(super) fn parquet_names(schema: &SchemaDescriptor) -> impl Iterator<Item = String> {
    schema.columns().iter().map(|column| column.path().parts().join("."))
}

fn parquet_column(schema: &SchemaDescriptor, name: &str) -> Result<FileColumn, ReadError> {
    let found = parquet_names(schema).position(|known| known == name);
    let index = found.ok_or_else(|| ReadError::header(format!("column {name:?} is missing")))?;
    let descriptor = schema.column(index);
    match Encoding::of_any(&descriptor) {
        Some(encoding) => Ok(FileColumn { index, encoding }),
        None => Err(ReadError::header(format!(
            "column {name:?} is {} ({:?}), which is not read; write it as text",
            descriptor.physical_type(),
            descriptor.logical_type_ref()
        ))),
    }
}
