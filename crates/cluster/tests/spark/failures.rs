//! An engine that is away, silent, killed, or wrong never makes an answer that is wrong.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationQuery, GroupBy, LineCost, Period, Record, Resources, Statistic, StatisticSet, StatisticsTable,
    TimeRange, Timestamp, UsageGroupBy, UtcOffset,
};
use farmtally_testkit::reference;

use crate::farm::{FARM, Farm};
use crate::server::{Server, address_of, free_port};

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

/// A year of some sessions, each an hour long, in two months.
pub(crate) fn sessions(count: u32) -> Vec<Record<LineCost>> {
    use farmtally_model::{
        FleetId, JobId, JobName, NanoUsd, QueueId, Session, SessionId, Span, Usage, UsageLine, UsageLines,
        UserId,
    };
    let start = Timestamp::parse("2025-11-29T00:00:00Z").unwrap().millis();
    let step = 4 * 86_400_000 / i64::from(count);
    let session = |index: u32| {
        let instant = |ms| Timestamp::from_millis(ms).unwrap();
        let started_at = start + i64::from(index) * step;
        let cost = LineCost::Total(NanoUsd::from_nanos(1_000_003 + u64::from(index)).unwrap());
        Record::Session(Session {
            session_id: SessionId::from_bytes(u128::from(index).to_be_bytes()),
            queue_id: QueueId::from_bytes([1; 16]),
            fleet_id: FleetId::from_bytes([2; 16]),
            job_id: JobId::from_bytes([3; 16]),
            job_name: JobName::new("job").unwrap(),
            user_id: UserId::new(&format!("user{}", index % 50)).unwrap(),
            worker_id: None,
            instance_type: None,
            outcome: None,
            span: Span::new(instant(started_at), Some(instant(started_at + 3_600_000))).unwrap(),
            revision: 0,
            usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
        })
    };
    (0..count).map(session).collect()
}

pub(crate) fn question() -> AggregationQuery {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let window = TimeRange::new(at("2025-11-29T00:00:00Z"), at("2025-12-04T00:00:00Z")).unwrap();
    let queues = Resources::queues([farmtally_model::QueueId::from_bytes([1; 16])]).unwrap();
    let group_by = GroupBy::new(&[UsageGroupBy::UserId]).unwrap();
    let statistics = StatisticSet::new([Statistic::Sum]).unwrap();
    AggregationQuery::new(queues, window, UtcOffset::UTC, Some(Period::Daily), group_by, statistics).unwrap()
}

/// A farm of which everything is sealed.
pub(crate) fn sealed_farm(records: &[Record<LineCost>]) -> Farm {
    let farm = Farm::new(now());
    farm.store(records);
    farm.sealed()
}

fn segments(farm: &Farm) -> Vec<PathBuf> {
    let sessions = farm.folder().join(format!("sessions/farm={FARM}"));
    let months = fs::read_dir(sessions).unwrap().map(|month| month.unwrap().path());
    let mut files: Vec<_> =
        months.flat_map(|month| fs::read_dir(month).unwrap().map(|file| file.unwrap().path())).collect();
    files.sort_unstable();
    files
}

/// The end of a question that has no answer.
pub(crate) fn refusal(farm: &Farm) -> String {
    let page = farm.ask(&question());
    assert_eq!(page.status, Status::Failed);
    assert!(page.table.is_none());
    page.status_message.unwrap()
}

/// Asks, and does something meanwhile: the answer is the right one, or there is none and a reason.
pub(crate) fn check_while(
    farm: &Farm,
    query: &AggregationQuery,
    expected: &StatisticsTable,
    what: &str,
    meanwhile: impl FnOnce(),
) {
    let begun = Instant::now();
    let id = farm.begin(query);
    meanwhile();
    let page = farm.end_of(id);
    println!("{what}: {:?} after {:.1?} {:?}", page.status, begun.elapsed(), page.status_message);
    match page.status {
        Status::Completed => assert_eq!(*page.table.unwrap(), *expected),
        Status::Failed | Status::Timeout => assert!(page.status_message.is_some()),
        Status::InProgress => panic!("it did not end"),
    }
}

#[test]
fn an_engine_that_is_not_there_fails_the_aggregation_and_says_so() {
    let farm = sealed_farm(&sessions(20)).asking(&address_of(free_port()));
    let message = refusal(&farm);
    assert!(message.contains("the distributed engine cannot be reached: "), "{message}");
    assert!(message.contains("start it again"), "{message}");
}

#[test]
fn an_engine_that_says_nothing_ends_in_a_timeout_and_is_let_go() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = address_of(silent.local_addr().unwrap().port());
    let farm = sealed_farm(&sessions(20)).ending_after(Duration::from_millis(300)).asking(&address);
    let begun = Instant::now();
    for _ in 0..2 {
        let page = farm.ask(&question());
        assert_eq!(page.status, Status::Timeout);
    }
    drop(farm);
    assert!(begun.elapsed() < Duration::from_secs(30), "the runs did not end: {:?}", begun.elapsed());
}

#[test]
fn a_question_about_nothing_sealed_does_not_go_to_the_engine() {
    let records = sessions(20);
    let farm = Farm::new(now());
    let farm = farm.asking(&address_of(free_port()));
    farm.store(&records);
    assert_eq!(*farm.answer(&question()), reference::aggregate(&records, &question(), now()));
}

#[test]
#[ignore = "needs Sail; scripts/test-cluster runs it"]
fn files_that_are_not_those_of_the_manifest_fail_the_aggregation() {
    let server = Server::sail();
    let records = sessions(40);
    let farm = sealed_farm(&records).asking(&server.address());
    let expected = reference::aggregate(&records, &question(), now());
    assert_eq!(*farm.answer(&question()), expected);
    let files = segments(&farm);
    let [first, second] = files.as_slice() else { panic!("{files:?}") };
    let kept = fs::read(first).unwrap();
    // The right number of files, one of them twice: some sessions are missing and others are there two times.
    fs::copy(second, first).unwrap();
    let message = refusal(&farm);
    assert!(message.contains("where the manifest has"), "{message}");
    fs::remove_file(first).unwrap();
    let message = refusal(&farm);
    assert!(message.contains("the distributed engine"), "{message}");
    fs::write(first, &kept[..kept.len() / 2]).unwrap();
    let message = refusal(&farm);
    assert!(message.contains("the distributed engine"), "{message}");
    fs::write(first, kept).unwrap();
    assert_eq!(*farm.answer(&question()), expected);
}

#[test]
#[ignore = "needs Sail; scripts/test-cluster runs it"]
fn a_server_that_is_killed_in_the_middle_makes_no_wrong_answer() {
    let records = sessions(20_000);
    let expected = reference::aggregate(&records, &question(), now());
    let mut farm = sealed_farm(&records);
    let mut failed = 0;
    for delay_ms in [20, 100, 250, 400] {
        let mut server = Server::sail();
        farm = farm.asking(&server.address());
        let begun = farm.begin(&question());
        std::thread::sleep(Duration::from_millis(delay_ms));
        server.kill();
        let page = farm.end_of(begun);
        match page.status {
            Status::Completed => assert_eq!(*page.table.unwrap(), expected),
            Status::Failed => failed += 1,
            other => panic!("{other:?}: {:?}", page.status_message),
        }
    }
    assert!(failed > 0, "no server was killed before it had answered");
}
