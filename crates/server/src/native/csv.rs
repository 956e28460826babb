//! CSV by RFC 4180, with a header line, in UTF-8.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and names come from strangers. Such a text
//! gets an apostrophe before it, which spreadsheets take for "this is text".

use std::io;

use csv::{Terminator, WriterBuilder};
use farmtally_model::Timestamp;
use farmtally_wire::native::decimal;

use super::columns::{Column, Values};

/// What makes a spreadsheet compute.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes the header line of a table.
pub(crate) fn write_header(columns: &[Column], out: impl io::Write) -> io::Result<()> {
    let mut writer = writer(out);
    writer.write_record(columns.iter().map(|column| harmless(&column.name)))?;
    writer.flush()
}

/// Writes rows of a table.
pub(crate) fn write_rows(columns: &[Column], out: impl io::Write) -> io::Result<()> {
    let mut writer = writer(out);
    for row in 0..row_count(columns) {
        writer.write_record(columns.iter().map(|column| cell(&column.values, row)))?;
    }
    writer.flush()
}

fn writer<W: io::Write>(out: W) -> csv::Writer<W> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out)
}

pub(super) fn row_count(columns: &[Column]) -> usize {
    columns.first().map_or(0, |column| match &column.values {
        Values::Time(values) | Values::Count(values) => values.len(),
        Values::Text { places, .. } => places.len(),
        Values::Decimal { values, .. } => values.len(),
    })
}

/// The text of a value; nothing for no value.
fn cell(values: &Values, row: usize) -> String {
    match values {
        Values::Time(values) => {
            values[row].map_or_else(String::new, |millis| Timestamp::from_millis_clamped(millis).to_string())
        }
        Values::Count(values) => values[row].map_or_else(String::new, |count| count.to_string()),
        Values::Text { texts, places } => {
            places[row].map_or_else(String::new, |place| harmless(&texts[place as usize]))
        }
        Values::Decimal { scale, values } => {
            values[row].map_or_else(String::new, |value| units(value, *scale))
        }
    }
}

fn harmless(text: &str) -> String {
    if text.starts_with(FORMULA_STARTS) { format!("'{text}") } else { text.to_owned() }
}

/// A whole number of units of ten to the minus `scale`. No amount is below zero.
fn units(value: i128, scale: u8) -> String {
    let (value, unit) = (value.unsigned_abs(), 10_u128.pow(scale.into()));
    decimal(value / unit, &format!("{:0width$}", value % unit, width = usize::from(scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_formulas() {
        let texts =
            ["plain", "=1+1", "+1", "-1", "@a", "\tx", "a,\"b\"\r\nc", "é"].map(str::to_owned).to_vec();
        let places = (0..8).map(Some).chain([None]).collect();
        let columns = [
            Column { name: "=label".to_owned(), values: Values::Text { texts, places } },
            Column {
                name: "cost".to_owned(),
                values: Values::Decimal { scale: 3, values: vec![Some(1_500); 9] },
            },
        ];
        let mut out = Vec::new();
        write_header(&columns, &mut out).unwrap();
        write_rows(&columns, &mut out).unwrap();
        let expected = "'=label,cost\r\nplain,1.5\r\n'=1+1,1.5\r\n'+1,1.5\r\n'-1,1.5\r\n'@a,1.5\r\n'\tx,1.5\r\n\
                        \"a,\"\"b\"\"\r\nc\",1.5\r\né,1.5\r\n,1.5\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn values_are_written_as_short_as_they_can_be() {
        assert_eq!(
            (units(0, 9), units(1, 9), units(12_000_000_000, 9)),
            ("0".into(), "0.000000001".into(), "12".into())
        );
        let times = Values::Time(vec![Some(1_764_000_000_000), None]);
        assert_eq!((cell(&times, 0), cell(&times, 1)), ("2025-11-24T16:00:00Z".into(), String::new()));
    }
}
