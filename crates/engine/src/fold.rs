//! The pieces of one bucket become groups in the order of their keys, without a hash table and mostly without comparing.
//!
//! Where few keys are possible there is a sum for each, and where some thousand are, a cell for each and a sum for those that
//! occur. Else pieces are put in the order of their second places and then of their first ones, by counting; where a position
//! has many possible places, those that occur are numbered before. Pieces of one group then lie together.

use farmtally_columns::Summary;

use crate::cells::Cells;
use crate::keys::KeyLayout;
use crate::narrow_sum::{self, NarrowSum, PIECES_MAX, is_narrow};
use crate::output::{Groups, NumberSet};

/// A piece in 128 bits, if it is narrow, as nearly all are. Of any other one it has the key, and the others' place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) key: u64,
    pub(crate) cost_nanos: u32,
    /// More than narrow pieces have in one that is not.
    pub(crate) runtime_ms: u32,
}

/// Any piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WidePiece {
    pub(crate) key: u64,
    pub(crate) cost_nanos: u64,
    pub(crate) runtime_ms: u32,
}

/// The runtime of a piece that is not narrow; its cost is its place among those.
const NOT_NARROW: u32 = u32::MAX;

impl Piece {
    #[inline]
    pub(crate) fn is_narrow(self) -> bool {
        self.runtime_ms != NOT_NARROW
    }
}

/// Pieces in no order.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) all: Vec<Piece>,
    /// Those that are not narrow.
    pub(crate) wide: Vec<WidePiece>,
}

impl Pieces {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "narrow costs have 32 bits")]
    pub(crate) fn add(&mut self, key: u64, cost_nanos: u64, runtime_ms: u32) {
        if is_narrow(cost_nanos, runtime_ms) {
            self.all.push(Piece { key, cost_nanos: cost_nanos as u32, runtime_ms });
        } else {
            self.add_wide(WidePiece { key, cost_nanos, runtime_ms });
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "a bucket is folded long before it has 2^32 pieces")]
    fn add_wide(&mut self, piece: WidePiece) {
        let place = self.wide.len() as u32;
        self.all.push(Piece { key: piece.key, cost_nanos: place, runtime_ms: NOT_NARROW });
        self.wide.push(piece);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.wide.clear();
    }

    /// Cost and runtime of a piece.
    #[inline]
    fn amounts(&self, piece: Piece) -> (u64, u32) {
        if piece.is_narrow() {
            return (piece.cost_nanos.into(), piece.runtime_ms);
        }
        let wide = &self.wide[piece.cost_nanos as usize];
        (wide.cost_nanos, wide.runtime_ms)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Piece>() + self.wide.capacity() * size_of::<WidePiece>()
    }
}

/// Keys up to which there may be a sum for each of them.
const KEYS_FEW: u64 = 2048;
/// Keys up to which there may be a cell for each of them: 64 KiB of cells.
const KEYS_SOME: u64 = 1 << 14;
/// How many sums or cells there may be for each piece.
const SUMS_BY_PIECE: usize = 8;
const CELLS_BY_PIECE: usize = 64;
/// Places up to which they are counted as they are, and how many for each piece.
const PLACES_FEW: usize = 1024;
const PLACES_BY_PIECE: usize = 64;
/// Pieces up to which they are sorted by comparing.
const PIECES_FEW: usize = 64;

/// Folds the pieces of bucket after bucket. Its tables are kept from one to the next.
#[derive(Debug)]
pub(crate) struct Folder {
    keys: KeyLayout,
    first: Digit,
    second: Digit,
    order: Vec<u32>,
    sorted: Vec<u32>,
    /// A sum for each key, if there are few; all of them empty.
    sums: Vec<NarrowSum>,
    /// A cell for each key, if they are not too many.
    cells: Cells,
}

/// One position of the keys on its way to be sorted by.
#[derive(Debug)]
struct Digit {
    occurring: NumberSet,
    /// The number of each place among those that occur; empty where places are their own numbers.
    numbers: Vec<u32>,
    /// The place of each piece, numbered.
    digits: Vec<u32>,
    /// Where the next piece of each number belongs.
    next: Vec<u32>,
}

impl Digit {
    fn new(places: usize) -> Self {
        let numbered = if places > PLACES_FEW { places } else { 0 };
        Self {
            occurring: NumberSet::new(numbered),
            numbers: vec![0; numbered],
            digits: Vec::new(),
            next: vec![0; if numbered == 0 { places } else { 0 }],
        }
    }

    /// Makes ready for as many digits as there are pieces.
    fn begin(&mut self, pieces: usize) {
        self.digits.resize(pieces, 0);
        self.next.fill(0);
    }

    /// Sets the place of a piece; it is counted if it needs no number.
    #[inline]
    fn set(&mut self, piece: usize, place: u32, is_numbered: bool) {
        self.digits[piece] = place;
        if is_numbered {
            self.occurring.insert(place);
        } else {
            self.next[place as usize] = self.next[place as usize].wrapping_add(1);
        }
    }

    /// Finds where the pieces of each digit begin, after all were set.
    fn end(&mut self) {
        if !self.numbers.is_empty() {
            self.number();
        }
        let mut begin = 0_u32;
        for next in &mut self.next {
            let count = std::mem::replace(next, begin);
            begin = begin.wrapping_add(count);
        }
    }

    /// Replaces places by numbers, so that there are no more digits than pieces.
    fn number(&mut self) {
        let (numbers, mut count) = (&mut self.numbers, 0);
        self.occurring.drain_below(numbers.len(), |place| {
            numbers[place as usize] = count;
            count += 1;
        });
        self.next.clear();
        self.next.resize(count as usize, 0);
        for digit in &mut self.digits {
            *digit = numbers[*digit as usize];
            self.next[*digit as usize] = self.next[*digit as usize].wrapping_add(1);
        }
    }

    /// Puts pieces, given by their indexes, in the order of their digits; those of one digit stay in their order.
    fn sort(&mut self, order: impl Iterator<Item = u32>, sorted: &mut [u32]) {
        for index in order {
            let next = &mut self.next[self.digits[index as usize] as usize];
            sorted[*next as usize] = index;
            *next = next.wrapping_add(1);
        }
    }
}

impl Folder {
    pub(crate) fn new(keys: KeyLayout) -> Self {
        let places = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let up_to = |most: u64| if keys.len <= most { places(keys.len) } else { 0 };
        Self {
            keys,
            first: Digit::new(places(keys.len >> keys.second_bits)),
            second: Digit::new(1 << keys.second_bits),
            order: Vec::new(),
            sorted: Vec::new(),
            sums: vec![NarrowSum::EMPTY; up_to(KEYS_FEW)],
            cells: Cells::new(up_to(KEYS_SOME)),
        }
    }

    /// Hands the groups of the pieces to `groups`, ascending.
    pub(crate) fn fold(&mut self, pieces: &Pieces, groups: &mut impl Groups) {
        let places = self.first.numbers.len() + self.second.numbers.len();
        let len = pieces.len();
        let fits_narrow = len < PIECES_MAX;
        if fits_narrow && pieces.wide.is_empty() && (1..=SUMS_BY_PIECE * len).contains(&self.sums.len()) {
            self.fold_through_sums(&pieces.all, groups);
        } else if len <= PIECES_FEW || places > PLACES_BY_PIECE * len {
            fold_sorted(pieces, groups);
        } else if fits_narrow && (1..=CELLS_BY_PIECE * len).contains(&self.cells.len()) {
            self.cells.fold(pieces, groups);
        } else {
            self.sort(pieces);
            fold_in_order(&self.sorted, pieces, groups);
        }
    }

    fn fold_through_sums(&mut self, pieces: &[Piece], groups: &mut impl Groups) {
        for piece in pieces {
            #[expect(clippy::cast_possible_truncation, reason = "keys are few")]
            self.sums[piece.key as usize].add(piece.cost_nanos, piece.runtime_ms);
        }
        narrow_sum::drain(&mut self.sums, 0, groups);
    }

    /// Finds the order of the pieces by counting, the second places first.
    fn sort(&mut self, pieces: &Pieces) {
        let len = pieces.len();
        self.sorted.resize(len, 0);
        let (keys, first, second) = (self.keys, &mut self.first, &mut self.second);
        let is_numbered = [!first.numbers.is_empty(), !second.numbers.is_empty()];
        first.begin(len);
        second.begin(len);
        for (index, piece) in pieces.all.iter().enumerate() {
            let places = keys.places(piece.key);
            first.set(index, places[0], is_numbered[0]);
            second.set(index, places[1], is_numbered[1]);
        }
        first.end();
        // A bucket is folded long before it has 2^32 pieces.
        let indexes = (0..).take(len);
        if keys.second_bits == 0 {
            return first.sort(indexes, &mut self.sorted);
        }
        second.end();
        self.order.resize(len, 0);
        second.sort(indexes, &mut self.order);
        first.sort(self.order.iter().copied(), &mut self.sorted);
    }

    pub(crate) fn bytes(&self) -> usize {
        let digit = |digit: &Digit| digit.numbers.len() + digit.digits.capacity() + digit.next.capacity();
        (digit(&self.first) + digit(&self.second) + self.order.capacity() + self.sorted.capacity())
            * size_of::<u32>()
            + self.sums.len() * size_of::<NarrowSum>()
            + self.cells.bytes()
    }
}

/// Folds pieces in an order in which those of one group lie together.
fn fold_in_order(order: &[u32], pieces: &Pieces, groups: &mut impl Groups) {
    let (mut key, mut summary) = (0, Summary::EMPTY);
    for index in order {
        let piece = pieces.all[*index as usize];
        if piece.key != key {
            if summary.count > 0 {
                groups.wide(key, &summary);
            }
            (key, summary) = (piece.key, Summary::EMPTY);
        }
        let (cost_nanos, runtime_ms) = pieces.amounts(piece);
        summary.add(cost_nanos, runtime_ms);
    }
    if summary.count > 0 {
        groups.wide(key, &summary);
    }
}

/// The twin that sorts by comparing, for few or very scattered pieces.
fn fold_sorted(pieces: &Pieces, groups: &mut impl Groups) {
    let wide = |piece: &Piece| {
        let (cost_nanos, runtime_ms) = pieces.amounts(*piece);
        WidePiece { key: piece.key, cost_nanos, runtime_ms }
    };
    let mut sorted: Vec<WidePiece> = pieces.all.iter().map(wide).collect();
    sorted.sort_unstable_by_key(|piece| piece.key);
    for group in sorted.chunk_by(|one, other| one.key == other.key) {
        let mut summary = Summary::EMPTY;
        for piece in group {
            summary.add(piece.cost_nanos, piece.runtime_ms);
        }
        groups.wide(group[0].key, &summary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;
    use proptest::prelude::*;

    fn folded(fold: impl FnOnce(&mut Vec<(u64, Summary)>)) -> Vec<(u64, Summary)> {
        let mut groups = Vec::new();
        fold(&mut groups);
        groups
    }

    proptest! {
        #[test]
        fn sums_and_cells_fold_as_a_sort_does_bucket_after_bucket(
            first_len in prop::sample::select(vec![3_u32, 70, 5_000, 100_000]),
            second_len in prop::sample::select(vec![0_u32, 30, 3_000]),
            first_kinds in 1_u32..200, is_narrow in any::<bool>(),
            buckets in prop::collection::vec(prop::collection::vec(
                (any::<u32>(), any::<u32>(), (0_u32..43).prop_flat_map(|bits| 0_u64..1 << bits), 1_u32..), 0..400), 1..5),
        ) {
            let positions = [first_len, second_len].map(|codes| Places::Fixed { codes });
            let keys = KeyLayout::new([&positions[0], &positions[1]]).unwrap();
            let mut folder = Folder::new(keys);
            let mut cells = Cells::new(usize::try_from(keys.len).unwrap().min(1 << 20));
            for bucket in buckets {
                let mut pieces = Pieces::default();
                for (first, second, cost_nanos, runtime_ms) in bucket {
                    let first = first % first_kinds * 7919 % (first_len + 1);
                    let key = keys.share(0, first) + keys.share(1, second % (second_len + 1));
                    let bits = |narrow| if is_narrow { narrow } else { 64 };
                    let cost_nanos = cost_nanos & (u64::MAX >> (64 - bits(32)));
                    pieces.add(key, cost_nanos, if is_narrow { runtime_ms >> 8 } else { runtime_ms });
                }
                let sorted = folded(|group| fold_sorted(&pieces, group));
                prop_assert_eq!(&folded(|group| folder.fold(&pieces, group)), &sorted);
                if cells.len() as u64 == keys.len {
                    prop_assert_eq!(&folded(|group| cells.fold(&pieces, group)), &sorted);
                }
                if !pieces.all.is_empty() {
                    folder.sort(&pieces);
                    prop_assert_eq!(&folded(|group| fold_in_order(&folder.sorted, &pieces, group)), &sorted);
                }
            }
        }
    }
}
