//! The latest sessions of a question against all of its sessions, which the slow aggregator of the test kit finds one by one.
#![expect(clippy::unwrap_used, reason = "the values that the tests make are valid")]

use std::cmp::Reverse;
use std::sync::atomic::AtomicBool;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{AggregationError, EndedSpans, latest_ended};
use farmtally_model::{LineCost, Record, Session, Timestamp, UsageQuery};
use farmtally_testkit::random::{RandomUsageCase, random_usage_case, with_one_name_for_each_job};
use farmtally_testkit::reference;
use proptest::prelude::*;

/// Random cases, each asked of records that lie together, in small blocks, and with some that were removed.
const CASES: u32 = 1_000;

fn columns(records: &[Record<LineCost>], batch: usize) -> FarmColumns {
    let mut columns = FarmColumns::default();
    for batch in records.chunks(batch) {
        columns.apply(batch, &[]);
    }
    columns
}

fn is_ended(record: &Record<LineCost>) -> bool {
    matches!(record, Record::Session(_)) && record.span().ended_at().is_some()
}

/// The spans of the ended sessions that the question counts when it is asked of each alone.
fn counted(records: &[Record<LineCost>], query: &UsageQuery) -> Vec<(i64, i64)> {
    let is_counted = |record: &&Record<LineCost>| {
        let alone = std::slice::from_ref(*record);
        reference::tabulate(alone, query, Timestamp::MAX).total.sessions > 0
    };
    let span = |record: &Record<LineCost>| {
        (record.span().started_at().millis(), record.span().ended_at().unwrap().millis())
    };
    records.iter().filter(|record| is_ended(record)).filter(is_counted).map(span).collect()
}

fn sorted(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable_by_key(|span| Reverse(*span));
    spans
}

/// What has to be found, by going through all of them.
fn expected(all: &[(i64, i64)], before: Option<Timestamp>, count: usize) -> EndedSpans {
    let before_ms = before.map_or(i64::MAX, Timestamp::millis);
    let behind: Vec<_> = all.iter().copied().filter(|span| span.0 < before_ms).collect();
    let last = count.checked_sub(1).and_then(|last| behind.get(last)).map_or(i64::MIN, |span| span.0);
    let is_found = |span: &&(i64, i64)| (last..=before_ms).contains(&span.0);
    EndedSpans { spans: all.iter().filter(is_found).copied().collect(), count: behind.len().min(count) }
}

fn found(snapshot: &FarmSnapshot, query: &UsageQuery, before: Option<Timestamp>, count: usize) -> EndedSpans {
    let found = latest_ended(snapshot, query, before, count, &AtomicBool::new(false)).unwrap();
    EndedSpans { spans: sorted(found.spans), ..found }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn the_latest_are_those_of_all_sessions_and_none_that_started_at_once_is_missing(
        RandomUsageCase { records, query, .. } in random_usage_case(),
        batch in 1_usize..40,
        removed in prop::collection::vec(any::<bool>(), 40),
        (at, count) in (any::<prop::sample::Index>(), 1_usize..12),
    ) {
        // What is grouped by decides which lines count: a list of sessions is grouped by nothing.
        let query = query.grouped_by(vec![]).unwrap().with_top(None);
        let records = with_one_name_for_each_job(records);
        let is_kept = |(index, _): &(usize, &Record<LineCost>)| !removed[index % removed.len()];
        let kept: Vec<_> = records.iter().enumerate().filter(is_kept).map(|(_, record)| record.clone()).collect();
        let gone: Vec<_> =
            records.iter().enumerate().filter(|of| !is_kept(of)).map(|(_, record)| record.clone()).collect();
        let mut without = columns(&records, batch);
        without.seal();
        without.apply(&[], &gone);
        for (records, columns) in [(&records, columns(&records, batch)), (&kept, without)] {
            let (snapshot, all) = (columns.snapshot(), sorted(counted(records, &query)));
            let starts = all.iter().map(|span| Timestamp::from_millis(span.0).unwrap());
            let starts: Vec<_> = [None].into_iter().chain(starts.map(Some)).collect();
            for before in [None, *at.get(&starts)] {
                prop_assert_eq!(found(&snapshot, &query, before, count), expected(&all, before, count));
            }
        }
    }
}

#[test]
fn whoever_does_not_wait_any_more_gets_no_list() {
    let records = sample();
    let snapshot = columns(&records, 9).snapshot();
    let query = everything();
    let cancelled = latest_ended(&snapshot, &query, None, 1, &AtomicBool::new(true));
    assert_eq!(cancelled, Err(AggregationError::Cancelled));
}

#[test]
fn many_that_started_at_once_are_all_there() {
    let records: Vec<_> = sample().into_iter().cycle().take(5_000).collect();
    let snapshot = columns(&records, 700).snapshot();
    let found = found(&snapshot, &everything(), None, 3);
    assert_eq!((found.count, found.spans.len()), (3, 5_000));
}

fn everything() -> UsageQuery {
    use farmtally_model::{Calendar, TimeRange};
    let window = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    UsageQuery::new(Calendar::whole(window))
}

fn sample() -> Vec<Record<LineCost>> {
    use farmtally_model::{
        FleetId, JobId, JobName, NanoUsd, QueueId, SessionId, Span, Usage, UsageLine, UsageLines, UserId,
    };
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let cost = LineCost::Total(NanoUsd::from_nanos(1).unwrap());
    vec![Record::Session(Session {
        session_id: SessionId::from_bytes([1; 16]),
        queue_id: QueueId::from_bytes([1; 16]),
        fleet_id: FleetId::from_bytes([1; 16]),
        job_id: JobId::from_bytes([1; 16]),
        job_name: JobName::new("sh010").unwrap(),
        user_id: UserId::new("alice").unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: Span::new(at("2026-01-01T12:00:00Z"), Some(at("2026-01-02T12:00:00Z"))).unwrap(),
        revision: 0,
        usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
    })]
}
