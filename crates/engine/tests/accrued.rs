//! Running sessions and volumes whose cost has grown beyond what can be counted.
#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmColumns;
use farmtally_engine::{AggregationControl, AggregationError, AggregationLimits, aggregate};
use farmtally_model::{
    AggregationQuery, FleetId, GroupBy, HourlyRate, JobId, JobName, LicenseProduct, LineCost, QueueId,
    Record, Resources, Session, SessionId, Span, Statistic, StatisticSet, TimeRange, Timestamp, Usage,
    UsageGroupBy, UsageLine, UsageLines, UserId, UtcOffset, Volume, VolumeId,
};

const QUEUE: QueueId = QueueId::from_bytes([1; 16]);
const OTHER_QUEUE: QueueId = QueueId::from_bytes([2; 16]);
const FLEET: FleetId = FleetId::from_bytes([3; 16]);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A running session that holds 1,000 licences of each product at a million dollars an hour.
fn dear_session(products: &[&str]) -> Record<LineCost> {
    let line = |product: &&str| UsageLine {
        usage: Usage::License { product: LicenseProduct::new(product).unwrap(), quantity: 1_000 },
        cost: LineCost::PerHour(HourlyRate::MAX),
    };
    Record::Session(Session {
        session_id: SessionId::from_bytes([7; 16]),
        queue_id: QUEUE,
        fleet_id: FLEET,
        job_id: JobId::from_bytes([4; 16]),
        job_name: JobName::new("sh010").unwrap(),
        user_id: UserId::new("alice").unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: Span::new(at("2025-11-24T22:00:00Z"), None).unwrap(),
        revision: 0,
        usage: UsageLines::new(products.iter().map(line).collect()).unwrap(),
    })
}

fn dear_volume() -> Record<LineCost> {
    Record::Volume(Volume {
        volume_id: VolumeId::from_bytes([8; 16]),
        fleet_id: FLEET,
        span: Span::new(at("2025-01-01T00:00:00Z"), None).unwrap(),
        revision: 0,
        cost: LineCost::PerHour(HourlyRate::MAX),
    })
}

fn ask(
    record: Record<LineCost>,
    resources: Resources,
    group_by: UsageGroupBy,
    now: &str,
) -> Result<usize, AggregationError> {
    let mut columns = FarmColumns::default();
    columns.apply(&[record], &[]);
    let window = TimeRange::new(at("2025-11-24T00:00:00Z"), at("2025-11-26T00:00:00Z")).unwrap();
    let group_by = GroupBy::new(&[group_by]).unwrap();
    let statistics = StatisticSet::new([Statistic::Sum]).unwrap();
    let query = AggregationQuery::new(resources, window, UtcOffset::UTC, None, group_by, statistics).unwrap();
    let limits = AggregationLimits { rows_max: 10, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    aggregate(&columns.snapshot(), &query, at(now), &control).map(|table| table.rows.len())
}

#[test]
fn a_session_that_accrued_too_much_fails_the_questions_about_it_and_no_others() {
    let ask = |queue, now| {
        ask(dear_session(&["gold"]), Resources::queues([queue]).unwrap(), UsageGroupBy::UserId, now)
    };
    assert_eq!(ask(QUEUE, "2025-11-24T23:00:00Z"), Ok(1));
    let error = ask(QUEUE, "2025-11-24T23:00:00.001Z").unwrap_err();
    assert_eq!(
        error.to_string(),
        "session-07070707070707070707070707070707, which is running, has accrued more than 1,000,000,000 USD; \
         correct its rate or end it"
    );
    assert_eq!(ask(OTHER_QUEUE, "2025-11-25T23:00:00Z"), Ok(0));
}

#[test]
fn what_the_lines_of_a_session_accrued_together_is_too_much_where_each_alone_is_not() {
    let ask = |now| {
        let session = dear_session(&["gold", "silver"]);
        ask(session, Resources::queues([QUEUE]).unwrap(), UsageGroupBy::UserId, now)
    };
    assert_eq!(ask("2025-11-24T22:30:00Z"), Ok(1));
    let error = ask("2025-11-24T22:30:00.001Z").unwrap_err();
    assert!(matches!(error, AggregationError::SessionAccruedTooMuch { .. }), "{error}");
}

#[test]
fn a_volume_that_accrued_too_much_fails_the_questions_that_count_volumes() {
    let ask =
        |group_by| ask(dear_volume(), Resources::fleets([FLEET]).unwrap(), group_by, "2025-11-25T00:00:00Z");
    assert!(matches!(ask(UsageGroupBy::UsageType), Err(AggregationError::VolumeAccruedTooMuch { .. })));
    assert_eq!(ask(UsageGroupBy::UserId), Ok(0));
}
