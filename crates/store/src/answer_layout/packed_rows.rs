//! Rows as they lie in memory, those of one session in half of the bytes: version 2.

use std::io::{self, Write};

use farmtally_model::{PACKED_BYTES_MAX, PackedRow, StatisticsRow, StatisticsTable, TableRows};
use serde::{Deserialize, Serialize};

use super::{StoredAmountsPair, StoredBucket, check_values, count_rows};
use crate::encoding::Malformed;

/// In the place of a row that stands whole behind the others.
const ELSEWHERE: [u8; PACKED_BYTES_MAX / 2] = [0; PACKED_BYTES_MAX / 2];

/// A row that does not fit. They stand in the order of the rows.
#[derive(Serialize, Deserialize)]
pub(super) struct WholeRow {
    values: [u32; 2],
    amounts: StoredAmountsPair,
}

impl From<StatisticsRow> for WholeRow {
    fn from(row: StatisticsRow) -> Self {
        Self { values: row.values, amounts: StoredAmountsPair::from(&row) }
    }
}

/// What stands behind the rows: the buckets, and the rows that do not fit; and the bytes that were written.
pub(super) fn write(
    table: &StatisticsTable,
    output: &mut impl Write,
) -> io::Result<(Vec<StoredBucket>, Vec<WholeRow>, u64)> {
    let (mut buckets, mut whole, mut before, mut written) = (Vec::new(), Vec::new(), 0, 0);
    let second_bits = table.rows.second_bits();
    let as_they_lie = table.rows.codes_are_values();
    let with_values = |row: PackedRow| {
        let values = table.rows.values_of(row.codes(second_bits));
        row.with_codes(values, second_bits)
    };
    for (bucket, rows) in table.rows.packed() {
        count_rows(&mut buckets, bucket, rows.len() as u64);
        for (place, row) in rows.iter().enumerate() {
            let row = if as_they_lie { Some(*row) } else { with_values(*row) };
            if let Some((bytes, length)) = row.and_then(PackedRow::to_bytes) {
                output.write_all(&bytes[..length])?;
                written += length as u64;
            } else {
                output.write_all(&ELSEWHERE)?;
                written += ELSEWHERE.len() as u64;
                whole.extend(table.rows.get(before + place).map(WholeRow::from));
            }
        }
        before += rows.len();
    }
    Ok((buckets, whole, written))
}

/// Reads rows of these buckets, whose second codes have so many bits.
pub(super) fn read(
    table: &mut StatisticsTable,
    mut rows: &[u8],
    buckets: &[StoredBucket],
    second_bits: u32,
    whole: Vec<WholeRow>,
) -> Result<(), Malformed> {
    table.rows =
        TableRows::with_second_bits(second_bits).ok_or_else(|| Malformed::new("its keys are too long"))?;
    let mut whole = whole.into_iter();
    for bucket in buckets {
        let range = bucket.range()?;
        for _ in 0..bucket.row_count {
            let row =
                PackedRow::take(&mut rows).ok_or_else(|| Malformed::new("a bucket has too few rows"))?;
            if row.count() == 0 {
                let row = whole.next().ok_or_else(|| Malformed::new("a row is nowhere"))?;
                check_values(row.values, table)?;
                table.rows.push(row.amounts.row(range, row.values)?);
            } else {
                check_values(row.codes(second_bits), table)?;
                table.rows.push_packed(range, row);
            }
        }
    }
    if rows.is_empty() && whole.next().is_none() {
        Ok(())
    } else {
        Err(Malformed::new("a row is in no bucket"))
    }
}
