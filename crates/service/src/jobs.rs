//! Jobs, as their sessions tell of them.
//!
//! A session stands for a task here. One whose source says nothing of its outcome is in no count, and a job with such
//! sessions alone has no status: what is not known is not made up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use farmtally_model::search::{FieldKind, FieldValue, Filter, Searched, Sort, compare};
use farmtally_model::{FarmId, JobId, Outcome, QueueId, Timestamp};
use farmtally_store::JobSummary;

use crate::access::Caller;
use crate::error::{ResourceName, ServiceError};
use crate::service::Service;

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job(pub JobSummary);

impl Job {
    /// The priority of every job, which is the service's own for jobs that name none.
    pub const PRIORITY: i64 = 50;
    /// The status of every job's creation: whatever has sessions was created.
    pub const LIFECYCLE_STATUS: &'static str = "CREATE_COMPLETE";

    /// When its first session started.
    pub fn started_at(&self) -> Timestamp {
        self.0.activity.first_started_at
    }

    /// When its last session ended, unless one runs.
    pub fn ended_at(&self) -> Option<Timestamp> {
        if self.0.activity.running > 0 { None } else { self.0.activity.last_ended_at }
    }

    /// Its sessions by the service's status of tasks, as far as their outcome is known and is a status.
    pub fn task_run_status_counts(&self) -> BTreeMap<&'static str, u64> {
        let activity = &self.0.activity;
        let ended = activity.ended.iter().filter_map(|(outcome, count)| Some(((*outcome)?, *count)));
        let ended = ended.filter_map(|(outcome, count)| Some((task_run_status(outcome)?, count)));
        let running = (activity.running > 0).then_some((RUNNING, activity.running));
        running.into_iter().chain(ended).collect()
    }

    /// What its sessions come to: RUNNING while one runs, else FAILED or CANCELED if one was, else SUCCEEDED if that is
    /// known of one.
    pub fn task_run_status(&self) -> Option<&'static str> {
        let counts = self.task_run_status_counts();
        [RUNNING, FAILED, CANCELED, SUCCEEDED].into_iter().find(|status| counts.contains_key(status))
    }

    /// Sessions that failed and were tried again.
    pub fn task_failure_retry_count(&self) -> u64 {
        self.0.activity.ended.get(&Some(Outcome::Retried)).copied().unwrap_or_default()
    }
}

const RUNNING: &str = "RUNNING";
const SUCCEEDED: &str = "SUCCEEDED";
const FAILED: &str = "FAILED";
const CANCELED: &str = "CANCELED";

/// The status of a task whose last session ended so. A task that is tried again, or waits for a worker again, is counted
/// by the session that comes next.
const fn task_run_status(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Succeeded => Some(SUCCEEDED),
        Outcome::Failed => Some(FAILED),
        Outcome::Canceled => Some(CANCELED),
        Outcome::Retried | Outcome::Preempted => None,
    }
}

impl Searched for Job {
    const FIELDS: &'static [(&'static str, FieldKind)] = &[
        ("JOB_ID", FieldKind::Text),
        ("QUEUE_ID", FieldKind::Text),
        ("NAME", FieldKind::Text),
        ("CREATED_BY", FieldKind::Text),
        ("LIFECYCLE_STATUS", FieldKind::Text),
        ("TASK_RUN_STATUS", FieldKind::Text),
        ("PRIORITY", FieldKind::Number),
        ("TASK_FAILURE_RETRY_COUNT", FieldKind::Number),
        ("CREATED_AT", FieldKind::Time),
        ("STARTED_AT", FieldKind::Time),
        ("ENDED_AT", FieldKind::Time),
    ];

    fn value(&self, field: &str) -> Option<FieldValue<'_>> {
        let text = |text: &'static str| FieldValue::Text(text.into());
        match field {
            "JOB_ID" => Some(FieldValue::Text(self.0.job_id.to_string().into())),
            "QUEUE_ID" => Some(FieldValue::Text(self.0.queue_id.to_string().into())),
            "NAME" => Some(FieldValue::Text(self.0.name.as_str().into())),
            "CREATED_BY" => Some(FieldValue::Text(self.0.user_id.as_str().into())),
            "LIFECYCLE_STATUS" => Some(text(Self::LIFECYCLE_STATUS)),
            "TASK_RUN_STATUS" => self.task_run_status().map(text),
            "PRIORITY" => Some(FieldValue::Number(Self::PRIORITY)),
            "TASK_FAILURE_RETRY_COUNT" => {
                i64::try_from(self.task_failure_retry_count()).ok().map(FieldValue::Number)
            }
            "CREATED_AT" | "STARTED_AT" => Some(FieldValue::Time(self.started_at())),
            "ENDED_AT" => self.ended_at().map(FieldValue::Time),
            _ => None,
        }
    }

    fn searched_text(&self) -> Cow<'_, str> {
        self.0.name.as_str().into()
    }

    fn owner(&self) -> Option<&str> {
        Some(self.0.user_id.as_str())
    }
}

/// What is to be found, and which part of it.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// What it has to be like; without a filter everything is found.
    pub filter: Option<&'a Filter>,
    /// In which order; ties are in the order of ids.
    pub sorts: &'a [Sort],
    /// How many come before the first that is wanted.
    pub offset: usize,
    /// Most that are wanted.
    pub limit: usize,
}

/// A part of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchResult<T> {
    /// The part.
    pub found: Vec<T>,
    /// How many were found in all.
    pub total: usize,
}

impl Search<'_> {
    /// Whether something is to be found.
    pub(crate) fn matches(&self, searched: &impl Searched) -> bool {
        self.filter.is_none_or(|filter| filter.matches(searched))
    }

    /// The wanted part of everything that was found, which comes in the order of ids.
    pub(crate) fn part<T: Searched>(&self, mut found: Vec<T>) -> SearchResult<T> {
        let total = found.len();
        found.sort_by(|one, other| compare(one, other, self.sorts));
        SearchResult { found: found.into_iter().skip(self.offset).take(self.limit).collect(), total }
    }
}

impl Service {
    /// A job of a queue.
    pub fn job(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        queue_id: QueueId,
        job_id: JobId,
    ) -> Result<Job, ServiceError> {
        self.resource(caller, farm_id, queue_id)?;
        let job = self.store.job(farm_id, queue_id, job_id)?;
        job.map(Job).ok_or(ServiceError::NotFound(ResourceName::Job(job_id)))
    }

    /// The jobs of a queue, by id, after `after`.
    pub fn jobs(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        queue_id: QueueId,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<Job>, ServiceError> {
        self.resource(caller, farm_id, queue_id)?;
        let jobs = self.store.jobs(farm_id, queue_id, after, limit)?;
        Ok(jobs.into_iter().map(Job).collect())
    }

    /// Searches the jobs of some queues.
    pub fn search_jobs(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        queue_ids: &[QueueId],
        search: Search<'_>,
    ) -> Result<SearchResult<Job>, ServiceError> {
        let mut found = Vec::new();
        for queue_id in queue_ids {
            self.resource(caller, farm_id, *queue_id)?;
            self.store.for_each_job(farm_id, *queue_id, |job| {
                let job = Job(job);
                if search.matches(&job) {
                    found.push(job);
                }
            })?;
        }
        Ok(search.part(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_store::Activity;

    fn job(running: u64, ended: &[(Option<Outcome>, u64)]) -> Job {
        Job(JobSummary {
            queue_id: QueueId::from_bytes([1; 16]),
            job_id: JobId::from_bytes([2; 16]),
            name: "sh010 comp".parse().unwrap(),
            user_id: "alice".parse().unwrap(),
            activity: Activity {
                first_started_at: Timestamp::MIN,
                last_ended_at: Some(Timestamp::MAX),
                running,
                ended: ended.iter().copied().collect(),
            },
        })
    }

    #[test]
    fn a_job_is_what_its_sessions_came_to_as_far_as_that_is_known() {
        use Outcome::{Canceled, Failed, Preempted, Retried, Succeeded};
        let status = |running, ended: &[_]| job(running, ended).task_run_status();
        assert_eq!(status(1, &[(Some(Failed), 1)]), Some("RUNNING"));
        assert_eq!(
            status(0, &[(Some(Failed), 1), (Some(Canceled), 1), (Some(Succeeded), 9)]),
            Some("FAILED")
        );
        assert_eq!(status(0, &[(Some(Canceled), 1), (Some(Succeeded), 9)]), Some("CANCELED"));
        assert_eq!(status(0, &[(None, 5), (Some(Succeeded), 1)]), Some("SUCCEEDED"));
        assert_eq!(status(0, &[(None, 5), (Some(Retried), 2), (Some(Preempted), 1)]), None);
    }

    #[test]
    fn sessions_of_unknown_outcome_are_in_no_count() {
        let job = job(2, &[(None, 5), (Some(Outcome::Failed), 3), (Some(Outcome::Retried), 4)]);
        assert_eq!(job.task_run_status_counts(), BTreeMap::from([("RUNNING", 2), ("FAILED", 3)]));
        assert_eq!(job.task_failure_retry_count(), 4);
        assert_eq!(job.ended_at(), None);
    }

    #[test]
    fn every_field_of_a_job_has_the_kind_that_it_says() {
        let job = job(0, &[(Some(Outcome::Failed), 1)]);
        for (field, kind) in Job::FIELDS {
            let found = match job.value(field).unwrap() {
                FieldValue::Text(_) => FieldKind::Text,
                FieldValue::Time(_) => FieldKind::Time,
                FieldValue::Number(_) => FieldKind::Number,
            };
            assert_eq!(found, *kind, "{field}");
        }
    }
}
