//! Groups with 128-bit sums, for what fits no column: few rows, added one by one before the blocks are scanned.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::accumulator::Accumulator;

/// Groups by bucket, newest first, and places.
#[derive(Debug, Default)]
pub(crate) struct WideGroups {
    groups: BTreeMap<(Reverse<usize>, [u32; 2]), Accumulator>,
}

impl WideGroups {
    pub(crate) fn add(&mut self, bucket: usize, places: [u32; 2], cost_nanos: u64, runtime_ms: u64) {
        let group = self.groups.entry((Reverse(bucket), places)).or_insert(Accumulator::EMPTY);
        group.add(cost_nanos, runtime_ms);
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Memory that is held, in bytes, with what the tree needs beside.
    pub(crate) fn bytes(&self) -> usize {
        self.groups.len() * (size_of::<([usize; 2], Accumulator)>() + 32)
    }

    /// The groups in the order of answers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, [u32; 2], &Accumulator)> {
        self.groups.iter().map(|((bucket, places), group)| (bucket.0, *places, group))
    }
}
