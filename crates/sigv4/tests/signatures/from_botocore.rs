//! Two requests of boto3 1.44.5, byte for byte, with its clock set to 2026-11-21T01:25:57Z. What boto3 does
//! not sign is there too: it must not matter.

use crate::door::{NOW, SentRequest, check, policy};

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> SentRequest {
    let mut request = SentRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    for (name, value) in headers {
        request.add(name, value);
    }
    request
}

fn start_request() -> SentRequest {
    request(
        "POST",
        "/2023-10-12/farms/farm-0123456789abcdef0123456789abcdef/sessions-statistics-aggregation",
        &[
            ("Host", "management.127.0.0.1:8080"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 cfg/retry-mode#standard Botocore/1.44.5"),
            ("X-Amz-Date", "20261121T012557Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-west-2/deadline/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=6ebb009003fe94913cb1a417f2da5929b47e1eda836dd1ed4ab833e24d5ac97f",
            ),
            ("amz-sdk-invocation-id", "fa3cbabc-42ad-463d-9ec1-6319e676b09a"),
            ("amz-sdk-request", "attempt=1; max=3"),
            ("Content-Length", "192"),
        ],
        concat!(
            r#"{"resourceIds": {"queueIds": ["queue-0123456789abcdef0123456789abcdef"]}, "#,
            r#""startTime": "2025-11-24T10:00:00Z", "endTime": "2025-11-25T18:00:00Z", "#,
            r#""groupBy": ["USER_ID"], "statistics": ["SUM"]}"#
        ),
    )
}

fn get_request() -> SentRequest {
    request(
        "GET",
        "/2023-10-12/farms/farm-0123456789abcdef0123456789abcdef/sessions-statistics-aggregation\
         ?aggregationId=92b35143f2d04641979bc9b777232f38&maxResults=7&nextToken=a%2Bb%2Fc%3D%20d%26%C3%A9",
        &[
            ("Host", "management.127.0.0.1:8080"),
            ("X-Amz-Date", "20261121T012557Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-west-2/deadline/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=19c788778c86a592382fae098e68bc633fd855d4e928e68348bab71e5728ce92",
            ),
        ],
        "",
    )
}

#[test]
fn a_start_request_of_boto3_is_accepted() {
    let verified = check(&start_request(), &policy(), NOW).unwrap();
    assert_eq!((verified.access_key_id(), verified.region()), ("AKIDEXAMPLE", "us-west-2"));
}

#[test]
fn a_get_request_of_boto3_with_an_awkward_token_is_accepted() {
    check(&get_request(), &policy(), NOW).unwrap();
}

#[test]
fn a_token_whose_plus_was_taken_for_a_space_is_refused() {
    let mut request = get_request();
    request.target = request.target.replace("a%2Bb", "a%20b");
    check(&request, &policy(), NOW).unwrap_err();
}
