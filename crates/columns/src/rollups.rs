//! Rollups: what the sessions of a block, or of a group of blocks, add to each bucket of a question, summed by queue or fleet and one
//! detail.
//!
//! A rollup holds every queue and fleet, and the pieces of the sessions that buckets cut, so that any question with the same buckets and
//! the same detail has use for it, whatever queues it asks for, and reads no row. They are memory only, and exact: sums of the same pieces in another
//! order.

use std::sync::Arc;

use crate::cubes::Axis;
use crate::narrow_sum::NarrowSum;
use crate::remembered::{Asker, Memory, Recalled, Remembered, Room};
use crate::summary::Summary;

/// What a rollup tells apart besides its axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    Nothing,
    /// Queues, where the axis are fleets.
    Queue,
    /// Fleets, where the axis are queues.
    Fleet,
    /// Jobs.
    Job,
    /// Users.
    User,
    /// Instance types.
    InstanceType,
    /// The lines of one usage type of a session.
    UsageType,
    /// Each licence line.
    Product,
    /// Workers.
    Worker,
    /// Outcomes.
    Outcome,
}

/// What a rollup is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupOf<'e> {
    /// The first codes; `None` if all are zero, and queues and fleets are not told apart.
    pub axis: Option<Axis>,
    /// The second ones.
    pub detail: Detail,
    /// Whether there is a bucket after the last one, with what sessions have in all buckets together.
    pub has_totals: bool,
    /// Where buckets begin, and where the last one ends: milliseconds since 1970, ascending.
    pub edges_ms: &'e [i64],
}

/// Bytes that all rollups of a block or group may take for each of its rows, and beside.
const BYTES_BY_ROW: usize = 4;
const BYTES_BESIDE: usize = 4096;
/// Questions without a rollup that are noted.
const NOTES: usize = 32;

/// Pieces for each sum from which on a rollup is worth it.
const PIECES_BY_SUM: u64 = 3;

/// Sums by bucket, code of the axis and code of the detail.
#[derive(Debug, Default)]
pub struct Rollup {
    buckets: Vec<Bucket>,
    runs: Vec<Run>,
    details: Vec<u32>,
    /// One that says that its sum lies beside stands for one of the wide sums.
    sums: Vec<NarrowSum>,
    wide: Vec<Summary>,
    pieces: u64,
}

/// Where a bucket's runs end, and what all of their pieces have together.
#[derive(Debug)]
struct Bucket {
    runs_end: u32,
    pieces: u64,
    runtime_ms: u64,
}

/// Where the sums of one code of the axis end.
#[derive(Debug)]
struct Run {
    axis_code: u32,
    sums_end: u32,
}

/// The sum of a group.
#[derive(Debug, Clone, Copy)]
pub enum RolledSum<'a> {
    /// Of narrow amounts.
    Narrow(&'a NarrowSum),
    /// Of any.
    Wide(&'a Summary),
}

impl RolledSum<'_> {
    /// As a wide sum.
    #[inline]
    pub fn summary(self) -> Summary {
        match self {
            Self::Narrow(sum) => sum.summary_with_extremes(),
            Self::Wide(sum) => *sum,
        }
    }
}

/// The sums of one queue or fleet in one bucket.
#[derive(Debug, Clone, Copy)]
pub struct RolledRun<'a> {
    /// Code of the queue or fleet.
    pub axis_code: u32,
    details: &'a [u32],
    sums: &'a [NarrowSum],
    wide: &'a [Summary],
}

impl<'a> RolledRun<'a> {
    /// Number of sums.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Never true: a run without a sum is not kept.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Codes of the detail, ascending, with their sums.
    #[inline]
    pub fn sums(self) -> impl Iterator<Item = (u32, RolledSum<'a>)> {
        self.details.iter().zip(self.sums).map(move |(detail, sum)| {
            let sum = match sum.place_beside() {
                None => RolledSum::Narrow(sum),
                Some(place) => RolledSum::Wide(&self.wide[place]),
            };
            (*detail, sum)
        })
    }
}

impl Rollup {
    /// Appends the sum of a group; buckets, codes of the axis and codes of the detail come ascending.
    pub fn push(&mut self, bucket: usize, axis_code: u32, detail: u32, sum: &Summary) {
        let is_new = bucket >= self.buckets.len();
        while bucket >= self.buckets.len() {
            self.buckets.push(Bucket { runs_end: place(self.runs.len()), pieces: 0, runtime_ms: 0 });
        }
        if is_new || self.runs.last().is_none_or(|run| run.axis_code != axis_code) {
            self.runs.push(Run { axis_code, sums_end: 0 });
        }
        self.details.push(detail);
        self.sums.push(NarrowSum::of(sum).unwrap_or_else(|| {
            self.wide.push(*sum);
            NarrowSum::beside(self.wide.len() - 1)
        }));
        if let (Some(bucket), Some(run)) = (self.buckets.last_mut(), self.runs.last_mut()) {
            run.sums_end = place(self.sums.len());
            bucket.runs_end = place(self.runs.len());
            bucket.pieces += u64::from(sum.count);
            bucket.runtime_ms += sum.runtime_sum_ms;
            self.pieces += u64::from(sum.count);
        }
    }

    /// Gives back room that was not needed.
    pub fn shrink_to_fit(&mut self) {
        self.buckets.shrink_to_fit();
        self.runs.shrink_to_fit();
        self.details.shrink_to_fit();
        self.sums.shrink_to_fit();
        self.wide.shrink_to_fit();
    }

    /// Number of buckets up to the last one with a sum.
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Number of pieces in a bucket, and the sum of their runtimes in milliseconds.
    pub fn totals(&self, bucket: usize) -> (u64, u64) {
        (self.buckets[bucket].pieces, self.buckets[bucket].runtime_ms)
    }

    /// The queues or fleets of a bucket, ascending.
    pub fn runs(&self, bucket: usize) -> impl Iterator<Item = RolledRun<'_>> {
        let first = bucket.checked_sub(1).map_or(0, |before| self.buckets[before].runs_end as usize);
        let last = self.buckets[bucket].runs_end as usize;
        let mut from = first.checked_sub(1).map_or(0, |before| self.runs[before].sums_end as usize);
        self.runs[first..last].iter().map(move |run| {
            let own = from..run.sums_end as usize;
            from = own.end;
            RolledRun {
                axis_code: run.axis_code,
                details: &self.details[own.clone()],
                sums: &self.sums[own],
                wide: &self.wide,
            }
        })
    }

    fn is_worth_it(&self) -> bool {
        self.sums.len() as u64 * PIECES_BY_SUM <= self.pieces
    }
}

/// A place in a list.
fn place(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Memory for Rollup {
    fn bytes(&self) -> usize {
        size_of_val(self.buckets.as_slice())
            + size_of_val(self.runs.as_slice())
            + size_of_val(self.details.as_slice())
            + size_of_val(self.sums.as_slice())
            + size_of_val(self.wide.as_slice())
    }
}

/// The rollups that a block or group was asked for.
#[derive(Debug, Default)]
pub(crate) struct Rollups(Remembered<Key, Rollup>);

#[derive(Debug, PartialEq, Eq)]
struct Key {
    axis: Option<Axis>,
    detail: Detail,
    has_totals: bool,
    edges_ms: Vec<i64>,
}

impl Memory for Key {
    fn bytes(&self) -> usize {
        size_of_val(self.edges_ms.as_slice())
    }
}

impl Key {
    fn of(RollupOf { axis, detail, has_totals, edges_ms }: RollupOf<'_>) -> Self {
        Self { axis, detail, has_totals, edges_ms: edges_ms.to_vec() }
    }

    fn is(&self, of: RollupOf<'_>) -> bool {
        let Self { axis, detail, has_totals, edges_ms } = self;
        RollupOf { axis: *axis, detail: *detail, has_totals: *has_totals, edges_ms } == of
    }
}

impl Rollups {
    /// What there is for a question, which reads a share of so many rows without it.
    pub(crate) fn recall(&self, of: RollupOf<'_>, asker: (Asker, f64), rows: usize) -> Recalled<Rollup> {
        self.0.recall(|key| key.is(of), || Key::of(of), asker, room(rows))
    }

    /// Says that a rollup was not made by who was to make it.
    pub(crate) fn put_back(&self, of: RollupOf<'_>, is_next: bool) {
        self.0.put_back(|key| key.is(of), is_next);
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// Keeps a rollup if it is worth it, or that it is not.
    pub(crate) fn keep(&self, of: RollupOf<'_>, made: Option<Rollup>, rows: usize) -> Option<Arc<Rollup>> {
        let mut made = made.filter(Rollup::is_worth_it);
        made.iter_mut().for_each(Rollup::shrink_to_fit);
        let made = made.map(Arc::new);
        self.0.keep(Key::of(of), made, room(rows))
    }
}

/// Number of sums from which on a rollup of so many rows has no room.
pub(crate) fn sums_max(rows: usize) -> usize {
    room(rows).bytes / size_of::<NarrowSum>()
}

fn room(rows: usize) -> Room {
    Room { bytes: BYTES_BESIDE + BYTES_BY_ROW * rows, notes: NOTES }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum of so many equal pieces.
    fn sum(count: u32, cost_nanos: u64, runtime_ms: u32) -> Summary {
        let mut sum = Summary::EMPTY;
        (0..count).for_each(|_| sum.add(cost_nanos, runtime_ms));
        sum
    }

    fn sums(rollup: &Rollup, bucket: usize) -> Vec<((u32, u32), Summary)> {
        let of_run = |run: RolledRun<'_>| {
            let sums = run.sums().map(move |(detail, sum)| ((run.axis_code, detail), sum.summary()));
            sums.collect::<Vec<_>>()
        };
        rollup.runs(bucket).flat_map(of_run).collect()
    }

    proptest! {
        #[test]
        fn sums_of_any_width_come_back_by_bucket_and_codes(
            pushed in prop::collection::btree_map(
                (0_usize..6, 0_u32..4, 0_u32..5), (1_u32..4, 0_u64..1 << 40, 0_u32..1 << 30), 0..60),
        ) {
            let mut rollup = Rollup::default();
            for ((bucket, axis_code, detail), (count, cost_nanos, runtime_ms)) in &pushed {
                rollup.push(*bucket, *axis_code, *detail, &sum(*count, *cost_nanos, *runtime_ms));
            }
            let buckets = pushed.keys().map(|(bucket, ..)| bucket + 1).max().unwrap_or(0);
            prop_assert_eq!(rollup.buckets(), buckets);
            for bucket in 0..buckets {
                let own = pushed.iter().filter(|((of, ..), _)| *of == bucket);
                let own: Vec<_> = own
                    .map(|((_, axis_code, detail), (count, cost_nanos, runtime_ms))| {
                        ((*axis_code, *detail), sum(*count, *cost_nanos, *runtime_ms))
                    })
                    .collect();
                prop_assert_eq!(sums(&rollup, bucket), own.clone());
                let totals = own.iter().fold((0, 0), |(pieces, runtime_ms), (_, sum)| {
                    (pieces + u64::from(sum.count), runtime_ms + sum.runtime_sum_ms)
                });
                prop_assert_eq!(rollup.totals(bucket), totals);
            }
        }
    }

    /// A rollup of so many sums of so many pieces each.
    fn rollup(sums: u32, pieces: u32) -> Rollup {
        let mut rollup = Rollup::default();
        (0..sums).for_each(|detail| rollup.push(0, 0, detail, &sum(pieces, 5, 7)));
        rollup
    }

    fn of(edges_ms: &[i64]) -> RollupOf<'_> {
        RollupOf { axis: Some(Axis::Queue), detail: Detail::User, has_totals: false, edges_ms }
    }

    #[test]
    fn a_rollup_is_kept_if_it_is_small() {
        let kept = |made: Option<Rollup>, rows| {
            let rollups = Rollups::default();
            let kept = rollups.keep(of(&[0, 9]), made, rows).is_some();
            let recalled = rollups.recall(of(&[0, 9]), (Asker::new(), 1.0), rows);
            assert_eq!(kept, matches!(recalled, Recalled::Has(_)));
            assert_eq!(!kept, matches!(recalled, Recalled::Useless));
            kept
        };
        assert!(kept(Some(rollup(100, 3)), 300));
        // Sums of too few pieces, and more than four bytes for each row.
        assert!(!kept(Some(rollup(100, 2)), 300));
        assert!(kept(Some(rollup(400, 3)), 2_700) && !kept(Some(rollup(400, 3)), 2_400));
        assert!(!kept(None, 300));
    }

    #[test]
    fn rollups_are_told_apart_by_all_that_they_are_made_of() {
        let rollups = Rollups::default();
        let (edges, others) = ([0, 9], [0, 8]);
        rollups.keep(of(&edges), Some(rollup(10, 3)), 1_000);
        let is_there = |of| matches!(rollups.recall(of, (Asker::new(), 1.0), 1_000), Recalled::Has(_));
        assert!(is_there(of(&edges)));
        assert!(!is_there(of(&others)));
        assert!(!is_there(RollupOf { axis: Some(Axis::Fleet), ..of(&edges) }));
        assert!(!is_there(RollupOf { axis: None, ..of(&edges) }));
        assert!(!is_there(RollupOf { detail: Detail::Job, ..of(&edges) }));
        assert!(!is_there(RollupOf { has_totals: true, ..of(&edges) }));
        rollups.clear();
        assert!(!is_there(of(&edges)));
    }
}
