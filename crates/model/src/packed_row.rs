//! A row of an answer in 32 bytes, and lists of such rows.
//!
//! An answer can have millions of rows, and to touch fresh memory for them costs more than to compute them. Nearly all rows
//! of long answers have small numbers; one that has not is kept beside its list. Long lists are kept for the next answer when
//! theirs is dropped, up to a bound.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::table_rows::NarrowRow;

/// Bits of the key, the count, and the sum of costs; all others have 32.
pub(crate) const KEY_BITS: u32 = 40;
const COUNT_BITS: u32 = 12;
const COST_SUM_BITS: u32 = 44;
/// The bits of the sum of costs that lie beside the sum of runtimes; the higher ones lie beside key and count.
const COST_SUM_LOW_BITS: u32 = 32;

const _: () = assert!(KEY_BITS + COUNT_BITS + COST_SUM_BITS - COST_SUM_LOW_BITS == u64::BITS);

/// Bytes of a row in a file, at most.
pub const PACKED_BYTES_MAX: usize = 32;

/// Rows of the longest lists: 8 MiB.
pub const LIST_ROWS_MAX: usize = 1 << 18;

/// Long lists that are kept for the next answers: 64 MiB.
const LISTS_KEPT_MAX: usize = 8;

/// Rows beside a list for which there is room that is kept with the list's: 1.75 MiB.
const BESIDE_KEPT_MAX: usize = LIST_ROWS_MAX / 8;

static LISTS_KEPT: Mutex<Vec<KeptRoom>> = Mutex::new(Vec::new());

/// The room of a list that was dropped, without rows.
struct KeptRoom {
    rows: Vec<PackedRow>,
    beside: Vec<NarrowRow>,
}

/// A row, or the place of one beside the list.
///
/// The words are: key, count, high bits of the sum of costs; least and greatest cost; least and greatest runtime; sum of
/// runtimes, low bits of the sum of costs. A count of zero means that the second word is the place of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRow {
    words: [u64; 4],
}

const _: () = assert!(size_of::<PackedRow>() == 32);

/// A row without its codes, whose least and greatest amounts fit 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallRow {
    /// Sessions with a piece in the row; never zero.
    pub count: u32,
    /// Sum of the costs in nano-dollars.
    pub cost_sum_nanos: u64,
    /// Sum of the runtimes in milliseconds.
    pub runtime_sum_ms: u64,
    /// Least cost in nano-dollars, and above it, from the 32nd bit on, the greatest.
    pub costs_nanos: u64,
    /// Least runtime in milliseconds, and above it the greatest.
    pub runtimes_ms: u64,
}

impl SmallRow {
    /// The row of one session.
    #[inline]
    pub fn of_one(cost_nanos: u32, runtime_ms: u32) -> Self {
        let (cost_nanos, runtime_ms) = (u64::from(cost_nanos), u64::from(runtime_ms));
        Self {
            count: 1,
            cost_sum_nanos: cost_nanos,
            runtime_sum_ms: runtime_ms,
            costs_nanos: cost_nanos | cost_nanos << 32,
            runtimes_ms: runtime_ms | runtime_ms << 32,
        }
    }

    /// The row without its codes, if its amounts are small.
    #[inline]
    fn of(row: &NarrowRow) -> Option<Self> {
        // The least cost is at most the greatest, unless the row is empty, which is told by its count.
        (row.cost_max_nanos >> 32 == 0).then_some(Self {
            count: row.count,
            cost_sum_nanos: row.cost_sum_nanos,
            runtime_sum_ms: row.runtime_sum_ms,
            costs_nanos: row.cost_min_nanos | row.cost_max_nanos << 32,
            runtimes_ms: u64::from(row.runtime_min_ms) | u64::from(row.runtime_max_ms) << 32,
        })
    }

    /// The same row with its codes.
    #[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
    fn with_codes(&self, codes: [u32; 2]) -> NarrowRow {
        NarrowRow {
            codes,
            count: self.count,
            runtime_min_ms: self.runtimes_ms as u32,
            runtime_max_ms: (self.runtimes_ms >> 32) as u32,
            runtime_sum_ms: self.runtime_sum_ms,
            cost_sum_nanos: self.cost_sum_nanos,
            cost_min_nanos: self.costs_nanos & u64::from(u32::MAX),
            cost_max_nanos: self.costs_nanos >> 32,
        }
    }
}

impl PackedRow {
    /// Bits of the count, in the first word; the key has those below.
    pub const COUNT: Range<u32> = KEY_BITS..KEY_BITS + COUNT_BITS;
    /// Bits of the sum of costs. The lower ones, as many as those of the sum of runtimes, lie in the last word above that one,
    /// the others in the first word above the count.
    pub const COST_SUM_BITS: u32 = COST_SUM_BITS;
    /// Bits of the sum of runtimes.
    pub const RUNTIME_SUM_BITS: u32 = COST_SUM_LOW_BITS;

    /// A row whose numbers were put in its words elsewhere: key, count and high bits of the sum of costs; least and above it
    /// greatest cost; the same of runtimes; sum of runtimes and low bits of the sum of costs. The count is not zero.
    #[inline]
    pub fn from_words(words: [u64; 4]) -> Self {
        let row = Self { words };
        debug_assert!(row.count() != 0);
        row
    }

    /// The row, if it fits.
    #[inline]
    fn new(key: u64, row: &NarrowRow) -> Option<Self> {
        SmallRow::of(row).and_then(|small| Self::of_small(key, &small))
    }

    #[inline]
    fn of_small(key: u64, row: &SmallRow) -> Option<Self> {
        let count = u64::from(row.count);
        let beyond = key >> KEY_BITS
            | count >> COUNT_BITS
            | row.cost_sum_nanos >> COST_SUM_BITS
            | row.runtime_sum_ms >> 32;
        (beyond == 0 && count != 0).then_some(Self {
            words: [
                key | count << KEY_BITS
                    | (row.cost_sum_nanos >> COST_SUM_LOW_BITS) << (KEY_BITS + COUNT_BITS),
                row.costs_nanos,
                row.runtimes_ms,
                row.runtime_sum_ms | row.cost_sum_nanos << 32,
            ],
        })
    }

    fn beside(place: usize) -> Self {
        Self { words: [0, place as u64, 0, 0] }
    }

    /// Sessions with a piece in the row; zero when the row lies beside its list.
    #[inline]
    pub fn count(self) -> u32 {
        (self.words[0] >> KEY_BITS) as u32 & ((1 << COUNT_BITS) - 1)
    }

    /// The codes, the first one above the `second_bits` of the second one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "parts of a word")]
    pub fn codes(self, second_bits: u32) -> [u32; 2] {
        let key = self.words[0] & ((1 << KEY_BITS) - 1);
        [(key >> second_bits) as u32, (key & ((1 << second_bits) - 1)) as u32]
    }

    /// The same row with other codes, if they fit.
    #[inline]
    #[must_use]
    pub fn with_codes(self, codes: [u32; 2], second_bits: u32) -> Option<Self> {
        let first_bits = KEY_BITS.checked_sub(second_bits)?;
        let [first, second] = codes.map(u64::from);
        let [with_key, costs, runtimes, sums] = self.words;
        let fits = first >> first_bits == 0 && second >> second_bits == 0;
        let key = first << second_bits | second;
        fits.then_some(Self { words: [with_key >> KEY_BITS << KEY_BITS | key, costs, runtimes, sums] })
    }

    /// The row for a file, as it lies in memory, and the length of that: half of the bytes for a row of one session, whose
    /// least and greatest amounts are its sums. `None` when it lies beside its list.
    #[inline]
    pub fn to_bytes(self) -> Option<([u8; PACKED_BYTES_MAX], usize)> {
        let [first, costs, runtimes, sums] = self.words;
        let length = match self.count() {
            0 => return None,
            1 => [costs, runtimes].eq(&self.amounts_of_one()).then_some(PACKED_BYTES_MAX / 2)?,
            _ => PACKED_BYTES_MAX,
        };
        let mut bytes = [0; PACKED_BYTES_MAX];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip([first, sums, costs, runtimes]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Some((bytes, length))
    }

    /// Takes the next row off the bytes that [`Self::to_bytes`] made; `None` when they end before. Half of
    /// [`PACKED_BYTES_MAX`] zeros are a row without sessions, in the place of one that lies elsewhere.
    #[inline]
    pub fn take(bytes: &mut &[u8]) -> Option<Self> {
        let mut word = || {
            let (word, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(u64::from_le_bytes(*word))
        };
        let (first, sums) = (word()?, word()?);
        let row = Self { words: [first, 0, 0, sums] };
        let [costs, runtimes] = match row.count() {
            0 => [0; 2],
            1 => row.amounts_of_one(),
            _ => [word()?, word()?],
        };
        Some(Self { words: [first, costs, runtimes, sums] })
    }

    /// Least and greatest cost, and least and greatest runtime, of a row of one session.
    #[inline]
    fn amounts_of_one(self) -> [u64; 2] {
        let sums = self.words[3];
        [sums >> 32 | sums >> 32 << 32, sums & u64::from(u32::MAX) | sums << 32]
    }

    /// The row, or its place beside the list.
    #[expect(clippy::cast_possible_truncation, reason = "parts of words")]
    fn unpack(self, second_bits: u32) -> Result<NarrowRow, usize> {
        let [first, costs, runtimes, sums] = self.words;
        if self.count() == 0 {
            return Err(costs as usize);
        }
        Ok(NarrowRow {
            codes: self.codes(second_bits),
            count: self.count(),
            runtime_min_ms: runtimes as u32,
            runtime_max_ms: (runtimes >> 32) as u32,
            runtime_sum_ms: sums & u64::from(u32::MAX),
            cost_sum_nanos: sums >> 32 | (first >> (KEY_BITS + COUNT_BITS)) << COST_SUM_LOW_BITS,
            cost_min_nanos: costs & u64::from(u32::MAX),
            cost_max_nanos: costs >> 32,
        })
    }
}

/// Rows without their buckets, each written once and never moved.
#[derive(Debug, Clone, Default)]
pub struct RowList {
    rows: Vec<PackedRow>,
    beside: Vec<NarrowRow>,
}

impl RowList {
    /// An empty list in the room of `rows`.
    pub fn new(rows: Vec<PackedRow>) -> Self {
        Self { rows, beside: Vec::new() }
    }

    /// An empty list in the room that an earlier answer had for [`LIST_ROWS_MAX`] rows, if one is kept.
    pub fn kept() -> Option<Self> {
        let kept = LISTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map(|KeptRoom { rows, beside }| Self { rows, beside })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is room for another row.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.rows.len() < self.rows.capacity()
    }

    /// Number of rows for which there is room.
    pub fn room(&self) -> usize {
        self.rows.capacity()
    }

    /// Memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<PackedRow>() + self.beside.capacity() * size_of::<NarrowRow>()
    }

    /// Appends a row, whose codes make `key`: the first code above the `second_bits` of the second one.
    #[inline]
    pub fn push(&mut self, key: u64, row: &NarrowRow) {
        match PackedRow::new(key, row) {
            Some(packed) => self.rows.push(packed),
            // A copy, so that a row that fits needs no place in memory before it has its own.
            None => self.push_beside(*row),
        }
    }

    /// Appends a row with small amounts, whose codes make `key` as in [`Self::push`].
    #[inline]
    pub fn push_small(&mut self, key: u64, codes: [u32; 2], row: &SmallRow) {
        match PackedRow::of_small(key, row) {
            Some(packed) => self.rows.push(packed),
            None => self.push_beside(row.with_codes(codes)),
        }
    }

    /// Appends rows that lie beside no list.
    #[inline]
    pub fn extend_packed(&mut self, rows: &[PackedRow]) {
        self.rows.extend_from_slice(rows);
    }

    /// Appends a row that does not lie beside another list.
    pub(crate) fn push_packed(&mut self, row: PackedRow) {
        self.rows.push(row);
    }

    /// The rows as they lie in memory.
    pub fn packed(&self) -> &[PackedRow] {
        &self.rows
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn push_beside(&mut self, row: NarrowRow) {
        self.rows.push(PackedRow::beside(self.beside.len()));
        self.beside.push(row);
    }

    /// Whether a row counts more than `bound` sessions.
    pub(crate) fn has_count_above(&self, bound: u64) -> bool {
        let beside = self.beside.iter().any(|row| u64::from(row.count) > bound);
        // What is packed has a count of few bits.
        beside || (bound >> COUNT_BITS == 0 && self.rows.iter().any(|row| u64::from(row.count()) > bound))
    }

    /// Some rows, whose keys have `second_bits` for the second code. Rows beyond the last are left out.
    pub fn range(&self, rows: Range<usize>, second_bits: u32) -> impl Iterator<Item = NarrowRow> + '_ {
        let rows = rows.start.min(self.len())..rows.end.min(self.len());
        let unpacked = self.rows[rows].iter().map(move |row| row.unpack(second_bits));
        unpacked.map(|row| row.unwrap_or_else(|place| self.beside[place]))
    }
}

impl Drop for RowList {
    fn drop(&mut self) {
        if self.rows.capacity() == LIST_ROWS_MAX {
            let (mut rows, mut beside) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.beside));
            rows.clear();
            beside.clear();
            if beside.capacity() > BESIDE_KEPT_MAX {
                beside = Vec::new();
            }
            let mut kept = LISTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < LISTS_KEPT_MAX {
                kept.push(KeptRoom { rows, beside });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers about as wide as what they are tried in.
    fn number(bits: u32) -> impl Strategy<Value = u64> {
        (0..=bits).prop_flat_map(|bits| 0..=u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0))
    }

    proptest! {
        #[test]
        fn rows_of_any_width_come_back_as_they_were(
            rows in prop::collection::vec(
                (number(32), number(20), (1_u32..).prop_map(|count| count >> (count % 32)).prop_filter("some", |count| *count > 0),
                 [number(32), number(32)], number(64), [number(64), number(64), number(64)]), 1..50),
            from in 0_usize..60, len in 0_usize..60,
        ) {
            const SECOND_BITS: u32 = 20;
            let rows: Vec<NarrowRow> = rows.into_iter().map(|(first, second, count, runtimes, runtime_sum_ms, costs)| {
                let half = |number: u64| u32::try_from(number).unwrap();
                NarrowRow {
                    codes: [half(first), half(second) & ((1 << SECOND_BITS) - 1)],
                    count,
                    runtime_min_ms: half(runtimes[0].min(runtimes[1])),
                    runtime_max_ms: half(runtimes[0].max(runtimes[1])),
                    runtime_sum_ms,
                    cost_sum_nanos: costs[2],
                    cost_min_nanos: costs[0].min(costs[1]),
                    cost_max_nanos: costs[0].max(costs[1]),
                }
            }).collect();
            let mut list = RowList::default();
            for row in &rows {
                let key = u64::from(row.codes[0]) << SECOND_BITS | u64::from(row.codes[1]);
                if let Some(small) = SmallRow::of(row) {
                    list.push_small(key, row.codes, &small);
                }
                list.push(key, row);
            }
            let rows: Vec<NarrowRow> = rows
                .into_iter()
                .flat_map(|row| std::iter::repeat_n(row, if row.cost_max_nanos >> 32 == 0 { 2 } else { 1 }))
                .collect();
            prop_assert_eq!(list.len(), rows.len());
            let part: Vec<_> = rows.iter().skip(from).take(len).copied().collect();
            prop_assert_eq!(list.range(from..from + len, SECOND_BITS).collect::<Vec<_>>(), part);
            let most = rows.iter().map(|row| u64::from(row.count)).max().unwrap_or(0);
            prop_assert!(!list.has_count_above(most) && list.has_count_above(most - 1));
            let mut file = Vec::new();
            for row in list.packed() {
                if let Some((bytes, length)) = row.to_bytes() {
                    prop_assert_eq!(length == PACKED_BYTES_MAX, row.count() > 1);
                    file.extend(&bytes[..length]);
                }
            }
            let mut file = &file[..];
            for (packed, row) in list.packed().iter().zip(&rows).filter(|(packed, _)| packed.to_bytes().is_some()) {
                prop_assert_eq!(PackedRow::take(&mut file), Some(*packed));
                let codes = row.codes.map(|code| code / 3);
                let other = packed.with_codes(codes, SECOND_BITS).unwrap();
                prop_assert_eq!(other.unpack(SECOND_BITS), Ok(NarrowRow { codes, ..*row }));
            }
            prop_assert_eq!(PackedRow::take(&mut file), None);
        }
    }

    #[test]
    fn codes_that_do_not_fit_a_key_are_not_cut() {
        let row = PackedRow::beside(0);
        for (codes, second_bits) in [([1 << 20, 0], 20), ([0, 1 << 20], 20), ([0, 0], 41), ([1, 0], 40)] {
            assert_eq!(row.with_codes(codes, second_bits), None, "{codes:?}");
        }
        let [first, second] = [(1 << 20) - 1; 2];
        assert_eq!(row.with_codes([first, second], 20).unwrap().codes(20), [first, second]);
    }

    #[test]
    fn the_room_of_a_long_list_is_kept_for_another_one_and_holds_no_row_of_it() {
        let row = NarrowRow {
            codes: [1, 2],
            count: 3,
            runtime_min_ms: 4,
            runtime_max_ms: 5,
            runtime_sum_ms: 6,
            cost_sum_nanos: 7,
            cost_min_nanos: 8,
            cost_max_nanos: 9,
        };
        for beside in [1, 1 + BESIDE_KEPT_MAX].into_iter().cycle().take(2 * LISTS_KEPT_MAX) {
            let mut list = RowList::new(Vec::with_capacity(LIST_ROWS_MAX));
            list.push(0, &row);
            list.beside.reserve(beside);
            list.push(0, &NarrowRow { cost_max_nanos: 1 << 40, ..row });
            assert_eq!(list.beside.len(), 1);
        }
        let kept: Vec<RowList> = std::iter::from_fn(RowList::kept).collect();
        assert!(!kept.is_empty() && kept.len() <= LISTS_KEPT_MAX);
        assert!(kept.iter().all(|list| list.is_empty() && list.room() == LIST_ROWS_MAX));
        assert!(kept.iter().all(|list| list.beside.is_empty() && list.beside.capacity() <= BESIDE_KEPT_MAX));
        assert!(kept.iter().any(|list| list.beside.capacity() > 0));
    }
}
