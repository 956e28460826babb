//! The columns of everything sealed: dictionaries and mapped blocks, made anew where they are missing.

use std::sync::Arc;

use farmtally_columns::{
    BlocksOfSessions, FarmColumns, FarmSnapshot, RestoreError, SealedPart, SessionBlock, SessionRow,
};
use farmtally_model::{LineCost, Record, Session};

use crate::error::StoreError;
use crate::sealed::blocks::{SegmentBlocks, open_blocks, path as blocks_path, read_blocks, write_blocks};
use crate::sealed::dictionaries::{NewValues, Origin, StoredDictionaries, lengths};
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::{Manifest, Segment};
use crate::sealed::segment_reader::{damaged, read_records};

/// The columns of a manifest's segments, removed records included.
#[derive(Debug)]
pub(crate) struct SealedColumns {
    pub(crate) columns: FarmColumns,
    /// What is stored of their dictionaries.
    pub(crate) dictionaries: StoredDictionaries,
    /// Volumes by segment and row.
    pub(crate) volumes: Vec<((u32, u32), Record<LineCost>)>,
}

/// Opens the columns of segments. Those whose blocks are missing, damaged or stale are read, and their blocks written.
pub(crate) fn open_columns(files: &FarmFiles, manifest: &Manifest) -> Result<SealedColumns, StoreError> {
    let refused = |error: RestoreError| StoreError::DerivedDamaged {
        path: files.shown(&files.derived_folder()),
        reason: error.to_string(),
    };
    let (mut dictionaries, values) = StoredDictionaries::read(files)?;
    let mut columns = FarmColumns::restore(values, Vec::new()).map_err(refused)?;
    // All are opened before any is made: what is made adds values, which stale blocks of others must not be read with.
    let origin = dictionaries.origin();
    let opened = manifest.segments().map(|segment| open_blocks(files, segment, origin));
    let mut opened: Vec<_> = opened.collect::<Result<_, _>>()?;
    for (segment, _) in manifest.segments().zip(&opened).filter(|(_, opened)| opened.is_none()) {
        make_blocks(files, segment, origin.lineage, &mut columns)?;
    }
    if opened.iter().any(Option::is_none)
        && let Some(new) = dictionaries.unstored(&columns)
    {
        dictionaries.add(files, &new)?;
    }
    let (mut parts, mut jobs, mut volumes) = (Vec::new(), Vec::new(), Vec::new());
    for (segment, opened) in manifest.segments().zip(&mut opened) {
        let part = match opened.take() {
            Some(opened) => opened,
            None => reopen_blocks(files, segment, dictionaries.origin())?,
        };
        parts.push(SealedPart { number: segment.number, blocks: part.blocks });
        jobs.push(part.jobs);
        volumes.extend(part.volumes.into_iter().map(|(row, volume)| ((segment.number, row), volume)));
    }
    columns.add_parts(parts, jobs.into_iter().flatten());
    Ok(SealedColumns { columns, dictionaries, volumes })
}

/// The blocks of a segment which were just written.
fn reopen_blocks(files: &FarmFiles, segment: &Segment, origin: Origin) -> Result<SegmentBlocks, StoreError> {
    open_blocks(files, segment, origin)?
        .ok_or_else(|| damaged(files, segment, "its blocks were lost while they were made"))
}

/// Writes the blocks of a segment from its records. They refer to values that are stored behind them, so that those of an
/// attempt that broke off refer to values that are not there, and are made again.
fn make_blocks(
    files: &FarmFiles,
    segment: &Segment,
    lineage: u64,
    columns: &mut FarmColumns,
) -> Result<(), StoreError> {
    let (mut sessions, mut volumes) = (Vec::new(), Vec::new());
    read_records(files, segment, |sealed| {
        match sealed.record {
            Record::Session(session) => sessions.push(session),
            Record::Volume(_) => volumes.push((sealed.row, sealed.record)),
        }
        Ok(())
    })?;
    let made = BlocksOfSessions::of(columns.code_sessions(sessions.iter()).collect());
    let origin = Origin { lineage, lengths: lengths(&columns.dictionary_lengths()) };
    let volumes: Vec<_> = volumes.iter().map(|(row, record)| (*row, record)).collect();
    write_blocks(files, segment, origin, &made, &volumes)
}

/// Segments that were written, on their way to column blocks.
#[derive(Debug)]
pub(crate) struct CodedSegments<'a> {
    segments: Vec<CodedSegment<'a>>,
}

#[derive(Debug)]
struct CodedSegment<'a> {
    segment: &'a Segment,
    /// Sessions that have no codes yet.
    sessions: std::vec::IntoIter<&'a Session<LineCost>>,
    rows: Vec<SessionRow>,
    volumes: Vec<(u32, &'a Record<LineCost>)>,
}

/// The column blocks of segments that are not among a farm's yet.
#[derive(Debug)]
pub(crate) struct NewBlocks(Vec<(u32, SegmentBlocks)>);

impl<'a> CodedSegments<'a> {
    /// Segments with their records by row.
    pub(crate) fn of<R: Iterator<Item = (u32, &'a Record<LineCost>)>>(
        segments: impl Iterator<Item = (&'a Segment, R)>,
    ) -> Self {
        let begin = |(segment, records): (&'a Segment, R)| {
            let (mut sessions, mut volumes) = (Vec::new(), Vec::new());
            for (row, record) in records {
                match record {
                    Record::Session(session) => sessions.push(session),
                    Record::Volume(_) => volumes.push((row, record)),
                }
            }
            CodedSegment {
                segment,
                rows: Vec::with_capacity(sessions.len()),
                sessions: sessions.into_iter(),
                volumes,
            }
        };
        Self { segments: segments.map(begin).collect() }
    }

    /// Codes some more sessions by the dictionaries of a farm's columns. False when all have their codes.
    pub(crate) fn code_some(&mut self, columns: &mut FarmColumns, at_most: usize) -> bool {
        let Some(next) = self.segments.iter_mut().find(|segment| segment.sessions.len() > 0) else {
            return false;
        };
        next.rows.extend(columns.code_sessions(next.sessions.by_ref().take(at_most)));
        true
    }

    /// Writes and opens the blocks of segments that are coded, and stores the values which they need, unless they are stored.
    pub(crate) fn write(
        self,
        files: &FarmFiles,
        dictionaries: &mut StoredDictionaries,
        unstored: Option<NewValues>,
    ) -> Result<NewBlocks, StoreError> {
        let mut origin = dictionaries.origin();
        if let Some(new) = &unstored {
            origin.lengths = new.end();
        }
        let mut written = Vec::with_capacity(self.segments.len());
        for CodedSegment { segment, rows, volumes, .. } in self.segments {
            write_blocks(files, segment, origin, &BlocksOfSessions::of(rows), &volumes)?;
            written.push(segment);
        }
        if let Some(new) = unstored {
            dictionaries.add(files, &new)?;
        }
        let open = |segment: &Segment| Ok((segment.number, reopen_blocks(files, segment, origin)?));
        written.into_iter().map(open).collect::<Result<_, _>>().map(NewBlocks)
    }
}

impl NewBlocks {
    /// Whether one of the segments has this number.
    pub(crate) fn are_of(&self, segment: u32) -> bool {
        self.0.iter().any(|(number, _)| *number == segment)
    }

    /// Verifies all blocks, so that no row is looked for in bytes that changed.
    pub(crate) fn verify(&self, files: &FarmFiles) -> Result<(), StoreError> {
        let mut blocks = self.0.iter().flat_map(|(_, segment)| &segment.blocks);
        blocks.try_for_each(|block| verify_block(files, block))
    }

    /// Puts the blocks in the place of others and of what is not sealed, as [`FarmColumns::exchange_parts`] does.
    pub(crate) fn exchange(
        self,
        columns: &mut FarmColumns,
        dropped: &[u32],
        removals: &[Record<LineCost>],
        unsealed: Option<&[Record<LineCost>]>,
    ) -> bool {
        let part = |(number, segment): (u32, SegmentBlocks)| SealedPart { number, blocks: segment.blocks };
        columns.exchange_parts(dropped, self.0.into_iter().map(part).collect(), removals, unsealed)
    }

    /// Puts records that are new into the columns.
    pub(crate) fn add_to(self, columns: &mut FarmColumns) {
        let (mut parts, mut jobs, mut added) = (Vec::new(), Vec::new(), Vec::new());
        for (number, SegmentBlocks { blocks, jobs: own, volumes }) in self.0 {
            parts.push(SealedPart { number, blocks });
            jobs.extend(own);
            added.extend(volumes.into_iter().map(|(_, volume)| volume));
        }
        columns.add_parts(parts, jobs.into_iter());
        if !added.is_empty() {
            columns.apply(&added, &[]);
        }
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
        if spans.iter().any(|(start_ms, end_ms)| view.overlaps(*start_ms, *end_ms)) {
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
pub(crate) fn verify_columns(
    files: &FarmFiles,
    segment: &Segment,
    dictionaries: Origin,
) -> Result<u64, StoreError> {
    let Some(opened) = read_blocks(files, segment, dictionaries)? else { return Ok(0) };
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
