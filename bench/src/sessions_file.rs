//! The farm in farmtally's own session schema, as files that `farmtally import` reads: Parquet and JSON Lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use farmtally_model::{SessionId, Timestamp};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::export::write_values;
use crate::farm::{Farm, FarmSession};
use crate::records::{SEED, fleet_id, job_id, queue_id};

const SCHEMA: &str = "message sessions {
    required binary sessionId (UTF8);
    required binary queueId (UTF8);
    required binary fleetId (UTF8);
    required binary jobId (UTF8);
    required binary jobName (UTF8);
    required binary userId (UTF8);
    required binary instanceType (UTF8);
    required int64 startedAt (TIMESTAMP(MILLIS, true));
    required int64 endedAt (TIMESTAMP(MILLIS, true));
    required binary usageType (UTF8);
    optional binary licenseProduct (UTF8);
    required int64 costInUsd (DECIMAL(18, 9));
}";

/// Sessions of a row group.
const GROUP: usize = 131_072;

/// One usage line of a session: a row of the table form.
struct UsageRow<'a> {
    session: &'a FarmSession,
    usage_type: &'static str,
    product: Option<u8>,
    cost_nanos: i64,
}

/// Writes the farm that [`crate::records::snapshot`] builds as Parquet.
pub(crate) fn write_parquet(sessions: u64, file: &Path) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(File::create(file)?, schema, properties)?;
    let mut farm = Farm::new(sessions, SEED);
    loop {
        let group: Vec<_> = farm.by_ref().take(GROUP).collect();
        if group.is_empty() {
            return writer.close().map(drop);
        }
        let rows: Vec<_> = group.iter().flat_map(usage_rows).collect();
        let mut group = writer.next_row_group()?;
        write_group(&mut group, &rows)?;
        group.close()?;
    }
}

/// Writes the same sessions as JSON Lines.
pub(crate) fn write_json_lines(sessions: u64, file: &Path) -> std::io::Result<()> {
    let mut output = BufWriter::new(File::create(file)?);
    for session in Farm::new(sessions, SEED) {
        write_line(&mut output, &session)?;
    }
    output.flush()
}

fn usage_rows(session: &FarmSession) -> impl Iterator<Item = UsageRow<'_>> {
    let compute =
        UsageRow { session, usage_type: "COMPUTE", product: None, cost_nanos: session.compute_nanos };
    let license = session.license.map(|license| UsageRow {
        session,
        usage_type: "LICENSE",
        product: Some(license.product),
        cost_nanos: license.nanos,
    });
    [compute].into_iter().chain(license)
}

/// Writes the columns in the order of the schema.
fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[UsageRow<'_>],
) -> Result<(), ParquetError> {
    write_text(group, rows, |row| SessionId::from_bytes(row.session.id).to_string())?;
    write_text(group, rows, |row| queue_id(row.session.queue).to_string())?;
    write_text(group, rows, |row| fleet_id(row.session.fleet).to_string())?;
    write_text(group, rows, |row| job_id(row.session.job).to_string())?;
    write_text(group, rows, |_| JOB_NAME.to_owned())?;
    write_text(group, rows, |row| user(row.session))?;
    write_text(group, rows, |row| instance_type(row.session))?;
    write_integers(group, rows, |row| row.session.start_ms)?;
    write_integers(group, rows, |row| row.session.end_ms)?;
    write_text(group, rows, |row| row.usage_type.to_owned())?;
    write_products(group, rows)?;
    write_integers(group, rows, |row| row.cost_nanos)
}

const JOB_NAME: &str = "sh010 comp v001";

fn user(session: &FarmSession) -> String {
    format!("user{:03}", session.user)
}

fn instance_type(session: &FarmSession) -> String {
    format!("type{:03}", session.instance_type)
}

fn product(code: u8) -> String {
    format!("product{code:03}")
}

fn write_text(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[UsageRow<'_>],
    text: impl Fn(&UsageRow<'_>) -> String,
) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = rows.iter().map(|row| text(row).into_bytes().into()).collect();
    write_values::<ByteArrayType>(group, &values, None)
}

fn write_integers(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[UsageRow<'_>],
    integer: impl Fn(&UsageRow<'_>) -> i64,
) -> Result<(), ParquetError> {
    let values: Vec<i64> = rows.iter().map(integer).collect();
    write_values::<Int64Type>(group, &values, None)
}

fn write_products(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[UsageRow<'_>],
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.product.is_some())).collect();
    let values: Vec<ByteArray> =
        rows.iter().filter_map(|row| row.product).map(|code| product(code).into_bytes().into()).collect();
    write_values::<ByteArrayType>(group, &values, Some(&levels))
}

fn write_line(output: &mut impl Write, session: &FarmSession) -> std::io::Result<()> {
    let at = |millis| Timestamp::from_millis_clamped(millis);
    write!(
        output,
        concat!(
            r#"{{"sessionId":"{}","queueId":"{}","fleetId":"{}","jobId":"{}","jobName":"{}","userId":"{}","#,
            r#""instanceType":"{}","startedAt":"{}","endedAt":"{}","#,
            r#""usage":[{{"usageType":"COMPUTE","costInUsd":"{}"}}"#
        ),
        SessionId::from_bytes(session.id),
        queue_id(session.queue),
        fleet_id(session.fleet),
        job_id(session.job),
        JOB_NAME,
        user(session),
        instance_type(session),
        at(session.start_ms),
        at(session.end_ms),
        dollars(session.compute_nanos),
    )?;
    if let Some(license) = session.license {
        write!(
            output,
            r#",{{"usageType":"LICENSE","licenseProduct":"{}","costInUsd":"{}"}}"#,
            product(license.product),
            dollars(license.nanos)
        )?;
    }
    output.write_all(b"]}\n")
}

fn dollars(nanos: i64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}
