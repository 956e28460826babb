//! A connection to somebody else's PostgreSQL: its address, its password, and TLS.
//!
//! The one fact that hurts when discovered late: TLS is either verified or not used. There is no encryption towards a server
//! that nobody knows, because `sslmode=require` of libpq would give the password to whoever answers.

mod address;
mod tls;

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

pub use self::address::{PostgresAddress, PostgresEnvironment};
use self::tls::Verified;

/// Longest wait for a connection, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

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
    /// This process cannot wait for a network.
    #[error("cannot start a runtime: {0}")]
    Runtime(std::io::Error),
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        let told = told(&error);
        // `no pg_hba.conf entry for host …, no encryption` is how it refuses a connection in the clear.
        if told.contains("no encryption") || told.contains("SSL off") {
            return Self::WantsTls(told);
        }
        Self::Refused(told)
    }
}

/// PostgreSQL's own words, which the client's error keeps behind its own.
fn told(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// A connection, whose questions are waited for.
pub(crate) struct Postgres {
    runtime: Runtime,
    client: Client,
}

impl Postgres {
    pub(crate) fn connect(address: &PostgresAddress) -> Result<Self, PostgresError> {
        let mut config = address.config.clone();
        config.application_name("farmtally");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(PostgresError::Runtime)?;
        // What breaks a connection is told by the question that it breaks.
        let client = runtime.block_on(async {
            match &address.tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(async move { connection.await.unwrap_or_default() });
                    Ok::<_, tokio_postgres::Error>(client)
                }
                Some(tls) => {
                    let (client, connection) = config.connect(Verified::new(tls.clone())).await?;
                    tokio::spawn(async move { connection.await.unwrap_or_default() });
                    Ok(client)
                }
            }
        })?;
        Ok(Self { runtime, client })
    }

    /// Waits for what a question gives.
    pub(crate) fn ask<'a, T, F>(&'a self, question: impl FnOnce(&'a Client) -> F) -> Result<T, PostgresError>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>> + 'a,
    {
        Ok(self.runtime.block_on(question(&self.client))?)
    }
}
