//! The first rows of a file, all columns of them.

use std::io::{BufRead, BufReader, Read};

use bytes::Bytes;

use crate::cell::Cell;
use crate::csv_text::CsvText;
use crate::entry::ReadError;
use crate::format::{Format, Input};
use crate::input::{TextReader, peek, text_reader};
use crate::json_members::{Members, json_cell};
use crate::limits::LINE_BYTES_MAX;
use crate::mapping::rows::{header_name, parquet_names};
use crate::parquet_cell::Encoding;
use crate::parquet_table::{FileColumn, ParquetTable};

/// Rows that are looked at.
const ROWS_MAX: usize = 1_000;
/// Columns that are looked at; a file with more is hardly a list of sessions.
const COLUMNS_MAX: usize = 500;
/// Bytes in which the delimiter is looked for.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// How deep objects in JSON are looked into.
const DEPTH_MAX: usize = 4;

/// What a file begins with.
pub(super) struct Sample {
    pub(super) columns: Vec<SampledColumn>,
    pub(super) rows: usize,
    pub(super) delimiter: char,
}

/// One column of the first rows.
pub(super) struct SampledColumn {
    pub(super) name: String,
    /// The text of each row; `None` where the cell is empty.
    pub(super) texts: Vec<Option<String>>,
    /// Whether the file itself says that these are instants.
    pub(super) is_instant: bool,
    /// Whether the file says that they are what a wall clock showed.
    pub(super) is_wall_time: bool,
}

impl SampledColumn {
    const fn new(name: String) -> Self {
        Self { name, texts: Vec::new(), is_instant: false, is_wall_time: false }
    }

    /// The texts that are there.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().flatten().map(String::as_str)
    }

    pub(super) fn first(&self) -> Option<&str> {
        self.values().next()
    }

    pub(super) fn present(&self) -> usize {
        self.values().count()
    }

    fn push(&mut self, cell: Option<Cell<'_>>) {
        match &cell {
            Some(Cell::Instant(_)) => self.is_instant = true,
            Some(Cell::WallTime(_)) => self.is_wall_time = true,
            _ => {}
        }
        let text = cell.map(|cell| cell.to_string().trim().to_owned());
        self.texts.push(text.filter(|text| !text.is_empty()));
    }
}

impl Sample {
    pub(super) fn take(format: Format, input: Input) -> Result<Self, ReadError> {
        match format {
            Format::Csv => Self::of_csv(text_reader(input.into_stream())?),
            Format::Parquet => match input {
                Input::File(file) => Self::of_parquet(file),
                Input::Stream(mut stream) => {
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes)?;
                    Self::of_parquet(Bytes::from(bytes))
                }
            },
            _ => Self::of_json(text_reader(input.into_stream())?),
        }
    }

    fn of_csv(reader: TextReader) -> Result<Self, ReadError> {
        let (start, source) = peek(Box::new(reader), HEADER_BYTES_MAX)?;
        let delimiter = delimiter(&start);
        let mut text = CsvText::open(BufReader::new(source), delimiter)?;
        let mut columns: Vec<_> =
            text.header().take(COLUMNS_MAX).map(|name| SampledColumn::new(header_name(name))).collect();
        let mut rows = 0;
        while rows < ROWS_MAX {
            let Some(row) = text.next_row()? else { break };
            if row.problem.is_some() {
                continue;
            }
            for (column, bytes) in columns.iter_mut().zip(text.cells()) {
                column.push(Some(Cell::Untyped(String::from_utf8_lossy(bytes))));
            }
            rows += 1;
        }
        Ok(Self { columns, rows, delimiter: char::from(delimiter) })
    }

    fn of_json(mut reader: TextReader) -> Result<Self, ReadError> {
        let mut sample = Self { columns: Vec::new(), rows: 0, delimiter: ',' };
        let mut line = Vec::new();
        while sample.rows < ROWS_MAX {
            line.clear();
            if reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if let Ok(members) = Members::parse(text.trim()) {
                sample.add_members("", &members, 0);
                sample.rows += 1;
                sample.columns.iter_mut().for_each(|column| column.texts.resize(sample.rows, None));
            }
        }
        Ok(sample)
    }

    fn add_members(&mut self, prefix: &str, members: &Members<'_>, depth: usize) {
        for (name, raw) in members.iter() {
            let path = format!("{prefix}{name}");
            if raw.get().starts_with('{') && depth < DEPTH_MAX {
                if let Ok(inside) = Members::parse(raw.get()) {
                    self.add_members(&format!("{path}."), &inside, depth + 1);
                }
                continue;
            }
            let rows = self.rows;
            let Some(column) = self.column(path) else { continue };
            column.texts.resize(rows, None);
            column.push(json_cell(raw));
        }
    }

    fn column(&mut self, name: String) -> Option<&mut SampledColumn> {
        let known = self.columns.iter().position(|column| column.name == name);
        if known.is_none() && self.columns.len() < COLUMNS_MAX {
            self.columns.push(SampledColumn::new(name));
        }
        let place = known.or(self.columns.len().checked_sub(1).filter(|_| known.is_none()))?;
        self.columns.get_mut(place)
    }

    fn of_parquet(source: impl parquet::file::reader::ChunkReader + 'static) -> Result<Self, ReadError> {
        let mut columns = Vec::new();
        let mut table = ParquetTable::open(source, |schema| {
            let mut chosen = Vec::new();
            for (index, name) in parquet_names(schema).enumerate().take(COLUMNS_MAX) {
                if let Some(encoding) = Encoding::of_any(&schema.column(index)) {
                    columns.push(SampledColumn::new(name));
                    chosen.push(FileColumn { index, encoding });
                }
            }
            Ok(chosen)
        })?;
        let mut rows = 0;
        while rows < ROWS_MAX {
            let Some((_, cells)) = table.next_row()? else { break };
            columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
            rows += 1;
        }
        Ok(Self { columns, rows, delimiter: ',' })
    }
}

/// What the first line has most of.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: &u8| line.split(|byte| byte == delimiter).count();
    // Of equals the last would win, and that has to be the comma.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}
