//! A question that cannot be wrong: which resources, which window, cut and grouped how, and which statistics.

use std::fmt;

use crate::ids::{FleetId, QueueId};
use crate::period::{Buckets, Period};
use crate::time::{TimeRange, Timestamp, UtcOffset};

/// Most queues or fleets of one question.
pub const RESOURCES_MAX: usize = 10;

/// A question that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No queue and no fleet, or too many.
    #[error("{member} has {count} ids; 1 to {RESOURCES_MAX} are allowed")]
    ResourceCount {
        /// `queueIds` or `fleetIds`.
        member: &'static str,
        /// Distinct ids found.
        count: usize,
    },
    /// No field to group by, or too many.
    #[error("groupBy has {count} fields; 1 or 2 are allowed")]
    GroupByCount {
        /// Fields found.
        count: usize,
    },
    /// The same field twice.
    #[error("groupBy names {field} twice; each field is allowed once")]
    GroupByRepeated {
        /// The repeated field.
        field: UsageGroupBy,
    },
    /// No statistic.
    #[error("statistics is empty; 1 to 4 of SUM, MIN, MAX and AVG are allowed")]
    NoStatistics,
    /// A window that does not begin or end on the hour.
    #[error(
        "{member} {value} is not a whole hour at {offset}; minutes, seconds and fractions must be zero there"
    )]
    NotWholeHour {
        /// `startTime` or `endTime`.
        member: &'static str,
        /// The instant.
        value: Timestamp,
        /// The offset on whose clock the hour is judged.
        offset: UtcOffset,
    },
}

/// The queues or the fleets that a question is about: 1 to [`RESOURCES_MAX`] of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources(ResourceList);

#[derive(Debug, Clone, PartialEq, Eq)]
enum ResourceList {
    Queues(Vec<QueueId>),
    Fleets(Vec<FleetId>),
}

impl Resources {
    /// Sessions of these queues. An id given twice counts once.
    pub fn queues(ids: impl IntoIterator<Item = QueueId>) -> Result<Self, QueryError> {
        distinct("queueIds", ids).map(|ids| Self(ResourceList::Queues(ids)))
    }

    /// Sessions and volumes of these fleets. An id given twice counts once.
    pub fn fleets(ids: impl IntoIterator<Item = FleetId>) -> Result<Self, QueryError> {
        distinct("fleetIds", ids).map(|ids| Self(ResourceList::Fleets(ids)))
    }

    /// The queues, when the question is about queues.
    pub fn queue_ids(&self) -> Option<&[QueueId]> {
        match &self.0 {
            ResourceList::Queues(ids) => Some(ids),
            ResourceList::Fleets(_) => None,
        }
    }

    /// The fleets, when the question is about fleets.
    pub fn fleet_ids(&self) -> Option<&[FleetId]> {
        match &self.0 {
            ResourceList::Fleets(ids) => Some(ids),
            ResourceList::Queues(_) => None,
        }
    }
}

fn distinct<T: Ord>(member: &'static str, ids: impl IntoIterator<Item = T>) -> Result<Vec<T>, QueryError> {
    let mut ids: Vec<T> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > RESOURCES_MAX {
        return Err(QueryError::ResourceCount { member, count: ids.len() });
    }
    Ok(ids)
}

/// A field that rows can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageGroupBy {
    /// The queue.
    QueueId,
    /// The fleet.
    FleetId,
    /// The job; its name comes with it.
    JobId,
    /// The user.
    UserId,
    /// COMPUTE, LICENSE or PERSISTENT_VOLUME.
    UsageType,
    /// The kind of machine.
    InstanceType,
    /// The licensed product.
    LicenseProduct,
}

impl UsageGroupBy {
    /// Every field, in the order of the service model.
    pub const ALL: [Self; 7] = [
        Self::QueueId,
        Self::FleetId,
        Self::JobId,
        Self::UserId,
        Self::UsageType,
        Self::InstanceType,
        Self::LicenseProduct,
    ];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueId => "QUEUE_ID",
            Self::FleetId => "FLEET_ID",
            Self::JobId => "JOB_ID",
            Self::UserId => "USER_ID",
            Self::UsageType => "USAGE_TYPE",
            Self::InstanceType => "INSTANCE_TYPE",
            Self::LicenseProduct => "LICENSE_PRODUCT",
        }
    }
}

impl fmt::Display for UsageGroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One or two different fields, in the order in which they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBy {
    first: UsageGroupBy,
    second: Option<UsageGroupBy>,
}

impl GroupBy {
    /// Checks number and repetition of the fields.
    pub fn new(fields: &[UsageGroupBy]) -> Result<Self, QueryError> {
        match *fields {
            [first] => Ok(Self { first, second: None }),
            [first, second] if first == second => Err(QueryError::GroupByRepeated { field: first }),
            [first, second] => Ok(Self { first, second: Some(second) }),
            _ => Err(QueryError::GroupByCount { count: fields.len() }),
        }
    }

    /// The fields in order.
    pub fn fields(self) -> impl ExactSizeIterator<Item = UsageGroupBy> {
        let fields: [Option<UsageGroupBy>; 2] = [Some(self.first), self.second];
        let count = 1 + usize::from(self.second.is_some());
        (0..count).map(move |index| fields[index].unwrap_or(self.first))
    }

    /// Whether a field is among them.
    pub fn contains(self, field: UsageGroupBy) -> bool {
        self.first == field || self.second == Some(field)
    }
}

/// An amount that is computed of costs and runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The sum divided by the count.
    Avg,
}

impl Statistic {
    /// Every statistic, in the order of the service model.
    pub const ALL: [Self; 4] = [Self::Sum, Self::Min, Self::Max, Self::Avg];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Avg => "AVG",
        }
    }
}

/// The statistics that an answer shows, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticSet(u8);

impl StatisticSet {
    /// A set; a statistic given twice counts once.
    pub fn new(statistics: impl IntoIterator<Item = Statistic>) -> Result<Self, QueryError> {
        let bits = statistics.into_iter().fold(0, |bits, statistic| bits | 1 << statistic as u8);
        if bits == 0 { Err(QueryError::NoStatistics) } else { Ok(Self(bits)) }
    }

    /// Whether a statistic was asked for.
    pub const fn contains(self, statistic: Statistic) -> bool {
        self.0 & 1 << statistic as u8 != 0
    }

    /// The statistics in the order of the service model.
    pub fn iter(self) -> impl Iterator<Item = Statistic> {
        Statistic::ALL.into_iter().filter(move |statistic| self.contains(*statistic))
    }
}

/// A checked question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregationQuery {
    resources: Resources,
    window: TimeRange,
    offset: UtcOffset,
    period: Option<Period>,
    group_by: GroupBy,
    statistics: StatisticSet,
}

impl AggregationQuery {
    /// Joins the parts of a question; the window must begin and end on whole hours at `offset`.
    pub fn new(
        resources: Resources,
        window: TimeRange,
        offset: UtcOffset,
        period: Option<Period>,
        group_by: GroupBy,
        statistics: StatisticSet,
    ) -> Result<Self, QueryError> {
        for (member, value) in [("startTime", window.start()), ("endTime", window.end())] {
            if !offset.is_whole_hour(value) {
                return Err(QueryError::NotWholeHour { member, value, offset });
            }
        }
        Ok(Self { resources, window, offset, period, group_by, statistics })
    }

    /// The queues or fleets.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The window, start inclusive, end exclusive.
    pub fn window(&self) -> TimeRange {
        self.window
    }

    /// The offset of the calendar.
    pub fn offset(&self) -> UtcOffset {
        self.offset
    }

    /// The calendar unit, or `None` for one bucket.
    pub fn period(&self) -> Option<Period> {
        self.period
    }

    /// The fields that make a row.
    pub fn group_by(&self) -> GroupBy {
        self.group_by
    }

    /// The statistics that the answer shows.
    pub fn statistics(&self) -> StatisticSet {
        self.statistics
    }

    /// The window cut into the period's units.
    pub fn buckets(&self) -> Buckets {
        Buckets::new(self.window, self.period, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_given_twice_count_once_and_ten_are_the_most() {
        let ids = (0..10).map(|index| QueueId::from_bytes([index; 16]));
        let twice = ids.clone().chain(ids.clone());
        assert_eq!(Resources::queues(twice).unwrap().queue_ids().unwrap().len(), 10);
        let error = Resources::queues(ids.chain([QueueId::from_bytes([99; 16])])).unwrap_err();
        assert_eq!(error.to_string(), "queueIds has 11 ids; 1 to 10 are allowed");
        assert!(Resources::fleets([]).is_err());
    }

    #[test]
    fn group_by_has_one_or_two_different_fields() {
        use UsageGroupBy::{JobId, QueueId, UserId};
        assert_eq!(GroupBy::new(&[JobId, UserId]).unwrap().fields().collect::<Vec<_>>(), [JobId, UserId]);
        assert_eq!(GroupBy::new(&[JobId]).unwrap().fields().len(), 1);
        assert_eq!(
            GroupBy::new(&[JobId, JobId]).unwrap_err().to_string(),
            "groupBy names JOB_ID twice; each field is allowed once"
        );
        assert_eq!(
            GroupBy::new(&[JobId, UserId, QueueId]).unwrap_err().to_string(),
            "groupBy has 3 fields; 1 or 2 are allowed"
        );
        assert!(GroupBy::new(&[]).is_err());
    }

    #[test]
    fn a_statistic_set_keeps_the_order_of_the_model() {
        let set = StatisticSet::new([Statistic::Avg, Statistic::Sum, Statistic::Avg]).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Statistic::Sum, Statistic::Avg]);
        assert!(StatisticSet::new([]).is_err());
    }
}
