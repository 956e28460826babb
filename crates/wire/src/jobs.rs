//! ListJobs, GetJob, SearchJobs and BatchGetJob.
//!
//! farmtally does not run jobs: it knows them from their sessions. What the model demands and sessions do not tell has a
//! neutral value here. A session stands for a task, because sessions are all that there is to count.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, JobId, JobName, QueueId, Timestamp};
use serde_json::{Map, Value};

use crate::batch::{self, Found};
use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::search::{SearchRequest, search_answer};
use crate::validation::ValidationError;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobKey {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its queue.
    pub queue_id: QueueId,
    /// Its id.
    pub job_id: JobId,
}

/// A job as the API shows it.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Where it is.
    pub key: JobKey,
    /// Its name.
    pub name: &'a JobName,
    /// Whoever submitted it.
    pub created_by: &'a str,
    /// The status of its creation.
    pub lifecycle_status: &'static str,
    /// Its priority, 0 to 100.
    pub priority: i64,
    /// When its first session started.
    pub started_at: Timestamp,
    /// When its last session ended, unless one still runs.
    pub ended_at: Option<Timestamp>,
    /// What its sessions come to, as one status, if that can be said.
    pub task_run_status: Option<&'static str>,
    /// Its sessions by status, as far as their outcome is known.
    pub task_run_status_counts: BTreeMap<&'static str, u64>,
    /// Sessions that failed and were tried again.
    pub task_failure_retry_count: u64,
}

/// Which jobs are asked for: of which queue, and which page.
pub fn parse_list_jobs(
    request: &CheckedRequest,
) -> Result<(FarmId, QueueId, ListPosition<JobId>), ValidationError> {
    Ok((request.required("farmId")?, request.required("queueId")?, request.position()?))
}

/// The job of a request whose path has one.
pub fn parse_job(request: &CheckedRequest) -> Result<JobKey, ValidationError> {
    Ok(JobKey {
        farm_id: request.required("farmId")?,
        queue_id: request.required("queueId")?,
        job_id: request.required("jobId")?,
    })
}

/// The jobs of a request for several.
pub fn parse_batch_get_job(request: &CheckedRequest) -> Result<Vec<JobKey>, ValidationError> {
    batch::identifiers(request, |id| {
        let (farm_id, queue_id) = (id.required("farmId")?, id.required("queueId")?);
        Ok(JobKey { farm_id, queue_id, job_id: id.required("jobId")? })
    })
}

/// The body of a page of jobs. `more_after` is the last job of the page, if jobs follow it.
pub fn write_jobs_page(jobs: &[Job<'_>], more_after: Option<JobId>) -> Vec<u8> {
    json::page("jobs", jobs.iter().map(shape), more_after)
}

/// The body of one job.
pub fn write_job(job: &Job<'_>) -> Vec<u8> {
    shape(job).into_bytes()
}

/// The body of what a search found: some of `total`.
pub fn write_found_jobs(jobs: &[Job<'_>], search: &SearchRequest<QueueId>, total: usize) -> Vec<u8> {
    let jobs = jobs.iter().map(|job| shape(job).with_text("queueId", job.key.queue_id));
    search_answer("jobs", jobs, search, total)
}

/// The body of several jobs, and of those that were not found.
pub fn write_batch_of_jobs(jobs: &[Found<JobKey, Job<'_>>]) -> Vec<u8> {
    batch::answer("jobs", jobs, key, shape)
}

fn key(key: &JobKey) -> Shape {
    Shape::default()
        .with_text("farmId", key.farm_id)
        .with_text("queueId", key.queue_id)
        .with_text("jobId", key.job_id)
}

fn shape(job: &Job<'_>) -> Shape {
    let counts: Map<String, Value> = job
        .task_run_status_counts
        .iter()
        .map(|(status, count)| ((*status).to_owned(), (*count).into()))
        .collect();
    Shape::default()
        .with_text("jobId", job.key.job_id)
        .with("name", job.name.as_str())
        .with("lifecycleStatus", job.lifecycle_status)
        .with("lifecycleStatusMessage", "known by its sessions")
        .with("priority", job.priority)
        .with_text("createdAt", job.started_at)
        .with("createdBy", job.created_by)
        .with_text("startedAt", job.started_at)
        .with_some("endedAt", job.ended_at.map(|at| at.to_string()))
        .with_some("taskRunStatus", job.task_run_status)
        .with("taskRunStatusCounts", counts)
        .with("taskFailureRetryCount", job.task_failure_retry_count)
}
