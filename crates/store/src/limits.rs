//! The store's limits.

use std::time::Duration;

/// Most records of one batch, which is one transaction and one row.
pub const BATCH_RECORDS_MAX: usize = 100_000;

/// Records from which on a batch is worth segments of its own, and how many of them have to end in a month.
pub(crate) const STRAIGHT_RECORDS: usize = 64 * 1024;
pub(crate) const STRAIGHT_RECORDS_OF_A_MONTH: usize = 4 * 1024;

/// Most records of a batch that is written straight into segments: they are in memory for as long as it takes.
pub const STRAIGHT_RECORDS_MAX: usize = 512 * 1024;

/// Ended records in batches from which on they are worth a segment.
pub(crate) const SEAL_RECORDS: usize = 256 * 1024;

/// Records that are sealed in one step: they are in memory for as long as it takes.
pub(crate) const SEAL_RECORDS_MAX: usize = 512 * 1024;

/// Most records of a segment.
pub(crate) const SEGMENT_RECORDS_MAX: usize = 512 * 1024;

/// Most rows of a segment, which are usage lines.
pub(crate) const SEGMENT_ROWS_MAX: usize = 1 << 24;

/// Rows from which on a row group is full: what one corrected record costs to read back.
pub(crate) const ROW_GROUP_ROWS: usize = 64 * 1024;

/// Segments of a month with fewer live records than this are small.
pub(crate) const SMALL_SEGMENT_RECORDS: u64 = 128 * 1024;

/// Small segments of a month that are worth a larger one.
pub(crate) const SMALL_SEGMENTS: usize = 4;

/// Key files of about one size that are worth one larger file.
pub(crate) const KEY_FILES_OF_A_SIZE: usize = 4;

/// Entries from which on a key file is not merged any more: merging takes 50 bytes of memory for each.
pub(crate) const KEY_FILE_ENTRIES_MAX: usize = 16 << 20;

/// Sealed batches that are deleted in one transaction, so that nobody waits long for it.
pub(crate) const PURGED_BATCHES: usize = 64;

/// How long ended records wait for a segment at the most, for those who read the Parquet files.
pub(crate) const SEAL_INTERVAL: Duration = Duration::from_mins(15);
