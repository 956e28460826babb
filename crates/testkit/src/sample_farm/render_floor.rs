//! The floor where jobs are given to workers: makes the sessions, hour by hour.

use std::ops::Range;

use farmtally_model::{
    JobId, JobName, NanoUsd, Outcome, Record, RecordNames, Session, SessionId, Span, Submission, Timestamp,
    Usage, UsageLine, UsageLines, WorkerId,
};

use super::HOUR_MS;
use super::prng::Prng;
use super::rhythm::HourOfSessions;
use super::studio::{FX, GPU, HOUDINI, Machine, Product, SPOT, Studio};
use crate::certain::certain;

/// Jobs that a queue works on at a time.
const OPEN_JOBS: usize = 8;
/// Spread of session lengths, see [`Prng::log_normal_ms`].
const LENGTH_SPREAD: f64 = 0.8;
const LENGTH_MAX_MS: i64 = 14 * HOUR_MS;
const SHOWS: [&str; 4] = ["emberfall", "northlight", "saltroad", "tin_garden"];
const SHARES_OF_QUEUES: [(u32, usize); 4] = [(42, 0), (30, 1), (16, FX), (12, 3)];

struct Job {
    id: JobId,
    name: JobName,
    queue: usize,
    user: usize,
    products: &'static [usize],
    sessions_left: u32,
}

struct Worker {
    id: WorkerId,
    machine: Machine,
    free_at_ms: i64,
}

pub(super) struct RenderFloor {
    prng: Prng,
    studio: Studio,
    open_jobs: Vec<Vec<Job>>,
    workers: Vec<Vec<Worker>>,
    failing_job: Job,
    failing_day: Range<i64>,
    origin_ms: i64,
}

impl RenderFloor {
    /// A floor without workers; they are hired when there is work.
    pub(super) fn new(mut prng: Prng, studio: Studio, failing_day: Range<i64>, origin_ms: i64) -> Self {
        let failing_job = failing_job(&mut prng, &studio);
        let open_jobs = studio.queues.iter().map(|_| Vec::new()).collect();
        let workers = studio.fleets.iter().map(|_| Vec::new()).collect();
        Self { prng, studio, open_jobs, workers, failing_job, failing_day, origin_ms }
    }

    /// The sessions that start in an hour, in their order.
    pub(super) fn sessions_of(&mut self, hour: HourOfSessions) -> Vec<Submission> {
        let start_ms = |_| hour.start_ms + i64::from(self.prng.below(3_600_000));
        let mut starts_ms: Vec<i64> = (0..hour.sessions).map(start_ms).collect();
        starts_ms.sort_unstable();
        starts_ms.into_iter().map(|start_ms| self.session_at(start_ms)).collect()
    }

    fn session_at(&mut self, start_ms: i64) -> Submission {
        if self.failing_day.contains(&start_ms) && self.prng.percent(55) {
            self.failing_session(start_ms)
        } else {
            self.ordinary_session(start_ms)
        }
    }

    fn ordinary_session(&mut self, start_ms: i64) -> Submission {
        let queue = self.prng.weighted(&SHARES_OF_QUEUES);
        let fleet = self.prng.weighted(&self.studio.queues[queue].work.fleets);
        let end_ms = start_ms + self.length_ms(queue);
        let outcome = ordinary_outcome(&mut self.prng, fleet);
        let position = self.open_job(queue);
        let (worker_id, machine) = self.hire(fleet, start_ms, end_ms);
        let job = &mut self.open_jobs[queue][position];
        job.sessions_left -= 1;
        let facts = Facts { fleet, start_ms, end_ms, origin_ms: self.origin_ms, outcome, worker_id, machine };
        facts.submission(SessionId::from_bytes(self.prng.bytes16()), job, &self.studio)
    }

    /// The same simulation, again and again, on the expensive machines; it dies after two hours or so.
    fn failing_session(&mut self, start_ms: i64) -> Submission {
        let end_ms = start_ms + self.length_ms(FX) + HOUR_MS;
        let outcome =
            self.prng.weighted(&[(70, Outcome::Failed), (25, Outcome::Retried), (5, Outcome::Canceled)]);
        let (worker_id, machine) = self.hire(GPU, start_ms, end_ms);
        let facts =
            Facts { fleet: GPU, start_ms, end_ms, origin_ms: self.origin_ms, outcome, worker_id, machine };
        facts.submission(SessionId::from_bytes(self.prng.bytes16()), &self.failing_job, &self.studio)
    }

    fn length_ms(&mut self, queue: usize) -> i64 {
        let median_ms = self.studio.queues[queue].work.median_ms;
        self.prng.log_normal_ms(median_ms, LENGTH_SPREAD).clamp(1, LENGTH_MAX_MS)
    }

    /// Position of an open job with work left; jobs that are done make room for new ones.
    fn open_job(&mut self, queue: usize) -> usize {
        let jobs = &mut self.open_jobs[queue];
        jobs.retain(|job| job.sessions_left > 0);
        while jobs.len() < OPEN_JOBS {
            jobs.push(new_job(&mut self.prng, &self.studio, queue));
        }
        self.prng.index(OPEN_JOBS)
    }

    /// The first worker of a fleet that is free, or a new one.
    fn hire(&mut self, fleet: usize, start_ms: i64, end_ms: i64) -> (WorkerId, Machine) {
        let workers = &mut self.workers[fleet];
        let position = workers.iter().position(|worker| worker.free_at_ms <= start_ms).unwrap_or_else(|| {
            let machine = self.prng.pick(&self.studio.fleets[fleet].machines).clone();
            workers.push(Worker { id: WorkerId::from_bytes(self.prng.bytes16()), machine, free_at_ms: 0 });
            workers.len() - 1
        });
        let worker = &mut workers[position];
        worker.free_at_ms = end_ms;
        (worker.id, worker.machine.clone())
    }
}

/// Spot machines are taken back now and then.
fn ordinary_outcome(prng: &mut Prng, fleet: usize) -> Outcome {
    let preempted = if fleet == SPOT { 4 } else { 0 };
    prng.weighted(&[
        (92, Outcome::Succeeded),
        (3, Outcome::Failed),
        (2, Outcome::Canceled),
        (2, Outcome::Retried),
        (preempted, Outcome::Preempted),
    ])
}

fn new_job(prng: &mut Prng, studio: &Studio, queue: usize) -> Job {
    let shot = 10 * (1 + prng.below(40));
    let version = 1 + prng.below(24);
    let name = format!("{} sh{shot:03} {} v{version:03}", prng.pick(&SHOWS), studio.queues[queue].name);
    Job {
        id: JobId::from_bytes(prng.bytes16()),
        name: certain(JobName::new(&name)),
        queue,
        user: prng.index(studio.users.len()),
        products: prng.weighted(&studio.queues[queue].work.products),
        sessions_left: 4 + prng.below(60),
    }
}

fn failing_job(prng: &mut Prng, studio: &Studio) -> Job {
    let name = certain(JobName::new("northlight sh240 fx v031 flood"));
    Job { name, products: &[HOUDINI], ..new_job(prng, studio, FX) }
}

/// What is known of a session besides its job.
struct Facts {
    fleet: usize,
    start_ms: i64,
    end_ms: i64,
    origin_ms: i64,
    outcome: Outcome,
    worker_id: WorkerId,
    machine: Machine,
}

impl Facts {
    fn submission(self, session_id: SessionId, job: &Job, studio: &Studio) -> Submission {
        let (queue, fleet, user) =
            (&studio.queues[job.queue], &studio.fleets[self.fleet], &studio.users[job.user]);
        let session = Session {
            session_id,
            queue_id: queue.id,
            fleet_id: fleet.id,
            job_id: job.id,
            job_name: job.name.clone(),
            user_id: user.id.clone(),
            worker_id: Some(self.worker_id),
            instance_type: self.machine.instance_type.clone(),
            outcome: self.ended_at().map(|_| self.outcome),
            span: certain(Span::new(Timestamp::from_millis_clamped(self.start_ms), self.ended_at())),
            revision: 0,
            usage: certain(UsageLines::new(
                self.lines(job.products.iter().map(|index| &studio.products[*index])),
            )),
        };
        let names = RecordNames {
            queue: Some(queue.name.clone()),
            fleet: Some(fleet.name.clone()),
            user: Some(user.name.clone()),
        };
        Submission { record: Record::Session(session), names }
    }

    /// A session that is not over at the origin still runs.
    fn ended_at(&self) -> Option<Timestamp> {
        (self.end_ms <= self.origin_ms).then(|| Timestamp::from_millis_clamped(self.end_ms))
    }

    /// One line for the machine and one for each product, priced by the time up to the origin.
    fn lines<'a>(&self, products: impl Iterator<Item = &'a Product>) -> Vec<UsageLine<Option<NanoUsd>>> {
        let used_ms = self.end_ms.min(self.origin_ms).abs_diff(self.start_ms);
        let compute = UsageLine { usage: Usage::Compute, cost: self.machine.rate.cost_of(used_ms, 1) };
        let licence = |product: &Product| UsageLine {
            usage: Usage::License { product: product.name.clone(), quantity: 1 },
            cost: product.rate.cost_of(used_ms, 1),
        };
        std::iter::once(compute).chain(products.map(licence)).collect()
    }
}
