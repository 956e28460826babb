//! Why an aggregation can end without an answer.

use farmtally_columns::ImageError;
use farmtally_model::{SessionId, VolumeId};

/// Why an aggregation ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AggregationError {
    /// The answer would have more rows than the limit.
    #[error("the answer has more than {rows_max} rows")]
    TooManyRows {
        /// The limit.
        rows_max: usize,
    },
    /// The groups would need more memory than the limit.
    #[error("the groups need more than {bytes_max} bytes of memory")]
    TooMuchMemory {
        /// The limit.
        bytes_max: usize,
    },
    /// The values of two groupBy fields have more combinations than can be numbered.
    #[error("the groupBy fields have more than 2^53 combinations of values")]
    TooManyGroups,
    /// A column block is not what was written. Its sessions cannot be counted before the block is made again.
    #[error("a column block of the farm cannot be read: {0}")]
    Damaged(#[from] ImageError),
    /// Whoever asked for it called it off.
    #[error("the aggregation was cancelled")]
    Cancelled,
    /// A running session has cost more than can be counted for one session.
    #[error(
        "{session_id}, which is running, has accrued more than 1,000,000,000 USD; correct its rate or end it"
    )]
    SessionAccruedTooMuch {
        /// The session.
        session_id: SessionId,
    },
    /// A volume has cost more than can be counted for one volume.
    #[error("{volume_id} has accrued more than 1,000,000,000 USD; correct its rate or end it")]
    VolumeAccruedTooMuch {
        /// The volume.
        volume_id: VolumeId,
    },
}
