//! The order of a dictionary's values, found once for all questions that see the same values.

use std::sync::{Arc, OnceLock};

use crate::dictionary::Values;

/// The order of the values behind codes. Equal values have one rank.
#[derive(Debug, Default)]
pub struct Ranks {
    by_code: Vec<u32>,
    /// A code of each rank.
    codes: Vec<u32>,
    /// All codes by value.
    order: Vec<u32>,
}

impl Ranks {
    /// The rank of a code.
    pub fn by_code(&self) -> &[u32] {
        &self.by_code
    }

    /// A code with a rank; ranks are below the length.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The order of some values, whose codes are their places.
    pub fn of<V: Clone + Ord>(values: impl IntoIterator<Item = V>) -> Self {
        let mut all = Values::default();
        for value in values {
            all.push(value);
        }
        Self::new(&all, &Self::default(), V::clone)
    }

    /// Orders the values; `before` ordered the first of them.
    fn new<V, K: Ord>(values: &Values<V>, before: &Self, key: impl Fn(&V) -> K) -> Self
    where
        V: Clone,
    {
        let known = before.order.len();
        let mut added: Vec<(K, u32)> =
            (0..).zip(values.iter()).skip(known).map(|(code, value)| (key(value), code)).collect();
        added.sort_unstable();
        let mut ranks = Self {
            by_code: vec![0; values.len()],
            codes: Vec::new(),
            order: Vec::with_capacity(values.len()),
        };
        let mut added = added.into_iter().peekable();
        for code in before.order.iter().copied() {
            let earlier = key(values.get(code));
            while let Some((_, code)) = added.next_if(|(key, _)| *key < earlier) {
                ranks.order.push(code);
            }
            ranks.order.push(code);
        }
        ranks.order.extend(added.map(|(_, code)| code));
        ranks.number(|code| key(values.get(code)));
        ranks
    }

    fn number<K: Ord>(&mut self, key: impl Fn(u32) -> K) {
        let mut last = None;
        for code in &self.order {
            let key = key(*code);
            if last.as_ref() != Some(&key) {
                self.codes.push(*code);
                last = Some(key);
            }
            self.by_code[*code as usize] = u32::try_from(self.codes.len() - 1).unwrap_or(u32::MAX);
        }
    }
}

/// The ranks of one version of a dictionary, made when somebody asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct LazyRanks {
    cell: Arc<OnceLock<Arc<Ranks>>>,
    /// The ranks of an earlier version, so that only what was added is sorted.
    before: Arc<Ranks>,
}

impl LazyRanks {
    /// Notes that the dictionary has changed. Whoever holds the version before keeps its ranks.
    pub(crate) fn invalidate(&mut self) {
        if Arc::get_mut(&mut self.cell).is_some_and(|cell| cell.get().is_none()) {
            return;
        }
        let before = self.cell.get().unwrap_or(&self.before);
        *self = Self { before: Arc::clone(before), cell: Arc::default() };
    }

    /// Bytes that [`Self::get`] needs while it finds the order of so many values by keys of this size; none once it is known.
    pub(crate) fn bytes_to_find(&self, values: usize, key_bytes: usize) -> usize {
        if self.cell.get().is_some() {
            return 0;
        }
        let added = values.saturating_sub(self.before.order.len());
        // Of each value its rank, its code by rank and its code in order; of one that was added also its key and code.
        3 * size_of::<u32>() * values + (key_bytes + size_of::<u32>()) * added
    }

    pub(crate) fn get<V: Clone, K: Ord>(&self, values: &Values<V>, key: impl Fn(&V) -> K) -> Arc<Ranks> {
        Arc::clone(self.cell.get_or_init(|| Arc::new(Ranks::new(values, &self.before, key))))
    }
}

#[cfg(test)]
mod tests {
    use crate::dictionary::Dictionary;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_are_the_order_of_the_values_however_they_grew(
            values in prop::collection::hash_set(0_u32..10_000, 1..60), asked in 0_usize..60,
        ) {
            let mut dictionary = Dictionary::default();
            for (index, value) in values.iter().enumerate() {
                dictionary.code(value);
                if index == asked {
                    // Half of the value, so that neighbours are equal.
                    dictionary.values().ranks_by(|value| *value / 2);
                }
            }
            let codes = dictionary.values();
            let ranks = codes.ranks_by(|value| *value / 2);
            let mut sorted: Vec<u32> = values.iter().map(|value| value / 2).collect();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(ranks.codes().len(), sorted.len());
            for (value, rank) in codes.iter().zip(ranks.by_code()) {
                prop_assert_eq!(value / 2, sorted[*rank as usize]);
                prop_assert_eq!(codes.get(ranks.codes()[*rank as usize]) / 2, value / 2);
            }
            prop_assert_eq!(codes.bytes_to_rank::<u32>(), 0);
            dictionary.code(&10_000);
            let all = 12 * (values.len() + 1);
            prop_assert_eq!(dictionary.values().bytes_to_rank::<u32>(), all + 8);
        }
    }
}
