//! An aggregation's answer as rows of the catalogue: one chunk of values, then chunks of rows.
//!
//! These structs are the format, described in `docs/format.md`: the order of their fields and variants must never change.

use farmtally_model::{
    AggregationId, Amounts, FleetId, GroupBy, GroupValue, InstanceType, JobId, JobName, LicenseProduct,
    QueueId, StatisticsRow, StatisticsTable, TableRows, TimeRange, Timestamp, UsageType, UserId,
};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use crate::encoding::{Malformed, pack, unpack};
use crate::error::StoreError;

/// Rows of a chunk, all but the last.
const CHUNK_ROWS: usize = 65_536;

/// Writes an answer.
pub(crate) fn insert(
    connection: &Connection,
    id: AggregationId,
    table: &StatisticsTable,
) -> Result<(), StoreError> {
    let [first, second] = &table.values;
    let values = [first, second].map(|values| values.iter().map(StoredValue::new).collect());
    insert_chunk(connection, id, 0, &StoredChunk::Values(values))?;
    for (chunk, from) in (1..).zip((0..table.rows.len()).step_by(CHUNK_ROWS)) {
        let rows = table.rows.range(from..from + CHUNK_ROWS);
        insert_chunk(
            connection,
            id,
            chunk,
            &StoredChunk::Rows(rows.map(|row| StoredRow::new(&row)).collect()),
        )?;
    }
    Ok(())
}

fn insert_chunk(
    connection: &Connection,
    id: AggregationId,
    chunk: i64,
    form: &StoredChunk<'_>,
) -> Result<(), StoreError> {
    let payload = pack(form)?;
    connection
        .prepare_cached(
            "INSERT INTO result_chunks (aggregation_id, chunk, payload, checksum) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id.bytes(), chunk, payload, checksum(id, chunk, &payload)])?;
    Ok(())
}

/// Reads an answer of `row_count` rows back, whole and verified.
pub(crate) fn load(
    connection: &Connection,
    id: AggregationId,
    group_by: GroupBy,
    row_count: u64,
) -> Result<StatisticsTable, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT chunk, payload, checksum FROM result_chunks WHERE aggregation_id = ?1 ORDER BY chunk",
    )?;
    let mut chunks = statement.query([id.bytes()])?;
    let mut table = StatisticsTable { group_by, values: [vec![], vec![]], rows: TableRows::default() };
    for expected in 0.. {
        let Some(stored) = chunks.next()? else { break };
        let (chunk, payload, stored_checksum): (i64, Vec<u8>, [u8; 16]) =
            (stored.get(0)?, stored.get(1)?, stored.get(2)?);
        if chunk != expected || stored_checksum != checksum(id, chunk, &payload) {
            return Err(damaged(id, &format!("chunk {expected} is missing or its checksum does not match")));
        }
        read_chunk(&payload, &mut table).map_err(|malformed| damaged(id, &malformed.reason()))?;
    }
    if table.rows.len() as u64 == row_count {
        Ok(table)
    } else {
        Err(damaged(id, &format!("it has {} rows instead of {row_count}", table.rows.len())))
    }
}

fn read_chunk(payload: &[u8], table: &mut StatisticsTable) -> Result<(), Malformed> {
    let bytes = unpack(payload)?;
    match postcard::from_bytes(&bytes)? {
        StoredChunk::Values(positions) => {
            for (values, stored) in table.values.iter_mut().zip(positions) {
                *values = stored.into_iter().map(StoredValue::into_value).collect::<Result<_, _>>()?;
            }
        }
        StoredChunk::Rows(rows) => {
            for stored in rows {
                let row = stored.into_row()?;
                check_values(&row, table)?;
                table.rows.push(row);
            }
        }
    }
    Ok(())
}

fn check_values(row: &StatisticsRow, table: &StatisticsTable) -> Result<(), Malformed> {
    let positions = row.values.iter().zip(&table.values).take(table.group_by.fields().len());
    for (value, values) in positions {
        if *value as usize >= values.len() {
            return Err(Malformed::new("a row refers to a value that is not there"));
        }
    }
    Ok(())
}

fn checksum(id: AggregationId, chunk: i64, payload: &[u8]) -> [u8; 16] {
    let mut hash = Xxh3Default::new();
    hash.update(&id.bytes());
    hash.update(&chunk.to_le_bytes());
    hash.update(payload);
    hash.digest128().to_be_bytes()
}

fn damaged(id: AggregationId, reason: &str) -> StoreError {
    StoreError::damaged(format!("the answer of aggregation `{id}`"), reason)
}

#[derive(Serialize, Deserialize)]
enum StoredChunk<'a> {
    #[serde(borrow)]
    Values([Vec<StoredValue<'a>>; 2]),
    Rows(Vec<StoredRow>),
}

#[derive(Serialize, Deserialize)]
enum StoredValue<'a> {
    Absent,
    Queue([u8; 16]),
    Fleet([u8; 16]),
    Job([u8; 16], &'a str),
    User(&'a str),
    UsageType(&'a str),
    InstanceType(Option<&'a str>),
    LicenseProduct(&'a str),
}

#[derive(Serialize, Deserialize)]
struct StoredRow {
    start_ms: i64,
    end_ms: i64,
    values: [u32; 2],
    count: u64,
    cost_nanos: StoredAmounts,
    runtime_ms: StoredAmounts,
}

#[derive(Serialize, Deserialize)]
struct StoredAmounts {
    sum: u128,
    min: u64,
    max: u64,
}

impl<'a> StoredValue<'a> {
    fn new(value: &'a GroupValue) -> Self {
        match value {
            GroupValue::Absent => Self::Absent,
            GroupValue::Queue(id) => Self::Queue(id.bytes()),
            GroupValue::Fleet(id) => Self::Fleet(id.bytes()),
            GroupValue::Job(id, name) => Self::Job(id.bytes(), name.as_str()),
            GroupValue::User(id) => Self::User(id.as_str()),
            GroupValue::UsageType(text) => Self::UsageType(text),
            GroupValue::InstanceType(kind) => Self::InstanceType(kind.as_ref().map(InstanceType::as_str)),
            GroupValue::LicenseProduct(product) => Self::LicenseProduct(product.as_str()),
        }
    }

    fn into_value(self) -> Result<GroupValue, Malformed> {
        Ok(match self {
            Self::Absent => GroupValue::Absent,
            Self::Queue(bytes) => GroupValue::Queue(QueueId::from_bytes(bytes)),
            Self::Fleet(bytes) => GroupValue::Fleet(FleetId::from_bytes(bytes)),
            Self::Job(bytes, name) => GroupValue::Job(JobId::from_bytes(bytes), JobName::new(name)?),
            Self::User(text) => GroupValue::User(UserId::new(text)?),
            Self::UsageType(text) => GroupValue::usage_type(usage_type(text)?),
            Self::InstanceType(kind) => GroupValue::InstanceType(kind.map(InstanceType::new).transpose()?),
            Self::LicenseProduct(text) => GroupValue::LicenseProduct(LicenseProduct::new(text)?),
        })
    }
}

fn usage_type(text: &str) -> Result<UsageType, Malformed> {
    let known = [UsageType::Compute, UsageType::License, UsageType::PersistentVolume];
    let found = known.into_iter().find(|usage_type| usage_type.as_str() == text);
    found.ok_or_else(|| Malformed::new("a usage type is not known"))
}

impl StoredRow {
    fn new(row: &StatisticsRow) -> Self {
        Self {
            start_ms: row.bucket.start().millis(),
            end_ms: row.bucket.end().millis(),
            values: row.values,
            count: row.count,
            cost_nanos: row.cost.into(),
            runtime_ms: row.runtime.into(),
        }
    }

    fn into_row(self) -> Result<StatisticsRow, Malformed> {
        let (start, end) = (Timestamp::from_millis(self.start_ms)?, Timestamp::from_millis(self.end_ms)?);
        if self.count == 0 {
            return Err(Malformed::new("a row has no sessions"));
        }
        Ok(StatisticsRow {
            bucket: TimeRange::new(start, end)?,
            values: self.values,
            count: self.count,
            cost: self.cost_nanos.into(),
            runtime: self.runtime_ms.into(),
        })
    }
}

impl From<Amounts> for StoredAmounts {
    fn from(amounts: Amounts) -> Self {
        Self { sum: amounts.sum, min: amounts.min, max: amounts.max }
    }
}

impl From<StoredAmounts> for Amounts {
    fn from(amounts: StoredAmounts) -> Self {
        Self { sum: amounts.sum, min: amounts.min, max: amounts.max }
    }
}
