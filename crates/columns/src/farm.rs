//! A farm's columns: where records go in, and the snapshots that come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use farmtally_model::{
    FleetId, InstanceType, LicenseProduct, LineCost, QueueId, Record, Session, SessionId, Usage, UserId,
    Volume, VolumeId,
};

use crate::block::SessionBlock;
use crate::dictionary::{Dictionary, Values};
use crate::jobs::{Job, JobDictionary};
use crate::row::{LicenseLine, SessionRow};
use crate::running::{self, AccruedTooMuch, RunningLicense, RunningSession};
use crate::view::BlockView;
use crate::volumes::VolumeRow;

/// Rows of a full block. Smaller blocks are merged as more arrive; full ones stay.
const BLOCK_ROWS: usize = 256 * 1024;

/// A farm's records at one moment. It never changes.
#[derive(Debug, Clone, Default)]
pub struct FarmSnapshot {
    blocks: Vec<BlockView>,
    running: Arc<[RunningSession]>,
    volumes: Arc<[VolumeRow]>,
    queues: Values<QueueId>,
    fleets: Values<FleetId>,
    jobs: Values<Job>,
    users: Values<UserId>,
    instance_types: Values<Option<InstanceType>>,
    products: Values<LicenseProduct>,
}

impl FarmSnapshot {
    /// Blocks of ended sessions.
    pub fn blocks(&self) -> &[BlockView] {
        &self.blocks
    }

    /// The running sessions of queues and fleets that are `wanted`, by their codes, as a block of sessions that end at
    /// `now_ms`.
    pub fn running_at(
        &self,
        now_ms: i64,
        wanted: impl Fn(u32, u32) -> bool,
    ) -> Result<BlockView, AccruedTooMuch> {
        running::block_at(&self.running, now_ms, wanted).map(BlockView::new)
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
    running: BTreeMap<SessionId, RunningSession>,
    volumes: BTreeMap<VolumeId, VolumeRow>,
    snapshot: Arc<FarmSnapshot>,
}

impl FarmColumns {
    /// Takes out the records that were replaced or deleted, puts in the new ones, and publishes the result as one step.
    ///
    /// A removal has to equal the record that was put in; one that is not there is ignored.
    pub fn apply(&mut self, inserts: &[Record<LineCost>], removals: &[Record<LineCost>]) {
        let mut blocks = self.snapshot.blocks.clone();
        let (mut running_changed, mut volumes_changed) = (false, false);
        for record in removals {
            match record {
                Record::Session(session) if session.span.ended_at().is_none() => {
                    self.remove_running(session);
                    running_changed = true;
                }
                Record::Session(session) => self.remove_ended(&mut blocks, session),
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
        push_rows(&mut blocks, rows);
        self.settle_job_names(&blocks);
        self.publish(blocks, running_changed, volumes_changed);
    }

    /// The records as they are now.
    pub fn snapshot(&self) -> Arc<FarmSnapshot> {
        Arc::clone(&self.snapshot)
    }

    fn publish(&mut self, blocks: Vec<BlockView>, running_changed: bool, volumes_changed: bool) {
        let before = &self.snapshot;
        let running =
            if running_changed { self.running.values().cloned().collect() } else { before.running.clone() };
        let volumes =
            if volumes_changed { self.volumes.values().cloned().collect() } else { before.volumes.clone() };
        self.snapshot = Arc::new(FarmSnapshot {
            blocks,
            running,
            volumes,
            queues: self.queues.values(),
            fleets: self.fleets.values(),
            jobs: self.jobs.values(),
            users: self.users.values(),
            instance_types: self.instance_types.values(),
            products: self.products.values(),
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
            compute_nanos: None,
            licenses: Vec::new(),
        }
    }

    fn remove_ended(&mut self, blocks: &mut [BlockView], session: &Session<LineCost>) {
        let row = self.ended_row(session);
        // The newest blocks first: what is corrected was mostly just sent.
        if blocks.iter_mut().rev().any(|view| view.remove(&row)) {
            self.jobs.remove_session(row.job, row.start_ms);
        }
    }

    fn settle_job_names(&mut self, blocks: &[BlockView]) {
        let running = &self.running;
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

/// Adds rows as new blocks and merges small neighbours, so that the number of blocks stays near the least.
///
/// Two blocks are merged when the later one has grown to half of the earlier: a row is copied about as often as the
/// block doubles, however small the batches are in which it arrived.
fn push_rows(blocks: &mut Vec<BlockView>, mut rows: Vec<SessionRow>) {
    rows.sort_by_key(|row| row.start_ms);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let block = SessionBlock::from_rows(rows.by_ref().take(BLOCK_ROWS).collect());
        blocks.push(BlockView::new(block));
        merge_tail(blocks);
    }
}

fn merge_tail(blocks: &mut Vec<BlockView>) {
    while let [.., earlier, later] = blocks.as_slice() {
        let together = earlier.live_len() + later.live_len();
        if together > BLOCK_ROWS || 2 * later.live_len() < earlier.live_len() {
            return;
        }
        let merged = SessionBlock::from_rows(earlier.live_rows().chain(later.live_rows()).collect());
        blocks.truncate(blocks.len() - 2);
        if !merged.is_empty() {
            blocks.push(BlockView::new(merged));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::{FleetId, JobId, JobName, NanoUsd, Span, Timestamp, UsageLine, UsageLines};

    fn session(index: u16, start_ms: i64, end_ms: Option<i64>) -> Record<LineCost> {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&index.to_be_bytes());
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        Record::Session(Session {
            session_id: SessionId::from_bytes(id),
            queue_id: QueueId::from_bytes([1; 16]),
            fleet_id: FleetId::from_bytes([2; 16]),
            job_id: JobId::from_bytes([3; 16]),
            job_name: JobName::new("sh010").unwrap(),
            user_id: UserId::new("alice").unwrap(),
            worker_id: None,
            instance_type: None,
            outcome: None,
            span: Span::new(at(start_ms), end_ms.map(at)).unwrap(),
            revision: 0,
            usage: UsageLines::new(vec![UsageLine {
                usage: Usage::Compute,
                cost: LineCost::Total(NanoUsd::from_nanos(u64::from(index)).unwrap()),
            }])
            .unwrap(),
        })
    }

    fn starts(snapshot: &FarmSnapshot) -> Vec<i64> {
        let mut starts: Vec<i64> =
            snapshot.blocks().iter().flat_map(|view| view.live_rows().map(|row| row.start_ms)).collect();
        starts.sort_unstable();
        starts
    }

    #[test]
    fn many_small_batches_become_few_blocks_with_all_their_rows() {
        let mut columns = FarmColumns::default();
        for index in 0..1000 {
            columns.apply(&[session(index, 1000 - i64::from(index), Some(2000))], &[]);
        }
        let snapshot = columns.snapshot();
        assert_eq!(starts(&snapshot), (1..=1000).collect::<Vec<i64>>());
        assert!(snapshot.blocks().len() <= 10, "{} blocks", snapshot.blocks().len());
    }

    #[test]
    fn a_removal_takes_out_one_equal_row_and_leaves_older_snapshots_alone() {
        let mut columns = FarmColumns::default();
        let (one, other) = (session(1, 10, Some(20)), session(2, 10, Some(20)));
        columns.apply(&[one.clone(), one.clone(), other], &[]);
        let before = columns.snapshot();
        columns.apply(&[session(3, 11, Some(20))], std::slice::from_ref(&one));
        assert_eq!(before.session_count(), 3);
        assert_eq!(starts(&columns.snapshot()), [10, 10, 11]);
        columns.apply(&[], &[one.clone(), one]);
        assert_eq!(starts(&columns.snapshot()), [10, 11]);
    }

    #[test]
    fn a_running_session_ends_at_the_instant_of_the_question() {
        let mut columns = FarmColumns::default();
        columns.apply(&[session(7, 100, None), session(8, 300, None)], &[]);
        let snapshot = columns.snapshot();
        assert_eq!(snapshot.session_count(), 2);
        let running: Vec<SessionRow> = snapshot.running_at(300, |_, _| true).unwrap().live_rows().collect();
        let [row] = running.as_slice() else { panic!("{} rows", running.len()) };
        assert_eq!((row.start_ms, row.end_ms, row.compute_nanos), (100, 300, Some(7)));
        columns.apply(&[session(7, 100, Some(250))], &[session(7, 100, None)]);
        assert_eq!(columns.snapshot().running_at(301, |_, _| true).unwrap().live_len(), 1);
        assert_eq!(starts(&columns.snapshot()), [100]);
    }
}
