//! The eight questions.

use farmtally_model::{
    AggregationQuery, GroupBy, Period, Resources, Statistic, StatisticSet, TimeRange, Timestamp,
    UsageGroupBy, UtcOffset,
};

use crate::records::{fleet_id, queue_id};

/// A named question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) query: AggregationQuery,
}

enum Of {
    Queues(u8),
    Fleets(u8),
}

/// Q1 to Q8, as `docs/performance.md` describes them.
pub(crate) fn questions() -> Vec<Question> {
    use UsageGroupBy::{FleetId, InstanceType, JobId, LicenseProduct, QueueId, UsageType, UserId};
    const YEAR: (&str, &str) = ("2025-01-01T00:00:00", "2026-01-01T00:00:00");
    let question = |name, of, window, offset, period, group_by: &[UsageGroupBy]| Question {
        name,
        query: query(&of, window, offset, period, group_by),
    };
    vec![
        question(
            "Q1",
            Of::Queues(10),
            ("2025-06-01T00:00:00", "2025-07-01T00:00:00"),
            "+00:00",
            Some(Period::Daily),
            &[UserId],
        ),
        question("Q2", Of::Queues(10), YEAR, "-08:00", Some(Period::Monthly), &[QueueId, UsageType]),
        question(
            "Q3",
            Of::Queues(1),
            ("2025-06-11T00:00:00", "2025-06-12T00:00:00"),
            "+01:00",
            Some(Period::Hourly),
            &[JobId],
        ),
        question("Q4", Of::Fleets(10), YEAR, "-05:00", Some(Period::Daily), &[JobId, UserId]),
        question("Q5", Of::Queues(10), YEAR, "+00:00", None, &[InstanceType]),
        question("Q6", Of::Fleets(10), YEAR, "+09:00", Some(Period::Hourly), &[FleetId, InstanceType]),
        question("Q7", Of::Queues(10), YEAR, "+05:30", Some(Period::Weekly), &[LicenseProduct]),
        question(
            "Q8",
            Of::Queues(10),
            ("2025-06-09T00:00:00", "2025-06-16T00:00:00"),
            "+09:30",
            Some(Period::Hourly),
            &[UserId, InstanceType],
        ),
    ]
}

/// Questions about the same year of the same ten queues, with ever more groups, as `docs/performance.md` describes them.
pub(crate) fn ladder() -> Vec<Question> {
    use UsageGroupBy::{InstanceType, JobId, QueueId, UserId};
    const YEAR: (&str, &str) = ("2025-01-01T00:00:00", "2026-01-01T00:00:00");
    let steps: [(&str, Option<Period>, &[UsageGroupBy]); 7] = [
        ("L1", None, &[QueueId]),
        ("L2", None, &[UserId]),
        ("L3", None, &[UserId, InstanceType]),
        ("L4", None, &[JobId]),
        ("L5", None, &[JobId, InstanceType]),
        ("L6", None, &[JobId, UserId]),
        ("L7", Some(Period::Hourly), &[JobId, UserId]),
    ];
    let question = |(name, period, group_by)| Question {
        name,
        query: query(&Of::Queues(10), YEAR, "+00:00", period, group_by),
    };
    steps.into_iter().map(question).collect()
}

fn query(
    of: &Of,
    window: (&str, &str),
    offset: &str,
    period: Option<Period>,
    group_by: &[UsageGroupBy],
) -> AggregationQuery {
    let at = |local: &str| Timestamp::parse(&format!("{local}{offset}")).expect("a time");
    let resources = match of {
        Of::Queues(count) => Resources::queues((0..*count).map(queue_id)),
        Of::Fleets(count) => Resources::fleets((0..*count).map(fleet_id)),
    };
    AggregationQuery::new(
        resources.expect("at most ten"),
        TimeRange::new(at(window.0), at(window.1)).expect("in order"),
        UtcOffset::parse(&format!("UTC{offset}")).expect("an offset"),
        period,
        GroupBy::new(group_by).expect("one or two"),
        StatisticSet::new(Statistic::ALL).expect("four"),
    )
    .expect("whole hours")
}
