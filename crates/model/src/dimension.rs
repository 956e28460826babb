//! By what usage can be grouped and filtered, and the values that it can have there.

use std::fmt;
use std::sync::Arc;

use crate::ids::{FleetId, JobId, QueueId, WorkerId};
use crate::session::{Outcome, UsageType};
use crate::text::{InstanceType, JobName, LicenseProduct, UserId};

/// What usage can be grouped and filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The queue.
    Queue,
    /// The fleet.
    Fleet,
    /// The job.
    Job,
    /// The name that the job goes by. Jobs of one name are one group.
    JobName,
    /// The user.
    User,
    /// COMPUTE, LICENSE or PERSISTENT_VOLUME.
    UsageType,
    /// The kind of machine; some sessions have none.
    InstanceType,
    /// The licensed product; only LICENSE lines have one.
    LicenseProduct,
    /// The worker; some sessions have none.
    Worker,
    /// How the session ended; some sessions have none.
    Outcome,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 10] = [
        Self::Queue,
        Self::Fleet,
        Self::Job,
        Self::JobName,
        Self::User,
        Self::UsageType,
        Self::InstanceType,
        Self::LicenseProduct,
        Self::Worker,
        Self::Outcome,
    ];

    /// The name of the dimension: `queue`, `jobName` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Fleet => "fleet",
            Self::Job => "job",
            Self::JobName => "jobName",
            Self::User => "user",
            Self::UsageType => "usageType",
            Self::InstanceType => "instanceType",
            Self::LicenseProduct => "licenseProduct",
            Self::Worker => "worker",
            Self::Outcome => "outcome",
        }
    }

    /// The dimension with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }

    /// Whether the lines of one session can have different values in it.
    pub const fn is_of_lines(self) -> bool {
        matches!(self, Self::UsageType | Self::LicenseProduct)
    }

    /// Whether volumes have a value in it.
    pub const fn is_of_volumes(self) -> bool {
        matches!(self, Self::Fleet | Self::UsageType)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value of a group in one of its positions. The derived order is that of equal groups in an answer: ids and texts by
/// their bytes, "no value", which is `None`, first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DimensionValue {
    /// A queue.
    Queue(QueueId),
    /// A fleet.
    Fleet(FleetId),
    /// A job and the name that it goes by.
    Job(JobId, JobName),
    /// A name of jobs.
    JobName(JobName),
    /// What a pattern found in the names of jobs.
    Captured(Arc<str>),
    /// A user.
    User(UserId),
    /// A usage type.
    UsageType(UsageType),
    /// A kind of machine.
    InstanceType(InstanceType),
    /// A licensed product.
    LicenseProduct(LicenseProduct),
    /// A worker.
    Worker(WorkerId),
    /// An outcome.
    Outcome(Outcome),
}

impl fmt::Display for DimensionValue {
    /// The id, or the text where that is all there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(id) => id.fmt(f),
            Self::Fleet(id) => id.fmt(f),
            Self::Job(id, _) => id.fmt(f),
            Self::JobName(name) => name.fmt(f),
            Self::Captured(text) => f.write_str(text),
            Self::User(id) => id.fmt(f),
            Self::UsageType(usage_type) => f.write_str(usage_type.as_str()),
            Self::InstanceType(text) => text.fmt(f),
            Self::LicenseProduct(text) => text.fmt(f),
            Self::Worker(id) => id.fmt(f),
            Self::Outcome(outcome) => f.write_str(outcome.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_read_back_and_nothing_else_does() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
        }
        assert_eq!(Dimension::parse("QUEUE_ID"), None);
    }
}
