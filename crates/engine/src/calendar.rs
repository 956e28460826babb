//! The buckets as one block sees them: a table from half-hours to buckets, and the edges in the block's own time.
//!
//! All buckets begin and end on whole half-hours and so do blocks, so that a table lookup finds the bucket of an instant.

use std::ops::Range;

use farmtally_model::Buckets;

/// Half an hour in milliseconds.
pub(crate) const SLOT_MS: u32 = 1_800_000;

/// More half-hours than an offset of 32 bits has, so that every offset is in the table.
pub(crate) const SLOTS: usize = 4096;

const _: () = assert!((u32::MAX / SLOT_MS) < 4096);

/// The bucket of instants before the first one that is asked for.
pub(crate) const BEFORE: u32 = u32::MAX - 1;
/// The bucket of instants after the last one that is asked for.
pub(crate) const AFTER: u32 = u32::MAX;
/// Buckets that are asked for are below it.
pub(crate) const OUTSIDE: u32 = BEFORE;

/// Some buckets in milliseconds after a block's base.
#[derive(Debug)]
pub(crate) struct BlockCalendar {
    /// The bucket of each half-hour.
    slots: Box<[u32; SLOTS]>,
    /// The bucket to which the first of the edges belongs.
    first: u32,
    /// Start of the first bucket, then the ends of the buckets.
    edges_ms: Vec<i64>,
}

impl BlockCalendar {
    /// The calendar of a block whose latest end is `length_ms` after its base, for the buckets in `asked`.
    pub(crate) fn new(buckets: &Buckets, asked: &Range<usize>, base_ms: i64, length_ms: u32) -> Self {
        let window_ms = buckets.start_ms(asked.start)..buckets.end_ms(asked.end - 1);
        let slot_count = length_ms / SLOT_MS + 1;
        let first_ms = base_ms.clamp(window_ms.start, window_ms.end - 1);
        let mut bucket = buckets.index_of(first_ms);
        let (first, mut end_ms) = (bucket, buckets.end_ms(bucket));
        let mut edges_ms = vec![buckets.start_ms(bucket) - base_ms, end_ms - base_ms];
        let mut slots = Box::new([AFTER; SLOTS]);
        for (slot, of_slot) in (0..slot_count).zip(slots.iter_mut()) {
            let instant_ms = base_ms + i64::from(slot) * i64::from(SLOT_MS);
            if instant_ms >= window_ms.end {
                break;
            }
            while instant_ms >= end_ms {
                bucket += 1;
                end_ms = buckets.end_ms(bucket);
                edges_ms.push(end_ms - base_ms);
            }
            *of_slot = if instant_ms < window_ms.start { BEFORE } else { narrow(bucket) };
        }
        Self { slots, first: narrow(first), edges_ms }
    }

    /// The bucket of each half-hour after the base.
    pub(crate) fn slots(&self) -> &[u32; SLOTS] {
        &self.slots
    }

    /// The bucket of an instant of the block.
    #[inline]
    pub(crate) fn bucket_at(&self, offset_ms: u32) -> u32 {
        self.slots[(offset_ms / SLOT_MS) as usize % SLOTS]
    }

    /// Hands the pieces of a span to `piece`, oldest first: bucket, and cost and length of the piece. `cost_until` says what
    /// the span has cost so long after its start. The span has to reach into the buckets.
    #[inline]
    pub(crate) fn cut(
        &self,
        start_ms: u32,
        runtime_ms: u32,
        cost_until: impl Fn(u32) -> u64,
        mut piece: impl FnMut(u32, u64, u32),
    ) {
        let (start, end) = (i64::from(start_ms), i64::from(start_ms) + i64::from(runtime_ms));
        let mut bucket = self.bucket_at(start_ms);
        if bucket == BEFORE {
            bucket = self.first;
        }
        let mut edge = bucket.wrapping_sub(self.first) as usize;
        let mut low = start.max(self.edges_ms.get(edge).copied().unwrap_or(i64::MAX));
        let mut cost_until_low = if low == start { 0 } else { cost_until(elapsed(start, low)) };
        while low < end
            && let Some(edge_ms) = self.edges_ms.get(edge + 1)
        {
            let high = end.min(*edge_ms);
            let cost_until_high = cost_until(elapsed(start, high));
            piece(bucket, cost_until_high - cost_until_low, elapsed(low, high));
            (low, cost_until_low) = (high, cost_until_high);
            (bucket, edge) = (bucket + 1, edge + 1);
        }
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside of a span of 32 bits")]
fn elapsed(from_ms: i64, to_ms: i64) -> u32 {
    (to_ms - from_ms) as u32
}

/// Buckets are hours or longer, and a thousand years have fewer than 2^32 of them.
fn narrow(bucket: usize) -> u32 {
    u32::try_from(bucket).unwrap_or(OUTSIDE - 1)
}
