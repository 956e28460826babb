//! What a farm used in its latest thirty days, for the metrics, and the farms that are shown to people.
//!
//! The numbers come from the same engine as the API's answers, in the same whole numbers. Persistent volumes belong to no
//! queue and are not in these numbers.

use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::AggregationControl;
use farmtally_model::{
    Calendar, CostScaleFactor, FarmId, TimeRange, Timestamp, UsageAmounts, UsageQuery, exact,
};
use farmtally_store::Farm;

use crate::access::{Action, Caller};
use crate::error::ServiceError;
use crate::limits::{OVERVIEW_DAYS, OVERVIEW_FARMS_MAX};
use crate::service::Service;
use crate::usage::span;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Nano-dollars in a dollar, times the units of a scale factor.
const COST_UNIT: u128 = 1_000_000_000 * 1_000_000_000;
const HOUR_MS: u128 = 60 * 60 * 1000;

/// Cost, time and number of sessions, as whole numbers that add up exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotals {
    /// Nano-dollars, before the farm's scale factor.
    pub cost_nanos: u128,
    /// Milliseconds of session time.
    pub runtime_ms: u128,
    /// Sessions with time or cost in it.
    pub sessions: u64,
}

impl UsageTotals {
    /// The cost in dollars, scaled and rounded once, as the API's answers show it.
    pub fn cost_usd(self, factor: CostScaleFactor) -> f64 {
        exact::ratio_to_f64(self.cost_nanos, factor.nanos(), COST_UNIT)
    }

    /// The time in hours, rounded once.
    pub fn runtime_hours(self) -> f64 {
        exact::ratio_to_f64(self.runtime_ms, 1, HOUR_MS)
    }

    fn of(amounts: &UsageAmounts) -> Self {
        Self { cost_nanos: amounts.cost.sum, runtime_ms: amounts.runtime.sum, sessions: amounts.sessions }
    }
}

/// A farm's latest thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FarmOverview {
    /// Sessions and volumes that are stored, of any time.
    pub record_count: u64,
    /// Everything in thirty days UTC: up to today, or up to the day of the latest usage where that is longer ago.
    pub totals: UsageTotals,
}

impl Service {
    /// The farms that an overview shows, by id, for the owner of the folder.
    pub fn overview_farms(&self) -> Result<Vec<Farm>, ServiceError> {
        Ok(self.store.catalogue().farms(None, OVERVIEW_FARMS_MAX)?)
    }

    /// The farms that an overview shows to somebody with a key.
    pub fn readable_farms(&self, caller: &Caller) -> Result<Vec<Farm>, ServiceError> {
        caller.require(Action::ReadStatistics)?;
        self.farms(caller, None, OVERVIEW_FARMS_MAX)
    }

    /// A farm's latest thirty days; who may see it is for the caller to know.
    pub fn overview(&self, farm_id: FarmId) -> Result<FarmOverview, ServiceError> {
        let now = self.now();
        let snapshot = self.store.snapshot(farm_id)?;
        let window = latest_days(latest_usage(&snapshot, now).map_or(now, |latest| latest.min(now)))?;
        let cancelled = AtomicBool::new(false);
        let control = AggregationControl { limits: self.limits.of_engine(), cancelled: &cancelled };
        let query = UsageQuery::new(Calendar::whole(window));
        let table =
            farmtally_engine::tabulate(&snapshot, &query, now, &control).map_err(ServiceError::internal)?;
        Ok(FarmOverview {
            record_count: snapshot.session_count() + snapshot.volume_count(),
            totals: UsageTotals::of(&table.total),
        })
    }
}

/// The latest instant at which a session was under way. The window may begin a little late for one that was corrected since.
fn latest_usage(snapshot: &FarmSnapshot, now: Timestamp) -> Option<Timestamp> {
    span::of_sessions(snapshot, now).map(|(_, latest_ms)| Timestamp::from_millis_clamped(latest_ms))
}

/// Thirty days UTC, the day of `latest` the last of them; fewer where the years before 1970 would begin.
fn latest_days(latest: Timestamp) -> Result<TimeRange, ServiceError> {
    let last_day_ms = latest.millis() - latest.millis().rem_euclid(DAY_MS);
    let end = Timestamp::from_millis(last_day_ms + DAY_MS).map_err(ServiceError::internal)?;
    let start = Timestamp::from_millis_clamped(end.millis() - OVERVIEW_DAYS * DAY_MS);
    TimeRange::new(start, end).map_err(ServiceError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(latest: &str) -> String {
        let window = latest_days(Timestamp::parse(latest).unwrap()).unwrap();
        format!("{} {}", window.start(), window.end())
    }

    #[test]
    fn the_window_ends_with_the_day_of_the_latest_usage() {
        assert_eq!(window("2025-11-24T00:00:00Z"), "2025-10-26T00:00:00Z 2025-11-25T00:00:00Z");
        assert_eq!(window("2025-11-24T23:59:59.999Z"), "2025-10-26T00:00:00Z 2025-11-25T00:00:00Z");
    }

    #[test]
    fn the_window_stays_within_the_years_that_there_are() {
        assert_eq!(window("1970-01-05T12:00:00Z"), "1970-01-01T00:00:00Z 1970-01-06T00:00:00Z");
        assert!(latest_days(Timestamp::MAX).is_err());
    }

    #[test]
    fn totals_are_scaled_and_rounded_once() {
        let totals = UsageTotals { cost_nanos: 300_000_000, runtime_ms: 3_600_000, sessions: 3 };
        assert_eq!(totals.cost_usd(CostScaleFactor::ONE).to_bits(), 0.3_f64.to_bits());
        assert_eq!(totals.cost_usd(CostScaleFactor::parse("0.5").unwrap()).to_bits(), 0.15_f64.to_bits());
        assert_eq!(totals.runtime_hours().to_bits(), 1.0_f64.to_bits());
        assert_eq!(totals.sessions, 3);
    }
}
