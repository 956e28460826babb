//! What one scan has counted: rows, totals of groups, and the total of everything.

use farmtally_model::Calendar;

use crate::accumulator::Accumulator;
use crate::tabulate::percentiles::Recorded;
use crate::tabulate::row_numbers::RowNumbers;
use crate::tabulate::slots::Slots;
use crate::tabulate::sums::Sums;

/// Everything that was counted.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) slots: Slots,
    /// With one bucket rows are totals, and neither numbered nor summed.
    pub(crate) has_rows: bool,
    pub(crate) row_numbers: RowNumbers,
    pub(crate) rows: Sums,
    /// By slot. A session that lies in several buckets is here once.
    pub(crate) totals: Sums,
    /// Each session once, where one can be in several groups; elsewhere the totals of the groups are enough.
    pub(crate) sessions: Option<Accumulator>,
    /// The single amounts, where percentiles are asked for.
    pub(crate) recorded: Option<RecordedAmounts>,
}

/// The single amounts behind rows, totals and the total.
#[derive(Debug, Default)]
pub(crate) struct RecordedAmounts {
    pub(crate) rows: Recorded,
    pub(crate) totals: Recorded,
    pub(crate) sessions: Recorded,
}

impl Tally {
    /// Nothing yet. `is_whole` says that a session is in one group only.
    pub(crate) fn new(slots: Slots, calendar: &Calendar, is_whole: bool, with_amounts: bool) -> Self {
        Self {
            slots,
            has_rows: calendar.len() > 1,
            row_numbers: RowNumbers::new(calendar.len()),
            rows: Sums::default(),
            totals: Sums::default(),
            sessions: (!is_whole).then_some(Accumulator::EMPTY),
            recorded: with_amounts.then(RecordedAmounts::default),
        }
    }

    /// Adds the piece of a session in one bucket.
    pub(crate) fn add_piece(&mut self, slot: u32, bucket: u32, cost_nanos: u64, runtime_ms: u64) {
        if !self.has_rows || self.slots.hidden() == Some(slot) {
            return;
        }
        let row = self.row_numbers.number(slot, bucket);
        self.rows.add_wide(row, cost_nanos, runtime_ms);
        if let Some(recorded) = &mut self.recorded {
            recorded.rows.push(row, cost_nanos, runtime_ms);
        }
    }

    /// Adds all that a session has in the window to a group.
    pub(crate) fn add_total(&mut self, slot: u32, cost_nanos: u64, runtime_ms: u64) {
        self.totals.add_wide(slot, cost_nanos, runtime_ms);
        if let Some(recorded) = &mut self.recorded {
            recorded.totals.push(slot, cost_nanos, runtime_ms);
        }
    }

    /// Adds all that a session has in the window to the total, if groups have sessions in common.
    pub(crate) fn add_session(&mut self, cost_nanos: u64, runtime_ms: u64) {
        if let Some(sessions) = &mut self.sessions {
            sessions.add(cost_nanos, runtime_ms);
            if let Some(recorded) = &mut self.recorded {
                recorded.sessions.push(0, cost_nanos, runtime_ms);
            }
        }
    }

    /// Rows so far.
    pub(crate) fn row_count(&self) -> usize {
        if self.has_rows { self.row_numbers.rows().len() } else { self.slots.shown_count() }
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let recorded = self.recorded.as_ref().map_or(0, |recorded| {
            [&recorded.rows, &recorded.totals, &recorded.sessions].into_iter().map(Recorded::bytes).sum()
        });
        self.slots.bytes() + self.row_numbers.bytes() + self.rows.bytes() + self.totals.bytes() + recorded
    }
}
