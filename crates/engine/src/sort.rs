//! Pieces in the order of their keys, by counting and not by comparing.
//!
//! Keys are taken apart into digits of equal width. Pieces are put in the order of the lowest digit, then of the next one, and
//! those of one digit stay in their order; after the highest one they lie in the order of the keys.
//!
//! Two digits are counted in one pass. Where some pieces belong is looked up before the first of them is put there, because a
//! processor may make a load wait until it knows where the stores before it go, and that would be a wait for each piece.

use crate::piece::Piece;

/// Pieces up to which they are sorted by comparing.
const PIECES_FEW: usize = 64;
/// Bits of a digit at most: places of all its values stay in the nearest cache.
const DIGIT_BITS_MAX: u32 = 10;
/// Values that a digit can have.
const VALUES: usize = 1 << DIGIT_BITS_MAX;
/// Pieces whose places are looked up together.
const PLACES: usize = 4;

/// Sorts the pieces of bucket after bucket. Its room is kept from one to the next.
#[derive(Debug)]
pub(crate) struct Sorter {
    /// For each value of two digits where its next piece belongs.
    nexts: Box<[[u32; VALUES]; 2]>,
    /// Where pieces are put, which then change places with those that are sorted.
    room: Vec<Piece>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self { nexts: Box::new([[0; VALUES]; 2]), room: Vec::new() }
    }
}

/// Some bits of a key.
#[derive(Debug, Clone, Copy)]
struct Digit {
    shift: u32,
    mask: usize,
}

impl Digit {
    /// No digit: all pieces have the same.
    const NONE: Self = Self { shift: 0, mask: 0 };

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the mask is narrow")]
    fn of(self, piece: Piece) -> usize {
        (piece.key >> self.shift) as usize & (self.mask % VALUES)
    }
}

impl Sorter {
    /// Sorts fewer than 2^32 pieces by their keys.
    pub(crate) fn sort(&mut self, pieces: &mut Vec<Piece>) {
        if pieces.len() <= PIECES_FEW {
            return pieces.sort_unstable_by_key(|piece| piece.key);
        }
        let differing = pieces.iter().fold(0, |bits, piece| bits | piece.key ^ pieces[0].key);
        if differing == 0 {
            return;
        }
        // A digit has at most twice as many values as there are pieces, so that counting costs what the pieces do.
        let digit_bits_max = (pieces.len().ilog2() + 1).min(DIGIT_BITS_MAX);
        let key_bits = u64::BITS - differing.leading_zeros();
        let digits = key_bits.div_ceil(digit_bits_max);
        let digit_bits = key_bits.div_ceil(digits);
        let digit = |place| Digit { shift: place * digit_bits, mask: (1 << digit_bits) - 1 };
        for place in (0..digits).step_by(2) {
            let (low, high) = (digit(place), (place + 1 < digits).then(|| digit(place + 1)));
            self.count(pieces, [low, high.unwrap_or(Digit::NONE)]);
            for (digit, nexts) in [Some(low), high].into_iter().flatten().zip(&mut *self.nexts) {
                put(pieces, digit, nexts, &mut self.room);
                std::mem::swap(pieces, &mut self.room);
            }
        }
    }

    /// Finds where the pieces of each value of two digits begin.
    // A function of its own, as the next one is, so that nothing else takes the registers of its loop.
    #[inline(never)]
    fn count(&mut self, pieces: &[Piece], digits: [Digit; 2]) {
        let [lows, highs] = &mut *self.nexts;
        lows[..=digits[0].mask].fill(0);
        highs[..=digits[1].mask].fill(0);
        for piece in pieces {
            let (low, high) = (&mut lows[digits[0].of(*piece)], &mut highs[digits[1].of(*piece)]);
            *low = low.wrapping_add(1);
            *high = high.wrapping_add(1);
        }
        for (nexts, digit) in self.nexts.iter_mut().zip(digits) {
            let mut begin = 0_u32;
            for next in &mut nexts[..=digit.mask] {
                let count = std::mem::replace(next, begin);
                begin = begin.wrapping_add(count);
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.nexts) + self.room.capacity() * size_of::<Piece>()
    }
}

/// Puts pieces into `room` in the order of a digit; those of one value stay in their order.
#[inline(never)]
fn put(pieces: &[Piece], digit: Digit, nexts: &mut [u32; VALUES], room: &mut Vec<Piece>) {
    room.resize(pieces.len(), Piece::default());
    let (some, rest) = pieces.as_chunks::<PLACES>();
    for some in some {
        let mut places = [0; PLACES];
        for (place, piece) in places.iter_mut().zip(some) {
            *place = take_place(nexts, digit, *piece);
        }
        for (place, piece) in places.into_iter().zip(some) {
            room[place as usize] = *piece;
        }
    }
    for piece in rest {
        room[take_place(nexts, digit, *piece) as usize] = *piece;
    }
}

/// The place of the next piece that is put.
#[inline]
fn take_place(nexts: &mut [u32; VALUES], digit: Digit, piece: Piece) -> u32 {
    let next = &mut nexts[digit.of(piece)];
    let place = *next;
    *next = next.wrapping_add(1);
    place
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
