//! The loops for long buckets, in which nearly no row is cut: a branch tells the rows apart, and each goes to its sum at once.
//!
//! Their twin is the scan by chunks, which writes lists of rows first, because under short buckets nobody can foretell which
//! rows are cut.

use std::ops::Range;

use farmtally_columns::{Nanos, RowSet, Summary};

use crate::block_scan::BlockScan;
use crate::calendar::{OUTSIDE, SLOT_MS, SLOTS, Slot};
use crate::plan::RowsOf;
use crate::sink::Sink;

impl BlockScan<'_> {
    /// Adds a stretch of rows of which none was removed. False when there is no loop for the question, and nothing was added.
    pub(crate) fn scan_coarse<C: Nanos, S: Sink>(
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
        let costs = || costs.iter().map(|cost| (*cost).into());
        match self.plan.rows_of {
            RowsOf::Licenses => self.add_lines(set, rows, shared, sink, &mut crossing),
            RowsOf::UsageTypes if set.is_licensed => {
                let lines = set.line_cost_nanos[rows.clone()].iter().map(|cost| (*cost).into());
                let license = shared.wrapping_add(self.keys.license);
                self.add_costs(set, rows, (license, lines.clone()), sink, &mut crossing);
                crossing.clear();
                let costs = costs().zip(lines).map(|(cost, line): (u64, u64)| cost.wrapping_sub(line));
                self.add_costs(set, rows, (compute, costs), sink, &mut crossing);
            }
            RowsOf::Sessions | RowsOf::UsageTypes => {
                self.add_costs(set, rows, (compute, costs()), sink, &mut crossing);
            }
        }
        let rows = crossing.drain(..).map(|row| rows.start + row as usize);
        let keyed = rows.map(|row| (row, shared.wrapping_add(self.keys.of_row(set, row))));
        self.add_crossing(set, keyed, sink);
        self.scratch.crossing = crossing;
        true
    }

    /// Adds a cost of each row, and lists the rows that are cut.
    fn add_costs<C: Nanos, S: Sink>(
        &self,
        set: &RowSet<'_, C>,
        rows: &Range<usize>,
        (shared, costs): (u64, impl Iterator<Item = u64>),
        sink: &mut S,
        crossing: &mut Vec<u32>,
    ) {
        let (keys, slots) = (&self.keys, self.calendar.slots());
        let columns = columns(set, rows, costs);
        match (&keys.jobs, &keys.users, &keys.instance_types) {
            (None, None, None) => match sink.sums() {
                Some(sums) => sum_rows(columns, slots, crossing, |bucket, sum| {
                    merge(sums.of_bucket(bucket), shared, sum);
                }),
                None => add_rows(columns, slots, |_| shared, sink, crossing),
            },
            (Some(jobs), None, None) => {
                let codes = &set.job[rows.clone()];
                add_rows(columns, slots, |row| share(codes, jobs, row).wrapping_add(shared), sink, crossing);
            }
            (None, Some(users), None) => {
                let codes = &set.user[rows.clone()];
                add_rows(columns, slots, |row| share(codes, users, row).wrapping_add(shared), sink, crossing);
            }
            (Some(jobs), Some(users), None) => {
                let (job_codes, user_codes) = (&set.job[rows.clone()], &set.user[rows.clone()]);
                let key = |row| {
                    let key = share(job_codes, jobs, row).wrapping_add(share(user_codes, users, row));
                    key.wrapping_add(shared)
                };
                add_rows(columns, slots, key, sink, crossing);
            }
            _ => {
                let key = |row| keys.of_row(set, rows.start + row).wrapping_add(shared);
                add_rows(columns, slots, key, sink, crossing);
            }
        }
    }

    /// Adds the licence line of each row, and lists the rows that are cut.
    fn add_lines<C: Nanos, S: Sink>(
        &self,
        set: &RowSet<'_, C>,
        rows: &Range<usize>,
        shared: u64,
        sink: &mut S,
        crossing: &mut Vec<u32>,
    ) {
        let (keys, slots) = (&self.keys, self.calendar.slots());
        let costs = set.line_cost_nanos[rows.clone()].iter().map(|cost| (*cost).into());
        let columns = columns(set, rows, costs);
        let shared = shared.wrapping_add(keys.license);
        match &keys.products {
            Some(products) if keys.is_shared() => {
                let codes = &set.line_product[rows.clone()];
                let key = |row| share(codes, products, row).wrapping_add(shared);
                add_rows(columns, slots, key, sink, crossing);
            }
            _ => {
                let key = |row| {
                    let row = rows.start + row;
                    let line = keys.of_line(set, row).wrapping_sub(keys.license);
                    keys.of_row(set, row).wrapping_add(line).wrapping_add(shared)
                };
                add_rows(columns, slots, key, sink, crossing);
            }
        }
    }
}

/// What the loops read of a stretch, beside the columns of the keys: number, end, runtime and cost of each row.
fn columns<C: Nanos>(
    set: &RowSet<'_, C>,
    rows: &Range<usize>,
    costs: impl Iterator<Item = u64>,
) -> impl Iterator<Item = (usize, u32, u32, u64)> {
    let ends_ms = set.end_offset_ms[rows.clone()].iter();
    let columns = ends_ms.zip(&set.runtime_ms[rows.clone()]).zip(costs).enumerate();
    columns.map(|(row, ((end_ms, runtime_ms), cost))| (row, *end_ms, *runtime_ms, cost))
}

#[inline]
fn share<T: Copy + Into<usize>>(codes: &[T], shares: &[u64], row: usize) -> u64 {
    shares[codes[row].into()]
}

fn merge(sums: &mut [Summary], key: u64, sum: &Summary) {
    if let Some(own) = usize::try_from(key).ok().and_then(|key| sums.get_mut(key)) {
        own.merge(sum);
    }
}

/// The bucket in which a row has its last millisecond, or `None` if it begins in another one; a runtime is never zero, and at
/// most the end.
#[inline]
fn whole_in(slots: &[Slot; SLOTS], end_ms: u32, runtime_ms: u32) -> Option<u32> {
    let slot = slots[(end_ms.wrapping_sub(1) / SLOT_MS) as usize % SLOTS];
    (end_ms.wrapping_sub(runtime_ms) >= slot.start_ms).then_some(slot.bucket)
}

/// Adds each row that lies in one bucket to the sink, and lists the others.
#[inline]
fn add_rows<S: Sink>(
    columns: impl Iterator<Item = (usize, u32, u32, u64)>,
    slots: &[Slot; SLOTS],
    key: impl Fn(usize) -> u64,
    sink: &mut S,
    crossing: &mut Vec<u32>,
) {
    for (row, end_ms, runtime_ms, cost_nanos) in columns {
        match whole_in(slots, end_ms, runtime_ms) {
            None => list(crossing, row),
            Some(bucket) if bucket < OUTSIDE => sink.add(bucket, key(row), cost_nanos, runtime_ms),
            Some(_) => {}
        }
    }
}

/// Sums rows of one key, which come in runs of one bucket: nothing is stored until a run ends.
#[inline]
fn sum_rows(
    columns: impl Iterator<Item = (usize, u32, u32, u64)>,
    slots: &[Slot; SLOTS],
    crossing: &mut Vec<u32>,
    mut merge: impl FnMut(u32, &Summary),
) {
    let (mut bucket, mut sum) = (OUTSIDE, Summary::EMPTY);
    for (row, end_ms, runtime_ms, cost_nanos) in columns {
        let Some(last) = whole_in(slots, end_ms, runtime_ms) else {
            list(crossing, row);
            continue;
        };
        if last != bucket {
            if bucket < OUTSIDE {
                merge(bucket, &sum);
            }
            (bucket, sum) = (last, Summary::EMPTY);
        }
        sum.add(cost_nanos, runtime_ms);
    }
    if bucket < OUTSIDE {
        merge(bucket, &sum);
    }
}

#[cold]
fn list(crossing: &mut Vec<u32>, row: usize) {
    crossing.push(u32::try_from(row).unwrap_or(u32::MAX));
}
