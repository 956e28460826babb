//! What has to be kept, beside the images of blocks, to have a farm's columns back without reading its records.

use farmtally_model::{FleetId, InstanceType, LicenseProduct, QueueId, UserId, WorkerId};

use crate::block::SessionBlock;
use crate::jobs::JobEntry;

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
