//! Single sessions, and the sessions of a job or a worker.

use farmtally_model::{FarmId, FleetId, JobId, LineCost, QueueId, Session, SessionId, WorkerId};
use farmtally_store::{SessionOwner, SessionPosition};

use crate::access::Caller;
use crate::error::{ResourceName, ServiceError};
use crate::service::Service;

impl Service {
    /// A session of a job.
    pub fn session(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        queue_id: QueueId,
        job_id: JobId,
        session_id: SessionId,
    ) -> Result<Session<LineCost>, ServiceError> {
        self.job(caller, farm_id, queue_id, job_id)?;
        let session = self.store.session(farm_id, session_id)?;
        let session = session.filter(|session| (session.queue_id, session.job_id) == (queue_id, job_id));
        session.ok_or(ServiceError::NotFound(ResourceName::Session(session_id)))
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
