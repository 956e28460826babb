//! The pieces of one bucket become groups in the order of their keys, without a hash table and mostly without a sort.
//!
//! The places that occur are numbered densely, so that the possible groups of a bucket are few enough for a table from
//! group to sum. A set of bits remembers which groups occur; reading it from its start gives them in order.

use farmtally_columns::Summary;

use crate::keys::KeyLayout;
use crate::output::NumberSet;

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
    #[expect(clippy::cast_possible_truncation, reason = "the runtime is the low half")]
    fn add_to(self, summary: &mut Summary) {
        summary.add(self.low & ((1 << COST_BITS) - 1), self.high as u32);
    }
}

/// Possible groups for each piece up to which a table is used.
const SPACE_BY_PIECE: u64 = 64;
/// Possible places for each piece up to which they are numbered.
const PLACES_BY_PIECE: usize = 64;
/// Possible places up to which they are always numbered.
const PLACES_SMALL: usize = 4096;
/// Entries up to which a table is always used, and beyond which it never is.
const SPACE_SMALL: u64 = 4096;
const SPACE_MAX: u64 = 1 << 22;
/// Second places below so many bits are used as they are.
const SECOND_BITS_SMALL: u32 = 10;

/// Folds the pieces of bucket after bucket. Its tables are kept from one to the next.
#[derive(Debug)]
pub(crate) struct Folder {
    keys: KeyLayout,
    first: Numbering,
    second: Numbering,
    /// The sum of each possible group, as a place in `sums` plus one.
    table: Vec<u32>,
    occurring: NumberSet,
    sums: Vec<Summary>,
}

/// The places that occur, numbered from zero.
#[derive(Debug, Default)]
struct Numbering {
    occurring: NumberSet,
    /// Places by number, and numbers by place; of the latter only those of occurring places mean something.
    places: Vec<u32>,
    numbers: Vec<u32>,
}

impl Numbering {
    fn new(len: usize) -> Self {
        Self { occurring: NumberSet::new(len), places: Vec::new(), numbers: vec![0; len] }
    }

    fn number(&mut self, places: impl Iterator<Item = u32>) {
        self.occurring.clear();
        for place in places {
            self.occurring.insert(place);
        }
        self.places.clear();
        self.places.extend(self.occurring.iter());
        for (number, place) in (0..).zip(&self.places) {
            self.numbers[*place as usize] = number;
        }
    }
}

impl Folder {
    pub(crate) fn new(keys: KeyLayout) -> Self {
        let first = usize::try_from(keys.len >> keys.second_bits).unwrap_or(usize::MAX);
        let second = if keys.second_bits > SECOND_BITS_SMALL { 1 << keys.second_bits } else { 0 };
        Self {
            keys,
            first: Numbering::new(first),
            second: Numbering::new(second),
            table: Vec::new(),
            occurring: NumberSet::default(),
            sums: Vec::new(),
        }
    }

    /// Hands the groups of the pieces to `group`, ascending. Leaves the pieces in any order.
    pub(crate) fn fold(&mut self, pieces: &mut [Piece], group: impl FnMut(u64, &Summary)) {
        if pieces.is_empty() {
            return;
        }
        let places = self.first.numbers.len() + self.second.numbers.len();
        if places > PLACES_SMALL + PLACES_BY_PIECE * pieces.len() {
            return fold_sorted(pieces, group);
        }
        let second_bits = self.number(pieces);
        let space = (self.first.places.len() as u64) << second_bits;
        if space > (SPACE_BY_PIECE * pieces.len() as u64).clamp(SPACE_SMALL, SPACE_MAX) {
            return fold_sorted(pieces, group);
        }
        self.fold_through_table(pieces, second_bits, usize::try_from(space).unwrap_or(usize::MAX), group);
    }

    /// Numbers the places that occur, and tells how many bits the second ones need.
    fn number(&mut self, pieces: &[Piece]) -> u32 {
        let keys = self.keys;
        self.first.number(pieces.iter().map(|piece| keys.places(piece.key())[0]));
        if self.second.numbers.is_empty() {
            return keys.second_bits;
        }
        self.second.number(pieces.iter().map(|piece| keys.places(piece.key())[1]));
        (self.second.places.len() as u64).next_power_of_two().trailing_zeros()
    }

    fn fold_through_table(
        &mut self,
        pieces: &[Piece],
        second_bits: u32,
        space: usize,
        mut group: impl FnMut(u64, &Summary),
    ) {
        if self.table.len() < space {
            self.table.resize(space, 0);
            self.occurring = NumberSet::new(space);
        }
        self.sums.clear();
        for piece in pieces {
            let index = self.index(piece.key(), second_bits);
            let place = &mut self.table[index as usize];
            if *place == 0 {
                self.occurring.insert(index);
                self.sums.push(Summary::EMPTY);
                // A bucket is folded long before it has 2^32 pieces.
                *place = u32::try_from(self.sums.len()).unwrap_or(u32::MAX);
            }
            piece.add_to(&mut self.sums[*place as usize - 1]);
        }
        let mut occurring = std::mem::take(&mut self.occurring);
        occurring.drain_below(space, |index| {
            let place = std::mem::take(&mut self.table[index as usize]);
            group(self.key(index, second_bits), &self.sums[place as usize - 1]);
        });
        self.occurring = occurring;
    }

    #[inline]
    fn index(&self, key: u64, second_bits: u32) -> u32 {
        let [first, second] = self.keys.places(key);
        let second = self.second.numbers.get(second as usize).copied().unwrap_or(second);
        self.first.numbers[first as usize] << second_bits | second
    }

    fn key(&self, index: u32, second_bits: u32) -> u64 {
        let (first, second) = (index >> second_bits, index & ((1 << second_bits) - 1));
        let second = self.second.places.get(second as usize).copied().unwrap_or(second);
        self.keys.share(0, self.first.places[first as usize]) + self.keys.share(1, second)
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.first.numbers.len() + self.second.numbers.len() + self.table.len()) * size_of::<u32>()
            + self.sums.capacity() * size_of::<Summary>()
    }
}

/// The twin for groups that are too scattered for a table.
fn fold_sorted(pieces: &mut [Piece], mut group: impl FnMut(u64, &Summary)) {
    pieces.sort_unstable_by_key(|piece| piece.key());
    for same in pieces.chunk_by(|one, other| one.key() == other.key()) {
        let mut summary = Summary::EMPTY;
        for piece in same {
            piece.add_to(&mut summary);
        }
        group(same[0].key(), &summary);
    }
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
