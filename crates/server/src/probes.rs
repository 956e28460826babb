//! What a supervisor asks: does the process live, and would it answer? Neither says anything about the data.

use std::error::Error;

use farmtally_service::Service;
use http::StatusCode;

use crate::reply::Reply;

/// 200 as long as there is somebody to say it.
pub(crate) fn live() -> Reply {
    Reply::text(StatusCode::OK, "ok\n")
}

/// 200 when the catalogue answers, else 503.
pub(crate) fn ready(service: &Service) -> Reply {
    match service.check_ready() {
        Ok(()) => Reply::text(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "not ready");
            Reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready; the server's log says more\n")
        }
    }
}
