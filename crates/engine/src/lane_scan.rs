//! The short sets of a block through the vector kernels. Their twins are the loops of the block scan.

use farmtally_columns::{RowSet, Slices, Summary};

use crate::block_scan::BlockScan;
use crate::dense;
use crate::lanes::{Amounts, Columns, Crossing, LaneRoom, Lanes, PieceChunk, Sifted, Stretches};
use crate::plan::RowsOf;
use crate::sink::Sink;

/// What the codes of a block add to a key, in 32 bits.
#[derive(Debug, Default)]
struct Tables {
    jobs: Option<Vec<u32>>,
    users: Option<Vec<u32>>,
    instance_types: Option<Vec<u32>>,
    products: Option<Vec<u32>>,
}

impl BlockScan<'_> {
    /// Adds a set of short sessions. False when that is left to the plain loops, and nothing was added.
    pub(crate) fn scan_in_lanes<S: Sink>(&mut self, set: &RowSet<'_, u32>, sink: &mut S) -> bool {
        let Some(lanes) = self.plan.lanes else { return false };
        if set.len() < Columns::ROWS_MIN || (set.is_licensed && !set.has_single_lines()) {
            return false;
        }
        let tables = Tables {
            jobs: narrow_table(self.keys.jobs.as_deref()),
            users: narrow_table(self.keys.users.as_deref()),
            instance_types: narrow_table(self.keys.instance_types.as_deref()),
            products: narrow_table(self.keys.products.as_deref()),
        };
        let words =
            [(&tables.jobs, set.job), (&tables.users, set.user), (&tables.products, set.line_product)];
        let mut words = words.into_iter().filter_map(|(table, codes)| Some((codes, table.as_deref()?)));
        let words = [words.next(), words.next()];
        let columns = |amounts| Columns {
            ends_ms: set.end_offset_ms,
            runtimes_ms: set.runtime_ms,
            amounts,
            words,
            bytes: tables.instance_types.as_deref().map(|table| (set.instance_type, table)),
        };
        let (costs, lines) = (set.cost_nanos, set.line_cost_nanos);
        let (compute, license) = (narrow(self.keys.compute), narrow(self.keys.license));
        let stretches = self.sorted_stretches(set, sink);
        let mut room = self.scratch.lanes.take().unwrap_or_else(|| Box::new(LaneRoom::new()));
        let mut add = |amounts, shared| {
            let stretches = Stretches { rest: &stretches, done: 0, shared };
            self.add_stretches(lanes, &columns(amounts), stretches, &mut room, sink);
        };
        match self.plan.rows_of {
            RowsOf::Sessions if set.is_licensed => add(Amounts::With(costs, lines), compute),
            RowsOf::UsageTypes if set.is_licensed => {
                add(Amounts::Without(costs, lines), compute);
                add(Amounts::Whole(lines), license);
            }
            RowsOf::Sessions | RowsOf::UsageTypes => add(Amounts::Whole(costs), compute),
            RowsOf::Licenses => add(Amounts::Whole(lines), license),
        }
        self.scratch.lanes = Some(room);
        true
    }

    /// Cuts the rows of a set of short sessions that slices have not summed. False when that is left to the plain loops, and nothing was
    /// added.
    pub(crate) fn cut_in_lanes<S: Sink>(
        &mut self,
        set: &RowSet<'_, u32>,
        slices: &Slices,
        sink: &mut S,
    ) -> bool {
        let Some(lanes) = self.plan.lanes else { return false };
        if set.is_licensed && !set.has_single_lines() {
            return false;
        }
        let mut room = self.scratch.lanes.take().unwrap_or_else(|| Box::new(LaneRoom::new()));
        let LaneRoom { found: Sifted { crossing, .. }, cut, .. } = &mut *room;
        let (rows_of, keys) = (self.plan.rows_of, &self.keys);
        let (compute, license) = (keys.compute, keys.license);
        let has_lines = set.is_licensed && rows_of == RowsOf::Sessions;
        crossing.len = 0;
        for (shared, rows) in self.stretches(set) {
            for row in slices.cut_rows(set.is_licensed, &rows).filter(|row| self.is_asked(set, *row)) {
                let key = shared.wrapping_add(keys.of_row(set, row));
                let span = (set.end_offset_ms[row], set.runtime_ms[row]);
                let (cost, line) =
                    (set.cost_nanos[row], if set.is_licensed { set.line_cost_nanos[row] } else { 0 });
                match rows_of {
                    RowsOf::Licenses => {
                        // Each row has one line, which is found as the row is.
                        let key = key.wrapping_add(keys.of_line(set, row));
                        crossing.push(narrow(key), span, (line, 0));
                    }
                    RowsOf::UsageTypes => {
                        crossing.push(narrow(key.wrapping_add(compute)), span, (cost.wrapping_sub(line), 0));
                        if set.is_licensed {
                            crossing.push(narrow(key.wrapping_add(license)), span, (line, 0));
                        }
                    }
                    RowsOf::Sessions => crossing.push(narrow(key), span, (cost.wrapping_sub(line), line)),
                }
                if crossing.is_full() {
                    self.add_pieces_of(lanes, (crossing, has_lines), cut, sink);
                    crossing.len = 0;
                }
            }
        }
        self.add_pieces_of(lanes, (crossing, has_lines), cut, sink);
        self.scratch.lanes = Some(room);
        true
    }

    /// Cuts rows, each with lines that are cut by themselves or without, and adds their pieces.
    fn add_pieces_of<S: Sink>(
        &self,
        lanes: Lanes,
        (rows, have_lines): (&Crossing, bool),
        cut: &mut PieceChunk,
        sink: &mut S,
    ) {
        if rows.len > 0 {
            lanes.cut(rows, have_lines, self.calendar.edges(), cut);
            sink.add_chunk(lanes, cut);
        }
    }

    fn add_stretches<S: Sink>(
        &self,
        lanes: Lanes,
        columns: &Columns<'_>,
        mut stretches: Stretches<'_>,
        room: &mut LaneRoom,
        sink: &mut S,
    ) {
        let LaneRoom { found, cut, one_key } = room;
        let has_own_keys = columns.bytes.is_some() || columns.words.iter().any(Option::is_some);
        let has_lines = matches!(columns.amounts, Amounts::With(..));
        let edges = self.calendar.edges();
        one_key.begin(edges.first, edges.ends_ms.len());
        while !stretches.rest.is_empty() {
            if !has_own_keys && let Some(sums) = sink.sums() {
                let merge = |bucket: u32, key: u32, sum: &Summary| {
                    dense::merge(sums.of_bucket(bucket as usize), key.into(), sum);
                };
                lanes.sum_one_key(columns, &mut stretches, edges, (one_key, &mut found.crossing), merge);
            } else {
                lanes.sift(columns, &mut stretches, edges.slots, found);
                sink.add_chunk(lanes, &found.inside);
            }
            self.add_pieces_of(lanes, (&found.crossing, has_lines), cut, sink);
        }
        if let Some(sums) = sink.sums() {
            one_key.take(|bucket, key, sum| dense::merge(sums.of_bucket(bucket as usize), key.into(), sum));
        }
    }
}

/// A part of a key.
#[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits, or there are no lanes")]
fn narrow(share: u64) -> u32 {
    share as u32
}

fn narrow_table(table: Option<&[u64]>) -> Option<Vec<u32>> {
    Some(table?.iter().copied().map(narrow).collect())
}
