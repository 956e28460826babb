//! A connection as the rest of the crate sees it: statements with values in, rows out, whatever the database is.
//!
//! Statements are written once for all databases: `?1` for the first value, `ON CONFLICT` for what is there already, and
//! nothing that only one of them knows. They are prepared once per connection.

use std::ops::ControlFlow;

use crate::database::postgres::{self, Session};
use crate::database::sqlite;
use crate::database::value::{Column, FromColumn, Value, read};
use crate::error::StoreError;

/// A connection, inside of a question or of a change.
#[derive(Debug)]
pub(crate) enum Connection<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a Session),
}

impl Connection<'_> {
    /// Whether other processes may change the same farms.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Refuses to go on in a catalogue that is not for programs of this one's format any more.
    pub(crate) fn see_oldest(&self, oldest: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.see_oldest(oldest),
        }
    }

    /// Runs statements without values, one after the other.
    pub(crate) fn execute_script(&self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(session) => session.execute_script(sql),
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Self::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Visits the rows of a question, until a visit says that it was enough.
    pub(crate) fn visit(
        &self,
        sql: &str,
        values: &[Value<'_>],
        visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => sqlite::visit(connection, sql, values, visit),
            Self::Postgres(session) => session.visit(sql, values, visit),
        }
    }

    /// All rows of a question.
    pub(crate) fn query<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut from_row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<C, StoreError> {
        let mut rows = Vec::new();
        self.visit(sql, values, |row| {
            rows.push(from_row(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// The first row of a question, if there is one.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut from_row: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut first = None;
        self.visit(sql, values, |row| {
            first = Some(from_row(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// The number that a question counts.
    pub(crate) fn count(&self, sql: &str, values: &[Value<'_>]) -> Result<i64, StoreError> {
        Ok(self.query_row(sql, values, |row| row.get(0))?.unwrap_or(0))
    }

    /// Whether a question has a row.
    pub(crate) fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, StoreError> {
        Ok(self.query_row(sql, values, |_| Ok(()))?.is_some())
    }
}

/// A row of a question.
#[derive(Debug)]
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// A column, from 0. Something else than was written is damage.
    pub(crate) fn get<T: FromColumn>(&self, index: usize) -> Result<T, StoreError> {
        read(index, self.column(index)?)
    }

    /// A column as it is, from 0.
    pub(crate) fn column(&self, index: usize) -> Result<Column<'_>, StoreError> {
        match self {
            Self::Sqlite(row) => sqlite::column(row, index),
            Self::Postgres(row) => postgres::column(row, index),
        }
    }
}
