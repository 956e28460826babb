//! What an operator sees: metrics, the audit log, and what keys that ask too often read.

use std::fs;

use farmtally_server::ConnectionLimits;
use farmtally_service::Role;
use serde_json::Value;

use crate::client::{Answer, Call, Key};
use crate::door::{FARM, Farmtally, Setup, start};
use crate::records::{id, question, session};

pub(crate) fn metrics(farmtally: &Farmtally, token: &str) -> Answer {
    farmtally.send(&Call::get("/metrics").header("authorization", format!("Bearer {token}")).unsigned())
}

fn with_metrics() -> Farmtally {
    Farmtally::with(Setup { metrics_token: Some("metrics-token".into()), ..Setup::default() })
}

pub(crate) fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().unwrap()
}

#[test]
fn metrics_are_for_whoever_brings_the_token() {
    let farmtally = with_metrics();
    assert_eq!(metrics(&farmtally, "metrics-token").status, 200);
    for token in ["", "metrics-toke", "metrics-token2"] {
        assert_eq!(metrics(&farmtally, token).status, 401, "{token}");
    }
    assert_eq!(farmtally.send(&Call::get("/metrics").unsigned()).status, 401);
    metrics(&Farmtally::start(), "").error(404, "UnknownOperationException");
}

#[test]
fn what_happened_is_counted() {
    let farmtally = with_metrics();
    farmtally.ingest(&[session(1), session(2)]);
    farmtally.answer(&question());
    let nobody = Key { access_key_id: "FTAKNOBODY".into(), secret: "x".into() };
    farmtally.call_as(&nobody, Call::get("/2023-10-12/farms"));
    let text = metrics(&farmtally, "metrics-token").text().to_owned();
    for (sample, expected) in [
        ("farmtally_http_requests_total{route=\"SendSessions\",status=\"2xx\"}", 1.0),
        ("farmtally_http_requests_total{route=\"StartSessionsStatisticsAggregation\",status=\"2xx\"}", 1.0),
        ("farmtally_http_requests_total{route=\"ListFarms\",status=\"4xx\"}", 1.0),
        ("farmtally_refused_signatures_total", 1.0),
        ("farmtally_aggregations_started_total", 1.0),
        ("farmtally_aggregations_total{status=\"COMPLETED\"}", 1.0),
        ("farmtally_aggregations_total{status=\"FAILED\"}", 0.0),
        ("farmtally_ingest_records_total{outcome=\"stored\"}", 2.0),
        (&format!("farmtally_store_records{{farm_id=\"{FARM}\"}}"), 2.0),
        (&format!("farmtally_usage_cost_usd{{farm_id=\"{FARM}\"}}"), 2.0),
        (&format!("farmtally_usage_hours{{farm_id=\"{FARM}\"}}"), 2.0),
    ] {
        assert!((value(&text, sample) - expected).abs() < 1e-9, "{sample} in {text}");
    }
    assert!(value(&text, "farmtally_http_request_duration_seconds_bucket{le=\"+Inf\"}") >= 4.0);
}

/// By the rules of the format: a family has its HELP and TYPE before its samples, and every sample a number.
#[test]
fn metrics_are_in_the_format_of_prometheus() {
    let farmtally = with_metrics();
    farmtally.ingest(&[session(1)]);
    let answer = metrics(&farmtally, "metrics-token");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let mut family = String::new();
    for line in answer.text().lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let kinds = ["counter", "gauge", "histogram"];
            assert!(
                rest.split_once(' ').is_some_and(|(name, kind)| name == family && kinds.contains(&kind)),
                "{line}"
            );
        } else {
            let (name, number) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&family) && !family.is_empty(), "{line} under {family}");
            assert!(number.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn no_label_is_chosen_by_a_stranger() {
    let farmtally = with_metrics();
    farmtally.send(&Call::get("/a-path-of-a-stranger").unsigned());
    let text = metrics(&farmtally, "metrics-token").text().to_owned();
    assert!(!text.contains("stranger"), "{text}");
    assert!(text.contains("route=\"unknown\",status=\"4xx\"} 1"), "{text}");
}

fn audited(farmtally: &Farmtally) -> Vec<Value> {
    let text = fs::read_to_string(farmtally.folder().join("audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_was_changed_and_who_was_refused_is_audited() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    assert_eq!(audited(&farmtally), Vec::<Value>::new());
    let delete = || Call::delete(format!("/api/v1/farms/{FARM}/sessions/{}", id("session", 1)));
    let reader = farmtally.create_key(Role::Reader, None);
    farmtally.call_as(&reader, delete()).error(403, "AccessDeniedException");
    let done = farmtally.call(delete());
    assert_eq!(done.status, 204);
    let wrong = Key { secret: "a-wrong-secret".into(), ..reader.clone() };
    for _ in 0..3 {
        farmtally.call_as(&wrong, delete()).error(403, "InvalidSignatureException");
    }
    let lines = audited(&farmtally);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["actor"].as_str().unwrap(),
                line["action"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told[..3],
        [
            (reader.access_key_id.as_str(), "DeleteSession", "AccessDeniedException"),
            (farmtally.key.access_key_id.as_str(), "DeleteSession", "done"),
            ("unknown", "DeleteSession", "InvalidSignatureException"),
        ]
    );
    // One line a second, however often somebody knocks; a slow machine may have come to a second second.
    assert!(told.len() < 6, "{told:?}");
    assert_eq!(lines[1]["requestId"].as_str(), done.header("x-amzn-requestid"));
    assert!(lines[1]["subject"].as_str().unwrap().ends_with(&id("session", 1)));
}

#[test]
fn a_key_that_asks_too_often_is_told_to_wait_and_no_other_is() {
    let farmtally = Farmtally::with(Setup {
        connection_limits: ConnectionLimits { key_requests_per_second_max: 1, ..ConnectionLimits::default() },
        ..Setup::default()
    });
    let (greedy, modest) =
        (farmtally.create_key(Role::Reader, None), farmtally.create_key(Role::Reader, None));
    let ask = |key| farmtally.call_as(key, Call::get("/2023-10-12/farms"));
    let throttled = (0..50).map(|_| ask(&greedy)).find(|answer| answer.status != 200).unwrap();
    let body = throttled.error(429, "ThrottlingException");
    assert!(body["message"].as_str().unwrap().contains(&greedy.access_key_id), "{body}");
    assert!(throttled.header("retry-after").is_some());
    ask(&modest).ok();
}

#[test]
fn a_question_beyond_its_memory_fails_and_says_what_to_do() {
    let service_limits = farmtally_service::ServiceLimits { aggregation_bytes_max: 1, ..Default::default() };
    let farmtally = Farmtally::with(Setup { service_limits, ..Setup::default() });
    farmtally.ingest(&[session(1), crate::records::with(session(2), serde_json::json!({ "userId": "bob" }))]);
    let mut question = question();
    question["groupBy"] = serde_json::json!(["USER_ID"]);
    let started = farmtally.call(start(FARM, &question)).ok();
    let page = farmtally.wait(started["aggregationId"].as_str().unwrap());
    assert_eq!(page["status"], "FAILED", "{page}");
    assert!(page["statusMessage"].as_str().unwrap().contains("more than 1 bytes of memory"), "{page}");
}
