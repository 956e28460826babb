//! TLS: who the server says it is, and how that is exchanged for another certificate while it runs.
//!
//! Clients of AWS put `management.` before the host of a custom endpoint, so that a certificate needs both names.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// The only protocol that is spoken inside.
const ALPN_HTTP_1_1: &[u8] = b"http/1.1";

/// Why a certificate and a key are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are not PEM.
    #[error("the certificate file is not readable PEM: {0}")]
    CertificatePem(pem::Error),
    /// There is no certificate.
    #[error("the certificate file has no `BEGIN CERTIFICATE` in it")]
    NoCertificate,
    /// There is no private key, or it is not PEM.
    #[error("the key file has no readable private key in PEM: {0}")]
    KeyPem(pem::Error),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used together: {0}")]
    Unusable(rustls::Error),
}

/// A certificate chain with its private key.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(hidden)")
    }
}

impl TlsIdentity {
    /// Reads a chain, the server's own certificate first, and the private key that belongs to it.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(TlsError::CertificatePem)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::KeyPem)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![ALPN_HTTP_1_1.to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// What new connections are greeted with. A clone changes the same server.
#[derive(Debug, Clone)]
pub struct TlsSlot(Arc<Mutex<TlsIdentity>>);

impl TlsSlot {
    pub(crate) fn new(identity: TlsIdentity) -> Self {
        Self(Arc::new(Mutex::new(identity)))
    }

    /// Greets every connection from now on with another certificate; open ones stay as they are.
    pub fn replace(&self, identity: TlsIdentity) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let ((certificate, key), (_, other_key)) = (made("a"), made("b"));
        let read = |certificate: &str, key: &str| {
            TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).map(drop)
        };
        read(&certificate, &key).unwrap();
        assert!(matches!(read(&certificate, &other_key), Err(TlsError::Unusable(_))));
        assert!(matches!(read(&key, &key), Err(TlsError::NoCertificate)));
        assert!(matches!(read("", &key), Err(TlsError::NoCertificate)));
        assert!(matches!(read(&certificate, &certificate), Err(TlsError::KeyPem(_))));
        assert!(matches!(read(&certificate, "not a key"), Err(TlsError::KeyPem(_))));
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let (certificate, key) = made("a");
        let identity = TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(format!("{:?}", TlsSlot::new(identity)).matches("hidden").count(), 1);
    }
}
