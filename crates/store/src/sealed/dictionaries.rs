//! The dictionaries that the column blocks of a farm refer to, as a derived file.
//!
//! Values are only ever added behind those that are there, so that blocks stay right while the file grows. A file that has
//! to be made anew gets another lineage, and no block of the old one is read with it.

use farmtally_columns::{DICTIONARIES, FarmDictionaries, JobEntry};
use farmtally_model::{FleetId, InstanceType, JobId, JobName, LicenseProduct, QueueId, UserId, WorkerId};

use crate::encoding::Malformed;
use crate::error::StoreError;
use crate::sealed::derived::{Derived, write_derived};
use crate::sealed::files::FarmFiles;

/// The kind of this file among the derived files.
const KIND: u32 = 3;
const NAME: &str = "dictionaries.values";

/// The dictionaries of a farm. Their jobs count no sessions: that is for whoever puts blocks beside them.
#[derive(Debug, Clone)]
pub(crate) struct StoredDictionaries {
    pub(crate) lineage: u64,
    pub(crate) values: FarmDictionaries,
}

impl StoredDictionaries {
    /// Empty ones of a new lineage.
    pub(crate) fn fresh() -> Result<Self, StoreError> {
        let mut lineage = [0; 8];
        let no_randomness = |error: getrandom::Error| StoreError::Database { cause: error.to_string() };
        getrandom::fill(&mut lineage).map_err(no_randomness)?;
        Ok(Self { lineage: u64::from_le_bytes(lineage), values: FarmDictionaries::default() })
    }

    /// Reads them; `None` when they are missing or not what they were.
    pub(crate) fn open(files: &FarmFiles) -> Result<Option<Self>, StoreError> {
        let path = files.derived(NAME);
        if !path.exists() {
            return Ok(None);
        }
        match Derived::open(files, &path, KIND).and_then(|derived| Self::read(&derived)) {
            Ok(dictionaries) => Ok(Some(dictionaries)),
            Err(StoreError::DerivedDamaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(derived: &Derived) -> Result<Self, StoreError> {
        let sections = (0..SECTIONS).map(|section| derived.section(section));
        let sections = sections.collect::<Result<Vec<_>, _>>()?;
        decode(&sections).map_err(|malformed| derived.damaged(&malformed.reason()))
    }

    pub(crate) fn write(&self, files: &FarmFiles) -> Result<(), StoreError> {
        let refused = |error: postcard::Error| StoreError::Database { cause: error.to_string() };
        let values = &self.values;
        let texts = |texts: Vec<&str>| postcard::to_stdvec(&texts).map_err(refused);
        let types: Vec<Option<&str>> =
            values.instance_types.iter().map(|kind| kind.as_ref().map(InstanceType::as_str)).collect();
        let workers: Vec<Option<[u8; 16]>> =
            values.workers.iter().map(|worker| worker.map(WorkerId::bytes)).collect();
        let sections = [
            self.lineage.to_le_bytes().to_vec(),
            values.queues.iter().flat_map(|id| id.bytes()).collect(),
            values.fleets.iter().flat_map(|id| id.bytes()).collect(),
            values.jobs.iter().flat_map(|job| job.job_id.bytes()).collect(),
            texts(values.jobs.iter().map(|job| job.name.as_str()).collect())?,
            texts(values.users.iter().map(UserId::as_str).collect())?,
            postcard::to_stdvec(&types).map_err(refused)?,
            texts(values.products.iter().map(LicenseProduct::as_str).collect())?,
            postcard::to_stdvec(&workers).map_err(refused)?,
        ];
        let sections: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
        write_derived(files, &files.derived(NAME), KIND, &sections)
    }

    /// The number of values of each.
    pub(crate) fn lengths(&self) -> [u32; DICTIONARIES] {
        lengths(&self.values.lengths())
    }
}

/// Numbers of values as they are stored.
pub(crate) fn lengths(lengths: &[usize; DICTIONARIES]) -> [u32; DICTIONARIES] {
    lengths.map(|length| u32::try_from(length).unwrap_or(u32::MAX))
}

const SECTIONS: usize = 9;

fn decode(sections: &[&[u8]]) -> Result<StoredDictionaries, Malformed> {
    let [lineage, queues, fleets, job_ids, job_names, users, types, products, workers] = sections else {
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
    let job = |(id, name): ([u8; 16], &str)| without_sessions(JobId::from_bytes(id), name);
    let users: Vec<&str> = postcard::from_bytes(users)?;
    let types: Vec<Option<&str>> = postcard::from_bytes(types)?;
    let products: Vec<&str> = postcard::from_bytes(products)?;
    let workers: Vec<Option<[u8; 16]>> = postcard::from_bytes(workers)?;
    let values = FarmDictionaries {
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
    };
    let lineage: [u8; 8] = (*lineage).try_into()?;
    Ok(StoredDictionaries { lineage: u64::from_le_bytes(lineage), values })
}

fn without_sessions(job_id: JobId, name: &str) -> Result<JobEntry, Malformed> {
    let name = JobName::new(name)?;
    Ok(JobEntry { job_id, name, sessions: 0, latest_start_ms: i64::MIN, is_latest_known: true })
}
