//! Records in and out by the native API.

use farmtally_model::FarmId;
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, OTHER_FARM, sessions};
use crate::records::{id, question, running_session, session, volume, with};

fn counts(answer: &Answer) -> [u64; 5] {
    let body = answer.ok();
    ["received", "stored", "replaced", "unchanged", "unpricedLines"].map(|name| body[name].as_u64().unwrap())
}

fn cost(farmtally: &Farmtally) -> Value {
    farmtally.answer(&question())["statistics"][0]["costInUsd"]["sum"].clone()
}

#[test]
fn a_session_counts_once_however_often_it_is_sent() {
    let farmtally = Farmtally::start();
    let send = || counts(&farmtally.call(sessions(FARM, &[session(1), session(2)])));
    assert_eq!(send(), [2, 2, 0, 0, 0]);
    assert_eq!(send(), [2, 0, 0, 2, 0]);
    assert_eq!(cost(&farmtally), 2.0);
}

#[test]
fn an_ended_session_takes_the_place_of_the_running_one() {
    let farmtally = Farmtally::start();
    let ended = with(running_session(1), json!({ "endedAt": "2025-11-25T23:30:00Z" }));
    assert_eq!(counts(&farmtally.call(sessions(FARM, &[running_session(1)]))), [1, 1, 0, 0, 0]);
    assert_eq!(counts(&farmtally.call(sessions(FARM, &[ended]))), [1, 0, 1, 0, 0]);
    let row = farmtally.answer(&question())["statistics"][0].clone();
    assert_eq!(row["runtimeInSeconds"]["sum"], 1800.0);
}

#[test]
fn what_was_acknowledged_before_start_counts_and_what_came_later_does_not() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let aggregation_id = farmtally.begin(&question());
    farmtally.ingest(&[session(2)]);
    assert_eq!(farmtally.wait(&aggregation_id)["statistics"][0]["count"], 1);
    assert_eq!(farmtally.answer(&question())["statistics"][0]["count"], 2);
}

#[test]
fn a_line_that_is_refused_is_named_and_does_not_hinder_the_others() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let conflict = with(session(1), json!({ "userId": "mallory" }));
    let negative = with(session(2), json!({ "usage": [{ "usageType": "COMPUTE", "costInUsd": "-1" }] }));
    let body = farmtally.call(sessions(FARM, &[conflict, negative, session(3)])).ok();
    assert_eq!((&body["received"], &body["stored"]), (&json!(3), &json!(1)));
    let refused = body["refused"].as_array().unwrap();
    let lines: Vec<_> = refused.iter().map(|line| (&line["line"], &line["field"], &line["value"])).collect();
    let expected = [
        (json!(1), json!("sessionId"), json!(id("session", 1))),
        (json!(2), json!("usage[0].costInUsd"), json!("-1")),
    ];
    assert_eq!(lines, expected.iter().map(|(line, field, value)| (line, field, value)).collect::<Vec<_>>());
    assert!(refused.iter().all(|line| line["message"].as_str().is_some_and(|message| !message.is_empty())));
    assert_eq!(cost(&farmtally), 2.0);
}

#[test]
fn lines_that_are_not_json_are_refused_one_by_one() {
    let farmtally = Farmtally::start();
    let body = format!("not json\n\n{}\n\u{0}\n", session(1));
    let report = farmtally.call(Call::post(format!("/api/v1/farms/{FARM}/sessions"), body)).ok();
    assert_eq!((&report["received"], &report["stored"]), (&json!(3), &json!(1)));
    let lines: Vec<_> =
        report["refused"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(lines, [json!(1), json!(4)]);
}

#[test]
fn a_compressed_body_is_refused_as_a_whole() {
    let farmtally = Farmtally::start();
    let sent = |encoding: &'static str| {
        farmtally.call(sessions(FARM, &[session(1)]).header("content-encoding", encoding))
    };
    let refusal = sent("gzip").error(400, "ValidationException");
    assert_eq!(refusal["message"], "content-encoding gzip is not supported; send the body as it is");
    assert_eq!(counts(&sent("identity")), [1, 1, 0, 0, 0]);
}

#[test]
fn a_line_without_a_cost_or_a_rate_is_counted_as_unpriced() {
    let farmtally = Farmtally::start();
    let unpriced = with(session(1), json!({ "usage": null }));
    assert_eq!(counts(&farmtally.call(sessions(FARM, &[unpriced]))), [1, 1, 0, 0, 1]);
}

#[test]
fn an_empty_body_stores_nothing() {
    let farmtally = Farmtally::start();
    assert_eq!(counts(&farmtally.call(sessions(FARM, &[]))), [0; 5]);
}

#[test]
fn records_are_deleted_once() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1), session(2), volume(1)]);
    for (kind, collection) in [("session", "sessions"), ("volume", "volumes")] {
        let record_id = id(kind, 1);
        let delete =
            || farmtally.call(Call::delete(format!("/api/v1/farms/{FARM}/{collection}/{record_id}")));
        let answer = delete();
        assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (204, 0, None));
        let body = delete().error(404, "ResourceNotFoundException");
        assert_eq!((&body["resourceType"], &body["resourceId"]), (&json!(kind), &json!(record_id)));
    }
    assert_eq!(cost(&farmtally), 1.0);
}

#[test]
fn ids_of_the_path_must_match_their_pattern() {
    let farmtally = Farmtally::start();
    let field = |call: Call| {
        let body = farmtally.call(call).error(400, "ValidationException");
        body["fieldList"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(Call::post("/api/v1/farms/nope/sessions", "")), "farmId");
    assert_eq!(field(Call::delete(format!("/api/v1/farms/{FARM}/sessions/nope"))), "sessionId");
    assert_eq!(field(Call::delete(format!("/api/v1/farms/{FARM}/volumes/{}", id("session", 1)))), "volumeId");
    assert_eq!(field(Call::delete(format!("/api/v1/farms//sessions/{}", id("session", 1)))), "farmId");
}

#[test]
fn a_farm_that_does_not_exist_takes_nothing_in() {
    let farmtally = Farmtally::start();
    let absent = FarmId::from_bytes([0; 16]);
    farmtally.call(sessions(absent, &[session(1)])).error(404, "ResourceNotFoundException");
}

#[test]
fn farms_keep_their_records_apart() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    assert_eq!(counts(&farmtally.call(sessions(OTHER_FARM, &[session(1)]))), [1, 1, 0, 0, 0]);
    let delete = Call::delete(format!("/api/v1/farms/{OTHER_FARM}/sessions/{}", id("session", 1)));
    assert_eq!(farmtally.call(delete).status, 204);
    assert_eq!(cost(&farmtally), 1.0);
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1), session(2)]);
    let farmtally = farmtally.restart();
    assert_eq!(cost(&farmtally), 2.0);
    assert_eq!(counts(&farmtally.call(sessions(FARM, &[session(1)]))), [1, 0, 0, 1, 0]);
}
