//! ListJobs, GetJob, SearchJobs and BatchGetJob.

use farmtally_model::FarmId;
use farmtally_service::{Job, Search};
use farmtally_wire::{self as wire, JobKey};

use super::call::Call;
use super::{list, ok};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (farm_id, queue_id, position) = wire::parse_list_jobs(&call.request)?;
    let page_size = position.page_size.get();
    let limit = list::limit(page_size);
    let mut jobs = call.service.jobs(call.caller, farm_id, queue_id, position.after, limit)?;
    let more_after = list::cut(&mut jobs, page_size, |job| job.0.job_id);
    let shapes: Vec<_> = jobs.iter().map(|job| shape(farm_id, job)).collect();
    Ok(ok(wire::write_jobs_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let JobKey { farm_id, queue_id, job_id } = wire::parse_job(&call.request)?;
    let job = call.service.job(call.caller, farm_id, queue_id, job_id)?;
    Ok(ok(wire::write_job(&shape(farm_id, &job))))
}

pub(super) fn search(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = wire::parse_search::<Job, _>(&call.request, "queueIds")?;
    let search = Search {
        filter: wanted.filter.as_ref(),
        sorts: &wanted.sorts,
        offset: wanted.offset,
        limit: wanted.page_size,
    };
    let result = call.service.search_jobs(call.caller, wanted.farm_id, &wanted.within, search)?;
    let shapes: Vec<_> = result.found.iter().map(|job| shape(wanted.farm_id, job)).collect();
    Ok(ok(wire::write_found_jobs(&shapes, &wanted, result.total)))
}

pub(super) fn batch_get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let jobs = list::find(wire::parse_batch_get_job(&call.request)?, |key: &JobKey| {
        call.service.job(call.caller, key.farm_id, key.queue_id, key.job_id)
    })?;
    Ok(ok(wire::write_batch_of_jobs(&list::shapes(&jobs, |key, job| shape(key.farm_id, job)))))
}

fn shape(farm_id: FarmId, job: &Job) -> wire::Job<'_> {
    wire::Job {
        key: JobKey { farm_id, queue_id: job.0.queue_id, job_id: job.0.job_id },
        name: &job.0.name,
        created_by: job.0.user_id.as_str(),
        lifecycle_status: Job::LIFECYCLE_STATUS,
        priority: Job::PRIORITY,
        started_at: job.started_at(),
        ended_at: job.ended_at(),
        task_run_status: job.task_run_status(),
        task_run_status_counts: job.task_run_status_counts(),
        task_failure_retry_count: job.task_failure_retry_count(),
    }
}
