//! An answer as bytes: a head, its rows, and a tail with what the rows refer to.
//!
//! Answers have millions of rows and somebody waits for the first, so that rows are not compressed. The layout is described in
//! `docs/format.md`; the order of the fields and variants here must never change.

mod packed_rows;
mod plain_rows;
mod row_lists;

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use farmtally_model::{
    Amounts, FleetId, GroupBy, GroupValue, GroupValues, InstanceType, JobId, JobName, LicenseProduct,
    QueueId, StatisticsRow, StatisticsTable, TableRows, TimeRange, Timestamp, UsageType, UserId,
};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize};

use self::row_lists::StoredRows;
use crate::encoding::{Malformed, pack_to, unpack};
use crate::error::StoreError;

const MAGIC: [u8; 8] = *b"FTanswer";
/// Magic, version, number of rows.
const HEAD_BYTES: usize = 24;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 1 << 16;

/// Rows of 16 or 32 bytes, one after the other.
const PACKED: u64 = 2;

/// Lists in which no row of one session costs 2^32 nano-dollars or more, read as [`Version::Lists`].
const LISTS_OF_CHEAP: u64 = 3;

/// How rows lie in the file. Versions 2 and 3 are no longer written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Version {
    /// 52 bytes each.
    Plain = 1,
    /// Lists of 16 bytes for each row and 16 more for some.
    Lists = 4,
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

/// Where the bytes of an answer go.
pub(crate) trait Output: Write {
    /// Writes parts that lie in memory already, and are long where the answer is, and then what `next` writes. The last bytes of the parts
    /// may be kept elsewhere, by another thread meanwhile: `next` takes about as long as `next_bytes` of them.
    fn write_parts(
        &mut self,
        parts: &[&[u8]],
        next_bytes: usize,
        next: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// Writes an answer.
pub(crate) fn write_table(
    table: &StatisticsTable,
    version: Version,
    output: &mut impl Output,
) -> Result<(), WriteError> {
    output.write_all(&MAGIC)?;
    output.write_all(&(version as u64).to_le_bytes())?;
    output.write_all(&(table.rows.len() as u64).to_le_bytes())?;
    let values = table.values.each_ref().map(TableValues);
    match version {
        Version::Plain => {
            let mut output = BufWriter::with_capacity(WRITE_BYTES, output);
            let (buckets, wide) = plain_rows::write(table, &mut output)?;
            let tail = StoredTail::V1(Tail { values, buckets, wide });
            pack_to(&tail, &mut output).map_err(WriteError::Store)?;
            Ok(output.flush()?)
        }
        Version::Lists => {
            let lists = row_lists::bytes(&table.rows);
            let lists_bytes: usize = lists.iter().map(|part| part.len()).sum();
            let values_count: usize = table.values.iter().map(GroupValues::len).sum();
            let write_tail = |output: &mut _| {
                let mut output = BufWriter::with_capacity(WRITE_BYTES, output);
                let tail = ListsTail { values, rows: StoredRows::of(&table.rows) };
                postcard::to_io(&tail, &mut output).map_err(io::Error::other)?;
                output.write_all(&(lists_bytes as u64).to_le_bytes())?;
                output.flush()
            };
            Ok(output.write_parts(&lists, values_count.saturating_mul(VALUE_AS_BYTES), write_tail)?)
        }
    }
}

/// Reads the bytes of an answer of `row_count` rows, `elsewhere` those that were kept elsewhere.
pub(crate) fn read_table(
    bytes: &[u8],
    elsewhere: &[u8],
    group_by: GroupBy,
    row_count: u64,
) -> Result<StatisticsTable, Malformed> {
    let short = || Malformed::new("it ends too early");
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(short)?;
    if head[..8] != MAGIC || head[16..] != row_count.to_le_bytes() {
        return Err(Malformed::new("it has another head or another number of rows"));
    }
    let is = |version: u64| head[8..16] == version.to_le_bytes();
    let mut table = StatisticsTable { group_by, values: Default::default(), rows: TableRows::default() };
    if is(Version::Plain as u64) {
        let length = plain_rows::length(row_count);
        let (rows, tail) = length.and_then(|length| rest.split_at_checked(length)).ok_or_else(short)?;
        let tail = unpack(tail)?;
        let StoredTail::V1(tail) = postcard::from_bytes(&tail)? else { return Err(other_tail()) };
        table.values = values_from(tail.values)?;
        plain_rows::read(&mut table, rows, &tail.buckets, &tail.wide)?;
    } else if is(PACKED) {
        let (rows, tail) = rows_and_tail(rest).ok_or_else(short)?;
        let tail = unpack(tail)?;
        let StoredTail::V2(tail) = postcard::from_bytes(&tail)? else { return Err(other_tail()) };
        table.values = values_from(tail.values)?;
        packed_rows::read(&mut table, rows, &tail.buckets, tail.second_bits, &tail.whole)?;
    } else if is(LISTS_OF_CHEAP) || is(Version::Lists as u64) {
        let (own, tail) = own_rows_and_tail(rest, elsewhere.len()).ok_or_else(short)?;
        let tail: ListsTail<Vec<StoredValue<'_>>> = postcard::from_bytes(tail)?;
        table.values = values_from(tail.values)?;
        // A list may begin in one and end in the other.
        let rows = if elsewhere.is_empty() { Cow::Borrowed(own) } else { [own, elsewhere].concat().into() };
        row_lists::read(&mut table, &rows, tail.rows, row_count)?;
    } else {
        return Err(Malformed::new("it is of another version"));
    }
    Ok(table)
}

fn other_tail() -> Malformed {
    Malformed::new("its head and its tail are of different versions")
}

/// Parts what stands behind the head where the last word says.
fn rows_and_tail(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    own_rows_and_tail(rest, 0)
}

/// Likewise, if so many of the bytes that the last word counts are kept elsewhere.
fn own_rows_and_tail(rest: &[u8], elsewhere: usize) -> Option<(&[u8], &[u8])> {
    let (rest, length) = rest.split_last_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?.checked_sub(elsewhere)?)
}

/// What stands behind the rows of versions 1 and 2.
#[derive(Serialize, Deserialize)]
enum StoredTail<V> {
    V1(Tail<V>),
    V2(PackedTail<V>),
}

/// What stands behind the lists of rows, not compressed: that would take longer than to write it.
#[derive(Serialize, Deserialize)]
struct ListsTail<V> {
    values: [V; 2],
    rows: StoredRows,
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

/// A row that does not fit.
#[derive(Serialize, Deserialize)]
struct WholeRow {
    values: [u32; 2],
    amounts: StoredAmountsPair,
}

impl From<&StatisticsRow> for WholeRow {
    fn from(row: &StatisticsRow) -> Self {
        Self { values: row.values, amounts: row.into() }
    }
}

impl WholeRow {
    fn row(&self, bucket: TimeRange) -> Result<StatisticsRow, Malformed> {
        self.amounts.row(bucket, self.values)
    }
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

/// Values of a table that are taken at once, and stay in the first-level cache until they are written.
const VALUES_AT_ONCE: usize = 1 << 8;
/// Bytes of rows that are written in the time that one value takes, about.
const VALUE_AS_BYTES: usize = 384;

/// The values of a table, which become [`StoredValue`]s one by one.
struct TableValues<'a>(&'a GroupValues);

struct TableValue(GroupValue);

impl Serialize for TableValues<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let len = self.0.len();
        let mut written = serializer.serialize_seq(Some(len))?;
        for from in (0..len).step_by(VALUES_AT_ONCE) {
            for value in self.0.range(from..len.min(from + VALUES_AT_ONCE)) {
                written.serialize_element(&TableValue(value))?;
            }
        }
        written.end()
    }
}

impl Serialize for TableValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredValue::new(&self.0).serialize(serializer)
    }
}

fn values_from(stored: [Vec<StoredValue<'_>>; 2]) -> Result<[GroupValues; 2], Malformed> {
    let mut values = [GroupValues::default(), GroupValues::default()];
    for (values, stored) in values.iter_mut().zip(stored) {
        *values = stored.into_iter().map(StoredValue::into_value).collect::<Result<_, _>>()?;
    }
    Ok(values)
}

/// Counts a row that follows others.
fn count_row(buckets: &mut Vec<StoredBucket>, bucket: TimeRange) {
    let next = StoredBucket::new(bucket, 1);
    match buckets.last_mut() {
        Some(last) if (last.start_ms, last.end_ms) == (next.start_ms, next.end_ms) => last.row_count += 1,
        _ => buckets.push(next),
    }
}

impl StoredBucket {
    fn new(bucket: TimeRange, row_count: u64) -> Self {
        Self { start_ms: bucket.start().millis(), end_ms: bucket.end().millis(), row_count }
    }

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
    use farmtally_model::{NarrowRow, RowList, Stretch, UsageGroupBy, ValuesByCode};
    use proptest::prelude::*;

    use crate::encoding::pack;

    impl Output for Vec<u8> {
        fn write_parts(
            &mut self,
            parts: &[&[u8]],
            _: usize,
            next: impl FnOnce(&mut Self) -> io::Result<()>,
        ) -> io::Result<()> {
            parts.iter().try_for_each(|part| self.write_all(part))?;
            next(self)
        }
    }

    const HOUR_MS: i64 = 3_600_000;
    const SECOND_BITS: u32 = 3;
    /// The codes of the values of the first position.
    const CODES: [u32; 4] = [1, 3, 4, 7];

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
        let group_by = GroupBy::new(&[UsageGroupBy::UserId, UsageGroupBy::InstanceType]).unwrap();
        let users = ["ana", "ben", "cho", "dev"].map(|user| GroupValue::User(UserId::new(user).unwrap()));
        let types = [None, Some("c6i.large")]
            .map(|kind| GroupValue::InstanceType(kind.map(|kind| InstanceType::new(kind).unwrap())));
        let packed = lists.iter().map(|rows| {
            let mut list = RowList::default();
            for row in rows {
                let [value, second] = row.codes;
                let first = if has_codes { CODES[value as usize] } else { value };
                let row = NarrowRow { codes: [first, second], ..*row };
                list.push(u64::from(first) << SECOND_BITS | u64::from(second), &row);
            }
            list
        });
        let codes = if has_codes { &CODES[..] } else { &[] };
        let values_by_code = [ValuesByCode::numbered(codes.iter().copied()), ValuesByCode::default()];
        let mut rows = TableRows::new(packed.collect(), SECOND_BITS, values_by_code);
        for (list, own) in lists.iter().enumerate().rev() {
            let half = own.len() / 2;
            for (hour, part) in [(0, 0..half), (1, half..own.len())] {
                let hour = hour + i64::try_from(list).unwrap();
                rows.push_stretch(Stretch { bucket: bucket(hour), list, rows: part });
            }
        }
        if wide {
            let amounts = Amounts { sum: 1 << 70, min: 0, max: u64::MAX };
            let values = [if has_codes { CODES[1] } else { 1 }, 1];
            rows.push(StatisticsRow { bucket: bucket(9), values, count: 7, cost: amounts, runtime: amounts });
        }
        StatisticsTable { group_by, values: [users.to_vec().into(), types.to_vec().into()], rows }
    }

    fn file(table: &StatisticsTable, version: Version) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(write_table(table, version, &mut bytes).is_ok());
        bytes
    }

    /// A file of version 2.
    fn packed_file(table: &StatisticsTable) -> Vec<u8> {
        let (mut rows, mut buckets, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for row in table.rows.iter() {
            count_row(&mut buckets, row.bucket);
            let (cost_sum, runtime_sum) = (row.cost.sum, row.runtime.sum);
            let is_small = row.count >> 12 == 0 && row.cost.max >> 32 == 0;
            let (costs, runtimes) = (u64::try_from(cost_sum), u32::try_from(runtime_sum));
            let (Ok(costs), Ok(runtimes), true) = (costs, runtimes, is_small && cost_sum >> 44 == 0) else {
                rows.extend([0; 16]);
                whole.push(WholeRow::from(&row));
                continue;
            };
            let [first, second] = row.values.map(u64::from);
            let key = first << SECOND_BITS | second;
            let words = [
                key | row.count << 40 | costs >> 32 << 52,
                u64::from(runtimes) | costs << 32,
                row.cost.min | row.cost.max << 32,
                row.runtime.min | row.runtime.max << 32,
            ];
            let length = if row.count == 1 { 2 } else { 4 };
            rows.extend(words[..length].iter().flat_map(|word| word.to_le_bytes()));
        }
        let values = table.values.each_ref().map(TableValues);
        let tail = StoredTail::V2(PackedTail { values, buckets, second_bits: SECOND_BITS, whole });
        let numbers = [PACKED, table.rows.len() as u64].map(u64::to_le_bytes).concat();
        let length = (rows.len() as u64).to_le_bytes();
        [&MAGIC, &numbers[..], &rows, &pack(&tail).unwrap(), &length].concat()
    }

    fn read(bytes: &[u8], table: &StatisticsTable) -> Result<StatisticsTable, Malformed> {
        read_table(bytes, &[], table.group_by, table.rows.len() as u64)
    }

    proptest! {
        #[test]
        fn a_table_reads_back_from_all_versions_and_no_part_of_a_file_stops_the_program(
            lists in prop::collection::vec(prop::collection::vec(
                ([0_u32..4, 0..2], prop::sample::select(vec![1_u32, 2, 5_000]), prop::sample::select(vec![0_u64, 9, 1 << 31, 1 << 40]), any::<u32>()),
                0..6), 0..4),
            has_codes: bool, wide: bool, cut: prop::sample::Index, longer: bool,
        ) {
            let lists: Vec<Vec<_>> = lists.into_iter().map(|rows| rows.into_iter().map(|(codes, count, cost, runtime)| {
                row(codes, count, cost, runtime)
            }).collect()).collect();
            let table = table(&lists, has_codes, wide);
            let mut of_cheap = file(&table, Version::Lists);
            of_cheap[8] = 3;
            for mut bytes in [file(&table, Version::Plain), file(&table, Version::Lists), of_cheap, packed_file(&table)] {
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

    /// As programs of version 3 wrote it: a dear row of one session lies beside its list, and its head counts none.
    #[test]
    fn a_dear_row_of_one_session_reads_back_from_version_3() {
        let (dear, cheap) = (row([2, 1], 1, 1 << 40, 77), row([3, 0], 1, 5, 9));
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let beside = [two(2, 1), two(1, 77), 77, 77, 1 << 40, 1 << 40, 1 << 40];
        let head_of_cheap = [3 << SECOND_BITS | 1 << 40, two(9, 5)];
        let list = RowList::from_parts(vec![[0, 0], head_of_cheap], Vec::new(), vec![beside]).unwrap();
        let expected = table(&[vec![dear, cheap]], false, false);
        let mut rows = TableRows::new(vec![list], SECOND_BITS, Default::default());
        for (hour, part) in [(0, 0..1), (1, 1..2)] {
            rows.push_stretch(Stretch { bucket: bucket(hour), list: 0, rows: part });
        }
        let mut bytes = file(&StatisticsTable { rows, ..expected.clone() }, Version::Lists);
        assert_eq!(rows_and_tail(&bytes[HEAD_BYTES..]).unwrap().0.len(), 2 * 16 + 56);
        bytes[8] = 3;
        assert_eq!(read(&bytes, &expected).unwrap(), expected);
    }

    #[test]
    fn a_row_of_one_session_takes_16_bytes_and_others_32() {
        let rows = [(1, 9), (1, 1 << 40), (2, 9), (2, 1 << 40)];
        let lengths = rows.map(|(count, cost_nanos)| {
            let table = table(&[vec![row([0, 0], count, cost_nanos, 9); 2_000]], false, false);
            let bytes = file(&table, Version::Lists);
            rows_and_tail(&bytes[HEAD_BYTES..]).unwrap().0.len()
        });
        assert_eq!(lengths, [16, 16, 32, 16 + 56].map(|bytes| 2_000 * bytes));
    }

    #[test]
    fn a_value_that_is_not_there_is_found() {
        let table = table(&[vec![row([3, 1], 1, 9, 9)]], false, false);
        for mut bytes in [file(&table, Version::Plain), packed_file(&table), file(&table, Version::Lists)] {
            bytes[HEAD_BYTES] = 0x27;
            let said = read(&bytes, &table).unwrap_err().reason();
            assert_eq!(said, "a row refers to a value that is not there");
        }
    }
}
