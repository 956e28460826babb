//! The columns of everything sealed: dictionaries and mapped blocks, made anew where they are missing.

use std::sync::Arc;

use farmtally_columns::{FarmColumns, FarmSnapshot, RestoredBlock, SessionBlock};
use farmtally_model::{LineCost, Record};

use crate::error::StoreError;
use crate::sealed::blocks::{
    JobCount, SegmentBlocks, open_blocks, path as blocks_path, read_blocks, write_blocks,
};
use crate::sealed::dictionaries::StoredDictionaries;
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::{Manifest, Segment};
use crate::sealed::segment_reader::{damaged, read_records};

/// Records that are given to the columns at once.
const RECORDS_AT_ONCE: usize = 64 * 1024;

/// The columns of a manifest's segments, removed records included.
#[derive(Debug)]
pub(crate) struct SealedColumns {
    pub(crate) columns: FarmColumns,
    /// Volumes by segment and row.
    pub(crate) volumes: Vec<((u32, u32), Record<LineCost>)>,
}

/// Opens the columns of segments. Those whose blocks are missing, damaged or stale are read, and their blocks written.
pub(crate) fn open_columns(files: &FarmFiles, manifest: &Manifest) -> Result<SealedColumns, StoreError> {
    let mut dictionaries = match StoredDictionaries::open(files)? {
        Some(dictionaries) => dictionaries,
        None => StoredDictionaries::fresh()?,
    };
    make_missing(files, manifest, &mut dictionaries)?;
    let (mut blocks, mut volumes) = (Vec::new(), Vec::new());
    let mut values = dictionaries.values.clone();
    for segment in manifest.segments() {
        let opened = open_blocks(files, segment, &dictionaries)?;
        let SegmentBlocks { blocks: own, jobs, volumes: own_volumes } =
            opened.ok_or_else(|| damaged(files, segment, "its blocks were lost while they were made"))?;
        for JobCount { code, sessions, latest_start_ms } in jobs {
            if let Some(job) = values.jobs.get_mut(code as usize) {
                job.sessions += sessions;
                job.latest_start_ms = job.latest_start_ms.max(latest_start_ms);
            }
        }
        blocks.extend(own.into_iter().map(|block| RestoredBlock { block, removed: Vec::new() }));
        volumes.extend(own_volumes.into_iter().map(|(row, volume)| ((segment.number, row), volume)));
    }
    let refused = |error: farmtally_columns::RestoreError| StoreError::DerivedDamaged {
        path: files.shown(&files.derived_folder()),
        reason: error.to_string(),
    };
    Ok(SealedColumns { columns: FarmColumns::restore(values, blocks).map_err(refused)?, volumes })
}

/// Writes the blocks of segments whose records are at hand, so that these need not be read back. `manifest` is the one
/// before they are named.
pub(crate) fn write_columns<'a, R: Iterator<Item = (u32, &'a Record<LineCost>)>>(
    files: &FarmFiles,
    manifest: &Manifest,
    segments: impl Iterator<Item = (&'a Segment, R)>,
) -> Result<(), StoreError> {
    let mut dictionaries = match StoredDictionaries::open(files)? {
        Some(dictionaries) => dictionaries,
        None if manifest.segments().next().is_none() => StoredDictionaries::fresh()?,
        // Without dictionaries everything is made anew, these segments too.
        None => return Ok(()),
    };
    let mut made = false;
    for (segment, records) in segments {
        let mut making = MakingBlocks::begin(files, &dictionaries)?;
        records.for_each(|(row, record)| making.add(row, record.clone()));
        making.finish(files, segment, &mut dictionaries)?;
        made = true;
    }
    if made { dictionaries.write(files) } else { Ok(()) }
}

/// Writes the blocks that are not there. New values of the dictionaries are written last, so that blocks of a broken-off
/// attempt refer to values that are not there, and are made again.
fn make_missing(
    files: &FarmFiles,
    manifest: &Manifest,
    dictionaries: &mut StoredDictionaries,
) -> Result<(), StoreError> {
    let mut made = false;
    for segment in manifest.segments() {
        if open_blocks(files, segment, dictionaries)?.is_none() {
            make_blocks(files, segment, dictionaries)?;
            made = true;
        }
    }
    if made { dictionaries.write(files) } else { Ok(()) }
}

fn make_blocks(
    files: &FarmFiles,
    segment: &Segment,
    dictionaries: &mut StoredDictionaries,
) -> Result<(), StoreError> {
    let mut making = MakingBlocks::begin(files, dictionaries)?;
    read_records(files, segment, |sealed| {
        making.add(sealed.row, sealed.record);
        Ok(())
    })?;
    making.finish(files, segment, dictionaries)
}

/// Blocks of one segment on their way.
struct MakingBlocks {
    columns: FarmColumns,
    sessions: Vec<Record<LineCost>>,
    volumes: Vec<(u32, Record<LineCost>)>,
}

impl MakingBlocks {
    fn begin(files: &FarmFiles, dictionaries: &StoredDictionaries) -> Result<Self, StoreError> {
        let refused = |error: farmtally_columns::RestoreError| StoreError::DerivedDamaged {
            path: files.shown(&files.derived_folder()),
            reason: error.to_string(),
        };
        let columns = FarmColumns::restore(dictionaries.values.clone(), Vec::new()).map_err(refused)?;
        Ok(Self { columns, sessions: Vec::new(), volumes: Vec::new() })
    }

    fn add(&mut self, row: u32, record: Record<LineCost>) {
        match record {
            Record::Session(_) => self.sessions.push(record),
            Record::Volume(_) => self.volumes.push((row, record)),
        }
        if self.sessions.len() >= RECORDS_AT_ONCE {
            self.columns.apply(&self.sessions, &[]);
            self.sessions.clear();
        }
    }

    fn finish(
        mut self,
        files: &FarmFiles,
        segment: &Segment,
        dictionaries: &mut StoredDictionaries,
    ) -> Result<(), StoreError> {
        self.columns.apply(&self.sessions, &[]);
        let views = self.columns.seal();
        dictionaries.values = self.columns.dictionaries();
        for job in &mut dictionaries.values.jobs {
            (job.sessions, job.latest_start_ms, job.is_latest_known) = (0, i64::MIN, true);
        }
        write_blocks(files, segment, dictionaries, &views, &self.volumes)
    }
}

/// Verifies the columns in which records will be looked for, so that none is found in bytes that changed.
pub(crate) fn verify_overlapping(
    files: &FarmFiles,
    snapshot: &Arc<FarmSnapshot>,
    records: &[Record<LineCost>],
) -> Result<(), StoreError> {
    let spans: Vec<(i64, i64)> = records
        .iter()
        .filter_map(|record| {
            let span = record.span();
            let ended_at = span.ended_at()?;
            Some((span.started_at().millis(), ended_at.millis().max(span.started_at().millis() + 1)))
        })
        .collect();
    for view in snapshot.blocks() {
        if spans.iter().any(|(start_ms, end_ms)| view.block().overlaps(*start_ms, *end_ms)) {
            verify_block(files, view.block())?;
        }
    }
    Ok(())
}

fn verify_block(files: &FarmFiles, block: &SessionBlock) -> Result<(), StoreError> {
    block.check_outline().and_then(|()| block.check_columns()).map_err(|error| StoreError::DerivedDamaged {
        path: files.shown(&files.derived_folder()),
        reason: format!("the block of {} sessions from {} ms: {error}", block.len(), block.span_ms().0),
    })
}

/// Verifies every byte of a segment's blocks, and that their costs add up to those of the segment. Returns the number of
/// blocks; none when the file is not there or of another state of the folder, which is no damage.
pub(crate) fn verify_columns(files: &FarmFiles, segment: &Segment) -> Result<u64, StoreError> {
    let Some(dictionaries) = StoredDictionaries::open(files)? else { return Ok(0) };
    let Some(opened) = read_blocks(files, segment, &dictionaries)? else { return Ok(0) };
    let mut cost_nanos = 0_u128;
    for block in &opened.blocks {
        verify_block(files, block)?;
        cost_nanos += block.rows().map(|row| u128::from(row.total_nanos())).sum::<u128>();
    }
    for (_, volume) in &opened.volumes {
        if let Record::Volume(volume) = volume
            && let LineCost::Total(total) = volume.cost
        {
            cost_nanos += u128::from(total.nanos());
        }
    }
    if cost_nanos == segment.cost_nanos {
        Ok(opened.blocks.len() as u64)
    } else {
        Err(StoreError::DerivedDamaged {
            path: files.shown(&blocks_path(files, segment.number)),
            reason: "its costs do not add up to those of its segment".to_owned(),
        })
    }
}
