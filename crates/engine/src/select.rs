//! The first inner loop: which rows lie wholly in one bucket, and which are cut.
//!
//! Rows are taken in chunks that stay in the first-level cache. There is no branch on the data: every row is written to
//! the end of both lists, and the end of the right one moves.

use crate::calendar::{OUTSIDE, SLOTS, Slot, slot_at};

/// Rows of a chunk.
pub(crate) const CHUNK: usize = 1024;

/// Rows of a chunk, by what has to be done with them.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Rows that lie wholly in a bucket.
    pub(crate) rows: [u32; CHUNK],
    /// The buckets of these rows.
    pub(crate) buckets: [u32; CHUNK],
    pub(crate) len: usize,
    /// Rows that begin in another bucket than they end in.
    pub(crate) crossing: [u32; CHUNK],
    pub(crate) crossing_len: usize,
}

impl Selection {
    pub(crate) fn new() -> Self {
        Self { rows: [0; CHUNK], buckets: [0; CHUNK], len: 0, crossing: [0; CHUNK], crossing_len: 0 }
    }

    /// Looks at up to [`CHUNK`] rows from `first` on, given by their ends and runtimes.
    // A function of its own, so that nothing else takes the registers of the loop.
    #[inline(never)]
    pub(crate) fn select(&mut self, first: u32, ends_ms: &[u32], runtimes_ms: &[u32], slots: &[Slot; SLOTS]) {
        let (mut len, mut crossing_len) = (0_usize, 0_usize);
        let mut row = first;
        for (end_ms, runtime_ms) in ends_ms.iter().zip(runtimes_ms) {
            // The bucket contains the last millisecond of the row, not its end; a runtime is never zero.
            let slot = slot_at(slots, end_ms.wrapping_sub(1));
            let is_whole = end_ms.wrapping_sub(*runtime_ms) >= slot.start_ms;
            self.rows[len % CHUNK] = row;
            self.buckets[len % CHUNK] = slot.bucket;
            self.crossing[crossing_len % CHUNK] = row;
            len = len.wrapping_add(usize::from(is_whole && slot.bucket < OUTSIDE));
            crossing_len = crossing_len.wrapping_add(usize::from(!is_whole));
            row = row.wrapping_add(1);
        }
        (self.len, self.crossing_len) = (len, crossing_len);
    }

    /// Leaves out the rows for which `is_removed` holds.
    pub(crate) fn leave_out(&mut self, is_removed: impl Fn(u32) -> bool) {
        let (mut len, mut crossing_len) = (0, 0);
        for index in 0..self.len {
            self.rows[len] = self.rows[index];
            self.buckets[len] = self.buckets[index];
            len += usize::from(!is_removed(self.rows[index]));
        }
        for index in 0..self.crossing_len {
            self.crossing[crossing_len] = self.crossing[index];
            crossing_len += usize::from(!is_removed(self.crossing[index]));
        }
        (self.len, self.crossing_len) = (len, crossing_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{AFTER, BEFORE, SLOT_MS};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_told_apart_as_by_two_comparisons(
            rows in prop::collection::vec((0_u32..8 * SLOT_MS, 1_u32..3 * SLOT_MS), 0..CHUNK),
            removed in 0_u32..5,
        ) {
            // Two half-hours before, buckets of two and one half-hours, and the rest after.
            let slot = |bucket, half_hour: u32| Slot { bucket, start_ms: half_hour * SLOT_MS };
            let mut slots: Box<[Slot; SLOTS]> = vec![slot(AFTER, 5); SLOTS].try_into().unwrap();
            slots[..5].copy_from_slice(&[slot(BEFORE, 0), slot(BEFORE, 0), slot(5, 2), slot(5, 2), slot(6, 4)]);
            let ends: Vec<u32> = rows.iter().map(|(start, runtime)| start + runtime).collect();
            let runtimes: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let mut selection = Selection::new();
            selection.select(100, &ends, &runtimes, &slots);
            selection.leave_out(|row| row % 5 == removed);
            let buckets = |(start, runtime): (u32, u32)| {
                [start, start + runtime - 1].map(|instant| slots[(instant / SLOT_MS) as usize].bucket)
            };
            let kept = (100..).zip(rows).filter(|(row, _)| row % 5 != removed);
            let (inside, crossing): (Vec<_>, Vec<_>) = kept
                .map(|(row, span)| (row, buckets(span)))
                .filter(|(_, [first, last])| first != last || *first < OUTSIDE)
                .partition(|(_, [first, last])| first == last);
            let rows = |of: &[(u32, [u32; 2])]| of.iter().map(|(row, _)| *row).collect::<Vec<_>>();
            prop_assert_eq!(&selection.rows[..selection.len], rows(&inside));
            prop_assert_eq!(&selection.crossing[..selection.crossing_len], rows(&crossing));
            let buckets: Vec<u32> = inside.iter().map(|(_, [bucket, _])| *bucket).collect();
            prop_assert_eq!(&selection.buckets[..selection.len], buckets);
        }
    }
}
