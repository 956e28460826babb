//! Every way in which a use case can end without its result.
//!
//! Each error has two faces. `Display` is for the caller; what the disk or the database said is in the source, which
//! goes to the log and never to the wire.

use farmtally_model::{AggregationId, FarmId, FleetId, QueueId, Timestamp};

use crate::access::{Action, Refusal, Role};

/// Something that a caller named and that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingResource {
    /// A farm.
    Farm(FarmId),
    /// A queue of the farm.
    Queue(QueueId),
    /// A fleet of the farm.
    Fleet(FleetId),
    /// An aggregation of the farm, or one whose hour is over.
    Aggregation(AggregationId),
}

impl MissingResource {
    /// The wire's `resourceType`.
    pub const fn resource_type(&self) -> &'static str {
        match self {
            Self::Farm(_) => "farm",
            Self::Queue(_) => "queue",
            Self::Fleet(_) => "fleet",
            Self::Aggregation(_) => "sessions-statistics-aggregation",
        }
    }

    /// The wire's `resourceId`.
    pub fn resource_id(&self) -> String {
        match self {
            Self::Farm(id) => id.to_string(),
            Self::Queue(id) => id.to_string(),
            Self::Fleet(id) => id.to_string(),
            Self::Aggregation(id) => id.to_string(),
        }
    }
}

/// Something inside that went wrong; the caller learns only that it did.
pub type InternalError = Box<dyn std::error::Error + Send + Sync>;

/// Why a folder could not be opened for service.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder could not be opened.
    #[error(transparent)]
    Folder(#[from] farmtally_store::OpenError),
    /// The folder was opened and could not be read.
    #[error(transparent)]
    Store(#[from] farmtally_store::StoreError),
    /// A key could not be made.
    #[error("the system gave no random bytes")]
    NoRandomness(#[source] InternalError),
}

/// Why a use case ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The key's role does not allow it.
    #[error("access key `{access_key_id}` has the role {}, which may not {}", .role.as_str(), .action.words())]
    Denied {
        /// The key.
        access_key_id: String,
        /// Its role.
        role: Role,
        /// What was wanted.
        action: Action,
    },
    /// Something that was named is not there.
    #[error("{} {} does not exist", .0.resource_type(), .0.resource_id())]
    NotFound(MissingResource),
    /// The farm has an aggregation in progress.
    #[error(
        "farm {farm_id} is running aggregation {running} since {started_at}; \
         a farm runs one at a time, so wait until its status is no longer IN_PROGRESS"
    )]
    AggregationRunning {
        /// The farm.
        farm_id: FarmId,
        /// The aggregation that runs.
        running: AggregationId,
        /// When it was started.
        started_at: Timestamp,
    },
    /// A page token that this server did not make for this aggregation, or made too long ago.
    #[error("nextToken {reason}")]
    InvalidPageToken {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The disk has no room for the batch. Nothing of it was stored; it can be sent again.
    #[error("the server's disk is full, nothing of this batch was stored; send it again when there is room")]
    DiskFull,
    /// The disk refused a write, for a quota for instance. Nothing was stored; it can be sent again.
    #[error(
        "the server's disk refused a write ({cause}), nothing was stored; send it again when it takes writes"
    )]
    WriteRefused {
        /// What the disk said.
        cause: String,
    },
    /// Something inside went wrong.
    #[error("the server could not do this because of an internal problem; its log says more")]
    Internal(#[source] InternalError),
}

impl ServiceError {
    pub(crate) fn internal(error: impl Into<InternalError>) -> Self {
        Self::Internal(error.into())
    }
}

/// A farm that is not the caller's looks like one that does not exist.
impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied { access_key_id, role, action } => Self::Denied { access_key_id, role, action },
            Refusal::FarmNotVisible(farm_id) => Self::NotFound(MissingResource::Farm(farm_id)),
        }
    }
}

impl From<farmtally_store::StoreError> for ServiceError {
    fn from(error: farmtally_store::StoreError) -> Self {
        match error {
            farmtally_store::StoreError::DiskFull => Self::DiskFull,
            farmtally_store::StoreError::WriteRefused { cause } => Self::WriteRefused { cause },
            other => Self::internal(other),
        }
    }
}
