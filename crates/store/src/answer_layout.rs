//! An answer as bytes: a head, its rows, and a tail with what the rows refer to.
//!
//! Answers have millions of rows and somebody waits for the first, so that rows are not compressed. The layout is described in
//! `docs/format.md`; the order of the fields and variants here must never change.

mod packed_rows;
mod plain_rows;

use std::io::{self, BufWriter, Write};

use farmtally_model::{
    Amounts, FleetId, GroupBy, GroupValue, InstanceType, JobId, JobName, LicenseProduct, QueueId,
    StatisticsRow, StatisticsTable, TableRows, TimeRange, Timestamp, UsageType, UserId,
};
use serde::{Deserialize, Serialize};

use self::packed_rows::WholeRow;
use crate::encoding::{Malformed, pack_to, unpack};
use crate::error::StoreError;

const MAGIC: [u8; 8] = *b"FTanswer";
/// Magic, version, number of rows.
const HEAD_BYTES: usize = 24;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 20;

/// How rows lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Version {
    /// 52 bytes each.
    Plain = 1,
    /// 16 or 32 bytes each.
    Packed = 2,
}

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
    version: Version,
    write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let mut parts = Parts { write, failed: None };
    let written = write_parts(table, version, &mut parts);
    parts.failed.map_or(written, |cause| Err(WriteError::File(cause)))
}

fn write_parts(table: &StatisticsTable, version: Version, parts: &mut impl Write) -> Result<(), WriteError> {
    let mut output = BufWriter::with_capacity(WRITE_BYTES, parts);
    output.write_all(&MAGIC)?;
    output.write_all(&(version as u64).to_le_bytes())?;
    output.write_all(&(table.rows.len() as u64).to_le_bytes())?;
    let values = table.values.each_ref().map(|values| TableValues(values));
    let (tail, rows_bytes) = match version {
        Version::Plain => {
            let (buckets, wide) = plain_rows::write(table, &mut output)?;
            (StoredTail::V1(Tail { values, buckets, wide }), None)
        }
        Version::Packed => {
            let (buckets, whole, rows_bytes) = packed_rows::write(table, &mut output)?;
            let second_bits = table.rows.second_bits();
            (StoredTail::V2(PackedTail { values, buckets, second_bits, whole }), Some(rows_bytes))
        }
    };
    pack_to(&tail, &mut output).map_err(WriteError::Store)?;
    if let Some(rows_bytes) = rows_bytes {
        output.write_all(&rows_bytes.to_le_bytes())?;
    }
    Ok(output.flush()?)
}

/// Writes by handing over, and remembers why that failed.
struct Parts<F> {
    write: F,
    failed: Option<io::Error>,
}

impl<F: FnMut(&[u8]) -> io::Result<()>> Write for Parts<F> {
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

/// Reads the bytes of an answer of `row_count` rows.
pub(crate) fn read_table(
    bytes: &[u8],
    group_by: GroupBy,
    row_count: u64,
) -> Result<StatisticsTable, Malformed> {
    let short = || Malformed::new("it ends too early");
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(short)?;
    let is = |version: Version| head[8..16] == (version as u64).to_le_bytes();
    let known = [Version::Plain, Version::Packed].into_iter().find(|version| is(*version));
    let Some(version) = known.filter(|_| head[..8] == MAGIC && head[16..] == row_count.to_le_bytes()) else {
        return Err(Malformed::new("its head is of another version or has another number of rows"));
    };
    let (rest, rows_bytes) = match version {
        Version::Plain => (rest, plain_rows::length(row_count)),
        Version::Packed => {
            let (rest, length) = rest.split_last_chunk().ok_or_else(short)?;
            (rest, usize::try_from(u64::from_le_bytes(*length)).ok())
        }
    };
    let (rows, tail) = rows_bytes.and_then(|length| rest.split_at_checked(length)).ok_or_else(short)?;
    let tail = unpack(tail)?;
    let tail: StoredTail<Vec<StoredValue<'_>>> = postcard::from_bytes(&tail)?;
    let mut table = StatisticsTable { group_by, values: Default::default(), rows: TableRows::default() };
    match (version, tail) {
        (Version::Plain, StoredTail::V1(tail)) => {
            table.values = values_from(tail.values)?;
            plain_rows::read(&mut table, rows, &tail.buckets, &tail.wide)?;
        }
        (Version::Packed, StoredTail::V2(tail)) => {
            table.values = values_from(tail.values)?;
            packed_rows::read(&mut table, rows, &tail.buckets, tail.second_bits, tail.whole)?;
        }
        _ => return Err(Malformed::new("its head and its tail are of different versions")),
    }
    Ok(table)
}

/// What stands behind the rows.
#[derive(Serialize, Deserialize)]
enum StoredTail<V> {
    V1(Tail<V>),
    V2(PackedTail<V>),
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
struct PackedTail<V> {
    values: [V; 2],
    /// Rows of one bucket lie together.
    buckets: Vec<StoredBucket>,
    /// Bits of the second value in the key of a row.
    second_bits: u32,
    whole: Vec<WholeRow>,
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

impl From<&StatisticsRow> for StoredAmountsPair {
    fn from(row: &StatisticsRow) -> Self {
        Self { count: row.count, cost_nanos: row.cost.into(), runtime_ms: row.runtime.into() }
    }
}

impl StoredAmountsPair {
    fn row(&self, bucket: TimeRange, values: [u32; 2]) -> Result<StatisticsRow, Malformed> {
        let (cost, runtime) = (self.cost_nanos.amounts(), self.runtime_ms.amounts());
        let row = StatisticsRow { bucket, values, count: self.count, cost, runtime };
        if row.count > 0 { Ok(row) } else { Err(Malformed::new("a row has no sessions")) }
    }
}

/// The values of a table, which become [`StoredValue`]s one by one: there may be many millions.
struct TableValues<'a>(&'a [GroupValue]);

impl Serialize for TableValues<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(StoredValue::new))
    }
}

fn values_from(stored: [Vec<StoredValue<'_>>; 2]) -> Result<[Vec<GroupValue>; 2], Malformed> {
    let mut values = [Vec::new(), Vec::new()];
    for (values, stored) in values.iter_mut().zip(stored) {
        *values = stored.into_iter().map(StoredValue::into_value).collect::<Result<_, _>>()?;
    }
    Ok(values)
}

/// Counts rows that follow each other.
fn count_rows(buckets: &mut Vec<StoredBucket>, bucket: TimeRange, row_count: u64) {
    let (start_ms, end_ms) = (bucket.start().millis(), bucket.end().millis());
    match buckets.last_mut() {
        Some(last) if (last.start_ms, last.end_ms) == (start_ms, end_ms) => last.row_count += row_count,
        _ => buckets.push(StoredBucket { start_ms, end_ms, row_count }),
    }
}

impl StoredBucket {
    fn range(&self) -> Result<TimeRange, Malformed> {
        Ok(TimeRange::new(Timestamp::from_millis(self.start_ms)?, Timestamp::from_millis(self.end_ms)?)?)
    }
}

fn check_values(codes: [u32; 2], table: &StatisticsTable) -> Result<(), Malformed> {
    let positions = codes.iter().zip(&table.values).take(table.group_by.fields().len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::{NarrowRow, RowList, Stretch, UsageGroupBy};
    use proptest::prelude::*;

    const HOUR_MS: i64 = 3_600_000;
    /// Which value each code of the first position means.
    const VALUES_BY_CODE: [u32; 4] = [2, 0, 3, 1];

    fn bucket(hour: i64) -> TimeRange {
        let at = |hour: i64| Timestamp::from_millis(hour * HOUR_MS).unwrap();
        TimeRange::new(at(hour), at(hour + 1)).unwrap()
    }

    /// A row of these codes; of one session when the count is one.
    fn row(codes: [u32; 2], count: u32, cost: u64, runtime: u32) -> NarrowRow {
        NarrowRow {
            codes,
            count,
            runtime_min_ms: runtime,
            runtime_max_ms: runtime,
            runtime_sum_ms: u64::from(runtime) * u64::from(count),
            cost_sum_nanos: cost.saturating_mul(u64::from(count)),
            cost_min_nanos: cost,
            cost_max_nanos: cost,
        }
    }

    /// Rows of several lists in the order of their stretches, some of them wide, as the engine and as `push` make them.
    fn table(lists: &[Vec<NarrowRow>], has_codes: bool, wide: bool) -> StatisticsTable {
        const SECOND_BITS: u32 = 3;
        let group_by = GroupBy::new(&[UsageGroupBy::UserId, UsageGroupBy::InstanceType]).unwrap();
        let users = ["ana", "ben", "cho", "dev"].map(|user| GroupValue::User(UserId::new(user).unwrap()));
        let types = [None, Some("c6i.large")]
            .map(|kind| GroupValue::InstanceType(kind.map(|kind| InstanceType::new(kind).unwrap())));
        let packed = lists.iter().map(|rows| {
            let mut list = RowList::default();
            for row in rows {
                let [first, second] = row.codes.map(u64::from);
                list.push(first << SECOND_BITS | second, row);
            }
            list
        });
        let values_by_code = [if has_codes { VALUES_BY_CODE.to_vec() } else { Vec::new() }, Vec::new()];
        let mut rows = TableRows::new(packed.collect(), SECOND_BITS, values_by_code.map(Into::into));
        for (list, own) in lists.iter().enumerate().rev() {
            let half = own.len() / 2;
            for (hour, part) in [(0, 0..half), (1, half..own.len())] {
                let hour = hour + i64::try_from(list).unwrap();
                rows.push_stretch(Stretch { bucket: bucket(hour), list, rows: part });
            }
        }
        if wide {
            let amounts = Amounts { sum: 1 << 70, min: 0, max: u64::MAX };
            let values = [1, 1];
            rows.push(StatisticsRow { bucket: bucket(9), values, count: 7, cost: amounts, runtime: amounts });
        }
        StatisticsTable { group_by, values: [users.into(), types.into()], rows }
    }

    fn file(table: &StatisticsTable, version: Version) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = write_table(table, version, |part| {
            bytes.extend_from_slice(part);
            Ok(())
        });
        assert!(written.is_ok());
        bytes
    }

    fn read(bytes: &[u8], table: &StatisticsTable) -> Result<StatisticsTable, Malformed> {
        read_table(bytes, table.group_by, table.rows.len() as u64)
    }

    proptest! {
        #[test]
        fn a_table_reads_back_from_both_versions_and_a_part_of_a_file_is_refused(
            lists in prop::collection::vec(prop::collection::vec(
                ([0_u32..4, 0..2], prop::sample::select(vec![1_u32, 2, 5_000]), prop::sample::select(vec![0_u64, 9, 1 << 31, 1 << 40]), any::<u32>()),
                0..6), 0..4),
            has_codes: bool, wide: bool, cut: prop::sample::Index, longer: bool,
        ) {
            let lists: Vec<Vec<_>> = lists.into_iter().map(|rows| rows.into_iter().map(|(codes, count, cost, runtime)| {
                row(codes, count, cost, runtime)
            }).collect()).collect();
            let table = table(&lists, has_codes, wide);
            for version in [Version::Plain, Version::Packed] {
                let mut bytes = file(&table, version);
                prop_assert_eq!(&read(&bytes, &table).unwrap(), &table);
                if longer {
                    bytes.insert(HEAD_BYTES + cut.index(bytes.len() - HEAD_BYTES), 0);
                } else {
                    bytes.remove(cut.index(bytes.len()));
                }
                // What is wrong in a way that does not show is the checksum's business; here nothing may stop the program.
                drop(read(&bytes, &table));
            }
        }
    }

    #[test]
    fn a_row_of_one_session_takes_16_bytes_and_others_32() {
        let tables = [1, 2].map(|count| table(&[vec![row([0, 0], count, 9, 9); 2_000]], false, false));
        let [one, two] = tables.map(|table| file(&table, Version::Packed).len());
        assert_eq!(two - one, 2_000 * 16);
    }

    #[test]
    fn a_value_that_is_not_there_is_found() {
        let table = table(&[vec![row([3, 1], 1, 9, 9)]], false, false);
        for (version, place) in [(Version::Plain, HEAD_BYTES), (Version::Packed, HEAD_BYTES)] {
            let mut bytes = file(&table, version);
            bytes[place] = 0x27;
            let said = read(&bytes, &table).unwrap_err().reason();
            assert_eq!(said, "a row refers to a value that is not there");
        }
    }
}
