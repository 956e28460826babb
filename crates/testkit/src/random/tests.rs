use std::collections::BTreeMap;

use farmtally_model::{
    AggregationQuery, GroupValue, LineCost, Period, Record, Span, StatisticsTable, Timestamp, Usage,
    UsageGroupBy,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{RandomCase, random_case, random_farm, random_query};
use crate::reference::aggregate;

/// Cost and runtime of each group over all buckets.
fn totals(table: &StatisticsTable) -> BTreeMap<Vec<GroupValue>, (u128, u128)> {
    let mut totals = BTreeMap::new();
    for row in table.rows.iter() {
        let (cost, runtime) = totals.entry(table.values_of(&row).collect()).or_default();
        *cost += row.cost.sum;
        *runtime += row.runtime.sum;
    }
    totals
}

fn with_period(query: &AggregationQuery, period: Option<Period>) -> AggregationQuery {
    AggregationQuery::new(
        query.resources().clone(),
        query.window(),
        query.offset(),
        period,
        query.group_by(),
        query.statistics(),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_period_adds_up_to_the_answer_without_one(case in random_case()) {
        let whole = totals(&aggregate(&case.records, &with_period(&case.query, None), case.now));
        for period in [Period::Daily, Period::Weekly, Period::Monthly] {
            let cut = totals(&aggregate(&case.records, &with_period(&case.query, Some(period)), case.now));
            prop_assert_eq!(&cut, &whole);
        }
        if case.query.period() == Some(Period::Hourly) {
            prop_assert_eq!(&totals(&aggregate(&case.records, &case.query, case.now)), &whole);
        }
    }

    #[test]
    fn the_order_of_the_records_does_not_matter(case in random_case()) {
        let answer = aggregate(&case.records, &case.query, case.now);
        let backwards: Vec<_> = case.records.iter().rev().cloned().collect();
        prop_assert_eq!(aggregate(&backwards, &case.query, case.now), answer);
    }

    #[test]
    fn every_bucket_of_an_answer_is_one_that_the_model_knows(case in random_case()) {
        let buckets = case.query.buckets();
        for row in aggregate(&case.records, &case.query, case.now).rows.iter() {
            prop_assert_eq!(buckets.range(buckets.index_of(row.bucket.start().millis())), row.bucket);
        }
    }

    #[test]
    fn farms_have_each_id_once_and_keep_the_bound_of_costs(records in random_farm()) {
        let mut ids: Vec<_> = records.iter().map(Record::id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), records.len());
        for record in &records {
            if let Record::Session(session) = record {
                prop_assert!(session.usage.check_total().is_ok());
            }
        }
    }

    #[test]
    fn hours_are_asked_of_windows_that_the_reference_can_walk(query in random_query()) {
        prop_assert!(query.period() != Some(Period::Hourly) || query.buckets().len() <= 45 * 24);
    }
}

/// How often each edge occurs in some thousand cases from a fixed seed.
fn edges_in(cases: u32) -> BTreeMap<&'static str, u32> {
    let mut runner = TestRunner::deterministic();
    let mut edges = BTreeMap::new();
    for _ in 0..cases {
        let case = random_case().new_tree(&mut runner).unwrap().current();
        for edge in edges_of(&case) {
            *edges.entry(edge).or_default() += 1;
        }
    }
    edges
}

fn edges_of(case: &RandomCase) -> Vec<&'static str> {
    let window = case.query.window();
    let hours = (window.end().millis() - window.start().millis()) / 3_600_000;
    let mut edges = vec![if case.query.resources().queue_ids().is_some() { "queues" } else { "fleets" }];
    edges.extend((hours == 1).then_some("one hour"));
    edges.extend((hours > 366 * 24).then_some("over a year"));
    edges.extend((case.query.offset().minutes() % 60 != 0).then_some("half-hour offset"));
    edges.extend((!aggregate(&case.records, &case.query, case.now).rows.is_empty()).then_some("rows"));
    edges.extend(case.query.group_by().fields().map(UsageGroupBy::as_str));
    edges.extend(case.records.iter().flat_map(|record| edges_of_span(record.span(), case)));
    edges.extend(case.records.iter().flat_map(edges_of_record));
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn edges_of_span(span: Span, case: &RandomCase) -> Vec<&'static str> {
    let (window, buckets) = (case.query.window(), case.query.buckets());
    let start = span.started_at();
    let end = span.ended_at().unwrap_or(case.now);
    let inside = |instant: Timestamp| window.start() <= instant && instant < window.end();
    let on_edge =
        |at: Timestamp| inside(at) && buckets.start_ms(buckets.index_of(at.millis())) == at.millis();
    let named = [
        ("running", span.ended_at().is_none()),
        ("starts at now or later", span.ended_at().is_none() && start >= case.now),
        ("no length", span.ended_at() == Some(start)),
        ("no length, on an edge", span.ended_at() == Some(start) && on_edge(start)),
        ("starts on an edge", on_edge(start)),
        ("ends on an edge", on_edge(end)),
        ("before the window", end < window.start()),
        ("ends as the window starts", end == window.start()),
        ("after the window", start > window.end()),
        ("starts as the window ends", start == window.end()),
        ("over the whole window", start < window.start() && window.end() < end),
        ("over 40 days", end.millis() - start.millis() > 40 * 86_400_000),
        (
            "many buckets",
            inside(start)
                && inside(end)
                && buckets.index_of(start.millis()) + 20 < buckets.index_of(end.millis()),
        ),
    ];
    named.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

fn edges_of_record(record: &Record<LineCost>) -> Vec<&'static str> {
    let Record::Session(session) = record else { return vec!["volume"] };
    let lines = session.usage.as_slice();
    let named = [
        ("no machine", session.instance_type.is_none()),
        ("no COMPUTE", lines.iter().all(|line| line.usage != Usage::Compute)),
        ("three licences", lines.len() == 4),
        (
            "two of a licence",
            lines.iter().any(|line| matches!(line.usage, Usage::License { quantity: 2.., .. })),
        ),
        ("price per hour", lines.iter().any(|line| matches!(line.cost, LineCost::PerHour(_)))),
        (
            "the greatest cost",
            lines.iter().any(|line| line.cost == LineCost::Total(farmtally_model::NanoUsd::MAX)),
        ),
    ];
    named.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

#[test]
fn random_cases_meet_every_edge_often() {
    let edges = edges_in(1000);
    for edge in [
        "queues",
        "fleets",
        "one hour",
        "over a year",
        "half-hour offset",
        "rows",
        "running",
        "starts at now or later",
        "no length",
        "no length, on an edge",
        "starts on an edge",
        "ends on an edge",
        "before the window",
        "ends as the window starts",
        "after the window",
        "starts as the window ends",
        "over the whole window",
        "over 40 days",
        "many buckets",
        "volume",
        "no machine",
        "no COMPUTE",
        "three licences",
        "two of a licence",
        "price per hour",
        "the greatest cost",
        "QUEUE_ID",
        "FLEET_ID",
        "JOB_ID",
        "USER_ID",
        "USAGE_TYPE",
        "INSTANCE_TYPE",
        "LICENSE_PRODUCT",
    ] {
        assert!(edges.get(edge).is_some_and(|count| *count >= 10), "{edge}: {edges:#?}");
    }
}
