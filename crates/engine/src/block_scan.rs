//! The fast path: the columns of one block become pieces.
//!
//! Rows that lie in one bucket go to the sink chunk by chunk, in plain loops over slices. The few that cross an edge are cut
//! one by one, line by line. Where the processor can, short sessions go another way, through the vector kernels
//! ([`crate::lane_scan`]).

use std::ops::Range;

use farmtally_columns::{Axis, BlockView, Class, Nanos, RowSet, SessionBlock, Summary};
use farmtally_model::accrued;

use crate::block_keys::BlockKeys;
use crate::calendar::{BlockCalendar, Slots};
use crate::cube_scan;
use crate::dense::DenseSums;
use crate::lanes::LaneRoom;
use crate::piece_memory;
use crate::plan::{AggregationPlan, RowsOf};
use crate::select::{CHUNK, Selection};
use crate::sink::PieceSink;
use crate::steps::{BlockStep, Summed};

/// Room for a chunk of rows, kept from block to block.
#[derive(Debug)]
pub(crate) struct Scratch {
    selection: Selection,
    keys: [u64; CHUNK],
    crossing_keys: [u64; CHUNK],
    slots: Option<Slots>,
    /// Rows of a stretch that are cut, counted from its first.
    pub(crate) crossing: Vec<u32>,
    /// What the vector kernels found, if they were used.
    pub(crate) lanes: Option<Box<LaneRoom>>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let keys = [0; CHUNK];
        Self {
            selection: Selection::new(),
            keys,
            crossing_keys: keys,
            slots: None,
            crossing: Vec::new(),
            lanes: None,
        }
    }
}

/// One block on its way to a sink.
pub(crate) struct BlockScan<'a> {
    pub(crate) plan: &'a AggregationPlan<'a>,
    pub(crate) block: &'a SessionBlock,
    pub(crate) calendar: BlockCalendar,
    pub(crate) keys: BlockKeys,
    /// Flags of the rows from the next set on; empty when no row of the block was removed.
    removed: &'a [bool],
    pub(crate) scratch: &'a mut Scratch,
}

/// Adds a block that has columns to a sink, which has begun with the block's buckets, but for the classes that groups have summed.
pub(crate) fn scan_block<S: PieceSink>(
    plan: &AggregationPlan<'_>,
    asked: &Range<usize>,
    step: &BlockStep<'_>,
    scratch: &mut Scratch,
    sink: &mut S,
) {
    let BlockStep { view, mut summed, details } = *step;
    let mut keys = BlockKeys::new(plan, &view.block().codes(), sink.arrivals());
    if let Some(sums) = sink.sums()
        && view.is_whole()
    {
        for (class, summed) in Class::ALL.into_iter().zip(&mut summed).filter(|(_, summed)| !**summed) {
            *summed = add_cubes(plan, asked, view.block(), &keys, class, sums);
        }
    }
    if summed == Summed::default()
        && let Some(details) = details
        && let Some(lists) = sink.lists()
    {
        piece_memory::add_remembered(plan, asked, (view, details), &mut keys, scratch, lists);
    }
    // Of a block that is answered by its summaries or by what it remembers nothing else is looked at.
    if summed != [true; 2] && keys.wanted(plan.axis()).next().is_some() {
        BlockScan::new(plan, asked, view, keys, scratch).scan(summed, sink);
    }
}

/// Adds the summaries of a class, if its rows lie in one bucket and the block has summaries for the question. False when the rows
/// have to be looked at.
fn add_cubes(
    plan: &AggregationPlan<'_>,
    asked: &Range<usize>,
    block: &SessionBlock,
    keys: &BlockKeys,
    class: Class,
    sums: &mut DenseSums,
) -> bool {
    let Some(span_ms) = block.class_span_ms(class) else { return true };
    let Some(bucket) = cube_scan::bucket_of(plan, span_ms) else { return false };
    if !asked.contains(&bucket) {
        // Nothing is asked of the rows.
        return true;
    }
    let cube = |kind| block.cube_of(class, plan.axis(), kind);
    let Some(cubes) = cube_scan::cubes(cube_scan::kinds(plan), cube) else { return false };
    cube_scan::add_cubes(plan.axis(), keys, &cubes, sums.of_bucket(bucket));
    true
}

impl<'a> BlockScan<'a> {
    /// Makes ready to scan a block that has columns.
    pub(crate) fn new(
        plan: &'a AggregationPlan<'_>,
        asked: &Range<usize>,
        view: &'a BlockView,
        keys: BlockKeys,
        scratch: &'a mut Scratch,
    ) -> Self {
        let block = view.block();
        let base_ms = block.base_ms();
        let end_ms = block.columns_span_ms().map_or(base_ms, |(_, end_ms)| end_ms);
        let length_ms = u32::try_from(end_ms - base_ms).unwrap_or(u32::MAX);
        let slots = scratch.slots.take().unwrap_or_else(Slots::new);
        Self {
            plan,
            block,
            calendar: BlockCalendar::new(&plan.buckets, asked, base_ms, length_ms, slots),
            keys,
            removed: view.removed().unwrap_or_default(),
            scratch,
        }
    }

    /// Adds the rows of the block, but for the classes that are summed. Of a block from which rows were removed none is.
    pub(crate) fn scan<S: PieceSink>(mut self, summed: Summed, sink: &mut S) {
        let block = self.block;
        let is_whole = self.removed.is_empty();
        // Flags of removed rows are told apart by the sets before.
        debug_assert!(is_whole || summed == Summed::default());
        let short = (!summed[Class::Short as usize]).then(|| block.short());
        let long = (!summed[Class::Long as usize]).then(|| block.long());
        let pieces =
            short.map_or(0, |sets| self.pieces_max(&sets)) + long.map_or(0, |sets| self.pieces_max(&sets));
        sink.expect_pieces(pieces);
        for set in short.into_iter().flatten() {
            if !(is_whole && self.counts(&set) && self.scan_in_lanes(&set, sink)) {
                self.scan_set(&set, sink);
            }
        }
        for set in long.into_iter().flatten() {
            self.scan_set(&set, sink);
        }
        self.scratch.slots = Some(self.calendar.into_slots());
    }

    /// Most pieces that some sets can add to a group.
    fn pieces_max<C: Nanos>(&self, sets: &[RowSet<'_, C>]) -> usize {
        let has_lines = self.plan.rows_of != RowsOf::Sessions;
        sets.iter().map(|set| set.len() + if has_lines { set.line_product.len() } else { 0 }).sum()
    }

    /// Whether the question counts anything of a set.
    fn counts<C: Nanos>(&self, set: &RowSet<'_, C>) -> bool {
        !set.is_empty() && (set.is_licensed || self.plan.rows_of != RowsOf::Licenses)
    }

    fn scan_set<C: Nanos, S: PieceSink>(&mut self, set: &RowSet<'_, C>, sink: &mut S) {
        let (removed, later) = self.removed.split_at_checked(set.len()).unwrap_or_default();
        self.removed = later;
        if !self.counts(set) {
            return;
        }
        for (shared, rows) in self.sorted_stretches(set, sink) {
            if removed.is_empty() && self.plan.has_long_buckets && self.scan_coarse(set, &rows, shared, sink)
            {
                continue;
            }
            for from in rows.clone().step_by(CHUNK) {
                let rows = from..rows.end.min(from + CHUNK);
                self.scan_chunk(set, rows, shared, removed, sink);
            }
        }
    }

    /// Stretches in the order in which the sink takes them best.
    pub(crate) fn sorted_stretches<C: Nanos, S: PieceSink>(
        &self,
        set: &RowSet<'_, C>,
        sink: &mut S,
    ) -> Vec<(u64, Range<usize>)> {
        let mut stretches = self.stretches(set);
        if sink.sums().is_some() {
            // Stretches of one share add to the same sums, which then stay in a near cache.
            stretches.sort_by_key(|(share, _)| *share);
        }
        stretches
    }

    /// Rows that are asked for, as long stretches as have the same share in their keys.
    fn stretches<C: Nanos>(&self, set: &RowSet<'_, C>) -> Vec<(u64, Range<usize>)> {
        let mut stretches: Vec<(u64, Range<usize>)> = Vec::new();
        let mut add = |share, rows: Range<usize>| match stretches.last_mut() {
            _ if rows.is_empty() => {}
            Some((last, before)) if *last == share && before.end == rows.start => before.end = rows.end,
            _ => stretches.push((share, rows)),
        };
        let keys = &self.keys;
        match self.plan.axis() {
            // A block has as many runs of a queue as that has fleets, and those of the others are not even looked at.
            Axis::Queue => {
                for queue in keys.wanted(Axis::Queue) {
                    if keys.fleets.is_none() {
                        add(keys.of_queue(queue), set.rows_of(queue));
                    } else {
                        set.runs_of(queue).for_each(|run| add(keys.of_run(&run), run.rows));
                    }
                }
            }
            Axis::Fleet => {
                let wanted = set.runs().filter(|run| keys.is_fleet_wanted(run.fleet));
                wanted.for_each(|run| add(keys.of_run(&run), run.rows));
            }
        }
        stretches
    }

    fn scan_chunk<C: Nanos, S: PieceSink>(
        &mut self,
        set: &RowSet<'_, C>,
        rows: Range<usize>,
        shared: u64,
        removed: &[bool],
        sink: &mut S,
    ) {
        let first = u32::try_from(rows.start).unwrap_or(u32::MAX);
        let (ends_ms, runtimes_ms) = (&set.end_offset_ms[rows.clone()], &set.runtime_ms[rows]);
        self.scratch.selection.select(first, ends_ms, runtimes_ms, self.calendar.slots());
        if !removed.is_empty() {
            self.scratch.selection.leave_out(|row| removed[row as usize]);
        }
        let inside = &self.scratch.selection.rows[..self.scratch.selection.len];
        self.keys.fill(set, shared, inside, &mut self.scratch.keys);
        self.add_inside(set, sink);
        let crossing = &self.scratch.selection.crossing[..self.scratch.selection.crossing_len];
        self.keys.fill(set, shared, crossing, &mut self.scratch.crossing_keys);
        let crossing = crossing.iter().zip(&self.scratch.crossing_keys);
        self.add_crossing(set, crossing.map(|(row, key)| (*row as usize, *key)), sink);
    }

    /// Adds the rows of the chunk that lie wholly in one bucket.
    // A function of its own, as the next one is, so that nothing else takes the registers of its loops.
    #[inline(never)]
    fn add_inside<C: Nanos, S: PieceSink>(&self, set: &RowSet<'_, C>, sink: &mut S) {
        let rows = self.scratch.selection.rows[..self.scratch.selection.len]
            .iter()
            .zip(&self.scratch.selection.buckets);
        let rows = rows.zip(&self.scratch.keys).map(|((row, bucket), key)| (*row as usize, *bucket, *key));
        let costs_are_whole = self.plan.rows_of == RowsOf::Sessions || !set.is_licensed;
        if costs_are_whole
            && self.keys.is_shared()
            && let Some(sums) = sink.sums()
        {
            return self.add_to_one(set, sums);
        }
        match self.plan.rows_of {
            RowsOf::Sessions => {
                for (row, bucket, key) in rows {
                    sink.add(bucket, key, set.cost_nanos[row].into(), set.runtime_ms[row]);
                }
            }
            RowsOf::UsageTypes => {
                for (row, bucket, key) in rows {
                    let (license_nanos, runtime_ms) = (set.license_nanos(row), set.runtime_ms[row]);
                    let compute_nanos = set.cost_nanos[row].into() - license_nanos;
                    sink.add(bucket, key + self.keys.compute, compute_nanos, runtime_ms);
                    if set.is_licensed {
                        sink.add(bucket, key + self.keys.license, license_nanos, runtime_ms);
                    }
                }
            }
            RowsOf::Licenses => {
                for (row, bucket, key) in rows {
                    for line in set.lines(row) {
                        let key = key + self.keys.of_line(set, line);
                        sink.add(bucket, key, set.line_cost_nanos[line].into(), set.runtime_ms[row]);
                    }
                }
            }
        }
    }

    /// Adds the rows of the chunk, which all have one key, a bucket at a time: nothing is stored until a bucket ends.
    fn add_to_one<C: Nanos>(&self, set: &RowSet<'_, C>, sums: &mut DenseSums) {
        let scratch = &self.scratch;
        let rows = &scratch.selection.rows[..scratch.selection.len];
        let (mut bucket, mut sum) = (scratch.selection.buckets[0], Summary::EMPTY);
        #[expect(clippy::cast_possible_truncation, reason = "keys of sums are few")]
        let key = (scratch.keys[0] + self.keys.compute) as usize;
        for (row, of_row) in rows.iter().zip(&scratch.selection.buckets) {
            if *of_row != bucket {
                sums.of_bucket(bucket as usize)[key].merge(&sum);
                (bucket, sum) = (*of_row, Summary::EMPTY);
            }
            sum.add(set.cost_nanos[*row as usize].into(), set.runtime_ms[*row as usize]);
        }
        if sum.count > 0 {
            sums.of_bucket(bucket as usize)[key].merge(&sum);
        }
    }

    /// Adds rows that lie in several buckets, with what each adds to its key by itself. Each line's cost is cut by itself.
    #[inline(never)]
    pub(crate) fn add_crossing<C: Nanos, S: PieceSink>(
        &self,
        set: &RowSet<'_, C>,
        crossing: impl Iterator<Item = (usize, u64)>,
        sink: &mut S,
    ) {
        let keys = &self.keys;
        match self.plan.rows_of {
            RowsOf::Sessions if !set.is_licensed => {
                for (row, key) in crossing {
                    self.cut(set, row, key, [set.cost_nanos[row].into()], sink);
                }
            }
            RowsOf::Sessions if set.has_single_lines() => {
                for (row, key) in crossing {
                    let (total, line) = (set.cost_nanos[row].into(), set.line_cost_nanos[row].into());
                    self.cut(set, row, key, [total.wrapping_sub(line), line], sink);
                }
            }
            RowsOf::Sessions => {
                for (row, key) in crossing {
                    self.cut_lines(set, row, key, Some(set.compute_nanos(row)), sink);
                }
            }
            RowsOf::UsageTypes => {
                for (row, key) in crossing {
                    self.cut(set, row, key + keys.compute, [set.compute_nanos(row)], sink);
                    if set.is_licensed {
                        self.cut_lines(set, row, key + keys.license, None, sink);
                    }
                }
            }
            RowsOf::Licenses => {
                for (row, key) in crossing {
                    for line in set.lines(row) {
                        let cost_nanos = set.line_cost_nanos[line].into();
                        self.cut(set, row, key + keys.of_line(set, line), [cost_nanos], sink);
                    }
                }
            }
        }
    }

    /// Cuts one or two lines of a row that count together.
    #[expect(clippy::inline_always, reason = "what all rows share then stays in registers from row to row")]
    #[inline(always)]
    fn cut<C: Nanos, S: PieceSink, const LINES: usize>(
        &self,
        set: &RowSet<'_, C>,
        row: usize,
        key: u64,
        lines: [u64; LINES],
        sink: &mut S,
    ) {
        let (end_ms, runtime_ms) = (set.end_offset_ms[row], set.runtime_ms[row]);
        let until = |elapsed_ms| {
            let of_line = |line| accrued(line, u64::from(elapsed_ms), u64::from(runtime_ms));
            lines.map(of_line).into_iter().fold(0, u64::wrapping_add)
        };
        let total_nanos = lines.into_iter().fold(0, u64::wrapping_add);
        let start_ms = end_ms.wrapping_sub(runtime_ms);
        self.calendar.cut(start_ms, end_ms, total_nanos, until, |bucket, cost_nanos, piece_ms| {
            sink.add(bucket, key, cost_nanos, piece_ms);
        });
    }

    /// Cuts any lines of a row that count together: those of its licences, and of its computing if it is there.
    fn cut_lines<C: Nanos, S: PieceSink>(
        &self,
        set: &RowSet<'_, C>,
        row: usize,
        key: u64,
        compute_nanos: Option<u64>,
        sink: &mut S,
    ) {
        let (end_ms, runtime_ms) = (set.end_offset_ms[row], set.runtime_ms[row]);
        let licenses = &set.line_cost_nanos[set.lines(row)];
        let lines = || licenses.iter().map(|cost| (*cost).into()).chain(compute_nanos);
        let until = |elapsed_ms| {
            lines().map(|line| accrued(line, u64::from(elapsed_ms), u64::from(runtime_ms))).sum::<u64>()
        };
        let (start_ms, total_nanos) = (end_ms.wrapping_sub(runtime_ms), lines().sum());
        self.calendar.cut(start_ms, end_ms, total_nanos, until, |bucket, cost_nanos, piece_ms| {
            sink.add(bucket, key, cost_nanos, piece_ms);
        });
    }
}
