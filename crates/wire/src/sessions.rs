//! ListSessions, GetSession, ListSessionsForWorker and BatchGetSession.
//!
//! A session without a worker in its source is shown with the worker of 32 zeros, because the model demands one. No logs
//! are kept, and every session says so where the model demands a log.

use std::fmt;
use std::str::FromStr;

use farmtally_model::{FarmId, FleetId, InstanceType, JobId, QueueId, SessionId, Timestamp, WorkerId};
use serde_json::{Value, json};

use crate::batch::{self, Found};
use crate::jobs::{JobKey, parse_job};
use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::validation::ValidationError;
use crate::workers::{WorkerKey, host_properties, parse_worker};

/// The worker of sessions whose source names none.
pub const NO_WORKER: WorkerId = WorkerId::from_bytes([0; 16]);

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKey {
    /// Its job.
    pub job: JobKey,
    /// Its id.
    pub session_id: SessionId,
}

/// A session as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// Its id.
    pub session_id: SessionId,
    /// Its queue.
    pub queue_id: QueueId,
    /// Its job.
    pub job_id: JobId,
    /// The fleet of its worker.
    pub fleet_id: FleetId,
    /// Its worker, where the source knows it.
    pub worker_id: Option<WorkerId>,
    /// The kind of machine, where the source knows it.
    pub instance_type: Option<&'a InstanceType>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, unless it runs.
    pub ended_at: Option<Timestamp>,
}

/// The place of a session in a list: its start, and its id. Its text is the token of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPlace {
    /// When it started.
    pub started_at: Timestamp,
    /// Its id.
    pub session_id: SessionId,
}

impl fmt::Display for SessionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.started_at.millis(), self.session_id)
    }
}

impl FromStr for SessionPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, session_id) = text.split_once('.').ok_or(())?;
        let started_at = Timestamp::from_millis(millis.parse().map_err(drop)?).map_err(drop)?;
        Ok(Self { started_at, session_id: session_id.parse().map_err(drop)? })
    }
}

/// Which sessions of a job are asked for.
pub fn parse_list_sessions(
    request: &CheckedRequest,
) -> Result<(JobKey, ListPosition<SessionPlace>), ValidationError> {
    Ok((parse_job(request)?, request.position()?))
}

/// Which sessions of a worker are asked for.
pub fn parse_list_sessions_for_worker(
    request: &CheckedRequest,
) -> Result<(WorkerKey, ListPosition<SessionPlace>), ValidationError> {
    Ok((parse_worker(request)?, request.position()?))
}

/// The session of a request whose path has one.
pub fn parse_session(request: &CheckedRequest) -> Result<SessionKey, ValidationError> {
    Ok(SessionKey { job: parse_job(request)?, session_id: request.required("sessionId")? })
}

/// The sessions of a request for several.
pub fn parse_batch_get_session(request: &CheckedRequest) -> Result<Vec<SessionKey>, ValidationError> {
    batch::identifiers(request, |id| {
        let (farm_id, queue_id): (FarmId, QueueId) = (id.required("farmId")?, id.required("queueId")?);
        let job = JobKey { farm_id, queue_id, job_id: id.required("jobId")? };
        Ok(SessionKey { job, session_id: id.required("sessionId")? })
    })
}

/// The body of a page of a job's sessions. `more_after` is the place of the last of the page, if sessions follow it.
pub fn write_sessions_page(sessions: &[Session<'_>], more_after: Option<SessionPlace>) -> Vec<u8> {
    json::page("sessions", sessions.iter().map(of_job), more_after)
}

/// The body of a page of a worker's sessions.
pub fn write_worker_sessions_page(sessions: &[Session<'_>], more_after: Option<SessionPlace>) -> Vec<u8> {
    let of_worker =
        |session| of_both(session).with_text("queueId", session.queue_id).with_text("jobId", session.job_id);
    json::page("sessions", sessions.iter().map(of_worker), more_after)
}

/// The body of one session.
pub fn write_session(session: &Session<'_>) -> Vec<u8> {
    whole(session).into_bytes()
}

/// The body of several sessions, and of those that were not found.
pub fn write_batch_of_sessions(sessions: &[Found<SessionKey, Session<'_>>]) -> Vec<u8> {
    batch::answer("sessions", sessions, key, whole)
}

fn key(key: &SessionKey) -> Shape {
    Shape::default()
        .with_text("farmId", key.job.farm_id)
        .with_text("queueId", key.job.queue_id)
        .with_text("jobId", key.job.job_id)
        .with_text("sessionId", key.session_id)
}

fn of_both(session: &Session<'_>) -> Shape {
    Shape::default()
        .with_text("sessionId", session.session_id)
        .with_text("startedAt", session.started_at)
        .with("lifecycleStatus", if session.ended_at.is_some() { "ENDED" } else { "STARTED" })
        .with_some("endedAt", session.ended_at.map(|at| at.to_string()))
}

fn of_job(session: &Session<'_>) -> Shape {
    of_both(session)
        .with_text("fleetId", session.fleet_id)
        .with_text("workerId", session.worker_id.unwrap_or(NO_WORKER))
}

fn whole(session: &Session<'_>) -> Shape {
    of_job(session)
        .with("log", no_log())
        .with_some("hostProperties", session.instance_type.map(host_properties))
}

fn no_log() -> Value {
    json!({ "logDriver": "none", "error": "no logs are kept here" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_start_and_id_and_reads_back() {
        let place = SessionPlace {
            started_at: Timestamp::from_millis(1_764_000_000_123).unwrap(),
            session_id: SessionId::from_bytes([7; 16]),
        };
        assert_eq!(place.to_string(), format!("1764000000123.{}", place.session_id));
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", ".", "1", "-1.session-07070707070707070707070707070707", "1.session-x"] {
            assert_eq!(text.parse::<SessionPlace>(), Err(()), "{text}");
        }
    }
}
