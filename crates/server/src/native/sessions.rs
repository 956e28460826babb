//! The sessions behind a number.

use std::sync::atomic::AtomicBool;

use farmtally_model::{Calendar, CostScaleFactor, FarmId, Usage, UsageType};
use farmtally_service::{
    FoundSession, FoundSessions, NamedValue, Service, SessionPosition, SessionsRequest, UsageNames,
};
use farmtally_wire::SessionPlace;
use farmtally_wire::native::{
    InWindow, Named, SessionRow, SessionUsage, Sessions, decimal_cost, parse_sessions_query, write_resource,
};
use http::StatusCode;

use super::answer::window;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn list(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let asked = parse_sessions_query(request.raw_query())?;
    let question = asked.query.check()?;
    let before = asked
        .cursor
        .map(|place| SessionPosition { started_at: place.started_at, session_id: place.session_id });
    let asked = SessionsRequest { question: &question, before, limit: asked.limit };
    let found = service.usage_sessions(request.caller(), farm_id, &asked, cancelled)?;
    Ok(Reply::json(StatusCode::OK, write_resource(&document(&found))))
}

/// Sessions as a document of the native API.
pub(crate) fn document(found: &FoundSessions) -> Sessions {
    let factor = found.farm.cost_scale_factor;
    let last = found.sessions.last().filter(|_| found.more).map(|found| SessionPlace {
        started_at: found.session.span.started_at(),
        session_id: found.session.session_id,
    });
    Sessions {
        window: window(&Calendar::whole(found.window), &found.zone),
        sessions: found.sessions.iter().map(|session| row(session, &found.names, factor)).collect(),
        next_cursor: last.map(|place| place.to_string()),
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
