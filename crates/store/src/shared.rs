//! What servers that share a catalogue agree on: how far a farm has come, who lives, who seals, which files may go.
//!
//! All times here are those of the database's clock, because the clocks of servers differ. These statements are for
//! PostgreSQL alone.

use farmtally_model::FarmId;

use crate::batches::Head;
use crate::database::{Connection, Database, params};
use crate::error::StoreError;
use crate::sealed::{Month, Root};
use crate::shared_format::ASK_OLDEST;

/// The present, by the database's clock, in milliseconds.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT";

/// How long a server that gives no sign of life is believed to live.
const LIFE_MS: i64 = 15_000;

/// How long a farm is left to a server that seals it and gives no sign of life.
const SEALING_MS: i64 = 120_000;

/// How long the file of a segment that no manifest names stays, for servers that still read by an older one.
const UNNAMED_MS: i64 = 3_600_000;

/// A server among those that share a catalogue; another one after each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId([u8; 16]);

impl NodeId {
    pub(crate) fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Database { cause: error.to_string() })?;
        Ok(Self(bytes))
    }

    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// How far a farm has come: its last batch, the root of its manifest, and the revision of its names. Two that are equal are
/// of the same records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    pub(crate) head: Head,
    pub(crate) root: Root,
    pub(crate) names_revision: i64,
}

impl Progress {
    /// Of a farm, unless it is not there.
    pub(crate) fn load(connection: &Connection<'_>, farm_id: FarmId) -> Result<Option<Self>, StoreError> {
        let sql =
            "SELECT batch_heads.sequence, batch_heads.checksum, seals.checksum, farm_states.names_revision,
                       (SELECT oldest FROM catalogue_format)
                   FROM farms LEFT JOIN batch_heads USING (farm_id) LEFT JOIN seals USING (farm_id)
                       LEFT JOIN farm_states USING (farm_id)
                   WHERE farms.farm_id = ?1";
        connection.query_row(sql, params![farm_id.bytes()], |row| {
            connection.see_oldest(row.get(4)?)?;
            let head: (Option<i64>, Option<[u8; 16]>) = (row.get(0)?, row.get(1)?);
            Ok(Self {
                head: head
                    .0
                    .zip(head.1)
                    .map_or_else(Head::default, |(sequence, sum)| Head::new(sequence, sum)),
                root: row.get(2)?,
                names_revision: row.get::<Option<i64>>(3)?.unwrap_or(0),
            })
        })
    }
}

/// The revision of a farm's names. A folder, which nobody has to follow, counts none.
pub(crate) fn names_revision(connection: &Connection<'_>, farm_id: FarmId) -> Result<i64, StoreError> {
    if !connection.is_shared() {
        return Ok(0);
    }
    let sql = "SELECT names_revision FROM farm_states WHERE farm_id = ?1";
    Ok(connection.query_row(sql, params![farm_id.bytes()], |row| row.get(0))?.unwrap_or(0))
}

/// Keeps others from changing a farm's records until the end of the transaction, and sees that they are what the change
/// was decided from. A folder is locked as a whole.
pub(crate) fn claim(connection: &Connection<'_>, farm_id: FarmId, seen: Progress) -> Result<(), StoreError> {
    if !connection.is_shared() {
        return Ok(());
    }
    let sql = "INSERT INTO farm_states (farm_id) SELECT farm_id FROM farms WHERE farm_id = ?1
               ON CONFLICT (farm_id) DO UPDATE SET farm_id = excluded.farm_id";
    if connection.execute(sql, params![farm_id.bytes()])? == 0 {
        return Err(StoreError::UnknownFarm { farm_id });
    }
    // A statement of its own: it sees what was committed while the lock was waited for.
    let stored = Progress::load(connection, farm_id)?;
    if stored == Some(seen) { Ok(()) } else { Err(StoreError::Overtaken) }
}

/// Notes that the names of a claimed farm change, and gives their new revision.
pub(crate) fn change_names(
    connection: &Connection<'_>,
    farm_id: FarmId,
    seen: i64,
) -> Result<i64, StoreError> {
    if !connection.is_shared() {
        return Ok(seen);
    }
    let sql = "UPDATE farm_states SET names_revision = names_revision + 1 WHERE farm_id = ?1";
    connection.execute(sql, params![farm_id.bytes()])?;
    Ok(seen + 1)
}

/// The right to change the segments of a farm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealing {
    farm_id: FarmId,
    /// `None` in a folder, where one process has all farms.
    epoch: Option<i64>,
}

impl Sealing {
    /// In a folder, one process has the right to all farms.
    pub(crate) const fn in_folder(farm_id: FarmId) -> Self {
        Self { farm_id, epoch: None }
    }

    /// Takes the right; `None` while another server has it.
    pub(crate) fn begin(database: &Database, farm_id: FarmId) -> Result<Option<Self>, StoreError> {
        let Some(node) = database.node() else { return Ok(Some(Self::in_folder(farm_id))) };
        let sql = format!(
            "INSERT INTO farm_states AS states (farm_id, sealer, sealer_until, seal_epoch)
             SELECT farm_id, ?2, {NOW} + ?3, 1 FROM farms WHERE farm_id = ?1
             ON CONFLICT (farm_id) DO UPDATE SET sealer = excluded.sealer, sealer_until = excluded.sealer_until,
                 seal_epoch = states.seal_epoch + 1
             WHERE states.sealer IS NULL OR states.sealer = excluded.sealer OR states.sealer_until < {NOW}
             RETURNING seal_epoch"
        );
        let epoch = database.write(|transaction| {
            transaction
                .query_row::<i64>(&sql, params![farm_id.bytes(), node.bytes(), SEALING_MS], |row| row.get(0))
        })?;
        Ok(epoch.into_inner().map(|epoch| Self { farm_id, epoch: Some(epoch) }))
    }

    /// Gives the right back. When that fails, it ends by itself.
    pub(crate) fn end(self, database: &Database) {
        let Some(epoch) = self.epoch else { return };
        let sql = "UPDATE farm_states SET sealer = NULL WHERE farm_id = ?1 AND seal_epoch = ?2";
        let ended =
            database.write(|transaction| transaction.execute(sql, params![self.farm_id.bytes(), epoch]));
        if let Err(error) = ended {
            tracing::debug!(%error, "the right to seal was not given back");
        }
    }

    /// A number for a new segment: the next one in a folder, and one that no server ever had where several write files.
    pub(crate) fn number(&self, database: &Database, month: Month, next: u32) -> Result<u32, StoreError> {
        let Some(epoch) = self.epoch else { return Ok(next) };
        let sql = format!(
            "UPDATE farm_states SET segment_last = greatest(segment_last + 1, ?3), sealer_until = {NOW} + ?4
             WHERE farm_id = ?1 AND seal_epoch = ?2 RETURNING segment_last"
        );
        let number = database.write(|transaction| {
            let number = transaction.query_row::<u32>(
                &sql,
                params![self.farm_id.bytes(), epoch, next, SEALING_MS],
                |row| row.get(0),
            )?;
            let number = number.ok_or_else(taken_over)?;
            self.note_unnamed(transaction, number, month)?;
            Ok(number)
        })?;
        Ok(number.into_inner())
    }

    /// In a transaction that claimed the farm: refuses a right that has gone to another server, and notes which files are
    /// named from now on and which are not any more.
    pub(crate) fn name(
        &self,
        connection: &Connection<'_>,
        named: impl Iterator<Item = u32>,
        dropped: impl Iterator<Item = (u32, Month)>,
    ) -> Result<(), StoreError> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let sql = "SELECT 1 FROM farm_states WHERE farm_id = ?1 AND seal_epoch = ?2";
        if !connection.exists(sql, params![self.farm_id.bytes(), epoch])? {
            return Err(taken_over());
        }
        for number in named {
            let sql = "DELETE FROM unnamed_segments WHERE farm_id = ?1 AND segment = ?2";
            if connection.execute(sql, params![self.farm_id.bytes(), number])? != 1 {
                // It took so long that the file was taken for a broken-off one.
                return Err(taken_over());
            }
        }
        for (number, month) in dropped {
            self.note_unnamed(connection, number, month)?;
        }
        Ok(())
    }

    /// Notes that no manifest names a segment from now on.
    fn note_unnamed(&self, connection: &Connection<'_>, number: u32, month: Month) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO unnamed_segments (farm_id, segment, month, since) VALUES (?1, ?2, ?3, {NOW})"
        );
        connection.execute(&sql, params![self.farm_id.bytes(), number, month.to_string()]).map(drop)
    }

    /// The segments whose files may go, which nobody can name any more.
    pub(crate) fn take_unnamed(&self, database: &Database) -> Result<Vec<(u32, Month)>, StoreError> {
        if self.epoch.is_none() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "DELETE FROM unnamed_segments WHERE farm_id = ?1 AND since < {NOW} - ?2 RETURNING segment, month"
        );
        let taken = database.write(|transaction| {
            transaction.query(&sql, params![self.farm_id.bytes(), UNNAMED_MS], |row| {
                let (number, month): (u32, String) = (row.get(0)?, row.get(1)?);
                let month = Month::parse(&month).ok_or_else(|| {
                    StoreError::damaged("a row of the catalogue", format!("{month:?} is not a month"))
                })?;
                Ok((number, month))
            })
        })?;
        Ok(taken.into_inner())
    }
}

/// The right to change a farm's segments went to another server: what was prepared for it is given up.
pub(crate) fn taken_over() -> StoreError {
    StoreError::Database { cause: "another server seals the farm by now".to_owned() }
}

/// A sign of life of a server, with the format that it makes; none of one that the catalogue is not for any more. Forgets
/// servers that gave none for long.
pub(crate) fn beat(connection: &Connection<'_>, node: NodeId, format: i64) -> Result<(), StoreError> {
    connection.see_oldest(connection.count(ASK_OLDEST, &[])?)?;
    let sql = format!(
        "INSERT INTO nodes (node_id, lives_until, format) VALUES (?1, {NOW} + ?2, ?3)
         ON CONFLICT (node_id) DO UPDATE SET lives_until = excluded.lives_until"
    );
    connection.execute(&sql, params![node.bytes(), LIFE_MS, format])?;
    let sql = format!("DELETE FROM nodes WHERE lives_until < {NOW} - ?1");
    connection.execute(&sql, params![LIFE_MS * 100]).map(drop)
}

/// Whether any server gave a sign of life not long ago.
pub(crate) fn anyone_lives(connection: &Connection<'_>) -> Result<bool, StoreError> {
    connection.exists(&format!("SELECT 1 FROM nodes WHERE lives_until >= {NOW}"), &[])
}

/// How many servers gave a sign of life not long ago that make a format before one.
pub(crate) fn living_of_before(connection: &Connection<'_>, format: i64) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) FROM nodes WHERE lives_until >= {NOW} AND format < ?1");
    connection.count(&sql, params![format])
}

/// The server stops: what it ran is nobody's from now on.
pub(crate) fn depart(connection: &Connection<'_>, node: NodeId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM nodes WHERE node_id = ?1", params![node.bytes()]).map(drop)
}

/// Notes whose an aggregation is.
pub(crate) fn own_aggregation(
    connection: &Connection<'_>,
    aggregation_id: [u8; 16],
    node: NodeId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO aggregation_owners (aggregation_id, node_id) VALUES (?1, ?2)";
    connection.execute(sql, params![aggregation_id, node.bytes()]).map(drop)
}

/// Times out the aggregations of servers that live no more, and says how many.
pub(crate) fn end_abandoned(connection: &Connection<'_>, message: &str) -> Result<usize, StoreError> {
    let sql = format!(
        "UPDATE aggregations SET status = 'TIMEOUT', status_message = ?1
         WHERE status = 'IN_PROGRESS' AND NOT EXISTS (
             SELECT 1 FROM aggregation_owners JOIN nodes USING (node_id)
             WHERE aggregation_owners.aggregation_id = aggregations.aggregation_id AND lives_until >= {NOW})"
    );
    connection.execute(&sql, params![message])
}
