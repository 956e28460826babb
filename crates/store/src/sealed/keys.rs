//! Which ids are sealed, and where: sorted key files that are mapped, so that memory does not grow with history.
//!
//! An id is looked up by 48 bits of the XXH3-64 of its kind and bytes. An equal key alone proves nothing: the record is read
//! from its segment and compared, unless the first 48 bits of the fingerprint of its submission, which covers the id too, are
//! the newcomer's as well. So of all records that contradict what is stored under their own id, one in 2^48 is taken for a
//! repetition.

use std::path::{Path, PathBuf};

use farmtally_model::RecordId;
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::encoding::Put;
use crate::error::StoreError;
use crate::identity::Place;
use crate::limits::{KEY_FILE_ENTRIES_MAX, KEY_FILES_OF_A_SIZE, SEGMENT_ROWS_MAX};
use crate::sealed::derived::{Derived, write_derived};
use crate::sealed::files::FarmFiles;
use crate::sealed::manifest::{Manifest, Segment};
use crate::sealed::wide_keys;

/// The kind of a key file among the derived files.
const KIND: u32 = 4;
const EXTENSION: &str = "keys";

const COVERED: usize = 0;
const ROW_BITS: usize = 1;
const DIRECTORY: usize = 2;
const KEYS: usize = 3;
const PRINTS: usize = 4;
const PLACES: usize = 5;

/// Bits of a key.
const KEY_BITS: u32 = 48;

/// Bytes of a print, which is as long as [`crate::Fingerprint`] is short.
const PRINT_BYTES: usize = 6;

/// Keys that share a place of the directory, on average: a cache line.
const KEYS_OF_A_BUCKET: usize = 8;

/// A segment's number and the checksum of its file.
const COVERED_BYTES: usize = 4 + 16;

/// Bits of a revision, and the one from which on it has to be looked up in the segment.
const REVISION_BITS: u32 = 3;
const REVISION_MAX: u32 = (1 << REVISION_BITS) - 1;

// A place has 32 bits for the segment at the most.
const _: () = assert!(SEGMENT_ROWS_MAX <= 1 << (u64::BITS - 32 - REVISION_BITS));

/// The key of an id.
pub(crate) fn key_of(id: RecordId) -> u64 {
    let mut bytes = [0; 17];
    let (kind, id) = match id {
        RecordId::Session(id) => (b'S', id.bytes()),
        RecordId::Volume(id) => (b'V', id.bytes()),
    };
    bytes[0] = kind;
    bytes[1..].copy_from_slice(&id);
    xxh3_64(&bytes) >> (u64::BITS - KEY_BITS)
}

/// One sealed record, as far as its key file knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyEntry {
    pub(crate) key: u64,
    pub(crate) print: u64,
    pub(crate) segment: u32,
    pub(crate) row: u32,
    pub(crate) revision: u32,
}

/// A sealed record that may be the one that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) segment: u32,
    pub(crate) row: u32,
    /// The first bits of its fingerprint.
    pub(crate) print: u64,
    /// Its revision, or `None` when that is too high to be kept here.
    pub(crate) revision: Option<u32>,
}

impl KeyEntry {
    /// The entry of a record whose first row is `row`.
    pub(crate) fn of(put: &Put, segment: u32, row: u32) -> Self {
        Self {
            key: key_of(put.record.id()),
            print: put.fingerprint.short(),
            segment,
            row,
            revision: put.record.revision(),
        }
    }
}

impl Candidate {
    pub(crate) const fn place(&self) -> Place {
        Place::Sealed { segment: self.segment, row: self.row }
    }
}

/// How wide the columns of a key file are.
#[derive(Debug, Clone, Copy)]
struct Widths {
    /// Bits of a key that the directory knows.
    bucket_bits: u32,
    row_bits: u32,
    key_bytes: usize,
    place_bytes: usize,
}

impl Widths {
    const fn new(bucket_bits: u32, row_bits: u32, segments: usize) -> Self {
        let segment_bits = usize::BITS - segments.saturating_sub(1).leading_zeros();
        Self {
            bucket_bits,
            row_bits,
            key_bytes: KEY_BITS.saturating_sub(bucket_bits).div_ceil(8) as usize,
            place_bytes: (segment_bits + row_bits + REVISION_BITS).div_ceil(8) as usize,
        }
    }

    /// The bucket of a key, and the rest of it.
    const fn split(self, key: u64) -> (u64, u64) {
        let rest_bits = KEY_BITS - self.bucket_bits;
        (key >> rest_bits, key & ((1 << rest_bits) - 1))
    }

    const fn join(self, bucket: u64, rest: u64) -> u64 {
        bucket << (KEY_BITS - self.bucket_bits) | rest
    }

    fn place(self, segment: usize, row: u32, revision: u32) -> u64 {
        let place = (segment as u64) << self.row_bits | u64::from(row);
        place << REVISION_BITS | u64::from(revision.min(REVISION_MAX))
    }
}

/// One sorted key file.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    derived: Derived,
    covered: Vec<(u32, [u8; 16])>,
    count: usize,
    widths: Widths,
}

impl KeyFile {
    fn open(files: &FarmFiles, path: PathBuf) -> Result<Self, StoreError> {
        let derived = Derived::open(files, &path, KIND)?;
        let covered = covered_in(derived.section(COVERED)?);
        let row_bits = derived.section(ROW_BITS)?.first().copied().map_or(u32::MAX, u32::from);
        let count = derived.section_len(PRINTS) / PRINT_BYTES;
        let buckets = (derived.section_len(DIRECTORY) / 4).saturating_sub(1);
        if !buckets.is_power_of_two() || row_bits > u32::BITS {
            return Err(derived.damaged("its columns have no width"));
        }
        let widths = Widths::new(buckets.trailing_zeros(), row_bits, covered.len());
        let fits = derived.section_len(PRINTS) == count * PRINT_BYTES
            && derived.section_len(KEYS) == count * widths.key_bytes
            && derived.section_len(PLACES) == count * widths.place_bytes;
        if !fits {
            return Err(derived.damaged("its columns differ in length"));
        }
        Ok(Self { path, derived, covered, count, widths })
    }

    /// Visits the records with a key.
    fn find(&self, key: u64, mut visit: impl FnMut(Candidate)) -> Result<(), StoreError> {
        let (bucket, rest) = self.widths.split(key);
        let at = usize::try_from(bucket).unwrap_or(0) * 4;
        let bounds = self.derived.part(DIRECTORY, at..at + 8)?;
        let (start, end) = (number_at(bounds, 0) as usize, number_at(bounds, 4) as usize);
        let width = self.widths.key_bytes;
        let keys = self.derived.part(KEYS, start * width..end * width)?;
        let rest = rest.to_le_bytes();
        for (index, found) in (start..).zip(keys.chunks_exact(width)) {
            if *found == rest[..width] {
                let (print, place) = (self.print(index)?, self.place(index)?);
                visit(self.candidate(print, place)?);
            }
        }
        Ok(())
    }

    fn print(&self, index: usize) -> Result<u64, StoreError> {
        self.derived.part(PRINTS, index * PRINT_BYTES..(index + 1) * PRINT_BYTES).map(long)
    }

    fn place(&self, index: usize) -> Result<u64, StoreError> {
        let width = self.widths.place_bytes;
        self.derived.part(PLACES, index * width..(index + 1) * width).map(long)
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is cut to its bits")]
    fn candidate(&self, print: u64, place: u64) -> Result<Candidate, StoreError> {
        let revision = place as u32 & REVISION_MAX;
        let place = place >> REVISION_BITS;
        let row = place & ((1 << self.widths.row_bits) - 1);
        let segment = self.covered.get((place >> self.widths.row_bits) as usize);
        let (segment, _) = segment.ok_or_else(|| self.derived.damaged("a place lies in no segment"))?;
        let revision = (revision < REVISION_MAX).then_some(revision);
        Ok(Candidate { segment: *segment, row: row as u32, print, revision })
    }

    /// Whether the file tells about the segment that the manifest names so.
    fn covers(&self, segment: &Segment) -> bool {
        self.covered.contains(&(segment.number, segment.file_checksum))
    }

    /// Visits the key and the record of every entry, by key.
    pub(crate) fn visit(&self, mut visit: impl FnMut(u64, Candidate)) -> Result<(), StoreError> {
        let directory = self.derived.section(DIRECTORY)?;
        let keys = self.derived.section(KEYS)?;
        let (prints, places) = (self.derived.section(PRINTS)?, self.derived.section(PLACES)?);
        let columns = keys
            .chunks_exact(self.widths.key_bytes)
            .zip(prints.chunks_exact(PRINT_BYTES).zip(places.chunks_exact(self.widths.place_bytes)));
        let ends = directory.chunks_exact(4).map(|end| number_at(end, 0) as usize);
        // The first bound is where the first bucket begins.
        let mut ends = (0_u64..).zip(ends.skip(1)).peekable();
        for (index, (rest, (print, place))) in columns.enumerate() {
            while ends.next_if(|(_, end)| *end <= index).is_some() {}
            let bucket = ends.peek().map_or(0, |(bucket, _)| *bucket);
            visit(self.widths.join(bucket, long(rest)), self.candidate(long(print), long(place))?);
        }
        Ok(())
    }

    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        self.derived.verify_all()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The segments that a file says it tells about.
pub(super) fn covered_in(listed: &[u8]) -> Vec<(u32, [u8; 16])> {
    listed.chunks_exact(COVERED_BYTES).map(|entry| (number_at(entry, 0), checksum_at(entry, 4))).collect()
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// A number of at most eight bytes.
fn long(bytes: &[u8]) -> u64 {
    let mut whole = [0; 8];
    whole.iter_mut().zip(bytes).for_each(|(whole, byte)| *whole = *byte);
    u64::from_le_bytes(whole)
}

fn checksum_at(bytes: &[u8], at: usize) -> [u8; 16] {
    bytes.get(at..at + 16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// The keys of a farm's sealed records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    files: Vec<std::sync::Arc<KeyFile>>,
}

impl Keys {
    /// Opens the key files of a farm, and says what is to be done about the others.
    pub(crate) fn open(files: &FarmFiles, manifest: &Manifest) -> Result<OpenedKeys, StoreError> {
        let (mut keys, mut damaged) = (Self::default(), Vec::new());
        for path in files.derived_files(EXTENSION)? {
            match open_or_convert(files, &path) {
                Ok(file) => keys.files.push(file.into()),
                // It is made anew from the segments, which are the truth.
                Err(error @ StoreError::DerivedDamaged { .. }) => damaged.push((path, error)),
                Err(error) => return Err(error),
            }
        }
        keys.files.sort_by_key(|file| std::cmp::Reverse(file.count));
        let superseded = keys.retain_useful(manifest);
        let missing =
            manifest.segments().filter(|segment| !keys.files.iter().any(|file| file.covers(segment)));
        let missing = missing.map(|segment| segment.number).collect();
        Ok(OpenedKeys { keys, missing, damaged, superseded })
    }

    /// Keeps the files that tell about a segment which no larger file tells about, and returns the others.
    fn retain_useful(&mut self, manifest: &Manifest) -> Vec<PathBuf> {
        let mut told = HashSet::new();
        let (useful, superseded): (Vec<_>, Vec<_>) = self.files.drain(..).partition(|file| {
            let new: Vec<u32> = manifest
                .segments()
                .filter(|segment| file.covers(segment) && !told.contains(&segment.number))
                .map(|segment| segment.number)
                .collect();
            told.extend(new.iter().copied());
            !new.is_empty()
        });
        self.files = useful;
        superseded.into_iter().map(|file| file.path.clone()).collect()
    }

    /// Those of the ids that may be sealed, with the records that may be theirs. Rows that were removed are left out.
    pub(crate) fn lookup(
        &self,
        ids: impl Iterator<Item = RecordId>,
        manifest: &Manifest,
    ) -> Result<HashMap<RecordId, Vec<Candidate>>, StoreError> {
        let mut found: HashMap<RecordId, Vec<Candidate>> = HashMap::new();
        if self.files.is_empty() {
            return Ok(found);
        }
        // In the order of the files, so that neighbours share their pages.
        let mut wanted: Vec<(u64, RecordId)> = ids.map(|id| (key_of(id), id)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for file in &self.files {
            for (key, id) in &wanted {
                file.find(*key, |candidate| {
                    if manifest.is_live(candidate.segment, candidate.row) {
                        let candidates = found.entry(*id).or_default();
                        if !candidates.contains(&candidate) {
                            candidates.push(candidate);
                        }
                    }
                })?;
            }
        }
        Ok(found)
    }

    /// Visits those of the keys, which come in order and with a number each, under which something live may be sealed.
    pub(crate) fn visit_known(
        &self,
        sorted: &[(u64, usize)],
        manifest: &Manifest,
        mut visit: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        for file in &self.files {
            for (key, number) in sorted {
                file.find(*key, |candidate| {
                    if manifest.is_live(candidate.segment, candidate.row) {
                        visit(*number);
                    }
                })?;
            }
        }
        Ok(())
    }

    /// The keys with another file among them.
    #[must_use]
    pub(crate) fn with(&self, file: KeyFile) -> Self {
        let mut files = self.files.clone();
        files.push(file.into());
        files.sort_by_key(|file| std::cmp::Reverse(file.count));
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &KeyFile> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// Files of one size that are worth one larger file, if there are enough of them.
    pub(crate) fn mergeable(&self) -> Option<Vec<std::sync::Arc<KeyFile>>> {
        let mut by_size: HashMap<u32, Vec<_>> = HashMap::new();
        for file in self.files.iter().filter(|file| file.count < KEY_FILE_ENTRIES_MAX / KEY_FILES_OF_A_SIZE) {
            let size = file.count.max(1).ilog(KEY_FILES_OF_A_SIZE);
            by_size.entry(size).or_default().push(std::sync::Arc::clone(file));
        }
        by_size.into_values().find(|files| files.len() >= KEY_FILES_OF_A_SIZE)
    }

    /// The keys with one file in the place of others.
    #[must_use]
    pub(crate) fn replaced(&self, old: &[std::sync::Arc<KeyFile>], new: KeyFile) -> Self {
        let kept = self.files.iter().filter(|file| !old.iter().any(|old| old.path == file.path));
        Self { files: kept.cloned().collect() }.with(new)
    }
}

/// The keys of a farm as they were found.
pub(crate) struct OpenedKeys {
    pub(crate) keys: Keys,
    /// Segments that no file tells about.
    pub(crate) missing: Vec<u32>,
    pub(crate) damaged: Vec<(PathBuf, StoreError)>,
    /// Files about segments that are gone, or that a larger file tells about.
    pub(crate) superseded: Vec<PathBuf>,
}

/// Opens a key file; one in the form that was written before is written anew in its place.
fn open_or_convert(files: &FarmFiles, path: &Path) -> Result<KeyFile, StoreError> {
    let opened = KeyFile::open(files, path.to_owned());
    if !matches!(opened, Err(StoreError::DerivedDamaged { .. })) {
        return opened;
    }
    match wide_keys::read(files, path)? {
        Some((covered, entries)) => write_entries(files, covered, entries),
        None => opened,
    }
}

/// Writes a key file about segments.
pub(crate) fn write_keys(
    files: &FarmFiles,
    covered: &[&Segment],
    entries: Vec<KeyEntry>,
) -> Result<KeyFile, StoreError> {
    let covered = covered.iter().map(|segment| (segment.number, segment.file_checksum)).collect();
    write_entries(files, covered, entries)
}

/// Writes one key file of several; entries of segments that are gone stay behind.
pub(crate) fn merge_keys(
    files: &FarmFiles,
    manifest: &Manifest,
    inputs: &[std::sync::Arc<KeyFile>],
) -> Result<KeyFile, StoreError> {
    let is_named = |segment: u32| manifest.segment(segment).is_some();
    let mut entries = Vec::new();
    for input in inputs {
        input.visit(|key, Candidate { segment, row, print, revision }| {
            if is_named(segment) {
                let revision = revision.unwrap_or(REVISION_MAX);
                entries.push(KeyEntry { key, print, segment, row, revision });
            }
        })?;
    }
    let covered = inputs.iter().flat_map(|input| input.covered.iter().copied());
    let covered = covered.filter(|(number, _)| is_named(*number)).collect();
    write_entries(files, covered, entries)
}

fn write_entries(
    files: &FarmFiles,
    mut covered: Vec<(u32, [u8; 16])>,
    mut entries: Vec<KeyEntry>,
) -> Result<KeyFile, StoreError> {
    entries.sort_unstable();
    entries.dedup();
    covered.sort_unstable();
    covered.dedup();
    let buckets = (entries.len() / KEYS_OF_A_BUCKET).max(1).next_power_of_two();
    let row_max = entries.iter().map(|entry| entry.row).max().unwrap_or(0);
    let row_bits = u32::BITS - row_max.leading_zeros();
    let widths = Widths::new(buckets.trailing_zeros(), row_bits, covered.len());
    let mut listed = Vec::with_capacity(covered.len() * COVERED_BYTES);
    for (number, checksum) in &covered {
        listed.extend(number.to_le_bytes());
        listed.extend(checksum);
    }
    let columns = Columns::of(&entries, &covered, widths);
    let path = files.derived(&format!("{:016x}.{EXTENSION}", name_of(&listed)));
    let directory = directory(&entries, widths);
    let row_bits = &row_bits.to_le_bytes()[..1];
    drop(entries);
    let Columns { keys, prints, places } = &columns;
    write_derived(files, &path, KIND, &[&listed, row_bits, &directory, keys, prints, places])?;
    KeyFile::open(files, path)
}

/// The columns of a key file.
struct Columns {
    keys: Vec<u8>,
    prints: Vec<u8>,
    places: Vec<u8>,
}

impl Columns {
    fn of(entries: &[KeyEntry], covered: &[(u32, [u8; 16])], widths: Widths) -> Self {
        let segments: HashMap<u32, usize> =
            covered.iter().enumerate().map(|(index, (number, _))| (*number, index)).collect();
        let room = |width: usize| Vec::with_capacity(entries.len() * width);
        let (mut keys, mut prints, mut places) =
            (room(widths.key_bytes), room(PRINT_BYTES), room(widths.place_bytes));
        for entry in entries {
            let segment = segments.get(&entry.segment).copied().unwrap_or_default();
            let (_, rest) = widths.split(entry.key);
            let place = widths.place(segment, entry.row, entry.revision);
            keys.extend_from_slice(&rest.to_le_bytes()[..widths.key_bytes]);
            prints.extend_from_slice(&entry.print.to_le_bytes()[..PRINT_BYTES]);
            places.extend_from_slice(&place.to_le_bytes()[..widths.place_bytes]);
        }
        Self { keys, prints, places }
    }
}

/// A name that says what a file is about, so that another content gets another name.
fn name_of(listed: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(listed);
    hash.digest()
}

/// For each value of the first bits of a key, the number of keys below it, and the number of all.
fn directory(sorted: &[KeyEntry], widths: Widths) -> Vec<u8> {
    let mut directory = Vec::with_capacity(((1 << widths.bucket_bits) + 1) * 4);
    let mut below = 0_usize;
    for bucket in 0..=1_u64 << widths.bucket_bits {
        below += sorted[below..].iter().take_while(|entry| widths.split(entry.key).0 < bucket).count();
        directory.extend(u32::try_from(below).unwrap_or(u32::MAX).to_le_bytes());
    }
    directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::month::Month;
    use farmtally_model::{FarmId, SessionId, Timestamp};

    /// Entries of one key file of the measurement; what merging ends with.
    const FILE_ENTRIES: u64 = 16 << 20;

    fn id(number: u64) -> RecordId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        RecordId::Session(SessionId::from_bytes(bytes))
    }

    fn segment(number: u32) -> Segment {
        let mut segment = Segment::empty(number, Month::of(Timestamp::MIN), (1, 1));
        segment.file_checksum = [number.to_le_bytes()[0]; 16];
        segment
    }

    fn entries(segment: u32, numbers: std::ops::Range<u64>) -> Vec<KeyEntry> {
        let entry = |(row, number): (u32, u64)| KeyEntry {
            key: key_of(id(number)),
            print: number,
            segment,
            row: row % (1 << 24),
            revision: 0,
        };
        (0..).zip(numbers).map(entry).collect()
    }

    fn place_of(found: &HashMap<RecordId, Vec<Candidate>>, number: u64) -> Option<(u32, u32)> {
        found.get(&id(number)).map(|candidates| (candidates[0].segment, candidates[0].row))
    }

    #[test]
    fn every_key_is_found_before_and_after_merging_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let segments: Vec<Segment> = (1..=4).map(segment).collect();
        let manifest = Manifest::of_segments(&segments);
        for (segment, start) in segments.iter().zip((0..).step_by(1000)) {
            write_keys(&files, &[segment], entries(segment.number, start..start + 1000)).unwrap();
        }
        let check = |keys: &Keys, manifest: &Manifest, first: u64| {
            let found = keys.lookup((0..5000).map(id), manifest).unwrap();
            for number in 0..5000 {
                let expected = (number >= first && number < 4000).then(|| {
                    (1 + u32::try_from(number / 1000).unwrap(), u32::try_from(number % 1000).unwrap())
                });
                assert_eq!(place_of(&found, number), expected, "{number}");
            }
        };
        let OpenedKeys { keys, missing, .. } = Keys::open(&files, &manifest).unwrap();
        assert_eq!((missing.len(), keys.files.len()), (0, 4));
        check(&keys, &manifest, 0);
        let without_first = Manifest::of_segments(&segments[1..]);
        let inputs = keys.mergeable().unwrap();
        let keys = keys.replaced(&inputs, merge_keys(&files, &without_first, &inputs).unwrap());
        assert_eq!(keys.files.len(), 1);
        check(&keys, &without_first, 1000);
    }

    #[test]
    fn a_file_of_the_first_form_is_written_anew_and_keeps_what_it_knows() {
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let own = segment(7);
        let manifest = Manifest::of_segments(std::slice::from_ref(&own));
        let entries = entries(7, 0..100);
        let column = |of: &dyn Fn(&KeyEntry) -> u64| -> Vec<u8> {
            entries.iter().flat_map(|entry| of(entry).to_le_bytes()).collect()
        };
        let further = |number: u64| number << 16 | 0x1234;
        let (keys, prints) = (column(&|entry| further(entry.key)), column(&|entry| further(entry.print)));
        let places = column(&|entry| u64::from(entry.segment) << 32 | u64::from(entry.row) << 8 | 0xc8);
        let listed = [&7_u32.to_le_bytes()[..], &own.file_checksum].concat();
        let path = files.derived(&format!("{:016x}.{EXTENSION}", name_of(&listed)));
        write_derived(&files, &path, 1, &[&listed, &[0; 8], &keys, &prints, &places]).unwrap();

        let OpenedKeys { keys, missing, damaged, .. } = Keys::open(&files, &manifest).unwrap();
        assert_eq!((missing.len(), damaged.len()), (0, 0));
        assert!(KeyFile::open(&files, path).is_ok(), "it has the new form");
        let found = keys.lookup((0..200).map(id), &manifest).unwrap();
        for number in 0..200 {
            let expected = (number < 100).then(|| (7, u32::try_from(number).unwrap()));
            assert_eq!(place_of(&found, number), expected);
        }
        let candidate = found[&id(3)][0];
        assert_eq!((candidate.print, candidate.revision), (3, None));
    }

    /// Writes the key files of a large farm and asks for ids that are there and for ids that are not.
    #[test]
    #[ignore = "a measurement: FARMTALLY_KEYS=100000000 cargo test --release -p farmtally-store --lib -- --ignored --nocapture many_keys"]
    fn lookups_among_many_keys() {
        let count: u64 = std::env::var("FARMTALLY_KEYS").map_or(1_000_000, |count| count.parse().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let files = FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]));
        let mut segments = Vec::new();
        for (number, start) in (1..).zip((0..count).step_by(usize::try_from(FILE_ENTRIES).unwrap())) {
            let segment = segment(number);
            write_keys(&files, &[&segment], entries(number, start..count.min(start + FILE_ENTRIES))).unwrap();
            segments.push(segment);
        }
        let manifest = Manifest::of_segments(&segments);
        let started = std::time::Instant::now();
        let keys = Keys::open(&files, &manifest).unwrap().keys;
        println!("{count} keys in {} files, opened in {:?}", keys.files.len(), started.elapsed());
        for (what, offset) in [("ids that are there, cold", 0), ("ids that are there", 0), ("new ids", count)]
        {
            let started = std::time::Instant::now();
            let (mut found, mut asked) = (0, 0_u64);
            for batch in 0..100_u64 {
                let wanted =
                    (0..10_000).map(|index| (batch * 10_000 + index).wrapping_mul(7919) % count + offset);
                found += keys.lookup(wanted.map(id), &manifest).unwrap().len();
                asked += 10_000;
            }
            let seconds = started.elapsed().as_secs_f64();
            println!("{what}: {asked} asked, {found} found, {:.0} a second", 1_000_000.0 / seconds);
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        status.lines().filter(|line| line.starts_with("Rss")).for_each(|line| println!("{line}"));
    }
}
