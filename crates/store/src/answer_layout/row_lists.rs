//! Lists of rows as they lie in memory: versions 3 and 4.

use farmtally_model::{
    RowBeside, RowExtremes, RowHead, RowList, StatisticsRow, StatisticsTable, Stretch, TableParts, TableRows,
};
use serde::{Deserialize, Serialize};

use super::{StoredBucket, WholeRow, check_values};
use crate::encoding::Malformed;

const _: () = assert!(cfg!(target_endian = "little"), "lists are little-endian and are written as they lie");

/// What the lists do not say of the rows.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRows {
    second_bits: u32,
    /// For each position the codes of its values in their order; none where codes are values.
    codes: [Vec<u32>; 2],
    lists: Vec<StoredList>,
    stretches: Vec<StoredStretch>,
    /// Rows that fit no list, each with its bucket.
    wide: Vec<(StoredBucket, WholeRow)>,
}

/// How many rows a list has, how many of them have extremes, and how many lie beside it.
#[derive(Serialize, Deserialize)]
struct StoredList {
    rows: u64,
    extremes: u64,
    beside: u64,
}

/// Rows of a list that lie in one bucket.
#[derive(Serialize, Deserialize)]
struct StoredStretch {
    bucket: StoredBucket,
    list: u64,
    first_row: u64,
}

/// The lists one after the other, each with its heads, its extremes, and the rows beside it, as they lie in memory.
pub(super) fn bytes(rows: &TableRows) -> Vec<&[u8]> {
    let lists = rows.parts().lists.iter();
    let parts = lists.flat_map(|list| {
        let (heads, extremes, beside) = list.parts();
        [bytemuck::cast_slice(heads), bytemuck::cast_slice(extremes), bytemuck::cast_slice(beside)]
    });
    parts.collect()
}

impl StoredRows {
    pub(super) fn of(rows: &TableRows) -> Self {
        let TableParts { lists, second_bits, stretches, wide, values_by_code } = rows.parts();
        let whole = |row: &StatisticsRow| (StoredBucket::new(row.bucket, 1), WholeRow::from(row));
        Self {
            second_bits,
            codes: values_by_code.each_ref().map(|values| values.codes().to_vec()),
            lists: lists.iter().map(StoredList::from).collect(),
            stretches: stretches.iter().map(StoredStretch::from).collect(),
            wide: wide.iter().map(whole).collect(),
        }
    }
}

impl From<&RowList> for StoredList {
    fn from(list: &RowList) -> Self {
        let (heads, extremes, beside) = list.parts();
        Self { rows: heads.len() as u64, extremes: extremes.len() as u64, beside: beside.len() as u64 }
    }
}

/// Reads so many rows of a table whose values are there.
pub(super) fn read(
    table: &mut StatisticsTable,
    mut bytes: &[u8],
    rows: StoredRows,
    row_count: u64,
) -> Result<(), Malformed> {
    let apart = || Malformed::new("its lists do not belong together");
    let mut lists = Vec::new();
    for list in rows.lists {
        let heads: Vec<RowHead> = take(&mut bytes, list.rows)?;
        let extremes: Vec<RowExtremes> = take(&mut bytes, list.extremes)?;
        let beside: Vec<RowBeside> = take(&mut bytes, list.beside)?;
        lists.push(RowList::from_parts(heads, extremes, beside).ok_or_else(apart)?);
    }
    if !bytes.is_empty() {
        return Err(Malformed::new("a row is in no list"));
    }
    let stretches = rows.stretches.iter().map(StoredStretch::stretch).collect::<Result<_, _>>()?;
    let wide = rows.wide.iter().map(|(bucket, row)| row.row(bucket.range()?));
    let wide = wide.collect::<Result<_, _>>()?;
    table.rows =
        TableRows::from_parts(lists, rows.second_bits, stretches, wide, &rows.codes).ok_or_else(apart)?;
    if table.rows.len() as u64 != row_count {
        return Err(Malformed::new("it has another number of rows"));
    }
    for row in table.rows.iter() {
        if row.count == 0 {
            return Err(Malformed::new("a row has no sessions"));
        }
        check_values(row.values, table)?;
    }
    Ok(())
}

/// Takes so many items off the bytes.
fn take<T: bytemuck::Pod>(bytes: &mut &[u8], items: u64) -> Result<Vec<T>, Malformed> {
    let length = usize::try_from(items).ok().and_then(|items| items.checked_mul(size_of::<T>()));
    let (own, rest) = length
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or_else(|| Malformed::new("a list has too few rows"))?;
    *bytes = rest;
    Ok(bytemuck::pod_collect_to_vec(own))
}

impl From<&Stretch> for StoredStretch {
    fn from(stretch: &Stretch) -> Self {
        Self {
            bucket: StoredBucket::new(stretch.bucket, stretch.rows.len() as u64),
            list: stretch.list as u64,
            first_row: stretch.rows.start as u64,
        }
    }
}

impl StoredStretch {
    fn stretch(&self) -> Result<Stretch, Malformed> {
        let first = usize::try_from(self.first_row)?;
        let end = first.checked_add(usize::try_from(self.bucket.row_count)?);
        let end = end.ok_or_else(|| Malformed::new("a bucket has too many rows"))?;
        Ok(Stretch { bucket: self.bucket.range()?, list: usize::try_from(self.list)?, rows: first..end })
    }
}
