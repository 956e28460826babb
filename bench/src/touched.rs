//! How many bytes of columns a question has to read: the columns that it needs, for the sessions that it asks for.
//!
//! An estimate from below. It leaves out what every engine must do besides (the accumulators, the rows of the answer) and
//! what a better layout could skip.

use farmtally_columns::{BlockCodes, FarmSnapshot, Nanos, RowSet, Run, SessionBlock, SessionRow};
use farmtally_model::{AggregationQuery, Buckets, UsageGroupBy};

/// Widths of the columns in bytes.
const END: usize = 4;
const RUNTIME: usize = 4;
const JOB: usize = 2;
const USER: usize = 2;
const INSTANCE_TYPE: usize = 1;
const LINE_END: usize = 4;
const LINE_PRODUCT: usize = 2;

/// Bytes of columns that a question needs.
pub(crate) fn bytes(snapshot: &FarmSnapshot, query: &AggregationQuery) -> usize {
    let touched = Touched { snapshot, query, buckets: query.buckets() };
    let blocks = snapshot.blocks().iter().map(farmtally_columns::BlockView::block);
    blocks.map(|block| touched.of_block(block)).sum()
}

struct Touched<'a> {
    snapshot: &'a FarmSnapshot,
    query: &'a AggregationQuery,
    buckets: Buckets,
}

impl Touched<'_> {
    fn of_block(&self, block: &SessionBlock) -> usize {
        let codes = block.codes();
        let short: usize = block.short().iter().map(|set| self.of_set(set, &codes)).sum();
        let long: usize = block.long().iter().map(|set| self.of_set(set, &codes)).sum();
        let odd: usize = block.odd().map(|row| self.of_odd(&row)).sum();
        short + long + odd
    }

    /// Rows outside of the columns count as if they were in the widest ones: no question needs them elsewhere.
    fn of_odd(&self, row: &SessionRow) -> usize {
        let window = self.query.window();
        let is_in_window = row.start_ms < window.end().millis() && row.end_ms > window.start().millis();
        let is_held =
            !self.query.group_by().contains(UsageGroupBy::LicenseProduct) || !row.licenses.is_empty();
        if is_in_window && is_held && self.is_asked_for(row.queue, row.fleet) {
            RUNTIME + END + self.fields_width() + size_of::<u64>()
        } else {
            0
        }
    }

    fn fields_width(&self) -> usize {
        self.query.group_by().fields().map(field_width).sum()
    }

    fn of_set<C: Nanos>(&self, set: &RowSet<'_, C>, codes: &BlockCodes<'_>) -> usize {
        let licenses_only = self.query.group_by().contains(UsageGroupBy::LicenseProduct);
        if licenses_only && !set.is_licensed {
            return 0;
        }
        let is_asked_for =
            |run: &Run| self.is_asked_for(codes.queues[run.queue as usize], codes.fleets[run.fleet as usize]);
        let rows: usize = set.runs().filter(is_asked_for).map(|run| self.rows_in_window(set, &run)).sum();
        rows * self.row_width(set)
    }

    fn is_asked_for(&self, queue: u32, fleet: u32) -> bool {
        let resources = self.query.resources();
        let queue = self.snapshot.queues().get(queue);
        let fleet = self.snapshot.fleets().get(fleet);
        resources.queue_ids().is_some_and(|ids| ids.contains(queue))
            || resources.fleet_ids().is_some_and(|ids| ids.contains(fleet))
    }

    fn rows_in_window<C: Nanos>(&self, set: &RowSet<'_, C>, run: &Run) -> usize {
        let window = self.query.window();
        let in_window = |row: &usize| {
            let (start_ms, end_ms) = set.span_ms(*row);
            start_ms < window.end().millis() && end_ms > window.start().millis()
        };
        run.rows.clone().filter(in_window).count()
    }

    /// What a session of a set takes in the columns that are needed.
    fn row_width<C: Nanos>(&self, set: &RowSet<'_, C>) -> usize {
        // The ends tell which bucket a session is in; a set that lies in one bucket need not be asked.
        let ends = if self.is_cut(set) { END } else { 0 };
        RUNTIME + self.fields_width() + ends + self.cost_width(set)
    }

    fn cost_width<C: Nanos>(&self, set: &RowSet<'_, C>) -> usize {
        let group_by = self.query.group_by();
        if set.is_licensed && group_by.contains(UsageGroupBy::LicenseProduct) {
            LINE_END + LINE_PRODUCT + size_of::<C>()
        } else if set.is_licensed && group_by.contains(UsageGroupBy::UsageType) {
            LINE_END + 2 * size_of::<C>()
        } else {
            size_of::<C>()
        }
    }

    /// Whether an edge of a bucket or of the window lies inside of a set.
    fn is_cut<C: Nanos>(&self, set: &RowSet<'_, C>) -> bool {
        let window = self.buckets.window();
        if set.start_min_ms < window.start().millis() || set.end_max_ms > window.end().millis() {
            return true;
        }
        self.buckets.end_ms(self.buckets.index_of(set.start_min_ms)) < set.end_max_ms
    }
}

fn field_width(field: UsageGroupBy) -> usize {
    match field {
        UsageGroupBy::JobId => JOB,
        UsageGroupBy::UserId => USER,
        UsageGroupBy::InstanceType => INSTANCE_TYPE,
        // Constant over a run, or part of the licence lines.
        UsageGroupBy::QueueId
        | UsageGroupBy::FleetId
        | UsageGroupBy::UsageType
        | UsageGroupBy::LicenseProduct => 0,
    }
}
