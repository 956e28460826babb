//! Who gets in: a right signature by a working key, and nothing else.

use farmtally_service::Role;

use crate::client::{Answer, Call, Key};
use crate::door::{FARM, Farmtally, OTHER_FARM, Setup, get};
use crate::matrix::{Asked, everything_to_ask};

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";
const MISSING: &str = "MissingAuthenticationTokenException";
const UNRECOGNIZED: &str = "UnrecognizedClientException";

fn list_farms() -> Call {
    Call::get("/2023-10-12/farms")
}

fn assert_refused(answer: &Answer, name: &str) {
    let body = answer.error(403, name);
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
}

#[test]
fn no_route_is_served_without_a_signature() {
    let farmtally = Farmtally::start();
    for Asked { call, .. } in everything_to_ask() {
        assert_refused(&farmtally.send(&call.unsigned()), MISSING);
    }
}

#[test]
fn no_route_is_served_to_a_key_that_does_not_exist() {
    let farmtally = Farmtally::start();
    let key = Key { access_key_id: "FTAKNOBODY".into(), secret: farmtally.key.secret.clone() };
    for Asked { call, .. } in everything_to_ask() {
        assert_refused(&farmtally.call_as(&key, call), UNRECOGNIZED);
    }
}

#[test]
fn the_host_is_taken_as_it_came() {
    let farmtally = Farmtally::start();
    for host in ["management.127.0.0.1:8037", "127.0.0.1:8037", "management.deadline.studio.lan", "x"] {
        farmtally.call(list_farms().host(host)).ok();
    }
}

#[test]
fn a_wrong_secret_is_refused() {
    let farmtally = Farmtally::start();
    let key = Key { secret: "0".repeat(40), ..farmtally.key.clone() };
    assert_refused(&farmtally.call_as(&key, list_farms()), INVALID);
}

#[test]
fn a_disabled_key_is_refused() {
    let farmtally = Farmtally::start();
    let key = farmtally.create_key(Role::Admin, None);
    let keys = farmtally.service.key_administration();
    assert!(keys.disable(&key.access_key_id, farmtally.service.now()).unwrap());
    assert_refused(&farmtally.call_as(&key, list_farms()), UNRECOGNIZED);
}

#[test]
fn a_signature_is_good_for_five_minutes_either_way() {
    let farmtally = Farmtally::start();
    let signed_at =
        |offset| farmtally.send(&list_farms().signed(&farmtally.key, farmtally.unix_seconds() + offset));
    for offset in [-300, 300] {
        signed_at(offset).ok();
    }
    for offset in [-301, 301] {
        assert_refused(&signed_at(offset), INVALID);
    }
}

#[test]
fn a_signature_names_the_region_and_the_service() {
    let farmtally = Farmtally::with(Setup { region: Some("us-west-2".into()), ..Setup::default() });
    farmtally.call(list_farms()).ok();
    assert_refused(&farmtally.call(Call { region: "eu-west-1", ..list_farms() }), INVALID);
    assert_refused(&farmtally.call(Call { service: "s3", ..list_farms() }), INVALID);
}

#[test]
fn any_region_will_do_where_none_is_set() {
    Farmtally::start().call(Call { region: "eu-west-1", ..list_farms() }).ok();
}

#[test]
fn a_request_that_was_changed_on_the_way_is_refused() {
    let farmtally = Farmtally::start();
    let path = format!("/api/v1/farms/{FARM}/sessions");
    let sent =
        String::from_utf8(Call::post(path, "AAAA").signed(&farmtally.key, farmtally.unix_seconds())).unwrap();
    farmtally.send(sent.as_bytes()).ok();
    for (part, other) in [
        ("AAAA", "AAAB"),
        ("POST", "PUT "),
        (&FARM.to_string(), &OTHER_FARM.to_string()),
        ("/sessions HTTP", "/sessions?x HTTP"),
        ("host: management", "host: managemenu"),
        ("content-type: application/json", "content-type: text/plain"),
    ] {
        let changed = sent.replacen(part, other, 1);
        assert_ne!(changed, sent);
        if part == "POST" {
            // No such route, so that nothing is verified and nothing is done.
            farmtally.send(changed.replace("PUT ", "PUT").as_bytes()).error(404, "UnknownOperationException");
        } else {
            assert_refused(&farmtally.send(changed.as_bytes()), INVALID);
        }
    }
}

#[test]
fn the_target_is_verified_as_it_was_sent() {
    let farmtally = Farmtally::start();
    // Past the gate, where the token is found not to be one.
    let call = get(FARM, &"0".repeat(32), "&nextToken=a%2Bb%2Fc%3D%20d%26%C3%A9");
    farmtally.call(call).error(400, "ValidationException");
    let call = Call::get("/2023-10-12/farms/a%2Fb%20c/queues");
    farmtally.call(call).error(400, "ValidationException");
}

#[test]
fn the_hash_of_the_body_may_be_left_out_but_not_be_wrong() {
    let farmtally = Farmtally::start();
    let with_hash = |hash: &str| farmtally.call(list_farms().header("x-amz-content-sha256", hash));
    with_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").ok();
    for hash in ["0".repeat(64).as_str(), "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        assert_refused(&with_hash(hash), INVALID);
    }
}

#[test]
fn headers_that_steer_authentication_must_be_signed_and_come_once() {
    let farmtally = Farmtally::start();
    let call = |call: Call| farmtally.call(call);
    assert_refused(&call(list_farms().unsigned_header("x-amz-target", "x")), INVALID);
    assert_refused(&call(list_farms().unsigned_header("x-amz-date", "20251126T000000Z")), INCOMPLETE);
    assert_refused(&call(list_farms().unsigned_header("authorization", "Basic YTpi")), INCOMPLETE);
    assert_refused(&call(list_farms().unsigned_header("x-amz-security-token", "x")), UNRECOGNIZED);
    call(list_farms().unsigned_header("x-amzn-trace-id", "Root=1")).ok();
}

#[test]
fn other_ways_to_sign_are_refused() {
    let farmtally = Farmtally::start();
    let send = |authorization: &str| {
        let call =
            list_farms().header("authorization", authorization).header("x-amz-date", "20251126T000000Z");
        farmtally.send(&call.unsigned())
    };
    for authorization in [
        "Basic YTpi",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20251126/us-west-2/deadline/aws4_request",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=00",
    ] {
        assert_refused(&send(authorization), INCOMPLETE);
    }
    let presigned = Call::get("/2023-10-12/farms?X-Amz-Signature=00");
    assert_refused(&farmtally.call(presigned), INCOMPLETE);
}
