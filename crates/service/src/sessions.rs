//! Single sessions, and the sessions of a job or a worker.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, FleetId, JobId, LineCost, QueueId, Session, SessionId, WorkerId};
use farmtally_store::{SessionOwner, SessionPosition};

use crate::access::Caller;
use crate::error::{ResourceName, ServiceError};
use crate::service::Service;

/// Where a session is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionAddress {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its queue.
    pub queue_id: QueueId,
    /// Its job.
    pub job_id: JobId,
    /// Its id.
    pub session_id: SessionId,
}

impl Service {
    /// A session of a job.
    pub fn session(
        &self,
        caller: &Caller,
        address: &SessionAddress,
    ) -> Result<Session<LineCost>, ServiceError> {
        let mut found = self.sessions_at(caller, std::slice::from_ref(address))?;
        found.pop().unwrap_or(Err(ServiceError::NotFound(ResourceName::Session(address.session_id))))
    }

    /// Several sessions, each of them or that it or its job is not there; any other problem ends it all. What they share of
    /// storage is read once.
    pub fn sessions_at(
        &self,
        caller: &Caller,
        addresses: &[SessionAddress],
    ) -> Result<Vec<Result<Session<LineCost>, ServiceError>>, ServiceError> {
        let mut jobs = Vec::with_capacity(addresses.len());
        let mut wanted: BTreeMap<FarmId, Vec<SessionId>> = BTreeMap::new();
        for SessionAddress { farm_id, queue_id, job_id, session_id } in addresses {
            let job = match self.job(caller, *farm_id, *queue_id, *job_id) {
                Err(error) if !matches!(error, ServiceError::NotFound(_)) => return Err(error),
                job => job.map(drop),
            };
            if job.is_ok() {
                wanted.entry(*farm_id).or_default().push(*session_id);
            }
            jobs.push(job);
        }
        let mut stored: BTreeMap<(FarmId, SessionId), Session<LineCost>> = BTreeMap::new();
        for (farm_id, session_ids) in wanted {
            let sessions = self.store.sessions_with(farm_id, &session_ids)?;
            stored.extend(sessions.into_iter().map(|session| ((farm_id, session.session_id), session)));
        }
        let session = |address: &SessionAddress| {
            let session = stored.get(&(address.farm_id, address.session_id));
            let session = session
                .filter(|session| (session.queue_id, session.job_id) == (address.queue_id, address.job_id));
            session.cloned().ok_or(ServiceError::NotFound(ResourceName::Session(address.session_id)))
        };
        let found = jobs.into_iter().zip(addresses);
        Ok(found.map(|(job, address)| job.and_then(|()| session(address))).collect())
    }

    /// The sessions of a job, by start, after `after`.
    pub fn sessions_of_job(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        (queue_id, job_id): (QueueId, JobId),
        after: Option<SessionPosition>,
        limit: usize,
    ) -> Result<Vec<Session<LineCost>>, ServiceError> {
        self.job(caller, farm_id, queue_id, job_id)?;
        Ok(self.store.sessions(farm_id, SessionOwner::Job(queue_id, job_id), after, limit)?)
    }

    /// The sessions of a worker, by start, after `after`.
    pub fn sessions_of_worker(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        (fleet_id, worker_id): (FleetId, WorkerId),
        after: Option<SessionPosition>,
        limit: usize,
    ) -> Result<Vec<Session<LineCost>>, ServiceError> {
        self.worker(caller, farm_id, fleet_id, worker_id)?;
        Ok(self.store.sessions(farm_id, SessionOwner::Worker(fleet_id, worker_id), after, limit)?)
    }
}
