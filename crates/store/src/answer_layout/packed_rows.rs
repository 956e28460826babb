//! Rows one after the other, those of one session in half of the bytes: version 2, which earlier programs wrote.

use farmtally_model::{Amounts, StatisticsRow, StatisticsTable, TableRows, TimeRange};

use super::{StoredBucket, WholeRow, check_values};
use crate::encoding::Malformed;

/// Reads rows of these buckets, whose second values have so many bits.
pub(super) fn read(
    table: &mut StatisticsTable,
    mut bytes: &[u8],
    buckets: &[StoredBucket],
    second_bits: u32,
    whole: &[WholeRow],
) -> Result<(), Malformed> {
    if second_bits > KEY_BITS {
        return Err(Malformed::new("its keys are too long"));
    }
    table.rows = TableRows::default();
    let mut whole = whole.iter();
    for bucket in buckets {
        let range = bucket.range()?;
        for _ in 0..bucket.row_count {
            let row = if let Some(row) = take(&mut bytes, range, second_bits)? {
                row
            } else {
                whole.next().ok_or_else(|| Malformed::new("a row is nowhere"))?.row(range)?
            };
            check_values(row.values, table)?;
            table.rows.push(row);
        }
    }
    if bytes.is_empty() && whole.next().is_none() {
        Ok(())
    } else {
        Err(Malformed::new("a row is in no bucket"))
    }
}

const KEY_BITS: u32 = 40;
const COUNT_BITS: u32 = 12;

/// Takes the next row off the bytes; `None` when it stands whole behind the others.
#[expect(clippy::cast_possible_truncation, reason = "parts of a word")]
fn take(bytes: &mut &[u8], bucket: TimeRange, second_bits: u32) -> Result<Option<StatisticsRow>, Malformed> {
    let mut word = || {
        let (word, rest) =
            bytes.split_first_chunk().ok_or_else(|| Malformed::new("a bucket has too few rows"))?;
        *bytes = rest;
        Ok::<_, Malformed>(u64::from_le_bytes(*word))
    };
    let low = |word: u64| word & u64::from(u32::MAX);
    let (first, sums) = (word()?, word()?);
    let (cost_low, runtime) = (sums >> 32, low(sums));
    let (count, costs, runtimes) = match first >> KEY_BITS & ((1 << COUNT_BITS) - 1) {
        0 => return Ok(None),
        1 => (1, [cost_low; 2], [runtime; 2]),
        count => {
            let (costs, runtimes) = (word()?, word()?);
            (count, [low(costs), costs >> 32], [low(runtimes), runtimes >> 32])
        }
    };
    let key = first & ((1 << KEY_BITS) - 1);
    let cost_sum = cost_low | first >> (KEY_BITS + COUNT_BITS) << 32;
    let amounts = |sum: u64, [min, max]: [u64; 2]| Amounts { sum: sum.into(), min, max };
    Ok(Some(StatisticsRow {
        bucket,
        values: [(key >> second_bits) as u32, (key & ((1 << second_bits) - 1)) as u32],
        count,
        cost: amounts(cost_sum, costs),
        runtime: amounts(runtime, runtimes),
    }))
}
