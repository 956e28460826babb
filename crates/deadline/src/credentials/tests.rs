//! The chain, place by place.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

const NOW: &str = "2025-11-24T22:00:00Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

/// An environment with a home folder of its own in which nothing is but what a test puts there, and no instance around it.
fn environment(home: &Path, variables: &[(&str, &str)]) -> Environment {
    let own = [("HOME", home.to_str().unwrap()), ("AWS_EC2_METADATA_DISABLED", "true")];
    let all = own.iter().chain(variables);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn find(environment: &Environment, profile: Option<&str>) -> Result<String, String> {
    let provider = CredentialProvider::find(environment, profile).map_err(|error| error.to_string())?;
    let credentials = provider.current(now()).map_err(|error| error.to_string())?;
    Ok(format!("{} by {}", credentials.access_key_id, provider.described()))
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

fn aws_files(home: &Path, config: &str, credentials: &str) {
    fs::create_dir_all(home.join(".aws")).unwrap();
    fs::write(home.join(".aws/config"), config).unwrap();
    fs::write(home.join(".aws/credentials"), credentials).unwrap();
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn the_environment_goes_before_profiles_unless_one_is_named() {
    let home = tempfile::tempdir().unwrap();
    let profile = "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = x\n\
                   [farm]\naws_access_key_id = AKFARM\naws_secret_access_key = x\n";
    aws_files(home.path(), "", profile);
    assert_eq!(find(&environment(home.path(), &KEYS), None).unwrap(), "AKENV by the environment");
    let named = find(&environment(home.path(), &KEYS), Some("farm")).unwrap();
    assert_eq!(named, "AKFARM by the profile `farm`");
    assert_eq!(find(&environment(home.path(), &[]), None).unwrap(), "AKDEFAULT by the profile `default`");
    let variable = environment(home.path(), &[("AWS_PROFILE", "farm")]);
    assert_eq!(find(&variable, None).unwrap(), "AKFARM by the profile `farm`");
}

#[test]
fn a_profile_that_is_not_there_and_half_a_key_are_told() {
    let home = tempfile::tempdir().unwrap();
    let refused = |variables: &[(&str, &str)], profile| {
        find(&environment(home.path(), variables), profile).unwrap_err()
    };
    assert!(refused(&[], Some("farm")).starts_with("there is no profile `farm`"));
    assert!(refused(&[], None).starts_with("there are no AWS credentials"));
    assert_eq!(
        refused(&KEYS[..1], None),
        "the environment has `AWS_ACCESS_KEY_ID` but not `AWS_SECRET_ACCESS_KEY`"
    );
}

#[test]
fn region_and_certificates_come_from_the_environment_or_the_profile() {
    let home = tempfile::tempdir().unwrap();
    let config = "[profile farm]\nregion = eu-west-1\nca_bundle = /etc/roots.pem\n\
                  aws_access_key_id = A\naws_secret_access_key = B\n";
    aws_files(home.path(), config, "");
    let provider = CredentialProvider::find(&environment(home.path(), &[]), Some("farm")).unwrap();
    assert_eq!(provider.region(), Some("eu-west-1"));
    assert_eq!(provider.certificates(), Some(Path::new("/etc/roots.pem")));
    let said = environment(home.path(), &[("AWS_REGION", "us-east-1")]);
    assert_eq!(CredentialProvider::find(&said, Some("farm")).unwrap().region(), Some("us-east-1"));
}

#[test]
fn a_process_is_asked_again_before_its_credentials_expire_and_when_they_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let count = home.path().join("count");
    let program = home.path().join("get keys");
    script(
        &program,
        &format!(
            r#"echo x >> "{count}"; n=$(wc -l < "{count}")
echo '{{"Version":1,"AccessKeyId":"AK'$n'","SecretAccessKey":"s","SessionToken":"t","Expiration":"2025-11-24T23:00:00Z"}}'"#,
            count = count.display()
        ),
    );
    aws_files(home.path(), &format!("[profile p]\ncredential_process = \"{}\" --x\n", program.display()), "");
    let provider = CredentialProvider::find(&environment(home.path(), &[]), Some("p")).unwrap();
    let key_at = |time: &str| provider.current(Timestamp::parse(time).unwrap()).unwrap();
    assert_eq!(key_at(NOW).access_key_id, "AK1");
    assert_eq!(key_at("2025-11-24T22:54:00Z").access_key_id, "AK1");
    assert_eq!(key_at("2025-11-24T22:56:00Z").access_key_id, "AK2");
    let refused = key_at(NOW);
    assert!(provider.renew(&refused).unwrap());
    assert_eq!(key_at(NOW).access_key_id, "AK3");
    // Another thread was refused with the same old key: the new one is there already.
    assert!(provider.renew(&refused).unwrap());
    assert_eq!(key_at(NOW).access_key_id, "AK3");
}

#[test]
fn what_a_process_prints_is_in_no_error() {
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("get");
    aws_files(home.path(), &format!("[profile p]\ncredential_process = {}\n", program.display()), "");
    let refused = |text: &str| {
        script(&program, text);
        let provider = CredentialProvider::find(&environment(home.path(), &[]), Some("p")).unwrap();
        format!("{:?}", provider.current(now()).unwrap_err())
    };
    for text in [
        r#"echo '{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"topsecret","Expiration":"never"}'"#,
        r#"echo '{"Version":2,"AccessKeyId":"AK","SecretAccessKey":"topsecret"}'"#,
        "echo topsecret; exit 3",
    ] {
        let error = refused(text);
        assert!(!error.contains("topsecret") && error.contains("get"), "{error}");
    }
}

#[test]
fn single_sign_on_and_roles_are_the_business_of_the_aws_cli() {
    let home = tempfile::tempdir().unwrap();
    let config = "[profile sso]\nsso_session = studio\n[profile role]\nrole_arn = arn:aws:iam::1:role/x\n\
                  source_profile = default\naws_access_key_id = AK\naws_secret_access_key = x\n";
    aws_files(home.path(), config, "");
    let described = |profile| {
        CredentialProvider::find(&environment(home.path(), &[]), Some(profile)).unwrap().described()
    };
    assert_eq!(described("sso"), "`aws configure export-credentials --profile sso`");
    assert_eq!(described("role"), "`aws configure export-credentials --profile role`");
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")];
    let provider = CredentialProvider::find(&environment(home.path(), &web), None).unwrap();
    assert_eq!(provider.described(), "`aws configure export-credentials`");
}

#[test]
fn a_secret_is_not_shown() {
    let json =
        serde_json::json!({ "AccessKeyId": "AK", "SecretAccessKey": "topsecret", "Token": "toptoken" });
    let shown = format!("{:?}", Credentials::from_json(&json).unwrap());
    assert!(!shown.contains("topsecret") && !shown.contains("toptoken"), "{shown}");
}

/// A service that answers one request after the other, and the address that it has.
fn service(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (expected, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let request = request.join("\n");
            let is_expected = expected.split('\n').all(|part| request.contains(part));
            let status = if is_expected { "200 OK" } else { "400 Bad Request" };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    format!("http://{address}")
}

const HANDED_OUT: &str =
    r#"{"AccessKeyId":"AKHOST","SecretAccessKey":"s","Token":"t","Expiration":"2025-11-25T04:00:00Z"}"#;

#[test]
fn a_container_hands_out_credentials_for_its_token() {
    let home = tempfile::tempdir().unwrap();
    let token = home.path().join("token");
    fs::write(&token, "letmein\n").unwrap();
    let address = service(vec![("GET /creds HTTP/1.1\nauthorization: letmein", HANDED_OUT.to_owned())]);
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*format!("{address}/creds")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    let found = find(&environment(home.path(), &variables), None).unwrap();
    assert_eq!(found, format!("AKHOST by the container's service at {address}/creds"));
}

#[test]
fn an_instance_hands_out_credentials_in_three_steps() {
    let home = tempfile::tempdir().unwrap();
    let address = service(vec![
        ("PUT /latest/api/token HTTP/1.1\nx-aws-ec2-metadata-token-ttl-seconds", "tok".to_owned()),
        (
            "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\nx-aws-ec2-metadata-token: tok",
            "render\n".into(),
        ),
        ("GET /latest/meta-data/iam/security-credentials/render HTTP/1.1", HANDED_OUT.to_owned()),
    ]);
    let variables =
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*address), ("AWS_EC2_METADATA_DISABLED", "false")];
    let found = find(&environment(home.path(), &variables), None).unwrap();
    assert_eq!(found, format!("AKHOST by the instance's metadata at {address}"));
}
