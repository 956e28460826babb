//! What every answer has, and every error of the model as clients see it.

use farmtally_service::Role;
use farmtally_store::{Catalogue, StoredAccessKey};
use serde_json::{Value, json};

use crate::client::{Answer, Call, Key};
use crate::door::{FARM, Farmtally, aggregation_path, get, start};
use crate::records::question;

/// Both operations with a request that is valid.
fn both_operations() -> [Call; 2] {
    [start(FARM, &question()), get(FARM, &"0".repeat(32), "")]
}

fn members(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_usual_headers(answer: &Answer) {
    let request_id = answer.header("x-amzn-requestid").unwrap();
    let groups: Vec<usize> = request_id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{request_id}");
    assert_eq!(answer.header("date"), Some("Wed, 26 Nov 2025 00:00:00 GMT"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn every_answer_has_a_request_id_and_the_date_of_our_clock() {
    let farmtally = Farmtally::start();
    let answers = [
        farmtally.call(Call::get("/2023-10-12/farms")),
        farmtally.call(Call::get("/2023-10-12/farms/nope")),
        farmtally.send(&Call::get("/2023-10-12/farms").unsigned()),
        farmtally.send(&Call::get("/livez").unsigned()),
        farmtally.send(&Call::get("/nowhere").unsigned()),
        farmtally.send(&Call::get("/").unsigned()),
    ];
    for answer in &answers {
        assert_usual_headers(answer);
    }
    assert_ne!(answers[0].header("x-amzn-requestid"), answers[1].header("x-amzn-requestid"));
}

#[test]
fn access_denied_is_403() {
    let farmtally = Farmtally::start();
    let key = farmtally.create_key(Role::Ingester, None);
    for call in both_operations() {
        let body = farmtally.call_as(&key, call).error(403, "AccessDeniedException");
        assert_eq!(members(&body), ["message"]);
        assert!(body["message"].as_str().unwrap().contains("ingester"), "{body}");
    }
}

#[test]
fn not_found_is_404_with_id_and_type() {
    let farmtally = Farmtally::start();
    for call in both_operations() {
        let body = farmtally.call(call).error(404, "ResourceNotFoundException");
        assert_eq!(members(&body), ["message", "resourceId", "resourceType"]);
    }
}

#[test]
fn a_validation_error_is_400_with_its_reason_and_fields() {
    let farmtally = Farmtally::start();
    let path = aggregation_path(FARM);
    for call in [Call::post(&path, "{}"), Call::get(&path)] {
        let body = farmtally.call(call).error(400, "ValidationException");
        assert_eq!(members(&body), ["message", "reason", "fieldList"]);
        let field = &body["fieldList"][0];
        assert_eq!(members(field), ["name", "message"]);
    }
}

#[test]
fn throttling_is_429_and_has_both_headers_that_clients_wait_by() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[crate::records::session(1)]);
    farmtally.hold_aggregation();
    let answer = farmtally.call(start(FARM, &question()));
    let body = answer.error(429, "ThrottlingException");
    assert_eq!(members(&body), ["message", "serviceCode", "quotaCode"]);
    assert_eq!((answer.header("retry-after"), answer.header("x-amz-retry-after")), (Some("1"), Some("1000")));
}

#[test]
fn an_internal_error_is_500_and_says_nothing_of_the_inside() {
    let farmtally = Farmtally::start();
    // A damaged row: a secret that does not open under the folder's master key.
    let key = Key { access_key_id: "FTAKDAMAGED".into(), secret: "x".into() };
    let stored = StoredAccessKey {
        access_key_id: key.access_key_id.clone(),
        sealed_secret: vec![0; 64],
        role: "admin".into(),
        farm_id: None,
        created_at: farmtally.service.now(),
        disabled_at: None,
    };
    Catalogue::open(farmtally.folder()).unwrap().insert_access_key(&stored).unwrap();
    for call in both_operations() {
        let answer = farmtally.call_as(&key, call);
        let body = answer.error(500, "InternalServerErrorException");
        assert_eq!(members(&body), ["message"]);
        assert!(!answer.text().contains("master"), "{}", answer.text());
        assert_eq!(
            (answer.header("retry-after"), answer.header("x-amz-retry-after")),
            (Some("1"), Some("1000"))
        );
    }
}

#[test]
fn what_is_not_an_operation_is_404_whoever_asks() {
    let farmtally = Farmtally::start();
    let farm = format!("/2023-10-12/farms/{FARM}");
    for (method, target) in [
        ("PUT", farm.as_str()),
        ("OPTIONS", &farm),
        ("TRACE", &farm),
        ("GET", "/2023-10-12/monitors"),
        ("PUT", "/2023-10-12/telemetry"),
        ("GET", "/nowhere"),
        ("OPTIONS", "*"),
        ("PUT", "/livez"),
    ] {
        for bytes in [
            Call::new(method, target).unsigned(),
            Call::new(method, target).signed(&farmtally.key, farmtally.unix_seconds()),
        ] {
            let body = farmtally.send(&bytes).error(404, "UnknownOperationException");
            assert_eq!(members(&body), ["message"], "{method} {target}");
        }
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let farmtally = Farmtally::start();
    let mut connection = farmtally.connect();
    let head = "HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let get = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.send([head, get].concat().as_bytes());
    let received = String::from_utf8(connection.rest()).unwrap();
    assert_eq!(received.matches("HTTP/1.1 200 OK").count(), 2, "{received}");
    assert_eq!(received.matches("content-length: 3").count(), 2, "{received}");
    assert_eq!(received.matches("ok\n").count(), 1, "{received}");
}

#[test]
fn the_probes_are_open_and_say_nothing() {
    let farmtally = Farmtally::start();
    for (target, text) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        let answer = farmtally.send(&Call::get(target).unsigned());
        assert_eq!((answer.status, answer.text()), (200, text));
    }
}

#[test]
fn a_wrong_clock_is_told_the_right_time() {
    let farmtally = Farmtally::start();
    let answer = farmtally
        .send(&Call::get("/2023-10-12/farms").signed(&farmtally.key, farmtally.unix_seconds() - 3600));
    let body = answer.error(403, "InvalidSignatureException");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("20251125T230000Z") && message.contains("20251126T000000Z"), "{message}");
    assert_eq!(answer.header("date"), Some("Wed, 26 Nov 2025 00:00:00 GMT"));
    assert_eq!(json!(members(&body)), json!(["message"]));
}
