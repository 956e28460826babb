//! Batches as rows: numbered within a farm, chained by checksums, verified whenever they are read.
//!
//! A checksum covers the one before it, and the head of the chain is kept apart from its links. So a batch that was
//! changed, lost, exchanged for an older one or moved to another farm does not pass for the batch that was written.

use std::ops::ControlFlow;

use farmtally_model::{FarmId, Timestamp};
use xxhash_rust::xxh3::Xxh3Default;

use crate::database::{Connection, Row, params};
use crate::encoding::{self, Entry, SessionOf};
use crate::error::StoreError;

/// The last batch of a farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    /// Its number; 0 when there is no batch.
    pub(crate) sequence: i64,
    checksum: [u8; 16],
}

impl Head {
    pub(crate) const fn new(sequence: i64, checksum: [u8; 16]) -> Self {
        Self { sequence, checksum }
    }

    pub(crate) const fn checksum(&self) -> [u8; 16] {
        self.checksum
    }
}

/// The entries that a batch is to have, encoded.
pub(crate) struct EncodedBatch {
    pub(crate) entry_count: usize,
    pub(crate) payload: Vec<u8>,
}

struct Batch {
    sequence: i64,
    received_at_ms: i64,
    entry_count: i64,
    previous: [u8; 16],
    payload: Vec<u8>,
    checksum: [u8; 16],
}

/// Adds a batch behind the head and returns the new head.
pub(crate) fn append(
    connection: &Connection<'_>,
    farm_id: FarmId,
    head: Head,
    batch: EncodedBatch,
    received_at: Timestamp,
) -> Result<Head, StoreError> {
    let mut batch = Batch {
        sequence: head.sequence + 1,
        received_at_ms: received_at.millis(),
        entry_count: i64::try_from(batch.entry_count).unwrap_or(i64::MAX),
        previous: head.checksum,
        payload: batch.payload,
        checksum: [0; 16],
    };
    batch.checksum = batch.computed_checksum(farm_id);
    batch.insert(connection, farm_id)?;
    connection.execute(
        "INSERT INTO batch_heads (farm_id, sequence, checksum) VALUES (?1, ?2, ?3)
             ON CONFLICT (farm_id) DO UPDATE SET sequence = excluded.sequence, checksum = excluded.checksum",
        params![farm_id.bytes(), batch.sequence, batch.checksum],
    )?;
    Ok(Head { sequence: batch.sequence, checksum: batch.checksum })
}

/// Every farm that has batches, or should have.
pub(crate) fn farms(connection: &Connection<'_>) -> Result<Vec<FarmId>, StoreError> {
    connection.query(
        "SELECT farm_id FROM batch_heads UNION SELECT DISTINCT farm_id FROM batches
                  UNION SELECT farm_id FROM seals UNION SELECT DISTINCT farm_id FROM segments ORDER BY 1",
        &[],
        |row| row.get(0).map(FarmId::from_bytes),
    )
}

/// The head of a farm's chain.
pub(crate) fn head(connection: &Connection<'_>, farm_id: FarmId) -> Result<Head, StoreError> {
    let head = connection.query_row(
        "SELECT sequence, checksum FROM batch_heads WHERE farm_id = ?1",
        params![farm_id.bytes()],
        |row| Ok(Head { sequence: row.get(0)?, checksum: row.get(1)? }),
    )?;
    Ok(head.unwrap_or_default())
}

/// The entries of one batch.
pub(crate) fn load(
    connection: &Connection<'_>,
    farm_id: FarmId,
    sequence: i64,
) -> Result<Vec<Entry>, StoreError> {
    read(connection, farm_id, sequence)?.verified_entries(farm_id)
}

/// Those of the entries of one batch that are wanted, with their places. The others are not made.
pub(crate) fn load_wanted(
    connection: &Connection<'_>,
    farm_id: FarmId,
    sequence: i64,
    wanted: impl Fn(u32, Option<SessionOf>) -> bool,
) -> Result<Vec<(u32, Entry)>, StoreError> {
    let batch = read(connection, farm_id, sequence)?;
    batch.verify(farm_id)?;
    let (entries, count) = encoding::decode_wanted(&batch.payload, wanted)
        .map_err(|malformed| damaged(farm_id, sequence, &malformed.reason()))?;
    batch.check_count(farm_id, count)?;
    Ok(entries)
}

fn read(connection: &Connection<'_>, farm_id: FarmId, sequence: i64) -> Result<Batch, StoreError> {
    let batch = connection.query_row(
        "SELECT sequence, received_at, entry_count, previous, payload, checksum FROM batches
         WHERE farm_id = ?1 AND sequence = ?2",
        params![farm_id.bytes(), sequence],
        Batch::from_row,
    )?;
    batch.ok_or_else(|| damaged(farm_id, sequence, "it is missing"))
}

/// Walks a farm's chain from `head` down to the batch behind `base`, and checks that it is whole.
pub(crate) fn for_each_newest_first(
    connection: &Connection<'_>,
    farm_id: FarmId,
    base: Head,
    head: Head,
    mut visit: impl FnMut(i64, Vec<Entry>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = "SELECT sequence, received_at, entry_count, previous, payload, checksum FROM batches
               WHERE farm_id = ?1 AND sequence > ?2 AND sequence <= ?3 ORDER BY sequence DESC";
    let mut expected = head;
    connection.visit(sql, params![farm_id.bytes(), base.sequence, head.sequence], |row| {
        let batch = Batch::from_row(row)?;
        expected.check(farm_id, &batch)?;
        expected = Head { sequence: batch.sequence - 1, checksum: batch.previous };
        let sequence = batch.sequence;
        visit(sequence, batch.verified_entries(farm_id)?)?;
        Ok(ControlFlow::Continue(()))
    })?;
    if expected == base { Ok(()) } else { Err(damaged(farm_id, expected.sequence, "it is missing")) }
}

/// Refuses a batch behind the head, which no commit of ours can have left.
pub(crate) fn check_head_is_last(
    connection: &Connection<'_>,
    farm_id: FarmId,
    head: Head,
) -> Result<(), StoreError> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM batches WHERE farm_id = ?1";
    let last = connection.count(sql, params![farm_id.bytes()])?;
    if last > head.sequence {
        return Err(damaged(farm_id, last, "it is beyond the last batch that was committed"));
    }
    Ok(())
}

/// The last of the batches behind `base` that together have about so many entries, or `None` when there is no batch.
pub(crate) fn portion(
    connection: &Connection<'_>,
    farm_id: FarmId,
    base: Head,
    entries: usize,
) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT sequence, checksum, entry_count FROM batches
               WHERE farm_id = ?1 AND sequence > ?2 ORDER BY sequence";
    let (mut last, mut taken) = (None, 0_usize);
    connection.visit(sql, params![farm_id.bytes(), base.sequence], |row| {
        last = Some(Head { sequence: row.get(0)?, checksum: row.get(1)? });
        taken = taken.saturating_add(usize::try_from(row.get::<i64>(2)?).unwrap_or(0));
        Ok(if taken >= entries { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(last)
}

/// Deletes some of the batches up to `base`, which are sealed. Returns how many.
pub(crate) fn purge(
    connection: &Connection<'_>,
    farm_id: FarmId,
    base: Head,
    batches: usize,
) -> Result<usize, StoreError> {
    let limit = i64::try_from(batches).unwrap_or(i64::MAX);
    connection.execute(
        "DELETE FROM batches WHERE farm_id = ?1 AND sequence IN
             (SELECT sequence FROM batches WHERE farm_id = ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3)",
        params![farm_id.bytes(), base.sequence, limit],
    )
}

impl Head {
    fn check(self, farm_id: FarmId, batch: &Batch) -> Result<(), StoreError> {
        if batch.sequence < self.sequence {
            return Err(damaged(farm_id, self.sequence, "it is missing"));
        }
        if batch.checksum != self.checksum {
            return Err(damaged(farm_id, batch.sequence, "it is not the batch that its successor follows"));
        }
        Ok(())
    }
}

impl Batch {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: row.get(0)?,
            received_at_ms: row.get(1)?,
            entry_count: row.get(2)?,
            previous: row.get(3)?,
            payload: row.get(4)?,
            checksum: row.get(5)?,
        })
    }

    fn insert(&self, connection: &Connection<'_>, farm_id: FarmId) -> Result<(), StoreError> {
        connection.execute(
            "INSERT INTO batches (farm_id, sequence, received_at, entry_count, previous, payload, checksum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                farm_id.bytes(),
                self.sequence,
                self.received_at_ms,
                self.entry_count,
                self.previous,
                self.payload,
                self.checksum,
            ],
        )?;
        Ok(())
    }

    fn computed_checksum(&self, farm_id: FarmId) -> [u8; 16] {
        let mut hash = Xxh3Default::new();
        hash.update(&farm_id.bytes());
        for number in [self.sequence, self.received_at_ms, self.entry_count] {
            hash.update(&number.to_le_bytes());
        }
        hash.update(&self.previous);
        hash.update(&self.payload);
        hash.digest128().to_be_bytes()
    }

    fn verified_entries(self, farm_id: FarmId) -> Result<Vec<Entry>, StoreError> {
        self.verify(farm_id)?;
        let entries = encoding::decode(&self.payload)
            .map_err(|malformed| damaged(farm_id, self.sequence, &malformed.reason()))?;
        self.check_count(farm_id, entries.len())?;
        Ok(entries)
    }

    fn verify(&self, farm_id: FarmId) -> Result<(), StoreError> {
        if self.computed_checksum(farm_id) == self.checksum {
            return Ok(());
        }
        Err(damaged(farm_id, self.sequence, "its checksum does not match"))
    }

    fn check_count(&self, farm_id: FarmId, entries: usize) -> Result<(), StoreError> {
        if i64::try_from(entries) == Ok(self.entry_count) {
            return Ok(());
        }
        Err(damaged(farm_id, self.sequence, "it has another number of entries than it says"))
    }
}

pub(crate) fn damaged(farm_id: FarmId, sequence: i64, reason: &str) -> StoreError {
    StoreError::damaged(format!("batch {sequence} of `{farm_id}`"), reason)
}
