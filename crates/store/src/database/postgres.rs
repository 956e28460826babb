//! PostgreSQL, for a catalogue that several servers share.
//!
//! The fact that hurts when discovered late: a COMMIT whose answer is lost may have happened. Nothing is concluded from it:
//! the caller hears that the write was not confirmed, and whoever looks next reads what is really there.

mod address;
mod values;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use farmtally_postgres::{PostgresAddress, PostgresError, told};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use crate::database::connection::{Connection, Row};
use crate::database::value::Value;
use crate::durable::Durable;
use crate::error::{OpenError, StoreError};
use crate::locking::lock;
use crate::shared_format::{ASK_OLDEST, BEGIN_CHANGE, SharedFormat};

use self::address::not_reached;
pub(crate) use self::address::read_address;
pub(super) use self::values::column;
use self::values::{numbered, parameters, type_of};

/// How long it may take to reach the server.
const CONNECTING_MAX: Duration = Duration::from_secs(10);

/// How long one statement may take before its connection is given up.
const STATEMENT_MAX: Duration = Duration::from_mins(2);

/// Most connections at once of one server, beside that for its signs of life.
const CONNECTIONS_MAX: usize = 12;

/// Begins to read what is committed now. Reading a farm as a whole may pause for long between two statements.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// What every connection asks for. A server that stops in the middle of a change, frozen or cut off, must not hold what it
/// locked for long; and a commit is on the disk of the database before it counts.
const SETTINGS: &str = "SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '15s';
    SET default_transaction_isolation = 'read committed';
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Connections to one PostgreSQL database.
pub(crate) struct Postgres {
    /// Drives the connections; there until this is dropped.
    runtime: Option<Runtime>,
    address: PostgresAddress,
    pool: Mutex<Pool>,
    /// Told when a connection is given back.
    freed: Condvar,
    /// For the signs of life of this server, which must not wait for anything else.
    pulse: Mutex<Option<Session>>,
    age: Age,
}

/// Whether a program may still use the catalogue.
#[derive(Debug, Clone)]
struct Age {
    /// The format that the program makes.
    known: i64,
    /// Set once the catalogue was seen to need a later one, and never taken back.
    outdated: Arc<OnceLock<StoreError>>,
}

impl fmt::Debug for Postgres {
    /// The address may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

/// Connections that nobody uses, and how many are in use.
#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    lent: usize,
}

/// Counts a connection as in use for as long as it lives.
struct Lent<'a>(&'a Postgres);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        lock(&self.0.pool).lent -= 1;
        self.0.freed.notify_one();
    }
}

/// An open connection.
pub(crate) struct Session {
    handle: Handle,
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    /// Whether a statement failed since the transaction began: PostgreSQL answers its COMMIT with a roll-back, without error.
    has_failed: Cell<bool>,
    age: Age,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to a database as a program that makes a format, and makes or lifts its tables.
    pub(crate) fn open(url: &str, format: SharedFormat) -> Result<Self, OpenError> {
        let mut address = read_address(url)?;
        let config = address.config_mut();
        config.connect_timeout(CONNECTING_MAX).keepalives_idle(Duration::from_secs(30));
        config.tcp_user_timeout(Duration::from_secs(30)).application_name("farmtally");
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("catalogue").enable_all().build();
        let runtime = runtime
            .map_err(|error| OpenError::Store(StoreError::Unavailable { cause: error.to_string() }))?;
        let postgres = Self {
            runtime: Some(runtime),
            address,
            pool: Mutex::default(),
            freed: Condvar::new(),
            pulse: Mutex::default(),
            age: Age { known: format.version(), outdated: Arc::default() },
        };
        let first = postgres.reach().map_err(|error| not_reached(&error))?;
        refuse_unsafe_settings(&Connection::Postgres(&first))?;
        first.run("BEGIN")?;
        format.prepare(&Connection::Postgres(&first))?;
        first.commit()?;
        lock(&postgres.pool).idle.push(first);
        Ok(postgres)
    }

    /// Asks something of the last committed state. Each statement sees what is committed when it runs.
    pub(crate) fn read<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_session(|session| (question(&Connection::Postgres(session)), true))
    }

    /// Does something that is one statement and urgent.
    pub(crate) fn pulse<T>(
        &self,
        act: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.refuse_when_outdated()?;
        let mut pulse = lock(&self.pulse);
        let session = match pulse.take().filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => self.connect()?,
        };
        let answer = act(&Connection::Postgres(&session));
        *pulse = Some(session);
        answer
    }

    /// Asks something that takes long, of the state at one instant.
    pub(crate) fn read_long<T>(
        &self,
        question: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_session(|session| {
            let begun = session.run(BEGIN_READING).and_then(|()| session.begin(ASK_OLDEST));
            let answer = begun.and_then(|()| question(&Connection::Postgres(session)));
            (answer, session.run("ROLLBACK").is_ok())
        })
    }

    /// Makes one change of everything that `change` does, committed before this returns, or of nothing.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<Durable<T>, StoreError> {
        self.with_session(|session| {
            let changed = session.begin(BEGIN_CHANGE).and_then(|()| session.change(change));
            match changed {
                Ok(value) => {
                    let committed = Durable::commit_session(session, value);
                    let is_sound = committed.is_ok();
                    (committed, is_sound)
                }
                Err(error) => (Err(error), session.run("ROLLBACK").is_ok()),
            }
        })
    }

    /// Lets `act` have a connection. It is used again when `act` says so; otherwise, and after a panic, it is closed, and the
    /// server rolls back what it had begun.
    fn with_session<T>(
        &self,
        act: impl FnOnce(&Session) -> (Result<T, StoreError>, bool),
    ) -> Result<T, StoreError> {
        self.refuse_when_outdated()?;
        let (_lent, idle) = self.lend()?;
        let session = idle.map_or_else(|| self.connect(), Ok)?;
        let (answer, is_sound) = act(&session);
        if is_sound && !session.client.is_closed() {
            lock(&self.pool).idle.push(session);
        }
        answer
    }

    /// The right to one of the connections, and one that is open if there is one.
    fn lend(&self) -> Result<(Lent<'_>, Option<Session>), StoreError> {
        let mut pool = lock(&self.pool);
        while pool.lent >= CONNECTIONS_MAX {
            let waited =
                self.freed.wait_timeout(pool, CONNECTING_MAX).unwrap_or_else(PoisonError::into_inner);
            pool = waited.0;
            if waited.1.timed_out() && pool.lent >= CONNECTIONS_MAX {
                return Err(StoreError::Unavailable { cause: "all connections to it are busy".to_owned() });
            }
        }
        pool.lent += 1;
        let idle = std::iter::from_fn(|| pool.idle.pop()).find(|session| !session.client.is_closed());
        Ok((Lent(self), idle))
    }

    /// Why nothing is asked any more, if a newer program brought the catalogue on.
    pub(crate) fn outdated(&self) -> Option<StoreError> {
        self.age.outdated.get().cloned()
    }

    fn refuse_when_outdated(&self) -> Result<(), StoreError> {
        self.outdated().map_or(Ok(()), Err)
    }

    fn connect(&self) -> Result<Session, StoreError> {
        self.reach().map_err(|error| StoreError::Unavailable { cause: error.to_string() })
    }

    fn reach(&self) -> Result<Session, PostgresError> {
        let Some(runtime) = &self.runtime else {
            return Err(PostgresError::Refused("the store is being closed".to_owned()));
        };
        let connecting = async {
            let client = self.address.connect(|error| {
                tracing::warn!(error = told(&error), "a connection to the catalogue ended");
            });
            let client = client.await?;
            client.batch_execute(SETTINGS).await?;
            Ok::<_, PostgresError>(client)
        };
        let connected = runtime.block_on(async { timeout(CONNECTING_MAX, connecting).await });
        let late = |_| PostgresError::Refused("it did not answer for ten seconds".to_owned());
        let client = connected.map_err(late)??;
        Ok(Session {
            handle: runtime.handle().clone(),
            client,
            statements: RefCell::default(),
            has_failed: Cell::new(false),
            age: self.age.clone(),
        })
    }
}

impl Drop for Postgres {
    /// Waiting for the connections here would panic on a thread that drives futures.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A database that loses what it confirmed is no place for a catalogue.
fn refuse_unsafe_settings(connection: &Connection<'_>) -> Result<(), StoreError> {
    for setting in ["fsync", "full_page_writes"] {
        let value: Option<String> =
            connection.query_row(&format!("SELECT current_setting('{setting}')"), &[], |row| row.get(0))?;
        if value.as_deref() != Some("on") {
            let cause = format!("it runs with {setting} = off, and would lose what it confirmed");
            return Err(StoreError::Database { cause });
        }
    }
    Ok(())
}

impl Session {
    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let answered = self.handle.block_on(async { timeout(STATEMENT_MAX, answer).await });
        let answered = answered.map_err(|_| {
            let cause = format!("it did not answer for {} seconds", STATEMENT_MAX.as_secs());
            StoreError::Unavailable { cause }
        });
        answered
            .and_then(|answered| answered.map_err(|error| failed(&error)))
            .inspect_err(|_| self.has_failed.set(true))
    }

    /// Does what a change does, inside of its transaction.
    fn change<T>(
        &self,
        change: impl FnOnce(&Connection<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.has_failed.set(false);
        match change(&Connection::Postgres(self)) {
            Ok(_) if self.has_failed.get() => {
                Err(StoreError::Database { cause: "a statement of the change failed".to_owned() })
            }
            changed => changed,
        }
    }

    /// Begins something by statements of which the last asks for the oldest format that a program may know.
    fn begin(&self, sql: &str) -> Result<(), StoreError> {
        let answers = self.wait(self.client.simple_query(sql))?;
        let oldest = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        self.see_oldest(oldest.ok_or_else(StoreError::without_format)?)
    }

    pub(super) fn see_oldest(&self, oldest: i64) -> Result<(), StoreError> {
        let known = self.age.known;
        if oldest <= known {
            return Ok(());
        }
        Err(self.age.outdated.get_or_init(|| StoreError::Outdated { oldest, known }).clone())
    }

    /// Runs statements without values.
    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Commits. When nobody confirmed it, it may have happened.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.run("COMMIT").map_err(|error| match error {
            StoreError::Unavailable { cause } => StoreError::Unconfirmed { cause },
            other => other,
        })
    }

    fn prepared(&self, sql: &str, values: &[Value<'_>]) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = values.iter().map(type_of).collect();
        let statement = self.wait(self.client.prepare_typed(&numbered(sql), &types))?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a script of statements without values.
    pub(super) fn execute_script(&self, sql: &str) -> Result<(), StoreError> {
        self.run(sql)
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let statement = self.prepared(sql, values)?;
        let changed = self.wait(self.client.execute(&statement, &parameters(values)))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    pub(super) fn visit(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(sql, values)?;
        for row in &self.wait(self.client.query(&statement, &parameters(values)))? {
            if visit(&Row::Postgres(row))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What an error means for the caller.
fn failed(error: &tokio_postgres::Error) -> StoreError {
    let cause = told(error);
    let Some(code) = error.code() else { return StoreError::Unavailable { cause } };
    let of_class = |class: &str| code.code().starts_with(class);
    if *code == SqlState::DISK_FULL {
        StoreError::DiskFull
    } else if [SqlState::UNIQUE_VIOLATION, SqlState::LOCK_NOT_AVAILABLE].contains(code) || of_class("40") {
        // Another server was faster.
        StoreError::Overtaken
    } else if of_class("08") || of_class("57") || of_class("53") || of_class("25P") {
        StoreError::Unavailable { cause }
    } else {
        StoreError::Database { cause }
    }
}
