//! The sessions behind a number.

use std::io;
use std::sync::atomic::AtomicBool;

use farmtally_model::{Calendar, CostScaleFactor, FarmId, Usage, UsageType};
use farmtally_service::{
    FoundSession, FoundSessions, NamedValue, Service, SessionPosition, SessionsRequest, UsageNames,
};
use farmtally_wire::SessionPlace;
use farmtally_wire::native::{
    InWindow, Named, SESSIONS_IN_TABLE_MAX, SESSIONS_MAX, SessionRow, SessionUsage, Sessions, decimal_cost,
    parse_sessions_query, write_resource,
};
use http::header::{CONTENT_DISPOSITION, LINK, VARY};
use http::{HeaderValue, StatusCode};

use super::answer::window;
use super::form::Form;
use super::session_columns::columns;
use super::table_writer::TableWriter;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::reply_body::{Parts, ReplyBody};

/// What a session takes in memory with its texts, about, in bytes.
const SESSION_BYTES: usize = 1_024;

pub(super) fn list(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let form = Form::of_request(request)?;
    let limit_max = if form == Form::Json { SESSIONS_MAX } else { SESSIONS_IN_TABLE_MAX };
    let asked = parse_sessions_query(request.raw_query(), limit_max)?;
    let question = asked.query.check()?;
    let before = asked
        .cursor
        .map(|place| SessionPosition { started_at: place.started_at, session_id: place.session_id });
    let asked = SessionsRequest { question: &question, before, limit: asked.limit };
    let found = service.usage_sessions(request.caller(), farm_id, &asked, cancelled)?;
    let next = next_page(request, &found);
    let reply = match TableWriter::new(form) {
        Some(table) => {
            let parts = SessionParts { found, written: 0, table, has_ended: false };
            let file_name = format!("attachment; filename=\"sessions.{}\"", form.as_str());
            let body = ReplyBody::of(Box::new(parts)).map_err(Refusal::internal)?;
            let reply = Reply::with_body(StatusCode::OK, form.content_type(), body);
            reply.header(CONTENT_DISPOSITION, HeaderValue::try_from(file_name).map_err(Refusal::internal)?)
        }
        None => Reply::json(StatusCode::OK, write_resource(&document(&found))),
    };
    let reply = reply.header(VARY, HeaderValue::from_static("accept"));
    Ok(next.into_iter().fold(reply, |reply, next| reply.header(LINK, next)))
}

/// Where the sessions behind the last are, by RFC 8288: a table has no place for it.
fn next_page(request: &VerifiedRequest, found: &FoundSessions) -> Option<HeaderValue> {
    let place = last_place(found)?;
    let others =
        request.raw_query().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: String = others.flat_map(|pair| [pair, "&"]).collect();
    HeaderValue::try_from(format!("<{}?{query}cursor={place}>; rel=\"next\"", request.raw_path())).ok()
}

/// The last session, if there are more behind it.
fn last_place(found: &FoundSessions) -> Option<SessionPlace> {
    found.sessions.last().filter(|_| found.more).map(|found| SessionPlace {
        started_at: found.session.span.started_at(),
        session_id: found.session.session_id,
    })
}

/// Sessions as a table, some after the others.
#[derive(Debug)]
struct SessionParts {
    found: FoundSessions,
    written: usize,
    table: TableWriter,
    has_ended: bool,
}

impl Parts for SessionParts {
    fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.has_ended {
            return Ok(false);
        }
        let to = self.found.sessions.len().min(self.written + self.table.rows_max());
        self.has_ended = to == self.found.sessions.len();
        let columns = columns(&self.found, &self.found.sessions[self.written..to]);
        self.written = to;
        self.table.write(&columns, self.has_ended, out)?;
        Ok(true)
    }

    fn bytes(&self) -> usize {
        self.found.sessions.len() * SESSION_BYTES
    }
}

/// Sessions as a document of the native API.
fn document(found: &FoundSessions) -> Sessions {
    let factor = found.farm.cost_scale_factor;
    Sessions {
        window: window(&Calendar::whole(found.window), &found.zone),
        sessions: found.sessions.iter().map(|session| row(session, &found.names, factor)).collect(),
        next_cursor: last_place(found).map(|place| place.to_string()),
    }
}

fn row(found: &FoundSession, names: &UsageNames, factor: CostScaleFactor) -> SessionRow {
    let session = &found.session;
    let cost = |nanos: u64| decimal_cost(nanos.into(), factor);
    let worker = session.worker_id.map(|id| Named { id: id.to_string(), name: id.to_string() });
    SessionRow {
        session_id: session.session_id.to_string(),
        queue: named(names.queue(session.queue_id)),
        fleet: named(names.fleet(session.fleet_id)),
        job: named(UsageNames::job(session.job_id, &session.job_name)),
        user: named(names.user(&session.user_id)),
        worker,
        instance_type: session.instance_type.as_ref().map(ToString::to_string),
        outcome: session.outcome.map(|outcome| outcome.as_str().to_owned()),
        started_at: session.span.started_at().to_string(),
        ended_at: session.span.ended_at().map(|at| at.to_string()),
        runtime_ms: found.runtime_ms,
        cost: decimal_cost(found.line_nanos.iter().map(|nanos| u128::from(*nanos)).sum(), factor),
        usage: session
            .usage
            .as_slice()
            .iter()
            .zip(&found.line_nanos)
            .map(|(line, nanos)| {
                let (usage_type, license_product, quantity) = match &line.usage {
                    Usage::Compute => (UsageType::Compute, None, None),
                    Usage::License { product, quantity } => {
                        (UsageType::License, Some(product.to_string()), Some(*quantity))
                    }
                };
                let usage_type = usage_type.as_str().to_owned();
                SessionUsage { usage_type, license_product, quantity, cost: cost(*nanos) }
            })
            .collect(),
        in_window: InWindow {
            runtime_ms: found.in_window.runtime_ms,
            cost: cost(found.in_window.cost_nanos),
        },
    }
}

fn named(value: NamedValue) -> Named {
    Named { id: value.id, name: value.name }
}
