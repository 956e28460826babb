//! The answer to a [`crate::UsageQuery`], in whole numbers and before the farm's scale factor.

use crate::calendar::Calendar;
use crate::dimension::DimensionValue;
use crate::statistics::Amounts;

/// Sessions, costs and runtimes of a group, in one bucket or in the whole window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageAmounts {
    /// Sessions (and volumes, where they count), each once.
    pub sessions: u64,
    /// Costs in nano-dollars; all zero without a session.
    pub cost: Amounts,
    /// Runtimes in milliseconds; all zero without a session.
    pub runtime: Amounts,
    /// Percentiles of the costs of single sessions, in the order of the question; all zero without a session.
    pub cost_percentiles: Vec<u64>,
    /// Percentiles of the runtimes of single sessions, likewise.
    pub runtime_percentiles: Vec<u64>,
}

/// A group and its totals over the whole window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageGroup {
    /// Who is in it.
    pub members: GroupMembers,
    /// Its totals. They are not the sums of its rows: a session that lies in several buckets counts once, and as a whole.
    pub total: UsageAmounts,
}

/// What makes a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupMembers {
    /// One value for each grouping; `None` where there is no value.
    Values(Vec<Option<DimensionValue>>),
    /// All groups that are not shown.
    Others {
        /// How many they are; zero where others have usage in the window that is compared with alone.
        groups: usize,
    },
}

/// What a group used in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Number of the bucket.
    pub bucket: u32,
    /// Index of the group.
    pub group: u32,
    /// At least one session, cut at the edges of the bucket.
    pub amounts: UsageAmounts,
}

/// What the groups of an answer used in a second window, which they are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedUsage {
    /// That window and its buckets.
    pub calendar: Calendar,
    /// For each group of the answer what it used there; `None` for nothing.
    pub groups: Vec<Option<UsageAmounts>>,
    /// By bucket of that window, and in a bucket by group of the answer. What has no usage has no row.
    pub rows: Vec<UsageRow>,
    /// Everything there that passed the filters, each session once.
    pub total: UsageAmounts,
}

/// What was read for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanFigures {
    /// Sessions that were looked at one by one because sums of them were not enough, running ones and volumes, whether they counted or
    /// not.
    pub rows_scanned: u64,
    /// Blocks of which columns were read.
    pub blocks_read: u64,
    /// Blocks of which no column was read, because nothing in them could count or their sums were enough.
    pub blocks_skipped: u64,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTable {
    /// The window and its buckets, as they were asked for.
    pub calendar: Calendar,
    /// The groups that have usage, by rank; equal ones ascend by their values, and the others come last.
    pub groups: Vec<UsageGroup>,
    /// By bucket, and in a bucket by group. What has no usage has no row.
    pub rows: Vec<UsageRow>,
    /// Everything that passed the filters, each session once, whatever it was grouped by.
    pub total: UsageAmounts,
    /// What was read.
    pub figures: ScanFigures,
}
