//! Which places occur in an answer.

use crate::keys::KeyLayout;

/// Keys up to which each has a bit: 32 KiB.
const KEYS_SEEN_MAX: u64 = 1 << 18;

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
        keys_of(&self.words)
    }
}

/// The numbers of the bits that are set, ascending.
#[inline]
fn bits(word: u64) -> impl Iterator<Item = u32> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = (rest != 0).then(|| rest.trailing_zeros())?;
        rest &= rest - 1;
        Some(bit)
    })
}

/// The numbers of the bits that are set in some words, ascending.
#[inline]
pub(crate) fn keys_of(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    let filled = (0..).step_by(64).zip(words).filter(|(_, word)| **word != 0);
    filled.flat_map(|(first, word)| bits(*word).map(move |bit| first + bit))
}

/// The places of the keys that were noted.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) keys: KeyLayout,
    /// The first place of the key before.
    last_first: u32,
    /// For each second place whether it occurs.
    second: Vec<bool>,
    /// The same for those that were noted by words, if each has but one first place.
    second_words: Vec<u64>,
    /// A bit for each key that occurs and was not noted by itself; empty where keys are too many.
    bits: Vec<u64>,
    /// Places that occur, complete at the end.
    pub(crate) places: [NumberSet; 2],
}

impl Seen {
    /// Nothing yet, of so many places of each position.
    pub(crate) fn new(keys: KeyLayout, places: [usize; 2]) -> Self {
        let words = if keys.len <= KEYS_SEEN_MAX { keys.len.div_ceil(64) } else { 0 };
        Self {
            keys,
            last_first: u32::MAX,
            second: vec![false; places[1]],
            second_words: vec![0; (1_usize << keys.second_bits) / 64],
            bits: vec![0; usize::try_from(words).unwrap_or(usize::MAX)],
            places: places.map(NumberSet::new),
        }
    }

    /// Notes a key, and gives back its places.
    #[inline]
    pub(crate) fn note(&mut self, key: u64) -> [u32; 2] {
        let [first, second] = self.keys.places(key);
        if first != self.last_first {
            self.places[0].insert(first);
            self.last_first = first;
        }
        if let Some(is_seen) = self.second.get_mut(second as usize) {
            *is_seen = true;
        }
        [first, second]
    }

    /// Notes keys one by one.
    pub(crate) fn note_each(&mut self, keys: &[u32]) {
        for key in keys {
            self.note((*key).into());
        }
    }

    /// Notes the keys whose bits are set in the words from `first` on. False when words do not say at once which places they are of, and
    /// nothing is noted.
    pub(crate) fn note_words(&mut self, first: u64, words: &[u64]) -> bool {
        let own = usize::try_from(first).ok().and_then(|first| self.bits.get_mut(first..first + words.len()));
        if let Some(own) = own {
            for (seen, keys) in own.iter_mut().zip(words) {
                *seen |= keys;
            }
            return true;
        }
        // Each word is of one first place, which has so many of them.
        let Some(words_bits) = self.keys.second_bits.checked_sub(u64::BITS.ilog2()) else { return false };
        let own_words = 1_u64 << words_bits;
        let (mut first_place, place) = (first >> words_bits, first & (own_words - 1));
        let mut place = usize::try_from(place).unwrap_or(usize::MAX);
        let mut rest = words;
        while !rest.is_empty() {
            let own = &mut self.second_words[place..];
            let (words, later) = rest.split_at(own.len().min(rest.len()));
            rest = later;
            let mut any = 0;
            for (own, bits) in own.iter_mut().zip(words) {
                *own |= bits;
                any |= bits;
            }
            if any != 0 {
                self.places[0].insert(u32::try_from(first_place).unwrap_or(u32::MAX));
            }
            (first_place, place) = (first_place + 1, 0);
        }
        true
    }

    /// Says that no key follows.
    pub(crate) fn end(&mut self) {
        let [first_places, second_places] = &mut self.places;
        for key in keys_of(&self.bits) {
            let [first, second] = self.keys.places(key.into());
            first_places.insert(first);
            second_places.insert(second);
        }
        let by_key = (0..).zip(&self.second).filter(|(_, is_seen)| **is_seen).map(|(place, _)| place);
        for place in by_key.chain(keys_of(&self.second_words)) {
            second_places.insert(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_of_keys_have_the_places_that_keys_have(
            second_bits in 0_u32..10, len in prop::sample::select(vec![KEYS_SEEN_MAX, KEYS_SEEN_MAX * 4]),
            first in 0_u64..100, words in prop::collection::vec(prop_oneof![Just(0), any::<u64>()], 1..40),
        ) {
            let layout = KeyLayout { second_bits, len };
            let places = [usize::try_from(len >> second_bits).unwrap(), 1 << second_bits];
            let (mut by_words, mut by_keys) = (Seen::new(layout, places), Seen::new(layout, places));
            let begin = u32::try_from(first * 64).unwrap();
            let keys: Vec<u32> = keys_of(&words).map(|key| begin + key).collect();
            by_keys.note_each(&keys);
            prop_assert_eq!(by_words.note_words(first, &words), len == KEYS_SEEN_MAX || second_bits >= 6);
            if len == KEYS_SEEN_MAX || second_bits >= 6 {
                by_words.end();
                by_keys.end();
                let places = |seen: &Seen| seen.places.each_ref().map(|places| places.iter().collect::<Vec<_>>());
                prop_assert_eq!(places(&by_words), places(&by_keys));
            }
        }
    }
}
