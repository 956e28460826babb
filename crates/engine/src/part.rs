//! The part of a session that counts as one in a group, and its pieces in the buckets.

use farmtally_columns::LicenseLine;
use farmtally_model::{Buckets, accrued};

/// A span of time with the lines whose costs accrue over it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    start_ms: i64,
    end_ms: i64,
    /// Cost of the COMPUTE line, or zero.
    compute_nanos: u64,
    licenses: &'a [LicenseLine],
    /// All of the lines together.
    pub(crate) total_nanos: u64,
}

/// What a part contributes to one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bucket: usize,
    pub(crate) cost_nanos: u64,
    pub(crate) runtime_ms: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn new(start_ms: i64, end_ms: i64, compute_nanos: u64, licenses: &'a [LicenseLine]) -> Self {
        let total_nanos = compute_nanos + licenses.iter().map(|line| line.cost_nanos).sum::<u64>();
        Self { start_ms, end_ms, compute_nanos, licenses, total_nanos }
    }

    pub(crate) fn runtime_ms(&self) -> u64 {
        (self.end_ms - self.start_ms).unsigned_abs()
    }

    /// Hands every piece of the part to `add`, oldest first. The part has to overlap the window.
    ///
    /// A part inside one bucket, which nearly every part is, needs no division.
    #[inline]
    pub(crate) fn for_each_piece(&self, buckets: &Buckets, mut add: impl FnMut(Piece)) {
        let window_start_ms = buckets.window().start().millis();
        let first = buckets.index_of(self.start_ms.max(window_start_ms));
        if self.start_ms >= window_start_ms && self.end_ms <= buckets.end_ms(first) {
            add(Piece { bucket: first, cost_nanos: self.total_nanos, runtime_ms: self.runtime_ms() });
        } else {
            self.for_each_cut_piece(buckets, first, add);
        }
    }

    /// The slow path: the part crosses an edge, so its cost is cut line by line.
    fn for_each_cut_piece(&self, buckets: &Buckets, first: usize, mut add: impl FnMut(Piece)) {
        let last_ms = self.end_ms.min(buckets.window().end().millis());
        let mut lo_ms = self.start_ms.max(buckets.start_ms(first));
        let mut cost_until_lo = self.cost_until(lo_ms);
        for bucket in first.. {
            let hi_ms = last_ms.min(buckets.end_ms(bucket));
            let cost_until_hi = self.cost_until(hi_ms);
            let (cost_nanos, runtime_ms) = (cost_until_hi - cost_until_lo, (hi_ms - lo_ms).unsigned_abs());
            add(Piece { bucket, cost_nanos, runtime_ms });
            if hi_ms == last_ms {
                return;
            }
            (lo_ms, cost_until_lo) = (hi_ms, cost_until_hi);
        }
    }

    /// What the lines have cost from the start up to an instant inside the part.
    fn cost_until(&self, instant_ms: i64) -> u64 {
        let elapsed_ms = (instant_ms - self.start_ms).unsigned_abs();
        let duration_ms = (self.end_ms - self.start_ms).unsigned_abs();
        let licenses = self.licenses.iter().map(|line| accrued(line.cost_nanos, elapsed_ms, duration_ms));
        accrued(self.compute_nanos, elapsed_ms, duration_ms) + licenses.sum::<u64>()
    }

    /// Whether the part has a piece in `[start_ms, end_ms)`; one without length has it where it starts.
    #[inline]
    pub(crate) fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.start_ms < end_ms
            && (self.end_ms > start_ms || (self.start_ms == self.end_ms && self.start_ms >= start_ms))
    }
}
