//! Every way in which a use case can end without its result.
//!
//! Each error has two faces. `Display` is for the caller; what the disk or the database said is in the source, which
//! goes to the log and never to the wire.

use farmtally_model::{AggregationId, FarmId, FleetId, JobId, QueueId, SessionId, Timestamp, WorkerId};

use crate::access::{Action, Refusal, Role};

/// Something that a caller named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceName {
    /// A farm.
    Farm(FarmId),
    /// A queue of the farm.
    Queue(QueueId),
    /// A fleet of the farm.
    Fleet(FleetId),
    /// A queue and a fleet of the farm that belong together.
    Association(QueueId, FleetId),
    /// A job of the queue.
    Job(JobId),
    /// A worker of the fleet.
    Worker(WorkerId),
    /// A session of the job.
    Session(SessionId),
    /// An aggregation of the farm, or one whose hour is over.
    Aggregation(AggregationId),
}

impl ResourceName {
    /// The wire's `resourceType`.
    pub const fn resource_type(&self) -> &'static str {
        match self {
            Self::Farm(_) => "farm",
            Self::Queue(_) => "queue",
            Self::Fleet(_) => "fleet",
            Self::Association(..) => "queue-fleet-association",
            Self::Job(_) => "job",
            Self::Worker(_) => "worker",
            Self::Session(_) => "session",
            Self::Aggregation(_) => "sessions-statistics-aggregation",
        }
    }

    /// The wire's `resourceId`.
    pub fn resource_id(&self) -> String {
        match self {
            Self::Farm(id) => id.to_string(),
            Self::Queue(id) => id.to_string(),
            Self::Fleet(id) => id.to_string(),
            Self::Association(queue_id, fleet_id) => format!("{queue_id}/{fleet_id}"),
            Self::Job(id) => id.to_string(),
            Self::Worker(id) => id.to_string(),
            Self::Session(id) => id.to_string(),
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
    NotFound(ResourceName),
    /// A key that is for one farm wants to make another.
    #[error("access key `{access_key_id}` is for farm {farm_id} alone and may not create farms")]
    OneFarmOnly {
        /// The key.
        access_key_id: String,
        /// Its farm.
        farm_id: FarmId,
    },
    /// Something cannot be deleted, because something else needs it.
    #[error("{} {} cannot be deleted: {reason}", .resource.resource_type(), .resource.resource_id())]
    InUse {
        /// What was to be deleted.
        resource: ResourceName,
        /// What needs it, and what to do.
        reason: String,
    },
    /// Something cannot be done to an association that is active.
    #[error(
        "{} {} is ACTIVE; set its status to STOP_SCHEDULING_AND_COMPLETE_TASKS before deleting it",
        .0.resource_type(), .0.resource_id()
    )]
    Active(ResourceName),
    /// A client's token was used for another call.
    #[error("clientToken {token:?} was used within a day for a call with other parameters; use a new one")]
    OtherCall {
        /// The token.
        token: String,
    },
    /// More tags than a resource may have.
    #[error("the resource would have {count} tags; {max} are allowed")]
    TooManyTags {
        /// Tags that there would be.
        count: usize,
        /// Most that there may be.
        max: usize,
    },
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
    /// The database of a shared catalogue does not answer, did not confirm, or was changed by others, or the segments that
    /// servers share cannot be reached. The request can be sent again.
    #[error("{cause}")]
    CatalogueUnavailable {
        /// What happened, and what to do.
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
            Refusal::FarmNotVisible(farm_id) => Self::NotFound(ResourceName::Farm(farm_id)),
        }
    }
}

impl From<farmtally_store::StoreError> for ServiceError {
    fn from(error: farmtally_store::StoreError) -> Self {
        match error {
            farmtally_store::StoreError::DiskFull => Self::DiskFull,
            farmtally_store::StoreError::WriteRefused { cause } => Self::WriteRefused { cause },
            error @ (farmtally_store::StoreError::Unavailable { .. }
            | farmtally_store::StoreError::Objects { .. }
            | farmtally_store::StoreError::Unconfirmed { .. }
            | farmtally_store::StoreError::Outdated { .. }
            | farmtally_store::StoreError::Overtaken) => {
                Self::CatalogueUnavailable { cause: error.to_string() }
            }
            other => Self::internal(other),
        }
    }
}
