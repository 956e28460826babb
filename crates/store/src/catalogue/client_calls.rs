//! Calls of clients that create something: a call that is repeated finds what it made the first time.

use farmtally_model::Timestamp;

use crate::database::{Connection, params};
use crate::error::StoreError;

/// How long a call is remembered.
const MEMORY_MS: i64 = 24 * 60 * 60 * 1000;

/// A call that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCall {
    /// Whose call it is.
    pub access_key_id: String,
    /// The operation that was called.
    pub operation: &'static str,
    /// What the client calls this call.
    pub token: String,
    /// A digest of everything that was asked for.
    pub content: [u8; 32],
}

/// What became of a call that creates something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created<I> {
    /// It was created now, or by an earlier attempt at the same call.
    Once(I),
    /// The token was used for a call that asked for something else. Nothing was created.
    OtherCall,
}

/// What an earlier attempt at a call created.
pub(super) fn earlier(
    connection: &Connection<'_>,
    call: &ClientCall,
    now: Timestamp,
) -> Result<Option<Created<[u8; 16]>>, StoreError> {
    let found: Option<([u8; 32], [u8; 16])> = connection.query_row(
        "SELECT content, resource FROM client_calls
         WHERE access_key_id = ?1 AND operation = ?2 AND token = ?3 AND called_at > ?4",
        params![call.access_key_id, call.operation, call.token, now.millis() - MEMORY_MS],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.map(
        |(content, resource)| {
            if content == call.content { Created::Once(resource) } else { Created::OtherCall }
        },
    ))
}

/// Remembers what a call created, and forgets the calls of long ago.
pub(super) fn remember(
    connection: &Connection<'_>,
    call: &ClientCall,
    resource: [u8; 16],
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .execute("DELETE FROM client_calls WHERE called_at <= ?1", params![now.millis() - MEMORY_MS])?;
    connection.execute(
        "INSERT INTO client_calls
             (access_key_id, operation, token, content, resource, called_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (access_key_id, operation, token) DO UPDATE SET content = excluded.content,
                 resource = excluded.resource, called_at = excluded.called_at",
        params![call.access_key_id, call.operation, call.token, call.content, resource, now.millis()],
    )?;
    Ok(())
}
