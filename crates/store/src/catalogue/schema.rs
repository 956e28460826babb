//! The tables, and which versions of them this program understands. They are described in `docs/format.md`.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// `FTal`, in the header of the file.
const APPLICATION_ID: i64 = 0x4654_616c;

/// The format that this program writes, and the newest that it reads.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE farms (
        farm_id BLOB NOT NULL PRIMARY KEY,
        display_name TEXT NOT NULL,
        description TEXT,
        cost_scale_nanos INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        created_by TEXT NOT NULL,
        updated_at INTEGER,
        updated_by TEXT
    ) STRICT;
    CREATE INDEX farms_by_name ON farms (display_name);

    CREATE TABLE queues (
        farm_id BLOB NOT NULL REFERENCES farms,
        id BLOB NOT NULL,
        display_name TEXT,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (farm_id, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE fleets (
        farm_id BLOB NOT NULL REFERENCES farms,
        id BLOB NOT NULL,
        display_name TEXT,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (farm_id, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE users (
        farm_id BLOB NOT NULL REFERENCES farms,
        user_id TEXT NOT NULL,
        display_name TEXT,
        PRIMARY KEY (farm_id, user_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rate_cards (
        farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
        text TEXT NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE access_keys (
        access_key_id TEXT NOT NULL PRIMARY KEY,
        sealed_secret BLOB NOT NULL,
        role TEXT NOT NULL,
        farm_id BLOB,
        created_at INTEGER NOT NULL,
        disabled_at INTEGER
    ) STRICT;

    CREATE TABLE aggregations (
        aggregation_id BLOB NOT NULL PRIMARY KEY,
        farm_id BLOB NOT NULL REFERENCES farms,
        retry_key BLOB,
        status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED', 'TIMEOUT')),
        status_message TEXT,
        started_at INTEGER NOT NULL,
        deadline INTEGER NOT NULL,
        group_by TEXT NOT NULL,
        statistics TEXT NOT NULL,
        cost_scale_nanos INTEGER NOT NULL,
        row_count INTEGER,
        CHECK ((status = 'COMPLETED') = (row_count IS NOT NULL))
    ) STRICT;
    CREATE UNIQUE INDEX one_aggregation_in_progress ON aggregations (farm_id) WHERE status = 'IN_PROGRESS';
    CREATE UNIQUE INDEX one_aggregation_per_call ON aggregations (farm_id, retry_key) WHERE retry_key IS NOT NULL;
    CREATE INDEX aggregations_by_start ON aggregations (started_at);

    CREATE TABLE result_chunks (
        aggregation_id BLOB NOT NULL REFERENCES aggregations ON DELETE CASCADE,
        chunk INTEGER NOT NULL,
        payload BLOB NOT NULL,
        checksum BLOB NOT NULL,
        PRIMARY KEY (aggregation_id, chunk)
    ) STRICT;

    CREATE TABLE batches (
        farm_id BLOB NOT NULL REFERENCES farms,
        sequence INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        entry_count INTEGER NOT NULL,
        previous BLOB NOT NULL,
        payload BLOB NOT NULL,
        checksum BLOB NOT NULL,
        PRIMARY KEY (farm_id, sequence)
    ) STRICT;

    CREATE TABLE batch_heads (
        farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
        sequence INTEGER NOT NULL,
        checksum BLOB NOT NULL
    ) STRICT;

    CREATE TABLE settings (
        name TEXT NOT NULL PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT;
";

/// Checks that the file is ours and not newer than we know, and creates the tables in an empty one.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let application_id = number(connection, "application_id")?;
    let version = number(connection, "user_version")?;
    if application_id != APPLICATION_ID && !(application_id == 0 && version == 0 && is_empty(connection)?) {
        return Err(OpenError::ForeignDatabase { path: path.to_owned() });
    }
    if version > VERSION {
        return Err(OpenError::NewerFormat { found: version, known: VERSION });
    }
    // Kept in the file. The log lets questions be asked while a batch is written.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    if version == 0 {
        create(connection)?;
    }
    Ok(())
}

fn create(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}
