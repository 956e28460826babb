//! Flamenco: sessions rebuilt from the changes of its tasks, because Flamenco keeps none.
//!
//! A task that becomes `active` opens a session of its worker, and any change away from that closes it. The changes come
//! from the log of each task ([`flamenco_task_log`]) or from the stream of events. The one fact that hurts when
//! discovered late: neither knows what a job is called. Names come from Flamenco's database, as [`FlamencoNames`].

mod events;
mod task_log;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use farmtally_model::{
    InstanceType, JobName, Outcome, Record, RecordNames, Session, SessionError, Span, Submission, Timestamp,
    UsageLines, UserId,
};

use crate::entry::FieldProblem;
use crate::foreign_id::{ForeignSource, display_name};
use crate::record::{compute_line, session_problem};

pub(crate) use self::events::FlamencoEvents;
pub use self::task_log::flamenco_task_log;

/// The status of a task that a worker works on.
const ACTIVE: &str = "active";
/// What nobody gave a name.
const UNKNOWN: &str = "unknown";
/// The fleet of a job that is for workers of any tag.
const ALL_WORKERS: &str = "all workers";

/// What Flamenco's database knows of its jobs, by the UUID of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlamencoNames {
    /// The jobs.
    pub jobs: HashMap<String, FlamencoJob>,
}

/// Names that may be read again while a stream of events is followed.
pub type SharedFlamencoNames = Arc<RwLock<FlamencoNames>>;

/// A job as Flamenco's database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlamencoJob {
    /// What people call it.
    pub name: String,
    /// The script that made its tasks, such as `simple-blender-render`.
    pub job_type: String,
    /// Who submitted it, from its metadata, which are empty unless the job type sets them.
    pub user: Option<String>,
    /// What it is for, from its metadata.
    pub project: Option<String>,
    /// UUID and name of the worker tag that it is for.
    pub tag: Option<(String, String)>,
}

/// A worker as an assignment names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    uuid: String,
    name: String,
}

/// A worker's time on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TaskRun<'a> {
    job: &'a str,
    task: &'a str,
    worker: Option<&'a Worker>,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl TaskRun<'_> {
    fn submission(&self, job: Option<&FlamencoJob>) -> Result<Submission, FieldProblem> {
        let source = ForeignSource::new("flamenco");
        let unknown = FlamencoJob::default();
        let job = job.unwrap_or(&unknown);
        let queue = job.project.as_deref().or(some(&job.job_type)).unwrap_or(UNKNOWN);
        let unnamed = format!("job {}", self.job);
        let name = some(&job.name).unwrap_or(&unnamed);
        let tag = job.tag.as_ref();
        let fleet_id = tag.map_or_else(|| source.fleet(ALL_WORKERS), |(uuid, _)| source.fleet_of_uuid(uuid));
        let native = format!("{} {}", self.task, self.started_at.millis());
        let user = job.user.as_deref().unwrap_or(UNKNOWN);
        let session = Session {
            session_id: source.session(&native),
            queue_id: source.queue(queue),
            fleet_id,
            job_id: source.job_of_uuid(self.job),
            job_name: JobName::new(name).map_err(|error| FieldProblem::new("name", name, error))?,
            user_id: UserId::new(user).map_err(|error| FieldProblem::new("user.name", user, error))?,
            worker_id: self.worker.map(|worker| source.worker_of_uuid(&worker.uuid)),
            instance_type: self.worker.and_then(|worker| InstanceType::new(&worker.name).ok()),
            outcome: self.outcome,
            span: self.span()?,
            revision: 0,
            usage: UsageLines::new(vec![compute_line(None)]).map_err(|error| session_problem(&error))?,
        };
        let fleet = display_name(tag.map_or(ALL_WORKERS, |(_, name)| name));
        let names = RecordNames { queue: display_name(queue), fleet, user: None };
        Ok(Submission { record: Record::Session(session), names })
    }

    fn span(&self) -> Result<Span, FieldProblem> {
        Span::new(self.started_at, self.ended_at).map_err(|error: SessionError| {
            let ended_at = self.ended_at.map(|ended_at| ended_at.to_string()).unwrap_or_default();
            FieldProblem::new(format!("task {}", self.task), &ended_at, error)
        })
    }
}

/// How a run ended whose task left `active` for another status.
fn outcome(status: &str) -> Option<Outcome> {
    match status {
        "completed" => Some(Outcome::Succeeded),
        "failed" => Some(Outcome::Failed),
        // Both are tried again.
        "soft-failed" | "queued" => Some(Outcome::Retried),
        "canceled" | "cancel-requested" => Some(Outcome::Canceled),
        "paused" => Some(Outcome::Preempted),
        _ => None,
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
