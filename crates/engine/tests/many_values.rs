//! Answers with so many jobs and users that these are looked up when somebody asks for one.
#![expect(clippy::unwrap_used, reason = "the values that the test makes are valid")]

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{AggregationControl, AggregationLimits, aggregate};
use farmtally_model::{
    AggregationQuery, FleetId, GroupBy, GroupValue, HourlyRate, JobId, JobName, LineCost, NanoUsd, QueueId,
    Record, Resources, Session, SessionId, Span, Statistic, StatisticSet, StatisticsTable, TimeRange,
    Timestamp, Usage, UsageGroupBy, UsageLine, UsageLines, UserId, UtcOffset, Volume, VolumeId,
};
use farmtally_testkit::reference;

const FLEET: FleetId = FleetId::from_bytes([2; 16]);
const JOBS: u64 = 5_000;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn id(number: u64) -> [u8; 16] {
    // In an order that says nothing of the numbers.
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The first session of a job and a user of its own, or a later one that calls the job otherwise.
fn session(job: u64, is_later: bool) -> Record<LineCost> {
    let start = at("2026-01-01T12:00:00Z").millis() + if is_later { 3_600_000 } else { 0 };
    let instant = |millis| Timestamp::from_millis(millis).unwrap();
    let cost = LineCost::Total(NanoUsd::from_nanos(job + 1).unwrap());
    Record::Session(Session {
        session_id: SessionId::from_bytes(id(2 * job + u64::from(is_later))),
        queue_id: QueueId::from_bytes([1; 16]),
        fleet_id: FLEET,
        job_id: JobId::from_bytes(id(job)),
        job_name: JobName::new(&format!("shot {job}{}", if is_later { " again" } else { "" })).unwrap(),
        user_id: UserId::new(&format!("user {}", job * 7919 % JOBS)).unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: Span::new(instant(start), Some(instant(start + 60_000))).unwrap(),
        revision: 0,
        usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
    })
}

fn volume() -> Record<LineCost> {
    Record::Volume(Volume {
        volume_id: VolumeId::from_bytes([8; 16]),
        fleet_id: FLEET,
        span: Span::new(at("2026-01-01T00:00:00Z"), None).unwrap(),
        revision: 0,
        cost: LineCost::PerHour(HourlyRate::MAX),
    })
}

fn answer(snapshot: &FarmSnapshot, query: &AggregationQuery, now: Timestamp) -> StatisticsTable {
    let limits = AggregationLimits { rows_max: 1_000_000, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    aggregate(snapshot, query, now, &AggregationControl { limits, cancelled: &AtomicBool::new(false) })
        .unwrap()
}

#[test]
fn an_answer_of_many_jobs_and_users_has_their_values_and_keeps_them_while_the_farm_goes_on() {
    let now = at("2026-01-02T00:00:00Z");
    let mut records: Vec<_> = (0..JOBS).map(|job| session(job, false)).chain([volume()]).collect();
    let mut columns = FarmColumns::default();
    columns.apply(&records, &[]);
    let fields = [
        &[UsageGroupBy::JobId][..],
        &[UsageGroupBy::UserId],
        &[UsageGroupBy::JobId, UsageGroupBy::UserId],
        &[UsageGroupBy::UsageType, UsageGroupBy::JobId],
    ];
    let queries = fields.map(|fields| {
        let window = TimeRange::new(at("2026-01-01T00:00:00Z"), now).unwrap();
        let (resources, statistics) =
            (Resources::fleets([FLEET]).unwrap(), StatisticSet::new(Statistic::ALL).unwrap());
        let group_by = GroupBy::new(fields).unwrap();
        AggregationQuery::new(resources, window, UtcOffset::UTC, None, group_by, statistics).unwrap()
    });
    let expected = queries.each_ref().map(|query| reference::aggregate(&records, query, now));
    let answers = queries.each_ref().map(|query| answer(&columns.snapshot(), query, now));
    assert_eq!(answers, expected);
    let of_jobs = [answers[0].values[0].len() as u64, answers[3].values[1].len() as u64];
    // A volume has no job.
    assert_eq!((of_jobs, answers[3].values[1].at(0)), ([JOBS, JOBS + 1], GroupValue::Absent));
    for values in answers.iter().flat_map(|answer| &answer.values) {
        assert_eq!(values.range(0..values.len()), values.iter().collect::<Vec<_>>());
    }
    // Other names for the first jobs, and new jobs.
    let later: Vec<_> =
        (0..JOBS + 9).step_by(500).chain(JOBS..JOBS + 9).map(|job| session(job, true)).collect();
    columns.apply(&later, &[]);
    records.extend(later);
    let later = queries.each_ref().map(|query| answer(&columns.snapshot(), query, now));
    assert_eq!(later, queries.each_ref().map(|query| reference::aggregate(&records, query, now)));
    assert_ne!(later[0].values, expected[0].values);
    assert_eq!(answers, expected);
}
