//! Proof that something is on the disk.

use crate::database::Session;
use crate::error::StoreError;

/// A value that is true of the disk: whoever holds one may tell the sender "accepted".
///
/// Only this crate makes them, and only after the commit that they promise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// Commits a transaction. What it wrote is synced when this returns a value.
    pub(crate) fn commit(transaction: rusqlite::Transaction<'_>, value: T) -> rusqlite::Result<Self> {
        transaction.commit().map(|()| Self(value))
    }

    /// Commits the transaction of a session with a shared database, which is on that database's disk when this returns a
    /// value.
    pub(crate) fn commit_session(session: &Session, value: T) -> Result<Self, StoreError> {
        session.commit().map(|()| Self(value))
    }

    /// For what earlier commits made true, such as a batch in which every record was stored already.
    pub(crate) const fn already(value: T) -> Self {
        Self(value)
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Durable<U> {
        Durable(change(self.0))
    }

    /// The value.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The value, without its proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}
