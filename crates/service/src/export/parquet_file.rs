//! Parquet through the low-level writer: text, decimals, integers and instants in flat columns.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{Cell, Column, ColumnKind, Table};

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 65_536;
/// Bytes of a decimal: 128 bits.
const DECIMAL_BYTES: usize = 16;
/// Digits that 128 bits hold.
const DECIMAL_DIGITS: u32 = 38;

pub(super) fn write(table: &Table, writer: &mut (dyn Write + Send)) -> io::Result<()> {
    write_file(table, writer).map_err(into_io)
}

/// What the disk said is inside of what the Parquet writer says.
fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}

fn write_file(table: &Table, writer: &mut (dyn Write + Send)) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("farmtally ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let schema = Arc::new(parse_message_type(&schema(&table.columns))?);
    let mut file = SerializedFileWriter::new(writer, schema, Arc::new(properties))?;
    for rows in table.rows.chunks(ROW_GROUP_ROWS) {
        let mut group = file.next_row_group()?;
        for (index, column) in table.columns.iter().enumerate() {
            let cells: Vec<&Cell> = rows.iter().map(|row| &row[index]).collect();
            write_column(&mut group, *column, &cells)?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(())
}

fn schema(columns: &[Column]) -> String {
    let field = |column: &Column| {
        let repetition = if column.is_nullable { "OPTIONAL" } else { "REQUIRED" };
        let name = column.name;
        match column.kind {
            ColumnKind::Text | ColumnKind::Json => format!("{repetition} BYTE_ARRAY {name} (STRING);"),
            ColumnKind::Decimal(decimals) => format!(
                "{repetition} FIXED_LEN_BYTE_ARRAY ({DECIMAL_BYTES}) {name} (DECIMAL({DECIMAL_DIGITS},{decimals}));"
            ),
            ColumnKind::Integer => format!("{repetition} INT64 {name};"),
            ColumnKind::Instant => format!("{repetition} INT64 {name} (TIMESTAMP(MILLIS,true));"),
        }
    };
    let fields: Vec<String> = columns.iter().map(field).collect();
    format!("message rows {{ {} }}", fields.join(" "))
}

fn write_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: Column,
    cells: &[&Cell],
) -> Result<(), ParquetError> {
    match column.kind {
        ColumnKind::Text | ColumnKind::Json => {
            write_values::<W, ByteArrayType>(group, column, cells, |cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.as_bytes().to_vec())),
                _ => None,
            })
        }
        ColumnKind::Decimal(_) => {
            write_values::<W, FixedLenByteArrayType>(group, column, cells, |cell| match cell {
                Cell::Number(number) => {
                    Some(FixedLenByteArray::from(ByteArray::from(number.to_be_bytes().to_vec())))
                }
                _ => None,
            })
        }
        ColumnKind::Integer => write_values::<W, Int64Type>(group, column, cells, |cell| match cell {
            Cell::Number(number) => i64::try_from(*number).ok(),
            _ => None,
        }),
        ColumnKind::Instant => write_values::<W, Int64Type>(group, column, cells, |cell| match cell {
            Cell::Instant(instant) => Some(instant.millis()),
            _ => None,
        }),
    }
}

fn write_values<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: Column,
    cells: &[&Cell],
    value: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<T::T>> = cells.iter().map(|cell| value(cell)).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    if !column.is_nullable && present.len() != cells.len() {
        return Err(ParquetError::General(format!("a value of {} is missing", column.name)));
    }
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General(format!("there is no column {}", column.name)));
    };
    let levels = column.is_nullable.then_some(&levels[..]);
    writer.typed::<T>().write_batch(&present, levels, None)?;
    writer.close()
}
