//! The manifest of a farm: which segments hold its sealed records, which of their rows are gone, and how far sealing came.
//!
//! It is the root of everything sealed: rows of the catalogue with checksums of their own. The row of the farm in `seals`
//! covers all rows of its segments, and the row of a segment covers its file and its removals, so that nothing can be lost,
//! exchanged or taken from another farm in silence.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

use farmtally_model::{FarmId, LineCost, Record};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::batches::Head;
use crate::database::{Connection, Row, params};
use crate::encoding::{self, Entry};
use crate::error::StoreError;
use crate::sealed::files::FarmFiles;
use crate::sealed::month::Month;

type Checksum = [u8; 16];

/// What covers a whole manifest; `None` before anything was sealed.
pub(crate) type Root = Option<Checksum>;

/// One segment, as the manifest knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its number in the farm, which is never given twice.
    pub(crate) number: u32,
    /// The month that its records ended in.
    pub(crate) month: Month,
    /// First and last batch that its records came in.
    pub(crate) sequences: (i64, i64),
    /// Rows of the file, which are usage lines.
    pub(crate) row_count: u32,
    pub(crate) session_count: u32,
    pub(crate) volume_count: u32,
    /// Earliest start and latest end, in milliseconds since 1970.
    pub(crate) start_min_ms: i64,
    pub(crate) end_max_ms: i64,
    /// Cost of all rows together.
    pub(crate) cost_nanos: u128,
    pub(crate) file_bytes: u64,
    /// XXH3-128 of the whole file.
    pub(crate) file_checksum: Checksum,
    removed_count: u32,
    /// Of all removals, in any order.
    removed_digest: Checksum,
}

impl Segment {
    pub(crate) fn empty(number: u32, month: Month, sequences: (i64, i64)) -> Self {
        Self {
            number,
            month,
            sequences,
            row_count: 0,
            session_count: 0,
            volume_count: 0,
            start_min_ms: i64::MAX,
            end_max_ms: i64::MIN,
            cost_nanos: 0,
            file_bytes: 0,
            file_checksum: [0; 16],
            removed_count: 0,
            removed_digest: [0; 16],
        }
    }

    /// Counts a record of so many rows that cost so much together.
    pub(crate) fn count(&mut self, record: &Record<LineCost>, rows: u32, cost_nanos: u64) {
        match record {
            Record::Session(_) => self.session_count += 1,
            Record::Volume(_) => self.volume_count += 1,
        }
        self.row_count += rows;
        self.cost_nanos += u128::from(cost_nanos);
        let span = record.span();
        self.start_min_ms = self.start_min_ms.min(span.started_at().millis());
        self.end_max_ms = self.end_max_ms.max(span.ended_at().unwrap_or(span.started_at()).millis());
    }

    /// Whether what was counted is what is written here.
    pub(crate) fn agrees_with(&self, written: &Self) -> bool {
        let figures = |segment: &Self| {
            let counts = (segment.row_count, segment.session_count, segment.volume_count);
            (counts, segment.start_min_ms, segment.end_max_ms, segment.cost_nanos)
        };
        figures(self) == figures(written)
    }

    /// Records of the file, removed ones included.
    pub(crate) fn record_count(&self) -> u64 {
        u64::from(self.session_count) + u64::from(self.volume_count)
    }

    /// Records that were removed since the file was written.
    pub(crate) fn removed_count(&self) -> u64 {
        u64::from(self.removed_count)
    }

    /// Records that are live.
    pub(crate) fn live_count(&self) -> u64 {
        self.record_count().saturating_sub(self.removed_count())
    }

    fn checksum(&self, farm_id: FarmId) -> Checksum {
        let mut hash = Xxh3Default::new();
        hash.update(&farm_id.bytes());
        hash.update(self.month.to_string().as_bytes());
        let counts = [self.number, self.row_count, self.session_count, self.volume_count, self.removed_count];
        for count in counts {
            hash.update(&count.to_le_bytes());
        }
        let (first, last) = self.sequences;
        for number in [first, last, self.start_min_ms, self.end_max_ms] {
            hash.update(&number.to_le_bytes());
        }
        hash.update(&self.cost_nanos.to_le_bytes());
        hash.update(&self.file_bytes.to_le_bytes());
        hash.update(&self.file_checksum);
        hash.update(&self.removed_digest);
        hash.digest128().to_be_bytes()
    }
}

/// A sealed record that is no longer live: it was replaced or deleted after it was sealed.
#[derive(Debug, Clone)]
pub(crate) struct Removal {
    pub(crate) segment: u32,
    /// Its first row.
    pub(crate) row: u32,
    /// The record, as its segment has it.
    pub(crate) record: Record<LineCost>,
}

impl Removal {
    fn payload(&self) -> Result<Vec<u8>, StoreError> {
        encoding::encode_record(&self.record)
    }
}

fn removal_checksum(farm_id: FarmId, segment: u32, row: u32, payload: &[u8]) -> Checksum {
    let mut hash = Xxh3Default::new();
    hash.update(&farm_id.bytes());
    hash.update(&segment.to_le_bytes());
    hash.update(&row.to_le_bytes());
    hash.update(payload);
    hash.digest128().to_be_bytes()
}

/// The root: how far a farm's batches are sealed, and a digest of the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seal {
    /// The last batch that was sealed.
    base: Head,
    segment_last: u32,
    segment_count: u32,
    segment_digest: Checksum,
    /// Records that ended before this instant were removed for good and are refused.
    kept_from_ms: i64,
    carried_checksum: Checksum,
}

impl Seal {
    fn checksum(&self, farm_id: FarmId) -> Checksum {
        let mut hash = Xxh3Default::new();
        hash.update(&farm_id.bytes());
        hash.update(&self.base.sequence.to_le_bytes());
        hash.update(&self.base.checksum());
        hash.update(&self.segment_last.to_le_bytes());
        hash.update(&self.segment_count.to_le_bytes());
        hash.update(&self.segment_digest);
        hash.update(&self.kept_from_ms.to_le_bytes());
        hash.update(&self.carried_checksum);
        hash.digest128().to_be_bytes()
    }
}

/// The manifest of a farm at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifest {
    seal: Seal,
    root: Root,
    segments: BTreeMap<u32, Segment>,
    removed: BTreeMap<u32, HashSet<u32>>,
}

/// What one transaction does to a manifest.
#[derive(Debug, Default)]
pub(crate) struct ManifestChange {
    pub(crate) added: Vec<Segment>,
    /// Segments that are no longer named, with their removals.
    pub(crate) dropped: Vec<u32>,
    pub(crate) removals: Vec<Removal>,
    /// The last batch that is sealed from now on, and what of the sealed batches is in no segment.
    pub(crate) sealed: Option<(Head, Vec<Entry>)>,
    pub(crate) kept_from_ms: Option<i64>,
}

impl ManifestChange {
    fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.dropped.is_empty()
            && self.removals.is_empty()
            && self.sealed.is_none()
            && self.kept_from_ms.is_none()
    }

    /// Writes the change, if there is one, and returns the manifest that it makes.
    pub(crate) fn apply_to(
        &self,
        manifest: &Manifest,
        connection: &Connection<'_>,
        farm_id: FarmId,
    ) -> Result<Option<Manifest>, StoreError> {
        if self.is_empty() { Ok(None) } else { manifest.apply(connection, farm_id, self).map(Some) }
    }
}

/// What a farm's manifest says when it is read.
pub(crate) struct LoadedManifest {
    pub(crate) manifest: Manifest,
    /// What of the sealed batches is in no segment: running records and tombstones.
    pub(crate) carried: Vec<Entry>,
    pub(crate) removals: Vec<Removal>,
}

impl Manifest {
    /// Reads and verifies a farm's manifest; an empty one when nothing was sealed.
    pub(crate) fn load(connection: &Connection<'_>, farm_id: FarmId) -> Result<LoadedManifest, StoreError> {
        let (seal, root) = load_seal(connection, farm_id)?;
        let segments = load_segments(connection, farm_id)?;
        check_root(farm_id, &seal, &segments)?;
        let carried = load_carried(connection, farm_id, &seal)?;
        let removals = load_removals(connection, farm_id, &segments)?;
        let mut manifest = Self { seal, root, segments, removed: BTreeMap::new() };
        manifest.note_removed(&removals);
        Ok(LoadedManifest { manifest, carried, removals })
    }

    /// What of the sealed batches is in no segment.
    pub(crate) fn carried(
        &self,
        connection: &Connection<'_>,
        farm_id: FarmId,
    ) -> Result<Vec<Entry>, StoreError> {
        load_carried(connection, farm_id, &self.seal)
    }

    /// What is equal in two manifests only if all else is.
    pub(crate) const fn root(&self) -> Root {
        self.root
    }

    /// Those of the removals that this manifest, an earlier one, does not have.
    pub(crate) fn unknown<'a>(&self, removals: &'a [Removal]) -> impl Iterator<Item = &'a Removal> {
        let is_known = |removal: &Removal| {
            self.removed.get(&removal.segment).is_some_and(|rows| rows.contains(&removal.row))
        };
        removals.iter().filter(move |removal| !is_known(removal))
    }

    /// Something that changes whenever records move from one place to another.
    pub(crate) const fn layout(&self) -> (i64, u32, u32) {
        (self.seal.base.sequence, self.seal.segment_last, self.seal.segment_count)
    }

    /// The last batch that was sealed; the batches behind it are still there.
    pub(crate) const fn base(&self) -> Head {
        self.seal.base
    }

    pub(crate) const fn kept_from_ms(&self) -> i64 {
        self.seal.kept_from_ms
    }

    /// The number of the next segment.
    pub(crate) const fn next_number(&self) -> u32 {
        self.seal.segment_last + 1
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    pub(crate) fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.get(&number)
    }

    /// The files of all segments.
    pub(crate) fn paths<'a>(&'a self, files: &'a FarmFiles) -> impl Iterator<Item = PathBuf> + 'a {
        self.segments.values().map(|segment| files.segment(segment.month, segment.number))
    }

    /// One with these segments.
    #[cfg(test)]
    pub(crate) fn of_segments(segments: &[Segment]) -> Self {
        let segments = segments.iter().map(|segment| (segment.number, segment.clone())).collect();
        Self { segments, ..Self::default() }
    }

    /// The removals from a farm's segments, as the catalogue has them.
    pub(crate) fn removals(
        &self,
        connection: &Connection<'_>,
        farm_id: FarmId,
    ) -> Result<Vec<Removal>, StoreError> {
        load_removals(connection, farm_id, &self.segments)
    }

    /// First rows of the records that were removed from a segment.
    pub(crate) fn removed(&self, segment: u32) -> impl Iterator<Item = u32> {
        self.removed.get(&segment).into_iter().flatten().copied()
    }

    /// Whether the record that begins in a row was not removed.
    pub(crate) fn is_live(&self, segment: u32, row: u32) -> bool {
        self.segments.contains_key(&segment)
            && self.removed.get(&segment).is_none_or(|removed| !removed.contains(&row))
    }

    /// Number of sealed records that are live.
    pub(crate) fn live_count(&self) -> u64 {
        self.segments.values().map(Segment::live_count).sum()
    }

    /// Writes a change and returns the manifest that it makes. Only a commit makes that one true.
    pub(crate) fn apply(
        &self,
        connection: &Connection<'_>,
        farm_id: FarmId,
        change: &ManifestChange,
    ) -> Result<Self, StoreError> {
        let mut next = self.clone();
        let mut touched = HashSet::new();
        for number in &change.dropped {
            next.segments.remove(number);
            next.removed.remove(number);
            delete_segment(connection, farm_id, *number)?;
        }
        for segment in &change.added {
            next.seal.segment_last = next.seal.segment_last.max(segment.number);
            next.segments.insert(segment.number, segment.clone());
            touched.insert(segment.number);
        }
        for removal in &change.removals {
            next.add_removal(connection, farm_id, removal)?;
            touched.insert(removal.segment);
        }
        for number in touched {
            if let Some(segment) = next.segments.get(&number) {
                put_segment(connection, farm_id, segment)?;
            }
        }
        next.note_removed(&change.removals);
        if let Some((base, carried)) = &change.sealed {
            let payload = encoding::encode_entries(carried)?;
            next.seal.base = *base;
            next.seal.carried_checksum = xxh3_128(&payload).to_be_bytes();
            put_carried(connection, farm_id, &payload)?;
        }
        next.seal.kept_from_ms = change.kept_from_ms.unwrap_or(next.seal.kept_from_ms);
        next.seal.segment_count = u32::try_from(next.segments.len()).unwrap_or(u32::MAX);
        next.seal.segment_digest = digest(next.segments.values().map(|segment| segment.checksum(farm_id)));
        put_seal(connection, farm_id, &next.seal)?;
        next.root = Some(next.seal.checksum(farm_id));
        Ok(next)
    }

    fn add_removal(
        &mut self,
        connection: &Connection<'_>,
        farm_id: FarmId,
        removal: &Removal,
    ) -> Result<(), StoreError> {
        let Some(segment) = self.segments.get_mut(&removal.segment) else {
            return Err(damaged(farm_id, removal.segment, "it is not in the manifest"));
        };
        let payload = removal.payload()?;
        connection.execute(
            "INSERT INTO removals (farm_id, segment, row, record) VALUES (?1, ?2, ?3, ?4)",
            params![farm_id.bytes(), removal.segment, removal.row, payload],
        )?;
        segment.removed_count += 1;
        let checksum = removal_checksum(farm_id, removal.segment, removal.row, &payload);
        segment.removed_digest = digest([segment.removed_digest, checksum]);
        Ok(())
    }

    fn note_removed(&mut self, removals: &[Removal]) {
        for removal in removals {
            self.removed.entry(removal.segment).or_default().insert(removal.row);
        }
    }
}

/// A digest of checksums that does not depend on their order.
fn digest(checksums: impl IntoIterator<Item = Checksum>) -> Checksum {
    let numbers = checksums.into_iter().map(u128::from_be_bytes);
    numbers.fold(0, |digest, number| digest ^ number).to_be_bytes()
}

fn check_root(farm_id: FarmId, seal: &Seal, segments: &BTreeMap<u32, Segment>) -> Result<(), StoreError> {
    let found = digest(segments.values().map(|segment| segment.checksum(farm_id)));
    let count = u32::try_from(segments.len()).unwrap_or(u32::MAX);
    if count != seal.segment_count || found != seal.segment_digest {
        let reason =
            format!("its {count} segments are not the {} that its root was written for", seal.segment_count);
        return Err(StoreError::damaged(format!("the manifest of `{farm_id}`"), reason));
    }
    Ok(())
}

pub(crate) fn damaged(farm_id: FarmId, segment: u32, reason: &str) -> StoreError {
    StoreError::damaged(format!("segment {segment} of `{farm_id}`"), reason)
}

fn load_seal(connection: &Connection<'_>, farm_id: FarmId) -> Result<(Seal, Root), StoreError> {
    let sql = "SELECT sequence, chain, segment_last, segment_count, segment_digest, kept_from, carried_checksum, checksum
         FROM seals WHERE farm_id = ?1";
    let stored = connection.query_row(sql, params![farm_id.bytes()], |row| {
        let seal = Seal {
            base: Head::new(row.get(0)?, row.get(1)?),
            segment_last: row.get(2)?,
            segment_count: row.get(3)?,
            segment_digest: row.get(4)?,
            kept_from_ms: row.get(5)?,
            carried_checksum: row.get(6)?,
        };
        Ok((seal, row.get::<Checksum>(7)?))
    })?;
    match stored {
        None => Ok((Seal::default(), None)),
        Some((seal, checksum)) if seal.checksum(farm_id) == checksum => Ok((seal, Some(checksum))),
        Some(_) => Err(StoreError::damaged(
            format!("the manifest of `{farm_id}`"),
            "the checksum of its root does not match",
        )),
    }
}

fn put_seal(connection: &Connection<'_>, farm_id: FarmId, seal: &Seal) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO seals (farm_id, sequence, chain, segment_last, segment_count, segment_digest,
                 kept_from, carried_checksum, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (farm_id) DO UPDATE SET sequence = excluded.sequence, chain = excluded.chain,
                 segment_last = excluded.segment_last, segment_count = excluded.segment_count,
                 segment_digest = excluded.segment_digest, kept_from = excluded.kept_from,
                 carried_checksum = excluded.carried_checksum, checksum = excluded.checksum",
        params![
            farm_id.bytes(),
            seal.base.sequence,
            seal.base.checksum(),
            seal.segment_last,
            seal.segment_count,
            seal.segment_digest,
            seal.kept_from_ms,
            seal.carried_checksum,
            seal.checksum(farm_id),
        ],
    )?;
    Ok(())
}

fn put_carried(connection: &Connection<'_>, farm_id: FarmId, payload: &[u8]) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO carried (farm_id, payload) VALUES (?1, ?2)
             ON CONFLICT (farm_id) DO UPDATE SET payload = excluded.payload",
        params![farm_id.bytes(), payload],
    )?;
    Ok(())
}

fn load_carried(connection: &Connection<'_>, farm_id: FarmId, seal: &Seal) -> Result<Vec<Entry>, StoreError> {
    let what = || format!("the carried records of `{farm_id}`");
    let payload: Option<Vec<u8>> = connection.query_row(
        "SELECT payload FROM carried WHERE farm_id = ?1",
        params![farm_id.bytes()],
        |row| row.get(0),
    )?;
    match payload {
        None if seal.carried_checksum == Checksum::default() => Ok(Vec::new()),
        Some(payload) if xxh3_128(&payload).to_be_bytes() == seal.carried_checksum => {
            encoding::decode(&payload).map_err(|malformed| StoreError::damaged(what(), malformed.reason()))
        }
        _ => Err(StoreError::damaged(what(), "they are not those that were written")),
    }
}

fn load_segments(connection: &Connection<'_>, farm_id: FarmId) -> Result<BTreeMap<u32, Segment>, StoreError> {
    let sql = "SELECT segment, month, sequence_first, sequence_last, row_count, session_count, volume_count, start_min,
             end_max, cost_nanos, file_bytes, file_checksum, removed_count, removed_digest, checksum
         FROM segments WHERE farm_id = ?1";
    let mut segments = BTreeMap::new();
    for (segment, checksum) in
        connection.query::<_, Vec<_>>(sql, params![farm_id.bytes()], segment_from_row)?
    {
        if segment.checksum(farm_id) != checksum {
            return Err(damaged(
                farm_id,
                segment.number,
                "the checksum of its row in the manifest does not match",
            ));
        }
        segments.insert(segment.number, segment);
    }
    Ok(segments)
}

fn segment_from_row(row: &Row<'_>) -> Result<(Segment, Checksum), StoreError> {
    let month: String = row.get(1)?;
    let cost: Checksum = row.get(9)?;
    let segment = Segment {
        number: row.get(0)?,
        // A month that is none has another checksum.
        month: Month::parse(&month).unwrap_or_else(|| Month::of(farmtally_model::Timestamp::MIN)),
        sequences: (row.get(2)?, row.get(3)?),
        row_count: row.get(4)?,
        session_count: row.get(5)?,
        volume_count: row.get(6)?,
        start_min_ms: row.get(7)?,
        end_max_ms: row.get(8)?,
        cost_nanos: u128::from_be_bytes(cost),
        file_bytes: row.get::<i64>(10)?.cast_unsigned(),
        file_checksum: row.get(11)?,
        removed_count: row.get(12)?,
        removed_digest: row.get(13)?,
    };
    Ok((segment, row.get(14)?))
}

fn put_segment(connection: &Connection<'_>, farm_id: FarmId, segment: &Segment) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO segments (farm_id, segment, month, sequence_first, sequence_last, row_count,
                 session_count, volume_count, start_min, end_max, cost_nanos, file_bytes, file_checksum,
                 removed_count, removed_digest, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (farm_id, segment) DO UPDATE SET removed_count = excluded.removed_count,
                 removed_digest = excluded.removed_digest, checksum = excluded.checksum",
        params![
            farm_id.bytes(),
            segment.number,
            segment.month.to_string(),
            segment.sequences.0,
            segment.sequences.1,
            segment.row_count,
            segment.session_count,
            segment.volume_count,
            segment.start_min_ms,
            segment.end_max_ms,
            segment.cost_nanos.to_be_bytes(),
            segment.file_bytes.cast_signed(),
            segment.file_checksum,
            segment.removed_count,
            segment.removed_digest,
            segment.checksum(farm_id),
        ],
    )?;
    Ok(())
}

fn delete_segment(connection: &Connection<'_>, farm_id: FarmId, number: u32) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM segments WHERE farm_id = ?1 AND segment = ?2",
        "DELETE FROM removals WHERE farm_id = ?1 AND segment = ?2",
    ] {
        connection.execute(sql, params![farm_id.bytes(), number])?;
    }
    Ok(())
}

fn load_removals(
    connection: &Connection<'_>,
    farm_id: FarmId,
    segments: &BTreeMap<u32, Segment>,
) -> Result<Vec<Removal>, StoreError> {
    let sql = "SELECT segment, row, record FROM removals WHERE farm_id = ?1";
    let mut removals = Vec::new();
    let mut found: BTreeMap<u32, (u32, Checksum)> = BTreeMap::new();
    connection.visit(sql, params![farm_id.bytes()], |stored| {
        let (segment, row, payload): (u32, u32, Vec<u8>) = (stored.get(0)?, stored.get(1)?, stored.get(2)?);
        let (count, sum) = found.entry(segment).or_default();
        *count += 1;
        *sum = digest([*sum, removal_checksum(farm_id, segment, row, &payload)]);
        let record = encoding::decode_record(&payload).map_err(|malformed| {
            damaged(farm_id, segment, &format!("a removal from it: {}", malformed.reason()))
        })?;
        removals.push(Removal { segment, row, record });
        Ok(ControlFlow::Continue(()))
    })?;
    for segment in segments.values() {
        let expected = (segment.removed_count, segment.removed_digest);
        if found.remove(&segment.number).unwrap_or_default() != expected {
            return Err(damaged(farm_id, segment.number, "its removals are not those that were written"));
        }
    }
    match found.keys().next() {
        None => Ok(removals),
        Some(number) => Err(damaged(farm_id, *number, "it has removals and is not in the manifest")),
    }
}
