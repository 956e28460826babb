//! The certificate and the private key of the server, in files that are read at the start and again on SIGHUP.

use std::fs;
use std::path::{Path, PathBuf};

use farmtally_server::TlsIdentity;

use crate::report_error::Failure;

/// Where they are.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// Certificate chain in PEM.
    pub(crate) certificate: PathBuf,
    /// Private key in PEM.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Reads both as they are now.
    pub(crate) fn read(&self) -> Result<TlsIdentity, Failure> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        TlsIdentity::from_pem(&certificate, &key).map_err(|error| {
            let (certificate, key) = (self.certificate.display(), self.key.display());
            Failure::caused(format!("cannot speak TLS with `{certificate}` and `{key}`"), &error)
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error))
}
