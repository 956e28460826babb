//! Which rows of a chunk pass the filters, lie wholly in one bucket, or have to be cut.
//!
//! As in the scan of the AWS operations there is no branch on the data: what may stay is written to the end of a list, and
//! the end moves.

use crate::calendar::{SLOTS, slot_at};
use crate::select::CHUNK;
use crate::tabulate::half_hours::MIXED;

/// Rows of a chunk, by what has to be done with them.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Rows that pass the filters.
    candidates: [u32; CHUNK],
    candidates_len: usize,
    /// Whether the candidates are all rows from `first` on, and not written down.
    is_run: bool,
    first: u32,
    rows: [u32; CHUNK],
    buckets: [u32; CHUNK],
    len: usize,
    crossing: [u32; CHUNK],
    crossing_len: usize,
}

impl Selection {
    pub(crate) fn new() -> Self {
        Self {
            candidates: [0; CHUNK],
            candidates_len: 0,
            is_run: false,
            first: 0,
            rows: [0; CHUNK],
            buckets: [0; CHUNK],
            len: 0,
            crossing: [0; CHUNK],
            crossing_len: 0,
        }
    }

    /// Rows that lie wholly in a bucket.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows[..self.len]
    }

    /// The buckets of these rows.
    pub(crate) fn buckets(&self) -> &[u32] {
        &self.buckets[..self.len]
    }

    /// Rows that may lie in several buckets, or partly outside of all.
    pub(crate) fn crossing(&self) -> &[u32] {
        &self.crossing[..self.crossing_len]
    }

    /// Makes `len` rows from `first` on the candidates, without writing them down yet.
    pub(crate) fn begin(&mut self, first: u32, len: usize) {
        (self.first, self.candidates_len, self.is_run) = (first, len.min(CHUNK), true);
    }

    /// Keeps the candidates whose code a mask lets through.
    pub(crate) fn keep<T: Copy + Into<usize>>(&mut self, codes: &[T], mask: &[bool]) {
        if !self.is_run {
            return self.keep_if(|row| mask[codes[row as usize].into()]);
        }
        let codes = &codes[self.first as usize..][..self.candidates_len];
        let mut len = 0;
        for (row, code) in (self.first..).zip(codes) {
            self.candidates[len % CHUNK] = row;
            len += usize::from(mask[(*code).into()]);
        }
        (self.candidates_len, self.is_run) = (len, false);
    }

    /// Keeps the candidates for which something holds.
    pub(crate) fn keep_if(&mut self, holds: impl Fn(u32) -> bool) {
        self.write_down();
        let mut len = 0;
        for index in 0..self.candidates_len {
            let row = self.candidates[index];
            self.candidates[len] = row;
            len += usize::from(holds(row));
        }
        self.candidates_len = len;
    }

    /// All candidates lie wholly in one bucket.
    pub(crate) fn take_candidates(&mut self, bucket: u32) {
        self.write_down();
        self.len = self.candidates_len;
        self.rows[..self.len].copy_from_slice(&self.candidates[..self.len]);
        self.buckets[..self.len].fill(bucket);
        self.crossing_len = 0;
    }

    fn write_down(&mut self) {
        if self.is_run {
            for (row, candidate) in (self.first..).zip(&mut self.candidates[..self.candidates_len]) {
                *candidate = row;
            }
            self.is_run = false;
        }
    }

    /// Looks at all rows of a chunk that begins with `first`, given by their ends and runtimes.
    pub(crate) fn select_all(
        &mut self,
        first: u32,
        ends_ms: &[u32],
        runtimes_ms: &[u32],
        slots: &[u32; SLOTS],
    ) {
        let rows = (first..).zip(ends_ms.iter().zip(runtimes_ms)).take(CHUNK);
        self.select(rows.map(|(row, (end_ms, runtime_ms))| (row, *end_ms, *runtime_ms)), slots);
    }

    /// Looks at the candidates, given the ends and runtimes of all rows.
    pub(crate) fn select_candidates(&mut self, ends_ms: &[u32], runtimes_ms: &[u32], slots: &[u32; SLOTS]) {
        self.write_down();
        let candidates = self.candidates;
        let rows = candidates[..self.candidates_len].iter();
        self.select(rows.map(|row| (*row, ends_ms[*row as usize], runtimes_ms[*row as usize])), slots);
    }

    #[inline]
    fn select(&mut self, rows: impl Iterator<Item = (u32, u32, u32)>, slots: &[u32; SLOTS]) {
        let (mut len, mut crossing_len) = (0, 0);
        for (row, end_ms, runtime_ms) in rows {
            // The bucket contains the last millisecond of the row, not its end; a runtime is never zero.
            let last = slot_at(slots, end_ms.wrapping_sub(1));
            let begin = slot_at(slots, end_ms.wrapping_sub(runtime_ms));
            self.rows[len % CHUNK] = row;
            self.buckets[len % CHUNK] = last;
            self.crossing[crossing_len % CHUNK] = row;
            len += usize::from(begin == last && last < MIXED);
            crossing_len += usize::from(begin != last || last == MIXED);
        }
        (self.len, self.crossing_len) = (len, crossing_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::SLOT_MS;
    use crate::tabulate::half_hours::{AFTER, BEFORE};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_told_apart_as_by_two_comparisons(
            rows in prop::collection::vec((0_u32..8 * SLOT_MS, 1_u32..3 * SLOT_MS, 0_u8..4), 0..CHUNK),
            wanted in 0_u8..4,
        ) {
            let mut slots = [AFTER; SLOTS];
            slots[..7].copy_from_slice(&[BEFORE, BEFORE, 5, 5, 6, MIXED, 7]);
            let ends: Vec<u32> = rows.iter().map(|row| row.0 + row.1).collect();
            let runtimes: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let codes: Vec<u8> = rows.iter().map(|row| row.2).collect();
            let is_wanted = |code: u8| code == wanted || wanted == 3;
            let mask: Vec<bool> = (0..4).map(is_wanted).collect();
            let mut selection = Selection::new();
            if wanted == 3 {
                selection.select_all(0, &ends, &runtimes, &slots);
            } else {
                selection.begin(0, rows.len());
                selection.keep(&codes, &mask);
                selection.select_candidates(&ends, &runtimes, &slots);
            }
            let (mut inside, mut crossing) = (vec![], vec![]);
            for (row, (start, runtime, _)) in (0..).zip(&rows).filter(|(_, row)| is_wanted(row.2)) {
                let [first, last] = [*start, start + runtime - 1].map(|at| slots[(at / SLOT_MS) as usize]);
                if first != last || first == MIXED {
                    crossing.push(row);
                } else if first < MIXED {
                    inside.push((row, first));
                }
            }
            let found: Vec<_> =
                selection.rows().iter().copied().zip(selection.buckets().iter().copied()).collect();
            prop_assert_eq!(found, inside);
            prop_assert_eq!(selection.crossing(), crossing);
        }
    }
}
