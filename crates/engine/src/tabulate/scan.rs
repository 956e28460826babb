//! One pass over a snapshot.

use farmtally_columns::BlockView;
use farmtally_model::{Calendar, Percentile, ScanFigures};

use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plain::PlainAdder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::slots::Slots;
use crate::tabulate::tally::Tally;

/// A pass: what is asked, how time is cut in it, and whether amounts are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a> {
    pub(crate) plan: &'a TabulationPlan<'a>,
    pub(crate) calendar: &'a Calendar,
    pub(crate) percentiles: &'a [Percentile],
}

impl Scan<'_> {
    /// Counts everything that passes.
    pub(crate) fn run(
        &self,
        slots: Slots,
        finder: &mut PlaceFinder<'_>,
        control: &AggregationControl<'_>,
        figures: &mut ScanFigures,
    ) -> Result<Tally, AggregationError> {
        let plan = self.plan;
        let mut tally = Tally::new(slots, self.calendar, plan.lines.is_whole, !self.percentiles.is_empty());
        let mut adder = PlainAdder::new(plan, self.calendar);
        figures.rows_scanned += plan.volumes.len() as u64;
        for volume in &plan.volumes {
            adder.add_volume(volume, finder, &mut tally);
        }
        for view in plan.snapshot.blocks().iter().chain([&plan.running]) {
            control.check(tally.row_count(), tally.bytes())?;
            if !self.can_count(view)? {
                figures.blocks_skipped += 1;
                continue;
            }
            figures.blocks_read += 1;
            figures.rows_scanned += view.live_len() as u64;
            view.block().check_columns()?;
            for row in view.live_rows() {
                adder.add_row(&row, finder, &mut tally);
            }
        }
        Ok(tally)
    }

    /// Whether a row of a block can pass.
    fn can_count(&self, view: &BlockView) -> Result<bool, AggregationError> {
        let window = self.calendar.window();
        if view.block().is_empty() || !view.block().overlaps(window.start().millis(), window.end().millis()) {
            return Ok(false);
        }
        view.block().check_outline()?;
        Ok(true)
    }
}
