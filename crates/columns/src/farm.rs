//! A farm's columns: where records go in, and the snapshots that come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use farmtally_model::{
    FleetId, InstanceType, JobId, LicenseProduct, LineCost, QueueId, Record, Session, SessionId, Usage,
    UserId, Volume, VolumeId, WorkerId,
};

use crate::dictionary::{Dictionary, Values};
use crate::groups::{BlockGroups, GroupMember};
use crate::jobs::{Job, JobDictionary};
use crate::ranks::Ranks;
use crate::restore::{DICTIONARIES, FarmDictionaries, JobSessions, RestoreError, RestoredBlock, SealedPart};
use crate::row::{LicenseLine, SessionRow, outcome_code};
use crate::running::{self, AccruedTooMuch, RunningLicense, RunningSession};
use crate::stack::BlockStack;
use crate::view::BlockView;
use crate::volumes::VolumeRow;

/// A farm's records at one moment. It never changes.
#[derive(Debug, Clone, Default)]
pub struct FarmSnapshot {
    blocks: Vec<BlockView>,
    groups: BlockGroups,
    running: Arc<[RunningSession]>,
    volumes: Arc<[VolumeRow]>,
    queues: Values<QueueId>,
    fleets: Values<FleetId>,
    jobs: Values<Job>,
    users: Values<UserId>,
    instance_types: Values<Option<InstanceType>>,
    products: Values<LicenseProduct>,
    workers: Values<Option<WorkerId>>,
}

impl FarmSnapshot {
    /// Blocks of ended sessions.
    pub fn blocks(&self) -> &[BlockView] {
        &self.blocks
    }

    /// The blocks from which no row was removed, those that follow each other in time as groups with summaries of their own.
    ///
    /// They are arranged the first time that they are asked for, for which no block is looked into. Their cubes take at most
    /// two bytes for each session, however many are asked for, and those of blocks that are gone as much until the next snapshot.
    pub fn groups(&self) -> &[GroupMember] {
        self.groups.roots(&self.blocks)
    }

    /// Forgets what blocks and groups remember of questions that are asked again, so that the next ones read the sessions themselves.
    pub fn forget_asked(&self) {
        self.groups().iter().for_each(GroupMember::forget_rollups);
        self.blocks.iter().for_each(|view| view.block().pieces.clear());
    }

    /// The running sessions of queues and fleets that are `wanted`, by their codes, as a block of sessions that end at
    /// `now_ms`; `None` if there are none.
    pub fn running_at(
        &self,
        now_ms: i64,
        wanted: impl Fn(u32, u32) -> bool,
    ) -> Result<Option<BlockView>, AccruedTooMuch> {
        Ok(running::block_at(&self.running, now_ms, wanted)?.map(BlockView::new))
    }

    /// Volumes.
    pub fn volumes(&self) -> &[VolumeRow] {
        &self.volumes
    }

    /// Queues by code.
    pub fn queues(&self) -> &Values<QueueId> {
        &self.queues
    }

    /// Fleets by code.
    pub fn fleets(&self) -> &Values<FleetId> {
        &self.fleets
    }

    /// Jobs by code.
    pub fn jobs(&self) -> &Values<Job> {
        &self.jobs
    }

    /// Users by code.
    pub fn users(&self) -> &Values<UserId> {
        &self.users
    }

    /// Instance types by code; one code may stand for "not known".
    pub fn instance_types(&self) -> &Values<Option<InstanceType>> {
        &self.instance_types
    }

    /// Licensed products by code.
    pub fn products(&self) -> &Values<LicenseProduct> {
        &self.products
    }

    /// Workers by code; one code may stand for "not known".
    pub fn workers(&self) -> &Values<Option<WorkerId>> {
        &self.workers
    }

    /// The order of the queues.
    pub fn queue_ranks(&self) -> Arc<Ranks> {
        self.queues.ranks_by(|id| *id)
    }

    /// The order of the fleets.
    pub fn fleet_ranks(&self) -> Arc<Ranks> {
        self.fleets.ranks_by(|id| *id)
    }

    /// The order of the jobs. Codes of several names of one job have one rank.
    pub fn job_ranks(&self) -> Arc<Ranks> {
        self.jobs.ranks_by(|job| job.job_id)
    }

    /// Bytes of memory that finding the order of the jobs takes; none once it is known. Of all dictionaries it is the one that
    /// may be large.
    pub fn job_ranks_bytes(&self) -> usize {
        self.jobs.bytes_to_rank::<JobId>()
    }

    /// The order of the users.
    pub fn user_ranks(&self) -> Arc<Ranks> {
        self.users.ranks_by(UserId::clone)
    }

    /// The order of the instance types, "not known" first.
    pub fn instance_type_ranks(&self) -> Arc<Ranks> {
        self.instance_types.ranks_by(Option::clone)
    }

    /// The order of the licensed products.
    pub fn product_ranks(&self) -> Arc<Ranks> {
        self.products.ranks_by(LicenseProduct::clone)
    }

    /// Number of sessions, ended and running.
    pub fn session_count(&self) -> u64 {
        let ended: usize = self.blocks.iter().map(BlockView::live_len).sum();
        (ended + self.running.len()) as u64
    }

    /// Number of volumes.
    pub fn volume_count(&self) -> u64 {
        self.volumes.len() as u64
    }
}

/// The columns of one farm, which grow as records are committed.
#[derive(Debug, Default)]
pub struct FarmColumns {
    queues: Dictionary<QueueId>,
    fleets: Dictionary<FleetId>,
    jobs: JobDictionary,
    users: Dictionary<UserId>,
    instance_types: Dictionary<Option<InstanceType>>,
    products: Dictionary<LicenseProduct>,
    workers: Dictionary<Option<WorkerId>>,
    blocks: BlockStack,
    running: BTreeMap<SessionId, RunningSession>,
    volumes: BTreeMap<VolumeId, VolumeRow>,
    snapshot: Arc<FarmSnapshot>,
}

impl FarmColumns {
    /// Takes out the records that were replaced or deleted, puts in the new ones, and publishes the result as one step.
    ///
    /// A removal has to equal the record that was put in; one that is not there is ignored.
    pub fn apply(&mut self, inserts: &[Record<LineCost>], removals: &[Record<LineCost>]) {
        let (mut running_changed, mut volumes_changed) = (false, false);
        for record in removals {
            match record {
                Record::Session(session) if session.span.ended_at().is_none() => {
                    self.remove_running(session);
                    running_changed = true;
                }
                Record::Session(session) => self.remove_ended(session),
                Record::Volume(volume) => volumes_changed |= self.volumes.remove(&volume.volume_id).is_some(),
            }
        }
        let mut rows = Vec::with_capacity(inserts.len());
        for record in inserts {
            match record {
                Record::Session(session) if session.span.ended_at().is_none() => {
                    self.insert_running(session);
                    running_changed = true;
                }
                Record::Session(session) => {
                    let row = self.ended_row(session);
                    self.jobs.add_session(row.job, row.start_ms);
                    rows.push(row);
                }
                Record::Volume(volume) => {
                    self.insert_volume(volume);
                    volumes_changed = true;
                }
            }
        }
        self.blocks.push(rows);
        self.settle_job_names();
        self.publish(running_changed, volumes_changed);
    }

    /// The records as they are now.
    pub fn snapshot(&self) -> Arc<FarmSnapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The dictionaries, to be kept beside the sealed blocks. Jobs count the sessions of these blocks only: running sessions
    /// and those that are not sealed come with [`Self::apply`] again.
    pub fn dictionaries(&self) -> FarmDictionaries {
        FarmDictionaries {
            jobs: self.jobs.entries_without(self.unsealed_starts()),
            ..self.dictionaries_from(&[0; DICTIONARIES])
        }
    }

    /// The values behind so many of each dictionary, in the order of [`FarmDictionaries`]. Their jobs count no sessions.
    pub fn dictionaries_from(&self, lengths: &[usize; DICTIONARIES]) -> FarmDictionaries {
        let [queues, fleets, jobs, users, instance_types, products, workers] = *lengths;
        FarmDictionaries {
            queues: self.queues.values_from(queues),
            fleets: self.fleets.values_from(fleets),
            jobs: self.jobs.entries_from(jobs).collect(),
            users: self.users.values_from(users),
            instance_types: self.instance_types.values_from(instance_types),
            products: self.products.values_from(products),
            workers: self.workers.values_from(workers),
        }
    }

    /// Code of the job and start of the sessions that run or are not sealed.
    fn unsealed_starts(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        let ended = self.blocks.open().flat_map(BlockView::live_rows).map(|row| (row.job, row.start_ms));
        let running = self.running.values().map(|session| &session.opening);
        ended.chain(running.map(|opening| (opening.job, opening.start_ms)))
    }

    /// The columns of a farm from its dictionaries and blocks, without reading a row of them unless a job has several
    /// names whose latest session is not known. Running sessions and volumes come with [`Self::apply`].
    ///
    /// The dictionaries may be later than the blocks, because they only grow. A block's codes have to be those of the
    /// dictionaries. Restored blocks stay as they are.
    pub fn restore(dictionaries: FarmDictionaries, blocks: Vec<RestoredBlock>) -> Result<Self, RestoreError> {
        let view = |restored: RestoredBlock| {
            BlockView::restored(restored.block, &restored.removed).ok_or(RestoreError::NoSuchRow)
        };
        let blocks = blocks.into_iter().map(view).collect::<Result<Vec<_>, _>>()?;
        let twice = |dictionary| RestoreError::ValueTwice { dictionary };
        let mut columns = Self {
            queues: Dictionary::restore(&dictionaries.queues).ok_or(twice("queues"))?,
            fleets: Dictionary::restore(&dictionaries.fleets).ok_or(twice("fleets"))?,
            jobs: JobDictionary::restore(dictionaries.jobs).ok_or(twice("jobs"))?,
            users: Dictionary::restore(&dictionaries.users).ok_or(twice("users"))?,
            instance_types: Dictionary::restore(&dictionaries.instance_types)
                .ok_or(twice("instance types"))?,
            products: Dictionary::restore(&dictionaries.products).ok_or(twice("products"))?,
            workers: Dictionary::restore(&dictionaries.workers).ok_or(twice("workers"))?,
            blocks: BlockStack::settled(blocks),
            ..Self::default()
        };
        columns.settle_job_names();
        columns.publish(false, false);
        Ok(columns)
    }

    /// Ended sessions in the codes of the dictionaries, which get the values that they lack. The sessions are not put in.
    pub fn code_sessions<'a>(
        &mut self,
        sessions: impl Iterator<Item = &'a Session<LineCost>>,
    ) -> impl Iterator<Item = SessionRow> {
        sessions.map(|session| self.ended_row(session))
    }

    /// Puts in sealed sessions that are new, with what they say of jobs, and publishes the result.
    pub fn add_parts(&mut self, parts: Vec<SealedPart>, jobs: impl Iterator<Item = JobSessions>) {
        for part in parts {
            self.blocks.add_part(part);
        }
        for sessions in jobs {
            self.jobs.add_sessions(sessions);
        }
        self.settle_job_names();
        self.publish(false, false);
    }

    /// Puts sealed parts in the place of others and of what is not sealed, so that the sessions stay the same ones: `dropped`
    /// parts go, `added` ones come, without the ended sessions of `removals`, and if `unsealed` says so its ended sessions are
    /// the ones that are not sealed. False, and nothing is changed, when the sessions would not be as many as before.
    pub fn exchange_parts(
        &mut self,
        dropped: &[u32],
        added: Vec<SealedPart>,
        removals: &[Record<LineCost>],
        unsealed: Option<&[Record<LineCost>]>,
    ) -> bool {
        let removed = self.ended_rows(removals);
        let open = unsealed.map(|records| self.ended_rows(records));
        let Some(blocks) = self.blocks.exchanged((dropped, added), &removed, open) else { return false };
        self.blocks = blocks;
        self.publish(false, false);
        true
    }

    fn ended_rows(&mut self, records: &[Record<LineCost>]) -> Vec<SessionRow> {
        let ended = records.iter().filter_map(|record| match record {
            Record::Session(session) if session.span.ended_at().is_some() => Some(session),
            _ => None,
        });
        self.code_sessions(ended).collect()
    }

    /// Number of values of each dictionary, in the order of [`FarmDictionaries`].
    pub fn dictionary_lengths(&self) -> [usize; DICTIONARIES] {
        [
            self.queues.len(),
            self.fleets.len(),
            self.jobs.len(),
            self.users.len(),
            self.instance_types.len(),
            self.products.len(),
            self.workers.len(),
        ]
    }

    /// Sorts all ended sessions that are not sealed yet by start into blocks that are as full as can be, and returns these
    /// blocks. From now on they stay as they are, but for rows that are removed.
    pub fn seal(&mut self) -> Vec<BlockView> {
        let sealed = self.blocks.seal();
        self.publish(false, false);
        sealed
    }

    fn publish(&mut self, running_changed: bool, volumes_changed: bool) {
        let before = &self.snapshot;
        let running =
            if running_changed { self.running.values().cloned().collect() } else { before.running.clone() };
        let volumes =
            if volumes_changed { self.volumes.values().cloned().collect() } else { before.volumes.clone() };
        self.snapshot = Arc::new(FarmSnapshot {
            blocks: self.blocks.iter().cloned().collect(),
            groups: before.groups.following(),
            running,
            volumes,
            queues: self.queues.values(),
            fleets: self.fleets.values(),
            jobs: self.jobs.values(),
            users: self.users.values(),
            instance_types: self.instance_types.values(),
            products: self.products.values(),
            workers: self.workers.values(),
        });
    }

    fn insert_running(&mut self, session: &Session<LineCost>) {
        let opening = self.opening(session, session.span.started_at().millis());
        let mut running =
            RunningSession { session_id: session.session_id, opening, compute: None, licenses: Vec::new() };
        for line in session.usage.as_slice() {
            match &line.usage {
                Usage::Compute => running.compute = Some(line.cost),
                Usage::License { product, quantity } => running.licenses.push(RunningLicense {
                    product: self.products.code(product),
                    quantity: *quantity,
                    cost: line.cost,
                }),
            }
        }
        self.jobs.add_session(running.opening.job, running.opening.start_ms);
        self.running.insert(session.session_id, running);
    }

    fn remove_running(&mut self, session: &Session<LineCost>) {
        if let Some(RunningSession { opening, .. }) = self.running.remove(&session.session_id) {
            self.jobs.remove_session(opening.job, opening.start_ms);
        }
    }

    fn insert_volume(&mut self, volume: &Volume<LineCost>) {
        let fleet = self.fleets.code(&volume.fleet_id);
        self.volumes.insert(volume.volume_id, VolumeRow::new(volume, fleet));
    }

    /// An ended session in codes, with the cost of each line.
    fn ended_row(&mut self, session: &Session<LineCost>) -> SessionRow {
        let (start_ms, end_ms) = bounds_ms(session);
        let mut row = self.opening(session, end_ms);
        let elapsed_ms = u64::try_from(end_ms - start_ms).unwrap_or(0);
        for line in session.usage.as_slice() {
            match &line.usage {
                Usage::Compute => row.compute_nanos = Some(line_nanos(line.cost, 1, elapsed_ms)),
                Usage::License { product, quantity } => row.licenses.push(LicenseLine {
                    product: self.products.code(product),
                    cost_nanos: line_nanos(line.cost, *quantity, elapsed_ms),
                }),
            }
        }
        row
    }

    fn opening(&mut self, session: &Session<LineCost>, end_ms: i64) -> SessionRow {
        let started_at = session.span.started_at();
        SessionRow {
            start_ms: started_at.millis(),
            end_ms,
            queue: self.queues.code(&session.queue_id),
            fleet: self.fleets.code(&session.fleet_id),
            job: self.jobs.code(session.job_id, &session.job_name),
            user: self.users.code(&session.user_id),
            instance_type: self.instance_types.code(&session.instance_type),
            worker: self.workers.code(&session.worker_id),
            outcome: outcome_code(session.outcome),
            compute_nanos: None,
            licenses: Vec::new(),
        }
    }

    fn remove_ended(&mut self, session: &Session<LineCost>) {
        let row = self.ended_row(session);
        if self.blocks.remove(&row) {
            self.jobs.remove_session(row.job, row.start_ms);
        }
    }

    fn settle_job_names(&mut self) {
        let (blocks, running) = (&self.blocks, &self.running);
        self.jobs.settle(|| {
            let ended = blocks.iter().flat_map(BlockView::live_rows).map(|row| (row.job, row.start_ms));
            ended.chain(running.values().map(|session| (session.opening.job, session.opening.start_ms)))
        });
    }
}

/// Start and end of an ended session; a running one counts as ended where it began.
fn bounds_ms(session: &Session<LineCost>) -> (i64, i64) {
    let started_at = session.span.started_at();
    (started_at.millis(), session.span.ended_at().unwrap_or(started_at).millis())
}

/// An ended line's cost. Lines that ended are stored with their total; an hourly one is priced over the whole span.
fn line_nanos(cost: LineCost, quantity: u32, elapsed_ms: u64) -> u64 {
    running::accrued_until_now(cost, quantity, elapsed_ms).unwrap_or(farmtally_model::NanoUsd::MAX.nanos())
}

#[cfg(test)]
mod tests;
