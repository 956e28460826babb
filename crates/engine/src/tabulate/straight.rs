//! Rows that follow each other, all count, and all lie in one bucket: they are added straight from their columns, and no list
//! of rows is written. A block inside of a week or of the whole window is nothing but such rows.

use std::ops::Range;

use farmtally_columns::{Nanos, RowSet, Summary};

use crate::tabulate::block_scan::BlockScan;
use crate::tabulate::block_sums::SummedBy;

impl BlockScan<'_, '_> {
    /// Adds a chunk of rows, each as a whole, to the sums of a bucket.
    pub(crate) fn add_straight<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        rows: Range<usize>,
        shared: u64,
        bucket: u32,
        summed_by: SummedBy,
    ) {
        let amounts = set.cost_nanos[rows.clone()].iter().zip(&set.runtime_ms[rows.clone()]);
        if self.groups.is_shared() {
            let mut sum = Summary::EMPTY;
            for (cost_nanos, runtime_ms) in amounts {
                sum.add((*cost_nanos).into(), *runtime_ms);
            }
            let slot = self.groups.slot(shared, &mut self.tally.slots);
            return self.tally.merge_inside(slot, bucket, &sum);
        }
        let keys = &mut self.keys[..rows.len()];
        self.groups.fill_stretch(set, shared, rows, keys);
        self.groups.replace_keys(summed_by, keys, &mut self.tally.slots);
        self.sums
            .inside
            .add_all(keys, amounts.map(|(cost, runtime_ms)| (bucket, (*cost).into(), *runtime_ms)));
    }
}
