//! Answers to people: any number of groups, filters by everything, calendars of zones, percentiles, and the best few.
//!
//! The AWS operations have a scan of their own ([`crate::aggregate`]), which knows two groupBy fields and nothing else; this
//! one trades some of its speed for generality. Both cut sessions by the same rule. Groups are numbered in the order in
//! which they are met ("slots") and rows likewise, so that memory follows what occurs; order is found at the end.

mod filter;
mod finish;
mod meter;
mod percentiles;
mod places;
mod plain;
mod plan;
mod rank;
mod row_numbers;
mod scan;
mod slots;
mod sums;
mod tally;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{Calendar, ScanFigures, Timestamp, UsageQuery, UsageTable};

use crate::error::AggregationError;
use crate::limits::AggregationControl;
use places::PlaceFinder;
use plan::TabulationPlan;
use scan::Scan;
use slots::Slots;

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
    let slots = first_slots(&plan, &mut finder, control, &mut figures)?;
    let scan = Scan { plan: &plan, calendar: query.calendar(), percentiles: query.percentiles() };
    let tally = scan.run(slots, &mut finder, control, &mut figures)?;
    control.check(tally.row_count().max(tally.slots.shown_count()), tally.bytes())?;
    Ok(finish::finish(&plan, &finder, &tally, figures))
}

/// Open slots or, where only the first groups are shown, those of these groups, found by their totals.
fn first_slots(
    plan: &TabulationPlan<'_>,
    finder: &mut PlaceFinder<'_>,
    control: &AggregationControl<'_>,
    figures: &mut ScanFigures,
) -> Result<Slots, AggregationError> {
    let Some(top) = plan.query.top() else { return Ok(Slots::open()) };
    let whole = Calendar::whole(plan.query.calendar().window());
    let scan = Scan { plan, calendar: &whole, percentiles: &[] };
    // The rows of the first pass are none of the answer.
    let limits = crate::AggregationLimits { rows_max: usize::MAX, ..control.limits };
    let control = AggregationControl { limits, ..*control };
    let tally = scan.run(Slots::open(), finder, &control, figures)?;
    let ranked = rank::ranked(plan, finder, &tally);
    Ok(tally.slots.only(&ranked[..ranked.len().min(top.groups.get())], top.with_others))
}
