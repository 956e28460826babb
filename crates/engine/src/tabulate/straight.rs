//! Rows that follow each other, all count, and all lie in one bucket: they are added straight from their columns, and no list
//! of rows is written. A block inside of a week or of the whole window is nothing but such rows.

use std::ops::Range;

use farmtally_columns::{Nanos, RowSet, Summary};

use crate::tabulate::block_scan::{BlockScan, SummedBy};

impl BlockScan<'_, '_> {
    /// Whether rows can be added straight.
    pub(crate) fn has_sums(&self) -> bool {
        self.summed_by.is_some()
    }

    /// Adds a chunk of rows, each as a whole, to the sums of a bucket.
    pub(crate) fn add_straight<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        rows: Range<usize>,
        shared: u64,
        bucket: u32,
    ) {
        let shared = if self.plan.lines.is_whole { shared } else { shared + self.groups.compute };
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
        if self.summed_by == Some(SummedBy::Slot) {
            self.groups.replace_by_slots(keys, &mut self.tally.slots);
        }
        for (group, (cost_nanos, runtime_ms)) in keys.iter().zip(amounts) {
            let group = usize::try_from(*group).unwrap_or(usize::MAX);
            self.sums.inside.add(group, bucket, (*cost_nanos).into(), *runtime_ms);
        }
    }
}
