//! Parquet, by the low-level column writers that segments are written with.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::columns::{Column, Values, precision};

/// A decimal of 38 digits has 16 bytes, the highest first.
const WIDE_BYTES: i32 = 16;

/// A file that is written one group of rows after another, each given away when it is whole.
#[derive(Debug)]
pub(crate) struct ParquetParts(SerializedFileWriter<Vec<u8>>);

impl ParquetParts {
    /// Begins a file with the names and types of some columns.
    pub(crate) fn begin(columns: &[Column]) -> io::Result<Self> {
        let begin = || {
            let properties = WriterProperties::builder()
                .set_created_by(concat!("farmtally ", env!("CARGO_PKG_VERSION")).to_owned())
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .build();
            SerializedFileWriter::new(Vec::new(), schema(columns)?, Arc::new(properties))
        };
        begin().map(Self).map_err(io::Error::other)
    }

    /// Writes rows as one group.
    pub(crate) fn write_group(&mut self, columns: &[Column], mut out: impl io::Write) -> io::Result<()> {
        self.add(columns).map_err(io::Error::other)?;
        self.0.flush()?;
        out.write_all(&std::mem::take(self.0.inner_mut()))
    }

    /// Writes the footer.
    pub(crate) fn end(self, mut out: impl io::Write) -> io::Result<()> {
        out.write_all(&self.0.into_inner().map_err(io::Error::other)?)
    }

    fn add(&mut self, columns: &[Column]) -> Result<()> {
        let mut group = self.0.next_row_group()?;
        for column in columns {
            write_column(&mut group, &column.values)?;
        }
        group.close().map(drop)
    }
}

fn schema(columns: &[Column]) -> Result<TypePtr> {
    let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("usage").with_fields(fields).build()?))
}

fn field(column: &Column) -> Result<Type> {
    let optional =
        |physical| Type::primitive_type_builder(&column.name, physical).with_repetition(Repetition::OPTIONAL);
    match &column.values {
        Values::Time(_) => optional(Physical::INT64)
            .with_logical_type(Some(LogicalType::timestamp(true, parquet::basic::TimeUnit::MILLIS)))
            .build(),
        Values::Text { .. } => {
            optional(Physical::BYTE_ARRAY).with_converted_type(ConvertedType::UTF8).build()
        }
        Values::Count(_) => optional(Physical::INT64).build(),
        Values::Decimal { scale, .. } => {
            let (scale, precision) = (i32::from(*scale), i32::from(precision(*scale)));
            let physical = if precision <= 18 { Physical::INT64 } else { Physical::FIXED_LEN_BYTE_ARRAY };
            optional(physical)
                .with_length(if precision <= 18 { 0 } else { WIDE_BYTES })
                .with_converted_type(ConvertedType::DECIMAL)
                .with_scale(scale)
                .with_precision(precision)
                .build()
        }
    }
}

fn write_column(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &Values) -> Result<()> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the table".to_owned()));
    };
    match values {
        Values::Time(values) | Values::Count(values) => {
            let (there, levels) = split(values.iter().copied());
            writer.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?;
        }
        Values::Text { texts, places } => {
            let texts: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(text.as_str())).collect();
            let (there, levels) =
                split(places.iter().map(|place| place.map(|place| texts[place as usize].clone())));
            writer.typed::<ByteArrayType>().write_batch(&there, Some(&levels), None)?;
        }
        Values::Decimal { scale, values } if precision(*scale) <= 18 => {
            let (there, levels) =
                split(values.iter().map(|value| value.and_then(|value| i64::try_from(value).ok())));
            writer.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?;
        }
        Values::Decimal { values, .. } => {
            let wide = |value: i128| FixedLenByteArray::from(ByteArray::from(value.to_be_bytes().to_vec()));
            let (there, levels) = split(values.iter().map(|value| value.map(wide)));
            writer.typed::<FixedLenByteArrayType>().write_batch(&there, Some(&levels), None)?;
        }
    }
    writer.close()
}

/// The values that are there, and for each row whether it has one.
fn split<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    (there, levels)
}
