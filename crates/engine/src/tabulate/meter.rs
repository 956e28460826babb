//! A span of time with the lines whose costs accrue over it, and its pieces.

use farmtally_model::{Calendar, accrued};

/// A span and the costs of the lines that count, each over the whole span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter<'a> {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) line_nanos: &'a [u64],
}

impl Meter<'_> {
    /// Whether the span has a piece in `[start_ms, end_ms)`; one without length has it where it starts.
    pub(crate) fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.start_ms < end_ms
            && (self.end_ms > start_ms || (self.start_ms == self.end_ms && self.start_ms >= start_ms))
    }

    /// Cost and length of what lies in a window that the span overlaps.
    pub(crate) fn within(&self, start_ms: i64, end_ms: i64) -> (u64, u64) {
        let (low_ms, high_ms) = (self.start_ms.max(start_ms), self.end_ms.min(end_ms));
        (self.cost_until(high_ms) - self.cost_before(low_ms), (high_ms - low_ms).unsigned_abs())
    }

    /// Hands bucket, cost and length of every piece to `piece`, oldest first. The span has to overlap the window.
    pub(crate) fn for_each_piece(&self, calendar: &Calendar, piece: impl FnMut(u32, u64, u64)) {
        self.for_each_piece_from(calendar.index_of(self.start_ms), calendar, piece);
    }

    /// The same, where the bucket of the first piece is known.
    #[inline]
    pub(crate) fn for_each_piece_from(
        &self,
        first: usize,
        calendar: &Calendar,
        mut piece: impl FnMut(u32, u64, u64),
    ) {
        let edges_ms = calendar.edges_ms();
        let mut low_ms = self.start_ms.max(edges_ms[first]);
        let mut cost_before = self.cost_before(low_ms);
        for (index, end_ms) in (first..).zip(&edges_ms[first + 1..]) {
            let high_ms = self.end_ms.min(*end_ms);
            let cost_until = self.cost_until(high_ms);
            let bucket = u32::try_from(index).unwrap_or(u32::MAX);
            piece(bucket, cost_until - cost_before, (high_ms - low_ms).unsigned_abs());
            if high_ms == self.end_ms {
                return;
            }
            (low_ms, cost_before) = (high_ms, cost_until);
        }
    }

    fn cost_until(&self, instant_ms: i64) -> u64 {
        if instant_ms == self.end_ms {
            return self.line_nanos.iter().sum();
        }
        let elapsed_ms = (instant_ms - self.start_ms).unsigned_abs();
        let duration_ms = (self.end_ms - self.start_ms).unsigned_abs();
        self.line_nanos.iter().map(|line| accrued(*line, elapsed_ms, duration_ms)).sum()
    }

    /// What the lines had cost when a piece begins: nothing at the start, even of a span without length.
    fn cost_before(&self, instant_ms: i64) -> u64 {
        if instant_ms == self.start_ms { 0 } else { self.cost_until(instant_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_overlaps_what_it_has_time_in_and_without_length_what_it_starts_in() {
        for (start_ms, end_ms, expected) in [
            (5, 10, false),
            (5, 11, true),
            (10, 20, true),
            (0, 30, true),
            (19, 25, true),
            (20, 25, false),
            (9, 9, false),
            (10, 10, true),
            (19, 19, true),
            (20, 20, false),
        ] {
            let meter = Meter { start_ms, end_ms, line_nanos: &[] };
            assert_eq!(meter.overlaps(10, 20), expected, "[{start_ms}, {end_ms})");
        }
    }
}
