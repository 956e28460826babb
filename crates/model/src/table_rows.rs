//! The rows of an answer, kept narrow: an answer can have millions of them.
//!
//! Rows of one bucket lie together, so the bucket is kept once for all of them. What does not fit a narrow row, such as a
//! sum beyond 64 bits, is kept apart. Whoever reads gets [`StatisticsRow`]s.

use std::ops::Range;

use crate::packed_row::RowList;
use crate::statistics::{Amounts, StatisticsRow};
use crate::time::TimeRange;

/// Bits of the second code in the keys of a table whose rows are pushed one by one.
const SECOND_BITS: u32 = 20;

/// A row without its bucket. In a [`RowList`] it takes 16 or 32 bytes if it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NarrowRow {
    /// For each groupBy position the code of its value; see [`TableRows::new`].
    pub codes: [u32; 2],
    /// Sessions with a piece in the row; never zero.
    pub count: u32,
    /// Least runtime in milliseconds.
    pub runtime_min_ms: u32,
    /// Greatest runtime in milliseconds.
    pub runtime_max_ms: u32,
    /// Sum of the runtimes in milliseconds.
    pub runtime_sum_ms: u64,
    /// Sum of the costs in nano-dollars.
    pub cost_sum_nanos: u64,
    /// Least cost in nano-dollars.
    pub cost_min_nanos: u64,
    /// Greatest cost in nano-dollars.
    pub cost_max_nanos: u64,
}

/// Rows of one bucket that lie together in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The bucket, clipped to the window.
    pub bucket: TimeRange,
    /// Which list.
    pub list: usize,
    /// The rows in that list.
    pub rows: Range<usize>,
}

/// Codes between the least and the greatest for each that occurs, up to which all of them are in a table: 256 bytes for a value.
const SPAN_BY_VALUE_MAX: usize = 64;

/// Which value each code of a groupBy position means.
#[derive(Debug, Clone, Default)]
pub struct ValuesByCode {
    /// The codes that occur, ascending; the value of each is its place.
    codes: Vec<u32>,
    /// The values of all codes from the least to the greatest, unless these are many more.
    values: Vec<u32>,
}

impl ValuesByCode {
    /// Numbers the codes that occur, which ascend.
    pub fn numbered(codes: impl Iterator<Item = u32>) -> Self {
        let codes: Vec<u32> = codes.collect();
        let (first, last) = (codes.first().copied().unwrap_or(0), codes.last().copied().unwrap_or(0));
        let span = (last - first) as usize;
        if span >= codes.len() * SPAN_BY_VALUE_MAX {
            return Self { codes, values: Vec::new() };
        }
        // Codes between them do not occur.
        let mut values = vec![0; span + 1];
        for (value, code) in (0..).zip(&codes) {
            values[(code - first) as usize] = value;
        }
        Self { codes, values }
    }

    /// The codes that were numbered.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The value of a code. Nobody asks for one between others that was not numbered; any other such means itself.
    #[inline]
    pub fn value(&self, code: u32) -> u32 {
        let Some(first) = self.codes.first() else { return code };
        if self.values.is_empty() {
            let place = self.codes.binary_search(&code).ok();
            return place.and_then(|place| u32::try_from(place).ok()).unwrap_or(code);
        }
        self.values.get(code.wrapping_sub(*first) as usize).copied().unwrap_or(code)
    }
}

/// What the rows of an answer are made of.
#[derive(Debug, Clone, Copy)]
pub struct TableParts<'a> {
    /// Lists of rows.
    pub lists: &'a [RowList],
    /// Bits of the second code in the keys of packed rows.
    pub second_bits: u32,
    /// Which rows of which lists follow each other, and their buckets.
    pub stretches: &'a [Stretch],
    /// Rows that fit no narrow row. One beside its list that counts nothing has the place in here as its sum of costs.
    pub wide: &'a [StatisticsRow],
    /// For each groupBy position the value of each code.
    pub values_by_code: &'a [ValuesByCode; 2],
}

/// The rows of an answer in order.
#[derive(Debug, Clone)]
pub struct TableRows {
    lists: Vec<RowList>,
    /// Bits of the second code in the keys of packed rows.
    second_bits: u32,
    /// The list of the rows that were pushed one by one.
    pushed: Option<usize>,
    stretches: Vec<Stretch>,
    /// Number of rows up to the end of each stretch.
    ends: Vec<usize>,
    /// Rows that fit no narrow row, which has a count of zero and the place in here as its sum of costs.
    wide: Vec<StatisticsRow>,
    /// For each groupBy position the value of each code; empty where codes are values.
    values_by_code: [ValuesByCode; 2],
}

impl Default for TableRows {
    fn default() -> Self {
        Self::new(Vec::new(), SECOND_BITS, Default::default())
    }
}

impl TableRows {
    /// No rows yet, but lists of rows of which [`Self::push_stretch`] takes some; their keys have `second_bits` for the
    /// second code. `values_by_code` says for each groupBy position which value a code means, and is empty where a code is the
    /// index of its value.
    pub fn new(lists: Vec<RowList>, second_bits: u32, values_by_code: [ValuesByCode; 2]) -> Self {
        Self {
            lists,
            second_bits,
            pushed: None,
            stretches: Vec::new(),
            ends: Vec::new(),
            wide: Vec::new(),
            values_by_code,
        }
    }

    /// Appends rows of one bucket that lie in a list.
    pub fn push_stretch(&mut self, stretch: Stretch) {
        self.ends.push(self.len() + stretch.rows.len());
        self.stretches.push(stretch);
    }

    /// Some rows of a list, with codes for their values.
    pub fn list(&self, list: usize, rows: Range<usize>) -> impl Iterator<Item = NarrowRow> + '_ {
        self.lists.get(list).into_iter().flat_map(move |list| list.range(rows.clone(), self.second_bits))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a row counts more than `bound` sessions, without reading the rows that cannot when the bound is large.
    pub fn has_count_above(&self, bound: u64) -> bool {
        // A list may have rows that no stretch takes, because they were merged to others; those count more.
        let in_lists = self.lists.iter().any(|list| list.has_count_above(bound));
        in_lists || self.wide.iter().any(|row| row.count > bound)
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = StatisticsRow> + '_ {
        self.range(0..self.len())
    }

    /// Some of the rows in order; finding the first of them does not depend on where it is. Rows beyond the last are left
    /// out.
    pub fn range(&self, rows: Range<usize>) -> impl Iterator<Item = StatisticsRow> + '_ {
        let first = self.ends.partition_point(|end| *end <= rows.start);
        let mut begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let stretches = self.stretches[first..].iter().map_while(move |stretch| {
            // One that is empty is passed: it is not the end.
            (begin < rows.end).then(|| {
                let own = rows.start.max(begin)..rows.end.min(begin + stretch.rows.len());
                let in_list = own.start - begin + stretch.rows.start;
                begin += stretch.rows.len();
                (stretch, in_list..in_list + own.len())
            })
        });
        stretches.flat_map(|(stretch, rows)| {
            let rows = self.lists[stretch.list].range(rows, self.second_bits);
            rows.map(|row| self.row(stretch.bucket, &row))
        })
    }

    /// A row by its place in the order.
    pub fn get(&self, index: usize) -> Option<StatisticsRow> {
        self.range(index..index + 1).next()
    }

    /// Appends a row, with codes for its values.
    pub fn push(&mut self, row: StatisticsRow) {
        let list = self.next_place(row.bucket);
        let Some(narrow) = narrow(&row) else {
            self.wide.push(row);
            return self.lists[list].push_beside(reference_to_wide(self.wide.len() - 1));
        };
        let [first, second] = narrow.codes.map(u64::from);
        if second >> self.second_bits == 0 {
            self.lists[list].push(first << self.second_bits | second, &narrow);
        } else {
            self.lists[list].push_beside(narrow);
        }
    }

    /// Makes one more row of the bucket, and says which list gets it.
    fn next_place(&mut self, bucket: TimeRange) -> usize {
        let list = *self.pushed.get_or_insert_with(|| {
            self.lists.push(RowList::default());
            self.lists.len() - 1
        });
        let place = self.lists[list].len();
        match self.stretches.last_mut() {
            Some(last) if last.bucket == bucket && last.list == list && last.rows.end == place => {
                last.rows.end += 1;
            }
            _ => self.stretches.push(Stretch { bucket, list, rows: place..place + 1 }),
        }
        let len = self.len() + 1;
        self.ends.truncate(self.stretches.len() - 1);
        self.ends.push(len);
        list
    }

    /// Gives back the room of lists whose rows are in no stretch, because they were merged to others.
    pub fn free_unused_lists(&mut self) {
        let mut are_used = vec![false; self.lists.len()];
        for stretch in &self.stretches {
            are_used[stretch.list] = true;
        }
        for (list, _) in self.lists.iter_mut().zip(are_used).filter(|(_, is_used)| !is_used) {
            *list = RowList::default();
        }
    }

    /// What the rows are made of.
    pub fn parts(&self) -> TableParts<'_> {
        TableParts {
            lists: &self.lists,
            second_bits: self.second_bits,
            stretches: &self.stretches,
            wide: &self.wide,
            values_by_code: &self.values_by_code,
        }
    }

    /// Rows of the parts that others had; `None` when they do not belong together. `codes` are those that others numbered for each
    /// position, none where codes are values. The rows may still mean values that are not there, or count nothing.
    pub fn from_parts(
        mut lists: Vec<RowList>,
        second_bits: u32,
        stretches: Vec<Stretch>,
        mut wide: Vec<StatisticsRow>,
        codes: &[Vec<u32>; 2],
    ) -> Option<Self> {
        let value_of = |code: u32, codes: &[u32]| {
            if codes.is_empty() { Some(code) } else { u32::try_from(codes.binary_search(&code).ok()?).ok() }
        };
        let values_of =
            |[first, second]: [u32; 2]| Some([value_of(first, &codes[0])?, value_of(second, &codes[1])?]);
        for list in &mut lists {
            list.replace_codes(second_bits, values_of)?;
        }
        for row in &mut wide {
            row.values = values_of(row.values)?;
        }
        let mut rows = Self { wide, ..Self::new(lists, second_bits, Default::default()) };
        for stretch in stretches {
            let list = rows.lists.get(stretch.list)?;
            if stretch.rows.start > stretch.rows.end || stretch.rows.end > list.len() {
                return None;
            }
            rows.push_stretch(stretch);
        }
        Some(rows)
    }

    fn row(&self, bucket: TimeRange, row: &NarrowRow) -> StatisticsRow {
        if row.count == 0
            && let Some(wide) =
                usize::try_from(row.cost_sum_nanos).ok().and_then(|index| self.wide.get(index))
        {
            return StatisticsRow { values: self.values_of(wide.values), ..wide.clone() };
        }
        StatisticsRow {
            bucket,
            values: self.values_of(row.codes),
            count: u64::from(row.count),
            cost: Amounts {
                sum: u128::from(row.cost_sum_nanos),
                min: row.cost_min_nanos,
                max: row.cost_max_nanos,
            },
            runtime: Amounts {
                sum: u128::from(row.runtime_sum_ms),
                min: u64::from(row.runtime_min_ms),
                max: u64::from(row.runtime_max_ms),
            },
        }
    }
}

impl TableRows {
    /// The values that these codes mean.
    #[inline]
    fn values_of(&self, codes: [u32; 2]) -> [u32; 2] {
        let [first, second] = &self.values_by_code;
        [first.value(codes[0]), second.value(codes[1])]
    }
}

/// The row as a narrow one whose codes are values, if it fits.
fn narrow(row: &StatisticsRow) -> Option<NarrowRow> {
    Some(NarrowRow {
        codes: row.values,
        count: u32::try_from(row.count).ok().filter(|count| *count > 0)?,
        runtime_min_ms: u32::try_from(row.runtime.min).ok()?,
        runtime_max_ms: u32::try_from(row.runtime.max).ok()?,
        runtime_sum_ms: u64::try_from(row.runtime.sum).ok()?,
        cost_sum_nanos: u64::try_from(row.cost.sum).ok()?,
        cost_min_nanos: row.cost.min,
        cost_max_nanos: row.cost.max,
    })
}

fn reference_to_wide(index: usize) -> NarrowRow {
    NarrowRow {
        codes: [0; 2],
        count: 0,
        runtime_min_ms: 0,
        runtime_max_ms: 0,
        runtime_sum_ms: 0,
        cost_sum_nanos: index as u64,
        cost_min_nanos: 0,
        cost_max_nanos: 0,
    }
}

impl PartialEq for TableRows {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for TableRows {}

impl Extend<StatisticsRow> for TableRows {
    fn extend<I: IntoIterator<Item = StatisticsRow>>(&mut self, rows: I) {
        for row in rows {
            self.push(row);
        }
    }
}

impl FromIterator<StatisticsRow> for TableRows {
    fn from_iter<I: IntoIterator<Item = StatisticsRow>>(rows: I) -> Self {
        let mut table = Self::default();
        table.extend(rows);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    fn row(hour: i64, count: u64, sum: u128) -> StatisticsRow {
        let at = |hour: i64| Timestamp::from_millis(hour * 3_600_000).unwrap();
        let amounts = Amounts { sum, min: 1, max: u64::MAX };
        StatisticsRow {
            bucket: TimeRange::new(at(hour), at(hour + 1)).unwrap(),
            values: [7, 8],
            count,
            cost: amounts,
            runtime: Amounts { sum, min: 1, max: u64::from(u32::MAX) },
        }
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_were_pushed_whole_and_in_pages(
            rows in prop::collection::vec(
                (0_i64..4, (0..40_u32).prop_flat_map(|bits| 1_u64..2 << bits), prop::sample::select(vec![3_u128, 1 << 70])),
                0..30,
            ),
            from in 0_usize..30, len in 0_usize..30,
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(hour, count, sum)| row(hour, count, sum)).collect();
            let table: TableRows = rows.iter().cloned().collect();
            prop_assert_eq!(table.len(), rows.len());
            prop_assert_eq!(table.iter().collect::<Vec<_>>(), rows.clone());
            let page: Vec<_> = rows.iter().skip(from).take(len).cloned().collect();
            prop_assert_eq!(table.range(from..from + len).collect::<Vec<_>>(), page);
            prop_assert_eq!(table.get(from), rows.get(from).cloned());
            let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
            prop_assert!(!table.has_count_above(most));
            prop_assert_eq!(table.has_count_above(most.saturating_sub(1)), most > 0);
        }
    }

    #[test]
    fn codes_that_occur_are_numbered_in_their_order_and_others_mean_themselves() {
        let far = 3 + 3 * 64;
        for (codes, table_len) in [([3, 7, 8], 6), ([3, 7, far - 1], far as usize - 3), ([3, 7, far], 0)] {
            let values = ValuesByCode::numbered(codes.into_iter());
            assert_eq!(codes.map(|code| values.value(code)), [0, 1, 2]);
            assert_eq!([0, 2, far + 1, u32::MAX].map(|code| values.value(code)), [0, 2, far + 1, u32::MAX]);
            assert_eq!(
                values.values.len(),
                table_len,
                "from the least to the greatest, unless they lie far apart"
            );
            assert_eq!(values.codes(), codes);
        }
        let none = ValuesByCode::numbered([].into_iter());
        assert!(none.value(0) == 0 && none.value(7) == 7 && none.codes().is_empty());
    }

    #[test]
    fn codes_are_replaced_by_values_and_lists_are_read_in_the_order_of_their_stretches() {
        let pushed: TableRows = [row(2, 1, 5), row(2, 2, 5), row(1, 3, 5)].into_iter().collect();
        let list = |rows: &[StatisticsRow]| {
            let mut list = RowList::default();
            for row in rows {
                list.push((40 << 5) + 20, &NarrowRow { codes: [40, 20], ..narrow(row).unwrap() });
            }
            list
        };
        let lists = vec![list(&[row(1, 3, 5)]), list(&[row(2, 1, 5), row(2, 2, 5)]), list(&[row(3, 1, 5)])];
        // So many codes before the one that occurs as its value says.
        let numbered = |value: u32, code: u32| ValuesByCode::numbered((1..=value).chain([code]));
        let mut table = TableRows::new(lists, 5, [numbered(7, 40), numbered(8, 20)]);
        for (hour, list, rows) in [(2, 1, 0..2), (2, 0, 0..0), (1, 0, 0..1)] {
            table.push_stretch(Stretch { bucket: row(hour, 1, 1).bucket, list, rows });
        }
        assert_eq!(table, pushed);
        table.free_unused_lists();
        assert_eq!(table.lists.iter().map(RowList::len).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(table, pushed);
        table.push(StatisticsRow { values: [40, 20], ..row(0, 1, 1 << 70) });
        assert_eq!(table.get(3), Some(row(0, 1, 1 << 70)));
    }
}
