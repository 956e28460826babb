//! What a farm used in its latest thirty days, for the page that its owner opens first.
//!
//! The numbers come from the same engine as the API's answers, in the same whole numbers. The engine takes at most ten
//! queues to a question, so that a farm's queues are asked for ten by ten and the answers are added up, which is exact.
//! Persistent volumes belong to no queue and are not in these numbers.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::{AggregationControl, AggregationLimits};
use farmtally_model::{
    AggregationQuery, CostScaleFactor, DisplayName, FarmId, GroupBy, GroupValue, Period, QueryError, QueueId,
    RESOURCES_MAX, Resources, Statistic, StatisticSet, StatisticsRow, StatisticsTable, TimeRange, Timestamp,
    UsageGroupBy, UserId, UtcOffset, exact,
};
use farmtally_store::Farm;

use crate::access::{Action, Caller};
use crate::error::ServiceError;
use crate::limits::{OVERVIEW_DAYS, OVERVIEW_FARMS_MAX};
use crate::service::Service;

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
    fn add(&mut self, other: Self) {
        self.cost_nanos += other.cost_nanos;
        self.runtime_ms += other.runtime_ms;
        self.sessions += other.sessions;
    }

    /// The cost in dollars, scaled and rounded once, as the API's answers show it.
    pub fn cost_usd(self, factor: CostScaleFactor) -> f64 {
        exact::ratio_to_f64(self.cost_nanos, factor.nanos(), COST_UNIT)
    }

    /// The time in hours, rounded once.
    pub fn runtime_hours(self) -> f64 {
        exact::ratio_to_f64(self.runtime_ms, 1, HOUR_MS)
    }

    fn of(row: &StatisticsRow) -> Self {
        Self { cost_nanos: row.cost.sum, runtime_ms: row.runtime.sum, sessions: row.count }
    }
}

impl std::iter::Sum for UsageTotals {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut totals, part| {
            totals.add(part);
            totals
        })
    }
}

/// What a queue or a user used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedUsage {
    /// What people call it; its id where no source gave a name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What it used.
    pub totals: UsageTotals,
}

/// What a farm used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayUsage {
    /// The beginning of the day, UTC.
    pub start: Timestamp,
    /// What was used; a session that spans two days counts on both.
    pub totals: UsageTotals,
}

/// A farm and its latest thirty days.
#[derive(Debug, Clone)]
pub struct FarmOverview {
    /// The farm.
    pub farm: Farm,
    /// Sessions and volumes that are stored, of any time.
    pub record_count: u64,
    /// Thirty days UTC: up to today, or up to the day of the latest usage where that is longer ago.
    pub window: TimeRange,
    /// Everything in the window.
    pub totals: UsageTotals,
    /// By queue, the most expensive first.
    pub queues: Vec<NamedUsage>,
    /// By user, the most expensive first.
    pub users: Vec<NamedUsage>,
    /// Every day of the window, the earliest first.
    pub days: Vec<DayUsage>,
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
    pub fn overview(&self, farm: Farm) -> Result<FarmOverview, ServiceError> {
        let now = self.now();
        let snapshot = self.store.snapshot(farm.farm_id)?;
        let window = latest_days(latest_usage(&snapshot, now).map_or(now, |latest| latest.min(now)))?;
        let survey = Survey { service: self, snapshot: &snapshot, window, now };
        let (queues, users) = (survey.by_queue()?, survey.by_user()?);
        Ok(FarmOverview {
            record_count: snapshot.session_count() + snapshot.volume_count(),
            window,
            totals: queues.values().copied().sum(),
            queues: named(queues, &self.queue_names(farm.farm_id)?),
            users: named(users, &self.store.catalogue().users(farm.farm_id)?.into_iter().collect()),
            days: survey.by_day()?,
            farm,
        })
    }

    fn queue_names(&self, farm_id: FarmId) -> Result<HashMap<QueueId, Option<DisplayName>>, ServiceError> {
        let queues = self.store.catalogue().queues(farm_id, None, usize::MAX)?;
        Ok(queues.into_iter().map(|queue| (queue.id, Some(queue.display_name))).collect())
    }
}

/// The latest instant at which something was used, as far as it has happened.
fn latest_usage(snapshot: &FarmSnapshot, now: Timestamp) -> Option<Timestamp> {
    let running = snapshot.running_at(now.millis(), |_, _| true).ok();
    // A block's end may be that of a session that was corrected since; the window may begin a little late for that.
    let blocks = snapshot.blocks().iter().chain(&running).filter(|view| view.live_len() > 0);
    let latest_ms = blocks.map(|view| view.block().span_ms().1).max()?;
    Some(Timestamp::from_millis_clamped(latest_ms))
}

/// Thirty days UTC, the day of `latest` the last of them; fewer where the years before 1970 would begin.
fn latest_days(latest: Timestamp) -> Result<TimeRange, ServiceError> {
    let last_day_ms = latest.millis() - latest.millis().rem_euclid(DAY_MS);
    let end = Timestamp::from_millis(last_day_ms + DAY_MS).map_err(ServiceError::internal)?;
    let start = Timestamp::from_millis_clamped(end.millis() - OVERVIEW_DAYS * DAY_MS);
    TimeRange::new(start, end).map_err(ServiceError::internal)
}

/// Usage by one field.
type UsageBy<K> = BTreeMap<K, UsageTotals>;

/// Adds up every queue of a farm over one window.
struct Survey<'a> {
    service: &'a Service,
    snapshot: &'a FarmSnapshot,
    window: TimeRange,
    now: Timestamp,
}

impl Survey<'_> {
    fn by_queue(&self) -> Result<UsageBy<QueueId>, ServiceError> {
        self.usage_by(UsageGroupBy::QueueId, None, |value, _| match value {
            GroupValue::Queue(queue_id) => Some(*queue_id),
            _ => None,
        })
    }

    fn by_user(&self) -> Result<UsageBy<UserId>, ServiceError> {
        self.usage_by(UsageGroupBy::UserId, None, |value, _| match value {
            GroupValue::User(user_id) => Some(user_id.clone()),
            _ => None,
        })
    }

    /// Every day of the window, the idle ones too.
    fn by_day(&self) -> Result<Vec<DayUsage>, ServiceError> {
        let by_start =
            self.usage_by(UsageGroupBy::QueueId, Some(Period::Daily), |_, row| Some(row.bucket.start()))?;
        let (start, end) = (self.window.start().millis(), self.window.end().millis());
        let starts = (0..).map(|day| start + day * DAY_MS).take_while(|start| *start < end);
        let totals = |start| by_start.get(&start).copied().unwrap_or_default();
        let day = |start| DayUsage { start, totals: totals(start) };
        Ok(starts.map(Timestamp::from_millis_clamped).map(day).collect())
    }

    /// Adds up the rows of every ten queues by a key that is taken from each row.
    fn usage_by<K: Ord>(
        &self,
        field: UsageGroupBy,
        period: Option<Period>,
        key: impl Fn(&GroupValue, &StatisticsRow) -> Option<K>,
    ) -> Result<UsageBy<K>, ServiceError> {
        let queue_ids: Vec<QueueId> = self.snapshot.queues().iter().copied().collect();
        let mut usage = UsageBy::new();
        for queue_ids in queue_ids.chunks(RESOURCES_MAX) {
            let table = self.answer(queue_ids, field, period)?;
            for row in table.rows.iter() {
                if let Some(key) = table.values_of(&row).next().and_then(|value| key(value, &row)) {
                    usage.entry(key).or_default().add(UsageTotals::of(&row));
                }
            }
        }
        Ok(usage)
    }

    fn answer(
        &self,
        queue_ids: &[QueueId],
        field: UsageGroupBy,
        period: Option<Period>,
    ) -> Result<StatisticsTable, ServiceError> {
        let query = self.query(queue_ids, field, period).map_err(ServiceError::internal)?;
        let limits = AggregationLimits {
            rows_max: self.service.limits.aggregation_rows_max,
            bytes_max: self.service.limits.aggregation_bytes_max,
            threads: self.service.limits.aggregation_threads,
        };
        let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
        farmtally_engine::aggregate(self.snapshot, &query, self.now, &control).map_err(ServiceError::internal)
    }

    fn query(
        &self,
        queue_ids: &[QueueId],
        field: UsageGroupBy,
        period: Option<Period>,
    ) -> Result<AggregationQuery, QueryError> {
        AggregationQuery::new(
            Resources::queues(queue_ids.iter().copied())?,
            self.window,
            UtcOffset::UTC,
            period,
            GroupBy::new(&[field])?,
            StatisticSet::new([Statistic::Sum])?,
        )
    }
}

/// Gives each id its name, the most expensive first.
fn named<K: Eq + Hash + ToString>(
    usage: UsageBy<K>,
    names: &HashMap<K, Option<DisplayName>>,
) -> Vec<NamedUsage> {
    let mut named: Vec<NamedUsage> = usage
        .into_iter()
        .map(|(key, totals)| {
            let id = key.to_string();
            let name =
                names.get(&key).and_then(Option::as_ref).map_or_else(|| id.clone(), ToString::to_string);
            NamedUsage { name, id, totals }
        })
        .collect();
    // Stable, so that equals stay in the order of their ids.
    named.sort_by_key(|usage| std::cmp::Reverse((usage.totals.cost_nanos, usage.totals.runtime_ms)));
    named
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
        let mut totals = UsageTotals { cost_nanos: 1, runtime_ms: 1_800_000, sessions: 1 };
        totals.add(UsageTotals { cost_nanos: 299_999_999, runtime_ms: 1_800_000, sessions: 2 });
        assert_eq!(totals.cost_usd(CostScaleFactor::ONE).to_bits(), 0.3_f64.to_bits());
        assert_eq!(totals.cost_usd(CostScaleFactor::parse("0.5").unwrap()).to_bits(), 0.15_f64.to_bits());
        assert_eq!(totals.runtime_hours().to_bits(), 1.0_f64.to_bits());
        assert_eq!(totals.sessions, 3);
    }
}
