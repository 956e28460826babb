//! The facts that go in: sessions with their usage lines, and persistent volumes.
//!
//! The types are generic over the cost of a line, because the same session exists twice: as it was submitted
//! (`Option<NanoUsd>`, absent meaning "price it") and as it is kept ([`LineCost`]).

use std::fmt;

use crate::ids::{FleetId, JobId, QueueId, SessionId, VolumeId, WorkerId};
use crate::money::{LineCost, NanoUsd};
use crate::text::{DisplayName, InstanceType, JobName, LicenseProduct, UserId};
use crate::time::Timestamp;

/// Most usage lines of one session: one COMPUTE line and licences.
pub const USAGE_LINES_MAX: usize = 64;

/// Facts that contradict each other or the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The end lies before the start.
    #[error("endedAt {ended_at} is before startedAt {started_at}")]
    EndBeforeStart {
        /// Start of the span.
        started_at: Timestamp,
        /// End of the span.
        ended_at: Timestamp,
    },
    /// A session needs at least one usage line.
    #[error("usage is empty; leave it out for one COMPUTE line")]
    NoUsage,
    /// Too many usage lines.
    #[error("usage has {count} lines; at most {USAGE_LINES_MAX} are allowed")]
    TooManyLines {
        /// Lines found.
        count: usize,
    },
    /// Two lines for the same use.
    #[error("usage has two {line} lines; add their quantities and costs into one")]
    RepeatedLine {
        /// The repeated use.
        line: String,
    },
    /// The lines' costs add up to more than can be kept.
    #[error("the costs of the usage lines add up to more than {max} USD", max = NanoUsd::MAX)]
    TotalTooLarge,
}

/// When a session or volume was in use: from its start up to, but not including, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl Span {
    /// A span; no end means still running. Start and end may be the same instant.
    pub fn new(started_at: Timestamp, ended_at: Option<Timestamp>) -> Result<Self, SessionError> {
        match ended_at {
            Some(ended_at) if ended_at < started_at => {
                Err(SessionError::EndBeforeStart { started_at, ended_at })
            }
            _ => Ok(Self { started_at, ended_at }),
        }
    }

    /// The first instant.
    pub const fn started_at(self) -> Timestamp {
        self.started_at
    }

    /// The first instant after, or `None` while running.
    pub const fn ended_at(self) -> Option<Timestamp> {
        self.ended_at
    }
}

/// How a session's work ended, where the source knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The work was done.
    Succeeded,
    /// The work failed.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// It failed or was taken back, and was tried again.
    Retried,
    /// Something more important took the worker.
    Preempted,
}

impl Outcome {
    /// Every outcome with its text.
    pub const ALL: [(&'static str, Self); 5] = [
        ("SUCCEEDED", Self::Succeeded),
        ("FAILED", Self::Failed),
        ("CANCELED", Self::Canceled),
        ("RETRIED", Self::Retried),
        ("PREEMPTED", Self::Preempted),
    ];

    /// The outcome with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, outcome)| *outcome)
    }

    /// The text of the outcome.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, outcome)| *outcome == self).map_or("", |(name, _)| name)
    }
}

/// The service's three kinds of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageType {
    /// A worker's time.
    Compute,
    /// A licensed product's time.
    License,
    /// A persistent volume's time.
    PersistentVolume,
}

impl UsageType {
    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "COMPUTE",
            Self::License => "LICENSE",
            Self::PersistentVolume => "PERSISTENT_VOLUME",
        }
    }
}

/// What a usage line was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// The worker itself.
    Compute,
    /// A licensed product held for the whole session.
    License {
        /// The product.
        product: LicenseProduct,
        /// Licences held, at least one.
        quantity: u32,
    },
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compute => f.write_str("COMPUTE"),
            Self::License { product, .. } => write!(f, "LICENSE {product}"),
        }
    }
}

/// One usage and its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine<C> {
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub cost: C,
}

/// A session's usage: 1 to [`USAGE_LINES_MAX`] lines, at most one for COMPUTE and one for each product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLines<C>(Vec<UsageLine<C>>);

impl<C> UsageLines<C> {
    /// Checks number and repetition of the lines.
    pub fn new(lines: Vec<UsageLine<C>>) -> Result<Self, SessionError> {
        if lines.is_empty() {
            return Err(SessionError::NoUsage);
        }
        if lines.len() > USAGE_LINES_MAX {
            return Err(SessionError::TooManyLines { count: lines.len() });
        }
        let repeated = lines.iter().enumerate().find(|(index, line)| {
            lines[..*index].iter().any(|earlier| same_use(&earlier.usage, &line.usage))
        });
        match repeated {
            Some((_, line)) => Err(SessionError::RepeatedLine { line: line.usage.to_string() }),
            None => Ok(Self(lines)),
        }
    }

    /// The lines in the order in which they were given.
    pub fn as_slice(&self) -> &[UsageLine<C>] {
        &self.0
    }

    /// The same lines with other costs.
    pub fn map_costs<D, E>(
        self,
        mut cost: impl FnMut(&Usage, C) -> Result<D, E>,
    ) -> Result<UsageLines<D>, E> {
        let lines = self.0.into_iter().map(|line| {
            let cost = cost(&line.usage, line.cost)?;
            Ok(UsageLine { usage: line.usage, cost })
        });
        lines.collect::<Result<Vec<_>, E>>().map(UsageLines)
    }
}

impl UsageLines<LineCost> {
    /// Refuses lines whose fixed costs add up to more than [`NanoUsd::MAX`].
    pub fn check_total(&self) -> Result<(), SessionError> {
        let total = self.0.iter().try_fold(0_u64, |sum, line| match line.cost {
            LineCost::Total(cost) => sum.checked_add(cost.nanos()),
            LineCost::PerHour(_) => Some(sum),
        });
        match total {
            Some(total) if total <= NanoUsd::MAX.nanos() => Ok(()),
            _ => Err(SessionError::TotalTooLarge),
        }
    }
}

fn same_use(one: &Usage, other: &Usage) -> bool {
    match (one, other) {
        (Usage::Compute, Usage::Compute) => true,
        (Usage::License { product: one, .. }, Usage::License { product: other, .. }) => one == other,
        _ => false,
    }
}

/// One worker working for one job without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session<C> {
    /// Its identity within the farm, for ever.
    pub session_id: SessionId,
    /// The queue that the job was in.
    pub queue_id: QueueId,
    /// The fleet that the worker belongs to.
    pub fleet_id: FleetId,
    /// The job.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: JobName,
    /// Whoever submitted the job.
    pub user_id: UserId,
    /// The worker, where the source knows it.
    pub worker_id: Option<WorkerId>,
    /// The kind of machine, where the source knows it.
    pub instance_type: Option<InstanceType>,
    /// How it ended, where the source knows it.
    pub outcome: Option<Outcome>,
    /// When it ran.
    pub span: Span,
    /// A higher revision of the same session replaces a lower one.
    pub revision: u32,
    /// What it used.
    pub usage: UsageLines<C>,
}

/// A persistent volume of a fleet. It has no queue and no job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume<C> {
    /// Its identity within the farm, for ever.
    pub volume_id: VolumeId,
    /// The fleet it belongs to.
    pub fleet_id: FleetId,
    /// When it existed.
    pub span: Span,
    /// A higher revision of the same volume replaces a lower one.
    pub revision: u32,
    /// What it cost.
    pub cost: C,
}

/// A session or a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record<C> {
    /// A session.
    Session(Session<C>),
    /// A volume.
    Volume(Volume<C>),
}

impl<C: Copy> Record<C> {
    /// The same record with another cost for each line, by its position, or for the volume.
    pub fn with_costs<D>(&self, mut cost: impl FnMut(usize, C) -> D) -> Record<D> {
        match self {
            Self::Session(session) => Record::Session(session.with_costs(cost)),
            Self::Volume(volume) => Record::Volume(Volume {
                volume_id: volume.volume_id,
                fleet_id: volume.fleet_id,
                span: volume.span,
                revision: volume.revision,
                cost: cost(0, volume.cost),
            }),
        }
    }
}

impl<C: Copy> Session<C> {
    fn with_costs<D>(&self, mut cost: impl FnMut(usize, C) -> D) -> Session<D> {
        let lines = self.usage.0.iter().enumerate();
        let line = |(index, line): (usize, &UsageLine<C>)| UsageLine {
            usage: line.usage.clone(),
            cost: cost(index, line.cost),
        };
        Session {
            session_id: self.session_id,
            queue_id: self.queue_id,
            fleet_id: self.fleet_id,
            job_id: self.job_id,
            job_name: self.job_name.clone(),
            user_id: self.user_id.clone(),
            worker_id: self.worker_id,
            instance_type: self.instance_type.clone(),
            outcome: self.outcome,
            span: self.span,
            revision: self.revision,
            usage: UsageLines(lines.map(line).collect()),
        }
    }
}

impl<C> Record<C> {
    /// The identity under which the record counts once.
    pub fn id(&self) -> RecordId {
        match self {
            Self::Session(session) => RecordId::Session(session.session_id),
            Self::Volume(volume) => RecordId::Volume(volume.volume_id),
        }
    }

    /// When it was in use.
    pub fn span(&self) -> Span {
        match self {
            Self::Session(session) => session.span,
            Self::Volume(volume) => volume.span,
        }
    }

    /// Its revision.
    pub fn revision(&self) -> u32 {
        match self {
            Self::Session(session) => session.revision,
            Self::Volume(volume) => volume.revision,
        }
    }
}

/// The identity of a record within its farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    /// A session's.
    Session(SessionId),
    /// A volume's.
    Volume(VolumeId),
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => id.fmt(f),
            Self::Volume(id) => id.fmt(f),
        }
    }
}

/// What people call the things that a record names, where its source knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordNames {
    /// Name of the queue.
    pub queue: Option<DisplayName>,
    /// Name of the fleet.
    pub fleet: Option<DisplayName>,
    /// Name of the user.
    pub user: Option<DisplayName>,
}

/// A record as it was sent, not yet priced: a cost that is absent is to be taken from the farm's rate card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The record.
    pub record: Record<Option<NanoUsd>>,
    /// The names that came with it.
    pub names: RecordNames,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn license(product: &str) -> UsageLine<()> {
        UsageLine {
            usage: Usage::License { product: LicenseProduct::new(product).unwrap(), quantity: 1 },
            cost: (),
        }
    }

    fn compute() -> UsageLine<()> {
        UsageLine { usage: Usage::Compute, cost: () }
    }

    #[test]
    fn a_session_has_one_compute_line_and_one_line_per_product() {
        assert!(UsageLines::new(vec![compute(), license("arnold"), license("nuke")]).is_ok());
        assert_eq!(UsageLines::<()>::new(vec![]), Err(SessionError::NoUsage));
        let error = UsageLines::new(vec![license("nuke"), compute(), license("nuke")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "usage has two LICENSE nuke lines; add their quantities and costs into one"
        );
        assert!(UsageLines::new(vec![compute(), compute()]).is_err());
    }

    #[test]
    fn a_span_may_be_empty_but_not_backwards() {
        let (early, late) = (Timestamp::from_millis(1).unwrap(), Timestamp::from_millis(2).unwrap());
        assert!(Span::new(early, Some(early)).is_ok());
        assert!(Span::new(early, None).is_ok());
        let error = Span::new(late, Some(early)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "endedAt 1970-01-01T00:00:00.001Z is before startedAt 1970-01-01T00:00:00.002Z"
        );
    }

    #[test]
    fn outcomes_read_back() {
        for (text, outcome) in Outcome::ALL {
            assert_eq!(Outcome::parse(text), Some(outcome));
            assert_eq!(outcome.as_str(), text);
        }
        assert_eq!(Outcome::parse("DONE"), None);
    }
}
