//! Sessions by id, by job and by worker, and what jobs and workers add up to, against every session looked at one by one.

use std::collections::{BTreeMap, BTreeSet};

use farmtally_model::{
    FleetId, InstanceType, JobId, JobName, LineCost, NanoUsd, Outcome, QueueId, Record, RecordId,
    RecordNames, Session, SessionId, Span, Usage, UsageLine, UsageLines, UserId, WorkerId,
};
use farmtally_store::{
    Activity, JobSummary, PricedSubmission, SessionOwner, SessionPosition, Store, WorkerSummary, fingerprint,
};
use proptest::prelude::*;

use crate::sessions::{NOW, at, bytes, farm, open};

/// Few enough that jobs and workers are shared and ids repeat.
const NUMBERS: u32 = 24;
const FEW: u8 = 3;

#[derive(Debug, Clone, Copy)]
struct Facts {
    number: u32,
    queue: u8,
    job: u8,
    worker: Option<u8>,
    name: u8,
    start: i64,
    end: Option<i64>,
    outcome: Option<Outcome>,
    revision: u32,
}

impl Facts {
    fn session<C>(self, cost: C) -> Session<C> {
        Session {
            session_id: SessionId::from_bytes(bytes(self.number)),
            queue_id: QueueId::from_bytes([self.queue; 16]),
            fleet_id: FleetId::from_bytes([self.queue / 2; 16]),
            job_id: JobId::from_bytes([self.job; 16]),
            job_name: JobName::new(&format!("take {}", self.name)).unwrap(),
            user_id: UserId::new(&format!("user {}", self.name / 2)).unwrap(),
            worker_id: self.worker.map(|worker| WorkerId::from_bytes([worker; 16])),
            instance_type: (self.name > 0).then(|| InstanceType::new(&format!("c{}", self.name)).unwrap()),
            outcome: self.end.and(self.outcome),
            span: Span::new(at(self.start), self.end.map(at)).unwrap(),
            revision: self.revision,
            usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
        }
    }

    fn submission(self) -> PricedSubmission {
        let cost = NanoUsd::from_nanos(1).unwrap();
        PricedSubmission {
            fingerprint: fingerprint(&Record::Session(self.session(Some(cost)))),
            record: Record::Session(self.session(LineCost::Total(cost))),
            names: RecordNames::default(),
            amendment: None,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Facts>),
    Delete(u32),
    Seal,
    Reopen,
}

fn facts() -> impl Strategy<Value = Facts> {
    let outcomes = Outcome::ALL.map(|(_, outcome)| Some(outcome));
    let outcome = prop::sample::select([[None].as_slice(), &outcomes].concat());
    let times = (0_i64..8, prop::option::weighted(0.7, 0_i64..6));
    let owner = (1..=FEW, 1..=FEW, prop::option::weighted(0.8, 1..=FEW), 0..FEW);
    (0..NUMBERS, owner, times, outcome, 0_u32..6).prop_map(
        |(number, (queue, job, worker, name), (start, length), outcome, revision)| {
            let end = length.map(|length| start + length);
            Facts { number, queue, job, worker, name, start, end, outcome, revision }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(facts(), 1..12).prop_map(Step::Append),
        2 => (0..NUMBERS).prop_map(Step::Delete),
        1 => Just(Step::Seal),
        1 => Just(Step::Reopen),
    ]
}

/// Every session that is stored, by its id.
fn stored(store: &Store) -> Vec<Session<LineCost>> {
    let one = |number| store.session(farm(1), SessionId::from_bytes(bytes(number))).unwrap();
    (0..NUMBERS).filter_map(one).collect()
}

fn activity<'a>(sessions: impl Iterator<Item = &'a Session<LineCost>> + Clone) -> Activity {
    let mut ended = BTreeMap::new();
    for session in sessions.clone().filter(|session| session.span.ended_at().is_some()) {
        *ended.entry(session.outcome).or_insert(0) += 1;
    }
    Activity {
        first_started_at: sessions.clone().map(|session| session.span.started_at()).min().unwrap(),
        last_ended_at: sessions.clone().filter_map(|session| session.span.ended_at()).max(),
        running: sessions.filter(|session| session.span.ended_at().is_none()).count() as u64,
        ended,
    }
}

fn job(queue_id: QueueId, job_id: JobId, sessions: &[Session<LineCost>]) -> Option<JobSummary> {
    let own = sessions.iter().filter(|session| (session.queue_id, session.job_id) == (queue_id, job_id));
    let latest =
        own.clone().max_by_key(|session| (session.span.started_at(), &session.job_name, &session.user_id))?;
    let (name, user_id) = (latest.job_name.clone(), latest.user_id.clone());
    Some(JobSummary { queue_id, job_id, name, user_id, activity: activity(own) })
}

fn worker(fleet_id: FleetId, worker_id: WorkerId, sessions: &[Session<LineCost>]) -> Option<WorkerSummary> {
    let own = sessions
        .iter()
        .filter(|session| (session.fleet_id, session.worker_id) == (fleet_id, Some(worker_id)));
    let latest = own.clone().max_by_key(|session| (session.span.started_at(), &session.instance_type))?;
    let instance_type = latest.instance_type.clone();
    Some(WorkerSummary { fleet_id, worker_id, instance_type, activity: activity(own) })
}

/// The sessions of an owner, in pages of the given size.
fn walk(store: &Store, owner: SessionOwner, size: usize) -> Vec<Session<LineCost>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.sessions(farm(1), owner, after, size).unwrap();
        let is_last = page.len() < size;
        after = page.last().map(SessionPosition::of);
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

fn check_owner(store: &Store, owner: SessionOwner, sessions: &[Session<LineCost>]) {
    let is_own = |session: &&Session<LineCost>| match owner {
        SessionOwner::Job(queue, job) => (session.queue_id, session.job_id) == (queue, job),
        SessionOwner::Worker(fleet, worker) => (session.fleet_id, session.worker_id) == (fleet, Some(worker)),
    };
    let mut own: Vec<_> = sessions.iter().filter(is_own).cloned().collect();
    own.sort_by_key(|session| (session.span.started_at(), session.session_id));
    for size in [1, 2, 100] {
        assert_eq!(walk(store, owner, size), own, "{owner:?} in pages of {size}");
    }
}

fn check_all(store: &Store) {
    let sessions = stored(store);
    // One more id than there are, and one twice.
    let ids: Vec<_> = (0..=NUMBERS).chain([0]).map(|number| SessionId::from_bytes(bytes(number))).collect();
    let mut together = store.sessions_with(farm(1), &ids).unwrap();
    together.sort_by_key(|session| session.session_id);
    together.dedup();
    assert_eq!(together, sessions);
    assert_eq!(sessions.len() as u64, store.snapshot(farm(1)).unwrap().session_count());
    let queues: BTreeSet<_> = (0..=FEW).map(|queue| QueueId::from_bytes([queue; 16])).collect();
    for queue_id in queues {
        let jobs = (0..=FEW).map(|number| JobId::from_bytes([number; 16]));
        let expected: Vec<_> = jobs.clone().filter_map(|job_id| job(queue_id, job_id, &sessions)).collect();
        assert_eq!(store.jobs(farm(1), queue_id, None, 100).unwrap(), expected);
        let first = expected.first().map(|job| job.job_id);
        assert_eq!(store.jobs(farm(1), queue_id, first, 1).unwrap(), expected.get(1..2).unwrap_or_default());
        for job_id in jobs {
            let found = store.job(farm(1), queue_id, job_id).unwrap();
            assert_eq!(found, job(queue_id, job_id, &sessions));
            check_owner(store, SessionOwner::Job(queue_id, job_id), &sessions);
        }
    }
    for fleet_id in (0..=FEW).map(|fleet| FleetId::from_bytes([fleet; 16])) {
        let workers = (0..=FEW).map(|number| WorkerId::from_bytes([number; 16]));
        let expected: Vec<_> =
            workers.clone().filter_map(|worker_id| worker(fleet_id, worker_id, &sessions)).collect();
        assert_eq!(store.workers(farm(1), fleet_id, None, 100).unwrap(), expected);
        let running = expected.iter().filter(|worker| worker.activity.running > 0).count();
        assert_eq!(store.running_worker_count(farm(1), fleet_id).unwrap(), running);
        for worker_id in workers {
            let found = store.worker(farm(1), fleet_id, worker_id).unwrap();
            assert_eq!(found, worker(fleet_id, worker_id, &sessions));
            check_owner(store, SessionOwner::Worker(fleet_id, worker_id), &sessions);
        }
    }
}

fn check(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for step in steps {
        match step {
            Step::Append(batch) => {
                let batch: Vec<_> = batch.iter().map(|facts| facts.submission()).collect();
                store.append(farm(1), &batch, at(NOW)).unwrap().into_inner();
            }
            Step::Delete(number) => {
                let id = RecordId::Session(SessionId::from_bytes(bytes(*number)));
                store.delete(farm(1), id, at(NOW)).unwrap().into_inner();
            }
            Step::Seal => store.seal(farm(1)).unwrap(),
            Step::Reopen => {
                drop(store);
                store = open(dir.path());
            }
        }
        check_all(&store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn jobs_and_workers_are_what_their_sessions_add_up_to(steps in prop::collection::vec(step(), 1..10)) {
        check(&steps);
    }
}

const FACTS: Facts = Facts {
    number: 1,
    queue: 1,
    job: 1,
    worker: Some(1),
    name: 1,
    start: 1000,
    end: None,
    outcome: Some(Outcome::Failed),
    revision: 0,
};

#[test]
fn a_session_is_found_while_it_runs_after_it_ended_and_not_after_it_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let session_id = SessionId::from_bytes(bytes(1));
    let end = || store.session(farm(1), session_id).unwrap().map(|session| session.span.ended_at());
    assert_eq!(end(), None);
    store.append(farm(1), &[FACTS.submission()], at(NOW)).unwrap().into_inner();
    assert_eq!(end(), Some(None));
    let ended = Facts { end: Some(2000), ..FACTS };
    store.append(farm(1), &[ended.submission()], at(NOW)).unwrap().into_inner();
    assert_eq!(end(), Some(Some(at(2000))));
    let job = store.job(farm(1), QueueId::from_bytes([1; 16]), JobId::from_bytes([1; 16])).unwrap().unwrap();
    assert_eq!((job.activity.running, job.activity.sessions()), (0, 1));
    assert_eq!(job.activity.ended, BTreeMap::from([(Some(Outcome::Failed), 1)]));
    store.delete(farm(1), RecordId::Session(session_id), at(NOW)).unwrap().into_inner();
    assert_eq!(end(), None);
    check_all(&store);
}

#[test]
fn a_correction_takes_back_what_a_job_was_before() {
    let correct = |correction: Facts| {
        let other = Facts { number: 2, start: 1500, end: Some(1600), name: 0, ..FACTS };
        let ended = Facts { end: Some(2000), ..FACTS };
        check(&[
            Step::Append(vec![ended, other]),
            Step::Append(vec![Facts { revision: 1, ..correction }]),
            Step::Reopen,
        ]);
    };
    correct(Facts { start: 1700, end: Some(2000), ..FACTS });
    correct(Facts { start: 1000, end: Some(1100), ..FACTS });
    correct(Facts { job: 2, worker: Some(2), end: Some(2000), ..FACTS });
    correct(Facts { worker: None, end: Some(2000), outcome: None, ..FACTS });
    correct(Facts { end: None, ..FACTS });
}
