//! What one scan has counted: rows, totals of groups, and the total of everything.

use farmtally_columns::Summary;
use farmtally_model::Calendar;

use crate::accumulator::Accumulator;
use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::tabulate::meter::Meter;
use crate::tabulate::recorded::RecordedAmounts;
use crate::tabulate::row_numbers::RowNumbers;
use crate::tabulate::slots::Slots;
use crate::tabulate::sums::Sums;

/// Everything that was counted.
///
/// A session that lies in one bucket and one group is added once, to the sum of its row ("inside"); [`Tally::settle`] adds
/// these sums to the totals at the end. All other sessions are added to rows, totals and the total by themselves.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) slots: Slots,
    /// With one bucket rows are totals, and neither numbered nor summed.
    pub(crate) has_rows: bool,
    pub(crate) row_numbers: RowNumbers,
    pub(crate) rows: Sums,
    /// By slot. A session that lies in several buckets is here once.
    pub(crate) totals: Sums,
    /// Each session once.
    pub(crate) total: Accumulator,
    /// The single amounts, where percentiles are asked for.
    pub(crate) recorded: Option<RecordedAmounts>,
    /// The slot of others that are not shown. Its rows are not told apart.
    hidden: Option<u32>,
    /// Pieces of sessions that lie in several buckets or groups, so far.
    pieces: usize,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(slots: Slots, calendar: &Calendar, with_amounts: bool) -> Self {
        Self {
            hidden: slots.hidden(),
            slots,
            has_rows: calendar.len() > 1,
            row_numbers: RowNumbers::new(calendar.len()),
            rows: Sums::default(),
            totals: Sums::default(),
            total: Accumulator::EMPTY,
            recorded: with_amounts.then(RecordedAmounts::default),
            pieces: 0,
        }
    }

    /// Adds sessions that lie in one bucket and one group each, to rows by number. Their sums are known to fit 64 bits.
    #[inline]
    pub(crate) fn add_inside(&mut self, numbers: &[u32], amounts: impl Iterator<Item = (u64, u32)> + Clone) {
        for (number, (cost_nanos, runtime_ms)) in numbers.iter().zip(amounts.clone()) {
            self.narrow(*number).add(cost_nanos, runtime_ms);
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.inside.extend(numbers, amounts);
        }
    }

    /// Adds the sums of such sessions.
    pub(crate) fn merge_inside(&mut self, slot: u32, bucket: u32, summary: &Summary) {
        let number = self.number(slot, bucket);
        self.narrow(number).merge(summary);
    }

    /// The number of the row of a slot and a bucket, or what stands for it: with one bucket, the slot.
    #[inline]
    pub(crate) fn number(&mut self, slot: u32, bucket: u32) -> u32 {
        if !self.has_rows {
            return slot;
        }
        let bucket = if self.hidden == Some(slot) { 0 } else { bucket };
        self.row_numbers.number(slot, bucket)
    }

    #[inline]
    fn narrow(&mut self, number: u32) -> &mut Summary {
        let sums = if self.has_rows { &mut self.rows } else { &mut self.totals };
        sums.narrow(number)
    }

    /// Adds the lines of a session that overlaps the window, given by slot and cost and ordered by slot: those of one slot
    /// together, and all of them as one session.
    pub(crate) fn add_lines(
        &mut self,
        calendar: &Calendar,
        meter: Meter<'_>,
        lines: &[(u32, u64)],
        line_nanos: &mut Vec<u64>,
    ) {
        if lines.is_empty() {
            return;
        }
        let (start_ms, end_ms) = (calendar.window().start().millis(), calendar.window().end().millis());
        let mut whole = (0, 0);
        for lines in lines.chunk_by(|one, other| one.0 == other.0) {
            let slot = lines[0].0;
            line_nanos.clear();
            line_nanos.extend(lines.iter().map(|line| line.1));
            let meter = Meter { line_nanos: &*line_nanos, ..meter };
            let (cost_nanos, runtime_ms) = meter.within(start_ms, end_ms);
            self.add_total(slot, cost_nanos, runtime_ms);
            if self.has_rows {
                meter.for_each_piece(calendar, |bucket, cost_nanos, runtime_ms| {
                    self.add_piece(slot, bucket, cost_nanos, runtime_ms);
                });
            }
            // Each line is cut by itself, so that costs of slots add up to that of the session.
            whole = (whole.0 + cost_nanos, runtime_ms);
        }
        self.add_session(whole.0, whole.1);
    }

    /// Adds the piece of a session in one bucket.
    pub(crate) fn add_piece(&mut self, slot: u32, bucket: u32, cost_nanos: u64, runtime_ms: u64) {
        if !self.has_rows || self.hidden == Some(slot) {
            return;
        }
        self.pieces += 1;
        let row = self.row_numbers.number(slot, bucket);
        self.rows.add_wide(row, cost_nanos, runtime_ms);
        if let Some(recorded) = &mut self.recorded {
            recorded.pieces.push(row, cost_nanos, runtime_ms);
        }
    }

    /// Adds the sum of such pieces of many sessions.
    pub(crate) fn merge_pieces(&mut self, slot: u32, bucket: u32, pieces: &Summary) {
        if !self.has_rows || self.hidden == Some(slot) {
            return;
        }
        self.pieces += pieces.count as usize;
        let row = self.row_numbers.number(slot, bucket);
        self.rows.merge_wide(row, &Accumulator::from(pieces));
    }

    /// Adds the sum of all that sessions in one group, but in several buckets, have in the window.
    pub(crate) fn merge_cut(&mut self, slot: u32, sessions: &Summary) {
        let sessions = Accumulator::from(sessions);
        self.totals.merge_wide(slot, &sessions);
        self.total.merge(&sessions);
    }

    /// Adds all that a session has in the window to a group.
    pub(crate) fn add_total(&mut self, slot: u32, cost_nanos: u64, runtime_ms: u64) {
        self.totals.add_wide(slot, cost_nanos, runtime_ms);
        if let Some(recorded) = &mut self.recorded {
            recorded.totals.push(slot, cost_nanos, runtime_ms);
        }
    }

    /// Adds all that a session has in the window to the total.
    pub(crate) fn add_session(&mut self, cost_nanos: u64, runtime_ms: u64) {
        self.total.add(cost_nanos, runtime_ms);
        if let Some(recorded) = &mut self.recorded {
            recorded.sessions.push(0, cost_nanos, runtime_ms);
        }
    }

    /// Adds what lies inside of rows to the totals. Nothing may be added after.
    pub(crate) fn settle(&mut self) {
        if self.has_rows {
            for (number, (slot, _)) in (0..).zip(self.row_numbers.rows()) {
                if let Some(inside) = self.rows.inside(number) {
                    self.totals.narrow(*slot).merge(&inside);
                }
            }
        }
        for inside in self.totals.all_inside() {
            self.total.merge(&Accumulator::from(inside));
        }
    }

    /// The same with some groups alone, and all others as one. Only where a session is in one group, and amounts are not
    /// kept: those of a session cannot be joined any more.
    pub(crate) fn with_only(&self, slots: &[u32], is_shown: bool, calendar: &Calendar) -> Self {
        let mut joined = Self::new(self.slots.only(slots, is_shown), calendar, false);
        let others = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let mut new_slots = vec![others; self.slots.len()];
        for (new, old) in (0..).zip(slots) {
            new_slots[*old as usize] = new;
        }
        for (number, (slot, bucket)) in (0..).zip(self.row_numbers.rows()) {
            let slot = new_slots[*slot as usize];
            if joined.hidden != Some(slot) {
                let row = joined.row_numbers.number(slot, *bucket);
                joined.rows.merge_wide(row, &self.rows.get(number));
            }
        }
        for (old, slot) in (0..).zip(new_slots) {
            joined.totals.merge_wide(slot, &self.totals.get(old));
        }
        joined.total = self.total;
        joined
    }

    /// The same, where no group is one of the others.
    pub(crate) fn closed(self, is_shown: bool) -> Self {
        let slots = self.slots.closed(is_shown);
        Self { hidden: slots.hidden(), slots, ..self }
    }

    /// Pieces of sessions that lie in several buckets or groups, so far.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Rows so far.
    pub(crate) fn row_count(&self) -> usize {
        let hidden = self.hidden.is_some_and(|hidden| self.row_numbers.has(hidden, 0));
        if self.has_rows {
            self.row_numbers.rows().len() - usize::from(hidden)
        } else {
            self.slots.shown_count()
        }
    }

    /// Whether the answer may have so many rows and groups, and so many bytes.
    pub(crate) fn check(&self, control: &AggregationControl<'_>) -> Result<(), AggregationError> {
        control.check(self.row_count().max(self.slots.shown_count()), self.bytes())
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let recorded = self.recorded.as_ref().map_or(0, RecordedAmounts::bytes);
        self.slots.bytes() + self.row_numbers.bytes() + self.rows.bytes() + self.totals.bytes() + recorded
    }
}
