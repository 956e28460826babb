//! The dictionaries that the column blocks of a farm refer to, as derived files.
//!
//! Values are only ever added behind those that are there, so that blocks stay right while the dictionaries grow. What was
//! added becomes a file of its own, and takes the files before it along that are no larger: so a value is written a few
//! times, however many there are and however often some come, and the files stay few. When one of them is lost, everything is
//! made anew under another lineage, and no block of the old one is read with it.

use std::path::{Path, PathBuf};

use farmtally_columns::{DICTIONARIES, FarmColumns, FarmDictionaries, JobEntry};
use farmtally_model::{FleetId, InstanceType, JobId, JobName, LicenseProduct, QueueId, UserId, WorkerId};

use crate::encoding::Malformed;
use crate::error::StoreError;
use crate::sealed::derived::{Derived, write_derived};
use crate::sealed::files::{FarmFiles, remove_file};

/// The kind of these files among the derived files.
const KIND: u32 = 3;
const EXTENSION: &str = "values";

/// Lineage, and in each dictionary the places of the first value and behind the last.
const EXTENT_BYTES: usize = 8 + 2 * 4 * DICTIONARIES;
const SECTIONS: usize = 9;

/// Numbers of values, of each dictionary.
pub(crate) type Lengths = [u32; DICTIONARIES];

/// The dictionaries that blocks refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) lineage: u64,
    /// Number of values of each.
    pub(crate) lengths: Lengths,
}

/// The files of a farm's dictionaries.
#[derive(Debug)]
pub(crate) struct StoredDictionaries {
    lineage: u64,
    /// One behind the other.
    files: Vec<ValueFile>,
    /// What is in the folder beside them: of other lineages, or merged.
    leftovers: Vec<PathBuf>,
    next_number: u32,
}

/// Values on their way to a file.
#[derive(Debug)]
pub(crate) struct NewValues {
    first: Lengths,
    values: FarmDictionaries,
}

impl NewValues {
    /// The lengths of the dictionaries with these values.
    pub(crate) fn end(&self) -> Lengths {
        let added = lengths(&self.values.lengths());
        std::array::from_fn(|dictionary| self.first[dictionary] + added[dictionary])
    }
}

/// A file with values.
#[derive(Debug)]
struct ValueFile {
    path: PathBuf,
    /// 0 for `dictionaries.values`, which had all values before there could be several files. Where it ends is not in it.
    number: u32,
    lineage: u64,
    first: Lengths,
    end: Lengths,
}

impl ValueFile {
    /// Number of its values.
    fn len(&self) -> u64 {
        count(&self.end) - count(&self.first)
    }
}

fn count(lengths: &Lengths) -> u64 {
    lengths.iter().copied().map(u64::from).sum()
}

/// Those of a farm that has nothing yet.
impl Default for StoredDictionaries {
    fn default() -> Self {
        Self { lineage: 0, files: Vec::new(), leftovers: Vec::new(), next_number: 1 }
    }
}

impl StoredDictionaries {
    /// Finds the files, and looks no further into them than where they begin and end. `None` when there are none, or one is
    /// missing or damaged.
    pub(crate) fn open(files: &FarmFiles) -> Result<Option<Self>, StoreError> {
        Ok(Self::find(files)?.filter(|stored| !stored.files.is_empty()))
    }

    /// Reads them with their values. They are empty and of a new lineage when they are missing or not what they were.
    pub(crate) fn read(files: &FarmFiles) -> Result<(Self, FarmDictionaries), StoreError> {
        if let Some(stored) = Self::open(files)? {
            match stored.values(files) {
                Ok(values) => return Ok((stored, values)),
                Err(StoreError::DerivedDamaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((Self::fresh(files)?, FarmDictionaries::default()))
    }

    /// Empty ones of a new lineage.
    pub(crate) fn fresh(files: &FarmFiles) -> Result<Self, StoreError> {
        let mut lineage = [0; 8];
        let no_randomness = |error: getrandom::Error| StoreError::Database { cause: error.to_string() };
        getrandom::fill(&mut lineage).map_err(no_randomness)?;
        let leftovers = files.derived_files(EXTENSION)?;
        let next_number = leftovers.iter().map(|path| number_of(path)).max().unwrap_or(0) + 1;
        Ok(Self { lineage: u64::from_le_bytes(lineage), files: Vec::new(), leftovers, next_number })
    }

    fn find(files: &FarmFiles) -> Result<Option<Self>, StoreError> {
        let mut paths = files.derived_files(EXTENSION)?;
        paths.sort_unstable_by_key(|path| number_of(path));
        let Some(next_number) = paths.last().map(|path| number_of(path) + 1) else { return Ok(None) };
        let (mut chain, mut leftovers) = (Vec::<ValueFile>::new(), Vec::new());
        for path in paths.into_iter().rev() {
            let file = match ValueFile::open(files, &path) {
                Ok(file) => file,
                Err(StoreError::DerivedDamaged { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let fits =
                chain.last().is_none_or(|behind| (file.lineage, file.end) == (behind.lineage, behind.first));
            if fits { chain.push(file) } else { leftovers.push(path) }
        }
        chain.reverse();
        let Some(first) = chain.first().filter(|first| first.first == Lengths::default()) else {
            return Ok(None);
        };
        Ok(Some(Self { lineage: first.lineage, files: chain, leftovers, next_number }))
    }

    fn values(&self, files: &FarmFiles) -> Result<FarmDictionaries, StoreError> {
        let mut values = FarmDictionaries::default();
        for file in &self.files {
            let derived = Derived::open(files, &file.path, KIND)?;
            append(&mut values, read(&derived)?);
            if lengths(&values.lengths()) != file.end {
                return Err(derived.damaged("it has more or fewer values than it says"));
            }
        }
        Ok(values)
    }

    /// Which dictionaries blocks refer to that are written with all values that are stored.
    pub(crate) fn origin(&self) -> Origin {
        Origin { lineage: self.lineage, lengths: self.end() }
    }

    fn end(&self) -> Lengths {
        self.files.last().map_or_else(Lengths::default, |file| file.end)
    }

    /// The values of a farm's columns that have to be stored; `None` when all are.
    pub(crate) fn unstored(&self, columns: &FarmColumns) -> Option<NewValues> {
        let first = self.first_unstored(&lengths(&columns.dictionary_lengths()))?;
        let values = columns.dictionaries_from(&first.map(|place| place as usize));
        Some(NewValues { first, values })
    }

    /// Where the values begin that a new file has, with those of files that it takes along.
    fn first_unstored(&self, lengths: &Lengths) -> Option<Lengths> {
        if !self.files.is_empty() && self.end() == *lengths {
            return None;
        }
        let mut added = count(lengths) - count(&self.end()).min(count(lengths));
        let mut first = self.end();
        for file in self.files.iter().rev() {
            if file.number > 0 && file.len() > added {
                break;
            }
            added += file.len();
            first = file.first;
        }
        Some(first)
    }

    /// Stores values that [`Self::unstored`] gave.
    pub(crate) fn add(&mut self, files: &FarmFiles, new: &NewValues) -> Result<(), StoreError> {
        let number = self.next_number;
        let path = files.derived(&format!("{number:010}.{EXTENSION}"));
        let (first, end) = (new.first, new.end());
        write(files, &path, (self.lineage, first, end), &new.values)?;
        let kept = self.files.iter().position(|file| file.first == first).unwrap_or(self.files.len());
        self.leftovers.extend(self.files.drain(kept..).map(|file| file.path));
        self.files.push(ValueFile { path, number, lineage: self.lineage, first, end });
        self.next_number += 1;
        for path in self.leftovers.drain(..) {
            remove_file(&path).map_err(files.failed(&path))?;
        }
        Ok(())
    }

    /// Verifies every byte of the files.
    pub(crate) fn verify(&self, files: &FarmFiles) -> Result<(), StoreError> {
        self.values(files).map(drop)
    }
}

/// Numbers of values as they are stored.
pub(crate) fn lengths(lengths: &[usize; DICTIONARIES]) -> Lengths {
    lengths.map(|length| u32::try_from(length).unwrap_or(u32::MAX))
}

/// The number of a file; 0 for `dictionaries.values`, and for what is none of ours.
fn number_of(path: &Path) -> u32 {
    path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0)
}

fn append(values: &mut FarmDictionaries, more: FarmDictionaries) {
    let FarmDictionaries { queues, fleets, jobs, users, instance_types, products, workers } = more;
    values.queues.extend(queues);
    values.fleets.extend(fleets);
    values.jobs.extend(jobs);
    values.users.extend(users);
    values.instance_types.extend(instance_types);
    values.products.extend(products);
    values.workers.extend(workers);
}

fn write(
    files: &FarmFiles,
    path: &Path,
    (lineage, first, end): (u64, Lengths, Lengths),
    values: &FarmDictionaries,
) -> Result<(), StoreError> {
    let refused = |error: postcard::Error| StoreError::Database { cause: error.to_string() };
    let texts = |texts: Vec<&str>| postcard::to_stdvec(&texts).map_err(refused);
    let types: Vec<Option<&str>> =
        values.instance_types.iter().map(|kind| kind.as_ref().map(InstanceType::as_str)).collect();
    let workers: Vec<Option<[u8; 16]>> =
        values.workers.iter().map(|worker| worker.map(WorkerId::bytes)).collect();
    let places = first.iter().chain(&end).flat_map(|place| place.to_le_bytes());
    let sections: [Vec<u8>; SECTIONS] = [
        lineage.to_le_bytes().into_iter().chain(places).collect(),
        values.queues.iter().flat_map(|id| id.bytes()).collect(),
        values.fleets.iter().flat_map(|id| id.bytes()).collect(),
        values.jobs.iter().flat_map(|job| job.job_id.bytes()).collect(),
        texts(values.jobs.iter().map(|job| job.name.as_str()).collect())?,
        texts(values.users.iter().map(UserId::as_str).collect())?,
        postcard::to_stdvec(&types).map_err(refused)?,
        texts(values.products.iter().map(LicenseProduct::as_str).collect())?,
        postcard::to_stdvec(&workers).map_err(refused)?,
    ];
    write_derived(files, path, KIND, &sections.each_ref().map(Vec::as_slice))
}

impl ValueFile {
    fn open(files: &FarmFiles, path: &Path) -> Result<Self, StoreError> {
        let derived = Derived::open(files, path, KIND)?;
        let extent = derived.section(0)?;
        let malformed = || derived.damaged("it does not say where it begins and ends");
        let (lineage, places) = extent.split_first_chunk::<8>().ok_or_else(malformed)?;
        let places: Vec<u32> = places
            .chunks_exact(4)
            .filter_map(|place| Some(u32::from_le_bytes(place.try_into().ok()?)))
            .collect();
        let (first, end) = match (extent.len(), number_of(path)) {
            (8, 0) => (Lengths::default(), lengths(&read(&derived)?.lengths())),
            (EXTENT_BYTES, 1..) => {
                let (first, end) = places.split_at(DICTIONARIES);
                (first.try_into().map_err(|_| malformed())?, end.try_into().map_err(|_| malformed())?)
            }
            _ => return Err(malformed()),
        };
        let is_ordered = first.iter().zip(&end).all(|(first, end)| first <= end);
        let file = Self {
            path: path.to_owned(),
            number: number_of(path),
            lineage: u64::from_le_bytes(*lineage),
            first,
            end,
        };
        if is_ordered { Ok(file) } else { Err(malformed()) }
    }
}

/// The values of a file.
fn read(derived: &Derived) -> Result<FarmDictionaries, StoreError> {
    let sections = (0..SECTIONS).map(|section| derived.section(section));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    decode(&sections).map_err(|malformed| derived.damaged(&malformed.reason()))
}

fn decode(sections: &[&[u8]]) -> Result<FarmDictionaries, Malformed> {
    let [_, queues, fleets, job_ids, job_names, users, types, products, workers] = sections else {
        return Err(Malformed::new("it has too few sections"));
    };
    let ids = |bytes: &[u8]| -> Vec<[u8; 16]> {
        bytes.chunks_exact(16).map(|id| id.try_into().unwrap_or_default()).collect()
    };
    let names: Vec<&str> = postcard::from_bytes(job_names)?;
    let job_ids = ids(job_ids);
    if names.len() != job_ids.len() {
        return Err(Malformed::new("jobs and their names differ in number"));
    }
    let job = |(id, name): ([u8; 16], &str)| -> Result<JobEntry, Malformed> {
        Ok(JobEntry::without_sessions(JobId::from_bytes(id), JobName::new(name)?))
    };
    let users: Vec<&str> = postcard::from_bytes(users)?;
    let types: Vec<Option<&str>> = postcard::from_bytes(types)?;
    let products: Vec<&str> = postcard::from_bytes(products)?;
    let workers: Vec<Option<[u8; 16]>> = postcard::from_bytes(workers)?;
    Ok(FarmDictionaries {
        queues: ids(queues).into_iter().map(QueueId::from_bytes).collect(),
        fleets: ids(fleets).into_iter().map(FleetId::from_bytes).collect(),
        jobs: job_ids.into_iter().zip(names).map(job).collect::<Result<_, _>>()?,
        users: users.into_iter().map(UserId::new).collect::<Result<_, _>>()?,
        instance_types: types
            .into_iter()
            .map(|kind| kind.map(InstanceType::new).transpose())
            .collect::<Result<_, _>>()?,
        products: products.into_iter().map(LicenseProduct::new).collect::<Result<_, _>>()?,
        workers: workers.into_iter().map(|worker| worker.map(WorkerId::from_bytes)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use farmtally_model::FarmId;

    fn files(dir: &tempfile::TempDir) -> FarmFiles {
        FarmFiles::new(dir.path(), FarmId::from_bytes([1; 16]))
    }

    /// Users and jobs with these numbers.
    fn values(numbers: std::ops::Range<u32>) -> FarmDictionaries {
        let job = |number: u32| {
            let name = JobName::new(&format!("shot {number}")).unwrap();
            JobEntry::without_sessions(JobId::from_bytes(u128::from(number).to_be_bytes()), name)
        };
        let user = |number: u32| UserId::new(&format!("user {number}")).unwrap();
        FarmDictionaries {
            jobs: numbers.clone().map(job).collect(),
            users: numbers.map(user).collect(),
            ..<_>::default()
        }
    }

    /// Stores all values up to a number. Returns how many were written.
    fn grow(stored: &mut StoredDictionaries, files: &FarmFiles, end: u32) -> u32 {
        let lengths = lengths(&values(0..end).lengths());
        let Some(first) = stored.first_unstored(&lengths) else { return 0 };
        let start = first.into_iter().max().unwrap();
        stored.add(files, &NewValues { first, values: values(start..end) }).unwrap();
        end - start
    }

    fn paths(files: &FarmFiles) -> Vec<PathBuf> {
        files.derived_files(EXTENSION).unwrap()
    }

    #[test]
    fn values_are_written_a_few_times_and_lie_in_a_few_files_however_often_some_come() {
        let dir = tempfile::tempdir().unwrap();
        let (files, mut written) = (files(&dir), 0);
        let mut stored = StoredDictionaries::fresh(&files).unwrap();
        for step in 1..=100_u32 {
            written += grow(&mut stored, &files, step * 3 + step % 3);
            assert!(paths(&files).len() <= 9, "{} files after step {step}", paths(&files).len());
            if step % 20 == 0 {
                let (again, found) = StoredDictionaries::read(&files).unwrap();
                assert_eq!((again.origin(), found), (stored.origin(), values(0..step * 3 + step % 3)));
                stored = again;
            }
        }
        assert!(written <= 301 * 9, "{written} values were written for 301");
        assert_eq!(grow(&mut stored, &files, 301), 0);
    }

    #[test]
    fn a_merged_file_that_stayed_changes_nothing_and_one_that_is_lost_begins_another_lineage() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let mut stored = StoredDictionaries::fresh(&files).unwrap();
        for end in [100, 108, 112] {
            grow(&mut stored, &files, end);
        }
        let before: Vec<_> = paths(&files).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
        assert_eq!(before.len(), 3);
        grow(&mut stored, &files, 116);
        assert_eq!(paths(&files).len(), 2);
        // As if the program had died before it removed what it had merged.
        for (bytes, path) in &before {
            fs::write(path, bytes).unwrap();
        }
        let (mut again, found) = StoredDictionaries::read(&files).unwrap();
        assert_eq!((again.origin(), found), (stored.origin(), values(0..116)));
        grow(&mut again, &files, 117);
        let (again, found) = StoredDictionaries::read(&files).unwrap();
        assert_eq!((again.origin().lineage, found), (stored.origin().lineage, values(0..117)));
        for path in paths(&files) {
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            let (other, found) = StoredDictionaries::read(&files).unwrap();
            let is_last = number_of(&path) + 1 == again.next_number;
            // Without the last one there is less, but what there is holds; blocks that need more are made anew.
            assert!(if is_last {
                found.lengths() != values(0..117).lengths()
            } else {
                found == FarmDictionaries::default()
            });
            assert_eq!(other.origin().lineage == again.origin().lineage, is_last);
            fs::write(&path, bytes).unwrap();
        }
    }

    #[test]
    fn the_one_file_of_before_is_read_and_becomes_one_of_several() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let mut stored = StoredDictionaries::fresh(&files).unwrap();
        grow(&mut stored, &files, 9);
        let derived = Derived::open(&files, &paths(&files)[0], KIND).unwrap();
        let mut sections: Vec<&[u8]> =
            (0..SECTIONS).map(|section| derived.section(section).unwrap()).collect();
        sections[0] = &sections[0][..8];
        write_derived(&files, &files.derived("dictionaries.values"), KIND, &sections).unwrap();
        fs::remove_file(&paths(&files)[0]).unwrap();
        let (mut again, found) = StoredDictionaries::read(&files).unwrap();
        assert_eq!((again.origin(), found), (stored.origin(), values(0..9)));
        // Ten times as many as are new.
        assert_eq!(grow(&mut again, &files, 10), 10);
        assert_eq!(paths(&files), [files.derived("0000000001.values")]);
        assert_eq!(StoredDictionaries::read(&files).unwrap().1, values(0..10));
    }
}
