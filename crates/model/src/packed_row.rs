//! A row of an answer in 16 or 32 bytes, and lists of such rows.
//!
//! An answer can have millions of rows, and to touch fresh memory for them costs more than to compute them. Nearly all rows
//! of long answers have small numbers; one that has not is kept beside its list. Many are of one session, whose least and
//! greatest amounts are its sums: such a row is its head alone. The heads of all rows lie together, so that any row is found at
//! once, and so do the extremes of those that have any. Long lists are kept for the next answer when theirs is dropped, up to
//! a bound.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::table_rows::NarrowRow;
use crate::word_pairs::WordPairs;

/// Bits of the key, the count, and the sum of costs; all others have 32.
pub(crate) const KEY_BITS: u32 = 40;
const COUNT_BITS: u32 = 12;
const COST_SUM_BITS: u32 = 44;
/// The bits of the sum of costs that lie beside the sum of runtimes; the higher ones lie beside key and count.
const COST_SUM_LOW_BITS: u32 = 32;

const _: () = assert!(KEY_BITS + COUNT_BITS + COST_SUM_BITS - COST_SUM_LOW_BITS == u64::BITS);

/// Rows of the longest lists: 8 MiB of heads, and as much room for extremes.
pub const LIST_ROWS_MAX: usize = 1 << 19;

/// Rows from which on the room of a list is kept for the next answers: room for fewer comes from what the process has.
const KEPT_ROWS_MIN: usize = 1 << 15;
/// Rows for which there is room that is kept, all lists together: 96 MiB.
const KEPT_ROWS_MAX: usize = 6 * LIST_ROWS_MAX;
/// Rows of a list for each row beside it for which room is kept as well: 21 MiB for all together.
const ROWS_BY_BESIDE_KEPT: usize = 8;

static LISTS_KEPT: Mutex<VecDeque<KeptRoom>> = Mutex::new(VecDeque::new());

/// The room of a list that was dropped. Nothing reads the rows that it still holds.
struct KeptRoom {
    heads: WordPairs,
    extremes: WordPairs,
    beside: Vec<RowBeside>,
}

/// What every row has: key, count and high bits of the sum of costs; sum of runtimes and low bits of the sum of costs. A count
/// of zero means that the second word is the place of a row beside the list.
pub type RowHead = [u64; 2];

/// What a row of several sessions has besides: least and above it greatest cost; the same of runtimes.
pub type RowExtremes = [u64; 2];

/// A row beside its list: codes; count and least runtime; greatest runtime; sum of runtimes; sum, least and greatest of costs. Where a
/// word has two numbers, the first one is in its lower half.
pub type RowBeside = [u64; 7];

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
    fn of_one(cost_nanos: u32, runtime_ms: u32) -> Self {
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

/// Head and extremes of a row, if it fits. One of one session has no extremes.
#[inline]
fn packed(key: u64, row: &SmallRow) -> Option<(RowHead, RowExtremes)> {
    let count = u64::from(row.count);
    let beyond = key >> KEY_BITS
        | count >> COUNT_BITS
        | row.cost_sum_nanos >> COST_SUM_BITS
        | row.runtime_sum_ms >> 32;
    let head = head_of(key, count, row.cost_sum_nanos, row.runtime_sum_ms);
    let extremes = [row.costs_nanos, row.runtimes_ms];
    let is_one = || row.cost_sum_nanos >> 32 == 0 && extremes == extremes_of_one(head);
    let fits = beyond == 0 && (count > 1 || count == 1 && is_one());
    fits.then_some((head, extremes))
}

/// Head and extremes of any row, if it fits.
#[inline]
fn packed_any(key: u64, row: &NarrowRow) -> Option<(RowHead, RowExtremes)> {
    match SmallRow::of(row) {
        Some(small) => packed(key, &small),
        None => head_alone(key, row).map(|head| (head, [0; 2])),
    }
}

/// The head of a row of one session, however dear, if it fits: least and greatest are the sums.
#[inline]
fn head_alone(key: u64, row: &NarrowRow) -> Option<RowHead> {
    let (cost_nanos, runtime_ms) = (row.cost_sum_nanos, row.runtime_sum_ms);
    let is_one = row.count == 1
        && row.cost_min_nanos == cost_nanos
        && row.cost_max_nanos == cost_nanos
        && u64::from(row.runtime_min_ms) == runtime_ms
        && u64::from(row.runtime_max_ms) == runtime_ms;
    let fits = is_one && key >> KEY_BITS | cost_nanos >> COST_SUM_BITS == 0;
    fits.then(|| head_of(key, 1, cost_nanos, runtime_ms))
}

/// The head of a row whose numbers fit it.
#[inline]
fn head_of(key: u64, count: u64, cost_sum_nanos: u64, runtime_sum_ms: u64) -> RowHead {
    let first = key | count << KEY_BITS | (cost_sum_nanos >> COST_SUM_LOW_BITS) << (KEY_BITS + COUNT_BITS);
    [first, runtime_sum_ms | cost_sum_nanos << COST_SUM_LOW_BITS]
}

/// Sessions with a piece in the row; zero when it lies beside its list.
#[inline]
fn count_of([first, _]: RowHead) -> u32 {
    (first >> KEY_BITS) as u32 & ((1 << COUNT_BITS) - 1)
}

/// The head of the next row beside a list.
fn head_beside(beside: &[RowBeside]) -> RowHead {
    [0, beside.len() as u64]
}

/// Least and greatest cost, and least and greatest runtime, of a row of one session.
#[inline]
fn extremes_of_one([_, sums]: RowHead) -> RowExtremes {
    [sums >> 32 | sums >> 32 << 32, sums & u64::from(u32::MAX) | sums << 32]
}

/// The codes of a row, whose key has `second_bits` for the second one.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "parts of a word")]
fn codes_of([first, _]: RowHead, second_bits: u32) -> [u32; 2] {
    let key = first & ((1 << KEY_BITS) - 1);
    [(key >> second_bits) as u32, (key & ((1 << second_bits) - 1)) as u32]
}

fn beside(row: &NarrowRow) -> RowBeside {
    let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    [
        two(row.codes[0], row.codes[1]),
        two(row.count, row.runtime_min_ms),
        row.runtime_max_ms.into(),
        row.runtime_sum_ms,
        row.cost_sum_nanos,
        row.cost_min_nanos,
        row.cost_max_nanos,
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "halves of words")]
fn row_beside(words: RowBeside) -> NarrowRow {
    let [codes, count, runtime_max, runtime_sum_ms, cost_sum_nanos, cost_min_nanos, cost_max_nanos] = words;
    NarrowRow {
        codes: [codes as u32, (codes >> 32) as u32],
        count: count as u32,
        runtime_min_ms: (count >> 32) as u32,
        runtime_max_ms: runtime_max as u32,
        runtime_sum_ms,
        cost_sum_nanos,
        cost_min_nanos,
        cost_max_nanos,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "parts of words")]
fn unpack(head: RowHead, [costs, runtimes]: RowExtremes, second_bits: u32) -> NarrowRow {
    NarrowRow {
        runtime_min_ms: runtimes as u32,
        runtime_max_ms: (runtimes >> 32) as u32,
        cost_min_nanos: costs & u64::from(u32::MAX),
        cost_max_nanos: costs >> 32,
        ..unpack_alone(head, second_bits)
    }
}

/// A row whose least and greatest are its sums.
#[expect(clippy::cast_possible_truncation, reason = "parts of words")]
fn unpack_alone(head: RowHead, second_bits: u32) -> NarrowRow {
    let [first, sums] = head;
    let cost_nanos = sums >> 32 | (first >> (KEY_BITS + COUNT_BITS)) << COST_SUM_LOW_BITS;
    let runtime_ms = sums as u32;
    NarrowRow {
        codes: codes_of(head, second_bits),
        count: count_of(head),
        runtime_min_ms: runtime_ms,
        runtime_max_ms: runtime_ms,
        runtime_sum_ms: runtime_ms.into(),
        cost_sum_nanos: cost_nanos,
        cost_min_nanos: cost_nanos,
        cost_max_nanos: cost_nanos,
    }
}

/// Rows that are written in place together.
const ROOM_ROWS: usize = 64;

/// Room at the end of a list, in which rows are written in place.
#[derive(Debug)]
pub struct RowRoom<'a> {
    heads: &'a mut [RowHead; ROOM_ROWS],
    extremes: &'a mut [RowExtremes; ROOM_ROWS],
    beside: &'a mut Vec<RowBeside>,
    len: usize,
    extremes_len: usize,
}

impl RowRoom<'_> {
    /// Rows that it has room for.
    pub const ROWS: usize = ROOM_ROWS;
    /// Bits of the count, in the first word of a head; the key has those below.
    pub const COUNT: Range<u32> = KEY_BITS..KEY_BITS + COUNT_BITS;
    /// Bits of the sum of costs. The lower ones, as many as those of the sum of runtimes, lie in the second word above that one,
    /// the others in the first word above the count.
    pub const COST_SUM_BITS: u32 = COST_SUM_BITS;
    /// Bits of the sum of runtimes.
    pub const RUNTIME_SUM_BITS: u32 = COST_SUM_LOW_BITS;

    /// Whether there is room for another row.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.len < Self::ROWS
    }

    /// Takes some rows for which there is room: their heads, and what their extremes are whether they have any or not.
    #[inline]
    pub fn push_some<const N: usize>(&mut self, heads: [RowHead; N], extremes: [RowExtremes; N]) {
        debug_assert!(self.len + N <= Self::ROWS && heads.iter().all(|head| count_of(*head) != 0));
        let (mut len, mut extremes_len) = (self.len, self.extremes_len);
        for (head, extremes) in heads.into_iter().zip(extremes) {
            // Nobody can foretell which rows have extremes: they are written, and the next ones may lie over them.
            self.heads[len % Self::ROWS] = head;
            self.extremes[extremes_len % Self::ROWS] = extremes;
            len = len.wrapping_add(1);
            extremes_len = extremes_len.wrapping_add(usize::from(count_of(head) > 1));
        }
        (self.len, self.extremes_len) = (len, extremes_len);
    }

    /// Takes a row of one session for which there is room.
    #[inline]
    pub fn push_one(&mut self, key: u64, cost_nanos: u32, runtime_ms: u32) {
        debug_assert!(self.has_room() && key >> KEY_BITS == 0);
        self.heads[self.len % Self::ROWS] = head_of_one(key, cost_nanos, runtime_ms);
        self.len = self.len.wrapping_add(1);
    }

    /// Takes a row for which there is room, as [`RowList::push`] does.
    #[inline]
    pub fn push(&mut self, key: u64, row: &NarrowRow) {
        match packed_any(key, row) {
            Some((head, extremes)) => self.push_some([head], [extremes]),
            None => self.push_beside(*row),
        }
    }

    /// Takes a row with small amounts for which there is room, as [`RowList::push_small`] does.
    #[inline]
    pub fn push_small(&mut self, key: u64, codes: [u32; 2], row: &SmallRow) {
        match packed(key, row) {
            Some((head, extremes)) => self.push_some([head], [extremes]),
            None => self.push_beside(row.with_codes(codes)),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_beside(&mut self, row: NarrowRow) {
        self.heads[self.len % Self::ROWS] = head_beside(self.beside);
        self.len = self.len.wrapping_add(1);
        self.beside.push(beside(&row));
    }
}

/// The head of a row of one session, whose key fits it.
#[inline]
fn head_of_one(key: u64, cost_nanos: u32, runtime_ms: u32) -> RowHead {
    // As a piece has them, so that both are read as one word.
    let amounts = u64::from(cost_nanos) | u64::from(runtime_ms) << u32::BITS;
    [key | 1 << KEY_BITS, amounts.rotate_left(u32::BITS)]
}

/// Rows after which the number of extremes is noted.
const MARKED_ROWS: usize = 256;

/// How many rows there were when so many extremes were.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    rows: usize,
    extremes: usize,
}

/// Rows without their buckets, each written once and never moved.
#[derive(Debug, Clone, Default)]
pub struct RowList {
    heads: WordPairs,
    /// Of the rows that have a count above one, in their order.
    extremes: WordPairs,
    /// After the first row and then every [`MARKED_ROWS`] rows or a few more.
    marks: Vec<Mark>,
    /// Number of rows from which on there is another mark.
    next_mark: usize,
    beside: Vec<RowBeside>,
}

impl RowList {
    /// An empty list in the room of `heads`, with as much for extremes. What these hold is no row of it.
    pub fn new(heads: Vec<RowHead>, extremes: Vec<RowExtremes>) -> Self {
        Self::in_room(KeptRoom { heads: heads.into(), extremes: extremes.into(), beside: Vec::new() })
    }

    fn in_room(KeptRoom { mut heads, mut extremes, beside }: KeptRoom) -> Self {
        heads.clear();
        extremes.clear();
        Self { heads, extremes, marks: Vec::new(), next_mark: 0, beside }
    }

    /// An empty list in the room that an earlier answer had for just so many rows, if one is kept.
    pub fn kept(rows: usize) -> Option<Self> {
        let mut kept = LISTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|room| room.heads.room() == rows)?;
        kept.remove(place).map(Self::in_room)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Number of rows for which there is room.
    pub fn room(&self) -> usize {
        self.heads.room()
    }

    /// Whether there is room for so many more rows.
    #[inline]
    pub fn has_room(&self, rows: usize) -> bool {
        self.heads.room() - self.heads.len() >= rows
    }

    /// Memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        let packed =
            self.heads.room() * size_of::<RowHead>() + self.extremes.room() * size_of::<RowExtremes>();
        packed + self.marks.capacity() * size_of::<Mark>() + self.beside.capacity() * size_of::<RowBeside>()
    }

    /// Appends a row, whose codes make `key`: the first code above the `second_bits` of the second one.
    #[inline]
    pub fn push(&mut self, key: u64, row: &NarrowRow) {
        match packed_any(key, row) {
            Some(packed) => self.push_packed(packed),
            // A copy, so that a row that fits needs no place in memory before it has its own.
            None => self.push_beside(*row),
        }
    }

    /// Appends a row with small amounts, whose codes make `key` as in [`Self::push`].
    #[inline]
    pub fn push_small(&mut self, key: u64, codes: [u32; 2], row: &SmallRow) {
        match packed(key, row) {
            Some(packed) => self.push_packed(packed),
            None => self.push_beside(row.with_codes(codes)),
        }
    }

    /// Appends a row of one session, whose codes make `key` as in [`Self::push`].
    #[inline]
    pub fn push_one(&mut self, key: u64, codes: [u32; 2], cost_nanos: u32, runtime_ms: u32) {
        if key >> KEY_BITS == 0 {
            self.heads.push(head_of_one(key, cost_nanos, runtime_ms));
            self.mark();
        } else {
            self.push_beside(SmallRow::of_one(cost_nanos, runtime_ms).with_codes(codes));
        }
    }

    #[inline]
    fn push_packed(&mut self, (head, extremes): (RowHead, RowExtremes)) {
        self.heads.push(head);
        if count_of(head) > 1 {
            self.extremes.push(extremes);
        }
        self.mark();
    }

    /// Appends at most [`RowRoom::ROWS`] rows, which `fill` writes.
    #[inline]
    pub fn append(&mut self, fill: impl FnOnce(&mut RowRoom<'_>)) {
        let mut room = RowRoom {
            heads: self.heads.next_room(),
            extremes: self.extremes.next_room(),
            beside: &mut self.beside,
            len: 0,
            extremes_len: 0,
        };
        fill(&mut room);
        let (len, extremes_len) = (room.len, room.extremes_len);
        self.heads.take_written::<ROOM_ROWS>(len);
        self.extremes.take_written::<ROOM_ROWS>(extremes_len);
        self.mark();
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn push_beside(&mut self, row: NarrowRow) {
        self.heads.push(head_beside(&self.beside));
        self.beside.push(beside(&row));
        self.mark();
    }

    #[inline]
    fn mark(&mut self) {
        if self.heads.len() >= self.next_mark {
            self.set_mark();
        }
    }

    #[cold]
    #[inline(never)]
    fn set_mark(&mut self) {
        self.marks.push(Mark { rows: self.heads.len(), extremes: self.extremes.len() });
        self.next_mark = self.heads.len() + MARKED_ROWS;
    }

    /// The heads of its rows, the extremes of those that have any, and the rows beside it.
    pub fn parts(&self) -> (&[RowHead], &[RowExtremes], &[RowBeside]) {
        (&self.heads, &self.extremes, &self.beside)
    }

    /// A list of the parts that another one had; `None` when they do not belong together.
    pub fn from_parts(
        heads: Vec<RowHead>,
        extremes: Vec<RowExtremes>,
        beside: Vec<RowBeside>,
    ) -> Option<Self> {
        let (mut marks, mut next_mark, mut extremes_len) = (Vec::new(), 0, 0);
        for (rows, head) in (1..).zip(&heads) {
            match count_of(*head) {
                0 if usize::try_from(head[1]).is_ok_and(|place| place < beside.len()) => {}
                0 => return None,
                1 => {}
                _ => extremes_len += 1,
            }
            if rows >= next_mark {
                marks.push(Mark { rows, extremes: extremes_len });
                next_mark = rows + MARKED_ROWS;
            }
        }
        (extremes_len == extremes.len()).then(|| Self {
            heads: heads.into(),
            extremes: extremes.into(),
            marks,
            next_mark,
            beside,
        })
    }

    /// Replaces the codes of all rows, whose keys have `second_bits` for the second one. `None` when there is no other one or it
    /// does not fit.
    pub(crate) fn replace_codes(
        &mut self,
        second_bits: u32,
        value_of: impl Fn([u32; 2]) -> Option<[u32; 2]>,
    ) -> Option<()> {
        let first_bits = KEY_BITS.checked_sub(second_bits)?;
        for head in self.heads.iter_mut().filter(|head| count_of(**head) > 0) {
            let [first, second] = value_of(codes_of(*head, second_bits))?.map(u64::from);
            if first >> first_bits | second >> second_bits != 0 {
                return None;
            }
            head[0] = head[0] >> KEY_BITS << KEY_BITS | first << second_bits | second;
        }
        for own in &mut self.beside {
            let row = row_beside(*own);
            // One that counts nothing has no codes of its own.
            if row.count > 0 {
                *own = beside(&NarrowRow { codes: value_of(row.codes)?, ..row });
            }
        }
        Some(())
    }

    /// Whether a row counts more than `bound` sessions.
    pub(crate) fn has_count_above(&self, bound: u64) -> bool {
        let beside = self.beside.iter().any(|row| u64::from(row_beside(*row).count) > bound);
        // What is packed has a count of few bits.
        let may_be_packed = bound >> COUNT_BITS == 0;
        beside || (may_be_packed && self.heads.iter().any(|head| u64::from(count_of(*head)) > bound))
    }

    /// Some rows, whose keys have `second_bits` for the second code. Rows beyond the last are left out.
    pub fn range(&self, rows: Range<usize>, second_bits: u32) -> impl Iterator<Item = NarrowRow> + '_ {
        let rows = rows.start.min(self.len())..rows.end.min(self.len());
        let mut next = self.extremes_before(rows.start);
        self.heads[rows].iter().map(move |head| match count_of(*head) {
            #[expect(clippy::cast_possible_truncation, reason = "a place in memory")]
            0 => row_beside(self.beside[head[1] as usize]),
            1 => unpack_alone(*head, second_bits),
            _ => {
                next += 1;
                unpack(*head, self.extremes[next - 1], second_bits)
            }
        })
    }

    /// How many of the rows before one have extremes.
    fn extremes_before(&self, row: usize) -> usize {
        let marks = self.marks.partition_point(|mark| mark.rows <= row);
        let mark = marks.checked_sub(1).map_or_else(Mark::default, |last| self.marks[last]);
        mark.extremes + self.heads[mark.rows..row].iter().filter(|head| count_of(**head) > 1).count()
    }
}

impl Drop for RowList {
    fn drop(&mut self) {
        let rows = self.heads.room();
        let is_of_an_answer = rows.is_power_of_two() && self.extremes.room() == rows;
        if is_of_an_answer && (KEPT_ROWS_MIN..=LIST_ROWS_MAX).contains(&rows) {
            let mut room = KeptRoom {
                heads: std::mem::take(&mut self.heads),
                extremes: std::mem::take(&mut self.extremes),
                beside: std::mem::take(&mut self.beside),
            };
            room.beside.clear();
            if room.beside.capacity() > rows / ROWS_BY_BESIDE_KEPT {
                room.beside = Vec::new();
            }
            let mut kept = LISTS_KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(room);
            let kept_rows =
                |kept: &VecDeque<KeptRoom>| kept.iter().map(|room| room.heads.room()).sum::<usize>();
            while kept_rows(&kept) > KEPT_ROWS_MAX {
                kept.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An empty list in a room that holds so many heads and extremes of an earlier one.
    fn in_used_room((heads, extremes): (usize, usize)) -> RowList {
        let [heads, extremes] = [heads, extremes].map(|pairs| vec![[u64::MAX; 2]; pairs]);
        RowList::new(heads, extremes)
    }

    /// Numbers about as wide as what they are tried in.
    fn number(bits: u32) -> impl Strategy<Value = u64> {
        (0..=bits).prop_flat_map(|bits| 0..=u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0))
    }

    proptest! {
        #[test]
        fn rows_of_any_width_come_back_as_they_were(
            rows in prop::collection::vec(
                (number(32), number(20), (1_u32..).prop_map(|count| count >> (count % 32)).prop_filter("some", |count| *count > 0),
                 [number(32), number(32)], number(64), [number(64), number(64), number(64)], any::<bool>()), 1..50),
            from in 0_usize..60, len in 0_usize..60, held in (0_usize..200, 0_usize..200),
        ) {
            const SECOND_BITS: u32 = 20;
            let rows: Vec<NarrowRow> = rows.into_iter().map(|(first, second, count, runtimes, runtime_sum_ms, costs, is_one)| {
                let half = |number: u64| u32::try_from(number).unwrap();
                // One session has nothing but its sums.
                let (count, runtimes, runtime_sum_ms, costs) =
                    if is_one { (1, [runtimes[0]; 2], runtimes[0], [costs[0]; 3]) } else { (count, runtimes, runtime_sum_ms, costs) };
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
            let mut list = in_used_room(held);
            for row in &rows {
                let key = u64::from(row.codes[0]) << SECOND_BITS | u64::from(row.codes[1]);
                if let Some(small) = SmallRow::of(row) {
                    list.push_small(key, row.codes, &small);
                }
                list.push(key, row);
                list.append(|room| room.push(key, row));
            }
            let rows: Vec<NarrowRow> = rows
                .into_iter()
                .flat_map(|row| std::iter::repeat_n(row, if row.cost_max_nanos >> 32 == 0 { 3 } else { 2 }))
                .collect();
            prop_assert_eq!(list.len(), rows.len());
            let part: Vec<_> = rows.iter().skip(from).take(len).copied().collect();
            prop_assert_eq!(list.range(from..from + len, SECOND_BITS).collect::<Vec<_>>(), part);
            let most = rows.iter().map(|row| u64::from(row.count)).max().unwrap_or(0);
            prop_assert!(!list.has_count_above(most) && list.has_count_above(most - 1));
            let (heads, extremes, beside) = list.parts();
            let again = RowList::from_parts(heads.to_vec(), extremes.to_vec(), beside.to_vec()).unwrap();
            let all = |list: &RowList| list.range(0..list.len(), SECOND_BITS).collect::<Vec<_>>();
            prop_assert_eq!(all(&again), all(&list));
            let mut fewer = beside.to_vec();
            prop_assert!(fewer.pop().is_none() || RowList::from_parts(heads.to_vec(), extremes.to_vec(), fewer).is_none());
            let more = [extremes, &[[0; 2]]].concat();
            prop_assert!(RowList::from_parts(heads.to_vec(), more, beside.to_vec()).is_none());
        }

        #[test]
        fn any_row_of_a_long_list_is_found(
            counts in prop::collection::vec(1_u32..4, 1_500), in_place in prop::collection::vec(0..=RowRoom::ROWS, 60), from in 0_usize..1_500,
            held in (0_usize..1_600, 0_usize..1_600),
        ) {
            let mut list = in_used_room(held);
            let mut rows = Vec::new();
            for (key, count) in (0..).zip(counts) {
                let one = SmallRow::of_one(key, 2 * key);
                let (cost_sum_nanos, runtime_sum_ms) =
                    (one.cost_sum_nanos * u64::from(count), one.runtime_sum_ms * u64::from(count));
                rows.push(SmallRow { count, cost_sum_nanos, runtime_sum_ms, ..one }.with_codes([0, key]));
            }
            let mut pushed = rows.as_slice();
            for in_place in in_place {
                let (some, later) = pushed.split_at(in_place.min(pushed.len()));
                let small = |row: &NarrowRow| (u64::from(row.codes[1]), SmallRow::of(row).unwrap());
                list.append(|room| {
                    for row in some {
                        assert!(room.has_room());
                        let (key, small) = small(row);
                        if row.count == 1 && key % 2 == 0 {
                            let half = |amount| u32::try_from(amount).unwrap();
                            room.push_one(key, half(row.cost_sum_nanos), half(row.runtime_sum_ms));
                        } else {
                            room.push_small(key, row.codes, &small);
                        }
                    }
                    assert_eq!(room.has_room(), some.len() < RowRoom::ROWS);
                });
                let Some((row, later)) = later.split_first() else { break };
                let (key, small) = small(row);
                list.push_small(key, row.codes, &small);
                pushed = later;
            }
            let rows = &rows[..list.len()];
            for part in [from..from + 3, 0..rows.len()] {
                let expected = rows.get(part.start..part.end.min(rows.len())).unwrap_or_default();
                prop_assert_eq!(list.range(part, 32).collect::<Vec<_>>(), expected);
            }
            let (heads, extremes, beside) = list.parts();
            let again = RowList::from_parts(heads.to_vec(), extremes.to_vec(), beside.to_vec()).unwrap();
            prop_assert_eq!(again.range(from..from + 3, 32).collect::<Vec<_>>(), list.range(from..from + 3, 32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_of_one_session_is_a_head_however_dear_up_to_the_bits_that_a_head_has() {
        let row = |cost_nanos| NarrowRow {
            codes: [1, 2],
            count: 1,
            runtime_min_ms: u32::MAX,
            runtime_max_ms: u32::MAX,
            runtime_sum_ms: u32::MAX.into(),
            cost_sum_nanos: cost_nanos,
            cost_min_nanos: cost_nanos,
            cost_max_nanos: cost_nanos,
        };
        let key = 1 << 20 | 2;
        for (cost_nanos, is_head) in [(1 << 32, true), ((1 << 44) - 1, true), (1 << 44, false)] {
            let mut list = RowList::default();
            list.push(key, &row(cost_nanos));
            list.append(|room| room.push(key, &row(cost_nanos)));
            let (heads, extremes, beside) = list.parts();
            assert_eq!((heads.len(), extremes.len(), beside.len()), (2, 0, if is_head { 0 } else { 2 }));
            assert_eq!(list.range(0..2, 20).collect::<Vec<_>>(), [row(cost_nanos); 2]);
        }
        // Nor is one whose key has more bits, nor one whose sum is not what its session costs.
        let mut list = RowList::default();
        let odd = NarrowRow { cost_min_nanos: 5, cost_max_nanos: 5, ..row((1 << 32) + 5) };
        list.push(key, &odd);
        assert_eq!(list.range(0..1, 20).collect::<Vec<_>>(), [odd]);
        let mut list = RowList::default();
        list.push(1 << KEY_BITS, &row(1 << 32));
        assert_eq!(list.parts().2.len(), 1);
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
        let drop_list = |rows: usize, beside: usize| {
            let room = || Vec::with_capacity(rows);
            let mut list = RowList::new(room(), room());
            list.push(0, &row);
            list.beside.reserve(beside);
            list.push(0, &NarrowRow { cost_max_nanos: 1 << 40, ..row });
            assert_eq!(list.beside.len(), 1);
        };
        let few = KEPT_ROWS_MIN / ROWS_BY_BESIDE_KEPT;
        for (rows, beside) in
            [(KEPT_ROWS_MIN - 1, 1), (KEPT_ROWS_MIN, 1), (KEPT_ROWS_MIN, few + 1), (KEPT_ROWS_MIN + 1, 1)]
        {
            drop_list(rows, beside);
        }
        assert!(RowList::kept(KEPT_ROWS_MIN - 1).is_none() && RowList::kept(KEPT_ROWS_MIN + 1).is_none());
        let kept = || std::iter::from_fn(|| RowList::kept(KEPT_ROWS_MIN));
        let kept: Vec<RowList> = kept().chain(kept()).collect();
        assert!(kept.iter().all(|list| list.is_empty() && list.room() == KEPT_ROWS_MIN));
        let beside: Vec<usize> = kept.iter().map(|list| list.beside.capacity()).collect();
        assert!(kept.iter().all(|list| list.beside.is_empty()));
        assert!(matches!(beside[..], [some, 0] if some > 0), "{beside:?}");
        drop(kept);
        for _ in 0..KEPT_ROWS_MAX / LIST_ROWS_MAX {
            drop_list(LIST_ROWS_MAX, 1);
        }
        assert!(RowList::kept(KEPT_ROWS_MIN).is_none(), "the latest are kept");
        let kept: Vec<RowList> = std::iter::from_fn(|| RowList::kept(LIST_ROWS_MAX)).collect();
        assert_eq!(kept.len(), KEPT_ROWS_MAX / LIST_ROWS_MAX);
    }
}
