//! An answer as bytes: a head, its rows as they lie in memory, and a tail with what the rows refer to.
//!
//! Answers have millions of rows and somebody waits for the first, so that rows are of one length and not compressed. The
//! layout is described in `docs/format.md`; the order of the fields and variants here must never change.

use std::io;

use farmtally_model::{
    Amounts, FleetId, GroupBy, GroupValue, InstanceType, JobId, JobName, LicenseProduct, QueueId,
    StatisticsRow, StatisticsTable, TableRows, TimeRange, Timestamp, UsageType, UserId,
};
use serde::{Deserialize, Serialize};

use crate::encoding::{Malformed, pack_to, unpack};
use crate::error::StoreError;

const MAGIC: [u8; 8] = *b"FTanswer";
const VERSION: u64 = 1;
/// Magic, version, number of rows.
const HEAD_BYTES: usize = 24;
const ROW_BYTES: usize = 52;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// Why an answer could not be written.
pub(crate) enum WriteError {
    /// The file took no more.
    File(io::Error),
    /// It could not be encoded.
    Store(StoreError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Hands the bytes of an answer to `write`, part by part.
pub(crate) fn write_table(
    table: &StatisticsTable,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let mut bytes = Vec::with_capacity(WRITE_BYTES + ROW_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((table.rows.len() as u64).to_le_bytes());
    let (mut buckets, mut wide) = (Vec::new(), Vec::new());
    for row in table.rows.iter() {
        count_row(&mut buckets, row.bucket);
        push_row(&row, &mut wide, &mut bytes);
        if bytes.len() >= WRITE_BYTES {
            write(&bytes)?;
            bytes.clear();
        }
    }
    write(&bytes)?;
    let values = table.values.each_ref().map(|values| TableValues(values));
    let mut parts = Parts { write, failed: None };
    let packed = pack_to(&StoredTail::V1(Tail { values, buckets, wide }), &mut parts);
    match parts.failed {
        Some(cause) => Err(WriteError::File(cause)),
        None => packed.map_err(WriteError::Store),
    }
}

/// Writes by handing over, and remembers why that failed.
struct Parts<F> {
    write: F,
    failed: Option<io::Error>,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> io::Write for Parts<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.write)(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(cause) => {
                let kind = cause.kind();
                self.failed = Some(cause);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a row in [`ROW_BYTES`] bytes; one that does not fit goes to `wide`, and its place there into the row.
fn push_row(row: &StatisticsRow, wide: &mut Vec<StoredAmountsPair>, bytes: &mut Vec<u8>) {
    let before = bytes.len();
    for value in row.values {
        bytes.extend(value.to_le_bytes());
    }
    if let Some((halves, words)) = narrow(row) {
        bytes.extend(halves.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(words.into_iter().flat_map(u64::to_le_bytes));
    } else {
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend((wide.len() as u64).to_le_bytes());
        wide.push(StoredAmountsPair {
            count: row.count,
            cost_nanos: row.cost.into(),
            runtime_ms: row.runtime.into(),
        });
    }
    bytes.resize(before + ROW_BYTES, 0);
}

/// Count, least and greatest runtime; sum of runtimes; sum, least and greatest of costs.
fn narrow(row: &StatisticsRow) -> Option<([u32; 3], [u64; 4])> {
    let half = |number: u64| u32::try_from(number).ok();
    let word = |number: u128| u64::try_from(number).ok();
    let halves =
        [half(row.count).filter(|count| *count > 0)?, half(row.runtime.min)?, half(row.runtime.max)?];
    Some((halves, [word(row.runtime.sum)?, word(row.cost.sum)?, row.cost.min, row.cost.max]))
}

/// Reads the bytes of an answer of `row_count` rows.
pub(crate) fn read_table(
    bytes: &[u8],
    group_by: GroupBy,
    row_count: u64,
) -> Result<StatisticsTable, Malformed> {
    let short = || Malformed::new("it ends too early");
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(short)?;
    if head[..8] != MAGIC || head[8..16] != VERSION.to_le_bytes() || head[16..] != row_count.to_le_bytes() {
        return Err(Malformed::new("its head is of another version or has another number of rows"));
    }
    let rows_bytes = usize::try_from(row_count).ok().and_then(|count| count.checked_mul(ROW_BYTES));
    let (rows, tail) = rows_bytes.and_then(|length| rest.split_at_checked(length)).ok_or_else(short)?;
    let tail = unpack(tail)?;
    let StoredTail::V1(tail): StoredTail<Vec<StoredValue<'_>>> = postcard::from_bytes(&tail)?;
    tail.into_table(group_by, rows)
}

/// What stands behind the rows.
#[derive(Serialize, Deserialize)]
enum StoredTail<V> {
    V1(Tail<V>),
}

#[derive(Serialize, Deserialize)]
struct Tail<V> {
    values: [V; 2],
    /// Rows of one bucket lie together.
    buckets: Vec<StoredBucket>,
    /// Amounts of the rows that do not fit.
    wide: Vec<StoredAmountsPair>,
}

#[derive(Serialize, Deserialize)]
struct StoredBucket {
    start_ms: i64,
    end_ms: i64,
    row_count: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredAmountsPair {
    count: u64,
    cost_nanos: StoredAmounts,
    runtime_ms: StoredAmounts,
}

/// The values of a table, which become [`StoredValue`]s one by one: there may be many millions.
struct TableValues<'a>(&'a [GroupValue]);

impl Serialize for TableValues<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(StoredValue::new))
    }
}

fn count_row(buckets: &mut Vec<StoredBucket>, bucket: TimeRange) {
    let (start_ms, end_ms) = (bucket.start().millis(), bucket.end().millis());
    match buckets.last_mut() {
        Some(last) if (last.start_ms, last.end_ms) == (start_ms, end_ms) => last.row_count += 1,
        _ => buckets.push(StoredBucket { start_ms, end_ms, row_count: 1 }),
    }
}

impl Tail<Vec<StoredValue<'_>>> {
    fn into_table(self, group_by: GroupBy, rows: &[u8]) -> Result<StatisticsTable, Malformed> {
        let mut values = [Vec::new(), Vec::new()];
        for (values, stored) in values.iter_mut().zip(self.values) {
            *values = stored.into_iter().map(StoredValue::into_value).collect::<Result<_, _>>()?;
        }
        let mut table = StatisticsTable { group_by, values, rows: TableRows::default() };
        let mut rows = rows.chunks_exact(ROW_BYTES);
        for bucket in &self.buckets {
            let range = bucket.range()?;
            for _ in 0..bucket.row_count {
                let bytes = rows.next().ok_or_else(|| Malformed::new("a bucket has too few rows"))?;
                let row = row_from(bytes, range, &self.wide)?;
                check_values(&row, &table)?;
                table.rows.push(row);
            }
        }
        match rows.next() {
            None => Ok(table),
            Some(_) => Err(Malformed::new("a row is in no bucket")),
        }
    }
}

impl StoredBucket {
    fn range(&self) -> Result<TimeRange, Malformed> {
        Ok(TimeRange::new(Timestamp::from_millis(self.start_ms)?, Timestamp::from_millis(self.end_ms)?)?)
    }
}

fn row_from(bytes: &[u8], bucket: TimeRange, wide: &[StoredAmountsPair]) -> Result<StatisticsRow, Malformed> {
    let mut fields = Fields(bytes);
    let values = [fields.half()?, fields.half()?];
    let count = u64::from(fields.half()?);
    if count == 0 {
        let place = usize::try_from(fields.word()?).ok();
        let wide = place.and_then(|place| wide.get(place)).filter(|wide| wide.count > 0);
        let wide = wide.ok_or_else(|| Malformed::new("a row has no sessions"))?;
        let (cost, runtime) = (wide.cost_nanos.amounts(), wide.runtime_ms.amounts());
        return Ok(StatisticsRow { bucket, values, count: wide.count, cost, runtime });
    }
    let (runtime_min, runtime_max) = (fields.half()?.into(), fields.half()?.into());
    let runtime = Amounts { sum: fields.word()?.into(), min: runtime_min, max: runtime_max };
    let cost = Amounts { sum: fields.word()?.into(), min: fields.word()?, max: fields.word()? };
    Ok(StatisticsRow { bucket, values, count, cost, runtime })
}

/// Little-endian integers, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (field, rest) = self.0.split_first_chunk().ok_or_else(|| Malformed::new("a row is cut"))?;
        self.0 = rest;
        Ok(*field)
    }

    fn half(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    fn word(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }
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

impl From<Amounts> for StoredAmounts {
    fn from(amounts: Amounts) -> Self {
        Self { sum: amounts.sum, min: amounts.min, max: amounts.max }
    }
}

impl StoredAmounts {
    const fn amounts(&self) -> Amounts {
        Amounts { sum: self.sum, min: self.min, max: self.max }
    }
}
