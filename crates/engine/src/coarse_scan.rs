//! The loops for long buckets, in which nearly no row is cut: a branch tells the rows apart, and each goes to its sum at once.
//!
//! Their twin is the scan by chunks, which writes lists of rows first, because under short buckets nobody can foretell which
//! rows are cut.

use std::ops::Range;

use farmtally_columns::{Nanos, RowSet, Summary};

use crate::block_scan::BlockScan;
use crate::calendar::{BlockCalendar, OUTSIDE, SLOTS, Slot, slot_at};
use crate::dense;
use crate::plan::RowsOf;
use crate::sink::PieceSink;

impl BlockScan<'_> {
    /// Adds a stretch of rows of which none was removed. False when there is no loop for the question, and nothing was added.
    pub(crate) fn scan_coarse<C: Nanos, S: PieceSink>(
        &mut self,
        set: &RowSet<'_, C>,
        rows: &Range<usize>,
        shared: u64,
        sink: &mut S,
    ) -> bool {
        if set.is_licensed && self.plan.rows_of != RowsOf::Sessions && !set.has_single_lines() {
            return false;
        }
        let mut crossing = std::mem::take(&mut self.scratch.crossing);
        let (costs, compute) = (&set.cost_nanos[rows.clone()], shared.wrapping_add(self.keys.compute));
        let cost = |row: usize| costs[row].into();
        match self.plan.rows_of {
            RowsOf::Licenses => self.add_lines(set, rows, shared, sink, &mut crossing),
            RowsOf::UsageTypes if set.is_licensed => {
                let lines = &set.line_cost_nanos[rows.clone()];
                let license = shared.wrapping_add(self.keys.license);
                self.add_costs(set, rows, (license, |row| lines[row].into()), sink, &mut crossing);
                crossing.clear();
                let without_line = |row: usize| cost(row).wrapping_sub(lines[row].into());
                self.add_costs(set, rows, (compute, without_line), sink, &mut crossing);
            }
            RowsOf::Sessions | RowsOf::UsageTypes => {
                self.add_costs(set, rows, (compute, cost), sink, &mut crossing);
            }
        }
        let rows = crossing.drain(..).map(|row| rows.start + row as usize);
        let keyed = rows.map(|row| (row, shared.wrapping_add(self.keys.of_row(set, row))));
        self.add_crossing(set, keyed, sink);
        self.scratch.crossing = crossing;
        true
    }

    /// Adds a cost of each row, and lists the rows that are cut.
    fn add_costs<C: Nanos, S: PieceSink>(
        &self,
        set: &RowSet<'_, C>,
        rows: &Range<usize>,
        (shared, cost): (u64, impl Fn(usize) -> u64),
        sink: &mut S,
        crossing: &mut Vec<u32>,
    ) {
        let (keys, slots) = (&self.keys, self.calendar.slots());
        let spans = Spans::new(set, rows);
        match (&keys.jobs, &keys.users, &keys.instance_types) {
            (None, None, None) => match sink.sums() {
                Some(sums) => sum_rows(spans, &self.calendar, cost, crossing, |bucket, sum| {
                    dense::merge(sums.of_bucket(bucket as usize), shared, sum);
                }),
                None => add_rows(spans, slots, |_| shared, cost, sink, crossing),
            },
            (Some(jobs), None, None) => {
                let codes = &set.job[rows.clone()];
                let key = |row| share(codes, jobs, row).wrapping_add(shared);
                add_rows(spans, slots, key, cost, sink, crossing);
            }
            (None, Some(users), None) => {
                let codes = &set.user[rows.clone()];
                let key = |row| share(codes, users, row).wrapping_add(shared);
                add_rows(spans, slots, key, cost, sink, crossing);
            }
            (None, None, Some(instance_types)) => {
                let codes = &set.instance_type[rows.clone()];
                let key = |row| share(codes, instance_types, row).wrapping_add(shared);
                add_rows(spans, slots, key, cost, sink, crossing);
            }
            (Some(jobs), Some(users), None) => {
                let (job_codes, user_codes) = (&set.job[rows.clone()], &set.user[rows.clone()]);
                let key = |row| {
                    let key = share(job_codes, jobs, row).wrapping_add(share(user_codes, users, row));
                    key.wrapping_add(shared)
                };
                add_rows(spans, slots, key, cost, sink, crossing);
            }
            _ => {
                let key = |row| keys.of_row(set, rows.start + row).wrapping_add(shared);
                add_rows(spans, slots, key, cost, sink, crossing);
            }
        }
    }

    /// Adds the licence line of each row, and lists the rows that are cut.
    fn add_lines<C: Nanos, S: PieceSink>(
        &self,
        set: &RowSet<'_, C>,
        rows: &Range<usize>,
        shared: u64,
        sink: &mut S,
        crossing: &mut Vec<u32>,
    ) {
        let (keys, slots) = (&self.keys, self.calendar.slots());
        let spans = Spans::new(set, rows);
        let costs = &set.line_cost_nanos[rows.clone()];
        let cost = |row: usize| costs[row].into();
        let shared = shared.wrapping_add(keys.license);
        match &keys.products {
            Some(products) if keys.is_shared() => {
                let codes = &set.line_product[rows.clone()];
                let key = |row| share(codes, products, row).wrapping_add(shared);
                add_rows(spans, slots, key, cost, sink, crossing);
            }
            _ => {
                let key = |row| {
                    let row = rows.start + row;
                    let line = keys.of_line(set, row).wrapping_sub(keys.license);
                    keys.of_row(set, row).wrapping_add(line).wrapping_add(shared)
                };
                add_rows(spans, slots, key, cost, sink, crossing);
            }
        }
    }
}

/// When the rows of a stretch ended, and their runtimes.
#[derive(Clone, Copy)]
struct Spans<'a> {
    ends_ms: &'a [u32],
    runtimes_ms: &'a [u32],
}

impl<'a> Spans<'a> {
    fn new<C>(set: &RowSet<'a, C>, rows: &Range<usize>) -> Self {
        Self { ends_ms: &set.end_offset_ms[rows.clone()], runtimes_ms: &set.runtime_ms[rows.clone()] }
    }

    /// Rows from one on, with their ends and runtimes.
    #[inline]
    fn from(&self, row: usize) -> impl Iterator<Item = (usize, u32, u32)> {
        let spans = self.ends_ms[row..].iter().zip(&self.runtimes_ms[row..]);
        (row..).zip(spans).map(|(row, (end_ms, runtime_ms))| (row, *end_ms, *runtime_ms))
    }
}

#[inline]
fn share<T: Copy + Into<usize>>(codes: &[T], shares: &[u64], row: usize) -> u64 {
    shares[codes[row].into()]
}

/// The bucket in which a row has its last millisecond, or `None` if it begins in another one; a runtime is never zero, and at
/// most the end.
#[inline]
fn whole_in(slots: &[Slot; SLOTS], end_ms: u32, runtime_ms: u32) -> Option<u32> {
    let slot = slot_at(slots, end_ms.wrapping_sub(1));
    (end_ms.wrapping_sub(runtime_ms) >= slot.start_ms).then_some(slot.bucket)
}

/// Adds each row that lies in one bucket to the sink, and lists the others.
#[inline]
fn add_rows<S: PieceSink>(
    spans: Spans<'_>,
    slots: &[Slot; SLOTS],
    key: impl Fn(usize) -> u64,
    cost_nanos: impl Fn(usize) -> u64,
    sink: &mut S,
    crossing: &mut Vec<u32>,
) {
    for (row, end_ms, runtime_ms) in spans.from(0) {
        match whole_in(slots, end_ms, runtime_ms) {
            None => list(crossing, row),
            Some(bucket) if bucket < OUTSIDE => sink.add(bucket, key(row), cost_nanos(row), runtime_ms),
            Some(_) => {}
        }
    }
}

/// Sums rows of one key, many of which end in one bucket after each other: where that starts and ends is found once, and nothing is
/// stored until another one follows.
#[inline]
fn sum_rows(
    spans: Spans<'_>,
    calendar: &BlockCalendar,
    cost_nanos: impl Fn(usize) -> u64,
    crossing: &mut Vec<u32>,
    mut merge: impl FnMut(u32, &Summary),
) {
    let mut next = 0;
    while let Some(end_ms) = spans.ends_ms.get(next) {
        let (stay, mut sum) = (calendar.stay_at(end_ms.wrapping_sub(1)), Summary::EMPTY);
        for (row, end_ms, runtime_ms) in spans.from(next) {
            if !stay.contains(end_ms.wrapping_sub(1)) {
                break;
            }
            if end_ms.wrapping_sub(runtime_ms) >= stay.start_ms {
                sum.add(cost_nanos(row), runtime_ms);
            } else {
                list(crossing, row);
            }
            next = row + 1;
        }
        if stay.bucket < OUTSIDE {
            merge(stay.bucket, &sum);
        }
    }
}

#[cold]
fn list(crossing: &mut Vec<u32>, row: usize) {
    crossing.push(u32::try_from(row).unwrap_or(u32::MAX));
}
