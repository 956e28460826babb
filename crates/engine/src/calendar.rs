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

/// What a half-hour of a block belongs to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Slot {
    /// Its bucket.
    pub(crate) bucket: u32,
    /// The offset from which on a session lies wholly in the bucket if it ends in this half-hour: the bucket's start.
    pub(crate) start_ms: u32,
}

/// What a table of half-hours has for an instant of the block.
#[inline]
pub(crate) fn slot_at<T: Copy>(slots: &[T; SLOTS], offset_ms: u32) -> T {
    slots[(offset_ms / SLOT_MS) as usize % SLOTS]
}

/// A bucket as a block sees it, or the time before or after those that are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    /// The bucket.
    pub(crate) bucket: u32,
    /// Where it starts.
    pub(crate) start_ms: u32,
    length_ms: u32,
}

impl Stay {
    /// Whether an instant lies in it.
    #[inline]
    pub(crate) fn contains(&self, offset_ms: u32) -> bool {
        offset_ms.wrapping_sub(self.start_ms) < self.length_ms
    }
}

/// The half-hours of a block, and where its buckets begin and end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edges<'a> {
    pub(crate) slots: &'a [Slot; SLOTS],
    /// The first bucket, and where it starts.
    pub(crate) first: u32,
    pub(crate) start_ms: u32,
    /// The ends of the buckets from the first one on.
    pub(crate) ends_ms: &'a [u32],
    /// The bucket of the block's base.
    pub(crate) initial: u32,
    /// Where another bucket begins, ascending, if these are so few that a row's bucket is sooner found by comparing.
    pub(crate) changes: Option<&'a [Change]>,
}

/// Changes up to which they are few.
const CHANGES_FEW: usize = 4;

/// The bucket from an instant on, which is one that is asked for or [`AFTER`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) from_ms: u32,
    pub(crate) bucket: u32,
}

/// The half-hours of a block, in room that is kept for the next one.
#[derive(Debug)]
pub(crate) struct Slots(Box<[Slot; SLOTS]>);

impl Slots {
    pub(crate) fn new() -> Self {
        #[expect(
            clippy::large_stack_arrays,
            reason = "once for each thread of a question, and it is built in the box"
        )]
        Self(Box::new([Slot { bucket: AFTER, start_ms: u32::MAX }; SLOTS]))
    }
}

/// Some buckets in milliseconds after a block's base.
#[derive(Debug)]
pub(crate) struct BlockCalendar {
    slots: Slots,
    /// The first bucket, and where it starts; zero where it starts before the block.
    first: u32,
    start_ms: u32,
    /// The ends of the buckets from the first one on; the greatest offset where they lie beyond.
    ends_ms: Vec<u32>,
    /// Where other buckets than that of the base begin; no more than are needed to know that there are more than a few.
    changes: Vec<Change>,
}

impl BlockCalendar {
    /// The calendar of a block whose latest end is `length_ms` after its base, for the buckets in `asked`. `slots` are those
    /// of another block.
    pub(crate) fn new(
        buckets: &Buckets,
        asked: &Range<usize>,
        base_ms: i64,
        length_ms: u32,
        mut slots: Slots,
    ) -> Self {
        let window_ms = buckets.start_ms(asked.start)..buckets.end_ms(asked.end - 1);
        let slot_count = length_ms / SLOT_MS + 1;
        let first_ms = base_ms.clamp(window_ms.start, window_ms.end - 1);
        let mut bucket = buckets.index_of(first_ms);
        let (first, mut end_ms) = (bucket, buckets.end_ms(bucket));
        let first_start_ms = offset(buckets.start_ms(bucket), base_ms);
        let (mut start_ms, mut ends_ms) = (first_start_ms, vec![offset(end_ms, base_ms)]);
        let after = Slot { bucket: AFTER, start_ms: offset(window_ms.end, base_ms) };
        slots.0[..(slot_count as usize).min(SLOTS)].fill(after);
        for (slot, of_slot) in (0..slot_count).zip(slots.0.iter_mut()) {
            let instant_ms = base_ms + i64::from(slot) * i64::from(SLOT_MS);
            if instant_ms >= window_ms.end {
                break;
            }
            while instant_ms >= end_ms {
                bucket += 1;
                end_ms = buckets.end_ms(bucket);
                start_ms = offset(buckets.start_ms(bucket), base_ms);
                ends_ms.push(offset(end_ms, base_ms));
            }
            *of_slot = if instant_ms < window_ms.start {
                Slot { bucket: BEFORE, start_ms: 0 }
            } else {
                Slot { bucket: narrow(bucket), start_ms }
            };
        }
        let first = narrow(first);
        let first_change = (first_start_ms > 0).then_some(Change { from_ms: first_start_ms, bucket: first });
        let later = (first + 1..).zip(&ends_ms).map(|(bucket, end_ms)| {
            let is_in_window = i64::from(*end_ms) < window_ms.end - base_ms;
            Change { from_ms: *end_ms, bucket: if is_in_window { bucket } else { AFTER } }
        });
        let changes = first_change.into_iter().chain(later).take(CHANGES_FEW + 1).collect();
        Self { slots, first, start_ms: first_start_ms, changes, ends_ms }
    }

    /// The room, for another block.
    pub(crate) fn into_slots(self) -> Slots {
        self.slots
    }

    /// The half-hours after the base, up to the latest end.
    pub(crate) fn slots(&self) -> &[Slot; SLOTS] {
        &self.slots.0
    }

    /// What the vector kernels need of it, for rows that end before an offset or at it.
    pub(crate) fn edges(&self, end_ms: u32) -> Edges<'_> {
        let changes = &self.changes[..self.changes.partition_point(|change| change.from_ms < end_ms)];
        Edges {
            slots: &self.slots.0,
            first: self.first,
            start_ms: self.start_ms,
            ends_ms: &self.ends_ms,
            initial: self.bucket_at(0),
            changes: (changes.len() <= CHANGES_FEW).then_some(changes),
        }
    }

    /// The bucket of an instant of the block.
    #[inline]
    pub(crate) fn bucket_at(&self, offset_ms: u32) -> u32 {
        slot_at(&self.slots.0, offset_ms).bucket
    }

    /// The bucket of an instant of the block, with its start and end.
    #[inline]
    pub(crate) fn stay_at(&self, offset_ms: u32) -> Stay {
        let Slot { bucket, start_ms } = slot_at(&self.slots.0, offset_ms);
        let end_ms = match bucket {
            BEFORE => self.start_ms,
            AFTER => u32::MAX,
            _ => self.ends_ms[bucket.wrapping_sub(self.first) as usize],
        };
        Stay { bucket, start_ms, length_ms: end_ms.wrapping_sub(start_ms) }
    }

    /// Hands the pieces of a span to `piece`, oldest first: bucket, and cost and length of the piece. `cost_until` says what
    /// the span, which costs `total_nanos`, has cost so long after its start. The span has to reach into the buckets.
    // All instants are offsets of the block, ascending from `start_ms` to an end of 32 bits, and costs ascend with them: no
    // difference is negative. Nothing is checked for that here, because it is the innermost loop of questions by hours.
    #[expect(clippy::inline_always, reason = "what all spans of a loop share then stays in registers")]
    #[inline(always)]
    pub(crate) fn cut(
        &self,
        start_ms: u32,
        end_ms: u32,
        total_nanos: u64,
        cost_until: impl Fn(u32) -> u64,
        mut piece: impl FnMut(u32, u64, u32),
    ) {
        let (mut bucket, mut low_ms, mut until_low) = (self.bucket_at(start_ms), start_ms, 0);
        if bucket == BEFORE {
            (bucket, low_ms) = (self.first, self.start_ms);
            until_low = cost_until(low_ms.wrapping_sub(start_ms));
        }
        let ends_ms = self.ends_ms.get(bucket.wrapping_sub(self.first) as usize..).unwrap_or_default();
        for edge_ms in ends_ms {
            if *edge_ms >= end_ms {
                return piece(bucket, total_nanos.wrapping_sub(until_low), end_ms.wrapping_sub(low_ms));
            }
            let until_edge = cost_until(edge_ms.wrapping_sub(start_ms));
            piece(bucket, until_edge.wrapping_sub(until_low), edge_ms.wrapping_sub(low_ms));
            (low_ms, until_low, bucket) = (*edge_ms, until_edge, bucket.wrapping_add(1));
        }
    }
}

/// An instant as the block sees it.
fn offset(instant_ms: i64, base_ms: i64) -> u32 {
    u32::try_from((instant_ms - base_ms).max(0)).unwrap_or(u32::MAX)
}

/// Buckets are hours or longer, and a thousand years have fewer than 2^32 of them.
fn narrow(bucket: usize) -> u32 {
    u32::try_from(bucket).unwrap_or(OUTSIDE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Part;
    use farmtally_model::{Period, TimeRange, Timestamp, UtcOffset, accrued};
    use proptest::prelude::*;

    const BASE_MS: i64 = 1_760_000_400_000;

    proptest! {
        #[test]
        fn a_span_is_cut_as_by_the_plain_twin(
            start_ms in 0_u32..200_000_000, runtime_ms in 1_u32..400_000_000, cost in 0_u64..1 << 43,
            window in (-50_i64..50, 1_i64..100), period in prop::sample::select(vec![None, Some(Period::Hourly), Some(Period::Daily)]),
        ) {
            let at = |hours: i64| Timestamp::from_millis(BASE_MS - BASE_MS % 3_600_000 + hours * 3_600_000).unwrap();
            let window = TimeRange::new(at(window.0), at(window.0 + window.1)).unwrap();
            let buckets = Buckets::new(window, period, UtcOffset::UTC);
            let base_ms = BASE_MS - BASE_MS % i64::from(SLOT_MS);
            let (from_ms, to_ms) = (base_ms + i64::from(start_ms), base_ms + i64::from(start_ms) + i64::from(runtime_ms));
            let part = Part::new(from_ms, to_ms, cost, &[]);
            prop_assume!(part.overlaps(window.start().millis(), window.end().millis()));
            let mut plain = Vec::new();
            part.for_each_piece(&buckets, |piece| plain.push((piece.bucket as u64, piece.cost_nanos, piece.runtime_ms)));
            let mut cut = Vec::new();
            let calendar = BlockCalendar::new(
                &buckets, &(0..buckets.len()), base_ms, start_ms + runtime_ms, Slots::new());
            for instant_ms in [start_ms, start_ms + runtime_ms - 1] {
                let stay = calendar.stay_at(instant_ms);
                prop_assert!(stay.contains(instant_ms), "{stay:?}");
                prop_assert!(!stay.start_ms.checked_sub(1).is_some_and(|before_ms| stay.contains(before_ms)));
                prop_assert_eq!(stay.bucket, calendar.bucket_at(instant_ms));
                prop_assert_eq!(stay.start_ms, calendar.slots()[(instant_ms / SLOT_MS) as usize].start_ms);
            }
            if let Some(changes) = calendar.edges(u32::MAX).changes {
                let edges_ms = changes.iter().flat_map(|change| [change.from_ms.saturating_sub(1), change.from_ms]);
                for instant_ms in edges_ms.chain([start_ms, start_ms + runtime_ms - 1]).filter(|at| *at < start_ms + runtime_ms) {
                    let last = changes.iter().rev().find(|change| change.from_ms <= instant_ms);
                    let found = last.map_or((calendar.edges(0).initial, 0), |last| (last.bucket, last.from_ms));
                    let slot = calendar.slots()[(instant_ms / SLOT_MS) as usize];
                    prop_assert_eq!(found, (slot.bucket, slot.start_ms));
                }
            }
            let until = |elapsed_ms| accrued(cost, u64::from(elapsed_ms), u64::from(runtime_ms));
            calendar.cut(start_ms, start_ms + runtime_ms, cost, until, |bucket, cost_nanos, piece_ms| {
                cut.push((u64::from(bucket), cost_nanos, u64::from(piece_ms)));
            });
            prop_assert_eq!(cut, plain);
        }
    }
}
