//! The buckets as one block sees them: a table from half-hours to buckets.
//!
//! Edges of days in Kathmandu, or of a window that begins just now, lie inside a half-hour. Such a half-hour has no one
//! bucket; rows that begin or end in it are looked at one by one.

use farmtally_model::Calendar;

use crate::calendar::{SLOT_MS, SLOTS};

/// A half-hour before the window.
pub(crate) const BEFORE: u32 = u32::MAX - 1;
/// A half-hour after the window.
pub(crate) const AFTER: u32 = u32::MAX;
/// A half-hour with an edge inside.
pub(crate) const MIXED: u32 = u32::MAX - 2;

/// The bucket of each half-hour after a block's base. Buckets are below [`MIXED`].
#[derive(Debug)]
pub(crate) struct HalfHours(Box<[u32; SLOTS]>);

impl HalfHours {
    pub(crate) fn new() -> Self {
        Self(Box::new([AFTER; SLOTS]))
    }

    /// Fills the table for a block with a base and a length.
    pub(crate) fn fill(&mut self, calendar: &Calendar, base_ms: i64, length_ms: u32) {
        self.0.fill(AFTER);
        let edges_ms = calendar.edges_ms();
        let mut next = edges_ms.partition_point(|edge_ms| *edge_ms <= base_ms);
        for (slot, of_slot) in (0..=length_ms / SLOT_MS).zip(self.0.iter_mut()) {
            let start_ms = base_ms + i64::from(slot) * i64::from(SLOT_MS);
            while edges_ms.get(next).is_some_and(|edge_ms| *edge_ms <= start_ms) {
                next += 1;
            }
            let is_mixed = edges_ms.get(next).is_some_and(|edge_ms| *edge_ms < start_ms + i64::from(SLOT_MS));
            *of_slot = match next {
                _ if is_mixed => MIXED,
                0 => BEFORE,
                next if next == edges_ms.len() => AFTER,
                next => u32::try_from(next - 1).unwrap_or(MIXED),
            };
        }
    }

    /// The first and the last bucket of a block with a length.
    pub(crate) fn buckets(&self, length_ms: u32) -> Option<(u32, u32)> {
        let slots = self.0.iter().take((length_ms / SLOT_MS) as usize + 1);
        let buckets = slots.filter(|bucket| **bucket < MIXED).map(|bucket| (*bucket, *bucket));
        buckets.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    /// The bucket of each half-hour.
    pub(crate) fn slots(&self) -> &[u32; SLOTS] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::Timestamp;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_half_hour_has_the_bucket_of_all_its_instants_or_is_mixed(
            edges in prop::collection::btree_set(prop_oneof![
                (0_i64..60).prop_map(|slot| slot * i64::from(SLOT_MS)), 0..60 * i64::from(SLOT_MS),
            ], 2..12),
            base in 0_i64..40,
            length_ms in 0_u32..30 * SLOT_MS,
        ) {
            let edges: Vec<_> = edges.into_iter().map(|edge| Timestamp::from_millis(edge).unwrap()).collect();
            let calendar = Calendar::from_edges(&edges).unwrap();
            let base_ms = base * i64::from(SLOT_MS);
            let mut table = HalfHours::new();
            table.fill(&calendar, base_ms, length_ms);
            let bucket_at = |millis: i64| match edges.iter().filter(|edge| edge.millis() <= millis).count() {
                0 => BEFORE,
                count if count == edges.len() => AFTER,
                count => u32::try_from(count - 1).unwrap(),
            };
            for (slot, bucket) in (0..=length_ms / SLOT_MS).zip(table.slots()) {
                let start_ms = base_ms + i64::from(slot) * i64::from(SLOT_MS);
                let end_ms = start_ms + i64::from(SLOT_MS);
                let inside = edges.iter().any(|edge| start_ms < edge.millis() && edge.millis() < end_ms);
                prop_assert_eq!(*bucket, if inside { MIXED } else { bucket_at(start_ms) });
            }
        }
    }
}
