//! The columns of a segment: those of the interchange form, a usage line per row, and three of our own.
//!
//! The layout is described in `docs/format.md`.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

/// In the order in which rows are written and read.
const SCHEMA: &str = "
message session_lines {
    OPTIONAL BYTE_ARRAY sessionId (STRING);
    OPTIONAL BYTE_ARRAY volumeId (STRING);
    REQUIRED INT32 line;
    OPTIONAL BYTE_ARRAY queueId (STRING);
    OPTIONAL BYTE_ARRAY queueName (STRING);
    REQUIRED BYTE_ARRAY fleetId (STRING);
    OPTIONAL BYTE_ARRAY fleetName (STRING);
    OPTIONAL BYTE_ARRAY jobId (STRING);
    OPTIONAL BYTE_ARRAY jobName (STRING);
    OPTIONAL BYTE_ARRAY userId (STRING);
    OPTIONAL BYTE_ARRAY workerId (STRING);
    OPTIONAL BYTE_ARRAY instanceType (STRING);
    OPTIONAL BYTE_ARRAY outcome (STRING);
    REQUIRED INT64 startedAt (TIMESTAMP(MILLIS,true));
    REQUIRED INT64 endedAt (TIMESTAMP(MILLIS,true));
    REQUIRED INT32 revision (INTEGER(32,false));
    REQUIRED BYTE_ARRAY usageType (STRING);
    OPTIONAL BYTE_ARRAY licenseProduct (STRING);
    OPTIONAL INT32 quantity (INTEGER(32,false));
    REQUIRED INT64 costInUsd (DECIMAL(18,9));
    REQUIRED BOOLEAN priced;
    OPTIONAL FIXED_LEN_BYTE_ARRAY (16) fingerprint;
}";

pub(super) fn schema() -> Result<TypePtr> {
    parse_message_type(SCHEMA).map(Arc::new)
}

/// Ids do not repeat and are hexadecimal digits behind one prefix; instants and costs are near each other. Everything else
/// repeats and is best in a dictionary.
pub(super) fn properties() -> Result<WriterProperties> {
    let column = |name: &str| ColumnPath::from(name);
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("farmtally ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(usize::MAX));
    for name in ["sessionId", "volumeId"] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BYTE_ARRAY)
            .set_column_statistics_enabled(column(name), EnabledStatistics::None);
    }
    for name in ["startedAt", "endedAt", "costInUsd"] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}
