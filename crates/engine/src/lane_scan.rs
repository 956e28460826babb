//! The short sets of a block through the vector kernels. Their twins are the loops of the block scan.

use farmtally_columns::{RowSet, Summary};

use crate::block_scan::BlockScan;
use crate::calendar::Edges;
use crate::dense;
use crate::lanes::{Amounts, Columns, LaneRoom, Lanes, Stretches};
use crate::plan::RowsOf;
use crate::sink::PieceSink;

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
    pub(crate) fn scan_in_lanes<S: PieceSink>(&mut self, set: &RowSet<'_, u32>, sink: &mut S) -> bool {
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
        let end_ms = u32::try_from(set.end_max_ms - set.base_ms).unwrap_or(u32::MAX);
        let stretches = self.sorted_stretches(set, sink);
        let mut room = self.scratch.lanes.take().unwrap_or_else(|| Box::new(LaneRoom::new()));
        let mut add = |amounts, shared| {
            let stretches = Stretches { rest: &stretches, done: 0, shared };
            let edges = self.calendar.edges(end_ms);
            add_stretches((lanes, edges), &columns(amounts), stretches, &mut room, sink);
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
}

/// Adds stretches of rows.
fn add_stretches<S: PieceSink>(
    (lanes, edges): (Lanes, Edges<'_>),
    columns: &Columns<'_>,
    mut stretches: Stretches<'_>,
    room: &mut LaneRoom,
    sink: &mut S,
) {
    let LaneRoom { found, cut, one_key } = room;
    let has_own_keys = columns.bytes.is_some() || columns.words.iter().any(Option::is_some);
    let has_lines = matches!(columns.amounts, Amounts::With(..));
    one_key.begin(edges.first, edges.ends_ms.len());
    while !stretches.rest.is_empty() {
        if !has_own_keys && let Some(sums) = sink.sums() {
            let merge = |bucket: u32, key: u32, sum: &Summary| {
                dense::merge(sums.of_bucket(bucket as usize), key.into(), sum);
            };
            lanes.sum_one_key(columns, &mut stretches, edges, (one_key, &mut found.crossing), merge);
        } else {
            lanes.sift(columns, &mut stretches, edges, found);
            sink.add_chunk(lanes, &found.inside);
        }
        if found.crossing.len > 0 {
            lanes.cut(&found.crossing, has_lines, edges, cut);
            sink.add_chunk(lanes, cut);
        }
    }
    if let Some(sums) = sink.sums() {
        one_key.take(|bucket, key, sum| dense::merge(sums.of_bucket(bucket as usize), key.into(), sum));
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
