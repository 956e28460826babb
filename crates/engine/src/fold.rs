//! The pieces of one bucket become groups in the order of their keys, without a hash table and mostly without a sort.
//!
//! The first places that occur are numbered, and the pieces are put in their order by counting. What is left is a few
//! pieces of one first place, which are folded through a small table of second places; a set of bits remembers which of
//! them occur, and reading it from its start gives them in order.

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

/// Keys up to which there is a sum for each of them.
const KEYS_FEW: u64 = 2048;
/// Possible first places up to which they are numbered, and how many more for each piece.
const PLACES_FEW: usize = 4096;
const PLACES_BY_PIECE: usize = 64;
/// Pieces of one first place up to which they are sorted.
const PIECES_FEW: usize = 12;
/// Possible second places for each piece up to which there is a table of them.
const SECOND_BY_PIECE: usize = 64;

/// Folds the pieces of bucket after bucket. Its tables are kept from one to the next.
#[derive(Debug)]
pub(crate) struct Folder {
    keys: KeyLayout,
    first: Numbering,
    /// Where the pieces of each first place end, by number.
    ends: Vec<u32>,
    /// The pieces by first place.
    by_first: Vec<Piece>,
    second: SecondTable,
    /// A sum for each key, if there are few.
    sums: Vec<Summary>,
}

/// The first places that occur, numbered from zero.
#[derive(Debug, Default)]
struct Numbering {
    occurring: NumberSet,
    places: Vec<u32>,
    /// Numbers by place; only those of occurring places mean something.
    numbers: Vec<u32>,
}

impl Numbering {
    fn new(len: usize) -> Self {
        Self { occurring: NumberSet::new(len), places: Vec::new(), numbers: vec![0; len] }
    }

    fn number(&mut self, places: impl Iterator<Item = u32>) {
        for place in places {
            self.occurring.insert(place);
        }
        self.places.clear();
        let (numbers, places) = (&mut self.numbers, &mut self.places);
        self.occurring.drain_below(numbers.len(), |place| {
            numbers[place as usize] = u32::try_from(places.len()).unwrap_or(u32::MAX);
            places.push(place);
        });
    }
}

/// The sums of the second places of one first place.
#[derive(Debug, Default)]
struct SecondTable {
    /// Where the sum of each place is, plus one; zero where there is none.
    table: Vec<u32>,
    occurring: NumberSet,
    sums: Vec<Summary>,
}

impl SecondTable {
    fn new(len: usize) -> Self {
        Self { table: vec![0; len], occurring: NumberSet::new(len), sums: Vec::new() }
    }

    fn fold(&mut self, pieces: &[Piece], mask: u64, mut group: impl FnMut(u32, &Summary)) {
        self.sums.clear();
        for piece in pieces {
            #[expect(clippy::cast_possible_truncation, reason = "places have 32 bits")]
            let place = (piece.key() & mask) as u32;
            let sum = &mut self.table[place as usize];
            if *sum == 0 {
                self.occurring.insert(place);
                self.sums.push(Summary::EMPTY);
                // A bucket is folded long before it has 2^32 pieces.
                *sum = u32::try_from(self.sums.len()).unwrap_or(u32::MAX);
            }
            piece.add_to(&mut self.sums[*sum as usize - 1]);
        }
        let (table, sums) = (&mut self.table, &self.sums);
        self.occurring.drain_below(table.len(), |place| {
            let sum = std::mem::take(&mut table[place as usize]);
            group(place, &sums[sum as usize - 1]);
        });
    }
}

impl Folder {
    pub(crate) fn new(keys: KeyLayout) -> Self {
        let few = usize::try_from(keys.len).ok().filter(|_| keys.len <= KEYS_FEW);
        let first = few.map_or(keys.len >> keys.second_bits, |_| 0);
        Self {
            keys,
            first: Numbering::new(usize::try_from(first).unwrap_or(usize::MAX)),
            ends: Vec::new(),
            by_first: Vec::new(),
            second: SecondTable::default(),
            sums: vec![Summary::EMPTY; few.unwrap_or(0)],
        }
    }

    /// Hands the groups of the pieces to `group`, ascending. Leaves the pieces in any order.
    pub(crate) fn fold(&mut self, pieces: &mut [Piece], group: impl FnMut(u64, &Summary)) {
        if pieces.is_empty() {
            return;
        }
        if !self.sums.is_empty() {
            self.fold_through_sums(pieces, group);
        } else if self.first.numbers.len() > PLACES_FEW + PLACES_BY_PIECE * pieces.len() {
            fold_sorted(pieces, group);
        } else {
            self.sort_by_first(pieces);
            self.fold_by_first(group);
        }
    }

    fn fold_through_sums(&mut self, pieces: &[Piece], mut group: impl FnMut(u64, &Summary)) {
        for piece in pieces {
            #[expect(clippy::cast_possible_truncation, reason = "keys are few")]
            piece.add_to(&mut self.sums[piece.key() as usize]);
        }
        for (key, sum) in (0..).zip(&mut self.sums) {
            if sum.count > 0 {
                group(key, sum);
                *sum = Summary::EMPTY;
            }
        }
    }

    /// Puts the pieces in the order of their first places, by counting.
    fn sort_by_first(&mut self, pieces: &[Piece]) {
        let keys = self.keys;
        self.first.number(pieces.iter().map(|piece| keys.places(piece.key())[0]));
        let numbers = &self.first.numbers;
        let number_of = |piece: &Piece| numbers[keys.places(piece.key())[0] as usize] as usize;
        self.ends.clear();
        self.ends.resize(self.first.places.len() + 1, 0);
        for piece in pieces {
            self.ends[number_of(piece) + 1] += 1;
        }
        let mut end = 0;
        for count in &mut self.ends {
            end += *count;
            *count = end;
        }
        self.by_first.clear();
        self.by_first.resize(pieces.len(), Piece { low: 0, high: 0 });
        // `ends` begins with the begin of each place and ends with its end.
        for piece in pieces {
            let at = &mut self.ends[number_of(piece)];
            self.by_first[*at as usize] = *piece;
            *at += 1;
        }
    }

    fn fold_by_first(&mut self, mut group: impl FnMut(u64, &Summary)) {
        let (keys, second_len) = (self.keys, 1_usize << self.keys.second_bits.min(31));
        let mut from = 0;
        for (first, end) in self.first.places.iter().zip(&self.ends) {
            let pieces = &mut self.by_first[from..*end as usize];
            from = *end as usize;
            if second_len == 1 || pieces.len() <= PIECES_FEW || second_len > SECOND_BY_PIECE * pieces.len() {
                fold_sorted(pieces, &mut group);
                continue;
            }
            if self.second.table.is_empty() {
                self.second = SecondTable::new(second_len);
            }
            let share = keys.share(0, *first);
            self.second
                .fold(pieces, second_len as u64 - 1, |second, sum| group(share + u64::from(second), sum));
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.first.numbers.len() + self.second.table.len()) * size_of::<u32>()
            + self.by_first.capacity() * size_of::<Piece>()
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
