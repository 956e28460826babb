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

    /// Notes the keys whose bits are set. False when there may be too many keys for that, and nothing is noted.
    pub(crate) fn note_all(&mut self, keys: &[u64]) -> bool {
        if keys.len() > self.bits.len() {
            return false;
        }
        for (seen, keys) in self.bits.iter_mut().zip(keys) {
            *seen |= keys;
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
        for (place, _) in (0..).zip(&self.second).filter(|(_, is_seen)| **is_seen) {
            second_places.insert(place);
        }
    }
}
