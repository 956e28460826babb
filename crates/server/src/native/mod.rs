//! farmtally's own API, beside the operations of AWS: records in and out, and questions about usage.
//!
//! Which routes there are, and who may come in by which, is the one table in `table`. What changes something is signed
//! like AWS's operations and refused like them. What reads can be asked by the page's visitors too, and says what is wrong
//! as a [`farmtally_wire::native::Problem`].

mod amend;
mod answer;
pub(crate) mod api;
mod api_page;
mod arrow;
mod columns;
mod csv;
mod delete;
mod farms;
mod form;
mod other_tool;
mod parquet;
mod parts;
mod query;
mod send;
mod session_columns;
mod sessions;
pub(crate) mod slots;
pub(crate) mod table;
mod table_writer;
mod values;

use std::sync::atomic::AtomicBool;

use farmtally_model::FarmId;
use farmtally_service::Service;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;
use table::{Native, NativeTarget};

/// Answers what only a signature lets in.
pub(crate) fn answer_signed(
    service: &Service,
    request: &VerifiedRequest,
    target: &NativeTarget,
) -> Result<Reply, Refusal> {
    match target.native {
        Native::SendSessions => send::send_sessions(service, request, target.label(0)),
        Native::AmendCosts => amend::amend_costs(service, request, target.label(0)),
        Native::DeleteSession => delete::delete_session(service, request, target.label(0), target.label(1)),
        Native::DeleteVolume => delete::delete_volume(service, request, target.label(0), target.label(1)),
        _ => Err(Refusal::internal("a route that is not signed came to the signed ones")),
    }
}

/// Answers what reads. `cancelled` is set when nobody waits for the answer any more.
pub(crate) fn answer_reading(
    service: &Service,
    request: &VerifiedRequest,
    target: &NativeTarget,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    request.caller().may(farmtally_service::Action::ReadStatistics)?;
    let farm_id = || farm_id(target.label(0));
    match target.native {
        Native::ListReadableFarms => farms::list(service, request),
        Native::QueryUsage => query::by_body(service, request, farm_id()?, cancelled),
        Native::QueryUsageByUrl => query::by_url(service, request, farm_id()?, cancelled),
        Native::ListUsageValues => values::list(service, request, farm_id()?, cancelled),
        Native::ListUsageSessions => sessions::list(service, request, farm_id()?, cancelled),
        _ => Err(Refusal::internal("a route that does not read came to the reading ones")),
    }
}

fn farm_id(farm_label: &str) -> Result<FarmId, Refusal> {
    FarmId::parse(farm_label).map_err(|error| Refusal::field("farmId", &error))
}
