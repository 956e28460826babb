//! A farm's jobs and workers, as its sessions tell of them: nobody creates one, and one without a session is gone.
//!
//! What is kept of a job or a worker is a fact about the sessions that are there, whatever came and went before, so that
//! it is the same after a restart. Counts can be taken back when a session goes; the first start, the last end and the
//! latest name cannot, and a job or worker that may have lost one of them is stale until its sessions are looked through.
//!
//! Beside them the roster knows the pieces of storage that may have sessions of a job or a worker, and
//! the starts that a piece spans, so that a page of sessions reads few pieces. Both only ever say too much.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use farmtally_model::{
    FleetId, InstanceType, JobId, JobName, Outcome, QueueId, Record, Session, Timestamp, UserId, WorkerId,
};
use hashbrown::{HashMap, HashSet};

use crate::catalogue::Tagged;
use crate::encoding::SessionOf;

/// A part of storage that is read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Piece {
    /// What sealing carries on.
    Carried,
    /// A batch, by its sequence.
    Batch(i64),
    /// A segment, by its number.
    Segment(u32),
}

/// Whose sessions a piece has, and when they started.
#[derive(Debug, Default)]
pub(crate) struct PieceIndex {
    jobs: HashSet<JobKey>,
    workers: HashSet<WorkerKey>,
    starts: Option<(i64, i64)>,
}

impl PieceIndex {
    /// The index of a piece with these records.
    pub(crate) fn of<'a, C: 'a>(records: impl Iterator<Item = &'a Record<C>>) -> Self {
        let mut index = Self::default();
        for session in records.filter_map(session_of) {
            index.jobs.insert((session.queue_id, session.job_id));
            index.workers.extend(session.worker_id.map(|worker_id| (session.fleet_id, worker_id)));
            index.starts = Some(spanned(index.starts, session.span.started_at().millis()));
        }
        index
    }
}

fn spanned(span: Option<(i64, i64)>, start_ms: i64) -> (i64, i64) {
    span.map_or((start_ms, start_ms), |(first, last)| (first.min(start_ms), last.max(start_ms)))
}

/// What the sessions of a job or a worker add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// When the first session started.
    pub first_started_at: Timestamp,
    /// When the last of the ended sessions ended, if any has.
    pub last_ended_at: Option<Timestamp>,
    /// Sessions that still run.
    pub running: u64,
    /// Ended sessions by what is known of their outcome; an outcome that no session has is left out.
    pub ended: BTreeMap<Option<Outcome>, u64>,
}

impl Activity {
    /// All sessions, running and ended.
    pub fn sessions(&self) -> u64 {
        self.running + self.ended.values().sum::<u64>()
    }
}

/// A job of a queue, as its sessions tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSummary {
    /// The queue that its sessions were in. A job whose sessions were in two queues is a job of each.
    pub queue_id: QueueId,
    /// The job.
    pub job_id: JobId,
    /// The name that its latest-started session gives it; of several, the greatest by its bytes.
    pub name: JobName,
    /// Whoever submitted it, as the same session says.
    pub user_id: UserId,
    /// Its sessions.
    pub activity: Activity,
}

/// A worker of a fleet, as its sessions tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSummary {
    /// The fleet that its sessions were on. A worker whose sessions were on two fleets is a worker of each.
    pub fleet_id: FleetId,
    /// The worker.
    pub worker_id: WorkerId,
    /// The kind of machine, as its latest-started session says, if it says so.
    pub instance_type: Option<InstanceType>,
    /// Its sessions.
    pub activity: Activity,
}

pub(crate) type JobKey = (QueueId, JobId);
pub(crate) type WorkerKey = (FleetId, WorkerId);
type JobLabel = (JobName, UserId);

/// Something that sessions belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionOwner {
    /// A job of a queue.
    Job(QueueId, JobId),
    /// A worker of a fleet.
    Worker(FleetId, WorkerId),
}

impl SessionOwner {
    /// Whether a session is one of its own.
    pub(crate) fn owns<C>(self, session: &Session<C>) -> bool {
        self.owns_one_of(SessionOf {
            job: (session.queue_id, session.job_id),
            worker: (session.fleet_id, session.worker_id),
        })
    }

    /// Whether a session of these is one of its own.
    pub(crate) fn owns_one_of(self, session: SessionOf) -> bool {
        match self {
            Self::Job(queue_id, job_id) => session.job == (queue_id, job_id),
            Self::Worker(fleet_id, worker_id) => session.worker == (fleet_id, Some(worker_id)),
        }
    }
}

/// A farm's jobs and workers.
///
/// It is gathered when somebody asks for it for the first time: statistics do without.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    is_gathered: bool,
    jobs: Register<JobKey, JobLabel>,
    workers: Register<WorkerKey, Option<InstanceType>>,
    /// The earliest and the latest start in each piece.
    starts: HashMap<Piece, (i64, i64)>,
    /// Sessions of each queue.
    queue_records: HashMap<QueueId, u64>,
    /// Sessions and volumes of each fleet.
    fleet_records: HashMap<FleetId, u64>,
}

impl Roster {
    /// One that is being gathered, and takes note of records from now on.
    pub(crate) fn gathering() -> Self {
        Self { is_gathered: true, ..Self::default() }
    }

    pub(crate) const fn is_gathered(&self) -> bool {
        self.is_gathered
    }

    /// Notes that a record took the place of another, of nothing, or that nothing took its place.
    pub(crate) fn replace<C>(&mut self, old: Option<&Record<C>>, new: Option<&Record<C>>, piece: Piece) {
        if !self.is_gathered {
            return;
        }
        self.count(old, u64::wrapping_sub);
        self.count(new, u64::wrapping_add);
        let (old, new) = (old.and_then(session_of), new.and_then(session_of));
        self.jobs.replace(old.map(Visit::to_job), new.map(Visit::to_job), piece);
        self.workers.replace(old.and_then(Visit::to_worker), new.and_then(Visit::to_worker), piece);
        if let Some(new) = new {
            let start_ms = new.span.started_at().millis();
            let span = spanned(self.starts.get(&piece).copied(), start_ms);
            self.starts.insert(piece, span);
        }
    }

    /// Notes that sessions lie in other pieces from now on.
    pub(crate) fn move_pieces(&mut self, new: &[(Piece, PieceIndex)], is_gone: impl Fn(Piece) -> bool) {
        if !self.is_gathered {
            return;
        }
        self.starts.retain(|piece, _| !is_gone(*piece));
        for (piece, index) in new {
            let Some((first, last)) = index.starts else { continue };
            let span = self.starts.get(piece).copied();
            self.starts.insert(*piece, spanned(Some(spanned(span, first)), last));
            index.jobs.iter().for_each(|key| self.jobs.move_piece(key, *piece, &is_gone));
            index.workers.iter().for_each(|key| self.workers.move_piece(key, *piece, &is_gone));
        }
    }

    fn count<C>(&mut self, record: Option<&Record<C>>, change: impl Fn(u64, u64) -> u64) {
        let fleet_id = match record {
            None => return,
            Some(Record::Session(session)) => {
                let records = self.queue_records.entry(session.queue_id).or_default();
                *records = change(*records, 1);
                session.fleet_id
            }
            Some(Record::Volume(volume)) => volume.fleet_id,
        };
        let records = self.fleet_records.entry(fleet_id).or_default();
        *records = change(*records, 1);
    }

    /// Number of a queue's sessions, of a fleet's sessions and volumes, or of a farm's sessions.
    pub(crate) fn record_count(&self, of: Tagged) -> u64 {
        match of {
            Tagged::Farm(_) => self.queue_records.values().sum(),
            Tagged::Queue(_, queue_id) => self.queue_records.get(&queue_id).copied().unwrap_or_default(),
            Tagged::Fleet(_, fleet_id) => self.fleet_records.get(&fleet_id).copied().unwrap_or_default(),
        }
    }

    /// A job, which must not be stale.
    pub(crate) fn job(&self, key: JobKey) -> Option<JobSummary> {
        self.jobs.entries.get_key_value(&key).map(job_summary)
    }

    /// The jobs of a queue behind one of them, by id. None may be stale.
    pub(crate) fn jobs(&self, queue_id: QueueId, after: Option<JobId>) -> impl Iterator<Item = JobSummary> {
        self.jobs
            .behind((queue_id, JobId::from_bytes([0; 16])), after.map(|after| (queue_id, after)))
            .take_while(move |((queue, _), _)| *queue == queue_id)
            .map(job_summary)
    }

    /// A worker, which must not be stale.
    pub(crate) fn worker(&self, key: WorkerKey) -> Option<WorkerSummary> {
        self.workers.entries.get_key_value(&key).map(worker_summary)
    }

    /// The workers of a fleet behind one of them, by id. None may be stale.
    pub(crate) fn workers(
        &self,
        fleet_id: FleetId,
        after: Option<WorkerId>,
    ) -> impl Iterator<Item = WorkerSummary> {
        self.workers
            .behind((fleet_id, WorkerId::from_bytes([0; 16])), after.map(|after| (fleet_id, after)))
            .take_while(move |((fleet, _), _)| *fleet == fleet_id)
            .map(worker_summary)
    }

    /// The pieces that may have sessions of an owner, each with the earliest and the latest start in it, by the former.
    pub(crate) fn pieces_of(&self, owner: SessionOwner) -> Vec<(i64, i64, Piece)> {
        let pieces = match owner {
            SessionOwner::Job(queue_id, job_id) => self.jobs.pieces(&(queue_id, job_id)),
            SessionOwner::Worker(fleet_id, worker_id) => self.workers.pieces(&(fleet_id, worker_id)),
        };
        let with_starts = pieces.iter().filter_map(|piece| {
            let (first, last) = self.starts.get(piece)?;
            Some((*first, *last, *piece))
        });
        let mut pieces: Vec<_> = with_starts.collect();
        pieces.sort_unstable();
        pieces
    }

    /// The first start and the last end of the ended sessions of an owner, which must not be stale, in milliseconds since 1970.
    pub(crate) fn span_of(&self, owner: SessionOwner) -> (i64, i64) {
        let span = match owner {
            SessionOwner::Job(queue_id, job_id) => self.jobs.span(&(queue_id, job_id)),
            SessionOwner::Worker(fleet_id, worker_id) => self.workers.span(&(fleet_id, worker_id)),
        };
        span.unwrap_or((i64::MIN, i64::MAX))
    }

    /// The pieces that have to be looked through for [`Roster::settle`]; none when nothing is stale.
    pub(crate) fn pieces_to_settle(&self) -> BTreeSet<Piece> {
        let jobs = self.jobs.stale.iter().flat_map(|key| self.jobs.pieces(key));
        let workers = self.workers.stale.iter().flat_map(|key| self.workers.pieces(key));
        jobs.chain(workers).copied().filter(|piece| self.starts.contains_key(piece)).collect()
    }

    /// Whether the facts about some job or worker have to be found out anew.
    pub(crate) fn is_stale(&self) -> bool {
        !self.jobs.stale.is_empty() || !self.workers.stale.is_empty()
    }

    /// Whether a session is needed for [`Roster::settle`].
    pub(crate) fn is_of_stale<C>(&self, session: &Session<C>) -> bool {
        self.jobs.stale.contains(&Visit::to_job(session).key)
            || Visit::to_worker(session).is_some_and(|visit| self.workers.stale.contains(&visit.key))
    }

    /// Takes the facts about the stale jobs and workers from their sessions, which have to be complete.
    pub(crate) fn settle<C>(&mut self, sessions: &[(Piece, Session<C>)]) {
        let visits = || sessions.iter().map(|(piece, session)| (*piece, session));
        self.jobs.settle(visits().map(|(piece, session)| (piece, Visit::to_job(session))));
        self.workers
            .settle(visits().filter_map(|(piece, session)| Some((piece, Visit::to_worker(session)?))));
    }
}

fn session_of<C>(record: &Record<C>) -> Option<&Session<C>> {
    match record {
        Record::Session(session) => Some(session),
        Record::Volume(_) => None,
    }
}

fn job_summary((key, entry): (&JobKey, &Entry<JobLabel>)) -> JobSummary {
    let (name, user_id) = entry.latest.1.clone();
    JobSummary { queue_id: key.0, job_id: key.1, name, user_id, activity: entry.activity() }
}

fn worker_summary((key, entry): (&WorkerKey, &Entry<Option<InstanceType>>)) -> WorkerSummary {
    let instance_type = entry.latest.1.clone();
    WorkerSummary { fleet_id: key.0, worker_id: key.1, instance_type, activity: entry.activity() }
}

/// A session as its job or its worker sees it.
#[derive(Debug, Clone)]
struct Visit<K, L> {
    key: K,
    label: L,
    start_ms: i64,
    end_ms: Option<i64>,
    outcome: Option<Outcome>,
}

impl<K, L> Visit<K, L> {
    fn new<C>(session: &Session<C>, key: K, label: L) -> Self {
        let (start_ms, end_ms) =
            (session.span.started_at().millis(), session.span.ended_at().map(Timestamp::millis));
        Self { key, label, start_ms, end_ms, outcome: session.outcome }
    }
}

impl Visit<JobKey, JobLabel> {
    fn to_job<C>(session: &Session<C>) -> Self {
        let label = (session.job_name.clone(), session.user_id.clone());
        Self::new(session, (session.queue_id, session.job_id), label)
    }
}

impl Visit<WorkerKey, Option<InstanceType>> {
    fn to_worker<C>(session: &Session<C>) -> Option<Self> {
        let key = (session.fleet_id, session.worker_id?);
        Some(Self::new(session, key, session.instance_type.clone()))
    }
}

/// Jobs or workers by their keys.
#[derive(Debug)]
struct Register<K, L> {
    entries: BTreeMap<K, Entry<L>>,
    stale: BTreeSet<K>,
}

impl<K, L> Default for Register<K, L> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), stale: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, L: Ord> Register<K, L> {
    fn replace(&mut self, old: Option<Visit<K, L>>, new: Option<Visit<K, L>>, piece: Piece) {
        if let Some(old) = old {
            let stays = new.as_ref().filter(|new| new.key == old.key);
            self.remove(&old, stays);
        }
        if let Some(new) = new {
            self.add(new, piece);
        }
    }

    fn add(&mut self, visit: Visit<K, L>, piece: Piece) {
        match self.entries.get_mut(&visit.key) {
            Some(entry) => entry.add(visit, piece),
            None => drop(self.entries.insert(visit.key, Entry::of(visit, piece))),
        }
    }

    /// Takes a session out, in whose place another of the same job or worker may come.
    fn remove(&mut self, old: &Visit<K, L>, new: Option<&Visit<K, L>>) {
        let Some(entry) = self.entries.get_mut(&old.key) else { return };
        if !entry.remove(old, new) {
            self.stale.insert(old.key);
        }
        if entry.is_empty() && new.is_none() {
            self.entries.remove(&old.key);
            self.stale.remove(&old.key);
        }
    }

    fn settle(&mut self, visits: impl Iterator<Item = (Piece, Visit<K, L>)>) {
        let stale = std::mem::take(&mut self.stale);
        for key in &stale {
            self.entries.remove(key);
        }
        for (piece, visit) in visits.filter(|(_, visit)| stale.contains(&visit.key)) {
            self.add(visit, piece);
        }
    }

    fn behind(&self, least: K, after: Option<K>) -> impl Iterator<Item = (&K, &Entry<L>)> {
        let from = after.map_or(Bound::Included(least), Bound::Excluded);
        self.entries.range((from, Bound::Unbounded))
    }

    fn move_piece(&mut self, key: &K, piece: Piece, is_gone: &impl Fn(Piece) -> bool) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.pieces.retain(|piece| !is_gone(*piece));
            entry.note_piece(piece);
        }
    }

    fn span(&self, key: &K) -> Option<(i64, i64)> {
        self.entries.get(key).map(|entry| (entry.first_start_ms, entry.last_end_ms.unwrap_or(i64::MIN)))
    }

    fn pieces(&self, key: &K) -> &[Piece] {
        self.entries.get(key).map_or(&[], |entry| &entry.pieces)
    }
}

/// A running session and the five outcomes, known and unknown: the places of [`Entry::counts`].
const COUNTS: usize = 2 + Outcome::ALL.len();

#[derive(Debug)]
struct Entry<L> {
    /// The latest start and what the session of it says.
    latest: (i64, L),
    first_start_ms: i64,
    last_end_ms: Option<i64>,
    counts: [u32; COUNTS],
    /// In ascending order.
    pieces: Vec<Piece>,
}

impl<L: Ord> Entry<L> {
    fn of<K>(visit: Visit<K, L>, piece: Piece) -> Self {
        let mut counts = [0; COUNTS];
        counts[place(visit.end_ms, visit.outcome)] = 1;
        Self {
            latest: (visit.start_ms, visit.label),
            first_start_ms: visit.start_ms,
            last_end_ms: visit.end_ms,
            counts,
            pieces: vec![piece],
        }
    }

    fn add<K>(&mut self, visit: Visit<K, L>, piece: Piece) {
        self.counts[place(visit.end_ms, visit.outcome)] += 1;
        self.first_start_ms = self.first_start_ms.min(visit.start_ms);
        self.last_end_ms = self.last_end_ms.max(visit.end_ms);
        let visited = (visit.start_ms, visit.label);
        if visited > self.latest {
            self.latest = visited;
        }
        self.note_piece(piece);
    }

    fn note_piece(&mut self, piece: Piece) {
        if let Err(index) = self.pieces.binary_search(&piece) {
            self.pieces.insert(index, piece);
        }
    }

    /// False when the session that goes may have been the first, the last or the latest, and the one that comes in its
    /// place is not.
    fn remove<K>(&mut self, old: &Visit<K, L>, new: Option<&Visit<K, L>>) -> bool {
        let count = &mut self.counts[place(old.end_ms, old.outcome)];
        *count = count.saturating_sub(1);
        let keeps_first =
            old.start_ms > self.first_start_ms || new.is_some_and(|new| new.start_ms <= old.start_ms);
        let keeps_last = old.end_ms.is_none()
            || old.end_ms < self.last_end_ms
            || new.is_some_and(|new| new.end_ms >= old.end_ms);
        let is_latest = (old.start_ms, &old.label) == (self.latest.0, &self.latest.1);
        let keeps_latest =
            !is_latest || new.is_some_and(|new| (new.start_ms, &new.label) >= (old.start_ms, &old.label));
        keeps_first && keeps_last && keeps_latest
    }

    fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    fn activity(&self) -> Activity {
        let outcomes = [None].into_iter().chain(Outcome::ALL.map(|(_, outcome)| Some(outcome)));
        let ended = outcomes.map(|outcome| (outcome, u64::from(self.counts[place(Some(0), outcome)])));
        Activity {
            first_started_at: Timestamp::from_millis_clamped(self.first_start_ms),
            last_ended_at: self.last_end_ms.map(Timestamp::from_millis_clamped),
            running: u64::from(self.counts[place(None, None)]),
            ended: ended.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// Where a session is counted.
fn place(end_ms: Option<i64>, outcome: Option<Outcome>) -> usize {
    match (end_ms, outcome) {
        (None, _) => 0,
        (Some(_), None) => 1,
        (Some(_), Some(Outcome::Succeeded)) => 2,
        (Some(_), Some(Outcome::Failed)) => 3,
        (Some(_), Some(Outcome::Canceled)) => 4,
        (Some(_), Some(Outcome::Retried)) => 5,
        (Some(_), Some(Outcome::Preempted)) => 6,
    }
}
