//! How long questions take in this process and on a server, over one farm on one machine: what a line costs there.
//!
//! `FARMTALLY_SESSIONS=1000000 scripts/test-cluster --speed` prints it, `--speed --spark` for Apache Spark.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use farmtally_cluster::Address;
use farmtally_model::{
    AggregationQuery, GroupBy, Period, QueueId, Record, Resources, Statistic, StatisticSet, StatisticsTable,
    Submission, TimeRange, Timestamp, UsageGroupBy, UtcOffset,
};
use farmtally_testkit::sample_farm::{SampleFarmOptions, sample_farm};

use crate::apache_spark::Spark;
use crate::farm::Farm;
use crate::server::{Server, own_cpu};

/// Sessions of the farm unless `FARMTALLY_SESSIONS` says otherwise.
const SESSIONS: u32 = 200_000;
/// How often each engine is asked each question; the median counts.
const REPEATS: usize = 3;
const DAYS: u32 = 360;

fn now() -> Timestamp {
    Timestamp::parse("2025-12-01T00:00:00Z").unwrap()
}

/// What has ended of a year of the sample farm.
fn submissions(sessions: u32) -> impl Iterator<Item = Submission> {
    let options = SampleFarmOptions { days: DAYS, sessions };
    sample_farm(7, now(), options).filter(|submission| submission.record.span().ended_at().is_some())
}

fn queues(sessions: u32) -> BTreeSet<QueueId> {
    let queue = |submission: Submission| match submission.record {
        Record::Session(session) => Some(session.queue_id),
        Record::Volume(_) => None,
    };
    submissions(sessions).filter_map(queue).collect()
}

fn questions(queues: &BTreeSet<QueueId>) -> Vec<(&'static str, AggregationQuery)> {
    use UsageGroupBy::{FleetId, InstanceType, JobId, LicenseProduct, QueueId, UsageType, UserId};
    let days = |days: u32| {
        let start = Timestamp::from_millis(now().millis() - i64::from(days) * 86_400_000).unwrap();
        TimeRange::new(start, now()).unwrap()
    };
    let question = |name, days, period, fields: &[UsageGroupBy]| {
        let resources = Resources::queues(queues.iter().copied()).unwrap();
        let group_by = GroupBy::new(fields).unwrap();
        let statistics = StatisticSet::new(Statistic::ALL).unwrap();
        let query = AggregationQuery::new(resources, days, UtcOffset::UTC, period, group_by, statistics);
        (name, query.unwrap())
    };
    vec![
        question("a year by instance type", days(DAYS), None, &[InstanceType]),
        question(
            "a year by month, queue and usage type",
            days(DAYS),
            Some(Period::Monthly),
            &[QueueId, UsageType],
        ),
        question("a year by week and product", days(DAYS), Some(Period::Weekly), &[LicenseProduct]),
        question("a year by day, job and user", days(DAYS), Some(Period::Daily), &[JobId, UserId]),
        question(
            "30 days by hour, fleet and instance type",
            days(30),
            Some(Period::Hourly),
            &[FleetId, InstanceType],
        ),
    ]
}

/// Another engine, and the processes that it is made of.
struct Peer<'a> {
    name: &'static str,
    address: Address,
    servers: Vec<&'a Server>,
}

/// Wall time from Start to the end of questions, and processor time of all who took part.
#[derive(Default)]
struct Times(Vec<Duration>, Vec<Duration>);

impl Times {
    fn medians(mut self) -> String {
        for times in [&mut self.0, &mut self.1] {
            times.sort_unstable();
        }
        format!("{:.2?} | {:.2?}", self.0[REPEATS / 2], self.1[REPEATS / 2])
    }
}

/// Asks once more, and expects the rows that are known.
fn ask_timed(
    farm: &Farm,
    query: &AggregationQuery,
    expected: &StatisticsTable,
    servers: &[&Server],
    times: &mut Times,
) {
    let cpu = || own_cpu() + servers.iter().map(|server| server.cpu()).sum::<Duration>();
    let (cpu_before, begun) = (cpu(), Instant::now());
    let found = farm.answer(query);
    times.0.push(begun.elapsed());
    times.1.push(cpu().saturating_sub(cpu_before));
    assert_eq!(*found, *expected, "{query:?}");
}

/// The sample farm, sealed, with so many sessions unless `FARMTALLY_SESSIONS` says otherwise.
fn sealed_sample() -> (Farm, Vec<(&'static str, AggregationQuery)>) {
    let sessions = std::env::var("FARMTALLY_SESSIONS").ok().and_then(|text| text.parse().ok());
    let sessions = sessions.unwrap_or(SESSIONS);
    let farm = Farm::new(now());
    farm.store_submissions(submissions(sessions));
    println!("{sessions} sessions");
    (farm.sealed(), questions(&queues(sessions)))
}

/// Prints what each question takes, asked in turns of the native engine and of each other one.
fn compare(peers: &[Peer<'_>]) {
    let (mut native, questions) = sealed_sample();
    let farms: Vec<_> = peers.iter().map(|peer| native.copied().asking(&peer.address)).collect();
    let names: Vec<_> = peers.iter().map(|peer| format!("{} | its CPU", peer.name)).collect();
    let names = names.join(" | ");
    println!("| question | rows | native | its CPU | {names} |\n|{}", "---|".repeat(4 + 2 * peers.len()));
    for (what, query) in questions {
        let expected = native.answer(&query);
        let mut native_times = Times::default();
        let mut times: Vec<_> = peers.iter().map(|_| Times::default()).collect();
        for _ in 0..REPEATS {
            ask_timed(&native, &query, &expected, &[], &mut native_times);
            for ((peer, farm), times) in peers.iter().zip(&farms).zip(&mut times) {
                ask_timed(farm, &query, &expected, &peer.servers, times);
            }
        }
        let times: Vec<_> = times.into_iter().map(Times::medians).collect();
        println!("| {what} | {} | {} | {} |", expected.rows.len(), native_times.medians(), times.join(" | "));
    }
}

#[test]
#[ignore = "needs Sail; scripts/test-cluster --speed runs it"]
fn sail_has_the_rows_of_a_large_farm_in_a_time_that_is_printed() {
    let server = Server::sail();
    compare(&[Peer { name: "Sail", address: server.address(), servers: vec![&server] }]);
}

#[test]
#[ignore = "needs Apache Spark and Java; scripts/test-cluster --speed --spark runs it"]
fn apache_spark_has_the_rows_of_a_large_farm_in_a_time_that_is_printed() {
    let spark = Spark::start(128 << 20);
    compare(&[Peer { name: "Spark", address: spark.address(), servers: spark.servers() }]);
}
