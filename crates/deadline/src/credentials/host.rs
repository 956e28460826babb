//! Credentials of the machine: of a container, or of an EC2 instance.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::Value;
use ureq::http::{Request, Uri};
use zeroize::Zeroizing;

use super::Credentials;
use super::error::CredentialsError;
use crate::environment::Environment;
use crate::limits::{CREDENTIALS_BYTES_MAX, HOST_ANSWERS_WITHIN};
use crate::transport::host_agent;

/// Where Amazon ECS hands out the credentials of a task.
const ECS: &str = "http://169.254.170.2";
/// Where Amazon EKS does, in both families of addresses.
const EKS: [&str; 2] = ["169.254.170.23", "[fd00:ec2::23]"];
/// Where EC2 tells an instance about itself.
const INSTANCE: &str = "http://169.254.169.254";

/// The service that hands out a container's credentials.
pub(super) struct Container {
    url: String,
    authorization: Option<Authorization>,
}

/// What has to be shown to it.
enum Authorization {
    Token(Zeroizing<String>),
    /// Read anew each time, because it is replaced while it is valid.
    File(PathBuf),
}

impl Container {
    pub(super) fn find(environment: &Environment) -> Result<Option<Self>, CredentialsError> {
        let relative =
            environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS}{path}"));
        let full = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned);
        let Some(url) = relative.or(full) else { return Ok(None) };
        if !is_near(&url) {
            let reason = "it is neither on this host nor reached by https".to_owned();
            return Err(CredentialsError::Refused { place: format!("`{url}`"), reason });
        }
        let file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let authorization = file
            .map(|path| Authorization::File(path.into()))
            .or_else(|| token.map(|token| Authorization::Token(Zeroizing::new(token.to_owned()))));
        Ok(Some(Self { url, authorization }))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn read(&self) -> Result<Credentials, CredentialsError> {
        let authorization = self.authorization.as_ref().map(Authorization::read).transpose()?;
        let headers: Vec<(&str, &str)> =
            authorization.iter().map(|token| ("authorization", token.as_str())).collect();
        let body = ask("GET", &self.url, &headers)?;
        credentials(&self.url, &body)
    }
}

impl Authorization {
    fn read(&self) -> Result<Zeroizing<String>, CredentialsError> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text =
                    text.map_err(|cause| CredentialsError::UnreadableFile { path: path.clone(), cause })?;
                Ok(Zeroizing::new(text.trim().to_owned()))
            }
        }
    }
}

/// Whether a token may be shown to this address: AWS's own for containers, this host, or one with a certificate.
fn is_near(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let is_own = host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    let is_named = EKS.contains(&host) || ["localhost", "[::1]"].contains(&host);
    uri.scheme_str() == Some("https") || url.starts_with(&format!("{ECS}/")) || is_own || is_named
}

/// The metadata of the instance, in the version that asks for a token first.
pub(super) struct Instance {
    endpoint: String,
}

impl Instance {
    pub(super) fn find(environment: &Environment) -> Option<Self> {
        if environment.is_true("AWS_EC2_METADATA_DISABLED") {
            return None;
        }
        let endpoint = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE);
        Some(Self { endpoint: endpoint.trim_end_matches('/').to_owned() })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn read(&self) -> Result<Credentials, CredentialsError> {
        let url = |path: &str| format!("{}/latest/{path}", self.endpoint);
        // Nobody there means that this is no instance, and then no place had anything.
        let token = ask("PUT", &url("api/token"), &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")])
            .map_err(|_| CredentialsError::NoneFound)?;
        let token = text(&self.endpoint, &token)?;
        let headers = [("x-aws-ec2-metadata-token", token.as_str())];
        let roles = ask("GET", &url("meta-data/iam/security-credentials/"), &headers)?;
        let roles = text(&self.endpoint, &roles)?;
        let role = roles.lines().next().unwrap_or_default().trim();
        let url = url(&format!("meta-data/iam/security-credentials/{role}"));
        let body = ask("GET", &url, &headers)?;
        credentials(&url, &body)
    }
}

fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    let refused = |reason: String| CredentialsError::Refused { place: format!("`{url}`"), reason };
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).map_err(|error| refused(error.to_string()))?;
    let agent = host_agent(HOST_ANSWERS_WITHIN);
    let mut response = agent.run(request).map_err(|error| refused(error.to_string()))?;
    let body = response.body_mut().with_config().limit(CREDENTIALS_BYTES_MAX).read_to_vec();
    let body = body.map(Zeroizing::new).map_err(|error| refused(error.to_string()))?;
    if response.status().is_success() {
        Ok(body)
    } else {
        Err(refused(format!("it answered {}", response.status())))
    }
}

fn text(place: &str, body: &[u8]) -> Result<Zeroizing<String>, CredentialsError> {
    let text = std::str::from_utf8(body).map(|text| Zeroizing::new(text.trim().to_owned()));
    text.map_err(|_| CredentialsError::Unreadable { place: format!("`{place}`") })
}

fn credentials(place: &str, body: &[u8]) -> Result<Credentials, CredentialsError> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    json.as_ref()
        .and_then(Credentials::from_json)
        .ok_or_else(|| CredentialsError::Unreadable { place: format!("`{place}`") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_to_near_addresses_only() {
        for near in [
            "http://169.254.170.2/v2/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:9/x",
            "http://localhost/x",
            "https://example.com/x",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in
            ["http://example.com/x", "http://169.254.170.2.example.com/x", "ftp", "http://127.example.com"]
        {
            assert!(!is_near(far), "{far}");
        }
    }
}
