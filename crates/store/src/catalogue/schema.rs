//! The tables, and which versions of them this program understands. They are described in `docs/format.md`.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::database::{self, APPLICATION_ID, CHECKSUMS_SINCE, number, schema_entries};
use crate::error::OpenError;
use crate::shared_format::{self, OURS};

/// The statements that make each version of the one before it; the first makes version 1 of an empty file.
///
/// A version that was released never changes: the next change of a table is a new file behind these.
const STEPS: [&str; 8] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
];

/// The format that this program writes, and the newest that it reads.
const VERSION: i64 = {
    #[expect(clippy::cast_possible_wrap, reason = "there will never be that many versions")]
    let version = STEPS.len() as i64;
    version
};

/// Checks that the catalogue at `path`, whose connection is to `file`, is ours and not newer than we know, and lifts an older or an
/// empty one to our version.
pub(super) fn prepare(connection: &mut Connection, path: &Path, file: &Path) -> Result<(), OpenError> {
    let application_id = number(connection, "application_id")?;
    let version = number(connection, "user_version")?;
    if application_id != APPLICATION_ID
        && !(application_id == 0 && version == 0 && schema_entries(connection)? == 0)
    {
        return Err(OpenError::ForeignDatabase { path: path.to_owned() });
    }
    if version > VERSION {
        return Err(OpenError::NewerFormat { found: version, known: VERSION });
    }
    // Kept in the file. The log lets questions be asked while a batch is written.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    if version < VERSION {
        lift(connection, file)?;
    }
    Ok(())
}

/// Versions that a folder alone has: that of checksums in the pages of its file, and that of questions.
const OF_A_FOLDER: i64 = 2;

/// A store that moves between a folder and servers keeps its tables as they are.
const _: () = assert!(
    OURS.version() + OF_A_FOLDER == VERSION,
    "a step of one kind of catalogue needs one of the other"
);

const _: () = assert!(CHECKSUMS_SINCE <= VERSION, "there is a step for it");

/// A table, and the absent value of each of its columns.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<(&'static str, database::Value<'static>)>,
}

/// The tables that a folder and a shared catalogue have alike, but for those of aggregations; each behind those that it
/// refers to.
pub(crate) fn tables() -> Vec<Table> {
    let mut tables = Vec::new();
    for line in shared_format::TABLES.lines() {
        if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(|rest| rest.strip_suffix(" (")) {
            tables.push(Table { name, columns: Vec::new() });
        }
        let column = line.strip_prefix("    ").and_then(|column| column.split_once(' '));
        if let (Some((name, kind)), Some(table)) = (column, tables.last_mut()) {
            let absent = match kind.split([' ', ',']).next() {
                Some("BYTEA") => database::Value::Bytes(None),
                Some("TEXT") => database::Value::Text(None),
                Some("BIGINT") => database::Value::Integer(None),
                _ => continue,
            };
            table.columns.push((name, absent));
        }
    }
    tables.retain(|table| table.name != "aggregations" && !OWN_TABLES.contains(&table.name));
    tables
}

/// What only servers that share a catalogue need.
const OWN_TABLES: [&str; 4] = ["nodes", "aggregation_owners", "farm_states", "unnamed_segments"];

/// Brings the tables to our version in one transaction: a crash leaves the old version whole.
fn lift(connection: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // What stands before this change has to be on the disk before it.
    database::rewrite_log(file).map_err(OpenError::file(file))?;
    // Asked again under the transaction's lock: another program may have been faster.
    let version = usize::try_from(number(&transaction, "user_version")?).unwrap_or(STEPS.len());
    for step in STEPS.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
        let sql = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        sql.map(|sql| sql.unwrap().unwrap_or_default()).collect()
    }

    #[test]
    fn a_lifted_catalogue_has_the_tables_of_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fresh");
        let mut fresh = Connection::open(&file).unwrap();
        prepare(&mut fresh, &file, &file).unwrap();
        for version in 1..STEPS.len() {
            let file = dir.path().join(version.to_string());
            let mut old = Connection::open(&file).unwrap();
            STEPS[..version].iter().for_each(|step| old.execute_batch(step).unwrap());
            old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
            old.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
            prepare(&mut old, &file, &file).unwrap();
            assert_eq!(tables(&old), tables(&fresh), "from version {version}");
            assert_eq!(number(&old, "user_version").unwrap(), VERSION);
        }
    }
}
