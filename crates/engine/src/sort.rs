//! Pieces in the order of their keys, by counting and not by comparing.
//!
//! Keys are taken apart into digits of equal width. Pieces are put in the order of the lowest digit, then of the next one, and
//! those of one digit stay in their order; after the highest one they lie in the order of the keys.

use crate::piece::Piece;

/// Pieces up to which they are sorted by comparing.
const PIECES_FEW: usize = 64;
/// Bits of a digit at most: places of all its values stay in the nearest cache.
const DIGIT_BITS_MAX: u32 = 10;

/// Sorts the pieces of bucket after bucket. Its room is kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    /// Where the next piece of each value of a digit belongs.
    next: Vec<u32>,
    /// Where pieces are put, which then change places with those that are sorted.
    room: Vec<Piece>,
}

impl Sorter {
    /// Sorts fewer than 2^32 pieces by their keys.
    pub(crate) fn sort(&mut self, pieces: &mut Vec<Piece>) {
        if pieces.len() <= PIECES_FEW {
            return pieces.sort_unstable_by_key(|piece| piece.key);
        }
        let differing = pieces.iter().fold(0, |bits, piece| bits | piece.key ^ pieces[0].key);
        // A digit has fewer values than there are pieces, so that counting costs what the pieces do.
        let digit_bits_max = (pieces.len().ilog2() - 1).min(DIGIT_BITS_MAX);
        let key_bits = u64::BITS - differing.leading_zeros();
        let digits = key_bits.div_ceil(digit_bits_max).max(1);
        let digit_bits = key_bits.div_ceil(digits);
        for shift in (0..digits).map(|digit| digit * digit_bits) {
            self.sort_by_digit(pieces, shift, digit_bits);
        }
    }

    fn sort_by_digit(&mut self, pieces: &mut Vec<Piece>, shift: u32, bits: u32) {
        let mask = (1 << bits) - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the mask is narrow")]
        let digit = |piece: &Piece| (piece.key >> shift) as usize & mask;
        self.next.clear();
        self.next.resize(mask + 1, 0);
        for piece in &*pieces {
            let count = &mut self.next[digit(piece)];
            *count = count.wrapping_add(1);
        }
        let mut begin = 0_u32;
        for next in &mut self.next {
            let count = std::mem::replace(next, begin);
            begin = begin.wrapping_add(count);
        }
        self.room.resize(pieces.len(), Piece::default());
        for piece in &*pieces {
            let next = &mut self.next[digit(piece)];
            self.room[*next as usize] = *piece;
            *next = next.wrapping_add(1);
        }
        std::mem::swap(pieces, &mut self.room);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.next.capacity() * size_of::<u32>() + self.room.capacity() * size_of::<Piece>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_lie_as_after_a_sort_by_comparing_list_after_list(
            shared in any::<u64>(),
            lists in prop::collection::vec((0_u32..=64, prop::collection::vec(any::<u64>(), 0..1_000)), 1..5),
        ) {
            let mut sorter = Sorter::default();
            for (bits, keys) in lists {
                let own = u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
                let piece = |(place, key): (u32, u64)| Piece {
                    key: shared & !own | key & own, cost_nanos: place, runtime_ms: place,
                };
                let mut pieces: Vec<Piece> = (0..).zip(keys).map(piece).collect();
                let mut compared = pieces.clone();
                sorter.sort(&mut pieces);
                // Pieces of one group are in any order.
                let all = |piece: &Piece| (piece.key, piece.cost_nanos);
                compared.sort_by_key(all);
                prop_assert!(pieces.is_sorted_by_key(|piece| piece.key));
                pieces.sort_by_key(all);
                prop_assert_eq!(pieces, compared);
            }
        }
    }
}
