//! Answers to people: any number of groups, filters by everything, calendars of zones, percentiles, and the best few.
//!
//! The AWS operations have a scan of their own ([`crate::aggregate`]), which knows two groupBy fields and nothing else; this
//! one trades some of its speed for generality. Both cut sessions by the same rule. Groups are numbered in the order in
//! which they are met ("slots") and rows likewise, so that memory follows what occurs; order is found at the end.

mod block_filter;
mod block_groups;
mod block_scan;
mod block_sums;
mod cubes;
mod filter;
mod finish;
mod half_hours;
mod latest;
mod meter;
mod near;
mod percentiles;
mod places;
mod plain;
mod plan;
mod rank;
mod recorded;
mod rollups;
mod row_numbers;
mod row_table;
mod scan;
mod selection;
mod slots;
mod straight;
mod sums;
mod tally;
#[cfg(test)]
mod twin;
mod watch;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{Calendar, ComparedUsage, ScanFigures, Timestamp, UsageQuery, UsageTable};

use crate::error::AggregationError;
use crate::limits::{AggregationControl, AggregationLimits};
use places::PlaceFinder;
use plan::TabulationPlan;
use scan::Scan;
use tally::Tally;

pub use latest::{EndedSpans, latest_ended};

/// Answers a question about the records of a snapshot, with everything that still runs ended at `now`.
///
/// `rows_max` of the limits holds for the rows and for the groups of the answer, `bytes_max` for what is held while it is
/// made. The answer is the same, bit for bit, for any order of arrival and layout of blocks.
pub fn tabulate(
    snapshot: &FarmSnapshot,
    query: &UsageQuery,
    now: Timestamp,
    control: &AggregationControl<'_>,
) -> Result<UsageTable, AggregationError> {
    let plan = TabulationPlan::new(snapshot, query, now)?;
    plan.check_order_of_jobs(control)?;
    let mut finder = PlaceFinder::new(&plan);
    let mut figures = ScanFigures::default();
    let tally = count(&plan, &mut finder, control, &mut figures)?;
    tally.check(control)?;
    Ok(finish::finish(&plan, &finder, &tally, figures))
}

/// Answers a question, and says what the groups of the answer used in a second window, which `before` cuts.
///
/// The first groups of a question for few are those of its own window, and all others are one group in both windows. Without
/// such a limit a group that has usage in the second window alone is a group too, with nothing in its own, after the others.
/// The limits hold for each window, and `bytes_max` for both together.
pub fn tabulate_beside(
    snapshot: &FarmSnapshot,
    query: &UsageQuery,
    before: &Calendar,
    now: Timestamp,
    control: &AggregationControl<'_>,
) -> Result<(UsageTable, ComparedUsage), AggregationError> {
    let plan = TabulationPlan::new(snapshot, query, now)?;
    plan.check_order_of_jobs(control)?;
    let mut finder = PlaceFinder::new(&plan);
    let mut figures = ScanFigures::default();
    let tally = count(&plan, &mut finder, control, &mut figures)?;
    tally.check(control)?;
    let AggregationLimits { bytes_max, .. } = control.limits;
    let limits = AggregationLimits { bytes_max: bytes_max.saturating_sub(tally.bytes()), ..control.limits };
    let rest = AggregationControl { limits, ..*control };
    let scan = Scan { plan: &plan, calendar: before, percentiles: query.percentiles() };
    let tally_before = scan
        .run(tally.slots.clone(), &mut finder, &rest, &mut figures)
        .and_then(|tally| tally.check(&rest).map(|()| tally))
        .map_err(|error| match error {
            AggregationError::TooMuchMemory { .. } => AggregationError::TooMuchMemory { bytes_max },
            error => error,
        })?;
    Ok(finish::finish_beside(&plan, &finder, &tally, (before, &tally_before), figures))
}

/// Counts everything. Where only the first groups are shown, everything is counted by all groups and joined, if a session is
/// one thing, its amounts are not kept, and there is room for that; otherwise the first groups are found by their totals,
/// before their rows are counted.
fn count(
    plan: &TabulationPlan<'_>,
    finder: &mut PlaceFinder<'_>,
    control: &AggregationControl<'_>,
    figures: &mut ScanFigures,
) -> Result<Tally, AggregationError> {
    let query = plan.query;
    let scan = Scan { plan, calendar: query.calendar(), percentiles: query.percentiles() };
    let Some(top) = query.top() else { return scan.run(finder.open_slots(), finder, control, figures) };
    // Rows of groups that are not shown are none of the answer.
    let limits = AggregationLimits { rows_max: usize::MAX, ..control.limits };
    let unlimited = AggregationControl { limits, ..*control };
    let mut counted = None;
    if query.percentiles().is_empty() && !scan.is_better_by_totals() {
        match scan.run(finder.open_slots(), finder, &unlimited, figures) {
            Ok(tally) => counted = Some(tally),
            Err(AggregationError::TooMuchMemory { .. }) => *figures = ScanFigures::default(),
            Err(error) => return Err(error),
        }
    }
    let first = |finder: &PlaceFinder<'_>, tally: &Tally| -> Vec<u32> {
        rank::ranked(plan, finder, tally).into_iter().take(top.groups.get()).collect()
    };
    let tally = match counted {
        Some(tally) if tally.slots.len() <= top.groups.get() => return Ok(tally.closed(top.with_others)),
        Some(tally) if plan.lines.is_whole => {
            let first = first(finder, &tally);
            return Ok(tally.with_only(&first, top.with_others, query.calendar()));
        }
        Some(tally) => tally,
        None => {
            let whole = Calendar::whole(query.calendar().window());
            let totals = Scan { plan, calendar: &whole, percentiles: &[] };
            totals.run(finder.open_slots(), finder, &unlimited, figures)?
        }
    };
    let first = first(finder, &tally);
    scan.run(tally.slots.only(&first, top.with_others), finder, control, figures)
}
