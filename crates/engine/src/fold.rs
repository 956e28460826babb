//! The pieces of one bucket become groups in the order of their keys, without a hash table and mostly without comparing.
//!
//! The pieces are put in the order of their second places and then of their first ones, by counting. Where a position has
//! many possible places, those that occur are numbered before. Pieces of one group then lie together.

use farmtally_columns::Summary;

use crate::keys::KeyLayout;
use crate::output::NumberSet;
use crate::sum_table::SumTable;

/// One piece in 128 bits: a key of 53, a cost of 43 and a runtime of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The key's low bits above the cost.
    low: u64,
    /// The key's high bits above the runtime.
    high: u64,
}

const COST_BITS: u32 = 43;
const KEY_LOW_BITS: u32 = u64::BITS - COST_BITS;

impl Piece {
    #[inline]
    pub(crate) fn new(key: u64, cost_nanos: u64, runtime_ms: u32) -> Self {
        debug_assert!(cost_nanos < 1 << COST_BITS && key < 1 << (KEY_LOW_BITS + 32));
        Self { low: cost_nanos | key << COST_BITS, high: u64::from(runtime_ms) | (key >> KEY_LOW_BITS) << 32 }
    }

    #[inline]
    pub(crate) fn key(self) -> u64 {
        self.low >> COST_BITS | (self.high >> 32) << KEY_LOW_BITS
    }

    #[inline]
    fn cost_nanos(self) -> u64 {
        self.low & ((1 << COST_BITS) - 1)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the runtime is the low half")]
    fn runtime_ms(self) -> u32 {
        self.high as u32
    }
}

/// Keys up to which there may be a sum for each of them, and how many for each piece.
const KEYS_FEW: u64 = 2048;
const KEYS_BY_PIECE: usize = 8;
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
    /// A sum for each key, if there are few.
    sums: SumTable,
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
        let few = if keys.len <= KEYS_FEW { places(keys.len) } else { 0 };
        Self {
            keys,
            first: Digit::new(places(keys.len >> keys.second_bits)),
            second: Digit::new(1 << keys.second_bits),
            order: Vec::new(),
            sorted: Vec::new(),
            sums: SumTable::new(few),
        }
    }

    /// Hands the groups of the pieces to `group`, ascending. May change the order of the pieces.
    pub(crate) fn fold(&mut self, pieces: &mut [Piece], group: impl FnMut(u64, &Summary)) {
        let places = self.first.numbers.len() + self.second.numbers.len();
        if self.sums.len() > 0 && self.sums.len() <= KEYS_BY_PIECE * pieces.len() {
            self.fold_through_sums(pieces, group);
        } else if pieces.len() <= PIECES_FEW || places > PLACES_BY_PIECE * pieces.len() {
            fold_sorted(pieces, group);
        } else {
            self.sort(pieces);
            fold_in_order(self.sorted.iter().map(|index| pieces[*index as usize]), group);
        }
    }

    fn fold_through_sums(&mut self, pieces: &[Piece], group: impl FnMut(u64, &Summary)) {
        self.sums.expect_pieces(pieces.len());
        for piece in pieces {
            #[expect(clippy::cast_possible_truncation, reason = "keys are few")]
            self.sums.add(piece.key() as usize, piece.cost_nanos(), piece.runtime_ms());
        }
        self.sums.drain(0..self.sums.len(), group);
    }

    /// Finds the order of the pieces by counting, the second places first.
    fn sort(&mut self, pieces: &[Piece]) {
        self.sorted.resize(pieces.len(), 0);
        let (keys, first, second) = (self.keys, &mut self.first, &mut self.second);
        let is_numbered = [!first.numbers.is_empty(), !second.numbers.is_empty()];
        first.begin(pieces.len());
        second.begin(pieces.len());
        for (index, piece) in pieces.iter().enumerate() {
            let places = keys.places(piece.key());
            first.set(index, places[0], is_numbered[0]);
            second.set(index, places[1], is_numbered[1]);
        }
        first.end();
        // A bucket is folded long before it has 2^32 pieces.
        let indexes = (0..).take(pieces.len());
        if keys.second_bits == 0 {
            return first.sort(indexes, &mut self.sorted);
        }
        second.end();
        self.order.resize(pieces.len(), 0);
        second.sort(indexes, &mut self.order);
        first.sort(self.order.iter().copied(), &mut self.sorted);
    }

    pub(crate) fn bytes(&self) -> usize {
        let digit = |digit: &Digit| digit.numbers.len() + digit.digits.capacity() + digit.next.capacity();
        (digit(&self.first) + digit(&self.second) + self.order.capacity() + self.sorted.capacity())
            * size_of::<u32>()
            + self.sums.bytes()
    }
}

/// Folds pieces that are in the order of their keys.
#[inline]
fn fold_in_order(pieces: impl Iterator<Item = Piece>, mut group: impl FnMut(u64, &Summary)) {
    let (mut key, mut summary) = (0, Summary::EMPTY);
    for piece in pieces {
        let next = piece.key();
        if next != key {
            if summary.count > 0 {
                group(key, &summary);
            }
            (key, summary) = (next, Summary::EMPTY);
        }
        summary.add(piece.cost_nanos(), piece.runtime_ms());
    }
    if summary.count > 0 {
        group(key, &summary);
    }
}

/// The twin that sorts by comparing, for few or very scattered pieces.
fn fold_sorted(pieces: &mut [Piece], group: impl FnMut(u64, &Summary)) {
    pieces.sort_unstable_by_key(|piece| piece.key());
    fold_in_order(pieces.iter().copied(), group);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;
    use proptest::prelude::*;

    fn folded(fold: impl FnOnce(&mut dyn FnMut(u64, &Summary))) -> Vec<(u64, Summary)> {
        let mut groups = Vec::new();
        fold(&mut |key, summary| groups.push((key, *summary)));
        groups
    }

    proptest! {
        #[test]
        fn a_table_folds_as_a_sort_does_bucket_after_bucket(
            first_len in prop::sample::select(vec![3_u32, 70, 5_000, 100_000]),
            second_len in prop::sample::select(vec![0_u32, 30, 3_000]),
            buckets in prop::collection::vec(prop::collection::vec(
                (any::<u32>(), any::<u32>(), 0_u64..1 << COST_BITS, 1_u32..), 0..200), 1..5),
        ) {
            let positions = [first_len, second_len].map(|codes| Places::Fixed { codes });
            let keys = KeyLayout::new([&positions[0], &positions[1]]).unwrap();
            let mut folder = Folder::new(keys);
            for bucket in buckets {
                let mut pieces: Vec<Piece> = bucket.into_iter().map(|(first, second, cost, runtime)| {
                    let key = keys.share(0, first % (first_len + 1)) + keys.share(1, second % (second_len + 1));
                    let piece = Piece::new(key, cost, runtime);
                    assert_eq!(piece.key(), key);
                    piece
                }).collect();
                let through_table = folded(|group| folder.fold(&mut pieces, group));
                prop_assert_eq!(through_table, folded(|group| fold_sorted(&mut pieces, group)));
            }
        }
    }
}
