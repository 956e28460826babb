//! GetSessionsStatisticsAggregation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use farmtally_engine::{DistributedEngine, DistributedError, MergedGroups, SealedRecords, Seen};
use farmtally_model::AggregationQuery;
use farmtally_service::Distributed;
use serde_json::{Value, json};

use crate::door::{FARM, Farmtally, Setup, get};
use crate::records::{id, question, running_session, session, volume, with};

#[test]
fn a_completed_answer_has_its_rows_and_nothing_that_was_not_asked_for() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1), with(session(2), json!({ "userId": "bob" }))]);
    let expected = |user: &str| {
        json!({
            "userId": user, "count": 1, "costInUsd": { "sum": 1.0 }, "runtimeInSeconds": { "sum": 3600.0 },
            "aggregationStartTime": "2025-11-24T00:00:00Z", "aggregationEndTime": "2025-11-26T00:00:00Z",
        })
    };
    let expected = json!({ "statistics": [expected("alice"), expected("bob")], "status": "COMPLETED" });
    assert_eq!(farmtally.answer(&question()), expected);
}

#[test]
fn every_statistic_and_period_reaches_the_engine() {
    let farmtally = Farmtally::start();
    let long = json!({ "startedAt": "2025-11-24T22:00:00Z", "endedAt": "2025-11-25T01:00:00Z",
                       "usage": [{ "usageType": "COMPUTE", "costInUsd": "3" }] });
    farmtally.ingest(&[session(1), with(session(2), long)]);
    let question = with(
        question(),
        json!({ "period": "DAILY", "timezone": "UTC+00:00", "groupBy": ["QUEUE_ID"],
                "statistics": ["SUM", "MIN", "MAX", "AVG"] }),
    );
    let rows = farmtally.answer(&question)["statistics"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
    // Newest first: one hour of the long session, then two of it and the short one.
    assert_eq!(rows[0]["costInUsd"], json!({ "sum": 1.0, "min": 1.0, "max": 1.0, "avg": 1.0 }));
    assert_eq!(rows[1]["costInUsd"], json!({ "sum": 3.0, "min": 1.0, "max": 2.0, "avg": 1.5 }));
    assert_eq!(
        rows[1]["runtimeInSeconds"],
        json!({ "sum": 10800.0, "min": 3600.0, "max": 7200.0, "avg": 5400.0 })
    );
    assert_eq!(rows[1]["count"], 2);
}

#[test]
fn volumes_show_where_fleets_are_asked_for_their_usage_types() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1), volume(1)]);
    let fleets = json!({ "resourceIds": { "fleetIds": [id("fleet", 1)] }, "groupBy": ["USAGE_TYPE"] });
    let rows = farmtally.answer(&with(question(), fleets))["statistics"].clone();
    let types: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (&row["usageType"], &row["costInUsd"]["sum"])).collect();
    assert_eq!(types, [(&json!("COMPUTE"), &json!(1.0)), (&json!("PERSISTENT_VOLUME"), &json!(0.5))]);
}

#[test]
fn a_running_session_ends_at_the_instant_of_start_for_every_page() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[running_session(1)]);
    let question = with(question(), json!({ "endTime": "2025-11-27T00:00:00Z" }));
    let aggregation_id = farmtally.begin(&question);
    let page = farmtally.wait(&aggregation_id);
    assert_eq!(page["statistics"][0]["runtimeInSeconds"]["sum"], 3600.0);
    farmtally.clock.advance_ms(30 * 60 * 1000);
    assert_eq!(farmtally.wait(&aggregation_id), page);
    assert_eq!(farmtally.answer(&question)["statistics"][0]["runtimeInSeconds"]["sum"], 5400.0);
}

#[test]
fn an_empty_window_is_completed_without_rows() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let earlier = json!({ "startTime": "2024-01-01T00:00:00Z", "endTime": "2024-02-01T00:00:00Z" });
    let page = farmtally.answer(&with(question(), earlier));
    assert_eq!(page, json!({ "statistics": [], "status": "COMPLETED" }));
}

#[test]
fn an_aggregation_in_progress_has_an_empty_list_and_its_status() {
    let farmtally = Farmtally::start();
    let aggregation_id = farmtally.hold_aggregation();
    let answer = farmtally.call(get(FARM, &aggregation_id, "&maxResults=1"));
    answer.ok();
    assert_eq!(answer.text(), r#"{"statistics":[],"status":"IN_PROGRESS"}"#);
}

/// An engine that fails as soon as it may.
#[derive(Debug, Default)]
struct Held {
    may_fail: AtomicBool,
}

impl DistributedEngine for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    fn can_answer(&self, _: &AggregationQuery, _: &SealedRecords) -> bool {
        true
    }

    fn aggregate(
        &self,
        _: &AggregationQuery,
        _: &SealedRecords,
        _: &mut MergedGroups,
        _: &AtomicBool,
    ) -> Result<Seen, DistributedError> {
        while !self.may_fail.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(1));
        }
        Err(DistributedError::Cancelled)
    }
}

/// The status that the first Get finds when the engine is held for so long after Start, or until then.
fn first_status(held_for: Option<Duration>) -> Value {
    let engine = Arc::new(Held::default());
    let distributed = Some(Distributed { engine: Arc::clone(&engine) as _, records_min: 1 });
    let farmtally = Farmtally::with(Setup { distributed, ..Setup::default() });
    farmtally.ingest(&[session(1)]);
    farmtally.service.seal(FARM).unwrap();
    let aggregation_id = farmtally.begin(&question());
    let let_go = |after| {
        sleep(after);
        engine.may_fail.store(true, Ordering::SeqCst);
    };
    let status = scope(|scope| {
        held_for.map(|held_for| scope.spawn(move || let_go(held_for)));
        farmtally.call(get(FARM, &aggregation_id, "")).json()["status"].clone()
    });
    let_go(Duration::ZERO);
    farmtally.wait(&aggregation_id);
    status
}

#[test]
fn a_get_waits_a_little_for_an_aggregation_that_is_about_to_end() {
    // A machine with much else to do may need longer than a Get waits, but not mostly.
    let statuses: Vec<_> = (0..5).map(|_| first_status(Some(Duration::from_millis(30)))).collect();
    assert!(statuses.iter().filter(|status| **status == "FAILED").count() >= 3, "{statuses:?}");
}

#[test]
fn a_get_does_not_wait_for_long() {
    assert_eq!(first_status(None), "IN_PROGRESS");
}

#[test]
fn the_scale_factor_of_the_farm_multiplies_past_costs() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let before = farmtally.begin(&question());
    farmtally.wait(&before);
    let factor = farmtally_model::CostScaleFactor::parse("2.5").unwrap();
    farmtally.service.set_cost_scale_factor(FARM, factor, "tests").unwrap();
    assert_eq!(farmtally.answer(&question())["statistics"][0]["costInUsd"]["sum"], 2.5);
    assert_eq!(farmtally.wait(&before)["statistics"][0]["costInUsd"]["sum"], 1.0);
}

#[test]
fn what_is_wrong_with_a_get_is_said_by_field() {
    let farmtally = Farmtally::start();
    let fields = |target: String| {
        let body = farmtally.call(crate::client::Call::get(target)).error(400, "ValidationException");
        let fields = body["fieldList"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let path = crate::door::aggregation_path(FARM);
    assert_eq!(fields(path.clone()), ["aggregationId"]);
    assert_eq!(fields(format!("{path}?aggregationId=nope&maxResults=101")), ["aggregationId", "maxResults"]);
    let id = "0".repeat(32);
    assert_eq!(fields(format!("{path}?aggregationId={id}&maxResults=0")), ["maxResults"]);
    assert_eq!(fields(format!("{path}?aggregationId={id}&nextToken={}", "a".repeat(4097))), ["nextToken"]);
    let nobody = "/2023-10-12/farms//sessions-statistics-aggregation";
    assert_eq!(fields(format!("{nobody}?aggregationId={id}")), ["farmId"]);
}
