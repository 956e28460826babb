//! A sum for every possible group of the open buckets, in a ring.

use std::ops::Range;

use farmtally_columns::Summary;

use crate::lanes::{Lanes, PieceChunk, Ring};
use crate::output::Output;
use crate::sink::{OpenBuckets, PieceSink, Sink};
use crate::sum_table::SumTable;

/// The ring.
#[derive(Debug)]
pub(crate) struct DenseSums {
    per_bucket: usize,
    open: OpenBuckets,
    sums: SumTable,
}

/// Adds a summary to the one of a key, among those of a bucket.
#[inline]
pub(crate) fn merge(sums: &mut [Summary], key: u64, sum: &Summary) {
    if let Some(own) = usize::try_from(key).ok().and_then(|key| sums.get_mut(key)) {
        own.merge(sum);
    }
}

impl DenseSums {
    /// No sums yet, of buckets with keys below `per_bucket`.
    pub(crate) fn new(per_bucket: usize) -> Self {
        Self { per_bucket, open: OpenBuckets::default(), sums: SumTable::default() }
    }

    /// The sums of a bucket of the block, by key, for summaries.
    pub(crate) fn of_bucket(&mut self, bucket: usize) -> &mut [Summary] {
        let range = self.range(bucket);
        self.sums.wide(range)
    }

    fn range(&self, bucket: usize) -> Range<usize> {
        let from = self.open.place(bucket) * self.per_bucket;
        from..from + self.per_bucket
    }

    fn finish_bucket(&mut self, bucket: usize, output: &mut Output) {
        output.begin_bucket(bucket);
        let range = self.range(bucket);
        self.sums.drain(range, output);
        output.end_bucket();
    }

    fn grow(&mut self, open: &Range<usize>) {
        let ring_len = open.len().next_power_of_two();
        if ring_len <= self.open.ring_len {
            return;
        }
        let mut grown = Self {
            per_bucket: self.per_bucket,
            open: OpenBuckets { buckets: open.clone(), ring_len },
            sums: SumTable::new(ring_len * self.per_bucket),
        };
        if self.sums.len() > 0 {
            for bucket in self.open.buckets.clone().filter(|bucket| open.contains(bucket)) {
                let to = grown.range(bucket);
                grown.sums.take_over(to, &self.sums, self.range(bucket));
            }
        }
        *self = grown;
    }
}

impl PieceSink for DenseSums {
    #[inline]
    fn add(&mut self, bucket: u32, key: u64, cost_nanos: u64, runtime_ms: u32) {
        let from = self.open.place(bucket as usize).wrapping_mul(self.per_bucket);
        #[expect(clippy::cast_possible_truncation, reason = "keys are below `per_bucket`")]
        self.sums.add(from.wrapping_add(key as usize), cost_nanos, runtime_ms);
    }

    fn add_chunk(&mut self, lanes: Lanes, pieces: &PieceChunk) {
        let narrow = u32::try_from(self.per_bucket).ok().zip(u32::try_from(self.open.ring_len - 1).ok());
        match (narrow, self.sums.narrow()) {
            (Some((per_bucket, mask)), Some(sums)) => {
                lanes.add_to_ring(sums, Ring { mask, per_bucket }, pieces);
            }
            _ => {
                for (bucket, key, cost_nanos, runtime_ms) in pieces.iter() {
                    self.add(bucket, key.into(), cost_nanos.into(), runtime_ms);
                }
            }
        }
    }

    fn expect_pieces(&mut self, pieces: usize) {
        self.sums.expect_pieces(pieces);
    }

    fn sums(&mut self) -> Option<&mut DenseSums> {
        Some(self)
    }
}

impl Sink for DenseSums {
    fn begin_block(&mut self, buckets: Range<usize>, output: &mut Output) {
        for bucket in self.open.finished_before(&buckets) {
            self.finish_bucket(bucket, output);
        }
        let open = self.open.with(&buckets);
        self.grow(&open);
        self.open.buckets = open;
    }

    fn finish(&mut self, output: &mut Output) {
        self.begin_block(0..0, output);
    }

    fn bytes(&self) -> usize {
        self.sums.bytes()
    }
}
