//! A derived file: sections of bytes that are mapped, and verified piece by piece when they are first touched.
//!
//! Nothing in it is the only copy of anything. A file that is not what it says is an error that names it, and
//! `farmtally rebuild` makes it anew.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64_with_seed};

use crate::error::StoreError;
use crate::sealed::files::FarmFiles;
use crate::sealed::mapping::Mapping;

const MAGIC: &[u8; 8] = b"FTalderv";
const VERSION: u32 = 1;

/// Bytes that are verified together: few enough for a single key, and enough that their checksums are few.
const PIECE_BYTES: usize = 64 * 1024;

/// Sections begin at multiples of this, so that columns inside can be read in place.
const ALIGNMENT: usize = 64;

/// Magic, version, kind, number of sections, unused, bytes of the body.
const HEADER_BYTES: usize = 8 + 4 + 4 + 4 + 4 + 8;

/// A derived file that is mapped.
#[derive(Debug)]
pub(crate) struct Derived {
    shown: String,
    mapping: Mapping,
    sections: Vec<Range<usize>>,
    /// Where the checksums of the pieces begin.
    checksums: usize,
    /// A bit for each piece that was verified.
    verified: Vec<AtomicU64>,
}

/// Writes the sections of a derived file and syncs it.
pub(crate) fn write_derived(
    files: &FarmFiles,
    path: &Path,
    kind: u32,
    sections: &[&[u8]],
) -> Result<(), StoreError> {
    let (head, body_start) = head(files, kind, sections);
    files.put(path, |file| {
        let write = |file: &mut File| {
            let mut file = std::io::BufWriter::with_capacity(1 << 20, file);
            file.write_all(&head)?;
            file.write_all(&vec![0; body_start - head.len()])?;
            for section in sections {
                file.write_all(section)?;
                file.write_all(&[0; ALIGNMENT][..padding(section.len())])?;
            }
            file.flush()
        };
        write(file).map_err(files.failed(path))
    })
}

/// The header, the table of sections, the checksums of the pieces, the checksum of all that; and where the body begins.
fn head(files: &FarmFiles, kind: u32, sections: &[&[u8]]) -> (Vec<u8>, usize) {
    let body_bytes: usize = sections.iter().map(|section| section.len() + padding(section.len())).sum();
    let mut head = Vec::with_capacity(HEADER_BYTES + body_bytes / PIECE_BYTES * 8 + 1024);
    head.extend(MAGIC);
    head.extend(VERSION.to_le_bytes());
    head.extend(kind.to_le_bytes());
    head.extend(u32::try_from(sections.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend(0_u32.to_le_bytes());
    head.extend((body_bytes as u64).to_le_bytes());
    let mut offset = 0_u64;
    for section in sections {
        head.extend(offset.to_le_bytes());
        head.extend((section.len() as u64).to_le_bytes());
        offset += (section.len() + padding(section.len())) as u64;
    }
    for checksum in piece_checksums(sections) {
        head.extend(checksum.to_le_bytes());
    }
    let checksum = head_checksum(files, &head);
    head.extend(checksum);
    let body_start = head.len() + padding(head.len());
    (head, body_start)
}

fn head_checksum(files: &FarmFiles, head: &[u8]) -> [u8; 16] {
    let mut hash = Xxh3Default::new();
    hash.update(&files.farm_id().bytes());
    hash.update(head);
    hash.digest128().to_be_bytes()
}

/// Checksums of the body's pieces, which do not care where one section ends and the next begins.
fn piece_checksums(sections: &[&[u8]]) -> Vec<u64> {
    let (mut checksums, mut piece) = (Vec::new(), Vec::with_capacity(PIECE_BYTES));
    let mut add = |mut bytes: &[u8]| {
        while !bytes.is_empty() {
            let taken = bytes.len().min(PIECE_BYTES - piece.len());
            piece.extend(&bytes[..taken]);
            bytes = &bytes[taken..];
            if piece.len() == PIECE_BYTES {
                checksums.push(xxh3_64_with_seed(&piece, checksums.len() as u64));
                piece.clear();
            }
        }
    };
    for section in sections {
        add(section);
        add(&[0; ALIGNMENT][..padding(section.len())]);
    }
    if !piece.is_empty() {
        checksums.push(xxh3_64_with_seed(&piece, checksums.len() as u64));
    }
    checksums
}

const fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}

impl Derived {
    /// Maps a file of a kind, and verifies everything but its body.
    pub(crate) fn open(files: &FarmFiles, path: &Path, kind: u32) -> Result<Self, StoreError> {
        let shown = files.shown(path);
        let file = File::open(path).map_err(files.failed(path))?;
        let mapping = Mapping::of(&file).map_err(files.failed(path))?;
        let damaged = |reason: &str| damaged(&shown, reason);
        let bytes = mapping.bytes();
        let mut fields = Fields { bytes, at: 0 };
        let is_ours =
            fields.take(8) == Some(&MAGIC[..]) && fields.u32() == Some(VERSION) && fields.u32() == Some(kind);
        if !is_ours {
            return Err(damaged("it is not of a kind that this program knows"));
        }
        let parsed = fields.layout().ok_or_else(|| damaged("it is shorter than it says"))?;
        let Layout { sections, body_bytes, checksums, head_bytes } = parsed;
        let expected = head_checksum(files, &bytes[..head_bytes]);
        if bytes.get(head_bytes..head_bytes + 16) != Some(&expected) {
            return Err(damaged("the checksum of its head does not match"));
        }
        let body = (head_bytes + 16).next_multiple_of(ALIGNMENT);
        if bytes.len() != body + body_bytes {
            return Err(damaged("its length is not the one in its head"));
        }
        let sections: Vec<_> =
            sections.into_iter().map(|section| body + section.start..body + section.end).collect();
        if sections.iter().any(|section| section.end > bytes.len() || section.start > section.end) {
            return Err(damaged("a section lies outside of it"));
        }
        let pieces = body_bytes.div_ceil(PIECE_BYTES);
        let verified = (0..pieces.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { shown, mapping, sections, checksums, verified })
    }

    /// Bytes of a section.
    pub(crate) fn section_len(&self, section: usize) -> usize {
        self.sections.get(section).map_or(0, Range::len)
    }

    /// A part of a section, verified.
    pub(crate) fn part(&self, section: usize, part: Range<usize>) -> Result<&[u8], StoreError> {
        let place =
            self.sections.get(section).filter(|place| part.start <= part.end && part.end <= place.len());
        let place = place.ok_or_else(|| damaged(&self.shown, "it is shorter than its content says"))?;
        let wanted = place.start + part.start..place.start + part.end;
        self.verify(&wanted)?;
        Ok(&self.mapping.bytes()[wanted])
    }

    /// A whole section, verified.
    pub(crate) fn section(&self, section: usize) -> Result<&[u8], StoreError> {
        self.part(section, 0..self.section_len(section))
    }

    /// A whole section, for content that has checksums of its own.
    pub(crate) fn unverified(&self, section: usize) -> &[u8] {
        self.sections.get(section).map_or(&[], |place| &self.mapping.bytes()[place.clone()])
    }

    /// Verifies everything.
    pub(crate) fn verify_all(&self) -> Result<(), StoreError> {
        (0..self.sections.len()).try_for_each(|section| self.section(section).map(drop))
    }

    /// The content is damaged in a way that its checksums did not tell.
    pub(crate) fn damaged(&self, reason: &str) -> StoreError {
        damaged(&self.shown, reason)
    }

    fn body(&self) -> usize {
        self.sections.first().map_or(0, |section| section.start)
    }

    fn verify(&self, wanted: &Range<usize>) -> Result<(), StoreError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let body = self.body();
        for piece in (wanted.start - body) / PIECE_BYTES..=(wanted.end - 1 - body) / PIECE_BYTES {
            let (word, bit) = (piece / 64, 1_u64 << (piece % 64));
            if self.verified[word].load(Ordering::Relaxed) & bit == 0 {
                self.verify_piece(piece)?;
                self.verified[word].fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn verify_piece(&self, piece: usize) -> Result<(), StoreError> {
        let bytes = self.mapping.bytes();
        let start = self.body() + piece * PIECE_BYTES;
        let content = &bytes[start..bytes.len().min(start + PIECE_BYTES)];
        let at = self.checksums + piece * 8;
        let expected =
            bytes.get(at..at + 8).and_then(|checksum| checksum.try_into().ok()).map(u64::from_le_bytes);
        if expected == Some(xxh3_64_with_seed(content, piece as u64)) {
            Ok(())
        } else {
            Err(damaged(&self.shown, &format!("the checksum of its piece {piece} does not match")))
        }
    }
}

fn damaged(shown: &str, reason: &str) -> StoreError {
    StoreError::DerivedDamaged { path: shown.to_owned(), reason: reason.to_owned() }
}

struct Layout {
    sections: Vec<Range<usize>>,
    body_bytes: usize,
    checksums: usize,
    head_bytes: usize,
}

/// Little-endian numbers, one behind the other.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn usize(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.take(8)?.try_into().ok()?)).ok()
    }

    fn layout(&mut self) -> Option<Layout> {
        let (count, _unused) = (self.u32()?, self.u32()?);
        let body_bytes = self.usize()?;
        let mut sections = Vec::new();
        for _ in 0..count {
            let (start, length) = (self.usize()?, self.usize()?);
            sections.push(start..start.checked_add(length)?);
        }
        let checksums = self.at;
        self.take(body_bytes.div_ceil(PIECE_BYTES).checked_mul(8)?)?;
        Some(Layout { sections, body_bytes, checksums, head_bytes: self.at })
    }
}
