//! From a request to its answer: route, take the body in, verify, handle, and give every answer its headers.
//!
//! Signatures, the store and the engine all block, so that the whole of a request's work is one blocking task. A panic
//! in there ends the task and not the connection: the caller gets a 500 with the request id.
//!
//! Scripts read an answer page by page, and handing a request to another thread and back costs more than a page does. So
//! a page that memory alone can tell is answered where the request was read.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use farmtally_service::{AuditEntry, Service};
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use crate::body::BodyReader;
use crate::gate::{Gate, VerifiedRequest};
use crate::limits::ConnectionLimits;
use crate::metrics::{Metrics, MetricsAccess, UsageGauges};
use crate::native::slots::{AnswerMemory, CallOff, QuerySlots};
use crate::native::table::NativeTarget;
use crate::page::PageAccess;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::refusal_audit::RefusalAudit;
use crate::reply::Reply;
use crate::reply_body::ReplyBody;
use crate::request::ReceivedRequest;
use crate::request_id::RequestId;
use crate::route::{Route, SignedRoute};
use crate::{metrics, native, operations, page, probes};

/// What belongs to a request beside what was sent.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) request_id: RequestId,
    pub(crate) peer: Peer,
    span: Span,
}

/// Everything that a request needs.
#[derive(Debug)]
pub(crate) struct App {
    service: Arc<Service>,
    gate: Gate,
    page_access: PageAccess,
    bodies: BodyReader,
    metrics: Arc<Metrics>,
    metrics_access: MetricsAccess,
    usage: UsageGauges,
    /// A permit for each request that is being verified.
    verifications: Arc<Semaphore>,
    /// Places for questions about usage.
    queries: QuerySlots,
    /// Memory of answers that are being sent.
    answers: AnswerMemory,
    refusals: RefusalAudit,
}

impl App {
    pub(crate) fn new(
        service: Arc<Service>,
        region: Option<String>,
        page_access: PageAccess,
        metrics_token: Option<String>,
        limits: &ConnectionLimits,
    ) -> Self {
        Self {
            service,
            gate: Gate::new(region, limits.key_requests_per_second_max),
            page_access,
            bodies: BodyReader::new(limits),
            metrics: Arc::default(),
            metrics_access: MetricsAccess::new(metrics_token),
            usage: UsageGauges::default(),
            verifications: Arc::new(Semaphore::new(limits.verifications_max.max(1))),
            queries: QuerySlots::new(limits),
            answers: AnswerMemory::new(limits),
            refusals: RefusalAudit::default(),
        }
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<ReplyBody> {
        let (request_id, received) = (RequestId::new(), Instant::now());
        let (parts, body) = request.into_parts();
        let route = Route::of(&parts.method, parts.uri.path());
        let name = route.name();
        // Everything that is logged on the way carries the id. Without the query: it may have the page's token in it.
        let span = tracing::info_span!(
            "request", %request_id, route = name, method = %parts.method, path = parts.uri.path(),
            status = tracing::field::Empty
        );
        let context = Context { request_id, peer, span: span.clone() };
        let reply = self.reply(route, parts, body, context).instrument(span.clone()).await;
        let reply = span.in_scope(|| reply.unwrap_or_else(|refusal| refusal.into_reply(request_id)));
        let (status, duration) = (reply.status(), received.elapsed());
        span.record("status", status.as_u16());
        span.in_scope(|| {
            tracing::info!(status = status.as_u16(), duration_us = duration.as_micros(), "answered");
        });
        self.metrics.answered(name, status, duration);
        reply.into_response(request_id, self.service.now())
    }

    async fn reply(
        self: &Arc<Self>,
        route: Route,
        parts: Parts,
        body: Incoming,
        context: Context,
    ) -> Result<Reply, Refusal> {
        let body = self.bodies.read(body, route.body_bytes_max()).await?;
        let request = ReceivedRequest::new(parts, body, context.peer);
        let request = match self.answer_at_hand(&route, request).await {
            ControlFlow::Continue(reply) => return reply,
            ControlFlow::Break(request) => request,
        };
        // Hashing and checking is the work that strangers can make us do; only so much of it is done at once.
        let verification = Arc::clone(&self.verifications).acquire_owned().await.ok();
        if let Route::Reading(target) = route {
            return self.answer_reading(target, request, context, verification).await;
        }
        let app = Arc::clone(self);
        let span = context.span.clone();
        blocking(move || span.in_scope(|| app.handle(&route, request, &context, verification))).await
    }

    /// Answers what reads, in its turn. The work is called off when nobody waits for it any more: this future is dropped
    /// with its connection.
    async fn answer_reading(
        self: &Arc<Self>,
        target: NativeTarget,
        request: ReceivedRequest,
        context: Context,
        verification: Option<OwnedSemaphorePermit>,
    ) -> Result<Reply, Refusal> {
        let (app, span) = (Arc::clone(self), context.span.clone());
        let request = blocking(move || {
            span.in_scope(|| {
                let admitted = app.gate.admit_reader(&app.service, &app.page_access, request);
                drop(verification);
                let request =
                    admitted.inspect_err(|refusal| app.note_stranger(target.name, refusal, &context))?;
                app.throttle(&request)?;
                Ok((request, target))
            })
        });
        let (request, target) = request.await?;
        let slot = self.queries.take().await?;
        let call_off = CallOff::default();
        let (app, cancelled, span) = (Arc::clone(self), call_off.flag(), Span::current());
        let work = blocking(move || {
            let reply = span.in_scope(|| native::answer_reading(&app.service, &request, &target, &cancelled));
            if cancelled.load(Ordering::Relaxed) {
                app.queries.called_off();
            }
            reply.map(|reply| (reply, slot))
        });
        let runtime_max = self.queries.runtime_max();
        if runtime_max.is_zero() {
            return Err(Refusal::too_slow(runtime_max));
        }
        let (mut reply, slot) =
            timeout(runtime_max, work).await.unwrap_or_else(|_| Err(Refusal::too_slow(runtime_max)))?;
        if let Some(bytes) = reply.body().bytes_held() {
            let permit = self.answers.take(bytes).await?;
            reply.body().hold(permit);
        }
        drop(slot);
        Ok(reply)
    }

    /// Answers what takes neither the disk nor much of a processor, or gives the request back. It may wait a little for the end of
    /// an aggregation.
    async fn answer_at_hand(
        &self,
        route: &Route,
        request: ReceivedRequest,
    ) -> ControlFlow<ReceivedRequest, Result<Reply, Refusal>> {
        let Route::Signed(SignedRoute::Operation { operation, labels }) = route else {
            return ControlFlow::Break(request);
        };
        if !operations::may_be_at_hand(*operation) {
            return ControlFlow::Break(request);
        }
        let request = self.gate.admit_at_hand(&self.service, request)?;
        let at_hand = || operations::answer_at_hand(*operation, &self.service, &request, labels);
        let mut reply = at_hand();
        if reply.is_none() && operations::wait_for_end(*operation, &self.service, &request, labels).await {
            reply = at_hand();
        }
        match reply {
            Some(reply) => ControlFlow::Continue(self.throttle(&request).and(reply)),
            None => ControlFlow::Break(request.into_received()),
        }
    }

    fn handle(
        &self,
        route: &Route,
        request: ReceivedRequest,
        context: &Context,
        verification: Option<OwnedSemaphorePermit>,
    ) -> Result<Reply, Refusal> {
        match route {
            Route::Live => Ok(probes::live()),
            Route::Ready => Ok(probes::ready(&self.service)),
            Route::Page => page::answer(&self.service, &self.page_access, &request),
            Route::Asset(asset) => page::answer_asset(asset, &request),
            Route::SignIn => self.sign_in(&request, context),
            Route::SignOut => Ok(page::sign_out(&self.page_access, &request)),
            Route::Metrics => self.render_metrics(&request),
            Route::Telemetry => Ok(Reply::no_content()),
            Route::Signed(route) => {
                let admitted = self.gate.admit(&self.service, request);
                drop(verification);
                let request =
                    admitted.inspect_err(|refusal| self.note_stranger(route.name(), refusal, context))?;
                self.throttle(&request)?;
                let reply = self.handle_signed(route, &request);
                self.audit(route, &request, &reply, context);
                reply
            }
            Route::Api(native) => native::api::answer(*native),
            // Those are answered by `answer_reading`, in their turn.
            Route::Reading(_) => Err(Refusal::internal("a route that reads came to the others")),
            Route::Unknown => Err(Refusal::unknown_operation(request.method(), request.raw_path())),
        }
    }

    fn throttle(&self, request: &VerifiedRequest) -> Result<(), Refusal> {
        self.gate.throttle(request).inspect_err(|_| self.metrics.throttled_key())
    }

    /// A wrong key on the page is a stranger like one with a wrong signature.
    fn sign_in(&self, request: &ReceivedRequest, context: &Context) -> Result<Reply, Refusal> {
        let reply = page::sign_in(&self.service, &self.page_access, request)?;
        if reply.status() == StatusCode::FORBIDDEN {
            self.metrics.refused_signature();
            self.refusals.note(&self.service, "sign-in", "refused", context);
        }
        Ok(reply)
    }

    fn render_metrics(&self, request: &ReceivedRequest) -> Result<Reply, Refusal> {
        if !self.metrics_access.is_open_to_somebody() {
            return Err(Refusal::unknown_operation(request.method(), request.raw_path()));
        }
        if !self.metrics_access.admits(request) {
            return Ok(Reply::text(StatusCode::UNAUTHORIZED, "bring the token of the metrics\n")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        let text = metrics::render(
            &self.metrics,
            (self.queries.counts(), self.answers.bytes_held()),
            &self.usage,
            &self.service,
        );
        Ok(Reply::new(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
    }

    /// Somebody without a valid signature: counted each time, and written down every now and then.
    fn note_stranger(&self, route: &'static str, refusal: &Refusal, context: &Context) {
        self.metrics.refused_signature();
        self.refusals.note(&self.service, route, refusal.name(), context);
    }

    fn audit(
        &self,
        route: &SignedRoute,
        request: &VerifiedRequest,
        reply: &Result<Reply, Refusal>,
        context: &Context,
    ) {
        if route.is_audited() {
            let outcome = reply.as_ref().map_or_else(Refusal::name, |_| "done");
            let (source, request_id) = (context.peer.address.to_string(), context.request_id.to_string());
            self.service.audit(&AuditEntry {
                actor: &request.caller().access_key_id,
                action: route.name(),
                subject: request.raw_path(),
                outcome,
                detail: request.caller().role.as_str(),
                source: &source,
                request_id: &request_id,
            });
        }
    }

    fn handle_signed(&self, route: &SignedRoute, request: &VerifiedRequest) -> Result<Reply, Refusal> {
        let service = &self.service;
        match route {
            SignedRoute::Operation { operation, labels } => {
                operations::answer(*operation, service, request, labels)
            }
            SignedRoute::Native(target) => native::answer_signed(service, request, target),
        }
    }
}

/// Does the work on a thread that may block, and takes a panic in it for an internal error.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(Refusal::internal(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_not_a_hung_connection() {
        let refusal = blocking::<Reply>(|| panic!("a bug")).await.unwrap_err();
        let reply = refusal.into_reply(RequestId::new());
        assert_eq!(reply.status(), 500);
        assert!(!format!("{reply:?}").contains("a bug"));
    }
}
