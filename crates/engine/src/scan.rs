//! The scan: blocks are handed to threads, and every row that the question asks for becomes pieces in groups.
//!
//! What fits no columns is added first, one by one. Then each thread takes some of the buckets, and of each block what lies
//! in them: a session that crosses from one thread's buckets to another's is cut by both, and nothing has to be merged.
//! Where buckets are too few for that, each thread takes some of the blocks.

use std::cmp::Reverse;
use std::ops::Range;
use std::thread;

use farmtally_columns::{BlockView, SessionBlock};

use crate::block_scan::{Scratch, scan_block};
use crate::dense::DenseSums;
use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::output::Output;
use crate::piece_lists::PieceLists;
use crate::piece_memory;
use crate::plan::AggregationPlan;
use crate::processors::Processors;
use crate::rollup_scan;
use crate::session::add_row;
use crate::sink::Sink;
use crate::steps::{self, Step};
use crate::volumes::add_volumes;
use crate::wide::WideGroups;

/// Blocks from which on another thread pays.
const BLOCKS_PER_THREAD_MIN: usize = 2;

/// Buckets for each thread from which on threads share them, so that the shares can be about equal.
const BUCKETS_PER_THREAD_MIN: usize = 8;

/// Possible groups for each session of a bucket up to which there is a sum for all of them.
const GROUPS_PER_SESSION_MAX: u64 = 4;

/// Possible groups up to which there always is one.
const GROUPS_FEW: u64 = 64;

/// Sums up to which they are used at all: 8 MiB.
const SUMS_MAX: u64 = 1 << 18;

/// Sums of a block's buckets up to which they stay in a near cache: 160 KiB. Lists of pieces are faster than sums far away.
const SUMS_NEAR: u64 = (160 << 10) / 32;

/// Sums of a block's buckets that are used although they are far if there are so many sessions for each possible group, those that
/// the question leaves out among them: 1 MiB. Then a list would be read and written far more often than a sum comes near.
const SUMS_FAR: u64 = (1 << 20) / 32;
const SESSIONS_PER_GROUP_FAR: u64 = 16;

/// Everything that was found, not yet in one order.
#[derive(Debug)]
pub(crate) struct Found {
    /// What each thread finished, newest buckets first.
    pub(crate) outputs: Vec<Output>,
    /// Whether two outputs can have groups of the same bucket.
    pub(crate) outputs_overlap: bool,
    pub(crate) wide: WideGroups,
}

/// Scans everything the plan asks for.
pub(crate) fn scan(
    plan: &AggregationPlan<'_>,
    control: &AggregationControl<'_>,
) -> Result<Found, AggregationError> {
    let views = views_in_window(plan);
    for view in &views {
        view.block().check_outline()?;
    }
    let mut wide = WideGroups::default();
    add_volumes(plan, &mut wide);
    if !sums_fit(&views) {
        add_all_plainly(plan, &views, &mut wide, control)?;
        return Ok(Found { outputs: Vec::new(), outputs_overlap: false, wide });
    }
    for view in &views {
        add_odd(plan, view, &mut wide);
    }
    let found = rollup_scan::find(plan, control)?;
    let mut left = views;
    left.retain(|view| found.leave(view, plan.running.as_ref()));
    let mut steps = steps::of_blocks(&left);
    if found.is_empty()
        && steps::have_use(plan, left.len())
        && has_few_groups(plan, &within(plan, &(0..plan.buckets.len()), &steps))
    {
        steps = steps::with_groups(plan, &left, control)?;
    }
    piece_memory::mark(plan, &found, &mut steps);
    steps::put_latest_first(&mut steps);
    let tasks = tasks(plan, &steps, control.limits.threads.get());
    let mut outputs_overlap = tasks.len() > 1 && tasks[0].asked == tasks[1].asked;
    let mut outputs = run(plan, &tasks, control)?;
    if !found.is_empty() {
        outputs_overlap = !outputs.is_empty();
        outputs.push(rollup_scan::output(plan, &found, control)?);
    }
    Ok(Found { outputs, outputs_overlap, wide })
}

/// Scans blocks from which no row was removed, but for what fits no columns.
pub(crate) fn scan_blocks(
    plan: &AggregationPlan<'_>,
    views: &[&BlockView],
    control: &AggregationControl<'_>,
) -> Result<Vec<Output>, AggregationError> {
    let mut steps = steps::of_blocks(views);
    steps::put_latest_first(&mut steps);
    run(plan, &tasks(plan, &steps, control.limits.threads.get()), control)
}

/// The blocks in which something of the window lies.
fn views_in_window<'a>(plan: &'a AggregationPlan<'_>) -> Vec<&'a BlockView> {
    let window = plan.window_ms();
    let views = plan.snapshot.blocks().iter().chain(&plan.running);
    views.filter(|view| view.overlaps(window.start, window.end)).collect()
}

/// Whether 64 bits hold the sums of all columns together.
pub(crate) fn sums_fit(views: &[&BlockView]) -> bool {
    let mut totals = views.iter().map(|view| view.block().totals());
    let sums = totals.try_fold((0_u64, 0_u64), |(cost_sum, runtime_sum), (cost_nanos, runtime_ms)| {
        Some((cost_sum.checked_add(cost_nanos)?, runtime_sum.checked_add(runtime_ms)?))
    });
    sums.is_some()
}

/// Adds every row one by one. It is the twin of the scan of columns.
pub(crate) fn add_all_plainly(
    plan: &AggregationPlan<'_>,
    views: &[&BlockView],
    wide: &mut WideGroups,
    control: &AggregationControl<'_>,
) -> Result<(), AggregationError> {
    for view in views {
        control.check(wide.len(), wide.bytes())?;
        view.block().check_columns()?;
        for row in view.live_rows() {
            add_row(plan, &row, wide);
        }
    }
    Ok(())
}

/// Adds the rows of a block that fit no columns.
fn add_odd(plan: &AggregationPlan<'_>, view: &BlockView, wide: &mut WideGroups) {
    let block = view.block();
    if block.odd_len() == 0 {
        return;
    }
    let odd_base = block.len() - block.odd_len();
    let is_removed = |index: usize| view.removed().is_some_and(|removed| removed[odd_base + index]);
    for (index, row) in block.odd().enumerate() {
        if !is_removed(index) {
            add_row(plan, &row, wide);
        }
    }
}

/// What one thread does.
#[derive(Debug)]
struct Task<'a> {
    asked: Range<usize>,
    steps: &'a [Step<'a>],
}

fn tasks<'a>(plan: &AggregationPlan<'_>, steps: &'a [Step<'a>], threads: usize) -> Vec<Task<'a>> {
    let blocks = steps.iter().filter_map(Step::block).count();
    let threads = (blocks / BLOCKS_PER_THREAD_MIN).clamp(1, threads);
    let all = 0..plan.buckets.len();
    if threads == 1 || all.len() / threads < BUCKETS_PER_THREAD_MIN {
        let chunks = steps.chunks(steps.len().div_ceil(threads).max(1));
        return chunks.map(|steps| Task { asked: all.clone(), steps }).collect();
    }
    let mut edges = edges(plan, steps, threads);
    edges.extend([all.start, all.end]);
    edges.sort_unstable();
    edges.dedup();
    let newest_first = edges.windows(2).rev();
    newest_first.map(|edge| Task { asked: edge[0]..edge[1], steps }).collect()
}

/// The buckets in which so many about equal shares of the sessions meet, oldest first: of those that have begun in the window and are read.
fn edges(plan: &AggregationPlan<'_>, steps: &[Step<'_>], shares: usize) -> Vec<usize> {
    let window = plan.window_ms();
    // As if those of a block began evenly.
    let begun_in_window = |block: &SessionBlock| {
        let (first_ms, last_ms) = block.starts_ms();
        let part_ms = first_ms.clamp(window.start, window.end)..last_ms.clamp(window.start, window.end) + 1;
        let sessions = block.len() as i128 * i128::from(part_ms.end - part_ms.start);
        (part_ms, sessions / i128::from(last_ms - first_ms + 1))
    };
    let mut blocks: Vec<_> = steps.iter().filter_map(Step::block).map(begun_in_window).collect();
    // Steps are in the order of ends, of which a long session can be one.
    blocks.sort_by_key(|(part_ms, _)| Reverse(part_ms.end));
    let total: i128 = blocks.iter().map(|(_, sessions)| sessions).sum();
    let edge = |share: usize| {
        let mut rest = total - total * share as i128 / shares as i128;
        for (part_ms, sessions) in &blocks {
            if rest < *sessions {
                let after_ms = i128::from(part_ms.end - part_ms.start) * rest / sessions;
                let edge_ms = part_ms.end - i64::try_from(after_ms).unwrap_or(0);
                return plan.buckets.index_of(edge_ms.clamp(window.start, window.end - 1));
            }
            rest -= sessions;
        }
        0
    };
    (1..shares).map(edge).collect()
}

fn run(
    plan: &AggregationPlan<'_>,
    tasks: &[Task<'_>],
    control: &AggregationControl<'_>,
) -> Result<Vec<Output>, AggregationError> {
    let Some((own, others)) = tasks.split_first() else { return Ok(Vec::new()) };
    if others.is_empty() {
        return Ok(vec![run_task(plan, own, control)?]);
    }
    let processors = Processors::of_this_thread();
    let help = |task| {
        if let Some(processors) = &processors {
            processors.take();
        }
        run_task(plan, task, control)
    };
    thread::scope(|scope| {
        let help = &help;
        let helpers: Vec<_> = others.iter().map(|task| scope.spawn(move || help(task))).collect();
        // Whoever was left behind this thread can leave.
        thread::yield_now();
        let mut outputs = vec![run_task(plan, own, control)?];
        for helper in helpers {
            match helper.join() {
                Ok(output) => outputs.push(output?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(outputs)
    })
}

fn run_task(
    plan: &AggregationPlan<'_>,
    task: &Task<'_>,
    control: &AggregationControl<'_>,
) -> Result<Output, AggregationError> {
    let steps = within(plan, &task.asked, task.steps);
    let is_group = |(step, _): &(&Step<'_>, Range<usize>)| step.block().is_none();
    if steps.iter().any(is_group) || has_few_groups(plan, &steps) {
        let per_bucket = usize::try_from(plan.keys.len).unwrap_or(usize::MAX);
        run_through(plan, task, &steps, DenseSums::new(per_bucket), control)
    } else {
        run_through(plan, task, &steps, PieceLists::new(plan), control)
    }
}

/// The steps in which something of some buckets can lie, with these buckets.
fn within<'a>(
    plan: &AggregationPlan<'_>,
    asked: &Range<usize>,
    steps: &'a [Step<'a>],
) -> Vec<(&'a Step<'a>, Range<usize>)> {
    steps.iter().filter_map(|step| Some((step, step.buckets(plan, asked)?))).collect()
}

/// Whether a sum for every possible group costs less than lists of pieces.
fn has_few_groups(plan: &AggregationPlan<'_>, steps: &[(&Step<'_>, Range<usize>)]) -> bool {
    let sessions: usize = steps.iter().filter_map(|(step, _)| step.block()).map(SessionBlock::len).sum();
    let first = steps.iter().map(|(_, buckets)| buckets.start).min().unwrap_or(0);
    let end = steps.iter().map(|(_, buckets)| buckets.end).max().unwrap_or(1);
    let sessions_per_bucket = (sessions / (end - first).max(1)) as u64;
    let open_max = steps.iter().map(|(_, buckets)| buckets.len()).max().unwrap_or(1) as u64;
    // With one bucket there is no list to read bucket by bucket.
    let sums_max = match open_max {
        1 => SUMS_MAX,
        _ if sessions_per_bucket >= SESSIONS_PER_GROUP_FAR * plan.keys.len => SUMS_FAR,
        _ => SUMS_NEAR,
    };
    let is_filled = plan.keys.len <= GROUPS_FEW.max(GROUPS_PER_SESSION_MAX * sessions_per_bucket);
    is_filled && plan.keys.len.saturating_mul(open_max) <= sums_max
}

fn run_through<S: Sink>(
    plan: &AggregationPlan<'_>,
    task: &Task<'_>,
    steps: &[(&Step<'_>, Range<usize>)],
    mut sink: S,
    control: &AggregationControl<'_>,
) -> Result<Output, AggregationError> {
    let places = plan.positions.each_ref().map(|position| position.places.len());
    let mut output = Output::new(plan.keys, places, plan.lanes);
    let mut scratch = Scratch::new();
    for (step, buckets) in steps {
        let groups = output.row_count().max(sink.group_count_min());
        control.check(groups, output.bytes() + sink.bytes())?;
        sink.begin_block(buckets.clone(), &mut output);
        match step {
            Step::Block(step) => {
                step.view.block().check_columns()?;
                scan_block(plan, &task.asked, step, &mut scratch, &mut sink);
            }
            Step::Group(step) => {
                if let Some(sums) = sink.sums() {
                    step.add_to(plan, sums.of_bucket(step.bucket));
                }
            }
        }
    }
    sink.finish(&mut output);
    output.end();
    control.check(output.row_count(), output.bytes())?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use farmtally_columns::FarmColumns;
    use farmtally_model::{
        AggregationQuery, GroupBy, Period, QueueId, Record, Resources, Span, Statistic, StatisticSet,
        TimeRange, Timestamp, UsageGroupBy, UtcOffset,
    };

    use super::*;
    use crate::twin::farm_in_blocks_of;

    #[test]
    fn threads_get_about_as_many_sessions_wherever_the_window_cuts_the_first_and_the_last_block() {
        let (_, mut records) = farm_in_blocks_of(1_000);
        // One of the first block ends as one of the last.
        if let Record::Session(session) = &mut records[10] {
            let start = session.span.started_at();
            let end = Timestamp::from_millis(start.millis() + 40 * 86_400_000).unwrap();
            session.span = Span::new(start, Some(end)).unwrap();
        }
        let mut columns = FarmColumns::default();
        for records in records.chunks(1_000) {
            columns.apply(records, &[]);
            columns.seal();
        }
        let snapshot = columns.snapshot();
        let starts_ms = records.iter().filter_map(|record| match record {
            Record::Session(session) => Some(session.span.started_at().millis()),
            Record::Volume(_) => None,
        });
        let starts_ms: Vec<i64> = starts_ms.collect();
        let day_ms = 86_400_000;
        for first_day in 0..40 {
            let start_ms = starts_ms[0] / day_ms * day_ms + first_day * day_ms;
            let at = |millis| Timestamp::from_millis(millis).unwrap();
            let window = TimeRange::new(at(start_ms), at(start_ms + 35 * day_ms)).unwrap();
            let query = AggregationQuery::new(
                Resources::queues([QueueId::from_bytes([0; 16])]).unwrap(),
                window,
                UtcOffset::UTC,
                Some(Period::Hourly),
                GroupBy::new(&[UsageGroupBy::UserId]).unwrap(),
                StatisticSet::new(Statistic::ALL).unwrap(),
            )
            .unwrap();
            let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
            let mut steps = steps::of_blocks(&views_in_window(&plan));
            steps::put_latest_first(&mut steps);
            let tasks = tasks(&plan, &steps, 2);
            assert_eq!(tasks.len(), 2);
            let begun = |task: &Task<'_>| {
                let span_ms =
                    plan.buckets.start_ms(task.asked.start)..plan.buckets.end_ms(task.asked.end - 1);
                starts_ms.iter().filter(|start_ms| span_ms.contains(start_ms)).count()
            };
            let (newer, older) = (begun(&tasks[0]), begun(&tasks[1]));
            assert!(
                newer.min(older) * 100 >= (newer + older) * 45,
                "{newer} and {older} from day {first_day}"
            );
        }
    }
}
