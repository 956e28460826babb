//! The columns of one block: rows that lie in one bucket are added chunk by chunk, the others one by one.

use std::ops::Range;

use farmtally_columns::{BlockView, Class, Nanos, RowSet, Summary};
use farmtally_model::Calendar;

use crate::error::AggregationError;
use crate::select::CHUNK;
use crate::tabulate::block_filter::BlockFilter;
use crate::tabulate::block_groups::{BlockGroups, KeySlots};
use crate::tabulate::block_sums::{BlockTables, SummedBy};
use crate::tabulate::cubes;
use crate::tabulate::half_hours::HalfHours;
use crate::tabulate::meter::Meter;
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::row_table::RowTable;
use crate::tabulate::scan::Scan;
use crate::tabulate::selection::Selection;
use crate::tabulate::tally::Tally;
use crate::tabulate::watch::Watch;

/// Room that is kept from block to block.
#[derive(Debug)]
pub(crate) struct Scratch {
    half_hours: HalfHours,
    selection: Selection,
    keys: [u64; CHUNK],
    key_slots: KeySlots,
    rows: RowTable,
    numbers: [u32; CHUNK],
    sums: BlockTables,
    /// The lines of a session that count: slot and cost.
    lines: Vec<(u32, u64)>,
    line_nanos: Vec<u64>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            half_hours: HalfHours::new(),
            selection: Selection::new(),
            keys: [0; CHUNK],
            key_slots: KeySlots::default(),
            rows: RowTable::default(),
            numbers: [0; CHUNK],
            sums: BlockTables::default(),
            lines: Vec::new(),
            line_nanos: Vec::new(),
        }
    }
}

/// One block on its way into a tally.
pub(crate) struct BlockScan<'a, 's> {
    pub(crate) plan: &'a TabulationPlan<'a>,
    pub(crate) calendar: &'a Calendar,
    pub(crate) view: &'a BlockView,
    pub(crate) filter: &'a BlockFilter<'a>,
    pub(crate) groups: BlockGroups<'s>,
    pub(crate) tally: &'s mut Tally,
    pub(crate) half_hours: &'s mut HalfHours,
    pub(crate) selection: &'s mut Selection,
    pub(crate) keys: &'s mut [u64; CHUNK],
    rows: &'s mut RowTable,
    numbers: &'s mut [u32; CHUNK],
    pub(crate) sums: &'s mut BlockTables,
    /// By what the sums of sessions in one group are kept in the block's tables, if it has any.
    pub(crate) summed_by: Option<SummedBy>,
    /// The first and the last bucket that the block's half-hours have.
    pub(crate) buckets: Option<(u32, u32)>,
    pub(crate) lines: &'s mut Vec<(u32, u64)>,
    pub(crate) line_nanos: &'s mut Vec<u64>,
}

/// What of the sessions of a set counts.
#[derive(Debug, PartialEq, Eq)]
enum Lines {
    /// All lines together.
    Together,
    /// The one licence line that each session has, if its product counts.
    Single(Vec<bool>),
    /// Some lines, each by itself.
    Apart,
}

/// How a block was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// By its columns.
    Columns,
    /// By its summaries alone.
    Summaries,
    /// Not at all, because it has more possible groups than can be numbered.
    Nothing,
}

/// Adds what counts of the rows in columns of a block.
pub(crate) fn scan_columns(
    scan: &Scan<'_>,
    view: &BlockView,
    filter: &BlockFilter<'_>,
    finder: &mut PlaceFinder<'_>,
    scratch: &mut Scratch,
    (tally, watch): (&mut Tally, &mut Watch<'_>),
) -> Result<Added, AggregationError> {
    let (plan, calendar, block) = (scan.plan, scan.calendar, view.block());
    let Scratch { half_hours, selection, keys, key_slots, rows, numbers, sums, lines, line_nanos } = scratch;
    let Some(groups) = BlockGroups::new(plan, &block.codes(), finder, key_slots) else {
        return Ok(Added::Nothing);
    };
    let Some((_, end_ms)) = block.columns_span_ms() else { return Ok(Added::Summaries) };
    let length_ms = u32::try_from(end_ms - block.base_ms()).unwrap_or(u32::MAX);
    half_hours.fill(calendar, block.base_ms(), length_ms);
    let buckets = half_hours.buckets(length_ms);
    let summed_by = begin_sums(sums, groups.keys, buckets, block.len(), tally);
    if summed_by.is_none() {
        rows.begin(groups.keys, buckets);
    }
    let mut scan = BlockScan {
        plan,
        calendar,
        view,
        filter,
        groups,
        tally,
        half_hours,
        selection,
        keys,
        rows,
        numbers,
        sums,
        summed_by,
        buckets,
        lines,
        line_nanos,
    };
    let added = scan.scan(watch)?;
    scan.settle_tables();
    Ok(added)
}

/// Begins a block's tables of sums, where single amounts are not kept and the tables are not too large.
fn begin_sums(
    sums: &mut BlockTables,
    keys: u64,
    buckets: Option<(u32, u32)>,
    sessions: usize,
    tally: &Tally,
) -> Option<SummedBy> {
    let buckets = buckets.filter(|_| tally.recorded.is_none())?;
    let slots = tally.slots.len() as u64 + 1;
    let (by, groups) = if tally.slots.is_closed() { (SummedBy::Slot, slots) } else { (SummedBy::Key, keys) };
    sums.begin(groups, buckets, sessions).then_some(by)
}

impl BlockScan<'_, '_> {
    fn scan(&mut self, watch: &mut Watch<'_>) -> Result<Added, AggregationError> {
        let block = self.view.block();
        let [are_short_summed, are_long_summed] = Class::ALL.map(|class| cubes::add_class(self, class));
        if are_short_summed && are_long_summed {
            return Ok(Added::Summaries);
        }
        block.check_columns()?;
        let mut base = 0;
        for set in block.short() {
            if !are_short_summed {
                self.scan_set(&set, base, watch)?;
            }
            base += set.len();
        }
        for set in block.long() {
            if !are_long_summed {
                self.scan_set(&set, base, watch)?;
            }
            base += set.len();
        }
        Ok(Added::Columns)
    }

    /// Scans a set whose first row has the number `base` in the block.
    fn scan_set<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        base: usize,
        watch: &mut Watch<'_>,
    ) -> Result<(), AggregationError> {
        let window = self.calendar.window();
        let is_outside =
            set.start_min_ms >= window.end().millis() || set.end_max_ms <= window.start().millis();
        let rule = &self.plan.lines;
        if set.is_empty() || is_outside || !(set.is_licensed || rule.is_whole || rule.compute) {
            return Ok(());
        }
        let removed = self.view.removed().and_then(|removed| removed.get(base..base + set.len()));
        let lines = if rule.is_whole || !set.is_licensed {
            Lines::Together
        } else if !rule.compute && set.has_single_lines() {
            Lines::Single(self.counted_products())
        } else {
            Lines::Apart
        };
        let is_all = removed.is_none() && self.filter.admits_all_of_run() && lines == Lines::Together;
        let bucket = self.bucket_of((set.start_min_ms, set.end_max_ms));
        let straight = bucket.zip(self.summed_by).filter(|_| is_all);
        // A session whose lines are told apart, and that has one alone, is in the group of that.
        let of_line = if rule.is_whole { 0 } else { self.groups.compute };
        for (shared, rows) in self.stretches(set) {
            for from in rows.clone().step_by(CHUNK) {
                let rows = from..rows.end.min(from + CHUNK);
                if let Some((bucket, summed_by)) = straight {
                    self.add_straight(set, rows, shared + of_line, bucket, summed_by);
                    watch.look(self.tally)?;
                    continue;
                }
                if is_all && bucket.is_none() {
                    self.select_all(set, rows);
                } else {
                    self.select(set, rows, removed, &lines, bucket);
                }
                if lines == Lines::Together {
                    self.add_sessions(set, shared + of_line, watch)?;
                } else if let Lines::Single(_) = lines {
                    self.add_inside(set, shared, set.line_cost_nanos, true);
                    self.add_crossing_lines(set, shared, watch)?;
                } else {
                    self.add_lines_of_sessions(set, shared, watch)?;
                }
                watch.look(self.tally)?;
            }
        }
        Ok(())
    }

    /// Rows of runs that can pass, as long stretches as have the same share in their keys.
    fn stretches<C: Nanos>(&self, set: &RowSet<'_, C>) -> Vec<(u64, Range<usize>)> {
        let mut stretches: Vec<(u64, Range<usize>)> = Vec::new();
        for run in set.runs().filter(|run| self.filter.admits_run(run)) {
            let share = self.groups.of_run(&run);
            match stretches.last_mut() {
                Some((last, rows)) if *last == share && rows.end == run.rows.start => rows.end = run.rows.end,
                _ => stretches.push((share, run.rows)),
            }
        }
        stretches
    }

    fn select_all<C: Nanos>(&mut self, set: &RowSet<'_, C>, rows: Range<usize>) {
        let first = u32::try_from(rows.start).unwrap_or(u32::MAX);
        let (ends_ms, runtimes_ms) = (&set.end_offset_ms[rows.clone()], &set.runtime_ms[rows]);
        self.selection.select_all(first, ends_ms, runtimes_ms, self.half_hours.slots());
    }

    /// Chooses the rows that pass; all of them lie in `bucket`, if there is one.
    fn select<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        rows: Range<usize>,
        removed: Option<&[bool]>,
        lines: &Lines,
        bucket: Option<u32>,
    ) {
        let first = u32::try_from(rows.start).unwrap_or(u32::MAX);
        self.selection.begin(first, rows.len());
        self.filter.keep(set, self.selection);
        if let Some(removed) = removed {
            self.selection.keep_if(|row| !removed[row as usize]);
        }
        if let Lines::Single(counted) = lines {
            self.selection.keep(set.line_product, counted);
        }
        let slots = self.half_hours.slots();
        match bucket {
            Some(bucket) => self.selection.take_candidates(bucket),
            None => self.selection.select_candidates(set.end_offset_ms, set.runtime_ms, slots),
        }
    }

    /// The bucket in which a span lies as a whole, if there is one.
    pub(crate) fn bucket_of(&self, (start_ms, end_ms): (i64, i64)) -> Option<u32> {
        let window = self.calendar.window();
        if start_ms < window.start().millis() || end_ms > window.end().millis() {
            return None;
        }
        let bucket = self.calendar.index_of(start_ms);
        let is_inside = end_ms <= self.calendar.edges_ms()[bucket + 1];
        let bucket = u32::try_from(bucket).ok().filter(|_| is_inside)?;
        // A bucket of a few minutes may have no half-hour.
        self.buckets.filter(|(first, last)| (*first..=*last).contains(&bucket)).map(|_| bucket)
    }

    /// For each of the block's products whether its lines count.
    fn counted_products(&self) -> Vec<bool> {
        let products = self.view.block().codes().products;
        products.iter().map(|product| self.plan.lines.counts_product(*product)).collect()
    }

    /// Adds the rows of a chunk, each as a whole.
    fn add_sessions<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        shared: u64,
        watch: &mut Watch<'_>,
    ) -> Result<(), AggregationError> {
        if self.groups.is_shared() && self.tally.recorded.is_none() {
            self.add_to_one(set, shared);
        } else {
            self.add_inside(set, shared, set.cost_nanos, false);
        }
        for index in 0..self.selection.crossing().len() {
            let row = self.selection.crossing()[index] as usize;
            let Some(meter) = self.meter(set, row) else { continue };
            if !self.cut_near(set, row, shared, meter) {
                self.cut_far(set, row, shared, meter);
                watch.after_session(self.tally)?;
            }
        }
        Ok(())
    }

    /// Adds the rows that lie in one bucket and all are in one group, a bucket at a time.
    fn add_to_one<C: Nanos>(&mut self, set: &RowSet<'_, C>, key: u64) {
        let (rows, buckets) = (self.selection.rows(), self.selection.buckets());
        let Some(mut bucket) = buckets.first().copied() else { return };
        let slot = self.groups.slot(key, &mut self.tally.slots);
        let mut sum = Summary::EMPTY;
        for (row, of_row) in rows.iter().zip(buckets) {
            if *of_row != bucket {
                self.tally.merge_inside(slot, bucket, &sum);
                (bucket, sum) = (*of_row, Summary::EMPTY);
            }
            sum.add(set.cost_nanos[*row as usize].into(), set.runtime_ms[*row as usize]);
        }
        self.tally.merge_inside(slot, bucket, &sum);
    }

    /// Adds the rows that lie in one bucket with what they cost, each to the group that its own licence line adds to, if it is
    /// `by_line`.
    fn add_inside<C: Nanos>(&mut self, set: &RowSet<'_, C>, shared: u64, costs_nanos: &[C], by_line: bool) {
        let (rows, buckets) = (self.selection.rows(), self.selection.buckets());
        self.groups.fill(set, shared, rows, self.keys);
        if by_line {
            self.groups.add_products(set, rows, self.keys);
        }
        let amounts = rows.iter().map(|row| *row as usize);
        let amounts = amounts.map(|row| (costs_nanos[row].into(), set.runtime_ms[row]));
        if let Some(by) = self.summed_by {
            let keys = &mut self.keys[..rows.len()];
            self.groups.replace_keys(by, keys, &mut self.tally.slots);
            let pieces = buckets.iter().zip(amounts);
            let pieces = pieces.map(|(bucket, (cost_nanos, runtime_ms))| (*bucket, cost_nanos, runtime_ms));
            return self.sums.inside.add_all(keys, pieces);
        }
        let numbers = &mut self.numbers[..rows.len()];
        for ((number, key), bucket) in numbers.iter_mut().zip(self.keys.iter()).zip(buckets) {
            *number = if let Some(number) = self.rows.get(*key, *bucket) {
                number
            } else {
                let slot = self.groups.slot(*key, &mut self.tally.slots);
                let number = self.tally.number(slot, *bucket);
                self.rows.set(*key, *bucket, number);
                number
            };
        }
        self.tally.add_inside(numbers, amounts);
    }

    /// Adds the lines that count of the rows of a chunk, which all hold licences.
    fn add_lines_of_sessions<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        shared: u64,
        watch: &mut Watch<'_>,
    ) -> Result<(), AggregationError> {
        for index in 0..self.selection.rows().len() {
            let (row, bucket) = (self.selection.rows()[index] as usize, self.selection.buckets()[index]);
            self.find_lines(set, row, shared);
            let runtime_ms = u64::from(set.runtime_ms[row]);
            let mut total_nanos = 0;
            for lines in self.lines.chunk_by(|one, other| one.0 == other.0) {
                let cost_nanos = lines.iter().map(|line| line.1).sum();
                self.tally.add_piece(lines[0].0, bucket, cost_nanos, runtime_ms);
                self.tally.add_total(lines[0].0, cost_nanos, runtime_ms);
                total_nanos += cost_nanos;
            }
            if !self.lines.is_empty() {
                self.tally.add_session(total_nanos, runtime_ms);
            }
        }
        self.add_crossing_lines(set, shared, watch)
    }

    /// Adds the lines that count of the rows of a chunk that may lie in several buckets.
    fn add_crossing_lines<C: Nanos>(
        &mut self,
        set: &RowSet<'_, C>,
        shared: u64,
        watch: &mut Watch<'_>,
    ) -> Result<(), AggregationError> {
        for index in 0..self.selection.crossing().len() {
            let row = self.selection.crossing()[index] as usize;
            let Some(meter) = self.meter(set, row) else { continue };
            self.find_lines(set, row, shared);
            self.tally.add_lines(self.calendar, meter, self.lines, self.line_nanos);
            watch.after_session(self.tally)?;
        }
        Ok(())
    }

    /// The span of a row, if something of it lies in the window.
    fn meter<C: Nanos>(&self, set: &RowSet<'_, C>, row: usize) -> Option<Meter<'static>> {
        let (start_ms, end_ms) = set.span_ms(row);
        let meter = Meter { start_ms, end_ms, line_nanos: &[] };
        let window = self.calendar.window();
        meter.overlaps(window.start().millis(), window.end().millis()).then_some(meter)
    }

    fn find_lines<C: Nanos>(&mut self, set: &RowSet<'_, C>, row: usize, shared: u64) {
        self.lines.clear();
        let key = shared + self.groups.of_row(set, row);
        let rule = &self.plan.lines;
        if rule.compute {
            let slot = self.groups.slot(key + self.groups.compute, &mut self.tally.slots);
            self.lines.push((slot, set.compute_nanos(row)));
        }
        let codes = self.view.block().codes().products;
        for line in set.lines(row) {
            let product = usize::from(set.line_product[line]);
            if rule.counts_product(codes[product]) {
                let slot = self.groups.slot(key + self.groups.products[product], &mut self.tally.slots);
                self.lines.push((slot, set.line_cost_nanos[line].into()));
            }
        }
        self.lines.sort_by_key(|line| line.0);
    }
}
