//! The sums of one block's sessions that lie in one bucket and one group each, before they are added to the farm's: a small
//! table that stays near, where the farm's tables of rows and groups would take three looks that wait for each other.

use farmtally_columns::Summary;

/// Sums up to which there is a table: 768 KiB, so that it stays in the second-level cache.
pub(crate) const SUMS_MAX: u64 = 1 << 14;

/// Sums by group and bucket. A group is a key of the block, or a slot where only some groups are told apart.
#[derive(Debug, Default)]
pub(crate) struct BlockSums {
    sums: Vec<Summary>,
    first_bucket: u32,
    buckets: usize,
}

impl BlockSums {
    /// Begins a block with so many groups, and with the first and the last of its buckets. False when a table would be too
    /// large.
    pub(crate) fn begin(&mut self, groups: u64, (first, last): (u32, u32)) -> bool {
        self.sums.clear();
        let buckets = u64::from(last - first) + 1;
        let Some(len) = table_len(groups, buckets) else { return false };
        (self.first_bucket, self.buckets) = (first, usize::try_from(buckets).unwrap_or(1));
        self.sums.resize(len, Summary::EMPTY);
        true
    }

    /// The sum of a group and a bucket, both of which have to be the block's.
    #[inline]
    pub(crate) fn sum(&mut self, group: usize, bucket: u32) -> &mut Summary {
        &mut self.sums[group * self.buckets + (bucket - self.first_bucket) as usize]
    }

    /// Hands on and forgets every sum of something, with group and bucket.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(u64, u32, &Summary)) {
        for (group, of_group) in (0..).zip(self.sums.chunks(self.buckets.max(1))) {
            for (bucket, sum) in (self.first_bucket..).zip(of_group).filter(|(_, sum)| sum.count > 0) {
                visit(group, bucket, sum);
            }
        }
        self.sums.clear();
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
            prop_assert!(sums.begin(5, (3, 6)));
            for (group, bucket, cost_nanos, runtime_ms) in pieces {
                sums.sum(group, bucket).add(cost_nanos, runtime_ms);
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
        assert!(sums.begin(SUMS_MAX, (7, 7)));
        assert!(!sums.begin(SUMS_MAX, (7, 8)) && !sums.begin(u64::MAX, (0, 9)));
        sums.drain(|_, _, _| panic!("there is nothing"));
    }
}
