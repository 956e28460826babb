//! Every reason to refuse a request, by the sentence its caller reads and the error type its SDK raises.

use crate::door::{NOW, SentRequest, check, policy};

const MISSING: &str = "MissingAuthenticationTokenException";
const INCOMPLETE: &str = "IncompleteSignatureException";
const UNRECOGNIZED: &str = "UnrecognizedClientException";
const INVALID: &str = "InvalidSignatureException";
const SHA256_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Takes a request that is accepted, makes the change, and reads the refusal.
#[track_caller]
fn refused(change: impl FnOnce(&mut SentRequest), aws_error_type: &str, sentence: &str) {
    refused_at(NOW, change, aws_error_type, sentence);
}

#[track_caller]
fn refused_at(now: i64, change: impl FnOnce(&mut SentRequest), aws_error_type: &str, sentence: &str) {
    let mut request = SentRequest::signed();
    change(&mut request);
    let error = check(&request, &policy(), now).unwrap_err();
    assert_eq!((error.aws_error_type(), error.to_string().as_str()), (aws_error_type, sentence));
}

#[test]
fn a_request_that_is_not_signed() {
    refused(
        |request| request.remove("authorization"),
        MISSING,
        "the request has no Authorization header; sign it with AWS Signature Version 4 (anonymous requests, \
         as `--no-sign-request` sends them, are not served)",
    );
}

#[test]
fn a_presigned_url() {
    for parameter in ["X-Amz-Signature", "X-Amz-Algorithm", "x-amz-date"] {
        refused(
            |request| {
                request.remove("authorization");
                request.target = format!("{}?a=b&{parameter}=c", request.target);
            },
            INCOMPLETE,
            &format!(
                "query parameter `{parameter}` belongs to a presigned URL, and presigned URLs are not \
                 served; send the signature in the Authorization header"
            ),
        );
    }
}

#[test]
fn a_presigned_url_with_an_authorization_header_or_an_encoded_name() {
    refused(
        |request| {
            request.target += "?X%2DAmz%2dCredential";
            request.sign(NOW);
        },
        INCOMPLETE,
        "query parameter `X-Amz-Credential` belongs to a presigned URL, and presigned URLs are not served; \
         send the signature in the Authorization header",
    );
}

#[test]
fn a_header_that_came_more_than_once() {
    for (name, times) in [("host", 2), ("authorization", 2), ("x-amz-date", 3), ("x-amz-content-sha256", 2)] {
        refused(
            |request| {
                request.add("X-Amz-Content-Sha256", "0");
                request.sign(NOW);
                let value = request.value_mut(name).clone();
                for _ in 1..times {
                    request.headers.push((name.to_owned(), value.clone()));
                }
            },
            INCOMPLETE,
            &format!("header {name} came {times} times; it must come once"),
        );
    }
}

#[test]
fn a_header_with_bytes_that_are_not_visible_ascii() {
    for bytes in [b"\xff".as_slice(), "é".as_bytes(), b"a\tb", b"a\0"] {
        refused(
            |request| request.set("authorization", bytes),
            INCOMPLETE,
            "header authorization has bytes that are not visible ASCII",
        );
    }
    refused(
        |request| request.set("x-amz-date", b"\xff"),
        INCOMPLETE,
        "header x-amz-date has bytes that are not visible ASCII",
    );
}

#[test]
fn another_scheme_or_algorithm() {
    for (value, algorithm) in [
        ("Bearer abcdef", "Bearer"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", "AWS4-ECDSA-P256-SHA256"),
        ("AWS AKID:sig", "AWS"),
        ("aws4-hmac-sha256 Credential=a", "aws4-hmac-sha256"),
        ("", ""),
    ] {
        refused(
            |request| request.set("authorization", value),
            INCOMPLETE,
            &format!(
                "the Authorization header begins with `{algorithm}`; only AWS4-HMAC-SHA256 is served, which \
                 is AWS Signature Version 4"
            ),
        );
    }
}

#[test]
fn an_authorization_header_that_lacks_a_parameter() {
    for name in ["Credential", "SignedHeaders", "Signature"] {
        refused(
            |request| {
                let value = String::from_utf8(request.value_mut("authorization").clone()).unwrap();
                let (algorithm, parameters) = value.split_once(' ').unwrap();
                let start = format!("{name}=");
                let others: Vec<_> =
                    parameters.split(", ").filter(|part| !part.starts_with(&start)).collect();
                request.set("authorization", format!("{algorithm} {}", others.join(", ")));
            },
            INCOMPLETE,
            &format!(
                "the Authorization header has no {name}; it must have Credential, SignedHeaders and \
                 Signature"
            ),
        );
    }
    refused(
        |request| request.set("authorization", "AWS4-HMAC-SHA256"),
        INCOMPLETE,
        "the Authorization header has no Credential; it must have Credential, SignedHeaders and Signature",
    );
}

#[test]
fn an_authorization_header_with_a_parameter_twice() {
    refused(
        |request| request.value_mut("authorization").extend(b", SignedHeaders=host"),
        INCOMPLETE,
        "the Authorization header has SignedHeaders twice; it must have it once",
    );
}

#[test]
fn an_authorization_header_with_a_parameter_too_many() {
    refused(
        |request| request.value_mut("authorization").extend(b", Expires=900"),
        INCOMPLETE,
        "the Authorization header has a parameter `Expires`; it must have Credential, SignedHeaders and \
         Signature only",
    );
}

#[test]
fn a_credential_that_is_no_access_key_and_scope() {
    for credential in [
        "AKIDEXAMPLE",
        "AKIDEXAMPLE/20261121/us-west-2/deadline",
        "AKIDEXAMPLE/20261121/us-west-2/deadline/aws4_request/",
        "AKIDEXAMPLE/20261121/us-west-2/deadline/aws4",
        "AKIDEXAMPLE/20261121//deadline/aws4_request",
        "/20261121/us-west-2/deadline/aws4_request",
    ] {
        refused(
            |request| {
                let scope = "AKIDEXAMPLE/20261121/us-west-2/deadline/aws4_request";
                request.replace("authorization", scope, credential);
            },
            INCOMPLETE,
            &format!(
                "Credential is `{credential}`; it must be access-key-id/yyyymmdd/region/service/aws4_request"
            ),
        );
    }
}

#[test]
fn signed_headers_that_are_not_lower_case_sorted_and_unique() {
    for signed_headers in [
        "",
        "host;content-type;x-amz-date",
        "content-type;host;host;x-amz-date",
        "Content-Type;host;x-amz-date",
        "content-type;host;x-amz-date;",
        "content-type; host; x-amz-date",
    ] {
        refused(
            |request| request.replace("authorization", "content-type;host;x-amz-date", signed_headers),
            INCOMPLETE,
            &format!(
                "SignedHeaders is `{signed_headers}`; it must be lower-case header names, sorted, each \
                 once, with `;` between them"
            ),
        );
    }
}

#[test]
fn a_signature_that_is_not_64_hexadecimal_digits() {
    let upper_case = "A".repeat(64);
    for signature in ["", &"a".repeat(63), &"a".repeat(65), &upper_case] {
        refused(
            |request| {
                let value = request.value_mut("authorization");
                value.truncate(value.len() - 64);
                value.extend(signature.as_bytes());
            },
            INCOMPLETE,
            &format!(
                "Signature has {} characters; it must be 64 lower-case hexadecimal digits",
                signature.len()
            ),
        );
    }
}

#[test]
fn a_session_token_signed_or_not() {
    let sentence = "the request carries an X-Amz-Security-Token, but access keys of this server have no \
                    session token; unset AWS_SESSION_TOKEN and use an access key of this server";
    refused(|request| request.add("X-Amz-Security-Token", "AQoDYXdzEPT"), UNRECOGNIZED, sentence);
    refused(
        |request| {
            request.add("X-Amz-Security-Token", "AQoDYXdzEPT");
            request.sign(NOW);
        },
        UNRECOGNIZED,
        sentence,
    );
}

#[test]
fn a_request_without_x_amz_date() {
    refused(
        |request| {
            request.remove("x-amz-date");
            request.add("Date", "Sat, 21 Nov 2026 01:25:57 GMT");
        },
        INCOMPLETE,
        "the request has no X-Amz-Date header; it must have one, and a Date header does not stand in for it",
    );
}

#[test]
fn a_date_that_is_no_time() {
    for value in ["", "2026-11-21T01:25:57Z", "20261131T012557Z", "Sat, 21 Nov 2026 01:25:57 GMT"] {
        refused(
            |request| request.set("x-amz-date", value),
            INCOMPLETE,
            &format!("X-Amz-Date is `{value}`; it must be a time such as 20261121T012557Z"),
        );
    }
}

#[test]
fn a_scope_for_another_day() {
    refused(
        |request| request.replace("authorization", "20261121", "20261120"),
        INVALID,
        "the day in Credential is `20261120` but X-Amz-Date is 20261121T012557Z; they must be the same day",
    );
}

#[test]
fn a_scope_for_another_region() {
    refused(
        |request| request.replace("authorization", "us-west-2", "eu-west-1"),
        INVALID,
        "Credential is scoped to region `eu-west-1`; this server is `us-west-2`: pass `--region us-west-2` \
         or set AWS_REGION",
    );
}

#[test]
fn a_scope_for_another_service() {
    refused(
        |request| request.replace("authorization", "/deadline/", "/s3/"),
        INVALID,
        "Credential is scoped to service `s3`; it must be `deadline`",
    );
}

#[test]
fn a_signature_of_long_ago() {
    refused_at(
        NOW + 301,
        |_| {},
        INVALID,
        "Signature expired: 20261121T012557Z is now earlier than 20261121T012558Z \
         (20261121T013058Z - 5 min.)",
    );
}

#[test]
fn a_signature_of_the_future() {
    refused_at(
        NOW - 301,
        |_| {},
        INVALID,
        "Signature not yet current: 20261121T012557Z is still later than 20261121T012556Z \
         (20261121T012056Z + 5 min.)",
    );
}

#[test]
fn a_header_that_must_be_signed_and_is_not() {
    let sentence = |name: &str| {
        format!(
            "header `{name}` is not in SignedHeaders; host and every x-amz- header that is sent must be \
             signed"
        )
    };
    let signed = "content-type;host;x-amz-date";
    refused(
        |request| request.replace("authorization", signed, "content-type;x-amz-date"),
        INVALID,
        &sentence("host"),
    );
    refused(
        |request| request.replace("authorization", signed, "content-type;host"),
        INVALID,
        &sentence("x-amz-date"),
    );
    refused(|request| request.add("X-Amz-Target", "Deadline.DeleteFarm"), INVALID, &sentence("x-amz-target"));
    refused(|request| request.add("x-amz-content-sha256", "0"), INVALID, &sentence("x-amz-content-sha256"));
}

#[test]
fn a_signed_header_that_did_not_arrive() {
    for name in ["content-type", "host"] {
        refused(
            |request| request.remove(name),
            INVALID,
            &format!(
                "header `{name}` is in SignedHeaders but did not arrive; if a proxy removes it, the client \
                 must not sign it"
            ),
        );
    }
}

#[test]
fn a_body_that_is_not_signed() {
    for value in
        ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    {
        refused(
            |request| {
                request.add("x-amz-content-sha256", value);
                request.sign(NOW);
            },
            INVALID,
            &format!("x-amz-content-sha256 is `{value}`; it must be the SHA-256 of the body"),
        );
    }
}

#[test]
fn a_body_with_another_hash_than_it_says() {
    refused(
        |request| {
            request.add("x-amz-content-sha256", SHA256_OF_NOTHING);
            request.body = b"a".to_vec();
            request.sign(NOW);
        },
        INVALID,
        &format!(
            "x-amz-content-sha256 is `{SHA256_OF_NOTHING}` but the SHA-256 of the body that arrived is \
             `ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb`; the body was changed on the \
             way, or another one was hashed"
        ),
    );
}

#[test]
fn an_access_key_of_nobody() {
    refused(
        |request| request.replace("authorization", "AKIDEXAMPLE", "AKIDOTHER"),
        UNRECOGNIZED,
        "access key `AKIDOTHER` is none of this server's; use an access key that was made for this server",
    );
}

#[test]
fn a_signature_that_differs() {
    refused(
        |request| request.body.push(b' '),
        INVALID,
        "the signature is not the one that the secret of access key `AKIDEXAMPLE` makes of this request; \
         check the secret, that no proxy changes the Host header, path, query or body, and that the client \
         signs the query sorted and percent-encoded (curl 7.88 does not)",
    );
}

#[test]
fn a_signature_over_a_path_with_an_empty_segment() {
    refused(
        |request| request.target = "/2023-10-12/farms//sessions-statistics-aggregation?a=//".to_owned(),
        INVALID,
        "the signature is not the one that the secret of access key `AKIDEXAMPLE` makes of this request, whose \
         path has an empty segment (`//`), as from an empty variable for a farm's id or a base URL that ends \
         in `/`: a right signature leaves such a segment out, and curl does not; write the path without it, then \
         check the secret",
    );
    let mut request = SentRequest::signed();
    request.target.push_str("?a=//");
    let refusal = check(&request, &policy(), NOW).unwrap_err().to_string();
    assert!(!refusal.contains("empty segment"), "{refusal}");
}

#[test]
fn a_very_long_value_is_repeated_only_in_part() {
    let long = "A".repeat(100_000);
    refused(
        |request| request.replace("authorization", "AKIDEXAMPLE", &long),
        UNRECOGNIZED,
        &format!(
            "access key `{}…` is none of this server's; use an access key that was made for this server",
            "A".repeat(128)
        ),
    );
}
