//! ListSessions, GetSession, ListSessionsForWorker and BatchGetSession.

use farmtally_model::{LineCost, Session};
use farmtally_service::{SessionAddress, SessionPosition};
use farmtally_wire::{self as wire, SessionKey, SessionPlace};

use super::call::Call;
use super::{list, ok};
use crate::refusal::Refusal;
use crate::reply::Reply;

type StoredSession = Session<LineCost>;

pub(super) fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (job, position) = wire::parse_list_sessions(&call.request)?;
    let page_size = position.page_size.get();
    let (after, limit) = (position.after.map(to_position), list::limit(page_size));
    let owner = (job.queue_id, job.job_id);
    let mut sessions = call.service.sessions_of_job(call.caller, job.farm_id, owner, after, limit)?;
    let more_after = list::cut(&mut sessions, page_size, place);
    let shapes: Vec<_> = sessions.iter().map(shape).collect();
    Ok(ok(wire::write_sessions_page(&shapes, more_after)))
}

pub(super) fn list_for_worker(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (worker, position) = wire::parse_list_sessions_for_worker(&call.request)?;
    let page_size = position.page_size.get();
    let (after, limit) = (position.after.map(to_position), list::limit(page_size));
    let owner = (worker.fleet_id, worker.worker_id);
    let mut sessions = call.service.sessions_of_worker(call.caller, worker.farm_id, owner, after, limit)?;
    let more_after = list::cut(&mut sessions, page_size, place);
    let shapes: Vec<_> = sessions.iter().map(shape).collect();
    Ok(ok(wire::write_worker_sessions_page(&shapes, more_after)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let key = wire::parse_session(&call.request)?;
    let session = call.service.session(call.caller, &address(&key))?;
    Ok(ok(wire::write_session(&shape(&session))))
}

pub(super) fn batch_get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let keys = wire::parse_batch_get_session(&call.request)?;
    let addresses: Vec<_> = keys.iter().map(address).collect();
    let found = call.service.sessions_at(call.caller, &addresses)?;
    let sessions: Vec<_> = keys.into_iter().zip(found).map(|(key, found)| list::found(key, found)).collect();
    Ok(ok(wire::write_batch_of_sessions(&list::shapes(&sessions, |_, session| shape(session)))))
}

fn address(key: &SessionKey) -> SessionAddress {
    let job = key.job;
    SessionAddress {
        farm_id: job.farm_id,
        queue_id: job.queue_id,
        job_id: job.job_id,
        session_id: key.session_id,
    }
}

fn to_position(place: SessionPlace) -> SessionPosition {
    SessionPosition { started_at: place.started_at, session_id: place.session_id }
}

fn place(session: &StoredSession) -> SessionPlace {
    SessionPlace { started_at: session.span.started_at(), session_id: session.session_id }
}

fn shape(session: &StoredSession) -> wire::Session<'_> {
    wire::Session {
        session_id: session.session_id,
        queue_id: session.queue_id,
        job_id: session.job_id,
        fleet_id: session.fleet_id,
        worker_id: session.worker_id,
        instance_type: session.instance_type.as_ref(),
        started_at: session.span.started_at(),
        ended_at: session.span.ended_at(),
    }
}
