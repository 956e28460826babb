//! Keys: the places of a group in one number.
//!
//! Each position has bits of its own, so that a key is put together and taken apart without a multiplication, and keys
//! ascend as answers do.

use crate::places::Places;

/// Bits that a key may have: a piece keeps key, cost and runtime in 128 bits.
const KEY_BITS_MAX: u32 = 53;

/// How the places of a group make a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyLayout {
    /// Bits of the second position.
    pub(crate) second_bits: u32,
    /// Keys are below it.
    pub(crate) len: u64,
}

impl KeyLayout {
    /// `None` when there are more possible groups than a key can number.
    pub(crate) fn new(positions: [&Places; 2]) -> Option<Self> {
        let [first, second] = positions.map(|places| places.len() as u64);
        let second_bits = bits(second);
        let fits = bits(first) + second_bits <= KEY_BITS_MAX;
        fits.then(|| Self { second_bits, len: first << second_bits })
    }

    /// What a place of each position adds to a key.
    pub(crate) fn share(self, position: usize, place: u32) -> u64 {
        if position == 0 { u64::from(place) << self.second_bits } else { u64::from(place) }
    }

    /// The places of a key.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "places have 32 bits")]
    pub(crate) fn places(self, key: u64) -> [u32; 2] {
        let second_mask = 1_u64.wrapping_shl(self.second_bits).wrapping_sub(1);
        [key.wrapping_shr(self.second_bits) as u32, (key & second_mask) as u32]
    }
}

/// Bits for so many numbers from zero.
fn bits(len: u64) -> u32 {
    u64::BITS - len.saturating_sub(1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_places_and_ascend_with_them() {
        let positions = [Places::Fixed { codes: 4 }, Places::Fixed { codes: 7 }];
        let layout = KeyLayout::new([&positions[0], &positions[1]]).unwrap();
        let mut last = None;
        for first in 0..=4 {
            for second in 0..=7 {
                let key = layout.share(0, first) + layout.share(1, second);
                let second_mask = (1 << layout.second_bits) - 1;
                assert_eq!([key >> layout.second_bits, key & second_mask], [first, second].map(u64::from));
                assert!(key < layout.len && last < Some(key));
                last = Some(key);
            }
        }
    }

    #[test]
    fn a_position_without_places_takes_no_bits() {
        let (users, nothing) = (Places::Fixed { codes: 9 }, Places::Fixed { codes: 0 });
        assert_eq!(KeyLayout::new([&users, &nothing]), Some(KeyLayout { second_bits: 0, len: 10 }));
    }

    #[test]
    fn more_groups_than_a_key_can_number_are_refused() {
        let many = Places::Fixed { codes: u32::MAX - 1 };
        assert_eq!(KeyLayout::new([&many, &many]), None);
    }
}
