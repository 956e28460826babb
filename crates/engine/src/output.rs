//! Finished groups: buckets newest first, and in each bucket ascending places.

use std::ops::Range;

use farmtally_columns::Summary;
use farmtally_model::{LIST_ROWS_MAX, RowList, RowRoom};

use crate::accumulator::narrow_row;
use crate::keys::KeyLayout;
use crate::lanes::Lanes;
use crate::large_pages;
use crate::piece::{Piece, SortedPieces};
use crate::ranked_sums::KeyBits;
use crate::seen::{Seen, keys_of};
use farmtally_columns::narrow_sum::{NarrowSum, PIECES_MAX};

/// Takes groups in, ascending by key.
pub(crate) trait Groups {
    /// Takes a group whose sum is narrow: its pieces are, or it is of one [alone](NarrowSum::alone).
    fn narrow(&mut self, key: u64, sum: &NarrowSum);

    /// Takes all groups whose pieces are all narrow out of their sums; their keys are the places of the sums that are not empty.
    fn narrow_all(&mut self, sums: &mut [NarrowSum]) {
        let mut filled = vec![0; sums.len().div_ceil(64)];
        note_filled(sums, &mut filled);
        take_filled(self, &filled, sums);
    }

    /// Takes groups that lie in the order of their keys.
    fn ordered(&mut self, groups: Ordered<'_>) {
        take_ordered(self, groups);
    }

    /// Takes the groups of pieces.
    fn sorted(&mut self, pieces: SortedPieces<'_>) {
        fold_in_order(pieces, self);
    }

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

/// Notes a bit for each sum that is not empty.
///
/// Nobody can foretell whether a sum is empty, so it becomes a bit first, and only bits that are set are branched on.
pub(crate) fn note_filled(sums: &[NarrowSum], filled: &mut [u64]) {
    for (filled, sums) in filled.iter_mut().zip(sums.chunks(64)) {
        *filled = 0;
        for (bit, sum) in sums.iter().enumerate() {
            *filled |= u64::from(!sum.is_empty()) << bit;
        }
    }
}

/// Takes groups out of their sums one by one; their keys are the numbers of the bits that are set.
fn take_filled<G: Groups + ?Sized>(groups: &mut G, filled: &[u64], sums: &mut [NarrowSum]) {
    for key in keys_of(filled) {
        let sum = &mut sums[key as usize];
        groups.narrow(key.into(), sum);
        *sum = NarrowSum::EMPTY;
    }
}

/// Groups in the order of their keys, each with its sum, which is emptied when the group is taken.
#[derive(Debug)]
pub(crate) struct Ordered<'a> {
    pub(crate) keys: &'a [u32],
    pub(crate) sums: &'a mut [NarrowSum],
    /// Sums that are not narrow; the narrow ones of their groups say where they are.
    pub(crate) wide: &'a [Summary],
    /// The keys as bits, if there are such.
    pub(crate) bits: Option<KeyBits<'a>>,
}

fn take_ordered<G: Groups + ?Sized>(groups: &mut G, ordered: Ordered<'_>) {
    for (key, sum) in ordered.keys.iter().zip(ordered.sums) {
        match sum.place_beside() {
            Some(place) => groups.wide((*key).into(), &ordered.wide[place]),
            None => groups.narrow((*key).into(), sum),
        }
        *sum = NarrowSum::EMPTY;
    }
}

/// Folds pieces one after the other. Most groups have one piece, so that is asked first.
pub(crate) fn fold_in_order<G: Groups + ?Sized>(pieces: SortedPieces<'_>, groups: &mut G) {
    let mut rest = pieces.all;
    while let [first, others @ ..] = rest {
        rest = others;
        let is_single = others.first().is_none_or(|next| next.key != first.key);
        if is_single && first.is_narrow() {
            groups.single(first.key, first.cost_nanos, first.runtime_ms);
            continue;
        }
        let mut summary = Summary::EMPTY;
        let mut add = |piece: Piece| {
            let (cost_nanos, runtime_ms) = pieces.amounts(piece);
            summary.add(cost_nanos, runtime_ms);
        };
        add(*first);
        while let [next, later @ ..] = rest
            && next.key == first.key
        {
            add(*next);
            rest = later;
        }
        groups.wide(first.key, &summary);
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
    pub(crate) lists: Vec<RowList>,
    /// The list that is being filled, which will be the last one.
    list: RowList,
    pub(crate) seen: Seen,
    /// Where the rows of the buckets are, newest bucket first.
    pub(crate) parts: Vec<Part>,
    row_count: usize,
    lanes: Option<Lanes>,
    /// Room for the bits of filled sums, kept from one bucket to the next.
    filled: Vec<u64>,
}

impl Output {
    pub(crate) fn new(keys: KeyLayout, places: [usize; 2], lanes: Option<Lanes>) -> Self {
        Self {
            lists: Vec::new(),
            list: empty_list(LIST_ROWS_MIN),
            seen: Seen::new(keys, places),
            parts: Vec::new(),
            row_count: 0,
            lanes,
            filled: Vec::new(),
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
        let codes = self.seen.note(key);
        if !self.list.has_room(1) {
            self.begin_list();
        }
        codes
    }

    /// Appends at most [`RowRoom::ROWS`] rows to the bucket that was begun. Their keys are to be noted.
    #[inline]
    pub(crate) fn append(&mut self, fill: impl FnOnce(&mut RowRoom<'_>, &mut Seen)) {
        if !self.list.has_room(RowRoom::ROWS) {
            self.begin_list();
        }
        let seen = &mut self.seen;
        self.list.append(|room| fill(room, seen));
    }

    #[cold]
    fn begin_list(&mut self) {
        self.end_bucket();
        let room = (8 * self.list.room()).min(LIST_ROWS_MAX);
        let next = RowList::kept(room).unwrap_or_else(|| empty_list(room));
        self.lists.push(std::mem::replace(&mut self.list, next));
        if let Some(bucket) = self.parts.last().map(|part| part.bucket) {
            self.begin_bucket(bucket);
        }
    }

    /// Says that no bucket follows.
    pub(crate) fn end(&mut self) {
        self.seen.end();
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

/// A list with room for so many rows.
fn empty_list(rows: usize) -> RowList {
    let (mut heads, mut extremes) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    large_pages::prefer(&mut heads);
    large_pages::prefer(&mut extremes);
    RowList::new(heads, extremes)
}

const _: () = assert!(RowRoom::ROWS <= LIST_ROWS_MIN);

impl Groups for Output {
    #[inline]
    fn narrow(&mut self, key: u64, sum: &NarrowSum) {
        let codes = self.begin_row(key);
        match sum.row() {
            Some(row) => self.list.push_small(key, codes, &row),
            None => self.list.push(key, &narrow_row(codes, &sum.summary())),
        }
    }

    fn narrow_all(&mut self, sums: &mut [NarrowSum]) {
        let mut filled = std::mem::take(&mut self.filled);
        filled.resize(sums.len().div_ceil(64), 0);
        match self.lanes {
            Some(lanes) => lanes.note_filled(sums, &mut filled),
            None => note_filled(sums, &mut filled),
        }
        match self.lanes {
            Some(lanes) if self.seen.note_words(0, &filled) => lanes.pack(&filled, sums, self),
            _ => take_filled(self, &filled, sums),
        }
        self.filled = filled;
    }

    fn ordered(&mut self, groups: Ordered<'_>) {
        let Some(lanes) = self.lanes else { return take_ordered(self, groups) };
        let noted = groups
            .bits
            .is_some_and(|bits| bits.runs().all(|(first, words)| self.seen.note_words(first, words)));
        if !noted {
            self.seen.note_each(groups.keys);
        }
        lanes.pack_ordered(groups, self);
    }

    fn sorted(&mut self, pieces: SortedPieces<'_>) {
        match self.lanes {
            Some(lanes) if pieces.len() < PIECES_MAX => lanes.fold_sorted(pieces, self),
            _ => fold_in_order(pieces, self),
        }
    }

    #[inline]
    fn wide(&mut self, key: u64, sum: &Summary) {
        let codes = self.begin_row(key);
        self.list.push(key, &narrow_row(codes, sum));
    }

    #[inline]
    fn single(&mut self, key: u64, cost_nanos: u32, runtime_ms: u32) {
        let codes = self.begin_row(key);
        self.list.push_one(key, codes, cost_nanos, runtime_ms);
    }
}

/// Heads, extremes and rows beside of all lists, where the rows of buckets are, and the places that occur.
#[cfg(test)]
pub(crate) fn finished(mut output: Output) -> (Vec<ListParts>, Vec<Part>, [Vec<u32>; 2]) {
    output.end_bucket();
    output.end();
    let parts = |list: &RowList| {
        let (heads, extremes, beside) = list.parts();
        (heads.to_vec(), extremes.to_vec(), beside.to_vec())
    };
    let places = output.seen.places.each_ref().map(|places| places.iter().collect());
    (output.lists.iter().map(parts).collect(), output.parts, places)
}

#[cfg(test)]
type ListParts =
    (Vec<farmtally_model::RowHead>, Vec<farmtally_model::RowExtremes>, Vec<farmtally_model::RowBeside>);
