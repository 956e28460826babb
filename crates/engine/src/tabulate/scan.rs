//! One pass over a snapshot.

use farmtally_columns::BlockView;
use farmtally_model::{Calendar, Percentile, ScanFigures};

use crate::error::AggregationError;
use crate::limits::AggregationControl;
#[cfg(test)]
use crate::limits::AggregationLimits;
use crate::scan::sums_fit;
use crate::tabulate::block_filter::BlockFilter;
use crate::tabulate::block_scan::{Added, Scratch, scan_columns};
use crate::tabulate::block_sums::table_len;
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plain::PlainAdder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::rollups;
use crate::tabulate::slots::Slots;
use crate::tabulate::tally::Tally;
use crate::tabulate::watch::Watch;

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
        let mut pass = self.begin(slots, finder, control, figures)?;
        let window = self.calendar.window();
        let views: Vec<&BlockView> = self.plan.snapshot.blocks().iter().chain(&self.plan.running).collect();
        let (seen, skipped): (Vec<&BlockView>, Vec<&BlockView>) = views.into_iter().partition(|view| {
            !view.block().is_empty() && view.overlaps(window.start().millis(), window.end().millis())
        });
        pass.figures.blocks_skipped += skipped.len() as u64;
        for view in &seen {
            view.block().check_outline()?;
        }
        if !sums_fit(&seen) {
            for view in seen {
                pass.look()?;
                pass.add_block_plainly(view)?;
            }
            return Ok(pass.end());
        }
        let found = rollups::find(self, control)?;
        for view in seen {
            pass.look()?;
            if found.leave(view, self.plan.running.as_ref()) {
                pass.add_block(view)?;
            } else {
                pass.skip_columns(view)?;
            }
        }
        rollups::add(self, &found, pass.finder, (&mut pass.tally, &mut pass.watch))?;
        Ok(pass.end())
    }

    /// Whether the rows of all groups would not stay near, but their totals do: then it is better to find the first groups
    /// by their totals.
    pub(crate) fn is_better_by_totals(&self) -> bool {
        let window = self.calendar.window();
        let views = self.plan.snapshot.blocks().iter();
        let seen = views.filter(|view| view.overlaps(window.start().millis(), window.end().millis()));
        let Some(largest) = seen.max_by_key(|view| view.block().len()) else { return false };
        let block = largest.block();
        let keys = self.plan.keys_of(&block.codes());
        let (start_ms, end_ms) = block.span_ms();
        let first = self.calendar.index_of(start_ms.max(window.start().millis()));
        let last = self.calendar.index_of(end_ms.min(window.end().millis() - 1).max(window.start().millis()));
        let buckets = (last.saturating_sub(first) + 1) as u64;
        table_len(keys, 1).is_some() && table_len(keys, buckets).is_none()
    }

    /// The twin of [`Self::run`], which adds every row by itself.
    #[cfg(test)]
    pub(crate) fn run_plainly(&self, slots: Slots, finder: &mut PlaceFinder<'_>) -> Tally {
        let mut figures = ScanFigures::default();
        let limits = AggregationLimits {
            rows_max: usize::MAX,
            bytes_max: usize::MAX,
            threads: std::num::NonZeroUsize::MIN,
        };
        let control = AggregationControl { limits, cancelled: &std::sync::atomic::AtomicBool::new(false) };
        let mut pass = self.begin(slots, finder, &control, &mut figures).unwrap();
        for view in self.plan.snapshot.blocks().iter().chain(&self.plan.running) {
            pass.add_block_plainly(view).unwrap();
        }
        pass.end()
    }

    /// A pass that has added the volumes.
    pub(crate) fn begin<'s, 'f>(
        &'s self,
        slots: Slots,
        finder: &'s mut PlaceFinder<'f>,
        control: &'s AggregationControl<'s>,
        figures: &'s mut ScanFigures,
    ) -> Result<Pass<'s, 'f>, AggregationError> {
        let mut pass = Pass {
            scan: self,
            finder,
            figures,
            adder: PlainAdder::new(self.plan, self.calendar),
            scratch: Scratch::new(),
            watch: Watch::new(control),
            tally: Tally::new(slots, self.calendar, !self.percentiles.is_empty()),
        };
        pass.figures.rows_scanned += self.plan.volumes.len() as u64;
        for volume in &self.plan.volumes {
            pass.adder.add_volume(volume, pass.finder, &mut pass.tally);
            pass.watch.after_session(&pass.tally)?;
        }
        Ok(pass)
    }
}

/// A pass under way.
pub(crate) struct Pass<'s, 'f> {
    scan: &'s Scan<'s>,
    finder: &'s mut PlaceFinder<'f>,
    figures: &'s mut ScanFigures,
    adder: PlainAdder<'s>,
    scratch: Scratch,
    watch: Watch<'s>,
    tally: Tally,
}

impl Pass<'_, '_> {
    /// Looks at the limits and the switch.
    pub(crate) fn look(&mut self) -> Result<(), AggregationError> {
        self.watch.look(&self.tally)
    }

    /// The groups that were found so far.
    pub(crate) fn group_count(&self) -> usize {
        self.tally.slots.len()
    }

    fn add_block(&mut self, view: &BlockView) -> Result<(), AggregationError> {
        match self.add_columns(view)? {
            Added::Nothing => self.add_block_plainly(view),
            Added::Columns => {
                self.figures.blocks_read += 1;
                self.figures.rows_scanned += view.live_len() as u64;
                self.add_odd(view)
            }
            Added::Summaries => self.skip_columns(view),
        }
    }

    /// Adds what is left of a block of which summaries have answered for the columns.
    fn skip_columns(&mut self, view: &BlockView) -> Result<(), AggregationError> {
        self.figures.blocks_skipped += 1;
        self.figures.rows_scanned += view.block().odd_len() as u64;
        self.add_odd(view)
    }

    /// Adds the rows of a block that lie in columns.
    pub(crate) fn add_columns(&mut self, view: &BlockView) -> Result<Added, AggregationError> {
        let Some(filter) = BlockFilter::new(&self.scan.plan.filter, &view.block().codes()) else {
            return Ok(Added::Summaries);
        };
        let (scratch, tally) = (&mut self.scratch, &mut self.tally);
        scan_columns(self.scan, view, &filter, self.finder, scratch, (tally, &mut self.watch))
    }

    /// Adds the rows of a block that fit no columns.
    fn add_odd(&mut self, view: &BlockView) -> Result<(), AggregationError> {
        let block = view.block();
        let odd_base = block.len() - block.odd_len();
        let is_removed = |index: usize| view.removed().is_some_and(|removed| removed[odd_base + index]);
        for (index, row) in block.odd().enumerate() {
            if !is_removed(index) {
                self.adder.add_row(&row, self.finder, &mut self.tally);
                self.watch.after_session(&self.tally)?;
            }
        }
        Ok(())
    }

    fn add_block_plainly(&mut self, view: &BlockView) -> Result<(), AggregationError> {
        self.figures.blocks_read += 1;
        self.figures.rows_scanned += view.live_len() as u64;
        view.block().check_columns()?;
        for row in view.live_rows() {
            self.adder.add_row(&row, self.finder, &mut self.tally);
            self.watch.after_session(&self.tally)?;
        }
        Ok(())
    }

    /// What was added.
    pub(crate) fn end(mut self) -> Tally {
        self.tally.settle();
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    use farmtally_model::{CalendarUnit, Dimension, Grouping, TimeRange, Timestamp, UsageQuery, Zone};

    use super::*;
    use crate::twin::lasting_farm;

    #[test]
    fn memory_and_the_switch_are_looked_at_inside_of_a_block() {
        let snapshot = lasting_farm(30).snapshot();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let window = TimeRange::new(at("2025-10-01T00:00:00Z"), at("2035-10-01T00:00:00Z")).unwrap();
        let hours = Calendar::new(window, Some(CalendarUnit::Hour), &Zone::utc()).unwrap();
        let query = UsageQuery::new(hours).grouped_by(vec![Grouping::By(Dimension::Job)]).unwrap();
        let plan = TabulationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let rows_of = |bytes_max, is_cancelled| {
            let limits = AggregationLimits { rows_max: usize::MAX, bytes_max, threads: NonZeroUsize::MIN };
            let control = AggregationControl { limits, cancelled: &AtomicBool::new(is_cancelled) };
            let (mut finder, mut figures) = (PlaceFinder::new(&plan), ScanFigures::default());
            let scan = Scan { plan: &plan, calendar: query.calendar(), percentiles: &[] };
            let mut pass = scan.begin(finder.open_slots(), &mut finder, &control, &mut figures).unwrap();
            let ended = snapshot.blocks().iter().try_for_each(|view| pass.add_block(view));
            (pass.tally.row_count(), ended.unwrap_err())
        };
        let most = 2 * (1 << 16) + query.calendar().len();
        let (rows, error) = rows_of(1 << 20, false);
        assert!(
            rows < most && error == AggregationError::TooMuchMemory { bytes_max: 1 << 20 },
            "{rows} {error}"
        );
        let (rows, error) = rows_of(usize::MAX, true);
        assert!(rows < most && error == AggregationError::Cancelled, "{rows} {error}");
    }
}
