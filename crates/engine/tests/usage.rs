//! The questions of the native API against the slow, obvious aggregator of the test kit, on random farms, and what has to
//! hold of every answer by itself.
//!
//! `FARMTALLY_CASES=100000 cargo test --release -p farmtally-engine --test usage` runs the long campaign.
#![expect(clippy::unwrap_used, reason = "the values that the tests make are valid")]

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{
    AggregationControl, AggregationError, AggregationLimits, aggregate, tabulate, tabulate_beside,
};
use farmtally_model::{
    AggregationQuery, Calendar, CalendarUnit, ComparedUsage, Dimension, FleetId, GroupBy, GroupMembers,
    Grouping, JobId, JobName, LineCost, NanoUsd, QueueId, Record, Resources, ScanFigures, Session, SessionId,
    Span, Statistic, StatisticSet, TimeRange, Timestamp, Usage, UsageGroupBy, UsageLine, UsageLines,
    UsageQuery, UsageTable, UserId, UtcOffset, Zone,
};
use farmtally_testkit::random::{RandomUsageCase, random_farm, random_usage_case};
use farmtally_testkit::reference;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// Random cases of a normal run, each asked of two arrangements of the same records.
const CASES: u32 = 1_500;

fn config() -> Config {
    let cases = std::env::var("FARMTALLY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct("tests/usage.regressions")) as _);
    Config { cases, failure_persistence, ..Config::default() }
}

fn limits(rows_max: usize) -> AggregationLimits {
    AggregationLimits { rows_max, bytes_max: 1 << 30, threads: NonZeroUsize::MIN }
}

/// The answer without what was read for it, which the reference does not know.
fn answer(
    snapshot: &FarmSnapshot,
    query: &UsageQuery,
    now: Timestamp,
) -> Result<UsageTable, AggregationError> {
    let control = AggregationControl { limits: limits(1_000_000), cancelled: &AtomicBool::new(false) };
    let table = tabulate(snapshot, query, now, &control)?;
    let seen = table.figures.blocks_read + table.figures.blocks_skipped;
    assert!(seen >= snapshot.blocks().len() as u64);
    Ok(UsageTable { figures: ScanFigures::default(), ..table })
}

/// The same for two windows.
fn answer_beside(
    snapshot: &FarmSnapshot,
    query: &UsageQuery,
    before: &Calendar,
    now: Timestamp,
) -> (UsageTable, ComparedUsage) {
    let control = AggregationControl { limits: limits(1_000_000), cancelled: &AtomicBool::new(false) };
    let (table, compared) = tabulate_beside(snapshot, query, before, now, &control).unwrap();
    (UsageTable { figures: ScanFigures::default(), ..table }, compared)
}

/// A second window adds groups to an answer and changes nothing, and everything in it is of a group.
fn check_comparison(alone: &UsageTable, table: &UsageTable, compared: &ComparedUsage, is_complete: bool) {
    assert_eq!(table.groups[..alone.groups.len()], alone.groups);
    assert!(table.groups[alone.groups.len()..].iter().all(|group| group.total.sessions == 0));
    assert_eq!((&table.rows, &table.total), (&alone.rows, &alone.total));
    let rows: u128 = compared.rows.iter().map(|row| row.amounts.cost.sum).sum();
    let groups: u128 = compared.groups.iter().flatten().map(|total| total.cost.sum).sum();
    assert_eq!(rows, groups);
    assert!(!is_complete || groups == compared.total.cost.sum);
}

fn columns(records: &[Record<LineCost>], batch: usize) -> FarmColumns {
    let mut columns = FarmColumns::default();
    for batch in records.chunks(batch) {
        columns.apply(batch, &[]);
    }
    columns
}

/// Sealed records, with foreign ones put in and taken out again.
fn after_removals(records: &[Record<LineCost>], others: &[Record<LineCost>]) -> FarmColumns {
    let others: Vec<_> = others.iter().filter(|other| matches!(other, Record::Session(_))).cloned().collect();
    let others: Vec<_> = others.into_iter().map(with_own_identity).collect();
    let mut columns = columns(&others, 7);
    columns.apply(records, &[]);
    columns.seal();
    columns.apply(&[], &others);
    columns
}

fn with_own_identity(record: Record<LineCost>) -> Record<LineCost> {
    match record {
        Record::Session(session) => {
            let session_id = SessionId::from_bytes(session.session_id.bytes().map(|byte| !byte));
            Record::Session(Session { session_id, ..session })
        }
        volume @ Record::Volume(_) => volume,
    }
}

/// Sums over buckets are the totals of groups, and sums over groups are the total.
fn check_conservation(query: &UsageQuery, table: &UsageTable) {
    let mut sums = vec![(0, 0); table.groups.len()];
    for row in &table.rows {
        let sum = &mut sums[row.group as usize];
        *sum = (sum.0 + row.amounts.cost.sum, sum.1 + row.amounts.runtime.sum);
        assert!(row.amounts.sessions > 0);
    }
    for (group, sum) in table.groups.iter().zip(sums) {
        assert_eq!((group.total.cost.sum, group.total.runtime.sum), sum);
    }
    let is_complete = query.top().is_none_or(|top| top.with_others);
    let has_line_groups = Dimension::ALL.iter().any(|by| by.is_of_lines() && query.is_grouped_by(*by));
    if is_complete {
        let costs: u128 = table.groups.iter().map(|group| group.total.cost.sum).sum();
        assert_eq!(costs, table.total.cost.sum);
    }
    if is_complete && !has_line_groups {
        let runtimes: u128 = table.groups.iter().map(|group| group.total.runtime.sum).sum();
        let sessions: u64 = table.groups.iter().map(|group| group.total.sessions).sum();
        assert_eq!((runtimes, sessions), (table.total.runtime.sum, table.total.sessions));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_agrees_with_the_reference_and_nothing_is_lost(
        RandomUsageCase { records, query, before, now } in random_usage_case(),
        others in random_farm(),
        batch in 1_usize..40,
    ) {
        let expected = reference::tabulate(&records, &query, now);
        let table = answer(&columns(&records, batch).snapshot(), &query, now).unwrap();
        prop_assert_eq!(&table, &expected);
        let corrected = after_removals(&records, &others);
        // Blocks remember what is asked again.
        for _ in 0..3 {
            prop_assert_eq!(&answer(&corrected.snapshot(), &query, now).unwrap(), &expected);
        }
        check_conservation(&query, &table);
        let beside = answer_beside(&corrected.snapshot(), &query, &before, now);
        check_comparison(&table, &beside.0, &beside.1, query.top().is_none_or(|top| top.with_others));
        prop_assert_eq!(beside, reference::tabulate_beside(&records, &query, &before, now));
        let has_line_groups = Dimension::ALL.iter().any(|by| by.is_of_lines() && query.is_grouped_by(*by));
        if !has_line_groups {
            let ungrouped = query.clone().grouped_by(vec![]).unwrap().with_top(None);
            let ungrouped = answer(&corrected.snapshot(), &ungrouped, now).unwrap();
            prop_assert_eq!(&ungrouped.total, &table.total);
        }
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn session(number: u8, start: &str, end: &str, dollars: u64) -> Record<LineCost> {
    let cost = LineCost::Total(NanoUsd::from_nanos(dollars * 1_000_000_000).unwrap());
    Record::Session(Session {
        session_id: SessionId::from_bytes([number; 16]),
        queue_id: QueueId::from_bytes([number; 16]),
        fleet_id: FleetId::from_bytes([2; 16]),
        job_id: JobId::from_bytes([number; 16]),
        job_name: JobName::new("sh010").unwrap(),
        user_id: UserId::new("alice").unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: Span::new(at(start), Some(at(end))).unwrap(),
        revision: 0,
        usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
    })
}

fn question(from: &str, to: &str, unit: CalendarUnit, zone: &str) -> UsageQuery {
    let zone = Zone::parse(zone).unwrap();
    let window = TimeRange::new(zone.instant(from).unwrap(), zone.instant(to).unwrap()).unwrap();
    UsageQuery::new(Calendar::new(window, Some(unit), &zone).unwrap())
}

#[test]
fn days_on_which_the_clock_is_moved_have_23_and_25_hours() {
    // A dollar an hour from midnight to midnight in Paris, around both ends of summer time.
    let records = [
        session(1, "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", 71),
        session(2, "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", 73),
    ];
    let snapshot = columns(&records, 2).snapshot();
    let hours_and_dollars = |from: &str, to: &str| -> Vec<(u128, u128)> {
        let query = question(from, to, CalendarUnit::Day, "Europe/Paris");
        let rows = answer(&snapshot, &query, Timestamp::MAX).unwrap().rows;
        let amounts = rows.into_iter().map(|row| row.amounts);
        amounts.map(|amounts| (amounts.runtime.sum / 3_600_000, amounts.cost.sum / 1_000_000_000)).collect()
    };
    assert_eq!(hours_and_dollars("2026-03-28", "2026-03-31"), [(24, 24), (23, 23), (24, 24)]);
    assert_eq!(hours_and_dollars("2026-10-24", "2026-10-27"), [(24, 24), (25, 25), (24, 24)]);
}

#[test]
fn a_session_of_two_days_counts_in_both_and_once_in_the_total() {
    let records = [session(1, "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z", 24)];
    let snapshot = columns(&records, 1).snapshot();
    let query = question("2026-01-01", "2026-01-03", CalendarUnit::Day, "UTC");
    let query = query.grouped_by(vec![Grouping::By(Dimension::Queue)]).unwrap();
    let table = answer(&snapshot, &query, Timestamp::MAX).unwrap();
    assert_eq!(table.rows.iter().map(|row| row.amounts.sessions).collect::<Vec<_>>(), [1, 1]);
    assert_eq!((table.groups[0].total.sessions, table.total.sessions), (1, 1));
    assert_eq!(table.groups[0].total.cost.max, 24_000_000_000);
    assert!(matches!(&table.groups[0].members, GroupMembers::Values(values) if values.len() == 1));
}

#[test]
fn blocks_outside_of_the_window_are_skipped_and_said_to_be() {
    let records = [
        session(1, "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z", 1),
        session(2, "2026-06-01T12:00:00Z", "2026-06-02T12:00:00Z", 1),
    ];
    let snapshot = columns(&records, 2).snapshot();
    let query = question("2026-06-01", "2026-06-03", CalendarUnit::Day, "UTC");
    let control = AggregationControl { limits: limits(9), cancelled: &AtomicBool::new(false) };
    let figures = tabulate(&snapshot, &query, Timestamp::MAX, &control).unwrap().figures;
    assert_eq!(figures, ScanFigures { rows_scanned: 1, blocks_read: 1, blocks_skipped: 1 });
}

#[test]
fn limits_and_cancellation_end_a_tabulation() {
    let records: Vec<_> =
        (0..9).map(|number| session(number, "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z", 1)).collect();
    let snapshot = columns(&records, 9).snapshot();
    let query = question("2026-01-01", "2026-01-03", CalendarUnit::Day, "UTC");
    let query = query.grouped_by(vec![Grouping::By(Dimension::Job)]).unwrap();
    let with = |limits, cancelled| {
        let control = AggregationControl { limits, cancelled: &AtomicBool::new(cancelled) };
        tabulate(&snapshot, &query, Timestamp::MAX, &control).map(|table| table.rows.len())
    };
    assert_eq!(with(limits(18), false), Ok(18));
    assert_eq!(with(limits(17), false), Err(AggregationError::TooManyRows { rows_max: 17 }));
    assert_eq!(with(limits(18), true), Err(AggregationError::Cancelled));
    let small = AggregationLimits { bytes_max: 100, ..limits(18) };
    assert_eq!(with(small, false), Err(AggregationError::TooMuchMemory { bytes_max: 100 }));
}

const JOBS: u8 = 200;
/// A rank, a code by rank and a code in order; and an id with its code while it is sorted.
const BYTES_OF_A_JOB: usize = 3 * 4 + 16 + 4;

/// None of the sessions is in the window that is asked about, so that there are no groups.
fn check_order_of_jobs(
    ask: impl Fn(&FarmSnapshot, &AggregationControl<'_>) -> Result<usize, AggregationError>,
) {
    let records: Vec<_> =
        (0..JOBS).map(|number| session(number, "2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", 0)).collect();
    let snapshot = columns(&records, records.len()).snapshot();
    let threads = NonZeroUsize::new(2).unwrap();
    let with = |bytes_max| {
        let limits = AggregationLimits { bytes_max, threads, ..limits(10) };
        ask(&snapshot, &AggregationControl { limits, cancelled: &AtomicBool::new(false) })
    };
    let needed = usize::from(JOBS) * BYTES_OF_A_JOB / 2;
    assert_eq!(with(needed - 1), Err(AggregationError::TooMuchMemory { bytes_max: needed - 1 }));
    assert_eq!(with(needed), Ok(0));
    assert_eq!(with(needed / 2), Ok(0), "once it is known it costs nothing");
}

#[test]
fn an_aggregation_by_job_may_find_the_order_of_jobs_if_its_threads_have_the_memory() {
    let group_by = GroupBy::new(&[UsageGroupBy::JobId]).unwrap();
    let resources = Resources::queues([QueueId::from_bytes([1; 16])]).unwrap();
    let statistics = StatisticSet::new([Statistic::Sum]).unwrap();
    let window = TimeRange::new(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")).unwrap();
    let query = AggregationQuery::new(resources, window, UtcOffset::UTC, None, group_by, statistics).unwrap();
    check_order_of_jobs(|snapshot, control| {
        aggregate(snapshot, &query, Timestamp::MAX, control).map(|table| table.rows.len())
    });
}

#[test]
fn a_question_by_job_may_find_the_order_of_jobs_if_its_threads_have_the_memory() {
    let query = question("2026-01-01", "2026-01-02", CalendarUnit::Day, "UTC");
    let query = query.grouped_by(vec![Grouping::By(Dimension::Job)]).unwrap();
    check_order_of_jobs(|snapshot, control| {
        tabulate(snapshot, &query, Timestamp::MAX, control).map(|table| table.rows.len())
    });
}
