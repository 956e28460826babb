//! What an AWS client in this shell would do: where it asks, as whom, and under which name.

use farmtally_service::{Clock, KeyAdministration, SystemClock};

use super::finding::Finding;
use super::flag;
use super::names::{Host, resolved};
use crate::aws_profile::{AwsConfig, ProfileName};
use crate::data_folder::DataFolder;
use crate::region;
use crate::report_error::Failure;

/// The settings of a client, from the environment and the profile that it names.
pub(super) struct Client {
    /// Base URL that it asks, if any is set.
    pub(super) endpoint: Option<String>,
    access_key_id: Option<String>,
    secret: Option<String>,
    region: Option<String>,
    leaves_host_alone: bool,
    /// What is wrong with the profile itself.
    profile_finding: Option<Finding>,
}

impl Client {
    /// Of this process's environment.
    pub(super) fn of_this_shell() -> Self {
        let (profile, profile_finding) = profile();
        let setting =
            |setting: &str| profile.as_ref().and_then(|(config, name)| config.setting(name, setting));
        let endpoint = variable("AWS_ENDPOINT_URL_DEADLINE")
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .or_else(|| profile.as_ref().and_then(|(config, name)| config.endpoint(name)));
        let switch = variable("AWS_DISABLE_HOST_PREFIX_INJECTION")
            .or_else(|| setting("disable_host_prefix_injection"));
        Self {
            endpoint: endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
            access_key_id: variable("AWS_ACCESS_KEY_ID").or_else(|| setting("aws_access_key_id")),
            secret: variable("AWS_SECRET_ACCESS_KEY").or_else(|| setting("aws_secret_access_key")),
            region: variable("AWS_REGION")
                .or_else(|| variable("AWS_DEFAULT_REGION"))
                .or_else(|| setting("region")),
            leaves_host_alone: switch.is_some_and(|switch| switch.eq_ignore_ascii_case("true")),
            profile_finding,
        }
    }

    /// Looks at all of it; `asked` is the server that somebody named.
    pub(super) fn look(self, folder: Option<&DataFolder>, asked: Option<&str>) -> Vec<Finding> {
        let set_up = format!("eval \"$(farmtally env {})\"", flag(folder));
        let mut findings: Vec<Finding> = self.profile_finding.iter().cloned().collect();
        let Some(endpoint) = self.endpoint.as_deref() else {
            findings.push(Finding::note("AWS clients in this shell ask AWS: no endpoint is set", set_up));
            findings.extend(asked.map(|asked| self.host_prefix(asked)));
            return findings;
        };
        findings.push(Finding::fine(format!("AWS clients in this shell ask {endpoint}")));
        findings.push(self.host_prefix(endpoint));
        findings.push(self.key(folder, &set_up));
        findings.extend(self.region(folder, &set_up));
        findings.extend(traps(endpoint));
        findings
    }

    fn host_prefix(&self, endpoint: &str) -> Finding {
        let host = Host::of(endpoint);
        let prefixed = host.with_prefix();
        if self.leaves_host_alone {
            return Finding::fine(
                "boto3 and the AWS CLI leave the host name alone; the JavaScript SDK needs `disableHostPrefix: true`",
            );
        }
        if !resolved(&prefixed, host.port).is_empty() {
            return Finding::fine(format!("`{prefixed}`, which AWS clients ask for, is known"));
        }
        Finding::wrong(
            format!("AWS clients ask for `{prefixed}`, and no such host is known"),
            "export AWS_DISABLE_HOST_PREFIX_INJECTION=true",
        )
    }

    fn key(&self, folder: Option<&DataFolder>, set_up: &str) -> Finding {
        let Some(id) = &self.access_key_id else {
            return Finding::wrong("no access key is set", set_up);
        };
        let Some(secret) = &self.secret else {
            return Finding::wrong(format!("the key {id} is set, and no secret with it"), set_up);
        };
        match folder.map(|folder| works(folder, id, secret)) {
            None => {
                Finding::fine(format!("they sign with the key {id}; with --data-dir it would be looked up"))
            }
            Some(Ok(Some(false))) => {
                Finding::wrong(format!("the secret that is set is not that of the key {id}"), set_up)
            }
            Some(Ok(Some(true))) => Finding::fine(format!("they sign with the key {id}, which works")),
            Some(Ok(None)) => Finding::wrong(format!("the folder has no working key {id}"), set_up),
            Some(Err(failure)) => Finding::wrong(failure.to_string(), set_up),
        }
    }

    fn region(&self, folder: Option<&DataFolder>, set_up: &str) -> Option<Finding> {
        let Some(region) = &self.region else {
            return Some(Finding::wrong("no region is set, and clients do not sign without", set_up));
        };
        let only = region::only_one(&folder?.existing().ok()?).ok()??;
        (only != *region).then(|| {
            let text = format!("they sign for the region {region}, and the server accepts {only} alone");
            Finding::wrong(text, format!("export AWS_REGION={only} AWS_DEFAULT_REGION={only}"))
        })
    }
}

/// Whether a secret is that of a key; nothing where the folder has no such key that works.
fn works(folder: &DataFolder, access_key_id: &str, secret: &str) -> Result<Option<bool>, Failure> {
    let catalogue = folder.existing()?;
    let credential =
        KeyAdministration::new(&catalogue).credential(access_key_id, SystemClock::default().now())?;
    Ok(credential.map(|credential| credential.secret.expose() == secret))
}

/// Variables that make a client do something else than its other settings say.
fn traps(endpoint: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if variable("AWS_SESSION_TOKEN").is_some() {
        findings.push(Finding::wrong("AWS_SESSION_TOKEN belongs to another key", "unset AWS_SESSION_TOKEN"));
    }
    if variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        findings.push(Finding::wrong(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS makes clients ask AWS",
            "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        ));
    }
    findings.extend(proxy(&Host::of(endpoint)));
    findings
}

/// A proxy does not know this machine's loopback.
fn proxy(host: &Host) -> Option<Finding> {
    let is_proxied = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"]
        .iter()
        .any(|name| variable(name).is_some());
    let excepted = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    let is_excepted = excepted.split(',').any(|name| name.trim() == "*" || name.trim() == host.name);
    (is_proxied && host.is_loopback() && !is_excepted).then(|| {
        let text = format!("a proxy is set, and clients would ask it for {}", host.name);
        Finding::wrong(text, format!("export NO_PROXY={0} no_proxy={0}", host.name))
    })
}

/// The profile that is chosen, and what is wrong with it.
fn profile() -> (Option<(AwsConfig, ProfileName)>, Option<Finding>) {
    let chosen = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let Some(name) = chosen.as_deref().unwrap_or("default").parse::<ProfileName>().ok() else {
        return (None, None);
    };
    match AwsConfig::read() {
        Ok(config) if config.has(&name) => (Some((config, name)), None),
        Ok(config) => {
            let text = format!("`{}` has no profile `{name}`", config.path().display());
            let mend = format!("farmtally env --data-dir DIR --write-profile {name}");
            (None, chosen.map(|_| Finding::wrong(text, mend)))
        }
        Err(failure) => (None, chosen.map(|_| Finding::wrong(failure.to_string(), "unset AWS_PROFILE"))),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
