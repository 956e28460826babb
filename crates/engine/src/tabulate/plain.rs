//! The plain path: one session or volume at a time. It serves what fits no columns, and is the twin of the scan of columns.

use farmtally_columns::SessionRow;
use farmtally_model::{Calendar, GROUPINGS_MAX};

use crate::tabulate::meter::Meter;
use crate::tabulate::places::{COMPUTE, LICENSE, NO_VALUE, PERSISTENT_VOLUME, PlaceFinder, Places};
use crate::tabulate::plan::{PlannedVolume, Source, TabulationPlan};
use crate::tabulate::tally::Tally;

/// Adds sessions and volumes one by one.
#[derive(Debug)]
pub(crate) struct PlainAdder<'a> {
    plan: &'a TabulationPlan<'a>,
    calendar: &'a Calendar,
    /// The lines of a session that count: slot and cost.
    lines: Vec<(u32, u64)>,
    /// The costs of one slot.
    line_nanos: Vec<u64>,
}

impl<'a> PlainAdder<'a> {
    pub(crate) fn new(plan: &'a TabulationPlan<'a>, calendar: &'a Calendar) -> Self {
        Self { plan, calendar, lines: Vec::new(), line_nanos: Vec::new() }
    }

    /// Adds what counts of a session.
    pub(crate) fn add_row(&mut self, row: &SessionRow, finder: &mut PlaceFinder<'_>, tally: &mut Tally) {
        let meter = Meter { start_ms: row.start_ms, end_ms: row.end_ms, line_nanos: &[] };
        let window = self.calendar.window();
        if !meter.overlaps(window.start().millis(), window.end().millis()) || !self.plan.filter.admits(row) {
            return;
        }
        self.find_lines(row, finder, tally);
        tally.add_lines(self.calendar, meter, &self.lines, &mut self.line_nanos);
    }

    /// Adds what counts of a volume.
    pub(crate) fn add_volume(
        &mut self,
        volume: &PlannedVolume,
        finder: &mut PlaceFinder<'_>,
        tally: &mut Tally,
    ) {
        let meter = Meter { start_ms: volume.span.start_ms, end_ms: volume.span.end_ms, line_nanos: &[] };
        let window = self.calendar.window();
        if !meter.overlaps(window.start().millis(), window.end().millis()) {
            return;
        }
        let mut places: Places = [0; GROUPINGS_MAX];
        for (grouping, source) in self.plan.sources.iter().enumerate() {
            places[grouping] = match source {
                Source::Fleet => finder.place(grouping, volume.fleet),
                Source::UsageType => finder.place(grouping, PERSISTENT_VOLUME),
                _ => NO_VALUE,
            };
        }
        self.lines.clear();
        self.lines.push((tally.slots.slot(&places), volume.span.cost_nanos));
        tally.add_lines(self.calendar, meter, &self.lines, &mut self.line_nanos);
    }

    /// Finds the lines that count and their slots.
    fn find_lines(&mut self, row: &SessionRow, finder: &mut PlaceFinder<'_>, tally: &mut Tally) {
        self.lines.clear();
        let rule = &self.plan.lines;
        let mut places = places_of(self.plan, row, finder);
        if rule.is_whole {
            let slot = tally.slots.slot(&places);
            let lines = row.licenses.iter().map(|line| line.cost_nanos).chain(row.compute_nanos);
            self.lines.extend(lines.map(|cost_nanos| (slot, cost_nanos)));
            return;
        }
        if let Some(cost_nanos) = row.compute_nanos.filter(|_| rule.compute) {
            set_line_places(self.plan, &mut places, COMPUTE, None);
            self.lines.push((tally.slots.slot(&places), cost_nanos));
        }
        for line in row.licenses.iter().filter(|line| rule.counts_product(line.product)) {
            set_line_places(self.plan, &mut places, LICENSE, Some(line.product));
            self.lines.push((tally.slots.slot(&places), line.cost_nanos));
        }
        self.lines.sort_by_key(|(slot, _)| *slot);
    }
}

/// The places of a session; those that its lines decide are left open.
fn places_of(plan: &TabulationPlan<'_>, row: &SessionRow, finder: &mut PlaceFinder<'_>) -> Places {
    let mut places = [0; GROUPINGS_MAX];
    for (grouping, source) in plan.sources.iter().enumerate() {
        let code = match source {
            Source::Queue => row.queue,
            Source::Fleet => row.fleet,
            Source::Job | Source::JobText => row.job,
            Source::User => row.user,
            Source::InstanceType => row.instance_type,
            Source::Worker => row.worker,
            Source::Outcome => u32::from(row.outcome),
            Source::UsageType | Source::Product => continue,
        };
        places[grouping] = finder.place(grouping, code);
    }
    places
}

/// The places that a line decides.
fn set_line_places(plan: &TabulationPlan<'_>, places: &mut Places, usage_type: u32, product: Option<u32>) {
    for (place, source) in places.iter_mut().zip(&plan.sources) {
        match source {
            Source::UsageType => *place = usage_type,
            Source::Product => *place = product.unwrap_or(NO_VALUE),
            _ => {}
        }
    }
}
