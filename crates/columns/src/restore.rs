//! What has to be kept, beside the images of blocks, to have a farm's columns back without reading its records.

use farmtally_model::{FleetId, InstanceType, LicenseProduct, QueueId, UserId, WorkerId};

use crate::block::SessionBlock;
use crate::jobs::JobEntry;
use crate::row::SessionRow;
use crate::stack;

/// Dictionaries of a farm.
pub const DICTIONARIES: usize = 7;

/// The values of a farm's dictionaries, each in the order of their codes. Values are only ever added at the end; of a job
/// the number of its sessions and its latest start change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FarmDictionaries {
    /// Queues.
    pub queues: Vec<QueueId>,
    /// Fleets.
    pub fleets: Vec<FleetId>,
    /// Jobs under their names.
    pub jobs: Vec<JobEntry>,
    /// Users.
    pub users: Vec<UserId>,
    /// Instance types; one value may stand for "not known".
    pub instance_types: Vec<Option<InstanceType>>,
    /// Licensed products.
    pub products: Vec<LicenseProduct>,
    /// Workers; one value may stand for "not known".
    pub workers: Vec<Option<WorkerId>>,
}

impl FarmDictionaries {
    /// Number of values of each.
    pub fn lengths(&self) -> [usize; DICTIONARIES] {
        [
            self.queues.len(),
            self.fleets.len(),
            self.jobs.len(),
            self.users.len(),
            self.instance_types.len(),
            self.products.len(),
            self.workers.len(),
        ]
    }
}

/// Blocks that were made of sessions, and what these say of jobs.
#[derive(Debug)]
pub struct BlocksOfSessions {
    /// The blocks, by start.
    pub blocks: Vec<SessionBlock>,
    /// The sessions of each job under each name.
    pub jobs: Vec<JobSessions>,
}

impl BlocksOfSessions {
    /// Those of rows in any order, which [`crate::FarmColumns::code_sessions`] gives.
    pub fn of(rows: Vec<SessionRow>) -> Self {
        let jobs = JobSessions::count(&rows);
        Self { blocks: stack::cut(rows), jobs }
    }
}

/// Blocks of sealed sessions that come and go together.
#[derive(Debug)]
pub struct SealedPart {
    /// What their owner calls them.
    pub number: u32,
    /// The blocks.
    pub blocks: Vec<SessionBlock>,
}

/// Sessions under one job and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSessions {
    /// Code of the job under the name.
    pub code: u32,
    /// How many there are.
    pub sessions: u64,
    /// Start of the latest, in milliseconds since 1970.
    pub latest_start_ms: i64,
}

impl JobSessions {
    /// Counts the sessions of each code, by code.
    pub(crate) fn count(rows: &[SessionRow]) -> Vec<Self> {
        let mut starts: Vec<(u32, i64)> = rows.iter().map(|row| (row.job, row.start_ms)).collect();
        starts.sort_unstable();
        let of_code = |starts: &[(u32, i64)]| {
            let (code, latest_start_ms) = *starts.last()?;
            Some(Self { code, sessions: starts.len() as u64, latest_start_ms })
        };
        starts.chunk_by(|one, other| one.0 == other.0).filter_map(of_code).collect()
    }
}

/// A block, and which of its rows were removed since it was made.
#[derive(Debug)]
pub struct RestoredBlock {
    /// The block.
    pub block: SessionBlock,
    /// Indexes of the removed rows, as [`crate::BlockView::removed_rows`] gives them.
    pub removed: Vec<u32>,
}

/// Dictionaries and blocks that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A value has two codes.
    #[error("the dictionary of {dictionary} has a value twice")]
    ValueTwice {
        /// Which dictionary.
        dictionary: &'static str,
    },
    /// A removed row lies outside of its block.
    #[error("a removed row lies outside of its block")]
    NoSuchRow,
}
