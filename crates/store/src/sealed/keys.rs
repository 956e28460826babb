//! Which ids are sealed, and where: sorted key files that are mapped, so that memory does not grow with history.
//!
//! An id is looked up by the XXH3-64 of its kind and bytes. An equal key alone proves nothing: the record is read from its
//! segment and compared, unless the fingerprint of its submission, which covers the id too, is the newcomer's as well.
//! For a wrong "unchanged" two different records of one farm would have to agree in 128 bits.

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

/// The kind of a key file among the derived files.
const KIND: u32 = 1;
const EXTENSION: &str = "keys";

const COVERED: usize = 0;
const DIRECTORY: usize = 1;
const KEYS: usize = 2;
const PRINTS: usize = 3;
const PLACES: usize = 4;

/// Keys that share a place of the directory, on average: a cache line.
const KEYS_OF_A_BUCKET: usize = 8;

/// A segment's number and the checksum of its file.
const COVERED_BYTES: usize = 4 + 16;

/// A revision from here on has to be looked up in the segment.
const REVISION_MAX: u32 = 255;

// A place has 24 bits for the row.
const _: () = assert!(SEGMENT_ROWS_MAX <= 1 << 24);

/// The key of an id.
pub(crate) fn key_of(id: RecordId) -> u64 {
    let mut bytes = [0; 17];
    let (kind, id) = match id {
        RecordId::Session(id) => (b'S', id.bytes()),
        RecordId::Volume(id) => (b'V', id.bytes()),
    };
    bytes[0] = kind;
    bytes[1..].copy_from_slice(&id);
    xxh3_64(&bytes)
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
    /// The first 64 bits of its fingerprint.
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

    fn place(&self) -> u64 {
        u64::from(self.segment) << 32 | u64::from(self.row) << 8 | u64::from(self.revision.min(REVISION_MAX))
    }
}

impl Candidate {
    pub(crate) const fn place(&self) -> Place {
        Place::Sealed { segment: self.segment, row: self.row }
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is cut to its bits")]
    fn new(print: u64, place: u64) -> Self {
        let revision = place as u32 & 0xff;
        Self {
            segment: (place >> 32) as u32,
            row: place as u32 >> 8,
            print,
            revision: (revision < REVISION_MAX).then_some(revision),
        }
    }
}

/// One sorted key file.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    derived: Derived,
    covered: Vec<(u32, [u8; 16])>,
    count: usize,
    bucket_bits: u32,
}

impl KeyFile {
    fn open(files: &FarmFiles, path: PathBuf) -> Result<Self, StoreError> {
        let derived = Derived::open(files, &path, KIND)?;
        let count = derived.section_len(KEYS) / 8;
        let buckets = (derived.section_len(DIRECTORY) / 4).saturating_sub(1);
        let fits = buckets.is_power_of_two()
            && [KEYS, PRINTS, PLACES].iter().all(|section| derived.section_len(*section) == count * 8);
        if !fits {
            return Err(derived.damaged("its columns differ in length"));
        }
        let listed = derived.section(COVERED)?.chunks_exact(COVERED_BYTES);
        let covered = listed.map(|entry| (number_at(entry, 0), checksum_at(entry, 4))).collect();
        Ok(Self { path, derived, covered, count, bucket_bits: buckets.trailing_zeros() })
    }

    /// Visits the records with a key.
    fn find(&self, key: u64, mut visit: impl FnMut(Candidate)) -> Result<(), StoreError> {
        // A shift by all 64 bits, where there is one bucket, is none.
        let bucket = key.checked_shr(64 - self.bucket_bits).and_then(|bucket| usize::try_from(bucket).ok());
        let at = bucket.unwrap_or(0) * 4;
        let bounds = self.derived.part(DIRECTORY, at..at + 8)?;
        let (start, end) = (number_at(bounds, 0) as usize, number_at(bounds, 4) as usize);
        let keys = self.derived.part(KEYS, start * 8..end * 8)?;
        for (index, found) in (start..).zip(keys.chunks_exact(8)) {
            if long_at(found, 0) == key {
                let print = self.derived.part(PRINTS, index * 8..index * 8 + 8)?;
                let place = self.derived.part(PLACES, index * 8..index * 8 + 8)?;
                visit(Candidate::new(long_at(print, 0), long_at(place, 0)));
            }
        }
        Ok(())
    }

    /// Whether the file tells about the segment that the manifest names so.
    fn covers(&self, segment: &Segment) -> bool {
        self.covered.contains(&(segment.number, segment.file_checksum))
    }

    /// Visits the key and the place of every entry.
    pub(crate) fn visit(&self, mut visit: impl FnMut(u64, Candidate)) -> Result<(), StoreError> {
        let keys = self.derived.section(KEYS)?.chunks_exact(8);
        for (key, place) in keys.zip(self.derived.section(PLACES)?.chunks_exact(8)) {
            visit(long_at(key, 0), Candidate::new(0, long_at(place, 0)));
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

fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn long_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
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
            match KeyFile::open(files, path.clone()) {
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

/// Writes a key file about segments.
pub(crate) fn write_keys(
    files: &FarmFiles,
    covered: &[&Segment],
    mut entries: Vec<KeyEntry>,
) -> Result<KeyFile, StoreError> {
    entries.sort_unstable();
    let column =
        |of: &dyn Fn(&KeyEntry) -> u64| entries.iter().flat_map(|entry| of(entry).to_le_bytes()).collect();
    let (keys, prints, places) =
        (column(&|entry| entry.key), column(&|entry| entry.print), column(&KeyEntry::place));
    let covered: Vec<_> = covered.iter().map(|segment| (segment.number, segment.file_checksum)).collect();
    write_columns(files, &covered, keys, &prints, &places)
}

/// Writes one key file of several; entries of segments that are gone stay behind.
pub(crate) fn merge_keys(
    files: &FarmFiles,
    manifest: &Manifest,
    inputs: &[std::sync::Arc<KeyFile>],
) -> Result<KeyFile, StoreError> {
    let is_named = |segment: u32| manifest.segment(segment).is_some();
    let mut rows = Vec::new();
    for input in inputs {
        let columns = [KEYS, PRINTS, PLACES].map(|section| input.derived.section(section));
        let [keys, prints, places] = columns;
        let prints_and_places = prints?.chunks_exact(8).zip(places?.chunks_exact(8));
        for (key, (print, place)) in keys?.chunks_exact(8).zip(prints_and_places) {
            let place = long_at(place, 0);
            if is_named(Candidate::new(0, place).segment) {
                rows.push((long_at(key, 0), long_at(print, 0), place));
            }
        }
    }
    rows.sort_unstable();
    rows.dedup();
    let column =
        |of: fn(&(u64, u64, u64)) -> u64| rows.iter().flat_map(|row| of(row).to_le_bytes()).collect();
    let (keys, prints, places): (_, Vec<u8>, Vec<u8>) =
        (column(|row| row.0), column(|row| row.1), column(|row| row.2));
    let mut covered: Vec<_> = inputs
        .iter()
        .flat_map(|input| input.covered.iter().copied())
        .filter(|(number, _)| is_named(*number))
        .collect();
    covered.sort_unstable();
    covered.dedup();
    drop(rows);
    write_columns(files, &covered, keys, &prints, &places)
}

fn write_columns(
    files: &FarmFiles,
    covered: &[(u32, [u8; 16])],
    keys: Vec<u8>,
    prints: &[u8],
    places: &[u8],
) -> Result<KeyFile, StoreError> {
    let mut listed = Vec::with_capacity(covered.len() * COVERED_BYTES);
    for (number, checksum) in covered {
        listed.extend(number.to_le_bytes());
        listed.extend(checksum);
    }
    let path = files.derived(&format!("{:016x}.{EXTENSION}", name_of(&listed)));
    let directory = directory(&keys);
    write_derived(files, &path, KIND, &[&listed, &directory, &keys, prints, places])?;
    drop(keys);
    KeyFile::open(files, path)
}

/// A name that says what a file is about, so that another content gets another name.
fn name_of(listed: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(listed);
    hash.digest()
}

/// For each value of the first bits of a key, the number of keys below it.
fn directory(keys: &[u8]) -> Vec<u8> {
    let count = keys.len() / 8;
    let buckets = (count / KEYS_OF_A_BUCKET).max(1).next_power_of_two();
    let bits = buckets.trailing_zeros();
    let mut directory = Vec::with_capacity((buckets + 1) * 4);
    let mut bucket_open = 0_u64;
    for (index, key) in (0_u32..).zip(keys.chunks_exact(8)) {
        let bucket = long_at(key, 0).checked_shr(64 - bits).unwrap_or(0);
        while bucket_open <= bucket {
            directory.extend(index.to_le_bytes());
            bucket_open += 1;
        }
    }
    directory.resize_with((buckets + 1) * 4, Default::default);
    let end = u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let open = usize::try_from(bucket_open).unwrap_or(buckets).min(buckets);
    directory[open * 4..].chunks_exact_mut(4).for_each(|bound| bound.copy_from_slice(&end));
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
        let manifest = Manifest::default().with_segments(&segments, &[]);
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
        let without_first = manifest.with_segments(&[], &[1]);
        let inputs = keys.mergeable().unwrap();
        let keys = keys.replaced(&inputs, merge_keys(&files, &without_first, &inputs).unwrap());
        assert_eq!(keys.files.len(), 1);
        check(&keys, &without_first, 1000);
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
        let manifest = Manifest::default().with_segments(&segments, &[]);
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
