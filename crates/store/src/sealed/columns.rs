//! The columns of everything sealed: dictionaries and mapped blocks, made anew where they are missing.

use std::sync::Arc;

use farmtally_columns::{
    FarmColumns, FarmDictionaries, FarmSnapshot, JobSessions, RestoredBlock, SessionBlock,
};
use farmtally_model::{LineCost, Record, Session};

use crate::error::StoreError;
use crate::sealed::blocks::{
    Origin, SegmentBlocks, open_blocks, path as blocks_path, read_blocks, write_blocks,
};
use crate::sealed::dictionaries::{StoredDictionaries, lengths};
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::{Manifest, Segment};
use crate::sealed::segment_reader::{damaged, read_records};

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
        for JobSessions { code, sessions, latest_start_ms } in jobs {
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
    let mut making = MakingBlocks::begin(files, &dictionaries)?;
    let mut made = false;
    for (segment, records) in segments {
        let (mut sessions, mut volumes) = (Vec::new(), Vec::new());
        for (row, record) in records {
            match record {
                Record::Session(session) => sessions.push(session),
                Record::Volume(_) => volumes.push((row, record)),
            }
        }
        making.write(files, segment, &dictionaries, sessions.into_iter(), &volumes)?;
        made = true;
    }
    dictionaries.values = making.dictionaries();
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
    let (mut sessions, mut volumes) = (Vec::new(), Vec::new());
    read_records(files, segment, |sealed| {
        match sealed.record {
            Record::Session(session) => sessions.push(session),
            Record::Volume(_) => volumes.push((sealed.row, sealed.record)),
        }
        Ok(())
    })?;
    let mut making = MakingBlocks::begin(files, dictionaries)?;
    let volumes: Vec<_> = volumes.iter().map(|(row, record)| (*row, record)).collect();
    making.write(files, segment, dictionaries, sessions.iter(), &volumes)?;
    dictionaries.values = making.dictionaries();
    Ok(())
}

/// Column blocks of segments on their way.
struct MakingBlocks(FarmColumns);

impl MakingBlocks {
    fn begin(files: &FarmFiles, dictionaries: &StoredDictionaries) -> Result<Self, StoreError> {
        let refused = |error: farmtally_columns::RestoreError| StoreError::DerivedDamaged {
            path: files.shown(&files.derived_folder()),
            reason: error.to_string(),
        };
        FarmColumns::restore(dictionaries.values.clone(), Vec::new()).map_err(refused).map(Self)
    }

    /// Writes the blocks of a segment. They refer to values that the dictionaries of this lineage may still lack.
    fn write<'a>(
        &mut self,
        files: &FarmFiles,
        segment: &Segment,
        dictionaries: &StoredDictionaries,
        sessions: impl Iterator<Item = &'a Session<LineCost>>,
        volumes: &[(u32, &Record<LineCost>)],
    ) -> Result<(), StoreError> {
        let blocks = self.0.blocks_of(sessions);
        let origin = Origin { lineage: dictionaries.lineage, lengths: lengths(&self.0.dictionary_lengths()) };
        write_blocks(files, segment, origin, &blocks, volumes)
    }

    /// The dictionaries with the values that were added. Their jobs count no sessions.
    fn dictionaries(&self) -> FarmDictionaries {
        let mut values = self.0.dictionaries();
        for job in &mut values.jobs {
            (job.sessions, job.latest_start_ms, job.is_latest_known) = (0, i64::MIN, true);
        }
        values
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
