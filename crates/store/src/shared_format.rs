//! Which programs may use a shared catalogue, and how a later one brings it on while servers run.
//!
//! A catalogue says two numbers: the format of its tables, and the oldest format that a program may know and still use them. A
//! step of which programs from before need to know nothing leaves the second as it is. The first later server that starts makes
//! it, and servers of both kinds go on side by side. A step that they would have to know of raises it, and is made only when no
//! server from before gives a sign of life.
//!
//! That is courtesy; what is sound is something else. A server may be frozen, be given up, and wake up after the step. So every
//! change looks at the second number in its own transaction, under a lock that a step excludes: one that was begun before the
//! step is committed before it, and one that is begun after it is refused.

use crate::database::{Connection, params};
use crate::error::{OpenError, StoreError};
use crate::shared;

/// Begins a change, and asks which programs may make one. The lock is held to its end; only a step waits for it.
pub(crate) const BEGIN_CHANGE: &str =
    "BEGIN; LOCK TABLE catalogue_format IN ROW SHARE MODE; SELECT oldest FROM catalogue_format";

/// Asks, inside of a transaction that reads, which programs may.
pub(crate) const ASK_OLDEST: &str = "SELECT oldest FROM catalogue_format";

/// The tables of [`FIRST`].
pub(crate) const TABLES: &str = include_str!("catalogue/schema/postgres.sql");

/// The first format of a shared catalogue.
const FIRST: i64 = 6;

/// What a catalogue lacks that was made before servers told their format.
const COMPLETION: &str = "ALTER TABLE catalogue_format ADD COLUMN oldest BIGINT NOT NULL DEFAULT 6;
    ALTER TABLE nodes ADD COLUMN format BIGINT NOT NULL DEFAULT 6";

/// A change of what servers share, of tables or of files. It makes the next format.
#[derive(Debug)]
pub(crate) struct Step {
    /// The statements.
    pub(crate) sql: &'static str,
    /// The oldest format that a program may know and still use what the step makes.
    pub(crate) oldest: i64,
}

/// A format, by the steps that lead to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedFormat(pub(crate) &'static [Step]);

/// The format that this program makes. A step that was released never changes.
pub(crate) const OURS: SharedFormat = SharedFormat(&[]);

/// What a catalogue says about programs.
struct Found {
    version: i64,
    oldest: i64,
}

impl SharedFormat {
    /// Its number.
    pub(crate) const fn version(self) -> i64 {
        #[expect(clippy::cast_possible_wrap, reason = "there will never be that many steps")]
        let steps = self.0.len() as i64;
        FIRST + steps
    }

    /// In a transaction of its own: makes the tables of an empty database, and makes the steps that are missing.
    pub(crate) fn prepare(self, connection: &Connection<'_>) -> Result<(), OpenError> {
        if !is_complete(connection)? {
            be_the_only_one(connection)?;
            complete(connection)?;
        }
        if self.check(connection)?.version < self.version() {
            be_the_only_one(connection)?;
            self.lift(connection)?;
        }
        Ok(())
    }

    /// Refuses a catalogue that is not for programs of this format.
    fn check(self, connection: &Connection<'_>) -> Result<Found, OpenError> {
        let sql = "SELECT version, oldest FROM catalogue_format";
        let found = connection
            .query_row(sql, &[], |row| Ok(Found { version: row.get(0)?, oldest: row.get(1)? }))?
            .ok_or_else(StoreError::without_format)?;
        if found.oldest > self.version() {
            return Err(OpenError::NewerFormat { found: found.oldest, known: self.version() });
        }
        Ok(found)
    }

    fn lift(self, connection: &Connection<'_>) -> Result<(), OpenError> {
        // Changes that were begun before are waited for, and those that come after see what is done here.
        connection.execute_script("LOCK TABLE catalogue_format IN EXCLUSIVE MODE")?;
        // Asked again: another server may have been faster.
        let found = self.check(connection)?;
        let made = usize::try_from(found.version - FIRST).unwrap_or(0);
        let steps = self.0.get(made..).unwrap_or_default();
        let oldest = steps.iter().map(|step| step.oldest).fold(found.oldest, i64::max);
        let servers = shared::living_of_before(connection, oldest)?;
        if servers > 0 {
            return Err(OpenError::OlderServers { servers, version: self.version() });
        }
        steps.iter().try_for_each(|step| connection.execute_script(step.sql))?;
        let sql = "UPDATE catalogue_format SET version = greatest(version, ?1), oldest = ?2";
        connection.execute(sql, params![self.version(), oldest])?;
        Ok(())
    }
}

/// Whether the tables are there, and say which programs may use them. Locks none of them.
fn is_complete(connection: &Connection<'_>) -> Result<bool, StoreError> {
    has_format(connection, "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oldest'")
}

/// Whether the catalogue says its format, and what is joined to that table is there, too.
///
/// The question is to the rows of the system's tables. A function such as `to_regclass` may answer from what its session
/// remembers, and a session that looked in vain and then waited for another one would make the tables a second time.
fn has_format(connection: &Connection<'_>, joined: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_class c {joined}
         WHERE c.relname = 'catalogue_format' AND pg_catalog.pg_table_is_visible(c.oid)"
    );
    connection.exists(&sql, &[])
}

fn complete(connection: &Connection<'_>) -> Result<(), StoreError> {
    if is_complete(connection)? {
        return Ok(());
    }
    if has_format(connection, "")? {
        return connection.execute_script(COMPLETION);
    }
    connection.execute_script(TABLES)?;
    connection.execute("INSERT INTO catalogue_format (version) VALUES (?1)", params![FIRST]).map(drop)
}

/// Servers that start at once wait for each other.
fn be_the_only_one(connection: &Connection<'_>) -> Result<(), StoreError> {
    connection.execute_script("SELECT pg_advisory_xact_lock(5788176932)")
}

#[cfg(test)]
mod tests;
