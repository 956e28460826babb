//! The columns of a segment: those of the interchange form, a usage line per row, and some of our own.
//!
//! The layout is described in `docs/format.md`.

use std::sync::Arc;

use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

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
    REQUIRED BOOLEAN share;
    OPTIONAL INT64 sentCostInUsd (DECIMAL(18,9));
}";

pub(super) fn schema() -> Result<TypePtr> {
    parse_message_type(SCHEMA).map(Arc::new)
}

/// How a file says that it was written; its columns say the rest.
pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(concat!("farmtally ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(usize::MAX))
        .build()
}
