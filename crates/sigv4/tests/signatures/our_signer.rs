//! What our own client signs, our own server accepts.

use farmtally_sigv4::{ClockSkewMax, Policy, SecretAccessKey, SignatureError};

use crate::door::{ACCESS_KEY_ID, NOW, SECRET, SentRequest, check, policy};

#[test]
fn a_request_we_signed_is_accepted() {
    let verified = check(&SentRequest::signed(), &policy(), NOW).unwrap();
    assert_eq!((verified.access_key_id(), verified.region()), (ACCESS_KEY_ID, "us-west-2"));
}

#[test]
fn a_request_without_a_body_is_accepted() {
    let mut request = SentRequest::signed();
    request.body.clear();
    request.sign(NOW);
    check(&request, &policy(), NOW).unwrap();
}

#[test]
fn the_hash_of_the_body_may_be_said_and_is_then_compared() {
    let mut request = SentRequest::signed();
    request.body.clear();
    let hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    request.add("X-Amz-Content-Sha256", hash_of_nothing);
    request.sign(NOW);
    check(&request, &policy(), NOW).unwrap();
}

#[test]
fn any_region_is_accepted_where_the_policy_names_none() {
    let mut request = SentRequest::signed();
    let elsewhere = Policy { region: Some("eu-west-1".to_owned()), ..policy() };
    check(&request, &elsewhere, NOW).unwrap_err();
    let anywhere = Policy { region: None, ..policy() };
    assert_eq!(check(&request, &anywhere, NOW).unwrap().region(), "us-west-2");
    request.replace("authorization", "us-west-2", "eu-west-1");
    let outcome = check(&request, &anywhere, NOW);
    let refusal =
        SignatureError::SignatureDiffers { access_key_id: ACCESS_KEY_ID.into(), has_empty_segment: false };
    assert_eq!(outcome, Err(refusal));
}

#[test]
fn the_clock_may_differ_by_the_whole_limit_and_no_second_more() {
    let request = SentRequest::signed();
    for (clock_skew_max, seconds) in [(ClockSkewMax::DEFAULT, 300), (ClockSkewMax::LARGEST, 900)] {
        let policy = Policy { clock_skew_max, ..policy() };
        check(&request, &policy, NOW + seconds).unwrap();
        check(&request, &policy, NOW - seconds).unwrap();
        check(&request, &policy, NOW + seconds + 1).unwrap_err();
        check(&request, &policy, NOW - seconds - 1).unwrap_err();
    }
}

#[test]
fn the_time_of_a_request_may_be_just_before_midnight_and_the_clock_just_after() {
    let mut request = SentRequest::signed();
    let midnight = NOW - NOW % 86_400;
    request.sign(midnight - 1);
    check(&request, &policy(), midnight + 1).unwrap();
}

#[test]
fn headers_that_proxies_add_do_not_matter() {
    let mut request = SentRequest::signed();
    request.add("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793");
    request.add("X-Forwarded-For", "10.0.0.1");
    request.add("Via", "1.1 proxy");
    check(&request, &policy(), NOW).unwrap();
}

#[test]
fn spaces_around_and_inside_a_signed_header_do_not_matter() {
    let mut request = SentRequest::signed();
    request.add("X-Note", "a b");
    request.sign(NOW);
    request.set("x-note", " \ta   b ");
    check(&request, &policy(), NOW).unwrap();
}

#[test]
fn the_authorization_header_may_be_spaced_and_ordered_otherwise() {
    let mut request = SentRequest::signed();
    let value = String::from_utf8(request.value_mut("authorization").clone()).unwrap();
    let (algorithm, parameters) = value.split_once(' ').unwrap();
    let reversed: Vec<_> = parameters.split(", ").collect::<Vec<_>>().into_iter().rev().collect();
    request.set("authorization", format!(" {algorithm}   {} ", reversed.join(" ,")));
    check(&request, &policy(), NOW).unwrap();
    request.set("authorization", format!("{algorithm} {}", reversed.join(",")));
    check(&request, &policy(), NOW).unwrap();
}

#[test]
fn signing_leaves_no_secret_behind() {
    let request = SentRequest::signed();
    let shown = format!("{request:?}") + &String::from_utf8_lossy(&request.headers.last().unwrap().1);
    assert!(!shown.contains(SECRET));
    let secret = SecretAccessKey::new(SECRET.to_owned());
    let signer = farmtally_sigv4::Signer {
        access_key_id: ACCESS_KEY_ID,
        secret_access_key: &secret,
        region: "us-west-2",
        service: "deadline",
    };
    assert!(!format!("{signer:?}").contains(SECRET));
}
