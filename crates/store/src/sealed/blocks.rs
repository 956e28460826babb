//! The column blocks of one segment, as a derived file that is mapped.
//!
//! A block looks after its own checksums: its outline and its columns are verified by whoever asks of them first. Volumes
//! have no columns; they lie beside the blocks, whole.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use farmtally_columns::{BlocksOfSessions, DICTIONARIES, JobSessions, SessionBlock};
use farmtally_model::{LineCost, Record};

use crate::encoding::{self, Malformed};
use crate::error::StoreError;
use crate::sealed::derived::{Derived, write_derived};
use crate::sealed::dictionaries::Origin;
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::Segment;

/// The kind of these files among the derived files.
const KIND: u32 = 2;
pub(crate) const EXTENSION: &str = "blocks";

/// Which segment and which dictionaries the blocks are of.
const ORIGIN: usize = 0;
const JOBS: usize = 1;
const VOLUMES: usize = 2;
/// The images, one to a section, from here on.
const IMAGES: usize = 3;

/// Code, sessions, latest start.
const JOB_BYTES: usize = 4 + 8 + 8;

/// Where an origin has the lengths of the dictionaries; before them are a checksum and the lineage, behind them the images.
const LENGTHS: Range<usize> = 24..24 + 4 * DICTIONARIES;

/// Where an image keeps the checksum of its header, which covers those of all its sections.
const IMAGE_CHECKSUM: Range<usize> = 72..80;

/// The blocks of a segment.
#[derive(Debug)]
pub(crate) struct SegmentBlocks {
    pub(crate) blocks: Vec<SessionBlock>,
    pub(crate) jobs: Vec<JobSessions>,
    /// Volumes by their row in the segment.
    pub(crate) volumes: Vec<(u32, Record<LineCost>)>,
}

pub(crate) fn path(files: &FarmFiles, number: u32) -> PathBuf {
    files.derived(&format!("{number:010}.{EXTENSION}"))
}

/// Opens the blocks of a segment; `None` when they are missing, damaged, or not of this segment and these dictionaries.
pub(crate) fn open_blocks(
    files: &FarmFiles,
    segment: &Segment,
    dictionaries: Origin,
) -> Result<Option<SegmentBlocks>, StoreError> {
    match read_blocks(files, segment, dictionaries) {
        Err(StoreError::DerivedDamaged { .. }) => Ok(None),
        opened => opened,
    }
}

/// Opens the blocks of a segment; `None` when they are missing, or not of this segment and these dictionaries.
pub(crate) fn read_blocks(
    files: &FarmFiles,
    segment: &Segment,
    dictionaries: Origin,
) -> Result<Option<SegmentBlocks>, StoreError> {
    let path = path(files, segment.number);
    if !path.exists() {
        return Ok(None);
    }
    let derived = Derived::open(files, &path, KIND)?;
    read(&Arc::new(derived), segment, dictionaries)
}

fn read(
    derived: &Arc<Derived>,
    segment: &Segment,
    dictionaries: Origin,
) -> Result<Option<SegmentBlocks>, StoreError> {
    let origin = derived.section(ORIGIN)?;
    let own = dictionaries.of_segment(segment);
    let lengths = |origin: &[u8]| -> Vec<u32> {
        origin[LENGTHS]
            .chunks_exact(4)
            .map(|length| length.try_into().map_or(u32::MAX, u32::from_le_bytes))
            .collect()
    };
    // The dictionaries may have grown since.
    let fits = origin.len() >= LENGTHS.end
        && origin[..LENGTHS.start] == own[..LENGTHS.start]
        && lengths(origin).iter().zip(lengths(&own)).all(|(had, has)| *had <= has);
    if !fits {
        return Ok(None);
    }
    let mut blocks = Vec::new();
    for (index, expected) in origin[LENGTHS.end..].chunks_exact(8).enumerate() {
        let part = ImagePart { derived: Arc::clone(derived), section: IMAGES + index };
        if part.as_ref().get(IMAGE_CHECKSUM) != Some(expected) {
            return Err(derived.damaged(&format!("block {index} is not the one that was written")));
        }
        let block = SessionBlock::from_image(Arc::new(part));
        blocks.push(block.map_err(|error| derived.damaged(&format!("block {index}: {error}")))?);
    }
    let sessions: usize = blocks.iter().map(SessionBlock::len).sum();
    if sessions as u64 != u64::from(segment.session_count) {
        return Err(derived.damaged("its blocks do not have the sessions of its segment"));
    }
    let malformed = |malformed: Malformed| derived.damaged(&malformed.reason());
    let jobs = derived.section(JOBS)?.chunks_exact(JOB_BYTES).map(job).collect::<Option<_>>();
    let jobs = jobs.ok_or_else(|| derived.damaged("its jobs cannot be read"))?;
    let volumes = decode_volumes(derived.section(VOLUMES)?).map_err(malformed)?;
    Ok(Some(SegmentBlocks { blocks, jobs, volumes }))
}

impl Origin {
    /// Checksum of the segment's file, lineage and lengths of the dictionaries.
    fn of_segment(&self, segment: &Segment) -> Vec<u8> {
        let mut origin = segment.file_checksum.to_vec();
        origin.extend(self.lineage.to_le_bytes());
        for length in &self.lengths {
            origin.extend(length.to_le_bytes());
        }
        origin
    }
}

/// Writes the blocks of a segment.
pub(crate) fn write_blocks(
    files: &FarmFiles,
    segment: &Segment,
    dictionaries: Origin,
    made: &BlocksOfSessions,
    volumes: &[(u32, &Record<LineCost>)],
) -> Result<(), StoreError> {
    let mut origin = dictionaries.of_segment(segment);
    for block in &made.blocks {
        origin.extend(block.image().get(IMAGE_CHECKSUM).unwrap_or_default());
    }
    let (jobs, volumes) = (encode_jobs(&made.jobs), encode_volumes(volumes)?);
    let mut sections: Vec<&[u8]> = vec![&origin, &jobs, &volumes];
    sections.extend(made.blocks.iter().map(SessionBlock::image));
    write_derived(files, &path(files, segment.number), KIND, &sections)
}

fn encode_jobs(counts: &[JobSessions]) -> Vec<u8> {
    let mut jobs = Vec::with_capacity(counts.len() * JOB_BYTES);
    for JobSessions { code, sessions, latest_start_ms } in counts {
        jobs.extend(code.to_le_bytes());
        jobs.extend(sessions.to_le_bytes());
        jobs.extend(latest_start_ms.to_le_bytes());
    }
    jobs
}

fn job(bytes: &[u8]) -> Option<JobSessions> {
    Some(JobSessions {
        code: u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?),
        sessions: u64::from_le_bytes(bytes.get(4..12)?.try_into().ok()?),
        latest_start_ms: i64::from_le_bytes(bytes.get(12..20)?.try_into().ok()?),
    })
}

fn encode_volumes(volumes: &[(u32, &Record<LineCost>)]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for (row, record) in volumes {
        let payload = encoding::encode_record(record)?;
        bytes.extend(row.to_le_bytes());
        bytes.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(payload);
    }
    Ok(bytes)
}

fn decode_volumes(mut bytes: &[u8]) -> Result<Vec<(u32, Record<LineCost>)>, Malformed> {
    let mut volumes = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(8) {
        let number = |part: &[u8]| part.try_into().map(u32::from_le_bytes);
        let (row, length) = (number(&head[..4])?, number(&head[4..])? as usize);
        let payload = rest.get(..length).ok_or_else(|| Malformed::new("a volume is cut short"))?;
        volumes.push((row, encoding::decode_record(payload)?));
        bytes = &rest[length..];
    }
    Ok(volumes)
}

/// An image where it lies in its file.
struct ImagePart {
    derived: Arc<Derived>,
    section: usize,
}

impl AsRef<[u8]> for ImagePart {
    fn as_ref(&self) -> &[u8] {
        self.derived.unverified(self.section)
    }
}
