//! From a request to its answer: route, take the body in, verify, handle, and give every answer its headers.
//!
//! Signatures, the store and the engine all block, so that the whole of a request's work is one blocking task. A panic
//! in there ends the task and not the connection: the caller gets a 500 with the request id.
//!
//! Scripts read an answer page by page, and handing a request to another thread and back costs more than a page does. So
//! a page that memory alone can tell is answered where the request was read.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use farmtally_service::Service;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::task::spawn_blocking;

use crate::body::BodyReader;
use crate::gate::{Gate, VerifiedRequest};
use crate::limits::ConnectionLimits;
use crate::page::PageAccess;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::ReceivedRequest;
use crate::request_id::RequestId;
use crate::route::{Route, SignedRoute};
use crate::{native, operations, page, probes};

/// Everything that a request needs.
#[derive(Debug)]
pub(crate) struct App {
    service: Arc<Service>,
    gate: Gate,
    page_access: PageAccess,
    bodies: BodyReader,
}

impl App {
    pub(crate) fn new(
        service: Arc<Service>,
        region: Option<String>,
        page_access: PageAccess,
        limits: &ConnectionLimits,
    ) -> Self {
        Self { service, gate: Gate::new(region), page_access, bodies: BodyReader::new(limits) }
    }

    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Full<Bytes>> {
        let (request_id, received) = (RequestId::new(), Instant::now());
        let (parts, body) = request.into_parts();
        // Without the query: it may have the page's token in it.
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let reply =
            self.reply(parts, body, peer).await.unwrap_or_else(|refusal| refusal.into_reply(request_id));
        let (status, duration_ms) = (reply.status().as_u16(), received.elapsed().as_millis());
        tracing::info!(%request_id, %method, path, status, duration_ms, "answered");
        reply.into_response(request_id, self.service.now())
    }

    async fn reply(self: &Arc<Self>, parts: Parts, body: Incoming, peer: Peer) -> Result<Reply, Refusal> {
        let route = Route::of(&parts.method, parts.uri.path());
        let body = self.bodies.read(body, route.body_bytes_max()).await?;
        let request = ReceivedRequest::new(parts, body, peer);
        let request = match self.answer_at_hand(&route, request) {
            ControlFlow::Continue(reply) => return reply,
            ControlFlow::Break(request) => request,
        };
        let app = Arc::clone(self);
        blocking(move || app.handle(&route, request)).await
    }

    /// Answers what takes neither the disk nor a long time, or gives the request back.
    fn answer_at_hand(
        &self,
        route: &Route,
        request: ReceivedRequest,
    ) -> ControlFlow<ReceivedRequest, Result<Reply, Refusal>> {
        let Route::Signed(SignedRoute::Operation { operation, farm_label }) = route else {
            return ControlFlow::Break(request);
        };
        if !operations::may_be_at_hand(*operation) {
            return ControlFlow::Break(request);
        }
        let request = self.gate.admit_at_hand(&self.service, request)?;
        match operations::answer_at_hand(*operation, &self.service, &request, farm_label) {
            Some(reply) => ControlFlow::Continue(reply),
            None => ControlFlow::Break(request.into_received()),
        }
    }

    fn handle(&self, route: &Route, request: ReceivedRequest) -> Result<Reply, Refusal> {
        match route {
            Route::Live => Ok(probes::live()),
            Route::Ready => Ok(probes::ready(&self.service)),
            Route::Page => page::answer(&self.service, &self.page_access, &request),
            Route::Stylesheet => Ok(page::stylesheet()),
            Route::Signed(route) => {
                let request = self.gate.admit(&self.service, request)?;
                self.handle_signed(route, &request)
            }
            Route::Unknown => Err(Refusal::unknown_operation(request.method(), request.raw_path())),
        }
    }

    fn handle_signed(&self, route: &SignedRoute, request: &VerifiedRequest) -> Result<Reply, Refusal> {
        let service = &self.service;
        match route {
            SignedRoute::Operation { operation, farm_label } => {
                operations::answer(*operation, service, request, farm_label)
            }
            SignedRoute::SendSessions { farm_label } => native::send_sessions(service, request, farm_label),
            SignedRoute::DeleteSession { farm_label, session_label } => {
                native::delete_session(service, request, farm_label, session_label)
            }
            SignedRoute::DeleteVolume { farm_label, volume_label } => {
                native::delete_volume(service, request, farm_label, volume_label)
            }
        }
    }
}

/// Does the work on a thread that may block, and takes a panic in it for an internal error.
async fn blocking(work: impl FnOnce() -> Result<Reply, Refusal> + Send + 'static) -> Result<Reply, Refusal> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(Refusal::internal(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_not_a_hung_connection() {
        let refusal = blocking(|| panic!("a bug")).await.unwrap_err();
        let reply = refusal.into_reply(RequestId::new());
        assert_eq!(reply.status(), 500);
        assert!(!format!("{reply:?}").contains("a bug"));
    }
}
