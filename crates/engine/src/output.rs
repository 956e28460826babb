//! Finished groups: buckets newest first, and in each bucket ascending places.

use std::ops::Range;

use farmtally_columns::Summary;
use farmtally_model::{LIST_ROWS_MAX, RowList, SmallRow};

use crate::accumulator::narrow_row;
use crate::keys::KeyLayout;
use crate::large_pages;
use crate::narrow_sum::NarrowSum;

/// A set of small numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberSet {
    words: Vec<u64>,
}

impl NumberSet {
    /// Room for numbers below `len`.
    pub(crate) fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)] }
    }

    #[inline]
    pub(crate) fn insert(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// The numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).step_by(64).zip(&self.words).flat_map(|(first, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(first + bit)
            })
        })
    }
}

/// Takes groups in, ascending by key.
pub(crate) trait Groups {
    /// Takes a group whose pieces are all narrow.
    fn narrow(&mut self, key: u64, sum: &NarrowSum);

    /// Takes any group.
    fn wide(&mut self, key: u64, sum: &Summary);

    /// Takes a group of one piece that is narrow.
    #[inline]
    fn single(&mut self, key: u64, cost_nanos: u32, runtime_ms: u32) {
        let mut sum = Summary::EMPTY;
        sum.add(cost_nanos.into(), runtime_ms);
        self.wide(key, &sum);
    }
}

/// A plain list of groups.
impl Groups for Vec<(u64, Summary)> {
    fn narrow(&mut self, key: u64, sum: &NarrowSum) {
        self.push((key, sum.summary()));
    }

    fn wide(&mut self, key: u64, sum: &Summary) {
        self.push((key, *sum));
    }
}

/// Who takes every group in the same way.
#[derive(Debug)]
pub(crate) struct Each<F>(pub(crate) F);

impl<F: FnMut(u64, &Summary)> Groups for Each<F> {
    #[inline]
    fn narrow(&mut self, key: u64, sum: &NarrowSum) {
        (self.0)(key, &sum.summary());
    }

    #[inline]
    fn wide(&mut self, key: u64, sum: &Summary) {
        (self.0)(key, sum);
    }
}

/// Rows of one bucket in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bucket: usize,
    pub(crate) list: usize,
    pub(crate) rows: Range<usize>,
}

/// Rows of the first list.
const LIST_ROWS_MIN: usize = 512;

/// Finished groups of one scan. They lie in several lists, so that a row is written once and never moved.
#[derive(Debug)]
pub(crate) struct Output {
    keys: KeyLayout,
    pub(crate) lists: Vec<RowList>,
    /// The list that is being filled, which will be the last one.
    list: RowList,
    /// The first place of the row before.
    last_first: u64,
    /// The bits of a key that are its second place, and for each second place whether it occurs.
    second_mask: u64,
    seen_second: Vec<bool>,
    /// Where the rows of the buckets are, newest bucket first.
    pub(crate) parts: Vec<Part>,
    row_count: usize,
    /// Places that occur, complete when no bucket follows.
    pub(crate) seen: [NumberSet; 2],
}

impl Output {
    pub(crate) fn new(keys: KeyLayout, places: [usize; 2]) -> Self {
        Self {
            keys,
            lists: Vec::new(),
            list: RowList::new(Vec::with_capacity(LIST_ROWS_MIN)),
            last_first: u64::MAX,
            second_mask: (1 << keys.second_bits) - 1,
            seen_second: vec![false; places[1]],
            parts: Vec::new(),
            row_count: 0,
            seen: places.map(NumberSet::new),
        }
    }

    /// Begins a bucket, which is older than those before.
    pub(crate) fn begin_bucket(&mut self, bucket: usize) {
        if self.parts.last().is_some_and(|part| part.rows.is_empty()) {
            self.parts.pop();
        }
        let row = self.list.len();
        self.parts.push(Part { bucket, list: self.lists.len(), rows: row..row });
    }

    /// Makes ready for a group of the bucket that was begun, and gives back its places.
    #[inline]
    fn begin_row(&mut self, key: u64) -> [u32; 2] {
        let (first, second) = (key.wrapping_shr(self.keys.second_bits), key & self.second_mask);
        #[expect(clippy::cast_possible_truncation, reason = "places have 32 bits")]
        let codes = [first as u32, second as u32];
        if first != self.last_first {
            self.seen[0].insert(codes[0]);
            self.last_first = first;
        }
        if let Some(is_seen) = self.seen_second.get_mut(codes[1] as usize) {
            *is_seen = true;
        }
        if !self.list.has_room() {
            self.begin_list();
        }
        codes
    }

    #[cold]
    fn begin_list(&mut self) {
        self.end_bucket();
        let next = RowList::kept().unwrap_or_else(|| {
            let mut rows = Vec::with_capacity((8 * self.list.room()).min(LIST_ROWS_MAX));
            large_pages::prefer(&mut rows);
            RowList::new(rows)
        });
        self.lists.push(std::mem::replace(&mut self.list, next));
        if let Some(bucket) = self.parts.last().map(|part| part.bucket) {
            self.begin_bucket(bucket);
        }
    }

    /// Says that no bucket follows.
    pub(crate) fn end(&mut self) {
        for (place, _) in (0..).zip(&self.seen_second).filter(|(_, is_seen)| **is_seen) {
            self.seen[1].insert(place);
        }
        self.lists.push(std::mem::take(&mut self.list));
    }

    /// Says that all groups of a bucket were pushed.
    pub(crate) fn end_bucket(&mut self) {
        if let Some(part) = self.parts.last_mut() {
            part.rows.end = self.list.len();
            self.row_count += part.rows.len();
        }
    }

    /// Number of rows of the buckets that were ended.
    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    pub(crate) fn bytes(&self) -> usize {
        self.lists.iter().chain([&self.list]).map(RowList::bytes).sum()
    }
}

impl Groups for Output {
    #[inline]
    fn narrow(&mut self, key: u64, sum: &NarrowSum) {
        let codes = self.begin_row(key);
        self.list.push_small(key, codes, &sum.row());
    }

    #[inline]
    fn wide(&mut self, key: u64, sum: &Summary) {
        let codes = self.begin_row(key);
        self.list.push(key, &narrow_row(codes, sum));
    }

    #[inline]
    fn single(&mut self, key: u64, cost_nanos: u32, runtime_ms: u32) {
        let codes = self.begin_row(key);
        self.list.push_small(key, codes, &SmallRow::of_one(cost_nanos, runtime_ms));
    }
}
