//! Whose requests they are: AWS's own chain of places in which credentials are found.
//!
//! Read here: the environment, profiles with keys, `credential_process`, containers, and the instance's metadata. What
//! needs a conversation with another AWS service (single sign-on, roles, web identities) is left to the AWS CLI, which
//! people who use these have and which renews them (`docs/adr/0070`). Nothing of this is ever shown: a secret has no
//! `Debug`, and an answer with credentials in it is in no error.

mod aws_cli;
mod error;
mod host;
mod process;
mod profile;
mod source;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farmtally_model::Timestamp;
use farmtally_sigv4::SecretAccessKey;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::limits::RENEWED_BEFORE_EXPIRY_MS;

pub use error::CredentialsError;
use profile::Profile;
use source::Source;

/// An access key, for as long as it is valid.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The public half of the key pair.
    pub access_key_id: String,
    /// The other half.
    pub secret_access_key: SecretAccessKey,
    /// What has to be sent along with a temporary key.
    pub(crate) session_token: Option<SessionToken>,
    /// When they cease to be valid, if that is known.
    pub(crate) expires_at: Option<Timestamp>,
}

/// The token of a temporary key: not shown by `Debug`, wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SessionToken(Zeroizing<String>);

impl SessionToken {
    fn new(token: String) -> Self {
        Self(Zeroizing::new(token))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(hidden)")
    }
}

impl Credentials {
    /// Of a JSON object, in which the token has one of two names. `None` when something is missing.
    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let expires_at = match text("Expiration") {
            Some(expiration) => Some(Timestamp::parse(expiration).ok()?),
            None => None,
        };
        Some(Self {
            access_key_id: text("AccessKeyId")?.to_owned(),
            secret_access_key: SecretAccessKey::new(text("SecretAccessKey")?.to_owned()),
            session_token: text("SessionToken")
                .or_else(|| text("Token"))
                .map(|token| SessionToken::new(token.to_owned())),
            expires_at,
        })
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at.millis() - now.millis() > RENEWED_BEFORE_EXPIRY_MS)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let token = |credentials: &Self| credentials.session_token.as_ref().map(|token| token.0.clone());
        self.access_key_id == other.access_key_id && token(self) == token(other)
    }
}

/// Credentials that are renewed before they expire. Several threads may ask at once.
pub struct CredentialProvider {
    source: Source,
    region: Option<String>,
    certificates: Option<std::path::PathBuf>,
    current: Mutex<Option<Arc<Credentials>>>,
}

impl CredentialProvider {
    /// Finds out where the credentials are, for a profile that was named or whoever the environment says. Nothing is asked
    /// yet.
    pub fn find(environment: &Environment, profile: Option<&str>) -> Result<Self, CredentialsError> {
        let found = Profile::find(environment, profile)?;
        let setting = |variables: &[&str], name: &str| {
            let said = variables.iter().find_map(|variable| environment.get(variable));
            said.or_else(|| found.as_ref().and_then(|profile| profile.get(name))).map(str::to_owned)
        };
        let region = setting(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region");
        let certificates = setting(&["AWS_CA_BUNDLE"], "ca_bundle").map(Into::into);
        let source = Source::find(environment, profile, found.as_ref())?;
        Ok(Self { source, region, certificates, current: Mutex::new(None) })
    }

    /// The region that the environment or the profile names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The certificates that the environment or the profile says are to be trusted.
    pub fn certificates(&self) -> Option<&std::path::Path> {
        self.certificates.as_deref()
    }

    /// Where they come from, for people.
    pub fn described(&self) -> String {
        self.source.to_string()
    }

    /// Credentials that are valid for some minutes yet.
    pub fn current(&self, now: Timestamp) -> Result<Arc<Credentials>, CredentialsError> {
        let mut current = self.lock();
        if let Some(credentials) = current.as_ref().filter(|credentials| credentials.is_fresh(now)) {
            return Ok(Arc::clone(credentials));
        }
        Ok(Arc::clone(current.insert(Arc::new(self.source.read()?))))
    }

    /// Looks for others than these, which were refused as expired. False when the source has no others.
    pub(crate) fn renew(&self, refused: &Credentials) -> Result<bool, CredentialsError> {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|credentials| !credentials.is_same_as(refused)) {
            return Ok(true);
        }
        let credentials = self.source.read()?;
        let is_other = !credentials.is_same_as(refused);
        *current = Some(Arc::new(credentials));
        Ok(is_other)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Credentials>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
