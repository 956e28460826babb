//! Whether the log beside the catalogue, as an earlier process left it, is damaged before its end.
//!
//! SQLite reads a log up to the first page that does not match its checksum, and takes that for its end, because a power cut
//! leaves an end like that. A bit that rotted in the middle takes every later change away without a word. The two can be told
//! apart: each change is synced before the next one begins, so a power cut can leave holes in the last change alone. Where
//! something stands behind a whole change that is behind a hole, the hole is no end.
//!
//! What is known of the format is at <https://sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::error::OpenError;

/// The header of the log, and where in it are its number and what all of it has.
const HEADER_BYTES: usize = 32;
const NUMBER_AT: usize = 12;
const SALTS_AT: usize = 16;
/// How every catalogue's log begins: a magic number that says that checksums are of little-endian numbers, the version, and the
/// bytes of a page.
const BEGINNING: [u8; NUMBER_AT] = [0x37, 0x7f, 0x06, 0x82, 0x00, 0x2d, 0xe2, 0x18, 0, 0, 0x10, 0];
/// A page with what stands before it.
const FRAME_BYTES: usize = FRAME_HEADER_BYTES + 4096;
const FRAME_HEADER_BYTES: usize = 24;

/// A checksum of a log, which goes on from that of what stands before.
type Sum = [u32; 2];

/// The byte from which on SQLite reads nothing, if changes that were synced stand behind it.
///
/// Damage in the last change cannot be told from one that was interrupted. Only who has the lock to write may ask.
pub(super) fn find(log: &Path) -> io::Result<Option<u64>> {
    match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => find_in(&mut BufReader::new(opened?)),
    }
}

/// [`find`], as an error.
pub(super) fn require_none(log: &Path) -> Result<(), OpenError> {
    match find(log).map_err(OpenError::file(log))? {
        None => Ok(()),
        Some(offset) => Err(OpenError::DamagedLog { path: log.to_owned(), offset }),
    }
}

fn find_in(log: &mut impl Read) -> io::Result<Option<u64>> {
    let (mut header, mut frame) = (Header([0; HEADER_BYTES]), Frame([0; FRAME_BYTES]));
    if !fills(log, &mut header.0)? || !fills(log, &mut frame.0)? {
        return Ok(None);
    }
    let is_header_intact = header.is_intact();
    if !is_header_intact && header.may_be_unfinished(&frame) {
        return Ok(None);
    }
    let mut salts = if is_header_intact { header.salts() } else { frame.salts() };
    // What a page may go on from, and whether one that does shows that a change had ended before.
    let mut seeds = vec![(header.stored(), false)];
    let (mut damaged_at, mut offset) = (None, HEADER_BYTES as u64);
    if !is_header_intact {
        damaged_at = Some(0);
        seeds.push((header.computed(), false));
    }
    loop {
        let is_of_this_log = frame.salts() == salts && frame.page() != 0;
        let matched = seeds.iter().find(|(seed, _)| is_of_this_log && frame.matches(*seed)).copied();
        if let (Some(at), Some((_, had_ended))) = (damaged_at, matched)
            // The header is synced before a change is.
            && (had_ended || (!is_header_intact && frame.ends_change()))
        {
            return Ok(Some(at));
        }
        seeds = if matched.is_some() {
            vec![(frame.stored(), frame.ends_change())]
        } else {
            damaged_at = damaged_at.or(Some(offset));
            // If its checksum alone is damaged, the rest is what was written.
            vec![(frame.sum(seeds[0].0), frame.ends_change()), (frame.stored(), false)]
        };
        if !is_header_intact {
            salts = frame.salts();
        }
        if !fills(log, &mut frame.0)? {
            return Ok(None);
        }
        offset += FRAME_BYTES as u64;
    }
}

/// Magic number, version, bytes of a page, number of the log, two random numbers that all of it has, and a checksum.
#[derive(Debug, Clone, Copy)]
struct Header([u8; HEADER_BYTES]);

impl Header {
    fn is_intact(&self) -> bool {
        self.0[..NUMBER_AT] == BEGINNING && self.computed() == self.stored()
    }

    fn salts(&self) -> [u8; 8] {
        part(&self.0, SALTS_AT)
    }

    fn stored(&self) -> Sum {
        big_endian(part(&self.0, SALTS_AT + 8))
    }

    /// The checksum of what it is.
    fn computed(&self) -> Sum {
        sum([0, 0], &self.0[..SALTS_AT + 8])
    }

    /// Whether it may be half of a new header over that of the log before, all of which is in the file. That has another number or
    /// other salts, and no other beginning.
    fn may_be_unfinished(&self, first: &Frame) -> bool {
        let mut with_salts = *self;
        with_salts.0[SALTS_AT..SALTS_AT + 8].copy_from_slice(&first.salts());
        let is_damaged = self.0[..NUMBER_AT] != BEGINNING
            || first.matches(self.computed())
            || with_salts.computed() == self.stored();
        !is_damaged
    }
}

/// A page, and before it its number, the number of pages if a change ends with it, what the header has, and a checksum.
#[derive(Debug)]
struct Frame([u8; FRAME_BYTES]);

impl Frame {
    fn page(&self) -> u32 {
        u32::from_be_bytes(part(&self.0, 0))
    }

    fn ends_change(&self) -> bool {
        part(&self.0, 4) != [0; 4]
    }

    fn salts(&self) -> [u8; 8] {
        part(&self.0, 8)
    }

    fn stored(&self) -> Sum {
        big_endian(part(&self.0, 16))
    }

    fn sum(&self, seed: Sum) -> Sum {
        sum(sum(seed, &self.0[..8]), &self.0[FRAME_HEADER_BYTES..])
    }

    fn matches(&self, seed: Sum) -> bool {
        self.sum(seed) == self.stored()
    }
}

/// SQLite's checksum of bytes whose number is a multiple of eight.
fn sum(seed: Sum, bytes: &[u8]) -> Sum {
    let (pairs, _) = bytes.as_chunks::<8>();
    pairs.iter().fold(seed, |[first, second], pair| {
        let word = |at| u32::from_le_bytes(part(pair, at));
        let first = first.wrapping_add(word(0)).wrapping_add(second);
        [first, second.wrapping_add(word(4)).wrapping_add(first)]
    })
}

fn big_endian(bytes: [u8; 8]) -> Sum {
    [u32::from_be_bytes(part(&bytes, 0)), u32::from_be_bytes(part(&bytes, 4))]
}

fn part<const BYTES: usize>(of: &[u8], at: usize) -> [u8; BYTES] {
    let mut part = [0; BYTES];
    part.copy_from_slice(&of[at..at + BYTES]);
    part
}

/// Fills a buffer; `false` when the log ends before.
fn fills(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

#[cfg(test)]
mod tests;
