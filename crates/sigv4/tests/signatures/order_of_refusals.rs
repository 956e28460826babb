//! A request with several faults is refused for the one that its sender must mend first.

use farmtally_sigv4::{OutgoingRequest, SecretAccessKey, SignatureError, Signer, body_sha256};

use crate::door::{ACCESS_KEY_ID, NOW, SentRequest, check, policy};

#[test]
fn the_clock_is_looked_at_before_the_access_key() {
    let mut request = SentRequest::signed();
    request.replace("authorization", ACCESS_KEY_ID, "AKIDOTHER");
    assert!(matches!(check(&request, &policy(), NOW + 9000), Err(SignatureError::Expired { .. })));
}

#[test]
fn a_session_token_is_named_before_an_access_key_of_aws() {
    let mut request = SentRequest::signed();
    request.replace("authorization", ACCESS_KEY_ID, "ASIAOTHER");
    request.add("x-amz-security-token", "token");
    assert_eq!(check(&request, &policy(), NOW), Err(SignatureError::SessionTokenPresent));
}

/// The server computes with a secret that anybody can read in its source; nobody gets in with it.
#[test]
fn an_unknown_access_key_is_refused_even_with_the_secret_it_is_compared_with() {
    let secret = SecretAccessKey::new("0".repeat(40));
    let signer = Signer {
        access_key_id: "AKIDOTHER",
        secret_access_key: &secret,
        region: "us-west-2",
        service: "deadline",
    };
    let outgoing = OutgoingRequest {
        method: "GET",
        host: "h",
        target: "/",
        headers: &[],
        body_sha256: &body_sha256(b""),
    };
    let signing = signer.sign(&outgoing, NOW);
    let mut request = SentRequest {
        method: "GET".to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    request.add("host", "h");
    request.add("x-amz-date", &signing.x_amz_date);
    request.add("authorization", &signing.authorization);
    let access_key_id = "AKIDOTHER".into();
    assert_eq!(check(&request, &policy(), NOW), Err(SignatureError::AccessKeyUnknown { access_key_id }));
}
