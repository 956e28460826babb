//! CSV by RFC 4180.

use std::io::{self, Write};

use super::{Cell, Column, ColumnKind, Table};

pub(super) fn write(table: &Table, writer: &mut dyn Write) -> io::Result<()> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    write!(writer, "{}\r\n", names.join(","))?;
    for row in &table.rows {
        let cells = table.columns.iter().zip(row).map(|(column, cell)| quoted(text(column, cell)));
        write!(writer, "{}\r\n", cells.collect::<Vec<_>>().join(","))?;
    }
    Ok(())
}

/// A cell as text; nothing when it has no value.
pub(super) fn text(column: &Column, cell: &Cell) -> String {
    match (cell, column.kind) {
        (Cell::Null, _) => String::new(),
        (Cell::Text(text), _) => text.clone(),
        (Cell::Number(number), ColumnKind::Decimal(decimals)) => Cell::decimal_text(*number, decimals),
        (Cell::Number(number), _) => number.to_string(),
        (Cell::Instant(instant), _) => instant.to_string(),
    }
}

/// A text that is empty is in quotes, because an empty cell is no value. A name may look like a formula to a spreadsheet;
/// it is written as it is, because other programs read it back.
fn quoted(text: String) -> String {
    let needs_quotes = text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
