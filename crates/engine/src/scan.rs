//! The scan: blocks are handed to threads, and every row that the question asks for becomes pieces in groups.
//!
//! Column sets take the fast path through their runs. Rows that fit no columns take the plain one, and so does a whole
//! block from which rows were removed.

use std::ops::Range;

use farmtally_columns::{BlockView, SessionBlock, SessionRow};

use crate::error::AggregationError;
use crate::groups::{Groups, SortedGroups};
use crate::limits::AggregationControl;
use crate::plan::AggregationPlan;
use crate::session::{Session, SessionCodes};

/// Blocks from which on a second thread pays.
const BLOCKS_PER_THREAD_MIN: usize = 2;

/// Scans everything the plan asks for.
///
/// Each thread takes a stretch of the blocks in the order of their starts, so that the buckets that two threads share are
/// those at the seams.
pub(crate) fn scan(
    plan: &AggregationPlan<'_>,
    control: &AggregationControl<'_>,
) -> Result<SortedGroups, AggregationError> {
    let blocks = blocks_in_window(plan);
    let threads = (blocks.len() / BLOCKS_PER_THREAD_MIN).clamp(1, control.limits.threads.get());
    let mut stretches = blocks.chunks(blocks.len().div_ceil(threads).max(1));
    let own = stretches.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let helpers: Vec<_> =
            stretches.map(|stretch| scope.spawn(move || scan_blocks(plan, stretch, control))).collect();
        let mut groups = scan_blocks(plan, own, control)?;
        for helper in helpers {
            match helper.join() {
                Ok(others) => groups = groups.merge(others?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(groups)
    })
}

/// The blocks in which something of the window lies, in the order of their starts.
fn blocks_in_window<'a>(plan: &'a AggregationPlan<'_>) -> Vec<&'a BlockView> {
    let window = plan.window_ms();
    let blocks = plan.snapshot.blocks().iter().chain([&plan.running]);
    let mut blocks: Vec<&BlockView> =
        blocks.filter(|view| view.block().overlaps(window.start, window.end)).collect();
    blocks.sort_by_key(|view| view.block().span_ms().0);
    blocks
}

fn scan_blocks(
    plan: &AggregationPlan<'_>,
    blocks: &[&BlockView],
    control: &AggregationControl<'_>,
) -> Result<SortedGroups, AggregationError> {
    let rows_max = control.limits.rows_max;
    let mut groups = Groups::new(plan.numbering, plan.buckets.len());
    for view in blocks {
        if control.is_cancelled() {
            return Err(AggregationError::Cancelled);
        }
        view.block().check_outline()?;
        view.block().check_columns()?;
        scan_block(plan, view, &mut groups);
        if groups.known_len() > rows_max {
            return Err(AggregationError::TooManyRows { rows_max });
        }
    }
    Ok(groups.into_sorted())
}

fn scan_block(plan: &AggregationPlan<'_>, view: &BlockView, groups: &mut Groups) {
    groups.begin_block(buckets_of(plan, view.block()));
    for row in view.live_rows() {
        scan_row(plan, &row, groups);
    }
}

/// The buckets in which the block's sessions lie, as far as the window reaches.
fn buckets_of(plan: &AggregationPlan<'_>, block: &SessionBlock) -> Range<usize> {
    let window = plan.window_ms();
    let (start_ms, end_ms) = block.span_ms();
    let first = plan.buckets.index_of(start_ms.clamp(window.start, window.end - 1));
    let last = plan.buckets.index_of(end_ms.clamp(window.start, window.end - 1));
    first..last + 1
}

fn scan_row(plan: &AggregationPlan<'_>, row: &SessionRow, groups: &mut Groups) {
    if plan.is_wanted(row.queue, row.fleet) {
        let codes = SessionCodes {
            queue: row.queue,
            fleet: row.fleet,
            job: row.job,
            user: row.user,
            instance_type: row.instance_type,
        };
        let (start_ms, end_ms) = (row.start_ms, row.end_ms);
        let session =
            Session { codes, start_ms, end_ms, compute_nanos: row.compute_nanos, licenses: &row.licenses };
        session.add(plan, groups);
    }
}
