//! Rows of 52 bytes each, with their values and numbers one after the other: version 1.

use std::io::{self, Write};

use farmtally_model::{Amounts, StatisticsRow, StatisticsTable, TableRows, TimeRange};

use super::{StoredAmountsPair, StoredBucket, check_values, count_row};
use crate::encoding::Malformed;

const ROW_BYTES: usize = 52;

/// What stands behind the rows: the buckets, and the amounts of rows that do not fit.
pub(super) fn write(
    table: &StatisticsTable,
    output: &mut impl Write,
) -> io::Result<(Vec<StoredBucket>, Vec<StoredAmountsPair>)> {
    let (mut buckets, mut wide) = (Vec::new(), Vec::new());
    for row in table.rows.iter() {
        count_row(&mut buckets, row.bucket);
        output.write_all(&row_bytes(&row, &mut wide))?;
    }
    Ok((buckets, wide))
}

/// Reads rows of these buckets.
pub(super) fn read(
    table: &mut StatisticsTable,
    rows: &[u8],
    buckets: &[StoredBucket],
    wide: &[StoredAmountsPair],
) -> Result<(), Malformed> {
    table.rows = TableRows::default();
    let mut rows = rows.chunks_exact(ROW_BYTES);
    for bucket in buckets {
        let range = bucket.range()?;
        for _ in 0..bucket.row_count {
            let bytes = rows.next().ok_or_else(|| Malformed::new("a bucket has too few rows"))?;
            let row = row_from(bytes, range, wide)?;
            check_values(row.values, table)?;
            table.rows.push(row);
        }
    }
    match rows.next() {
        None => Ok(()),
        Some(_) => Err(Malformed::new("a row is in no bucket")),
    }
}

/// The bytes of so many rows.
pub(super) fn length(row_count: u64) -> Option<usize> {
    usize::try_from(row_count).ok()?.checked_mul(ROW_BYTES)
}

/// A row as it lies in the file. One that does not fit goes to `wide`, and its place there into the row.
///
/// Each field is written to its place: appended one after the other they take several times as long.
fn row_bytes(row: &StatisticsRow, wide: &mut Vec<StoredAmountsPair>) -> [u8; ROW_BYTES] {
    let mut bytes = [0; ROW_BYTES];
    let [first, second] = row.values;
    bytes[..4].copy_from_slice(&first.to_le_bytes());
    bytes[4..8].copy_from_slice(&second.to_le_bytes());
    if let Some(([count, runtime_min, runtime_max], [runtime_sum, cost_sum, cost_min, cost_max])) =
        narrow(row)
    {
        bytes[8..12].copy_from_slice(&count.to_le_bytes());
        bytes[12..16].copy_from_slice(&runtime_min.to_le_bytes());
        bytes[16..20].copy_from_slice(&runtime_max.to_le_bytes());
        bytes[20..28].copy_from_slice(&runtime_sum.to_le_bytes());
        bytes[28..36].copy_from_slice(&cost_sum.to_le_bytes());
        bytes[36..44].copy_from_slice(&cost_min.to_le_bytes());
        bytes[44..].copy_from_slice(&cost_max.to_le_bytes());
    } else {
        bytes[12..20].copy_from_slice(&(wide.len() as u64).to_le_bytes());
        wide.push(row.into());
    }
    bytes
}

/// Count, least and greatest runtime; sum of runtimes; sum, least and greatest of costs.
fn narrow(row: &StatisticsRow) -> Option<([u32; 3], [u64; 4])> {
    let half = |number: u64| u32::try_from(number).ok();
    let word = |number: u128| u64::try_from(number).ok();
    let halves =
        [half(row.count).filter(|count| *count > 0)?, half(row.runtime.min)?, half(row.runtime.max)?];
    Some((halves, [word(row.runtime.sum)?, word(row.cost.sum)?, row.cost.min, row.cost.max]))
}

fn row_from(bytes: &[u8], bucket: TimeRange, wide: &[StoredAmountsPair]) -> Result<StatisticsRow, Malformed> {
    let mut fields = Fields(bytes);
    let values = [fields.half()?, fields.half()?];
    let count = u64::from(fields.half()?);
    if count == 0 {
        let place = usize::try_from(fields.word()?).ok();
        let wide = place.and_then(|place| wide.get(place));
        return wide.ok_or_else(|| Malformed::new("a row has no amounts"))?.row(bucket, values);
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
