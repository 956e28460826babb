//! How long questions take in this process and on a server, over one farm on one machine: what a line costs there.
//!
//! `FARMTALLY_SESSIONS=1000000 scripts/test-cluster --speed` prints it, `--speed --spark` for Apache Spark.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use farmtally_cluster::Address;
use farmtally_model::{
    AggregationQuery, GroupBy, Period, QueueId, Record, Resources, Statistic, StatisticSet, Submission,
    TimeRange, Timestamp, UsageGroupBy, UtcOffset,
};
use farmtally_testkit::sample_farm::{SampleFarmOptions, sample_farm};

use crate::apache_spark::Spark;
use crate::farm::Farm;
use crate::server::Server;

/// Sessions of the farm unless `FARMTALLY_SESSIONS` says otherwise.
const SESSIONS: u32 = 200_000;
/// How often each question is asked; the median counts.
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

/// The median time from Start to the end of a question, and the rows of its answer.
fn timed(
    farm: &Farm,
    query: &AggregationQuery,
) -> (Duration, std::sync::Arc<farmtally_model::StatisticsTable>) {
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        let table = farm.answer(query);
        times.push(begun.elapsed());
        if times.len() == REPEATS {
            times.sort_unstable();
            return (times[REPEATS / 2], table);
        }
    }
}

fn compare(name: &str, address: &Address) {
    let sessions =
        std::env::var("FARMTALLY_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(SESSIONS);
    let mut farm = Farm::new(now());
    farm.store_submissions(submissions(sessions));
    farm = farm.sealed();
    let questions = questions(&queues(sessions));
    let native: Vec<_> = questions.iter().map(|(_, query)| timed(&farm, query)).collect();
    farm = farm.asking(address);
    println!("{sessions} sessions\n| question | rows | native | {name} |\n|---|---|---|---|");
    for ((what, query), (native, expected)) in questions.iter().zip(native) {
        let (distributed, found) = timed(&farm, query);
        assert_eq!(found, expected, "{what}");
        println!("| {what} | {} | {native:.1?} | {distributed:.1?} |", expected.rows.len());
    }
}

#[test]
#[ignore = "needs Sail; scripts/test-cluster --speed runs it"]
fn sail_has_the_rows_of_a_large_farm_in_a_time_that_is_printed() {
    let server = Server::sail();
    compare("Sail", &server.address());
}

#[test]
#[ignore = "needs Apache Spark and Java; scripts/test-cluster --speed --spark runs it"]
fn apache_spark_has_the_rows_of_a_large_farm_in_a_time_that_is_printed() {
    let spark = Spark::start(128 << 20);
    compare("Spark", &spark.address());
}
