//! A fleet's bill, spread over the fleet's sessions by their runtime: idle time is paid by those who used the fleet.
//!
//! A session belongs to the period in which it ended, whole, so that each session has a share of one bill only and the bills
//! of all periods together reach every session once. The shares add up to the bill to the nano-dollar.

mod shares;

use std::collections::BTreeMap;

use farmtally_model::{
    FarmId, FleetId, LineCost, NanoUsd, QueueId, Record, Session, SessionId, TimeRange, Timestamp, Usage,
    UserId,
};
use farmtally_store::Amended;

use crate::error::ServiceError;
use crate::service::Service;
use shares::largest_remainder;

/// A bill and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetBill {
    /// The fleet.
    pub fleet_id: FleetId,
    /// The sessions that ended in here pay it.
    pub period: TimeRange,
    /// Its amount.
    pub amount: NanoUsd,
}

/// What a session pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The session.
    pub session_id: SessionId,
    /// Its queue.
    pub queue_id: QueueId,
    /// Who submitted its job.
    pub user_id: UserId,
    /// How long it ran, in milliseconds.
    pub runtime_ms: u64,
    /// What its worker costs by what is stored.
    pub before: NanoUsd,
    /// Its share of the bill.
    pub share: NanoUsd,
}

/// A bill, spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// What each session pays, by session id. The shares add up to the bill.
    pub shares: Vec<Share>,
    /// Sessions that ended in the period and have no COMPUTE line that could pay.
    pub without_compute: u64,
    /// Sessions of the fleet that run since before the end of the period; they pay in the period in which they end.
    pub running: u64,
}

/// Why a bill cannot be spread.
#[derive(Debug, thiserror::Error)]
pub enum SpreadError {
    /// Nobody is there to pay it.
    #[error("no session with any runtime of the fleet `{fleet_id}` ended from {} to {}, so that nobody can pay", .period.start(), .period.end())]
    NoRuntime {
        /// The fleet.
        fleet_id: FleetId,
        /// The period of the bill.
        period: TimeRange,
    },
    /// The sessions could not be read.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Service {
    /// Spreads a bill; nothing is stored.
    pub fn spread(&self, farm_id: FarmId, bill: &FleetBill) -> Result<Spread, SpreadError> {
        let mut spread = Spread { shares: Vec::new(), without_compute: 0, running: 0 };
        self.for_each_record(farm_id, bill.period, &mut |stored| spread.note(bill, &stored.record))?;
        spread.shares.sort_unstable_by_key(|share| share.session_id);
        let runtimes: Vec<u64> = spread.shares.iter().map(|share| share.runtime_ms).collect();
        let Some(parts) = largest_remainder(bill.amount.nanos(), &runtimes) else {
            return Err(SpreadError::NoRuntime { fleet_id: bill.fleet_id, period: bill.period });
        };
        for (share, nanos) in spread.shares.iter_mut().zip(parts) {
            share.share = NanoUsd::from_nanos(nanos).map_err(ServiceError::internal)?;
        }
        Ok(spread)
    }

    /// Hands over each session that does not cost its share yet, with its share; stores none of them.
    pub fn amend_to_shares(
        &self,
        farm_id: FarmId,
        bill: &FleetBill,
        spread: &Spread,
        amend: &mut dyn FnMut(Amended),
    ) -> Result<(), ServiceError> {
        let shares: BTreeMap<SessionId, NanoUsd> =
            spread.shares.iter().map(|share| (share.session_id, share.share)).collect();
        self.for_each_record(farm_id, bill.period, &mut |stored| {
            if let Record::Session(session) = &stored.record
                && let Some(share) = shares.get(&session.session_id)
                && let Some(amended) = stored.with_share(*share)
            {
                amend(amended);
            }
        })
    }
}

impl Spread {
    fn note(&mut self, bill: &FleetBill, record: &Record<LineCost>) {
        let Record::Session(session) = record else { return };
        if session.fleet_id != bill.fleet_id {
            return;
        }
        let Some(ended_at) = session.span.ended_at() else {
            self.running += u64::from(session.span.started_at() < bill.period.end());
            return;
        };
        if !(bill.period.start() <= ended_at && ended_at < bill.period.end()) {
            return;
        }
        match compute_cost(session) {
            Some(before) => self.shares.push(Share {
                session_id: session.session_id,
                queue_id: session.queue_id,
                user_id: session.user_id.clone(),
                runtime_ms: runtime_ms(session.span.started_at(), ended_at),
                before,
                share: NanoUsd::ZERO,
            }),
            None => self.without_compute += 1,
        }
    }
}

fn compute_cost(session: &Session<LineCost>) -> Option<NanoUsd> {
    let line = session.usage.as_slice().iter().find(|line| line.usage == Usage::Compute)?;
    match line.cost {
        LineCost::Total(cost) => Some(cost),
        LineCost::PerHour(_) => None,
    }
}

fn runtime_ms(started_at: Timestamp, ended_at: Timestamp) -> u64 {
    ended_at.millis().abs_diff(started_at.millis())
}
