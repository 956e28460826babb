//! Sessions that have not ended. They become ordinary rows for one question at a time, ended at its instant.

use farmtally_model::{LineCost, SessionId};

use crate::block::SessionBlock;
use crate::row::{LicenseLine, SessionRow};

/// A running session has accrued more than the most that farmtally can count for one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccruedTooMuch {
    /// The session.
    pub session_id: SessionId,
}

/// A session that has not ended, in codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningSession {
    pub(crate) session_id: SessionId,
    /// Everything but its end and its costs.
    pub(crate) opening: SessionRow,
    pub(crate) compute: Option<LineCost>,
    pub(crate) licenses: Vec<RunningLicense>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunningLicense {
    pub(crate) product: u32,
    pub(crate) quantity: u32,
    pub(crate) cost: LineCost,
}

impl RunningSession {
    /// The session as if it had ended at `now_ms`, or `None` when it starts then or later.
    fn ended_at(&self, now_ms: i64) -> Result<Option<SessionRow>, AccruedTooMuch> {
        let Ok(elapsed_ms @ 1..) = u64::try_from(now_ms - self.opening.start_ms) else { return Ok(None) };
        let too_much = AccruedTooMuch { session_id: self.session_id };
        let cost_of = |cost, quantity| accrued_until_now(cost, quantity, elapsed_ms).ok_or(too_much);
        let license = |line: &RunningLicense| {
            Ok(LicenseLine { product: line.product, cost_nanos: cost_of(line.cost, line.quantity)? })
        };
        let row = SessionRow {
            end_ms: now_ms,
            compute_nanos: self.compute.map(|cost| cost_of(cost, 1)).transpose()?,
            licenses: self.licenses.iter().map(license).collect::<Result<_, _>>()?,
            ..self.opening.clone()
        };
        if is_countable(&row) { Ok(Some(row)) } else { Err(too_much) }
    }
}

/// Whether the lines together cost no more than one session may.
fn is_countable(row: &SessionRow) -> bool {
    let lines = row.licenses.iter().map(|line| line.cost_nanos);
    let total = lines.chain(row.compute_nanos).try_fold(0_u64, u64::checked_add);
    total.is_some_and(|total| total <= farmtally_model::NanoUsd::MAX.nanos())
}

/// What a running line or volume has cost after `elapsed_ms`, in nano-dollars.
pub(crate) fn accrued_until_now(cost: LineCost, quantity: u32, elapsed_ms: u64) -> Option<u64> {
    match cost {
        LineCost::Total(total) => Some(total.nanos()),
        LineCost::PerHour(rate) => rate.cost_of(elapsed_ms, quantity).map(farmtally_model::NanoUsd::nanos),
    }
}

/// The running sessions whose queue and fleet are `wanted` as a block of sessions that end at `now_ms`; `None` if there are none.
pub(crate) fn block_at(
    running: &[RunningSession],
    now_ms: i64,
    wanted: impl Fn(u32, u32) -> bool,
) -> Result<Option<SessionBlock>, AccruedTooMuch> {
    let running = running.iter().filter(|session| wanted(session.opening.queue, session.opening.fleet));
    let rows = running.filter_map(|session| session.ended_at(now_ms).transpose());
    let rows: Vec<SessionRow> = rows.collect::<Result<_, _>>()?;
    Ok((!rows.is_empty()).then(|| SessionBlock::from_rows(&rows)))
}
