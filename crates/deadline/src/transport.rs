//! The connection to the network: TLS, proxies, and who is trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::limits::CONNECTED_WITHIN;

/// A set-up of the network that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file of trusted certificates cannot be read.
    #[error("cannot read the certificates of `{path}`, which AWS_CA_BUNDLE or the profile's ca_bundle names")]
    UnreadableBundle {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no certificate in it.
    #[error("there is no certificate in `{path}`, which AWS_CA_BUNDLE or the profile's ca_bundle names")]
    EmptyBundle {
        /// The file.
        path: PathBuf,
    },
}

/// Reaches AWS: through the proxy of the environment if there is one, trusting the usual roots or those of a bundle.
pub(crate) fn agent(bundle: Option<&Path>, answer_within: Duration) -> Result<Agent, TransportError> {
    let roots = bundle.map(bundled).transpose()?.unwrap_or(RootCerts::WebPki);
    let tls = TlsConfig::builder().root_certs(roots).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECTED_WITHIN))
        .timeout_global(Some(answer_within))
        .user_agent(concat!("farmtally/", env!("CARGO_PKG_VERSION")));
    Ok(config.build().new_agent())
}

/// Reaches a service of this very host, which no proxy could.
pub(crate) fn host_agent(answer_within: Duration) -> Agent {
    let config = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(answer_within));
    config.build().new_agent()
}

fn bundled(path: &Path) -> Result<RootCerts, TransportError> {
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| TransportError::UnreadableBundle {
        path: path.to_owned(),
        cause,
    };
    let pem = std::fs::read(path).map_err(|error| unreadable(error.into()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unreadable(error.into()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(TransportError::EmptyBundle { path: path.to_owned() });
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roots.pem");
        let refused = || agent(Some(&path), Duration::from_secs(1)).unwrap_err().to_string();
        assert!(refused().starts_with("cannot read the certificates of `"), "{}", refused());
        std::fs::write(&path, "no certificate").unwrap();
        assert!(refused().starts_with("there is no certificate in `"), "{}", refused());
    }
}
