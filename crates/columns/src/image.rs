//! A block as one run of bytes: a header of words, then sections, each with its place and checksum in the header.
//!
//! The bytes are the block, in memory as in a file: nothing is parsed, and a section is read where it lies. All numbers are
//! little-endian. `docs/format.md` describes the sections.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytemuck::Pod;
use xxhash_rust::xxh3::xxh3_64;

const _: () = assert!(cfg!(target_endian = "little"), "images are little-endian and are read where they lie");

/// `FTblock` and the version.
const MAGIC: u64 = u64::from_le_bytes(*b"FTblock\x03");

/// Words of the header before the places of the sections.
const FACTS: usize = 10;
/// Words by section in the header: offset, length and checksum.
const PLACE: usize = 3;
/// Sections begin at a multiple of this, so that a line of the cache holds one.
const ALIGNMENT: usize = 64;

/// Bytes that are not an image, or are not the image that was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes do not begin at a multiple of eight.
    #[error("the image does not begin at a multiple of 8 bytes in memory")]
    Misaligned,
    /// Not an image, or one of another version.
    #[error("the bytes are no column block of this version")]
    NotAnImage,
    /// Shorter or longer than written.
    #[error("the column block has {length} bytes instead of {expected}")]
    Length {
        /// Bytes found.
        length: usize,
        /// Bytes written.
        expected: u64,
    },
    /// The header's checksum does not match, or its places make no sense.
    #[error("the header of the column block is damaged")]
    Header,
    /// A section's checksum does not match.
    #[error("section {section} of the column block is damaged")]
    Section {
        /// Number of the section.
        section: usize,
    },
}

/// Columns of a set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// Start of the earliest and end of the latest row, in milliseconds.
    Zone,
    /// Queue, fleet, and the first row after the run.
    Runs,
    EndOffset,
    Runtime,
    Cost,
    User,
    Job,
    InstanceType,
    Worker,
    Outcome,
    LineEnd,
    LineProduct,
    LineCost,
    /// Where each cube ends among the summaries.
    CubeEnds,
    Cubes,
}

const COLUMNS: usize = Column::Cubes as usize + 1;

/// Columns that a scan reads; all others are needed to choose what to scan.
const SCANNED: Range<usize> = Column::EndOffset as usize..Column::CubeEnds as usize;

/// Dictionaries of a block: codes of the block to codes of the farm.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dictionary {
    Queues,
    Fleets,
    Jobs,
    Users,
    InstanceTypes,
    Products,
    Workers,
}

const DICTIONARIES: usize = Dictionary::Workers as usize + 1;
pub(crate) const SETS: usize = 4;

/// A part of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Section {
    Codes(Dictionary),
    OddRows,
    OddLines,
    Of(usize, Column),
}

const FIRST_OF_SETS: usize = DICTIONARIES + 2;
const SECTIONS: usize = FIRST_OF_SETS + SETS * COLUMNS;
const HEADER: usize = FACTS + PLACE * SECTIONS;

impl Section {
    fn index(self) -> usize {
        match self {
            Self::Codes(dictionary) => dictionary as usize,
            Self::OddRows => DICTIONARIES,
            Self::OddLines => DICTIONARIES + 1,
            Self::Of(set, column) => FIRST_OF_SETS + set * COLUMNS + column as usize,
        }
    }
}

fn is_scanned(section: usize) -> bool {
    section >= FIRST_OF_SETS && SCANNED.contains(&((section - FIRST_OF_SETS) % COLUMNS))
}

/// What the header says about the whole block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The instant from which offsets are counted, in milliseconds since 1970; a whole half-hour.
    pub(crate) base_ms: i64,
    pub(crate) start_min_ms: i64,
    pub(crate) start_max_ms: i64,
    pub(crate) end_max_ms: i64,
    pub(crate) cost_sum_nanos: u64,
    pub(crate) runtime_sum_ms: u64,
}

/// Whose the bytes are.
enum Bytes {
    Own(Vec<u64>),
    Shared(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::Own(words) => bytemuck::cast_slice(words),
            Self::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

/// A block's bytes.
pub(crate) struct Image {
    bytes: Bytes,
    facts: Facts,
    places: Vec<Range<usize>>,
    /// Whether the checksums of what is needed first, and of what is scanned, have been looked at.
    outline: OnceLock<Result<(), ImageError>>,
    columns: OnceLock<Result<(), ImageError>>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Image {
    /// Reads the header; no section is touched.
    pub(crate) fn open(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, ImageError> {
        Self::of(Bytes::Shared(bytes))
    }

    fn of(bytes: Bytes) -> Result<Self, ImageError> {
        let content = bytes.get();
        let whole = content.len() & !7;
        let words: &[u64] =
            bytemuck::try_cast_slice(&content[..whole]).map_err(|_| ImageError::Misaligned)?;
        let header = words.get(..HEADER).ok_or(ImageError::NotAnImage)?;
        if header[0] != MAGIC || header[1] != SECTIONS as u64 {
            return Err(ImageError::NotAnImage);
        }
        if header[2] != content.len() as u64 {
            return Err(ImageError::Length { length: content.len(), expected: header[2] });
        }
        if header[FACTS - 1] != header_checksum(header) {
            return Err(ImageError::Header);
        }
        let facts = Facts {
            base_ms: header[3].cast_signed(),
            start_min_ms: header[4].cast_signed(),
            start_max_ms: header[5].cast_signed(),
            end_max_ms: header[6].cast_signed(),
            cost_sum_nanos: header[7],
            runtime_sum_ms: header[8],
        };
        let places = header[FACTS..].chunks_exact(PLACE).map(|place| range_in(place, content.len()));
        let places = places.collect::<Option<Vec<_>>>().ok_or(ImageError::Header)?;
        Ok(Self { bytes, facts, places, outline: OnceLock::new(), columns: OnceLock::new() })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get()
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A section as numbers of one width.
    pub(crate) fn section<T: Pod>(&self, section: Section) -> &[T] {
        let bytes = self.bytes().get(self.places[section.index()].clone()).unwrap_or_default();
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
    }

    /// Number of numbers of a section, known from the header alone.
    pub(crate) fn len<T: Pod>(&self, section: Section) -> usize {
        self.places[section.index()].len() / size_of::<T>()
    }

    /// Compares the checksums of the dictionaries, runs and summaries, the first time that it is called.
    pub(crate) fn check_outline(&self) -> Result<(), ImageError> {
        self.outline.get_or_init(|| self.check(|section| !is_scanned(section))).clone()
    }

    /// Compares the checksums of the columns, the first time that it is called.
    pub(crate) fn check_columns(&self) -> Result<(), ImageError> {
        self.columns.get_or_init(|| self.check(is_scanned)).clone()
    }

    fn check(&self, is_asked_for: impl Fn(usize) -> bool) -> Result<(), ImageError> {
        let content = self.bytes();
        let header: &[u64] = content
            .get(..HEADER * 8)
            .map_or(&[], |header| bytemuck::try_cast_slice(header).unwrap_or_default());
        for (section, place) in header.get(FACTS..).unwrap_or_default().chunks_exact(PLACE).enumerate() {
            let bytes = content.get(self.places[section].clone()).unwrap_or_default();
            if is_asked_for(section) && xxh3_64(bytes) != place[2] {
                return Err(ImageError::Section { section });
            }
        }
        Ok(())
    }
}

/// Where a section lies, if that is inside of the image and where numbers may begin.
fn range_in(place: &[u64], length: usize) -> Option<Range<usize>> {
    let from = usize::try_from(place[0]).ok()?;
    let to = from.checked_add(usize::try_from(place[1]).ok()?)?;
    (to <= length && from.is_multiple_of(ALIGNMENT)).then_some(from..to)
}

/// Over everything but itself.
fn header_checksum(header: &[u64]) -> u64 {
    let places = xxh3_64(bytemuck::cast_slice(&header[FACTS..]));
    let mut facts = [0; FACTS];
    facts.copy_from_slice(&header[..FACTS]);
    facts[FACTS - 1] = places;
    xxh3_64(bytemuck::cast_slice(&facts))
}

/// Collects sections and makes an image of them.
pub(crate) struct ImageWriter {
    words: Vec<u64>,
}

impl ImageWriter {
    pub(crate) fn new() -> Self {
        let mut words = vec![0; HEADER];
        for section in 0..SECTIONS {
            words[FACTS + PLACE * section + 2] = xxh3_64(&[]);
        }
        Self { words }
    }

    /// Appends a section. One that is never put is empty.
    pub(crate) fn put<T: Pod>(&mut self, section: Section, numbers: &[T]) {
        if numbers.is_empty() {
            return;
        }
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        self.words.resize(self.words.len().next_multiple_of(ALIGNMENT / 8), 0);
        let from = self.words.len();
        self.words.resize(from + bytes.len().div_ceil(8), 0);
        let space: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words[from..]);
        space[..bytes.len()].copy_from_slice(bytes);
        let place = FACTS + PLACE * section.index();
        self.words[place] = from as u64 * 8;
        self.words[place + 1] = bytes.len() as u64;
        self.words[place + 2] = xxh3_64(bytes);
    }

    /// The image; what this process wrote itself needs no check.
    pub(crate) fn finish(mut self, facts: Facts) -> Image {
        let length = self.words.len() * 8;
        let header = &mut self.words[..HEADER];
        header[..3].copy_from_slice(&[MAGIC, SECTIONS as u64, length as u64]);
        let instants = [facts.base_ms, facts.start_min_ms, facts.start_max_ms, facts.end_max_ms];
        header[3..7].copy_from_slice(&instants.map(i64::cast_unsigned));
        header[7..9].copy_from_slice(&[facts.cost_sum_nanos, facts.runtime_sum_ms]);
        header[FACTS - 1] = header_checksum(header);
        let places = header[FACTS..].chunks_exact(PLACE);
        let places = places.map(|place| range_in(place, length).unwrap_or_default()).collect();
        let bytes = Bytes::Own(self.words);
        Image { bytes, facts, places, outline: Ok(()).into(), columns: Ok(()).into() }
    }
}
