//! Traces for a collector of OpenTelemetry: OTLP over HTTP, as JSON, off unless an endpoint is given.
//!
//! The usual crates for this would add some sixty to the build. Spans end rarely compared to what they measure, so that a
//! thread with a bounded queue and one request every few seconds is all that it takes. What does not fit is dropped and
//! counted: traces never slow an answer down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use farmtally_service::{Clock, SystemClock};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Most spans that wait to be sent.
const QUEUE_SPANS_MAX: usize = 4096;
/// Most spans of a request to the collector.
const BATCH_SPANS_MAX: usize = 512;
/// How long spans wait for others.
const BATCH_AFTER: Duration = Duration::from_secs(2);
/// How long a collector may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Sends spans that end to a collector.
#[derive(Debug)]
pub(crate) struct OtlpLayer {
    queue: SyncSender<Value>,
    dropped: Arc<AtomicU64>,
    clock: SystemClock,
}

/// What is kept of a span until it ends.
struct OpenSpan {
    trace_id: u128,
    span_id: u64,
    parent_id: Option<u64>,
    begun_at_ms: i64,
    begun: Instant,
    attributes: Vec<Value>,
}

impl OtlpLayer {
    /// Sends to `endpoint`, the base URL of a collector, until the process ends.
    pub(crate) fn start(endpoint: &str) -> std::io::Result<Self> {
        let (queue, spans) = sync_channel(QUEUE_SPANS_MAX);
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let dropped = Arc::new(AtomicU64::new(0));
        let sender = Sender { url, dropped: Arc::clone(&dropped) };
        std::thread::Builder::new().name("traces".into()).spawn(move || sender.run(&spans))?;
        Ok(Self { queue, dropped, clock: SystemClock::default() })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for OtlpLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| *span.metadata().level() <= Level::INFO) else {
            return;
        };
        let parent = span.parent().and_then(|parent| {
            parent.extensions().get::<OpenSpan>().map(|parent| (parent.trace_id, parent.span_id))
        });
        let random = random();
        let mut open = OpenSpan {
            trace_id: parent.map_or(random, |(trace_id, _)| trace_id),
            span_id: (random >> 64) as u64 ^ id.into_u64(),
            parent_id: parent.map(|(_, span_id)| span_id),
            begun_at_ms: self.clock.now().millis(),
            begun: Instant::now(),
            attributes: Vec::new(),
        };
        attributes.record(&mut AttributeVisitor(&mut open.attributes));
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            values.record(&mut AttributeVisitor(&mut open.attributes));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<OpenSpan>() else { return };
        if self.queue.try_send(open.ended(span.name())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl OpenSpan {
    fn ended(self, name: &str) -> Value {
        let begun_ns = i128::from(self.begun_at_ms) * 1_000_000;
        let ended_ns = begun_ns + i128::try_from(self.begun.elapsed().as_nanos()).unwrap_or_default();
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace_id),
            "spanId": format!("{:016x}", self.span_id),
            "name": name,
            "kind": 2,
            "startTimeUnixNano": begun_ns.to_string(),
            "endTimeUnixNano": ended_ns.to_string(),
            "attributes": self.attributes,
        });
        if let Some(parent_id) = self.parent_id {
            span["parentSpanId"] = format!("{parent_id:016x}").into();
        }
        span
    }
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    // Without randomness traces run into each other, which is no reason to refuse a request.
    getrandom::fill(&mut bytes).unwrap_or_default();
    u128::from_be_bytes(bytes)
}

struct AttributeVisitor<'a>(&'a mut Vec<Value>);

impl AttributeVisitor<'_> {
    fn add(&mut self, field: &Field, value: &Value) {
        self.0.push(json!({ "key": field.name(), "value": value }));
    }
}

impl Visit for AttributeVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &json!({ "stringValue": format!("{value:?}") }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &json!({ "stringValue": value }));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &json!({ "intValue": value.to_string() }));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &json!({ "intValue": value.to_string() }));
    }
}

struct Sender {
    url: String,
    dropped: Arc<AtomicU64>,
}

impl Sender {
    fn run(&self, spans: &Receiver<Value>) {
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(ANSWER_WITHIN));
        let agent = config.build().new_agent();
        let mut last_problem = String::new();
        while let Some(batch) = batch(spans) {
            let count = batch.len() as u64;
            let body = json!({ "resourceSpans": [{
                "resource": { "attributes": [
                    { "key": "service.name", "value": { "stringValue": "farmtally" } },
                    { "key": "service.version", "value": { "stringValue": env!("CARGO_PKG_VERSION") } },
                ] },
                "scopeSpans": [{ "scope": { "name": "farmtally" }, "spans": batch }],
            }] });
            let sent =
                agent.post(&self.url).header("content-type", "application/json").send(body.to_string());
            let problem = sent.err().map(|error| error.to_string()).unwrap_or_default();
            self.tell(&mut last_problem, problem, count);
        }
    }

    /// Says once that a collector does not take spans, and once that it does again.
    fn tell(&self, last_problem: &mut String, problem: String, count: u64) {
        if !problem.is_empty() {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
        if *last_problem == problem {
            return;
        }
        let dropped = self.dropped.load(Ordering::Relaxed);
        if problem.is_empty() {
            tracing::info!(url = self.url, dropped, "the collector takes traces again");
        } else {
            tracing::warn!(url = self.url, problem, dropped, "the collector takes no traces");
        }
        *last_problem = problem;
    }
}

/// What has ended by now, once there is something; `None` when nothing will end any more.
fn batch(spans: &Receiver<Value>) -> Option<Vec<Value>> {
    let mut batch = vec![spans.recv().ok()?];
    let until = Instant::now() + BATCH_AFTER;
    while batch.len() < BATCH_SPANS_MAX {
        match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Some(batch)
}
