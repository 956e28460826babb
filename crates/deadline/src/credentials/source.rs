//! Which place of the chain has the credentials.

use std::fmt;

use farmtally_sigv4::SecretAccessKey;

use super::aws_cli::AwsCli;
use super::error::CredentialsError;
use super::host::{Container, Instance};
use super::process::Process;
use super::profile::Profile;
use super::{Credentials, SessionToken};
use crate::environment::Environment;

/// A place that has credentials.
pub(super) enum Source {
    /// Variables.
    Environment(Credentials),
    /// Keys of a profile.
    Profile(String, Credentials),
    /// A program that a profile names.
    Process(Process),
    /// The AWS CLI.
    AwsCli(AwsCli),
    /// The container that this process runs in.
    Container(Container),
    /// The instance that this process runs on.
    Instance(Instance),
}

impl Source {
    /// The first place that has some. A profile that was named for this call goes before the variables of the shell.
    pub(super) fn find(
        environment: &Environment,
        named: Option<&str>,
        profile: Option<&Profile>,
    ) -> Result<Self, CredentialsError> {
        if named.is_none() {
            if let Some(credentials) = of_environment(environment)? {
                return Ok(Self::Environment(credentials));
            }
            if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some()
                && environment.get("AWS_ROLE_ARN").is_some()
            {
                let reason = "AWS_WEB_IDENTITY_TOKEN_FILE names a web identity to take a role with";
                return Ok(Self::AwsCli(AwsCli::new(environment, None, reason.to_owned())));
            }
        }
        if let Some(source) = profile.map(|profile| of_profile(environment, profile)).transpose()?.flatten() {
            return Ok(source);
        }
        if let Some(container) = Container::find(environment)? {
            return Ok(Self::Container(container));
        }
        Instance::find(environment).map(Self::Instance).ok_or(CredentialsError::NoneFound)
    }

    /// Asks for them.
    pub(super) fn read(&self) -> Result<Credentials, CredentialsError> {
        match self {
            Self::Environment(credentials) | Self::Profile(_, credentials) => Ok(credentials.clone()),
            Self::Process(process) => process.read(),
            Self::AwsCli(aws_cli) => aws_cli.read(),
            Self::Container(container) => container.read(),
            Self::Instance(instance) => instance.read(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(_) => f.write_str("the environment"),
            Self::Profile(name, _) => write!(f, "the profile `{name}`"),
            Self::Process(process) => write!(f, "the profile's credential_process `{}`", process.program()),
            Self::AwsCli(aws_cli) => write!(f, "`{}`", aws_cli.program()),
            Self::Container(container) => write!(f, "the container's service at {}", container.url()),
            Self::Instance(instance) => write!(f, "the instance's metadata at {}", instance.endpoint()),
        }
    }
}

fn of_environment(environment: &Environment) -> Result<Option<Credentials>, CredentialsError> {
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let token = environment.get("AWS_SESSION_TOKEN").or_else(|| environment.get("AWS_SECURITY_TOKEN"));
    keys("the environment", names, names.map(|name| environment.get(name)), token)
}

/// What a profile says, in the order in which AWS's own tools take it.
fn of_profile(environment: &Environment, profile: &Profile) -> Result<Option<Source>, CredentialsError> {
    if let Some(reason) = conversation(profile) {
        let name = profile.name();
        let reason = format!("the profile `{name}` {reason}");
        return Ok(Some(Source::AwsCli(AwsCli::new(environment, Some(name), reason))));
    }
    let names = ["aws_access_key_id", "aws_secret_access_key"];
    let place = format!("the profile `{}`", profile.name());
    let of_file = |values: [Option<&str>; 2], token| keys(&place, names, values, token);
    let static_keys =
        of_file(names.map(|name| profile.of_credentials(name)), profile.of_credentials("aws_session_token"))?;
    let source = |credentials| Source::Profile(profile.name().to_owned(), credentials);
    if let Some(credentials) = static_keys {
        return Ok(Some(source(credentials)));
    }
    if let Some(command) = profile.get("credential_process") {
        return Process::parse(command).map(Source::Process).map(Some);
    }
    let static_keys =
        of_file(names.map(|name| profile.of_config(name)), profile.of_config("aws_session_token"))?;
    Ok(static_keys.map(source))
}

/// What a profile needs another AWS service for.
fn conversation(profile: &Profile) -> Option<&'static str> {
    let has = |setting| profile.get(setting).is_some();
    if has("role_arn") {
        return Some(if has("web_identity_token_file") {
            "takes a role with a web identity"
        } else {
            "takes a role (role_arn)"
        });
    }
    if has("sso_session") || has("sso_start_url") {
        return Some("signs in by AWS IAM Identity Center (SSO)");
    }
    has("login_session").then_some("signs in by `aws login`")
}

fn keys(
    place: &str,
    names: [&'static str; 2],
    values: [Option<&str>; 2],
    token: Option<&str>,
) -> Result<Option<Credentials>, CredentialsError> {
    let half = |present, missing| CredentialsError::HalfAKey { place: place.to_owned(), present, missing };
    match values {
        [None, None] => Ok(None),
        [Some(_), None] => Err(half(names[0], names[1])),
        [None, Some(_)] => Err(half(names[1], names[0])),
        [Some(access_key_id), Some(secret)] => Ok(Some(Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: SecretAccessKey::new(secret.to_owned()),
            session_token: token.map(|token| SessionToken::new(token.to_owned())),
            expires_at: None,
        })),
    }
}
