//! The farm as Parquet for the other engines: integer codes and times, a row per session, in the order of starts.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::farm::{Farm, FarmSession};
use crate::records::SEED;

const SCHEMA: &str = "message sessions {
    required int64 start_ms;
    required int64 end_ms;
    required int32 queue;
    required int32 fleet;
    required int32 user;
    required int32 job;
    required int32 instance_type;
    required int64 compute_nanos;
    optional int32 product;
    optional int64 license_nanos;
}";

/// Sessions of a row group: as many as DuckDB keeps in one, and few enough that a window skips most of a year.
const GROUP: usize = 122_880;

/// Writes the farm that [`crate::records::snapshot`] builds.
pub(crate) fn export(sessions: u64, file: &Path) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(File::create(file)?, schema, properties)?;
    let mut farm = Farm::new(sessions, SEED);
    loop {
        let rows: Vec<_> = farm.by_ref().take(GROUP).collect();
        if rows.is_empty() {
            return writer.close().map(drop);
        }
        let mut group = writer.next_row_group()?;
        write_group(&mut group, &rows)?;
        group.close()?;
    }
}

/// Writes the columns in the order of the schema.
fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[FarmSession],
) -> Result<(), ParquetError> {
    write::<Int64Type>(group, rows, |row| row.start_ms)?;
    write::<Int64Type>(group, rows, |row| row.end_ms)?;
    write::<Int32Type>(group, rows, |row| i32::from(row.queue))?;
    write::<Int32Type>(group, rows, |row| i32::from(row.fleet))?;
    write::<Int32Type>(group, rows, |row| i32::from(row.user))?;
    write::<Int32Type>(group, rows, |row| row.job as i32)?;
    write::<Int32Type>(group, rows, |row| i32::from(row.instance_type))?;
    write::<Int64Type>(group, rows, |row| row.compute_nanos)?;
    write_optional::<Int32Type>(group, rows, |row| row.license.map(|license| i32::from(license.product)))?;
    write_optional::<Int64Type>(group, rows, |row| row.license.map(|license| license.nanos))
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[FarmSession],
    value: impl Fn(&FarmSession) -> T::T,
) -> Result<(), ParquetError> {
    let values: Vec<_> = rows.iter().map(value).collect();
    write_values::<T>(group, &values, None)
}

fn write_optional<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[FarmSession],
    value: impl Fn(&FarmSession) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<_> = rows.iter().map(value).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<_> = values.into_iter().flatten().collect();
    write_values::<T>(group, &present, Some(&levels))
}

/// Writes the next column of the schema; `levels` says which rows have a value where some have none.
pub(crate) fn write_values<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than are written".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
