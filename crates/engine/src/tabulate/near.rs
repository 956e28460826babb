//! Sessions of one group each on their way through the block's own tables, and from there to the farm's.

use farmtally_columns::{Nanos, RowSet};

use crate::calendar::slot_at;
use crate::tabulate::block_groups::BlockGroups;
use crate::tabulate::block_scan::BlockScan;
use crate::tabulate::block_sums::{SummedBy, WHOLE};
use crate::tabulate::half_hours::MIXED;
use crate::tabulate::meter::Meter;
use crate::tabulate::slots::Slots;

impl BlockScan<'_, '_> {
    /// Cuts a session into the block's tables. False when they have no place for it, and nothing was added.
    pub(crate) fn cut_near<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        row: usize,
        shared: u64,
        meter: Meter<'_>,
    ) -> bool {
        let Some((summed_by, first)) = self.summed_by.zip(self.first_bucket(set, row, meter)) else {
            return false;
        };
        let key = shared + self.groups.of_row(set, row);
        let group = match summed_by {
            SummedBy::Key => usize::try_from(key).unwrap_or(usize::MAX),
            SummedBy::Slot => self.groups.slot(key, &mut self.tally.slots) as usize,
        };
        self.line_nanos.clear();
        self.line_nanos.push(set.compute_nanos(row));
        self.line_nanos.extend(set.line_cost_nanos[set.lines(row)].iter().map(|cost| (*cost).into()));
        let meter = Meter { line_nanos: &*self.line_nanos, ..meter };
        let window = self.calendar.window();
        let (cost_nanos, runtime_ms) = meter.within(window.start().millis(), window.end().millis());
        self.sums.cut.add(group, WHOLE, cost_nanos, of_column(runtime_ms));
        if self.tally.has_rows {
            meter.for_each_piece_from(first, self.calendar, |bucket, cost_nanos, runtime_ms| {
                self.sums.pieces.add(group, bucket, cost_nanos, of_column(runtime_ms));
            });
        }
        true
    }

    /// Cuts a session straight into the farm's tables.
    pub(crate) fn cut_far<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        row: usize,
        shared: u64,
        meter: Meter<'_>,
    ) {
        let slot = self.groups.slot(shared + self.groups.of_row(set, row), &mut self.tally.slots);
        self.lines.clear();
        self.lines.push((slot, set.compute_nanos(row)));
        self.lines.extend(set.line_cost_nanos[set.lines(row)].iter().map(|cost| (slot, (*cost).into())));
        self.tally.add_lines(self.calendar, meter, self.lines, self.line_nanos);
    }

    /// The bucket in which a session that overlaps the window begins to count, if all of its buckets are in the block's
    /// tables.
    fn first_bucket<C: Nanos>(&self, set: &RowSet<'_, C>, row: usize, meter: Meter<'_>) -> Option<usize> {
        let (first, last) = self.buckets?;
        let end_ms = set.end_offset_ms[row];
        let begin = self.bucket_at(end_ms.wrapping_sub(set.runtime_ms[row]), meter.start_ms)?;
        let end = self.bucket_at(end_ms.wrapping_sub(1), meter.end_ms - 1)?;
        (first <= begin && end <= last).then_some(begin as usize)
    }

    /// The bucket of an instant, or the one next to it if it is outside of the window.
    fn bucket_at(&self, offset_ms: u32, instant_ms: i64) -> Option<u32> {
        match slot_at(self.half_hours.slots(), offset_ms) {
            bucket if bucket < MIXED => Some(bucket),
            _ => u32::try_from(self.calendar.index_of(instant_ms)).ok(),
        }
    }

    /// Adds the block's tables to the farm's.
    pub(crate) fn settle_tables(&mut self) {
        let Some(summed_by) = self.summed_by else { return };
        let (groups, tally) = (&mut self.groups, &mut *self.tally);
        self.sums.inside.drain(|group, bucket, sum| {
            let slot = slot_of(summed_by, group, groups, &mut tally.slots);
            tally.merge_inside(slot, bucket, sum);
        });
        self.sums.pieces.drain(|group, bucket, sum| {
            let slot = slot_of(summed_by, group, groups, &mut tally.slots);
            tally.merge_pieces(slot, bucket, sum);
        });
        self.sums.cut.drain(|group, _, sum| {
            let slot = slot_of(summed_by, group, groups, &mut tally.slots);
            tally.merge_cut(slot, sum);
        });
    }
}

/// The slot of a group of the tables.
fn slot_of(by: SummedBy, group: u64, groups: &mut BlockGroups<'_>, slots: &mut Slots) -> u32 {
    match by {
        SummedBy::Slot => u32::try_from(group).unwrap_or(u32::MAX),
        SummedBy::Key => groups.slot(group, slots),
    }
}

/// The runtime of a piece of a session in columns, which have 32 bits for all of it.
fn of_column(runtime_ms: u64) -> u32 {
    u32::try_from(runtime_ms).unwrap_or(u32::MAX)
}
