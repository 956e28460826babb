//! The door to an engine on other machines, for farms that are too large for one.
//!
//! Such an engine reads the sealed records where they lie, as Parquet, and counts them alone. What is not sealed is counted
//! here by [`crate::aggregate`], and [`MergedGroups`] puts both together: counts, sums, least and greatest merge exactly.
//! What the other engine says is believed only if it saw every usage line that there is, and every nano-dollar of them.

mod merge;
mod sealed;

pub use merge::{Group, JobNames, MergedGroups};
pub use sealed::{DistributedError, RemovedRecord, SealedRecords, Seen};

use std::fmt;
use std::sync::atomic::AtomicBool;

use farmtally_model::AggregationQuery;

/// An engine that counts sealed records on other machines.
pub trait DistributedEngine: fmt::Debug + Send + Sync {
    /// What people call it, such as `spark`.
    fn name(&self) -> &'static str;

    /// Whether such a question over such records can be put to it. It looks at nothing but its arguments.
    fn can_answer(&self, query: &AggregationQuery, records: &SealedRecords) -> bool;

    /// Counts the sealed records and adds their groups. Returns what it saw of them, to be held against what there is.
    ///
    /// `cancelled` is set by another thread to call the question off; it is looked at several times a second.
    fn aggregate(
        &self,
        query: &AggregationQuery,
        records: &SealedRecords,
        groups: &mut MergedGroups,
        cancelled: &AtomicBool,
    ) -> Result<Seen, DistributedError>;
}
