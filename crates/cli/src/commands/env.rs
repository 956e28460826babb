//! `env`: what boto3, the AWS CLI and the SDKs need to reach the server.
//!
//! Clients put `management.` in front of the host name of these operations, and `management.127.0.0.1` is nowhere; the
//! last of the lines switches that off. The region is there twice, because boto3 and the first AWS CLI read
//! `AWS_DEFAULT_REGION` alone and most of the others `AWS_REGION` alone.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use farmtally_service::{Catalogue, Credential};

use crate::args::{EnvArguments, LISTEN_DEFAULT};
use crate::aws_profile::{AwsConfig, Profile, ProfileName};
use crate::data_folder::{DataFolder, owner_credential};
use crate::output::print;
use crate::region;
use crate::report_error::Failure;
use crate::shell::quoted;
use crate::talk::tell;

/// How long a server on this machine may take to accept a connection.
const ACCEPT_WITHIN: Duration = Duration::from_millis(500);

/// What a client has to know, as lines for a shell.
pub(crate) struct ClientEnvironment {
    /// The key.
    credential: Credential,
    /// What it signs for.
    region: String,
    /// Base URL of the server.
    endpoint: String,
}

impl ClientEnvironment {
    /// For the folder's owner, with the server at a base URL.
    pub(crate) fn of_owner(catalogue: &Catalogue, endpoint: String) -> Result<Self, Failure> {
        Ok(Self {
            credential: owner_credential(catalogue)?,
            region: region::for_signing(catalogue)?,
            endpoint,
        })
    }
}

impl fmt::Display for ClientEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = KeyLines(&self.credential);
        writeln!(f, "{key}")?;
        writeln!(f, "export AWS_REGION={}", quoted(&self.region))?;
        writeln!(f, "export AWS_DEFAULT_REGION={}", quoted(&self.region))?;
        writeln!(f, "export AWS_ENDPOINT_URL_DEADLINE={}", quoted(&self.endpoint))?;
        write!(f, "export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
    }
}

/// A key as two lines for a shell.
pub(crate) struct KeyLines<'a>(pub(crate) &'a Credential);

impl fmt::Display for KeyLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "export AWS_ACCESS_KEY_ID={}", quoted(&self.0.caller.access_key_id))?;
        write!(f, "export AWS_SECRET_ACCESS_KEY={}", quoted(self.0.secret.expose()))
    }
}

/// Prints the lines.
pub(crate) fn run(arguments: &EnvArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let known = arguments.endpoint.clone().or_else(|| served_at(&arguments.folder));
    let is_guessed = known.is_none();
    let endpoint = known.unwrap_or_else(|| format!("http://{LISTEN_DEFAULT}"));
    let environment = ClientEnvironment::of_owner(&catalogue, endpoint)?;
    if let Some(name) = &arguments.write_profile {
        return write_profile(&environment, name);
    }
    print(environment)?;
    if is_guessed {
        let start = format_args!("`farmtally serve {}` starts one", arguments.folder.as_flag());
        tell(format_args!("hint: no server has the folder, and another one may listen there; {start}"));
    }
    warn_of(&["AWS_SESSION_TOKEN"]);
    Ok(())
}

/// Writes the profile, and prints the line with which a shell chooses it.
fn write_profile(environment: &ClientEnvironment, name: &ProfileName) -> Result<(), Failure> {
    let config = AwsConfig::read()?;
    let ClientEnvironment { credential, region, endpoint } = environment;
    config.write(name, &Profile { credential, region, endpoint })?;
    tell(format_args!("Wrote the profile `{name}` into `{}`.", config.path().display()));
    // All of these go before a profile.
    warn_of(&[
        "AWS_SESSION_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL_DEADLINE",
    ]);
    print(format_args!("export AWS_PROFILE={name}"))
}

/// Warns of variables that belong to another key and would spoil this one.
fn warn_of(names: &[&str]) {
    for name in names.iter().filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        tell(format_args!("hint: `unset {name}`; it belongs to another key"));
    }
}

/// The base URL of the folder's server, if there is one.
fn served_at(folder: &DataFolder) -> Option<String> {
    // A server that was killed could not take its address back.
    folder.published_endpoint().filter(|endpoint| answers(endpoint))
}

fn answers(endpoint: &str) -> bool {
    let address = endpoint.split_once("://").and_then(|(_, address)| address.parse::<SocketAddr>().ok());
    address.is_some_and(|address| TcpStream::connect_timeout(&address, ACCEPT_WITHIN).is_ok())
}
