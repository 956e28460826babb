//! Append-only dictionaries: values become small numbers in the order of their arrival.
//!
//! The values are shared with snapshots in chunks, so that a snapshot costs a reference per chunk and an insertion
//! after a snapshot copies one chunk and not the dictionary.

use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::ranks::{LazyRanks, Ranks};

const CHUNK: usize = 1024;

/// The values of a dictionary by code.
#[derive(Debug, Clone)]
pub struct Values<V> {
    chunks: Vec<Arc<Vec<V>>>,
    len: usize,
    ranks: LazyRanks,
}

impl<V> Default for Values<V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0, ranks: LazyRanks::default() }
    }
}

impl<V: Clone> Values<V> {
    /// The value behind a code that came from this dictionary.
    pub fn get(&self, code: u32) -> &V {
        let index = code as usize;
        &self.chunks[index / CHUNK][index % CHUNK]
    }

    /// The same values without their order, for whoever keeps them: an order has 12 bytes for each value and belongs to one version.
    #[must_use]
    pub fn unranked(&self) -> Self {
        Self { chunks: self.chunks.clone(), len: self.len, ranks: LazyRanks::default() }
    }

    /// Number of values; codes are below it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The values from a code on.
    pub(crate) fn iter_from(&self, code: usize) -> impl Iterator<Item = &V> {
        self.chunks.iter().skip(code / CHUNK).flat_map(|chunk| chunk.iter()).skip(code % CHUNK)
    }

    /// The order of the values by a key, found when it is first asked for. A dictionary has one key for all times.
    pub(crate) fn ranks_by<K: Ord>(&self, key: impl Fn(&V) -> K) -> Arc<Ranks> {
        self.ranks.get(self, key)
    }

    /// Bytes that [`Self::ranks_by`] needs for keys of this type; none once the order is known.
    pub(crate) fn bytes_to_rank<K>(&self) -> usize {
        self.ranks.bytes_to_find(self.len, size_of::<K>())
    }

    pub(crate) fn push(&mut self, value: V) -> u32 {
        self.ranks.invalidate();
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(value);
        }
        self.len += 1;
        u32::try_from(self.len - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get_mut(&mut self, code: u32) -> &mut V {
        let index = code as usize;
        &mut Arc::make_mut(&mut self.chunks[index / CHUNK])[index % CHUNK]
    }
}

/// Codes by value, and values by code.
#[derive(Debug)]
pub(crate) struct Dictionary<V> {
    codes: HashMap<V, u32>,
    values: Values<V>,
}

impl<V> Default for Dictionary<V> {
    fn default() -> Self {
        Self { codes: HashMap::new(), values: Values::default() }
    }
}

impl<V: Clone + Eq + Hash> Dictionary<V> {
    /// The dictionary with these values, in the order of their codes; `None` when one occurs twice.
    pub(crate) fn restore(values: &[V]) -> Option<Self> {
        let mut dictionary = Self::default();
        dictionary.codes.reserve(values.len());
        let is_new = |(code, value): (usize, &V)| dictionary.code(value) as usize == code;
        values.iter().enumerate().all(is_new).then_some(dictionary)
    }

    /// The code of a value, which is given one if it has none.
    pub(crate) fn code(&mut self, value: &V) -> u32 {
        if let Some(code) = self.codes.get(value) {
            return *code;
        }
        let code = self.values.push(value.clone());
        self.codes.insert(value.clone(), code);
        code
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn values(&self) -> Values<V> {
        self.values.clone()
    }

    /// The values from a code on.
    pub(crate) fn values_from(&self, code: usize) -> Vec<V> {
        self.values.iter_from(code).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_without_the_order_stays_as_it_was_and_does_not_keep_the_order() {
        let mut values = Values::default();
        for value in [3, 1, 2] {
            values.push(value);
        }
        let order = Arc::downgrade(&values.ranks_by(|value| *value));
        let copy = values.unranked();
        *values.get_mut(1) = 9;
        values.push(4);
        assert_eq!(copy.iter().copied().collect::<Vec<_>>(), [3, 1, 2]);
        assert_eq!((copy.len(), *copy.get(1)), (3, 1));
        drop(values);
        assert!(order.upgrade().is_none());
    }

    #[test]
    fn codes_are_given_in_order_of_arrival_and_stay() {
        let mut dictionary = Dictionary::default();
        let codes: Vec<u32> = [7, 9, 7, 11].iter().map(|value| dictionary.code(value)).collect();
        assert_eq!(codes, [0, 1, 0, 2]);
        let values = dictionary.values();
        for value in 100..100 + 3 * CHUNK {
            dictionary.code(&value);
        }
        assert_eq!(values.iter().copied().collect::<Vec<_>>(), [7, 9, 11]);
        assert_eq!(*dictionary.values().get(2), 11);
        assert_eq!(dictionary.values().len(), 3 + 3 * CHUNK);
        for from in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 + 3 * CHUNK, 4 + 3 * CHUNK] {
            let behind: Vec<_> = dictionary.values().iter().skip(from).copied().collect();
            assert_eq!(dictionary.values_from(from), behind);
        }
    }
}
