//! Accumulators by group. Everything in them is an integer, so merging is the same in any order.

use hashbrown::HashMap;

use crate::part::Piece;

/// The bucket and the codes of the groupBy positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupKey {
    pub(crate) bucket: u32,
    pub(crate) codes: [u32; 2],
}

/// Count, sums, least and greatest of the pieces of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accumulator {
    pub(crate) count: u64,
    pub(crate) cost_sum: u128,
    pub(crate) cost_min: u64,
    pub(crate) cost_max: u64,
    pub(crate) runtime_sum: u128,
    pub(crate) runtime_min: u64,
    pub(crate) runtime_max: u64,
}

impl Accumulator {
    /// The accumulator of nothing, which merges without effect.
    pub(crate) const EMPTY: Self = Self {
        count: 0,
        cost_sum: 0,
        cost_min: u64::MAX,
        cost_max: 0,
        runtime_sum: 0,
        runtime_min: u64::MAX,
        runtime_max: 0,
    };

    #[inline]
    fn add(&mut self, cost_nanos: u64, runtime_ms: u64) {
        self.count += 1;
        self.cost_sum += u128::from(cost_nanos);
        self.cost_min = self.cost_min.min(cost_nanos);
        self.cost_max = self.cost_max.max(cost_nanos);
        self.runtime_sum += u128::from(runtime_ms);
        self.runtime_min = self.runtime_min.min(runtime_ms);
        self.runtime_max = self.runtime_max.max(runtime_ms);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.cost_sum += other.cost_sum;
        self.cost_min = self.cost_min.min(other.cost_min);
        self.cost_max = self.cost_max.max(other.cost_max);
        self.runtime_sum += other.runtime_sum;
        self.runtime_min = self.runtime_min.min(other.runtime_min);
        self.runtime_max = self.runtime_max.max(other.runtime_max);
    }
}

/// Slots up to which a dense array is used: 24 MiB of accumulators.
const DENSE_SLOTS_MAX: usize = 1 << 18;

/// The groups of one scan, in an array where the group space is small and in a hash table where it is not.
#[derive(Debug)]
pub(crate) enum Groups {
    Dense(DenseGroups),
    Sparse(HashMap<GroupKey, Accumulator>),
}

#[derive(Debug)]
pub(crate) struct DenseGroups {
    cardinalities: [usize; 2],
    slots: Vec<Accumulator>,
    occupied: usize,
}

impl Groups {
    pub(crate) fn new(buckets: usize, cardinalities: [usize; 2]) -> Self {
        let slots =
            buckets.checked_mul(cardinalities[0]).and_then(|slots| slots.checked_mul(cardinalities[1]));
        match slots {
            Some(slots) if slots <= DENSE_SLOTS_MAX => Self::Dense(DenseGroups {
                cardinalities,
                slots: vec![Accumulator::EMPTY; slots],
                occupied: 0,
            }),
            _ => Self::Sparse(HashMap::new()),
        }
    }

    /// Number of groups that have a piece.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Dense(groups) => groups.occupied,
            Self::Sparse(groups) => groups.len(),
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, codes: [u32; 2], piece: Piece) {
        self.slot(piece.bucket, codes).add(piece.cost_nanos, piece.runtime_ms);
    }

    #[inline]
    fn slot(&mut self, bucket: usize, codes: [u32; 2]) -> &mut Accumulator {
        match self {
            Self::Dense(groups) => groups.slot(bucket, codes),
            Self::Sparse(groups) => {
                // Windows span at most a thousand years, which have fewer than 2^32 hours.
                let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
                groups.entry(GroupKey { bucket, codes }).or_insert(Accumulator::EMPTY)
            }
        }
    }

    /// Adds the groups of another scan.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, accumulator) in other.into_entries() {
            self.slot(key.bucket as usize, key.codes).merge(&accumulator);
        }
    }

    /// The groups that have a piece, in no particular order.
    pub(crate) fn into_entries(self) -> Vec<(GroupKey, Accumulator)> {
        match self {
            Self::Dense(groups) => groups.into_entries(),
            Self::Sparse(groups) => groups.into_iter().collect(),
        }
    }
}

impl DenseGroups {
    #[inline]
    fn slot(&mut self, bucket: usize, codes: [u32; 2]) -> &mut Accumulator {
        let [first, second] = self.cardinalities;
        let slot = &mut self.slots[(bucket * first + codes[0] as usize) * second + codes[1] as usize];
        self.occupied += usize::from(slot.count == 0);
        slot
    }

    fn into_entries(self) -> Vec<(GroupKey, Accumulator)> {
        let [first, second] = self.cardinalities;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let used = self.slots.into_iter().enumerate().filter(|(_, accumulator)| accumulator.count > 0);
        let entries = used.map(|(slot, accumulator)| {
            let codes = [number(slot / second % first), number(slot % second)];
            (GroupKey { bucket: number(slot / second / first), codes }, accumulator)
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(groups: &mut Groups, pieces: &[(usize, u32, u32, u64, u64)]) {
        for (bucket, first, second, cost_nanos, runtime_ms) in pieces.iter().copied() {
            groups.add([first, second], Piece { bucket, cost_nanos, runtime_ms });
        }
    }

    fn sorted(groups: Groups) -> Vec<(GroupKey, Accumulator)> {
        let mut entries = groups.into_entries();
        entries.sort_by_key(|(key, _)| *key);
        entries
    }

    proptest! {
        #[test]
        fn dense_sparse_and_merged_groups_agree(
            pieces in prop::collection::vec((0_usize..5, 0_u32..4, 0_u32..3, 0_u64..1 << 60, 0_u64..1 << 40), 0..60),
            cut in 0_usize..60,
        ) {
            let dense = || Groups::new(5, [4, 3]);
            let sparse = || Groups::Sparse(HashMap::new());
            let mut whole = sparse();
            fill(&mut whole, &pieces);
            let expected = sorted(whole);
            let (early, late) = pieces.split_at(cut.min(pieces.len()));
            for (mut one, mut other) in [(dense(), dense()), (sparse(), dense()), (dense(), sparse())] {
                fill(&mut one, late);
                fill(&mut other, early);
                one.merge(other);
                prop_assert_eq!(one.len(), expected.len());
                prop_assert_eq!(sorted(one), expected.clone());
            }
        }
    }
}
