//! The sums of one block's sessions, before they are added to the farm's: small tables that stay near, where the farm's tables
//! of rows and groups would take three looks that wait for each other.

use farmtally_columns::Summary;

use crate::output::Each;
use crate::sum_table::SumTable;

/// Sums up to which there is a table: 512 KiB, so that it stays in the second-level cache.
pub(crate) const SUMS_MAX: u64 = 1 << 14;

/// The tables of a block, for sessions in one group each.
#[derive(Debug, Default)]
pub(crate) struct BlockTables {
    /// Sessions in one bucket.
    pub(crate) inside: BlockSums,
    /// Pieces of sessions that are cut.
    pub(crate) pieces: BlockSums,
    /// What lies in the window of sessions that are cut, in the one bucket [`WHOLE`].
    pub(crate) cut: BlockSums,
}

/// What tells the sums of a block apart, beside buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SummedBy {
    Key,
    /// There are fewer slots than keys where only some groups are told apart.
    Slot,
}

/// The bucket of sums that are of the whole window.
pub(crate) const WHOLE: u32 = 0;

impl BlockTables {
    /// Begins a block with so many groups, with the first and the last of its buckets, and with at most so many sessions.
    /// False when the tables would be too large.
    pub(crate) fn begin(&mut self, groups: u64, buckets: (u32, u32), sessions: usize) -> bool {
        self.inside.begin(groups, buckets, sessions)
            && self.pieces.begin(groups, buckets, sessions)
            && self.cut.begin(groups, (WHOLE, WHOLE), sessions)
    }
}

/// Sums by group and bucket. A group is a key of the block, or a slot where only some groups are told apart.
#[derive(Debug, Default)]
pub(crate) struct BlockSums {
    sums: SumTable,
    first_bucket: u32,
    buckets: usize,
}

impl BlockSums {
    fn begin(&mut self, groups: u64, (first, last): (u32, u32), sessions: usize) -> bool {
        let buckets = u64::from(last - first) + 1;
        let Some(len) = table_len(groups, buckets) else { return false };
        (self.first_bucket, self.buckets) = (first, usize::try_from(buckets).unwrap_or(1));
        self.sums.begin(len, sessions);
        true
    }

    /// Adds a session or its piece to a group and a bucket, both of which have to be the block's.
    #[inline]
    pub(crate) fn add(&mut self, group: usize, bucket: u32, cost_nanos: u64, runtime_ms: u32) {
        let place =
            group.wrapping_mul(self.buckets).wrapping_add(bucket.wrapping_sub(self.first_bucket) as usize);
        self.sums.add(place, cost_nanos, runtime_ms);
    }

    /// Adds sessions, each to its group, given by bucket, cost and runtime.
    #[inline]
    pub(crate) fn add_all(&mut self, groups: &[u64], sessions: impl Iterator<Item = (u32, u64, u32)>) {
        for (group, (bucket, cost_nanos, runtime_ms)) in groups.iter().zip(sessions) {
            self.add(usize::try_from(*group).unwrap_or(usize::MAX), bucket, cost_nanos, runtime_ms);
        }
    }

    /// Hands on and forgets every sum of something, with group and bucket.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(u64, u32, &Summary)) {
        let (first_bucket, buckets) = (self.first_bucket, self.buckets.max(1) as u64);
        let mut each = Each(|place, sum: &Summary| {
            let bucket = u32::try_from(place % buckets).unwrap_or(0);
            visit(place / buckets, first_bucket + bucket, sum);
        });
        self.sums.drain(0..self.sums.len(), &mut each);
    }
}

/// How many sums there are, if a table of them is not too large.
pub(crate) fn table_len(groups: u64, buckets: u64) -> Option<usize> {
    groups.checked_mul(buckets).filter(|sums| *sums <= SUMS_MAX).and_then(|sums| usize::try_from(sums).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn sums_are_handed_on_once_under_their_group_and_bucket(
            pieces in prop::collection::vec((0_usize..5, 3_u32..7, 0_u64..9, 0_u32..9), 0..40),
        ) {
            let mut expected: BTreeMap<(u64, u32), Summary> = BTreeMap::new();
            let mut sums = BlockSums::default();
            prop_assert!(sums.begin(5, (3, 6), 40));
            for (group, bucket, cost_nanos, runtime_ms) in pieces {
                sums.add(group, bucket, cost_nanos, runtime_ms);
                expected.entry((group as u64, bucket)).or_insert(Summary::EMPTY).add(cost_nanos, runtime_ms);
            }
            let mut found = BTreeMap::new();
            sums.drain(|group, bucket, sum| assert!(found.insert((group, bucket), *sum).is_none()));
            prop_assert_eq!(found, expected);
            sums.drain(|_, _, _| panic!("it was handed on before"));
        }
    }

    #[test]
    fn too_many_sums_are_no_table() {
        let mut sums = BlockSums::default();
        assert!(sums.begin(SUMS_MAX, (7, 7), 1));
        assert!(!sums.begin(SUMS_MAX, (7, 8), 1) && !sums.begin(u64::MAX, (0, 9), 1));
        sums.drain(|_, _, _| panic!("there is nothing"));
    }
}
