//! A folder with its sessions: the lock, the catalogue, and every farm in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use farmtally_columns::FarmSnapshot;
use farmtally_model::{
    FarmId, FleetId, JobId, LineCost, QueueId, RecordId, Session, SessionId, Timestamp, WorkerId,
};
use hashbrown::HashMap;

use crate::admission::{BatchReceipt, PricedSubmission};
use crate::background::Background;
use crate::batches;
use crate::catalogue::{Catalogue, Deletion, ResourceId};
use crate::database::Database;
use crate::durable::Durable;
use crate::error::{OpenError, StoreError};
use crate::farm::OpenFarm;
use crate::find::SessionPosition;
use crate::folder::{self, FolderLock};
use crate::heartbeat;
use crate::limits::{BATCH_RECORDS_MAX, STRAIGHT_RECORDS_MAX};
use crate::location::StoreLocation;
use crate::maintenance;
use crate::records::Amended;
use crate::roster::{JobSummary, Roster, SessionOwner, WorkerSummary};
use crate::sealed::FarmFiles;

/// What becomes of aggregations whose process ended before they did.
const ORPHANED: &str = "the server was restarted while this aggregation ran; start it again";

/// A data folder that this process has for itself, or a store that it shares with other servers.
#[derive(Debug)]
pub struct Store {
    /// First, so that it ends before what it works on is given up.
    maintenance: Background,
    /// In a shared store, tells the others that this server lives.
    _heartbeat: Option<Background>,
    shared: Arc<Shared>,
}

/// What the callers and the maintenance of a store have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    dir: PathBuf,
    catalogue: Catalogue,
    farms: RwLock<HashMap<FarmId, Arc<OpenFarm>>>,
    /// Last, so that the folder is given up after the catalogue is closed.
    _lock: FolderLock,
}

impl Store {
    /// Takes the folder, creating what is not there, and reads what is in it. From then on sealing goes on in the background.
    ///
    /// Farms of a store that the folder shares are read when they are asked for.
    ///
    /// A farm with a damaged batch or segment does not keep the others from opening; it answers with
    /// [`StoreError::Damaged`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let location = StoreLocation::of_folder(dir)?;
        folder::create(dir)?;
        let lock = FolderLock::acquire(dir)?;
        folder::withdraw_endpoint(dir).map_err(OpenError::file(dir))?;
        let catalogue = Catalogue::open_at(&location)?;
        let farms = if location.is_shared() {
            catalogue.clear_answers()?;
            HashMap::new()
        } else {
            Self::take_folder(dir, &catalogue)?
        };
        let shared = Shared { dir: dir.to_owned(), catalogue, farms: RwLock::new(farms), _lock: lock };
        let shared = Arc::new(shared);
        let heartbeat = location.is_shared().then(|| heartbeat::start(&shared)).transpose()?;
        let maintenance = maintenance::start(Arc::downgrade(&shared)).map_err(OpenError::file(dir))?;
        Ok(Self { maintenance, _heartbeat: heartbeat, shared })
    }

    /// Settles what an earlier process left in the folder, and reads every farm.
    fn take_folder(dir: &Path, catalogue: &Catalogue) -> Result<HashMap<FarmId, Arc<OpenFarm>>, OpenError> {
        catalogue.database().make_certain()?;
        catalogue.end_orphans(ORPHANED)?;
        catalogue.match_answers()?;
        let farms = catalogue.database().read(|connection| {
            let load = |farm_id| Arc::new(OpenFarm::load(connection, FarmFiles::new(dir, farm_id)));
            let farms = batches::farms(connection)?.into_iter();
            Ok(farms.map(|farm_id| (farm_id, load(farm_id))).collect())
        })?;
        Ok(farms)
    }

    /// The registry, rate cards, keys and aggregations in the same folder.
    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    /// Stores a batch by the rules of identity; refused records are named in the receipt and do not hinder the others.
    ///
    /// What the receipt counts as stored or replaced is synced when this returns and is in every later snapshot. The same
    /// batch can be sent again after any error.
    pub fn append(
        &self,
        farm_id: FarmId,
        batch: &[PricedSubmission],
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        if batch.len() > BATCH_RECORDS_MAX {
            return Err(StoreError::BatchTooLarge { count: batch.len(), max: BATCH_RECORDS_MAX });
        }
        self.require_confirmed()?;
        let (receipt, is_worth_sealing) = self.on_farm(farm_id, |farm, database| {
            farm.append(database, batch, now).map(|receipt| (receipt, farm.is_worth_sealing()))
        })?;
        if is_worth_sealing {
            self.maintenance.wake();
        }
        Ok(receipt)
    }

    /// Stores other costs for records that are stored. A record that was changed meanwhile is refused.
    pub fn amend(
        &self,
        farm_id: FarmId,
        amended: Vec<Amended>,
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        let batch: Vec<PricedSubmission> = amended.into_iter().map(PricedSubmission::from).collect();
        self.append(farm_id, &batch, now)
    }

    /// Stores a large batch as [`Self::append`] does, but writes what has ended and is new straight into segments, of which
    /// there is one for each month at least. Below some ten thousand records a month that is not worth it.
    pub fn append_straight(
        &self,
        farm_id: FarmId,
        batch: Vec<PricedSubmission>,
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        if batch.len() > STRAIGHT_RECORDS_MAX {
            return Err(StoreError::BatchTooLarge { count: batch.len(), max: STRAIGHT_RECORDS_MAX });
        }
        self.require_confirmed()?;
        let database = self.shared.catalogue.database();
        if database.is_shared() {
            return self.append_in_parts(farm_id, &batch, now);
        }
        let receipt = self.farm(farm_id)?.append_straight(database, batch, now)?;
        // Key files are merged, so that the next batches have few to look into.
        self.maintenance.wake();
        Ok(receipt)
    }

    /// Where another server may seal the farm, a large batch is several: sealing makes segments of them later.
    fn append_in_parts(
        &self,
        farm_id: FarmId,
        batch: &[PricedSubmission],
        now: Timestamp,
    ) -> Result<Durable<BatchReceipt>, StoreError> {
        let mut all = self.append(farm_id, &[], now)?;
        for (part, start) in batch.chunks(BATCH_RECORDS_MAX).zip((0..).step_by(BATCH_RECORDS_MAX)) {
            let receipt = self.append(farm_id, part, now)?.into_inner();
            all = all.map(|all| all.with(receipt, start));
        }
        Ok(all)
    }

    /// Deletes a record. It comes back only with a higher revision than it had. False when there is no such record.
    pub fn delete(&self, farm_id: FarmId, id: RecordId, now: Timestamp) -> Result<Durable<bool>, StoreError> {
        self.require_confirmed()?;
        self.on_farm(farm_id, |farm, database| farm.delete_record(database, id, now))
    }

    /// Refuses what would change nothing as well: "unchanged" and "not there" are not known while a write is not confirmed.
    fn require_confirmed(&self) -> Result<(), StoreError> {
        self.write_failure().map_or(Ok(()), |cause| Err(StoreError::Poisoned { cause }))
    }

    /// Seals everything that has ended, now, and writes segments anew that are worth it.
    pub fn seal(&self, farm_id: FarmId) -> Result<(), StoreError> {
        self.on_farm(farm_id, |farm, database| farm.maintain(database, 1))
    }

    /// Removes the months that the farm is not to keep at this instant. False when there is none.
    pub fn retain(&self, farm_id: FarmId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(months) = self.shared.catalogue.retention(farm_id)? else { return Ok(false) };
        self.on_farm(farm_id, |farm, database| farm.retain(database, months, now))
    }

    /// The farm's records at this moment: everything acknowledged, nothing else.
    pub fn snapshot(&self, farm_id: FarmId) -> Result<Arc<FarmSnapshot>, StoreError> {
        self.on_farm(farm_id, |farm, _| farm.snapshot())
    }

    /// What is damaged among the farm's sealed columns, by the name of its file. Reads all of them.
    pub fn column_damage(&self, farm_id: FarmId) -> Result<Option<StoreError>, StoreError> {
        self.on_farm(farm_id, |farm, _| farm.column_damage())
    }

    /// How a write failed that the disk did not confirm, if one did: nothing more is written until the folder is opened anew.
    pub fn write_failure(&self) -> Option<String> {
        self.shared.catalogue.database().write_failure()
    }

    /// Why nothing is answered or changed any more, if a newer program brought a shared catalogue on.
    pub fn outdated(&self) -> Option<StoreError> {
        self.shared.catalogue.database().outdated()
    }

    /// Number of the farm's sessions and volumes.
    pub fn record_count(&self, farm_id: FarmId) -> Result<u64, StoreError> {
        self.on_farm(farm_id, |farm, _| farm.record_count())
    }

    /// Deletes a queue or fleet that no record names and that has no associations.
    pub fn delete_resource<I: ResourceId>(&self, farm_id: FarmId, id: I) -> Result<Deletion, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.delete_resource(database, id))
    }

    /// Deletes a farm without records, queues and fleets, and what is kept for it.
    pub fn delete_farm(&self, farm_id: FarmId) -> Result<Deletion, StoreError> {
        let deletion = self.on_farm(farm_id, OpenFarm::delete)?;
        if deletion == Deletion::Deleted {
            self.shared.farms.write().unwrap_or_else(PoisonError::into_inner).remove(&farm_id);
        }
        Ok(deletion)
    }

    /// A session, as it is stored now, running or ended.
    pub fn session(
        &self,
        farm_id: FarmId,
        session_id: SessionId,
    ) -> Result<Option<Session<LineCost>>, StoreError> {
        Ok(self.sessions_with(farm_id, &[session_id])?.pop())
    }

    /// Those of the sessions that are stored, in no order. Each part of storage is read once, however many of them it has.
    pub fn sessions_with(
        &self,
        farm_id: FarmId,
        session_ids: &[SessionId],
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.sessions_with(database, session_ids))
    }

    /// At most `limit` sessions of a job or a worker behind a position, in the order of positions.
    pub fn sessions(
        &self,
        farm_id: FarmId,
        owner: SessionOwner,
        after: Option<SessionPosition>,
        limit: usize,
    ) -> Result<Vec<Session<LineCost>>, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.sessions(database, owner, after, limit))
    }

    /// A job of a queue, if it has a session.
    pub fn job(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        job_id: JobId,
    ) -> Result<Option<JobSummary>, StoreError> {
        self.roster(farm_id, |roster| roster.job((queue_id, job_id)))
    }

    /// At most `limit` jobs of a queue behind `after`, ordered by id.
    pub fn jobs(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<JobSummary>, StoreError> {
        self.roster(farm_id, |roster| roster.jobs(queue_id, after).take(limit).collect())
    }

    /// A worker of a fleet, if it has a session.
    pub fn worker(
        &self,
        farm_id: FarmId,
        fleet_id: FleetId,
        worker_id: WorkerId,
    ) -> Result<Option<WorkerSummary>, StoreError> {
        self.roster(farm_id, |roster| roster.worker((fleet_id, worker_id)))
    }

    /// At most `limit` workers of a fleet behind `after`, ordered by id.
    pub fn workers(
        &self,
        farm_id: FarmId,
        fleet_id: FleetId,
        after: Option<WorkerId>,
        limit: usize,
    ) -> Result<Vec<WorkerSummary>, StoreError> {
        self.roster(farm_id, |roster| roster.workers(fleet_id, after).take(limit).collect())
    }

    /// Looks at every job of a queue, by id. Nothing is appended meanwhile, so that `visit` has to be quick.
    pub fn for_each_job(
        &self,
        farm_id: FarmId,
        queue_id: QueueId,
        mut visit: impl FnMut(JobSummary),
    ) -> Result<(), StoreError> {
        self.roster(farm_id, |roster| roster.jobs(queue_id, None).for_each(&mut visit))
    }

    /// Looks at every worker of a fleet, by id. Nothing is appended meanwhile, so that `visit` has to be quick.
    pub fn for_each_worker(
        &self,
        farm_id: FarmId,
        fleet_id: FleetId,
        mut visit: impl FnMut(WorkerSummary),
    ) -> Result<(), StoreError> {
        self.roster(farm_id, |roster| roster.workers(fleet_id, None).for_each(&mut visit))
    }

    /// Number of workers of a fleet that have a running session now.
    pub fn running_worker_count(&self, farm_id: FarmId, fleet_id: FleetId) -> Result<usize, StoreError> {
        self.on_farm(farm_id, |farm, _| farm.running_worker_count(fleet_id))
    }

    /// Tells programs that share the folder where the server answers.
    pub fn publish_endpoint(&self, url: &str) -> io::Result<()> {
        folder::publish_endpoint(&self.shared.dir, url)
    }

    /// Takes [`Store::publish_endpoint`] back.
    pub fn withdraw_endpoint(&self) -> io::Result<()> {
        folder::withdraw_endpoint(&self.shared.dir)
    }

    /// The farms that have records.
    pub(crate) fn open_farms(&self) -> Vec<FarmId> {
        self.shared.farms.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    fn roster<T>(&self, farm_id: FarmId, mut look: impl FnMut(&Roster) -> T) -> Result<T, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.roster(database, &mut look))
    }

    /// Does something with a farm as it is now. In a shared store that is what all servers acknowledged, and what fails
    /// because another server changed or moved records meanwhile is done again.
    pub(crate) fn on_farm<T>(
        &self,
        farm_id: FarmId,
        mut act: impl FnMut(&OpenFarm, &Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let farm = self.farm(farm_id)?;
        let database = self.shared.catalogue.database();
        database.settle(|| {
            farm.follow(database)?;
            let seen = farm.progress();
            act(&farm, database).map_err(|error| {
                let may_be_done = matches!(error, StoreError::Unconfirmed { .. });
                let is_doubtful = database.is_shared() && !may_be_done;
                let has_moved_on = is_doubtful && farm.follow(database).is_ok() && farm.progress() != seen;
                if has_moved_on { StoreError::Overtaken } else { error }
            })
        })
    }

    fn farm(&self, farm_id: FarmId) -> Result<Arc<OpenFarm>, StoreError> {
        let shared = &self.shared;
        if let Some(farm) = shared.farms.read().unwrap_or_else(PoisonError::into_inner).get(&farm_id) {
            return Ok(Arc::clone(farm));
        }
        // A farm that was created after a folder was opened has no batches: only this process writes them. Those that other
        // servers write are followed.
        if shared.catalogue.farm(farm_id)?.is_none() {
            return Err(StoreError::UnknownFarm { farm_id });
        }
        let mut farms = shared.farms.write().unwrap_or_else(PoisonError::into_inner);
        let files = FarmFiles::of_store(&shared.dir, shared.catalogue.objects(), farm_id);
        let empty = || Arc::new(OpenFarm::empty(files));
        Ok(Arc::clone(farms.entry(farm_id).or_insert_with(empty)))
    }
}

impl Shared {
    pub(crate) const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Seals what is worth it in every farm.
    pub(crate) fn maintain(&self, records_least: usize) {
        let farms: Vec<_> =
            self.farms.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for farm in farms {
            if let Err(error) = farm.maintain(self.catalogue.database(), records_least) {
                tracing::warn!(farm = %farm.files.farm_id(), %error, "sealing did not go on; it is tried again later");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use farmtally_model::{DisplayName, VolumeId};

    use super::*;
    use crate::NewFarm;
    use crate::straight::tests::batch;

    const FARM: FarmId = FarmId::from_bytes([1; 16]);

    #[test]
    fn after_a_write_that_was_not_confirmed_nothing_is_said_about_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let display_name = DisplayName::new("farm").unwrap();
        let new = NewFarm { farm_id: FARM, display_name, created_by: "test".to_owned() };
        store.catalogue().create_farm(&new, Timestamp::MIN).unwrap();
        let stored = batch(1, 1);
        store.append(FARM, &stored, Timestamp::MAX).unwrap().into_inner();
        store.catalogue().database().refuse_writes("a test");
        let refused = StoreError::Poisoned { cause: "a test".to_owned() };
        // Neither of these would write: one is there as it is, the other one is not there, for all that is known.
        assert_eq!(store.append(FARM, &stored, Timestamp::MAX).unwrap_err(), refused);
        assert_eq!(store.append_straight(FARM, stored, Timestamp::MAX).unwrap_err(), refused);
        let unknown = RecordId::Volume(VolumeId::from_bytes([2; 16]));
        assert_eq!(store.delete(FARM, unknown, Timestamp::MAX).unwrap_err(), refused);
        assert!(store.snapshot(FARM).is_ok(), "reading goes on");
    }
}
