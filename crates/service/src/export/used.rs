//! What a record used, as ended lines: a record that runs ends at the instant of the export, as it does for a question.

use farmtally_model::{LineCost, Record, Timestamp, Usage, accrued};

use super::ExportError;

/// A line of a record with its time and its whole cost.
#[derive(Debug, Clone)]
pub(super) struct UsedLine {
    /// What was used; `None` for a persistent volume.
    pub(super) usage: Option<Usage>,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    cost_nanos: u64,
}

/// The part of a line in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) runtime_ms: u64,
    pub(super) cost_nanos: u64,
}

/// The lines of a record at an instant; none when it starts then or later and runs.
pub(super) fn lines(record: &Record<LineCost>, now: Timestamp) -> Result<Vec<UsedLine>, ExportError> {
    let span = record.span();
    let (start_ms, end) = (span.started_at(), span.ended_at());
    let end_ms = end.unwrap_or(now).millis();
    let start_ms = start_ms.millis();
    if end.is_none() && end_ms <= start_ms {
        return Ok(Vec::new());
    }
    let elapsed_ms = end_ms.abs_diff(start_ms);
    let too_much = || ExportError::AccruedTooMuch { record: record.id().to_string() };
    let line = |usage: Option<Usage>, cost: LineCost| {
        let quantity = match &usage {
            Some(Usage::License { quantity, .. }) => *quantity,
            _ => 1,
        };
        let cost_nanos = match cost {
            LineCost::Total(total) => total.nanos(),
            LineCost::PerHour(rate) => rate.cost_of(elapsed_ms, quantity).ok_or_else(too_much)?.nanos(),
        };
        Ok(UsedLine { usage, start_ms, end_ms, cost_nanos })
    };
    match record {
        Record::Session(session) => {
            let lines = session.usage.as_slice().iter();
            lines.map(|used| line(Some(used.usage.clone()), used.cost)).collect()
        }
        Record::Volume(volume) => Ok(vec![line(None, volume.cost)?]),
    }
}

impl UsedLine {
    /// The part from one instant to another; the parts of a line add up to it.
    pub(super) fn piece(&self, from_ms: i64, until_ms: i64) -> Option<Piece> {
        if self.start_ms == self.end_ms {
            let is_inside = from_ms <= self.start_ms && self.start_ms < until_ms;
            return is_inside.then_some(Piece { runtime_ms: 0, cost_nanos: self.cost_nanos });
        }
        let (low, high) = (self.start_ms.max(from_ms), self.end_ms.min(until_ms));
        if high <= low {
            return None;
        }
        let until = |instant: i64| {
            let elapsed = instant.abs_diff(self.start_ms);
            accrued(self.cost_nanos, elapsed, self.end_ms.abs_diff(self.start_ms))
        };
        Some(Piece { runtime_ms: high.abs_diff(low), cost_nanos: until(high) - until(low) })
    }
}
