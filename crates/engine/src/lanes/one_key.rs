//! Sums of one key: each lane has some of its own for each bucket, which are added up when another key follows.

use farmtally_columns::Summary;

use super::pieces::LANES;

/// Sums of the key that is there now, by bucket from the first one of a block on.
#[derive(Debug, Default)]
pub(crate) struct OneKey {
    pub(super) key: u32,
    pub(super) first_bucket: u32,
    pub(super) sums: Vec<LaneSums>,
}

impl OneKey {
    /// Makes ready for the buckets of a block.
    pub(crate) fn begin(&mut self, first_bucket: u32, buckets: usize) {
        self.first_bucket = first_bucket;
        self.sums.clear();
        self.sums.resize(buckets, LaneSums::EMPTY);
    }

    /// Where the sums of a bucket are.
    pub(super) fn place_of(&self, bucket: u32) -> usize {
        bucket.wrapping_sub(self.first_bucket) as usize
    }

    /// Hands everything to `merge`: bucket, key and sum.
    pub(crate) fn take(&mut self, mut merge: impl FnMut(u32, u32, &Summary)) {
        for (bucket, sums) in (self.first_bucket..).zip(&mut self.sums).filter(|(_, sums)| sums.count > 0) {
            merge(bucket, self.key, &sums.summary());
            *sums = LaneSums::EMPTY;
        }
    }
}

/// Four sums of costs and of runtimes, and the least and greatest of each lane; costs before runtimes.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneSums {
    pub(super) count: u32,
    pub(super) sums: [[u64; LANES / 2]; 2],
    pub(super) least: [[u32; LANES]; 2],
    pub(super) greatest: [[u32; LANES]; 2],
}

impl LaneSums {
    pub(super) const EMPTY: Self = Self {
        count: 0,
        sums: [[0; LANES / 2]; 2],
        least: [[u32::MAX; LANES]; 2],
        greatest: [[0; LANES]; 2],
    };

    fn summary(&self) -> Summary {
        let [cost_sum_nanos, runtime_sum_ms] =
            self.sums.map(|sums| sums.into_iter().fold(0, u64::wrapping_add));
        let [cost_min, runtime_min_ms] = self.least.map(|lanes| lanes.into_iter().fold(u32::MAX, u32::min));
        let [cost_max, runtime_max_ms] = self.greatest.map(|lanes| lanes.into_iter().fold(0, u32::max));
        Summary {
            count: self.count,
            runtime_min_ms,
            runtime_max_ms,
            runtime_sum_ms,
            cost_sum_nanos,
            cost_min_nanos: cost_min.into(),
            cost_max_nanos: cost_max.into(),
        }
    }
}
