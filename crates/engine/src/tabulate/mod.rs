//! Answers to people: any number of groups, filters by everything, calendars of zones, percentiles, and the best few.
//!
//! The AWS operations have a scan of their own ([`crate::aggregate`]), which knows two groupBy fields and nothing else; this
//! one trades some of its speed for generality. Both cut sessions by the same rule. Groups are numbered in the order in
//! which they are met ("slots") and rows likewise, so that memory follows what occurs; order is found at the end.

mod block_filter;
mod block_groups;
mod block_scan;
mod cubes;
mod filter;
mod finish;
mod half_hours;
mod meter;
mod percentiles;
mod places;
mod plain;
mod plan;
mod rank;
mod row_numbers;
mod scan;
mod selection;
mod slots;
mod sums;
mod tally;
#[cfg(test)]
mod twin;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{Calendar, ScanFigures, Timestamp, UsageQuery, UsageTable};

use crate::error::AggregationError;
use crate::limits::{AggregationControl, AggregationLimits};
use places::PlaceFinder;
use plan::TabulationPlan;
use scan::Scan;
use slots::Slots;
use tally::Tally;

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
    let mut finder = PlaceFinder::new(&plan);
    let mut figures = ScanFigures::default();
    let tally = count(&plan, &mut finder, control, &mut figures)?;
    control.check(tally.row_count().max(tally.slots.shown_count()), tally.bytes())?;
    Ok(finish::finish(&plan, &finder, &tally, figures))
}

/// Counts everything. Where only the first groups are shown, all groups are counted and then joined, if a session is one thing
/// and its amounts are not kept, and there is room for that; otherwise the first groups are found by their totals, before
/// their rows are counted.
fn count(
    plan: &TabulationPlan<'_>,
    finder: &mut PlaceFinder<'_>,
    control: &AggregationControl<'_>,
    figures: &mut ScanFigures,
) -> Result<Tally, AggregationError> {
    let query = plan.query;
    let scan = Scan { plan, calendar: query.calendar(), percentiles: query.percentiles() };
    let Some(top) = query.top() else { return scan.run(Slots::open(), finder, control, figures) };
    let first = |ranked: Vec<u32>| ranked.into_iter().take(top.groups.get()).collect::<Vec<u32>>();
    // Rows of groups that are not shown are none of the answer.
    let limits = AggregationLimits { rows_max: usize::MAX, ..control.limits };
    let unlimited = AggregationControl { limits, ..*control };
    if plan.lines.is_whole && query.percentiles().is_empty() {
        match scan.run(Slots::open(), finder, &unlimited, figures) {
            Ok(tally) => {
                let first = first(rank::ranked(plan, finder, &tally));
                return Ok(tally.with_only(&first, top.with_others, query.calendar()));
            }
            Err(AggregationError::TooMuchMemory { .. }) => *figures = ScanFigures::default(),
            Err(error) => return Err(error),
        }
    }
    let whole = Calendar::whole(query.calendar().window());
    let totals = Scan { plan, calendar: &whole, percentiles: &[] };
    let tally = totals.run(Slots::open(), finder, &unlimited, figures)?;
    let first = first(rank::ranked(plan, finder, &tally));
    scan.run(tally.slots.only(&first, top.with_others), finder, control, figures)
}
