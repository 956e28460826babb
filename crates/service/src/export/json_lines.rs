//! JSON Lines: an object a line, without the members that have no value.

use std::io::{self, Write};

use super::{Cell, ColumnKind, Table, csv};

pub(super) fn write(table: &Table, writer: &mut dyn Write) -> io::Result<()> {
    for row in &table.rows {
        let members = table.columns.iter().zip(row).filter(|(_, cell)| **cell != Cell::Null);
        let members = members.map(|(column, cell)| {
            let text = csv::text(column, cell);
            match column.kind {
                // A JSON number may become a float; an amount is a text, which does not.
                ColumnKind::Integer | ColumnKind::Json => format!("\"{}\":{text}", column.name),
                _ => format!("\"{}\":{}", column.name, json_text(&text)),
            }
        });
        writeln!(writer, "{{{}}}", members.collect::<Vec<_>>().join(","))?;
    }
    Ok(())
}

/// A JSON string.
pub(super) fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                let code = u32::from(control);
                json.extend(["\\u00", if code < 0x10 { "0" } else { "1" }]);
                json.extend(char::from_digit(code % 0x10, 0x10));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}
