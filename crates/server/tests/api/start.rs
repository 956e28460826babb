//! StartSessionsStatisticsAggregation.

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, OTHER_FARM, get, start};
use crate::records::{id, question, session, with};

const INVOCATION: &str = "amz-sdk-invocation-id";

fn aggregation_id(answer: &Answer) -> String {
    let body = answer.ok();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["aggregationId"]);
    body["aggregationId"].as_str().unwrap().to_owned()
}

#[test]
fn a_start_gives_an_id_of_32_digits() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let id = aggregation_id(&farmtally.call(start(FARM, &question())));
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{id}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let farmtally = Farmtally::start();
    let wrong = with(question(), json!({ "period": "YEARLY", "statistics": ["MEDIAN"], "groupBy": null }));
    let body = farmtally.call(start(FARM, &wrong)).error(400, "ValidationException");
    assert_eq!(body["reason"], "FIELD_VALIDATION_FAILED");
    let fields: Vec<&Value> =
        body["fieldList"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(fields, ["period", "groupBy", "statistics[0]"]);
}

#[test]
fn a_retried_call_gets_the_same_aggregation() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let call = |body: &Value, attempt: &str| {
        start(FARM, body).header(INVOCATION, "b1ffd35e").header("amz-sdk-request", attempt)
    };
    let first = aggregation_id(&farmtally.call(call(&question(), "attempt=1; max=3")));
    farmtally.wait(&first);
    assert_eq!(aggregation_id(&farmtally.call(call(&question(), "attempt=2; max=3"))), first);
    // The invocation alone is not the call: its body belongs to it.
    let other = with(question(), json!({ "period": "DAILY" }));
    assert_ne!(aggregation_id(&farmtally.call(call(&other, "attempt=1; max=3"))), first);
}

#[test]
fn a_retried_call_gets_the_same_aggregation_while_it_runs() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let call = || start(FARM, &question()).header(INVOCATION, "b1ffd35e");
    let ids: Vec<String> = (0..20).map(|_| aggregation_id(&farmtally.call(call()))).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn calls_without_an_invocation_are_calls_of_their_own() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let one = farmtally.begin(&question());
    farmtally.wait(&one);
    assert_ne!(farmtally.begin(&question()), one);
}

#[test]
fn another_start_is_throttled_while_one_runs() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let running = farmtally.hold_aggregation();
    let answer = farmtally.call(start(FARM, &question()));
    let body = answer.error(429, "ThrottlingException");
    assert!(body["message"].as_str().unwrap().contains(&running), "{body}");
    assert_eq!(
        (&body["serviceCode"], &body["quotaCode"]),
        (&json!("deadline"), &json!("running-aggregations-per-farm"))
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-amz-retry-after"), Some("1000"));
    // Another farm is not kept waiting.
    let absent = farmtally.call(start(OTHER_FARM, &question())).error(404, "ResourceNotFoundException");
    assert_eq!(absent["resourceId"], id("queue", 1));
}

#[test]
fn an_aggregation_that_nobody_works_on_blocks_its_farm_until_its_deadline() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let stuck = farmtally.hold_aggregation();
    farmtally.clock.advance_ms(301_000);
    farmtally.answer(&question());
    assert_eq!(farmtally.call(get(FARM, &stuck, "")).ok()["status"], "TIMEOUT");
}

#[test]
fn what_a_question_names_must_be_there() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let missing = |resources: Value| {
        let question = with(question(), json!({ "resourceIds": resources }));
        let body = farmtally.call(start(FARM, &question)).error(404, "ResourceNotFoundException");
        (body["resourceType"].as_str().unwrap().to_owned(), body["resourceId"].as_str().unwrap().to_owned())
    };
    let queues = json!({ "queueIds": [id("queue", 1), id("queue", 2)] });
    assert_eq!(missing(queues), ("queue".into(), id("queue", 2)));
    assert_eq!(missing(json!({ "fleetIds": [id("fleet", 2)] })), ("fleet".into(), id("fleet", 2)));
    let absent = farmtally.call(start(farmtally_model::FarmId::from_bytes([0; 16]), &question()));
    let body = absent.error(404, "ResourceNotFoundException");
    assert_eq!((&body["resourceType"], &body["resourceId"]), (&json!("farm"), &json!(id("farm", 0))));
}

#[test]
fn a_body_that_is_not_an_object_cannot_be_parsed() {
    let farmtally = Farmtally::start();
    let target = crate::door::aggregation_path(FARM);
    for body in ["{", "[]", "null", "\u{0}", "{\"a\":1}x"] {
        let error = farmtally.call(Call::post(&target, body)).error(400, "ValidationException");
        assert_eq!(error["reason"], "CANNOT_PARSE", "{body}");
    }
    let error = farmtally.call(Call::post(&target, "")).error(400, "ValidationException");
    assert_eq!(error["reason"], "FIELD_VALIDATION_FAILED");
}
