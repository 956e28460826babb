//! Where a catalogue is, and what is wrong with that.

use std::path::Path;

use farmtally_postgres::{PostgresAddress, PostgresEnvironment, PostgresError};

use crate::error::{OpenError, StoreError};

/// The address of a catalogue. It has to say everything itself, because every command on a server's folder reads it there.
pub(crate) fn read_address(url: &str) -> Result<PostgresAddress, OpenError> {
    let address = PostgresAddress::parse(url, &PostgresEnvironment::default())
        .map_err(|error| OpenError::CatalogueAddress { reason: error.to_string() })?;
    if address.root_certificates().is_some_and(Path::is_relative) {
        let reason = "sslrootcert has to be an absolute path, for commands in other folders".to_owned();
        return Err(OpenError::CatalogueAddress { reason });
    }
    Ok(address)
}

/// Waiting helps against a database that is down, and not against an address that is wrong about TLS.
pub(super) fn not_reached(error: &PostgresError) -> OpenError {
    let reason = error.to_string();
    if error.is_about_tls() {
        return OpenError::CatalogueAddress { reason };
    }
    OpenError::Store(StoreError::Unavailable { cause: reason })
}
