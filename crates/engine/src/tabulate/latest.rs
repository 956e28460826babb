//! When the latest sessions were that a question counts, so that a list of them need not be looked for everywhere.
//!
//! Columns know no ids: they say start and end, and whoever stores the records finds these. Blocks are looked at from the
//! latest starts on, and no further than the list needs.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use farmtally_columns::{BlockCodes, BlockView, FarmSnapshot, Nanos, RowSet, SessionRow};
use farmtally_model::{TimeRange, Timestamp, UsageQuery};

use crate::error::AggregationError;
use crate::tabulate::block_filter::BlockFilter;
use crate::tabulate::filter::Filter;
use crate::tabulate::meter::Meter;
use crate::tabulate::plan::LineRule;

/// Start and end of ended sessions, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSpans {
    /// In no order, one for each session.
    pub spans: Vec<(i64, i64)>,
    /// How many of the sessions asked for there are; the others are those that started at once with the last of them, or at
    /// the instant before which the list goes on.
    pub count: usize,
}

/// Finds the `count` latest-started of the ended sessions that have a part in the question's window and pass its filters.
///
/// With `before` the list goes on behind a session that started then: those that started at the same instant come
/// too, because only their ids say which of them are in front, and `count` later ones are none of them. All sessions that
/// started at once with the last one come as well.
pub fn latest_ended(
    snapshot: &FarmSnapshot,
    query: &UsageQuery,
    before: Option<Timestamp>,
    count: usize,
    cancelled: &AtomicBool,
) -> Result<EndedSpans, AggregationError> {
    let rule = Rule {
        window: query.calendar().window(),
        filter: Filter::new(snapshot, query),
        lines: LineRule::new(snapshot, query),
    };
    let mut latest = Latest::new(before.map_or(i64::MAX, Timestamp::millis), count);
    let can_have = |view: &&BlockView| rule.can_have(view) && view.block().starts_ms().0 <= latest.before_ms;
    let mut views: Vec<&BlockView> = snapshot.blocks().iter().filter(can_have).collect();
    views.sort_by_key(|view| Reverse(view.block().starts_ms().1));
    for view in views {
        if view.block().starts_ms().1 < latest.floor_ms {
            break;
        }
        if cancelled.load(Ordering::Relaxed) {
            return Err(AggregationError::Cancelled);
        }
        rule.add_block(view, &mut latest)?;
        latest.cut();
    }
    Ok(latest.end())
}

/// What a session has to be.
struct Rule {
    window: TimeRange,
    filter: Filter,
    lines: LineRule,
}

impl Rule {
    fn can_have(&self, view: &BlockView) -> bool {
        view.live_len() > 0 && view.overlaps(self.window.start().millis(), self.window.end().millis())
    }

    fn add_block(&self, view: &BlockView, latest: &mut Latest) -> Result<(), AggregationError> {
        let block = view.block();
        block.check_outline()?;
        if let Some(filter) = BlockFilter::new(&self.filter, &block.codes()) {
            block.check_columns()?;
            let mut part = Part { filter: &filter, codes: block.codes(), removed: view.removed(), base: 0 };
            block.short().iter().for_each(|set| self.add_set(&mut part, set, latest));
            block.long().iter().for_each(|set| self.add_set(&mut part, set, latest));
        }
        let odd_base = block.len() - block.odd_len();
        for (index, row) in (odd_base..).zip(block.odd()) {
            if view.removed().is_none_or(|removed| !removed[index]) {
                self.add_odd(&row, latest);
            }
        }
        Ok(())
    }

    fn add_set<C: Nanos>(&self, part: &mut Part<'_>, set: &RowSet<'_, C>, latest: &mut Latest) {
        let base = part.base;
        part.base += set.len();
        let counts_all = self.lines.is_whole || self.lines.compute;
        if !(counts_all || set.is_licensed) {
            return;
        }
        for run in set.runs().filter(|run| part.filter.admits_run(run)) {
            // Sessions in columns end after they start, so that those which end early enough start too early.
            let least_ms = self.window.start().millis().max(latest.floor_ms);
            let ends_ms = &set.end_offset_ms[run.rows.clone()];
            let first = ends_ms.partition_point(|end_ms| set.base_ms + i64::from(*end_ms) <= least_ms);
            for row in run.rows.start + first..run.rows.end {
                let (start_ms, end_ms) = set.span_ms(row);
                let is_wanted = latest.wants(start_ms)
                    && start_ms < self.window.end().millis()
                    && part.filter.admits_row(set, row)
                    && part.removed.is_none_or(|removed| !removed[base + row])
                    && (counts_all || self.counts_license(&part.codes, set, row));
                if is_wanted {
                    latest.add((start_ms, end_ms));
                }
            }
        }
    }

    fn counts_license<C: Nanos>(&self, codes: &BlockCodes<'_>, set: &RowSet<'_, C>, row: usize) -> bool {
        let products = &set.line_product[set.lines(row)];
        products.iter().any(|product| self.lines.counts_product(codes.products[usize::from(*product)]))
    }

    fn add_odd(&self, row: &SessionRow, latest: &mut Latest) {
        let lines = &self.lines;
        let counts = lines.is_whole
            || (lines.compute && row.compute_nanos.is_some())
            || row.licenses.iter().any(|line| lines.counts_product(line.product));
        let meter = Meter { start_ms: row.start_ms, end_ms: row.end_ms, line_nanos: &[] };
        let is_inside = meter.overlaps(self.window.start().millis(), self.window.end().millis());
        if counts && is_inside && latest.wants(row.start_ms) && self.filter.admits(row) {
            latest.add((row.start_ms, row.end_ms));
        }
    }
}

/// A block while its sets are looked at.
struct Part<'a> {
    filter: &'a BlockFilter<'a>,
    codes: BlockCodes<'a>,
    removed: Option<&'a [bool]>,
    /// The number of the next set's first row in the block.
    base: usize,
}

/// The latest spans so far.
struct Latest {
    before_ms: i64,
    count: usize,
    /// What starts before it is none of the latest.
    floor_ms: i64,
    spans: Vec<(i64, i64)>,
    /// Spans from which on it is worth taking out those that are too early.
    spans_many: usize,
    /// Those that start at `before_ms`.
    beside: Vec<(i64, i64)>,
}

/// Spans that are never worth taking any out.
const SPANS_FEW: usize = 1 << 10;

impl Latest {
    fn new(before_ms: i64, count: usize) -> Self {
        let spans_many = SPANS_FEW.max(count.saturating_mul(2));
        Self { before_ms, count, floor_ms: i64::MIN, spans: Vec::new(), spans_many, beside: Vec::new() }
    }

    fn wants(&self, start_ms: i64) -> bool {
        (self.floor_ms..=self.before_ms).contains(&start_ms)
    }

    fn add(&mut self, span: (i64, i64)) {
        if span.0 == self.before_ms {
            self.beside.push(span);
            return;
        }
        self.spans.push(span);
        if self.spans.len() >= self.spans_many {
            self.cut();
            // Many may have started at once.
            self.spans_many = self.spans_many.max(self.spans.len().saturating_mul(2));
        }
    }

    /// Takes out what is not among the latest.
    fn cut(&mut self) {
        let Some(last) = self.count.checked_sub(1).filter(|last| *last < self.spans.len()) else { return };
        let (_, (floor_ms, _), _) = self.spans.select_nth_unstable_by_key(last, |span| Reverse(span.0));
        self.floor_ms = *floor_ms;
        self.spans.retain(|span| span.0 >= self.floor_ms);
    }

    fn end(mut self) -> EndedSpans {
        self.cut();
        let count = self.spans.len().min(self.count);
        self.spans.append(&mut self.beside);
        EndedSpans { spans: self.spans, count }
    }
}
