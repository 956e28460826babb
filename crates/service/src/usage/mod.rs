//! Questions about usage from people: the page, the report command and the native API ask here.
//!
//! Unlike an aggregation such a question is answered at once and kept nowhere. It takes the same snapshot and the same
//! engine, so that both say the same where both can be asked; AWS's rule of one aggregation per farm is not its rule.

mod answer;
mod error;
mod names;
mod resolve;
mod sessions;
pub(crate) mod span;
mod values;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::{AggregationControl, AggregationLimits};
use farmtally_model::question::{QuestionError, UsageQuestion};
use farmtally_model::{
    Calendar, CalendarUnit, ComparedUsage, FarmId, TimeRange, Timestamp, UsageQuery, UsageTable,
};
use farmtally_store::Farm;

use crate::access::{Action, Caller};
use crate::service::Service;

pub use answer::UsageAnswer;
pub use error::UsageError;
pub use names::{NamedValue, UsageNames};
pub use sessions::{FoundSession, FoundSessions, InWindow, SessionsRequest};
pub use span::FarmSpan;
pub use values::{FoundValues, ValuesRequest};

use names::Registry;
use resolve::Resolver;

/// A farm that somebody may ask about, at one instant.
struct Asked<'a> {
    service: &'a Service,
    farm: Farm,
    snapshot: std::sync::Arc<FarmSnapshot>,
    registry: Registry,
    now: Timestamp,
}

impl Service {
    /// Answers a question about a farm's usage. `cancelled` is looked at while the answer is made.
    pub fn usage(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        question: &UsageQuestion,
        cancelled: &AtomicBool,
    ) -> Result<UsageAnswer, UsageError> {
        let begun = Instant::now();
        let asked = self.asked(caller, farm_id)?;
        let window = question.time.window(&question.zone, asked.now)?;
        let unit = question.period.unit(window);
        let calendar = calendar(question, window, unit)?;
        let query = asked.query(question, calendar)?;
        let before = calendar_before(question, window, unit)?;
        let (table, compared) = asked.tabulate(&query, before.as_ref(), question, cancelled)?;
        let names = asked.registry.names_for(&table);
        let (span, as_of) = (span::of(&asked.snapshot, asked.now), asked.now);
        Ok(UsageAnswer {
            farm: asked.farm,
            zone: question.zone.clone(),
            unit,
            group_by: question.groupings.iter().map(|grouping| grouping.name().to_owned()).collect(),
            groupings: question.groupings.clone(),
            filters: query.filters().to_vec(),
            statistics: question.statistics.clone(),
            has_others: question.top.is_some_and(|top| top.with_others),
            table,
            compared,
            names,
            span,
            as_of,
            elapsed: begun.elapsed(),
        })
    }

    /// What a farm has.
    pub fn farm_span(&self, caller: &Caller, farm_id: FarmId) -> Result<FarmSpan, UsageError> {
        caller.require_on(Action::ReadStatistics, farm_id).map_err(crate::ServiceError::from)?;
        Ok(span::of(&*self.store.snapshot(farm_id).map_err(crate::ServiceError::from)?, self.now()))
    }

    fn asked(&self, caller: &Caller, farm_id: FarmId) -> Result<Asked<'_>, UsageError> {
        caller.require_on(Action::ReadStatistics, farm_id).map_err(crate::ServiceError::from)?;
        let farm = self.existing_farm(farm_id)?;
        self.retain(farm_id);
        let snapshot = self.store.snapshot(farm_id).map_err(crate::ServiceError::from)?;
        let registry = Registry::load(self.store.catalogue(), farm_id)?;
        Ok(Asked { service: self, farm, snapshot, registry, now: self.now() })
    }
}

fn calendar(
    question: &UsageQuestion,
    window: TimeRange,
    unit: Option<CalendarUnit>,
) -> Result<Calendar, QuestionError> {
    Calendar::new(window, unit, &question.zone)
        .map_err(|error| QuestionError::missing("period", error.to_string()))
}

/// That of the window that the question compares with, if it does.
fn calendar_before(
    question: &UsageQuestion,
    window: TimeRange,
    unit: Option<CalendarUnit>,
) -> Result<Option<Calendar>, QuestionError> {
    let Some(comparison) = question.compare else { return Ok(None) };
    let before = comparison.window(&question.zone, window);
    let before = before
        .ok_or_else(|| QuestionError::missing("compare", "the window that it means begins before 1970"))?;
    calendar(question, before, unit).map(Some)
}

impl Asked<'_> {
    fn query(&self, question: &UsageQuestion, calendar: Calendar) -> Result<UsageQuery, UsageError> {
        let resolver = Resolver { registry: &self.registry, snapshot: &self.snapshot };
        let filters = resolver.filters(&question.filters)?;
        let part = |field: &'static str| {
            move |error: farmtally_model::UsageQueryError| QuestionError::missing(field, error.to_string())
        };
        let query = UsageQuery::new(calendar)
            .grouped_by(question.groupings.clone())
            .map_err(part("groupBy"))?
            .filtered_by(filters)
            .map_err(part("filters"))?
            .with_percentiles(question.statistics.percentiles().collect())
            .map_err(part("statistics"))?;
        Ok(query.ranked_by(question.rank_by).with_top(question.top))
    }

    fn tabulate(
        &self,
        query: &UsageQuery,
        before: Option<&Calendar>,
        question: &UsageQuestion,
        cancelled: &AtomicBool,
    ) -> Result<(UsageTable, Option<ComparedUsage>), UsageError> {
        let limits =
            AggregationLimits { rows_max: question.rows_max.get(), ..self.service.limits.of_engine() };
        let control = AggregationControl { limits, cancelled };
        let (snapshot, now) = (&self.snapshot, self.now);
        let found = match before {
            None => farmtally_engine::tabulate(snapshot, query, now, &control).map(|table| (table, None)),
            Some(before) => farmtally_engine::tabulate_beside(snapshot, query, before, now, &control)
                .map(|(table, compared)| (table, Some(compared))),
        };
        found.map_err(|error| UsageError::of_engine(&error, self.service, self.farm.farm_id))
    }
}
