//! AWS's published signing suite, run against this crate. The suite travels inside the `aws-sigv4` crate,
//! which the tests depend on anyway; it is read from there and no byte of it is kept here.
//!
//! Thirty-eight of its forty cases carry a header form and a query form with everything needed to recompute
//! both. The two others, `double-encode-path` and `double-url-encode`, name no credentials; of them only the
//! path, which is what they are about, can be checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use crate::amz_date::AmzDate;
use crate::canonical_request::{CanonicalRequest, body_sha256};
use crate::canonical_uri::canonical_path;
use crate::credential_scope::CredentialScope;
use crate::error::SignatureError;
use crate::policy::{ClockSkewMax, Policy};
use crate::secret::SecretAccessKey;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::string_to_sign::StringToSign;
use crate::verify::{ReceivedRequest, UnverifiedSignature, Verified};

const CASES_WITHOUT_CREDENTIALS: [&str; 2] = ["double-encode-path", "double-url-encode"];

/// Signed by S3's rules, the path not normalised. Ours are those of every other service, so these signatures
/// must be refused; all but the path is recomputed nevertheless.
const CASES_WITH_A_PATH_OF_S3: [&str; 6] = [
    "get-relative-relative-unnormalized",
    "get-relative-unnormalized",
    "get-slash-dot-slash-unnormalized",
    "get-slash-pointless-dot-unnormalized",
    "get-slash-unnormalized",
    "get-slashes-unnormalized",
];

const CASES_WITH_A_SESSION_TOKEN: [&str; 3] =
    ["get-vanilla-with-session-token", "post-sts-header-after", "post-sts-header-before"];

#[test]
fn every_header_case_has_the_published_canonical_request_string_to_sign_and_signature() {
    let cases = complete_cases();
    for case in &cases {
        let request = SuiteRequest::parse(&case.text("header-signed-request.txt"));
        case.check_recomputed("header", &request, request.signed_headers());
    }
    assert_eq!(cases.len(), 38);
}

#[test]
fn every_query_case_has_the_published_canonical_request_string_to_sign_and_signature() {
    let cases = complete_cases();
    for case in &cases {
        let mut request = SuiteRequest::parse(&case.text("query-signed-request.txt"));
        request.remove_query_parameter("X-Amz-Signature");
        if case.context["omit_session_token"] == true {
            request.remove_query_parameter("X-Amz-Security-Token");
        }
        case.check_recomputed("query", &request, &request.signed_headers_in_query());
    }
    assert_eq!(cases.len(), 38);
}

#[test]
fn every_header_case_is_accepted_unless_it_has_a_path_of_s3_or_a_session_token() {
    let mut accepted = 0;
    for case in complete_cases() {
        let name = case.name.as_str();
        let outcome = case.verify("header-signed-request.txt");
        if CASES_WITH_A_SESSION_TOKEN.contains(&name) {
            assert_eq!(outcome, Err(SignatureError::SessionTokenPresent), "{name}");
        } else if CASES_WITH_A_PATH_OF_S3.contains(&name) {
            let access_key_id = "AKIDEXAMPLE".into();
            let has_empty_segment = matches!(name, "get-slash-unnormalized" | "get-slashes-unnormalized");
            let refusal = SignatureError::SignatureDiffers { access_key_id, has_empty_segment };
            assert_eq!(outcome, Err(refusal), "{name}");
        } else {
            let verified = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((verified.access_key_id(), verified.region()), ("AKIDEXAMPLE", "us-east-1"), "{name}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, 29);
}

#[test]
fn every_query_case_is_refused_as_a_presigned_url() {
    for case in complete_cases() {
        let outcome = case.verify("query-signed-request.txt");
        assert!(matches!(outcome, Err(SignatureError::PresignedUrl { .. })), "{}: {outcome:?}", case.name);
    }
}

#[test]
fn a_case_without_credentials_has_the_published_path() {
    for name in CASES_WITHOUT_CREDENTIALS {
        let case = SuiteCase::read(&SUITE_FOLDER, name);
        let (_, target) = method_and_target(case.text("request.txt").lines().next().unwrap());
        let canonical_request = case.text("header-canonical-request.txt");
        assert_eq!(Some(canonical_path(&target).as_str()), canonical_request.lines().nth(1), "{name}");
    }
}

struct SuiteCase {
    name: String,
    folder: PathBuf,
    context: Value,
}

impl SuiteCase {
    fn read(suite: &Path, name: &str) -> Self {
        let folder = suite.join(name);
        let context = fs::read_to_string(folder.join("context.json"));
        let context = context.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        Self { name: name.to_owned(), folder, context }
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file))
            .unwrap_or_else(|error| panic!("{}/{file}: {error}", self.name))
    }

    fn context(&self, name: &str) -> &str {
        self.context[name].as_str().unwrap()
    }

    fn secret(&self) -> SecretAccessKey {
        SecretAccessKey::new(self.context["credentials"]["secret_access_key"].as_str().unwrap().to_owned())
    }

    fn signed_at(&self) -> AmzDate {
        AmzDate::parse(&self.context("timestamp").replace(['-', ':'], "")).unwrap()
    }

    fn scope(&self) -> CredentialScope {
        CredentialScope {
            day: self.signed_at().day(),
            region: self.context("region").to_owned(),
            service: self.context("service").to_owned(),
        }
    }

    /// `form` is `header` or `query`, as the names of the published files begin.
    fn check_recomputed(&self, form: &str, request: &SuiteRequest, signed_headers: &str) {
        let published = |what| self.text(&format!("{form}-{what}.txt"));
        let signed_headers = SignedHeaders::parse(signed_headers).unwrap();
        let headers = request.headers();
        let mut canonical_request = CanonicalRequest::new(
            &request.method,
            &request.target,
            &headers,
            &signed_headers,
            &request.body_sha256,
        );
        if CASES_WITH_A_PATH_OF_S3.contains(&self.name.as_str()) {
            let path_of_s3 = published("canonical-request").lines().nth(1).unwrap().to_owned();
            assert_ne!(canonical_request.path, path_of_s3, "{}", self.name);
            canonical_request.path = path_of_s3;
        }
        let text = String::from_utf8(canonical_request.to_bytes()).unwrap();
        assert_eq!(text, published("canonical-request"), "{}", self.name);
        let string_to_sign = StringToSign::new(self.signed_at(), &self.scope(), &canonical_request);
        assert_eq!(string_to_sign.as_str(), published("string-to-sign"), "{}", self.name);
        let signature = SigningKey::derive(&self.secret(), &self.scope()).sign(&string_to_sign);
        assert_eq!(crate::hex::encode(&signature), published("signature"), "{}", self.name);
    }

    fn verify(&self, file: &str) -> Result<Verified, SignatureError> {
        let request = SuiteRequest::parse(&self.text(file));
        let received = ReceivedRequest {
            method: &request.method,
            target: &request.target,
            headers: &request.headers(),
            body_sha256: &request.body_sha256,
        };
        let policy = Policy {
            service: self.context("service").to_owned(),
            region: Some(self.context("region").to_owned()),
            clock_skew_max: ClockSkewMax::DEFAULT,
        };
        UnverifiedSignature::from_request(&received, &policy, self.signed_at().unix_seconds())?
            .verify(&self.secret())
    }
}

/// A request as the suite's text files write it.
struct SuiteRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body_sha256: [u8; 32],
}

impl SuiteRequest {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let (first_line, header_lines) = head.split_once('\n').unwrap();
        let (method, target) = method_and_target(first_line);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in header_lines.lines() {
            if line.starts_with(' ') {
                // A folded header: what HTTP/1.1 once allowed, and a server of today refuses.
                headers.last_mut().unwrap().1.extend(["\n", line]);
            } else {
                let (name, value) = line.split_once(':').unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Self { method, target, headers, body_sha256: body_sha256(body.as_bytes()) }
    }

    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn signed_headers(&self) -> &str {
        let (_, authorization) = self.headers.iter().find(|(name, _)| name == "Authorization").unwrap();
        let (_, from_signed_headers) = authorization.split_once("SignedHeaders=").unwrap();
        from_signed_headers.split(',').next().unwrap()
    }

    fn signed_headers_in_query(&self) -> String {
        let (_, from_signed_headers) = self.target.split_once("X-Amz-SignedHeaders=").unwrap();
        from_signed_headers.split('&').next().unwrap().replace("%3B", ";")
    }

    fn remove_query_parameter(&mut self, name: &str) {
        let (path, query) = self.target.split_once('?').unwrap();
        let others: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        self.target = format!("{path}?{}", others.join("&"));
    }
}

/// The target may hold spaces; one published request line ends without its version.
fn method_and_target(request_line: &str) -> (String, String) {
    let (method, rest) = request_line.split_once(' ').unwrap();
    (method.to_owned(), rest.strip_suffix(" HTTP/1.1").unwrap_or(rest).to_owned())
}

fn complete_cases() -> Vec<SuiteCase> {
    let entries = fs::read_dir(&*SUITE_FOLDER).unwrap();
    let names: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let complete = names.iter().filter(|name| !CASES_WITHOUT_CREDENTIALS.contains(&name.as_str()));
    complete.map(|name| SuiteCase::read(&SUITE_FOLDER, name)).collect()
}

/// Where cargo unpacked the `aws-sigv4` crate. It is asked once, without the network: that takes longer than all cases. Only
/// about this platform, because crates for others need not be there.
static SUITE_FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", "host-tuple"])
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let aws_sigv4 = packages.iter().find(|package| package["name"] == "aws-sigv4").unwrap();
    let manifest = Path::new(aws_sigv4["manifest_path"].as_str().unwrap());
    manifest.with_file_name("aws-signing-test-suite").join("v4")
});
