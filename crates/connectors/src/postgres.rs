//! A connection to somebody else's PostgreSQL, whose questions are waited for.

use std::future::Future;
use std::time::Duration;

use farmtally_postgres::{PostgresAddress, PostgresError};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;

/// Longest wait for a connection, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection, whose questions are waited for.
pub(crate) struct Postgres {
    runtime: Runtime,
    client: Client,
}

impl Postgres {
    pub(crate) fn connect(address: &PostgresAddress) -> Result<Self, PostgresError> {
        let mut address = address.clone();
        let config = address.config_mut();
        config.application_name("farmtally");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(PostgresError::Runtime)?;
        // What breaks a connection is told by the question that it breaks.
        let client = runtime.block_on(address.connect(drop))?;
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
