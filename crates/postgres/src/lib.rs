//! Where a PostgreSQL is and how it is reached: an address as libpq reads it, a password, and TLS.
//!
//! The one fact that hurts when discovered late: TLS is either verified or not used. There is no encryption towards a server
//! that nobody knows, because `sslmode=require` of libpq would give the password to whoever answers.

mod address;
mod error;
mod tls;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{Client, Connection, NoTls, Socket};

pub use self::address::{PostgresAddress, PostgresEnvironment};
pub use self::error::{PostgresError, told};
use self::tls::Verified;

impl PostgresAddress {
    /// Connects. From then on the connection is driven by the runtime that this is called on, and `ended` hears what breaks it.
    pub async fn connect(
        &self,
        ended: impl FnOnce(tokio_postgres::Error) + Send + 'static,
    ) -> Result<Client, PostgresError> {
        Ok(match &self.tls {
            None => driven(self.config.connect(NoTls).await?, ended),
            Some(tls) => driven(self.config.connect(Verified::new(tls.clone())).await?, ended),
        })
    }
}

fn driven<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    (client, connection): (Client, Connection<Socket, T>),
    ended: impl FnOnce(tokio_postgres::Error) + Send + 'static,
) -> Client {
    tokio::spawn(async move { connection.await.unwrap_or_else(ended) });
    client
}
