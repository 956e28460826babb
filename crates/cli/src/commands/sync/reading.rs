//! Jobs read by several threads, some jobs at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use farmtally_deadline::{
    BATCH_SESSIONS_MAX, CallError, Client, ListedSession, Refusal, SessionDetail, SessionKey, SessionsFound,
    Surroundings,
};
use farmtally_model::{FarmId, JobId, QueueId, SessionId, Timestamp};

use super::plan::PlannedJob;
use super::source;
use crate::patience::Patience;
use crate::report_error::Failure;

/// Jobs that a thread reads before it hands them over. Their sessions share the calls that read sessions whole, and what is
/// not handed over when a copy is killed is read again.
const JOBS_AT_A_TIME: usize = 16;

/// What was read of a job.
#[derive(Debug)]
pub(super) struct JobReading {
    /// Its place in the plan.
    pub(super) index: usize,
    /// When its sessions were listed.
    pub(super) read_at: Timestamp,
    /// Number of its sessions.
    pub(super) found: u64,
    /// Sessions that run, and that are stored as running already.
    pub(super) still_running: BTreeSet<SessionId>,
    /// The others, whole.
    pub(super) sessions: Vec<SessionDetail>,
    /// Those that the service listed and did not give.
    pub(super) refused: Vec<Refusal>,
}

/// Where jobs are read from.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    pub(super) patience: &'a Patience,
    pub(super) farm_id: FarmId,
    pub(super) threads: usize,
}

impl Reader<'_> {
    /// Reads jobs and gives what it read to `take`, in any order. After a failure it takes what the other threads have read,
    /// and reads no more.
    pub(super) fn read(
        self,
        jobs: &[PlannedJob],
        mut take: impl FnMut(JobReading) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, readings) = sync_channel(self.threads);
        thread::scope(|scope| {
            for _ in 0..self.threads.min(jobs.len().div_ceil(JOBS_AT_A_TIME)) {
                let (sender, next, is_over) = (sender.clone(), &next, &is_over);
                scope.spawn(move || self.work(jobs, next, is_over, &sender));
            }
            drop(sender);
            let (mut read, mut taken) = (Ok(()), Ok(()));
            for chunk in readings {
                match chunk {
                    Err(error) => read = read.and(Err(source::failed(&error))),
                    Ok(chunk) if taken.is_ok() => taken = chunk.into_iter().try_for_each(&mut take),
                    Ok(_) => {}
                }
                if read.is_err() || taken.is_err() {
                    is_over.store(true, Ordering::Relaxed);
                }
            }
            let stopped = if self.patience.is_stopped() { Err(source::stopped()) } else { Ok(()) };
            taken.and(read).and(stopped)
        })
    }

    fn work(
        self,
        jobs: &[PlannedJob],
        next: &AtomicUsize,
        is_over: &AtomicBool,
        readings: &SyncSender<Result<Vec<JobReading>, CallError>>,
    ) {
        while !is_over.load(Ordering::Relaxed) && !self.patience.is_stopped() {
            let first = next.fetch_add(JOBS_AT_A_TIME, Ordering::Relaxed);
            let Some(chunk) = jobs.get(first..(first + JOBS_AT_A_TIME).min(jobs.len())) else { return };
            if chunk.is_empty() || readings.send(self.read_chunk(first, chunk)).is_err() {
                return;
            }
        }
    }

    fn read_chunk(self, first: usize, jobs: &[PlannedJob]) -> Result<Vec<JobReading>, CallError> {
        let mut readings = Vec::with_capacity(jobs.len());
        let mut wanted = Vec::new();
        for (index, planned) in (first..).zip(jobs) {
            let read_at = self.patience.now();
            let listed = self.client.sessions(self.farm_id, planned.queue_id, planned.job_id())?;
            let (reading, keys) = sorted(index, read_at, planned, listed);
            readings.push(reading);
            wanted.extend(keys);
        }
        let found = self.get(&wanted)?;
        hand_out(found, &wanted, jobs, &mut readings);
        Ok(readings)
    }

    /// Sessions whole.
    pub(super) fn get(self, keys: &[SessionKey]) -> Result<SessionsFound, CallError> {
        let mut all = SessionsFound::default();
        for keys in keys.chunks(BATCH_SESSIONS_MAX) {
            let found = self.client.batch_get_sessions(self.farm_id, keys)?;
            all.sessions.extend(found.sessions);
            all.missing.extend(found.missing);
        }
        Ok(all)
    }
}

/// A reading in which the sessions are yet to come that are to be read whole, and their keys. A session that moved from one
/// page to the next meanwhile counts once.
fn sorted(
    index: usize,
    read_at: Timestamp,
    planned: &PlannedJob,
    listed: Vec<ListedSession>,
) -> (JobReading, Vec<SessionKey>) {
    let running = planned.mark.as_ref().map(|mark| &mark.running);
    let mut still_running = BTreeSet::new();
    let mut keys = BTreeMap::new();
    for session in listed {
        let id = SessionId::parse(&session.session_id).ok();
        let known = id.filter(|id| !session.has_ended && running.is_some_and(|running| running.contains(id)));
        match known {
            Some(id) => drop(still_running.insert(id)),
            None => drop(keys.insert(session.session_id.clone(), key(planned, session.session_id))),
        }
    }
    let found = (still_running.len() + keys.len()) as u64;
    let reading =
        JobReading { index, read_at, found, still_running, sessions: Vec::new(), refused: Vec::new() };
    (reading, keys.into_values().collect())
}

fn key(planned: &PlannedJob, session_id: String) -> SessionKey {
    SessionKey { queue_id: planned.queue_id, job_id: planned.job_id(), session_id }
}

/// Gives each session to the reading of its job, and to each reading the sessions that were wanted for it and did not come.
fn hand_out(found: SessionsFound, wanted: &[SessionKey], jobs: &[PlannedJob], readings: &mut [JobReading]) {
    let places: BTreeMap<(QueueId, JobId), usize> =
        jobs.iter().enumerate().map(|(place, job)| ((job.queue_id, job.job_id()), place)).collect();
    let mut absent: BTreeMap<&str, usize> = wanted
        .iter()
        .filter_map(|key| Some((&*key.session_id, *places.get(&(key.queue_id, key.job_id))?)))
        .collect();
    for session in found.sessions {
        if let Some(place) = absent.remove(&*session.session_id) {
            readings[place].sessions.push(session);
        }
    }
    let said: BTreeMap<&str, &str> =
        found.missing.iter().map(|missing| (&*missing.session_id, &*missing.message)).collect();
    for (session_id, place) in absent {
        let message =
            said.get(session_id).copied().unwrap_or("it was listed, and not given when it was asked for");
        let refusal =
            Refusal { session_id: session_id.to_owned(), field: "sessionId", message: message.to_owned() };
        readings[place].refused.push(refusal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_deadline::Job;

    use super::super::marks::JobMark;

    fn id(number: u8) -> String {
        SessionId::from_bytes([number; 16]).to_string()
    }

    fn planned(running: &[u8]) -> PlannedJob {
        let queue_id = QueueId::from_bytes([1; 16]);
        let now = Timestamp::MIN;
        PlannedJob {
            queue_id,
            job: Job {
                job_id: JobId::from_bytes([2; 16]),
                name: "shot".to_owned(),
                created_by: "alice".to_owned(),
                ended_at: None,
                is_active: true,
                state: String::new(),
            },
            mark: Some(JobMark {
                queue_id,
                name: "shot".to_owned(),
                created_by: "alice".to_owned(),
                state: String::new(),
                read_at: now,
                running: running.iter().map(|number| SessionId::from_bytes([*number; 16])).collect(),
            }),
        }
    }

    #[test]
    fn what_runs_on_is_not_read_again_and_what_moved_between_pages_counts_once() {
        let listed = |number, has_ended| ListedSession { session_id: id(number), has_ended };
        let sessions =
            vec![listed(1, false), listed(2, true), listed(3, false), listed(2, true), listed(1, false)];
        let (reading, keys) = sorted(0, Timestamp::MIN, &planned(&[1, 2]), sessions);
        assert_eq!(reading.found, 3);
        assert_eq!(reading.still_running, BTreeSet::from([SessionId::from_bytes([1; 16])]));
        assert_eq!(keys.iter().map(|key| key.session_id.clone()).collect::<Vec<_>>(), [id(2), id(3)]);
    }

    #[test]
    fn a_session_that_was_listed_and_does_not_come_is_refused_by_name() {
        let jobs = [planned(&[])];
        let listed = vec![ListedSession { session_id: id(7), has_ended: true }];
        let (reading, keys) = sorted(0, Timestamp::MIN, &jobs[0], listed);
        let mut readings = [reading];
        hand_out(SessionsFound::default(), &keys, &jobs, &mut readings);
        assert_eq!(readings[0].refused[0].session_id, id(7));
    }
}
