//! The fast path: a run of sessions of one queue and fleet, sorted by end, cut where buckets end.
//!
//! The rows that end in one bucket are a stretch that one search finds. Those of them that began there too go to the kernel
//! together; the few that crossed an edge take the plain path.

use std::ops::Range;

use farmtally_columns::{Nanos, RowSet, Run};

use crate::groups::Groups;
use crate::kernel::{self, KeyColumn};
use crate::part::Part;
use crate::plan::{AggregationPlan, KeySource, RowsOf, usage_code};
use crate::session::{Session, SessionCodes};

/// Adds the rows of a set that the question asks for.
pub(crate) fn scan_set<C: Nanos>(plan: &AggregationPlan<'_>, set: &RowSet<C>, groups: &mut Groups) {
    if plan.rows_of == RowsOf::Licenses && set.licenses().is_none() {
        return;
    }
    let window = plan.window_ms();
    for run in set.runs() {
        let overlaps = run.start_min_ms < window.end && run.end_max_ms > window.start;
        if overlaps && plan.is_wanted(run.queue, run.fleet) {
            RunScan { plan, set, run, keys: RunKeys::new(plan, set, run) }.scan(groups);
        }
    }
}

/// How the rows of a run find their group inside a bucket.
struct RunKeys<'a> {
    /// What all rows share when their COMPUTE line is counted, or all of their lines.
    shared: u64,
    /// What the LICENSE lines together share.
    shared_license: u64,
    columns: [Option<KeyColumn<'a>>; 2],
    product_stride: u64,
}

impl<'a> RunKeys<'a> {
    fn new<C: Nanos>(plan: &AggregationPlan<'_>, set: &'a RowSet<C>, run: &Run) -> Self {
        let mut keys = Self { shared: 0, shared_license: 0, columns: [None; 2], product_stride: 0 };
        let strides = plan.numbering.strides();
        for (position, (source, stride)) in plan.key_sources().into_iter().zip(strides).enumerate() {
            match source {
                KeySource::Queue => keys.share(run.queue, run.queue, stride),
                KeySource::Fleet => keys.share(run.fleet, run.fleet, stride),
                KeySource::UsageType => keys.share(usage_code::COMPUTE, usage_code::LICENSE, stride),
                KeySource::Job => keys.columns[position] = Some(KeyColumn::words(set.job(), stride)),
                KeySource::User => keys.columns[position] = Some(KeyColumn::halves(set.user(), stride)),
                KeySource::InstanceType => {
                    keys.columns[position] = Some(KeyColumn::bytes(set.instance_type(), stride));
                }
                KeySource::Product => keys.product_stride = stride,
                KeySource::Nothing => {}
            }
        }
        keys
    }

    fn share(&mut self, code: u32, code_of_licenses: u32, stride: u64) {
        self.shared += u64::from(code) * stride;
        self.shared_license += u64::from(code_of_licenses) * stride;
    }

    /// The index of the group of a row whose lines are counted together.
    fn index_of(&self, row: usize) -> u64 {
        self.shared + self.columns.iter().flatten().map(|column| column.share_of(row)).sum::<u64>()
    }
}

/// One run on its way through the buckets.
struct RunScan<'a, C> {
    plan: &'a AggregationPlan<'a>,
    set: &'a RowSet<C>,
    run: &'a Run,
    keys: RunKeys<'a>,
}

impl<C: Nanos> RunScan<'_, C> {
    /// Walks the buckets in which rows of the run end.
    fn scan(&self, groups: &mut Groups) {
        let (buckets, window) = (&self.plan.buckets, self.plan.window_ms());
        let mut from = self.first_ending_after(self.run.rows.clone(), window.start);
        while from < self.run.rows.end {
            let end_ms = self.end_ms(from);
            if end_ms > window.end {
                return self.add_plainly(from..self.run.rows.end, groups);
            }
            // The bucket contains the last millisecond of the row, not its end.
            let bucket = buckets.index_of(end_ms - 1);
            let to = self.first_ending_after(from..self.run.rows.end, buckets.end_ms(bucket));
            self.add_stretch(from..to, bucket, groups);
            from = to;
        }
    }

    fn end_ms(&self, row: usize) -> i64 {
        self.set.base_ms() + i64::from(self.set.end_offset_ms()[row])
    }

    /// The first of the rows that ends after an instant.
    fn first_ending_after(&self, rows: Range<usize>, instant_ms: i64) -> usize {
        let offset_ms = instant_ms - self.set.base_ms();
        rows.start + self.set.end_offset_ms()[rows].partition_point(|end| i64::from(*end) <= offset_ms)
    }

    /// Adds rows that all end in one bucket of the window.
    fn add_stretch(&self, rows: Range<usize>, bucket: usize, groups: &mut Groups) {
        let bucket_start_ms = self.plan.buckets.start_ms(bucket);
        if self.run.start_min_ms >= bucket_start_ms {
            return self.add_inside(rows, bucket, groups);
        }
        let edge_offset_ms = bucket_start_ms - self.set.base_ms();
        let (ends, runtimes) = (self.set.end_offset_ms(), self.set.runtime_ms());
        let mut from = rows.start;
        for row in rows.clone() {
            if i64::from(ends[row]) - i64::from(runtimes[row]) < edge_offset_ms {
                self.add_inside(from..row, bucket, groups);
                self.add_crossing(row, groups);
                from = row + 1;
            }
        }
        self.add_inside(from..rows.end, bucket, groups);
    }

    /// Adds rows that lie wholly in one bucket.
    fn add_inside(&self, rows: Range<usize>, bucket: usize, groups: &mut Groups) {
        if rows.is_empty() {
            return;
        }
        let count = rows.len() as u64;
        // No session here is longer than 2^32 milliseconds, and a block has far fewer than 2^32 rows.
        groups.reserve(self.run.cost_max_nanos.saturating_mul(count), count << 32);
        let Some(accumulators) = groups.open_bucket(bucket) else {
            return self.add_to_table(rows, bucket, groups);
        };
        let (keys, costs) = (&self.keys, self.set.cost_nanos());
        let inside = kernel::Inside { rows, runtime_ms: self.set.runtime_ms(), columns: keys.columns };
        match (self.plan.rows_of, self.set.licenses()) {
            (RowsOf::Sessions, _) | (RowsOf::UsageTypes, None) => {
                inside.add(accumulators, keys.shared, |row| costs[row].into());
            }
            (RowsOf::UsageTypes, Some(licenses)) => {
                let license_nanos = licenses.cost_nanos();
                inside.add(accumulators, keys.shared, |row| costs[row].into() - license_nanos[row].into());
                inside.add(accumulators, keys.shared_license, |row| license_nanos[row].into());
            }
            (RowsOf::Licenses, Some(licenses)) => {
                let lines = |row| licenses.lines(row);
                inside.add_lines(accumulators, keys.shared_license, keys.product_stride, lines);
            }
            (RowsOf::Licenses, None) => {}
        }
    }

    /// Adds rows that lie wholly in a bucket that the array does not cover. Room for them has been reserved.
    fn add_to_table(&self, rows: Range<usize>, bucket: usize, groups: &mut Groups) {
        if self.set.licenses().is_some() {
            return self.add_plainly(rows, groups);
        }
        for row in rows {
            let (cost_nanos, runtime_ms) = (self.set.cost_nanos()[row].into(), self.set.runtime_ms()[row]);
            groups.add(bucket, self.keys.index_of(row), cost_nanos, u64::from(runtime_ms));
        }
    }

    /// Adds a row that lies in several buckets. Without licences it has one line, and its group is found once.
    fn add_crossing(&self, row: usize, groups: &mut Groups) {
        if self.set.licenses().is_some() {
            return self.add_plainly(row..row + 1, groups);
        }
        let (start_ms, end_ms) = self.set.span_ms(row);
        let part = Part::new(start_ms, end_ms, self.set.cost_nanos()[row].into(), &[]);
        let index = self.keys.index_of(row);
        groups.reserve(part.total_nanos, part.runtime_ms());
        part.for_each_piece(&self.plan.buckets, |piece| {
            groups.add(piece.bucket, index, piece.cost_nanos, piece.runtime_ms);
        });
    }

    /// Adds rows one by one.
    fn add_plainly(&self, rows: Range<usize>, groups: &mut Groups) {
        for row in rows {
            let (start_ms, end_ms) = self.set.span_ms(row);
            let session = Session {
                codes: SessionCodes {
                    queue: self.run.queue,
                    fleet: self.run.fleet,
                    job: self.set.job()[row],
                    user: u32::from(self.set.user()[row]),
                    instance_type: u32::from(self.set.instance_type()[row]),
                },
                start_ms,
                end_ms,
                compute_nanos: Some(self.set.compute_nanos(row)),
                licenses: self.set.license_lines(row),
            };
            session.add(self.plan, groups);
        }
    }
}
