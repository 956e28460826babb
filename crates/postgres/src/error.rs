//! Why a PostgreSQL cannot be asked, told apart by what its owner can do about it.

use std::error::Error;
use std::io;

use tokio_rustls::rustls;

/// A PostgreSQL that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The address is none.
    #[error("not an address of PostgreSQL: {0}; it looks like postgres://user@host/database")]
    Address(String),
    /// A word that is none of the modes, or one that does not say whether to encrypt.
    #[error(
        "sslmode={0} is not supported; use disable, or verify-full, which is what require and verify-ca mean here"
    )]
    SslMode(String),
    /// The certificates to trust cannot be used.
    #[error("cannot use sslrootcert `{path}`: {message}")]
    RootCertificates {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// It does not answer, or refuses.
    #[error("{0}")]
    Refused(String),
    /// It wants TLS and was asked without.
    #[error(
        "{0}; it may want TLS: add sslmode=verify-full to the address, and sslrootcert=FILE for an authority of your own"
    )]
    WantsTls(String),
    /// It was asked for TLS and has none.
    #[error(
        "it offers no TLS; set `ssl = on` in its configuration, or take sslmode out of the address where nobody can listen"
    )]
    OffersNoTls,
    /// Nobody knows who answers.
    #[error(
        "its certificate proves nothing ({0}); name the file of the authority that signed it by sslrootcert=FILE, and the \
         server by a name that the certificate has"
    )]
    Untrusted(rustls::Error),
    /// This process cannot wait for a network.
    #[error("cannot start a runtime: {0}")]
    Runtime(io::Error),
}

impl PostgresError {
    /// Whether the address has to say something else about TLS, or the server has to be given another certificate.
    pub const fn is_about_tls(&self) -> bool {
        matches!(self, Self::WantsTls(_) | Self::OffersNoTls | Self::Untrusted(_))
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(broken) = of_tls(&error) {
            return Self::Untrusted(broken.clone());
        }
        let told = told(&error);
        // `no pg_hba.conf entry for host …, no encryption` is how it refuses a connection in the clear.
        if told.contains("no encryption") || told.contains("SSL off") {
            return Self::WantsTls(told);
        }
        // The client has no other way to tell it.
        if told.contains("server does not support TLS") {
            return Self::OffersNoTls;
        }
        Self::Refused(told)
    }
}

/// A certificate that was refused.
fn of_tls(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let greeting = error.source()?.downcast_ref::<io::Error>()?;
    let broken = greeting.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(broken, rustls::Error::InvalidCertificate(_)).then_some(broken)
}

/// PostgreSQL's own words, or what an error was caused by: the client's own say little more than their kind.
pub fn told(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
