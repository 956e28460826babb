//! Questions to people by rollups: any groups and filters of whole sessions that look at queues or fleets and at one thing more.

use std::ops::Range;

use farmtally_columns::{Asker, Axis, BlockView, Detail, Rollup};
use farmtally_model::{Dimension, Grouping, ScanFigures, UsageQuery};
use hashbrown::HashMap;

use crate::edges::Bucketed;
use crate::error::AggregationError;
use crate::limits::{AggregationControl, AggregationLimits};
use crate::rollups::{self, FoundRollup, FoundRollups, RollupQuestion};
use crate::tabulate::block_scan::Added;
use crate::tabulate::filter::Filter;
use crate::tabulate::places::{PlaceFinder, Places};
use crate::tabulate::plan::{Source, TabulationPlan};
use crate::tabulate::scan::Scan;
use crate::tabulate::slots::Slots;
use crate::tabulate::tally::Tally;
use crate::tabulate::watch::Watch;

/// What rollups have to tell apart to answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    axis: Option<Axis>,
    detail: Detail,
}

impl Asked {
    /// `None` when rows have to be looked at.
    pub(crate) fn of(scan: &Scan<'_>) -> Option<Self> {
        if !scan.plan.lines.is_whole || !scan.percentiles.is_empty() {
            return None;
        }
        let by_sources = scan.plan.sources.iter().map(|source| detail_of(*source));
        let mut details = by_sources.collect::<Option<Vec<Detail>>>()?;
        details.extend(FILTERED.into_iter().filter(|detail| mask(&scan.plan.filter, *detail).is_some()));
        let is_by = |detail| details.contains(&detail);
        let axis = match (is_by(Detail::Queue), is_by(Detail::Fleet)) {
            (true, _) => Some(Axis::Queue),
            (false, true) => Some(Axis::Fleet),
            (false, false) => None,
        };
        let mut others = details.iter().copied().filter(|detail| *detail != detail_of_axis(axis));
        let detail = others.next().unwrap_or(Detail::Nothing);
        others.all(|other| other == detail).then_some(Self { axis, detail })
    }
}

/// What filters of sessions look at.
const FILTERED: [Detail; 7] = [
    Detail::Queue,
    Detail::Fleet,
    Detail::Job,
    Detail::User,
    Detail::InstanceType,
    Detail::Worker,
    Detail::Outcome,
];

/// The codes of a detail that pass; `None` when all of them do.
fn mask(filter: &Filter, detail: Detail) -> Option<&[bool]> {
    match detail {
        Detail::Queue => filter.queues.as_deref(),
        Detail::Fleet => filter.fleets.as_deref(),
        Detail::Job => filter.jobs.as_deref(),
        Detail::User => filter.users.as_deref(),
        Detail::InstanceType => filter.instance_types.as_deref(),
        Detail::Worker => filter.workers.as_deref(),
        Detail::Outcome => filter.outcomes.as_deref(),
        Detail::Nothing | Detail::UsageType | Detail::Product => None,
    }
}

fn detail_of_axis(axis: Option<Axis>) -> Detail {
    match axis {
        None => Detail::Nothing,
        Some(Axis::Queue) => Detail::Queue,
        Some(Axis::Fleet) => Detail::Fleet,
    }
}

/// What tells apart the sessions that a source tells apart; `None` if it looks at their lines.
fn detail_of(source: Source) -> Option<Detail> {
    match source {
        Source::Queue => Some(Detail::Queue),
        Source::Fleet => Some(Detail::Fleet),
        Source::Job | Source::JobText => Some(Detail::Job),
        Source::User => Some(Detail::User),
        Source::InstanceType => Some(Detail::InstanceType),
        Source::Worker => Some(Detail::Worker),
        Source::Outcome => Some(Detail::Outcome),
        Source::UsageType | Source::Product => None,
    }
}

fn dimension_of(detail: Detail) -> Option<Dimension> {
    match detail {
        Detail::Queue => Some(Dimension::Queue),
        Detail::Fleet => Some(Dimension::Fleet),
        Detail::Job => Some(Dimension::Job),
        Detail::User => Some(Dimension::User),
        Detail::InstanceType => Some(Dimension::InstanceType),
        Detail::Worker => Some(Dimension::Worker),
        Detail::Outcome => Some(Dimension::Outcome),
        Detail::Nothing | Detail::UsageType | Detail::Product => None,
    }
}

/// Finds the rollups that stand for some of the blocks, and makes those that are worth it. The outlines of the blocks were
/// checked.
pub(crate) fn find(
    scan: &Scan<'_>,
    control: &AggregationControl<'_>,
) -> Result<FoundRollups, AggregationError> {
    match Asked::of(scan) {
        Some(asked) => rollups::find(&Question { scan, control, asked }, scan.plan.snapshot),
        None => Ok(FoundRollups::default()),
    }
}

/// A pass as a question.
struct Question<'q> {
    scan: &'q Scan<'q>,
    control: &'q AggregationControl<'q>,
    asked: Asked,
}

impl RollupQuestion for Question<'_> {
    fn buckets(&self) -> &impl Bucketed {
        self.scan.calendar
    }

    fn axis(&self) -> Option<Axis> {
        self.asked.axis
    }

    fn detail(&self) -> Detail {
        self.asked.detail
    }

    fn has_totals(&self) -> bool {
        true
    }

    fn asker(&self) -> (Asker, f64) {
        // Whether a row has some user is seen when it is read. Only the rows of other queues and fleets are not.
        let of = |detail| match detail {
            Detail::Queue | Detail::Fleet => mask(&self.scan.plan.filter, detail).map_or(1.0, rollups::share),
            _ => 1.0,
        };
        (self.scan.plan.asker, of(detail_of_axis(self.asked.axis)) * of(self.asked.detail))
    }

    fn rollup(
        &self,
        views: &[BlockView],
        buckets: &Range<usize>,
        sums_max: usize,
    ) -> Result<Option<Rollup>, AggregationError> {
        let Asked { axis, detail } = self.asked;
        let dimensions = [detail_of_axis(axis), detail].into_iter().filter_map(dimension_of);
        let groupings = dimensions.map(Grouping::By).collect();
        let query = UsageQuery::new(self.scan.calendar.clone()).grouped_by(groupings);
        let Ok(query) = query else { return Ok(None) };
        let plan = self.scan.plan.of_all_sessions(&query);
        let limits = AggregationLimits { rows_max: sums_max, ..self.control.limits };
        let control = AggregationControl { limits, ..*self.control };
        let Some(tally) = columns_counted(&Scan { plan: &plan, ..*self.scan }, views, &control)? else {
            return Ok(None);
        };
        let sums = sum_count(&tally);
        control.check(sums, tally.bytes() + sums * size_of::<PlacedSum>())?;
        Ok(rollup_of(&tally, axis.is_some(), buckets))
    }
}

/// What the columns of some blocks have, by codes; `None` when there are more groups than rows may be.
fn columns_counted(
    scan: &Scan<'_>,
    views: &[BlockView],
    control: &AggregationControl<'_>,
) -> Result<Option<Tally>, AggregationError> {
    let mut finder = PlaceFinder::of_codes(scan.plan);
    let (slots, mut figures) = (finder.open_slots(), ScanFigures::default());
    let mut pass = scan.begin(slots, &mut finder, control, &mut figures)?;
    for view in views {
        pass.look()?;
        let is_few = pass.group_count() <= control.limits.rows_max;
        if !is_few || pass.add_columns(view)? == Added::Nothing {
            return Ok(None);
        }
    }
    Ok(Some(pass.end()))
}

/// A sum of a rollup: its bucket, the slot of its group, and the number of its row, if it is none of the totals.
type PlacedSum = (u32, u32, Option<u32>);

/// How many sums a rollup of what was counted has at most.
fn sum_count(tally: &Tally) -> usize {
    let slots = tally.slots.len();
    if tally.has_rows { tally.row_numbers.rows().len() + slots } else { 2 * slots }
}

/// What was counted as a rollup, totals behind the buckets; `None` when a sum has more than 64 bits.
fn rollup_of(tally: &Tally, has_axis: bool, buckets: &Range<usize>) -> Option<Rollup> {
    let rows = if tally.has_rows { tally.row_numbers.rows() } else { &[] };
    let (first, end) = (u32::try_from(buckets.start).ok()?, u32::try_from(buckets.len()).ok()?);
    let mut sums: Vec<PlacedSum> = Vec::with_capacity(sum_count(tally));
    for (number, (slot, bucket)) in (0..).zip(rows) {
        sums.push((bucket.checked_sub(first)?, *slot, Some(number)));
    }
    for slot in 0..u32::try_from(tally.slots.len()).ok()? {
        sums.push((end, slot, None));
        if !tally.has_rows {
            // With one bucket totals are its rows, which a question with more buckets needs.
            sums.push((0, slot, None));
        }
    }
    let codes = |slot| {
        tally.slots.places(slot).map(|places| if has_axis { [places[0], places[1]] } else { [0, places[0]] })
    };
    sums.sort_unstable_by_key(|(bucket, slot, _)| (*bucket, codes(*slot)));
    let mut rollup = Rollup::default();
    for (bucket, slot, row) in sums {
        let sum = row.map_or_else(|| tally.totals.get(slot), |number| tally.rows.get(number));
        if sum.count() > 0 {
            let [axis_code, detail] = codes(slot)?;
            rollup.push(bucket as usize, axis_code, detail, &sum.summary()?);
        }
    }
    Some(rollup)
}

/// Adds what rollups have to a tally.
pub(crate) fn add(
    scan: &Scan<'_>,
    found: &FoundRollups,
    finder: &mut PlaceFinder<'_>,
    (tally, watch): (&mut Tally, &mut Watch<'_>),
) -> Result<(), AggregationError> {
    let Some(asked) = Asked::of(scan).filter(|_| !found.is_empty()) else { return Ok(()) };
    let admits = |mask: Option<&[bool]>, code: u32| mask.is_none_or(|mask| mask[code as usize]);
    let of_axis = mask(&scan.plan.filter, detail_of_axis(asked.axis));
    let of_detail = mask(&scan.plan.filter, asked.detail);
    let mut slots = RollupSlots::new(scan.plan, asked);
    for FoundRollup { first, rollup } in &found.rollups {
        // The last one has the totals.
        let buckets = rollup.buckets().saturating_sub(1);
        for place in 0..rollup.buckets() {
            let bucket = u32::try_from(first + place).unwrap_or(u32::MAX);
            for run in rollup.runs(place).filter(|run| admits(of_axis, run.axis_code)) {
                for (detail, sum) in run.sums().filter(|(detail, _)| admits(of_detail, *detail)) {
                    let slot = slots.slot((run.axis_code, detail), finder, &mut tally.slots);
                    if place == buckets {
                        tally.merge_cut(slot, &sum.summary());
                    } else {
                        tally.merge_pieces(slot, bucket, &sum.summary());
                    }
                }
                watch.after_session(tally)?;
            }
        }
    }
    watch.look(tally)
}

/// Slots of what rollups tell apart up to which there is a table of all.
const SLOTS_FEW: usize = 1 << 16;

/// The slots of what rollups tell apart, each looked up once.
struct RollupSlots<'a> {
    plan: &'a TabulationPlan<'a>,
    asked: Asked,
    /// Codes of the detail.
    details: usize,
    /// Whether the groups of all codes of the axis are the same.
    is_axis_joined: bool,
    /// Where there are few: one more than the slot, or zero where it was not looked up.
    table: Vec<u32>,
    map: HashMap<usize, u32>,
}

impl<'a> RollupSlots<'a> {
    fn new(plan: &'a TabulationPlan<'a>, asked: Asked) -> Self {
        let is_grouped = |detail| plan.sources.iter().any(|source| detail_of(*source) == Some(detail));
        let is_axis_joined = !is_grouped(detail_of_axis(asked.axis));
        let details = plan.code_count(asked.detail);
        let axis_codes = if is_axis_joined { 1 } else { plan.code_count(detail_of_axis(asked.axis)) };
        let all = details.saturating_mul(axis_codes);
        let table = vec![0; if all <= SLOTS_FEW { all } else { 0 }];
        Self { plan, asked, details, is_axis_joined, table, map: HashMap::new() }
    }

    fn slot(
        &mut self,
        (axis_code, detail): (u32, u32),
        finder: &mut PlaceFinder<'_>,
        slots: &mut Slots,
    ) -> u32 {
        let of_axis = if self.is_axis_joined { 0 } else { axis_code as usize };
        let index = of_axis * self.details + detail as usize;
        let mut find = || {
            let axis = detail_of_axis(self.asked.axis);
            let mut places = Places::default();
            for (grouping, (place, source)) in places.iter_mut().zip(&self.plan.sources).enumerate() {
                let code = if detail_of(*source) == Some(axis) { axis_code } else { detail };
                *place = finder.place(grouping, code);
            }
            slots.slot(&places)
        };
        match self.table.get_mut(index) {
            Some(known) => {
                if *known == 0 {
                    *known = find() + 1;
                }
                *known - 1
            }
            None => *self.map.entry(index).or_insert_with(find),
        }
    }
}
