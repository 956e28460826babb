//! Which jobs are to be read, and which were over when they were read before.

use farmtally_deadline::Job;
use farmtally_model::{JobId, QueueId};

use super::marks::JobMark;

/// How long after a job's end its last sessions may still come to light: clocks differ, and lists lag behind.
const SETTLED_AFTER_MS: i64 = 5 * 60 * 1000;

/// A job that is to be read.
#[derive(Debug, Clone)]
pub(super) struct PlannedJob {
    pub(super) queue_id: QueueId,
    pub(super) job: Job,
    /// What was read of it before.
    pub(super) mark: Option<JobMark>,
}

impl PlannedJob {
    pub(super) fn job_id(&self) -> JobId {
        self.job.job_id
    }

    /// The name that its sessions have.
    pub(super) fn name(&self) -> &str {
        self.mark.as_ref().map_or(&self.job.name, |mark| &mark.name)
    }
}

/// Whether everything is known of a job: nothing happened to it since it was read, no worker is at it, no session of it
/// was running, and it was over for a while when it was read.
pub(super) fn is_settled(job: &Job, mark: &JobMark) -> bool {
    let is_old = job.ended_at.is_none_or(|at| mark.read_at.millis() - at.millis() >= SETTLED_AFTER_MS);
    job.state == mark.state && !job.is_active && mark.running.is_empty() && is_old
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::{SessionId, Timestamp};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_764_000_000_000 + seconds * 1000).unwrap()
    }

    fn job() -> Job {
        Job {
            job_id: JobId::from_bytes([1; 16]),
            name: "shot".to_owned(),
            created_by: "alice".to_owned(),
            ended_at: Some(at(0)),
            is_active: false,
            state: "a".to_owned(),
        }
    }

    fn mark() -> JobMark {
        JobMark {
            queue_id: QueueId::from_bytes([1; 16]),
            name: "shot".to_owned(),
            created_by: "alice".to_owned(),
            state: "a".to_owned(),
            read_at: at(300),
            running: [].into(),
        }
    }

    #[test]
    fn a_job_is_read_again_until_nothing_can_come_any_more() {
        assert!(is_settled(&job(), &mark()));
        assert!(!is_settled(&Job { state: "b".to_owned(), ..job() }, &mark()));
        assert!(!is_settled(&Job { is_active: true, ..job() }, &mark()));
        assert!(!is_settled(&job(), &JobMark { read_at: at(299), ..mark() }));
        let running = [SessionId::from_bytes([1; 16])].into();
        assert!(!is_settled(&job(), &JobMark { running, ..mark() }));
    }

    #[test]
    fn a_job_that_waits_has_no_sessions_that_are_not_known() {
        assert!(is_settled(&Job { ended_at: None, ..job() }, &mark()));
    }

    #[test]
    fn sessions_keep_the_name_that_their_job_had_first() {
        let renamed = Job { name: "shot 2".to_owned(), ..job() };
        let queue_id = QueueId::from_bytes([1; 16]);
        assert_eq!(PlannedJob { queue_id, job: renamed.clone(), mark: None }.name(), "shot 2");
        assert_eq!(PlannedJob { queue_id, job: renamed, mark: Some(mark()) }.name(), "shot");
    }
}
