//! The edges of buckets inside of a span, by which blocks and groups know what they remember: questions with the same edges have the same
//! pieces there.

use std::ops::Range;

use farmtally_model::{Buckets, Calendar, TimeRange};

/// Buckets of a span up to which something is remembered.
const BUCKETS_MAX: usize = 1 << 12;

/// How time is cut.
pub(crate) trait Bucketed {
    /// The window.
    fn window(&self) -> TimeRange;

    /// The bucket that contains an instant of the window, in milliseconds since 1970.
    fn bucket_at(&self, instant_ms: i64) -> usize;

    /// The end of a bucket, in milliseconds since 1970.
    fn end_ms(&self, bucket: usize) -> i64;

    /// The window in milliseconds since 1970.
    fn window_ms(&self) -> Range<i64> {
        let window = self.window();
        window.start().millis()..window.end().millis()
    }
}

impl Bucketed for Buckets {
    fn window(&self) -> TimeRange {
        self.window()
    }

    fn bucket_at(&self, instant_ms: i64) -> usize {
        self.index_of(instant_ms)
    }

    fn end_ms(&self, bucket: usize) -> i64 {
        self.end_ms(bucket)
    }
}

impl Bucketed for Calendar {
    fn window(&self) -> TimeRange {
        self.window()
    }

    fn bucket_at(&self, instant_ms: i64) -> usize {
        self.index_of(instant_ms)
    }

    fn end_ms(&self, bucket: usize) -> i64 {
        self.edges_ms()[bucket + 1]
    }
}

/// The buckets in which something of a span can lie, unless they are too many.
pub(crate) fn buckets_in(calendar: &impl Bucketed, (start_ms, end_ms): (i64, i64)) -> Option<Range<usize>> {
    let window = calendar.window_ms();
    let (from_ms, until_ms) = (start_ms.max(window.start), end_ms.min(window.end));
    if from_ms >= until_ms {
        return None;
    }
    let buckets = calendar.bucket_at(from_ms)..calendar.bucket_at(until_ms - 1) + 1;
    (buckets.len() <= BUCKETS_MAX).then_some(buckets)
}

/// Where such buckets begin, and where the last one ends. Edges outside of the span are the least and the greatest number, wherever the
/// question's window begins and ends.
pub(crate) fn edges_ms(
    calendar: &impl Bucketed,
    (start_ms, end_ms): (i64, i64),
    buckets: &Range<usize>,
) -> Vec<i64> {
    let window = calendar.window_ms();
    let mut edges_ms = Vec::with_capacity(buckets.len() + 1);
    edges_ms.push(if window.start > start_ms { window.start } else { i64::MIN });
    edges_ms.extend((buckets.start..buckets.end - 1).map(|bucket| calendar.end_ms(bucket)));
    edges_ms.push(if window.end < end_ms { window.end } else { i64::MAX });
    edges_ms
}
