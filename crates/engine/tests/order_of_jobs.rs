//! The order of a farm's jobs is memory as groups are, for the question that has to find it.
#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{AggregationControl, AggregationError, AggregationLimits, aggregate, tabulate};

use farmtally_model::{
    AggregationQuery, Calendar, Dimension, FleetId, GroupBy, Grouping, JobId, JobName, LineCost, NanoUsd,
    QueueId, Record, Resources, Session, SessionId, Span, Statistic, StatisticSet, TimeRange, Timestamp,
    Usage, UsageGroupBy, UsageLine, UsageLines, UsageQuery, UserId, UtcOffset, Zone,
};

const QUEUE: QueueId = QueueId::from_bytes([1; 16]);
const JOBS: usize = 200;
/// A rank, a code by rank and a code in order; and an id with its code while it is sorted.
const BYTES_OF_A_JOB: usize = 3 * 4 + 16 + 4;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Sessions of as many jobs, none of them in the window that is asked about: there are no groups.
fn farm() -> Arc<FarmSnapshot> {
    let session = |number: u8| {
        Record::Session(Session {
            session_id: SessionId::from_bytes([number; 16]),
            queue_id: QUEUE,
            fleet_id: FleetId::from_bytes([2; 16]),
            job_id: JobId::from_bytes([number; 16]),
            job_name: JobName::new("sh010").unwrap(),
            user_id: UserId::new("alice").unwrap(),
            worker_id: None,
            instance_type: None,
            outcome: None,
            span: Span::new(at("2025-01-01T00:00:00Z"), Some(at("2025-01-01T01:00:00Z"))).unwrap(),
            revision: 0,
            usage: UsageLines::new(vec![UsageLine {
                usage: Usage::Compute,
                cost: LineCost::Total(NanoUsd::ZERO),
            }])
            .unwrap(),
        })
    };
    let mut columns = FarmColumns::default();
    columns.apply(&(0..JOBS).map(|number| session(u8::try_from(number).unwrap())).collect::<Vec<_>>(), &[]);
    columns.snapshot()
}

fn window() -> TimeRange {
    TimeRange::new(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")).unwrap()
}

fn check(ask: impl Fn(&FarmSnapshot, &AggregationControl<'_>) -> Result<usize, AggregationError>) {
    let snapshot = farm();
    let threads = NonZeroUsize::new(2).unwrap();
    let with = |bytes_max| {
        let limits = AggregationLimits { rows_max: 10, bytes_max, threads };
        ask(&snapshot, &AggregationControl { limits, cancelled: &AtomicBool::new(false) })
    };
    let needed = JOBS * BYTES_OF_A_JOB / 2;
    assert_eq!(with(needed - 1), Err(AggregationError::TooMuchMemory { bytes_max: needed - 1 }));
    assert_eq!(with(needed), Ok(0));
    assert_eq!(with(needed / 2), Ok(0), "once it is known it costs nothing");
}

#[test]
fn an_aggregation_by_job_may_find_the_order_of_jobs_if_its_threads_have_the_memory() {
    let group_by = GroupBy::new(&[UsageGroupBy::JobId]).unwrap();
    let (resources, statistics) =
        (Resources::queues([QUEUE]).unwrap(), StatisticSet::new([Statistic::Sum]).unwrap());
    let query =
        AggregationQuery::new(resources, window(), UtcOffset::UTC, None, group_by, statistics).unwrap();
    check(|snapshot, control| {
        aggregate(snapshot, &query, Timestamp::MAX, control).map(|table| table.rows.len())
    });
}

#[test]
fn a_question_by_job_may_find_the_order_of_jobs_if_its_threads_have_the_memory() {
    let calendar = Calendar::new(window(), None, &Zone::parse("UTC").unwrap()).unwrap();
    let query = UsageQuery::new(calendar).grouped_by(vec![Grouping::By(Dimension::Job)]).unwrap();
    check(|snapshot, control| {
        tabulate(snapshot, &query, Timestamp::MAX, control).map(|table| table.rows.len())
    });
}
