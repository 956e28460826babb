//! CSV by RFC 4180, with a header line, in UTF-8.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and names come from strangers. Such a text
//! gets an apostrophe before it, which spreadsheets take for "this is text".

use std::io;

use csv::{Terminator, WriterBuilder};
use farmtally_model::Timestamp;

use super::columns::{Column, Values};

/// What makes a spreadsheet compute.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes a table.
pub(crate) fn write(columns: &[Column], out: impl io::Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(columns.iter().map(|column| harmless(&column.name)))?;
    for row in 0..row_count(columns) {
        writer.write_record(columns.iter().map(|column| cell(&column.values, row)))?;
    }
    writer.flush()
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
            values[row].map_or_else(String::new, |value| decimal(value, *scale))
        }
    }
}

fn harmless(text: &str) -> String {
    if text.starts_with(FORMULA_STARTS) { format!("'{text}") } else { text.to_owned() }
}

/// A decimal without zeros behind its last digit. No amount is below zero.
fn decimal(value: i128, scale: u8) -> String {
    let unit = 10_i128.pow(scale.into());
    let (whole, rest) = (value / unit, value % unit);
    let decimals = format!("{rest:0width$}", width = usize::from(scale));
    match decimals.trim_end_matches('0') {
        "" => whole.to_string(),
        decimals => format!("{whole}.{decimals}"),
    }
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
        write(&columns, &mut out).unwrap();
        let expected = "'=label,cost\r\nplain,1.5\r\n'=1+1,1.5\r\n'+1,1.5\r\n'-1,1.5\r\n'@a,1.5\r\n'\tx,1.5\r\n\
                        \"a,\"\"b\"\"\r\nc\",1.5\r\né,1.5\r\n,1.5\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn values_are_written_as_short_as_they_can_be() {
        assert_eq!(
            (decimal(0, 9), decimal(1, 9), decimal(12_000_000_000, 9)),
            ("0".into(), "0.000000001".into(), "12".into())
        );
        let times = Values::Time(vec![Some(1_764_000_000_000), None]);
        assert_eq!((cell(&times, 0), cell(&times, 1)), ("2025-11-24T16:00:00Z".into(), String::new()));
    }
}
