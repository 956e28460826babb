//! Credentials that only a conversation with another AWS service brings: the AWS CLI has it.

use std::process::Command;

use super::Credentials;
use super::error::CredentialsError;
use super::process::run;
use crate::environment::Environment;

/// The AWS CLI, asked for the credentials of a profile.
pub(super) struct AwsCli {
    profile: Option<String>,
    reason: String,
    /// Variables that would send the conversation to a server of ours.
    endpoints: Vec<String>,
}

/// Variables that name another endpoint for a service, or for all.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// The services that hand out credentials.
const SERVICES: [&str; 5] = ["", "_STS", "_SSO", "_SSO_OIDC", "_SIGNIN"];

impl AwsCli {
    pub(super) fn new(environment: &Environment, profile: Option<&str>, reason: String) -> Self {
        let endpoints = SERVICES.map(|service| format!("{ENDPOINT}{service}"));
        let endpoints = endpoints.into_iter().filter(|name| environment.get(name).is_some()).collect();
        Self { profile: profile.map(str::to_owned), reason, endpoints }
    }

    /// What is run, for people.
    pub(super) fn program(&self) -> String {
        let mut program = "aws configure export-credentials".to_owned();
        if let Some(profile) = &self.profile {
            program.push_str(" --profile ");
            program.push_str(profile);
        }
        program
    }

    pub(super) fn read(&self) -> Result<Credentials, CredentialsError> {
        let mut command = Command::new("aws");
        command.args(["configure", "export-credentials", "--format", "process"]);
        if let Some(profile) = &self.profile {
            command.args(["--profile", profile]);
        }
        for endpoint in &self.endpoints {
            command.env_remove(endpoint);
        }
        run(&mut command, &self.program()).map_err(|error| match error {
            CredentialsError::NotRun { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound => {
                CredentialsError::NoAwsCli { reason: self.reason.clone() }
            }
            other => other,
        })
    }
}
