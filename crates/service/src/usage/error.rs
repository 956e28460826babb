//! Why a question about usage was not answered.

use farmtally_engine::AggregationError;
use farmtally_model::FarmId;
use farmtally_model::question::QuestionError;

use crate::error::ServiceError;
use crate::service::Service;

/// Why a question about usage was not answered.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Something in the question is wrong.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// The question is right, and its answer is more than a limit allows. The sentence names the limit.
    #[error("{0}")]
    TooLarge(String),
    /// Whoever asked does not wait for the answer any more, or waited too long.
    #[error("the question was called off")]
    Cancelled,
    /// Anything that can hinder any use case.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What to do about an answer that is too large.
const REDUCE: &str = "ask for a shorter window, a longer period, fewer groups (top), or less to group by";

impl UsageError {
    pub(super) fn of_engine(error: &AggregationError, service: &Service, farm_id: FarmId) -> Self {
        match error {
            AggregationError::Cancelled => Self::Cancelled,
            AggregationError::TooManyRows { rows_max } => {
                Self::TooLarge(format!("the answer has more than {rows_max} rows (rowsMax); {REDUCE}"))
            }
            AggregationError::TooMuchMemory { .. } | AggregationError::TooManyGroups => {
                Self::TooLarge(format!("{error}; {REDUCE}"))
            }
            AggregationError::Damaged(_) => {
                ServiceError::internal(service.column_damage(farm_id, error)).into()
            }
            AggregationError::SessionAccruedTooMuch { .. }
            | AggregationError::VolumeAccruedTooMuch { .. } => Self::TooLarge(error.to_string()),
        }
    }
}
