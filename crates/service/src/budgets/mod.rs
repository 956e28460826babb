//! Budgets: what may be spent, what was, and what will be by the end if it goes on like this.
//!
//! The sums are the engine's, of the same records and by the same rules as every answer, with the farm's scale factor. A budget
//! of a whole farm counts persistent volumes; one of a queue, a user or job names cannot, because volumes have none of them.

mod unmatched;

use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::AggregationControl;
use farmtally_model::{
    AggregationQuery, DisplayName, FarmId, FleetId, GroupBy, GroupValue, NameGlob, QueueId, RESOURCES_MAX,
    Resources, Statistic, StatisticSet, StatisticsTable, TimeRange, Timestamp, UsageGroupBy, UtcOffset,
};
use farmtally_store::{Budget, Catalogue, StoreError};
use zeroize::Zeroizing;

pub use unmatched::{UnmatchedJobName, UnmatchedUser, unmatched_user};

use crate::error::ServiceError;
use crate::month::Month;
use crate::sealing::SealingKey;
use crate::service::Service;

/// Units of a cost that is scaled: a nano-dollar times a scale factor's unit.
const UNITS_PER_NANO: u128 = 1_000_000_000;

/// How a budget stands at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Its period: the month of the instant, or its dates.
    pub period: TimeRange,
    /// What was spent, in units of 1e-18 dollars.
    pub spent: u128,
    /// What will be spent by the end of the period, if the rest of it costs as much by the hour as it did so far, in
    /// nano-dollars; `None` before it begins.
    pub projected_nanos: Option<u128>,
    /// The thresholds that were passed, in percent, ascending.
    pub passed: Vec<u32>,
}

impl BudgetStatus {
    fn new(budget: &Budget, period: TimeRange, spent: u128, now: Timestamp) -> Self {
        let passed = budget.thresholds.iter().copied().filter(|percent| is_passed(budget, spent, *percent));
        Self { period, spent, projected_nanos: projected(period, spent, now), passed: passed.collect() }
    }
}

/// Whether so many percent of a budget's limit were spent; all of it, exactly, is 100.
pub fn is_passed(budget: &Budget, spent: u128, percent: u32) -> bool {
    let limit = u128::from(budget.limit.nanos()) * UNITS_PER_NANO;
    spent.saturating_mul(100) >= limit.saturating_mul(percent.into())
}

/// In proportion to the time that has passed, cut to nano-dollars.
fn projected(period: TimeRange, spent: u128, now: Timestamp) -> Option<u128> {
    let length_ms = period.end().millis().abs_diff(period.start().millis());
    let elapsed_ms = u64::try_from(now.millis() - period.start().millis()).ok()?.min(length_ms);
    (spent / UNITS_PER_NANO).checked_mul(length_ms.into())?.checked_div(elapsed_ms.into())
}

impl Service {
    /// How a budget stands now.
    pub fn budget_status(&self, farm_id: FarmId, budget: &Budget) -> Result<BudgetStatus, ServiceError> {
        let now = self.now();
        let period = match budget.dates {
            Some((start, end)) => TimeRange::new(start, end),
            None => Month::of(now).range(),
        };
        let period = period.map_err(ServiceError::internal)?;
        let factor = self.existing_farm(farm_id)?.cost_scale_factor;
        let snapshot = self.store.snapshot(farm_id)?;
        let job_name = budget.job_name.as_deref().map(NameGlob::with_case).transpose();
        let job_name = job_name.map_err(ServiceError::internal)?;
        let spending = Spending { service: self, snapshot: &snapshot, budget, job_name, period, now };
        let spent_nanos = spending.nanos()?;
        Ok(BudgetStatus::new(budget, period, spent_nanos * u128::from(factor.nanos()), now))
    }
}

/// Adds up what a budget's usage cost in its period.
struct Spending<'a> {
    service: &'a Service,
    snapshot: &'a FarmSnapshot,
    budget: &'a Budget,
    job_name: Option<NameGlob>,
    period: TimeRange,
    now: Timestamp,
}

impl Spending<'_> {
    /// The engine takes few resources to a question, and the answers are added up, which is exact.
    fn nanos(&self) -> Result<u128, ServiceError> {
        let budget = self.budget;
        let mut sum = 0;
        if budget.queue_id.is_none() && budget.user_id.is_none() && budget.job_name.is_none() {
            let fleets: Vec<FleetId> = self.snapshot.fleets().iter().copied().collect();
            for fleets in fleets.chunks(RESOURCES_MAX) {
                let resources = Resources::fleets(fleets.iter().copied()).map_err(ServiceError::internal)?;
                sum += self.sum(resources, &[UsageGroupBy::UsageType])?;
            }
            return Ok(sum);
        }
        let is_wanted = |queue_id: &QueueId| budget.queue_id.is_none_or(|wanted| wanted == *queue_id);
        let queues: Vec<QueueId> = self.snapshot.queues().iter().copied().filter(is_wanted).collect();
        for queues in queues.chunks(RESOURCES_MAX) {
            let resources = Resources::queues(queues.iter().copied()).map_err(ServiceError::internal)?;
            sum += self.sum(resources, self.group_by())?;
        }
        Ok(sum)
    }

    fn group_by(&self) -> &'static [UsageGroupBy] {
        match (&self.budget.user_id, &self.budget.job_name) {
            (Some(_), Some(_)) => &[UsageGroupBy::UserId, UsageGroupBy::JobId],
            (Some(_), None) => &[UsageGroupBy::UserId],
            (None, Some(_)) => &[UsageGroupBy::JobId],
            (None, None) => &[UsageGroupBy::QueueId],
        }
    }

    fn sum(&self, resources: Resources, group_by: &[UsageGroupBy]) -> Result<u128, ServiceError> {
        let table = self.answer(resources, group_by)?;
        let own = table.rows.iter().filter(|row| table.values_of(row).all(|value| self.is_own(&value)));
        Ok(own.map(|row| row.cost.sum).sum())
    }

    fn is_own(&self, value: &GroupValue) -> bool {
        match value {
            GroupValue::User(user_id) => self.budget.user_id.as_ref().is_none_or(|own| own == user_id),
            GroupValue::Job(_, name) => {
                self.job_name.as_ref().is_none_or(|pattern| pattern.matches(name.as_str()))
            }
            _ => true,
        }
    }

    fn answer(
        &self,
        resources: Resources,
        group_by: &[UsageGroupBy],
    ) -> Result<StatisticsTable, ServiceError> {
        let query = AggregationQuery::new(
            resources,
            self.period,
            UtcOffset::UTC,
            None,
            GroupBy::new(group_by).map_err(ServiceError::internal)?,
            StatisticSet::new([Statistic::Sum]).map_err(ServiceError::internal)?,
        );
        let cancelled = AtomicBool::new(false);
        let control = AggregationControl { limits: self.service.limits.of_engine(), cancelled: &cancelled };
        let query = query.map_err(ServiceError::internal)?;
        farmtally_engine::aggregate(self.snapshot, &query, self.now, &control).map_err(ServiceError::internal)
    }
}

/// Seals the secret that signs what a budget's webhook gets.
pub fn seal_webhook_secret(
    catalogue: &Catalogue,
    farm_id: FarmId,
    name: &DisplayName,
    secret: &[u8],
) -> Result<Vec<u8>, ServiceError> {
    let key = SealingKey::new(catalogue.master_key().expose_secret());
    key.seal(secret, &context(farm_id, name)).map_err(ServiceError::internal)
}

/// Undoes [`seal_webhook_secret`].
pub fn open_webhook_secret(
    catalogue: &Catalogue,
    farm_id: FarmId,
    name: &DisplayName,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let key = SealingKey::new(catalogue.master_key().expose_secret());
    key.open(sealed, &context(farm_id, name)).ok_or_else(|| StoreError::Database {
        cause: format!("the webhook secret of the budget `{name}` does not open with this folder's key"),
    })
}

fn context(farm_id: FarmId, name: &DisplayName) -> Vec<u8> {
    format!("budget/{farm_id}/{name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use farmtally_model::NanoUsd;

    use super::*;

    fn budget(limit: &str) -> Budget {
        Budget {
            name: DisplayName::new("comp").unwrap(),
            limit: NanoUsd::parse(limit).unwrap(),
            dates: None,
            queue_id: None,
            user_id: None,
            job_name: None,
            thresholds: vec![50, 80, 100],
            webhook: None,
            created_at: Timestamp::MIN,
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    const USD: u128 = 1_000_000_000_000_000_000;

    #[test]
    fn a_threshold_is_passed_when_so_much_is_spent_and_not_a_unit_before() {
        let month = "2026-04".parse::<Month>().unwrap().range().unwrap();
        let status =
            |spent| BudgetStatus::new(&budget("10"), month, spent, at("2026-04-16T00:00:00Z")).passed;
        assert_eq!(status(5 * USD - 1), Vec::<u32>::new());
        assert_eq!(status(5 * USD), [50]);
        assert_eq!(status(10 * USD - 1), [50, 80]);
        assert_eq!(status(10 * USD), [50, 80, 100]);
    }

    #[test]
    fn the_end_is_projected_by_the_time_that_has_passed() {
        let month = "2026-04".parse::<Month>().unwrap().range().unwrap();
        let projected = |now| projected(month, 3 * USD, at(now));
        assert_eq!(projected("2026-04-16T00:00:00Z"), Some(6_000_000_000));
        assert_eq!(projected("2026-04-11T00:00:00Z"), Some(9_000_000_000));
        assert_eq!(projected("2026-05-11T00:00:00Z"), Some(3_000_000_000));
        assert_eq!(projected("2026-04-01T00:00:00Z"), None);
        assert_eq!(projected("2026-03-31T00:00:00Z"), None);
    }
}
