//! A session with a Spark Connect server, which lives for one question.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farmtally_engine::DistributedError;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, IntoRequest, Request, Status};
use tonic_prost::ProstCodec;

use super::address::Address;
use super::message::{
    Command, CreateView, DataSource, ExecutePlanRequest, ExecutePlanResponse, InterruptRequest,
    InterruptResponse, Plan, PlanKind, Read, Relation, RelationKind, ReleaseSessionRequest,
    ReleaseSessionResponse, Sql, UserContext,
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a server that says nothing is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a server may take to forget a session.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often is looked whether the question was called off.
const CANCELLED_EVERY: Duration = Duration::from_millis(50);
/// Largest message in bytes. Servers cut their answers into batches of a few MiB.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// Longest reason that is passed on, in characters: a server sends its whole stack.
const REASON_MAX: usize = 300;

/// Everything of a session.
const INTERRUPT_ALL: i32 = 1;

/// A session of one question.
pub(crate) struct Session<'a> {
    address: &'a Address,
    grpc: Grpc<Channel>,
    id: String,
    cancelled: &'a AtomicBool,
}

/// Why a session was left before its end.
pub(crate) type Stop = DistributedError;

impl<'a> Session<'a> {
    /// Connects and begins a session. The server first hears of it with its first command.
    pub(crate) async fn begin(
        address: &'a Address,
        id: String,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, Stop> {
        let channel = until(cancelled, connect(address)).await??;
        let grpc = Grpc::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { address, grpc, id, cancelled })
    }

    /// Gives Parquet files, whose columns are known, a name.
    pub(crate) async fn name_files(
        &mut self,
        name: &str,
        schema: &str,
        paths: Vec<String>,
    ) -> Result<(), Stop> {
        let source = DataSource {
            format: Some("parquet".to_owned()),
            schema: Some(schema.to_owned()),
            paths,
            ..DataSource::default()
        };
        let read = RelationKind::Read(Read { data_source: Some(source) });
        let view = CreateView {
            input: Some(Relation { kind: Some(read) }),
            name: name.to_owned(),
            is_global: false,
            replace: true,
        };
        self.run(PlanKind::Command(Command { create_view: Some(view) }), |_| Ok(())).await
    }

    /// Asks a question in SQL. Each batch of rows goes to `take` as it comes, in Arrow's IPC format.
    pub(crate) async fn ask(
        &mut self,
        query: String,
        mut take: impl FnMut(&[u8], i64) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let sql = RelationKind::Sql(Sql { query });
        let root = PlanKind::Root(Relation { kind: Some(sql) });
        self.run(root, |answer| match answer.arrow_batch {
            Some(batch) => take(&batch.data, batch.row_count),
            None => Ok(()),
        })
        .await
    }

    async fn run(
        &mut self,
        plan: PlanKind,
        mut take: impl FnMut(ExecutePlanResponse) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let cancelled = self.cancelled;
        let request = ExecutePlanRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user_context()),
            plan: Some(Plan { kind: Some(plan) }),
            client_type: Some(concat!("farmtally/", env!("CARGO_PKG_VERSION")).to_owned()),
            operation_id: None,
        };
        let mut answers = until(cancelled, self.execute(request)).await?.map_err(|status| stop(&status))?;
        while let Some(answer) = until(cancelled, answers.message()).await?.map_err(|status| stop(&status))? {
            take(answer)?;
        }
        Ok(())
    }

    async fn execute(
        &mut self,
        request: ExecutePlanRequest,
    ) -> Result<Streaming<ExecutePlanResponse>, Status> {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = self.with_token(request)?;
        let codec = ProstCodec::<ExecutePlanRequest, ExecutePlanResponse>::default();
        self.grpc.server_streaming(request, path("ExecutePlan"), codec).await.map(tonic::Response::into_inner)
    }

    /// Stops what still runs, if `interrupted`, and has the server forget the session. A server that does not answer
    /// forgets it by itself later.
    pub(crate) async fn end(mut self, interrupted: bool) {
        let goodbye = async {
            if interrupted {
                let request = InterruptRequest {
                    session_id: self.id.clone(),
                    user_context: Some(self.user_context()),
                    interrupt_type: INTERRUPT_ALL,
                };
                self.call::<_, InterruptResponse>("Interrupt", request).await.map(drop).unwrap_or_default();
            }
            let request = ReleaseSessionRequest {
                session_id: self.id.clone(),
                user_context: Some(self.user_context()),
            };
            self.call::<_, ReleaseSessionResponse>("ReleaseSession", request)
                .await
                .map(drop)
                .unwrap_or_default();
        };
        tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await.unwrap_or_default();
    }

    async fn call<Q, A>(&mut self, method: &str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = self.with_token(request)?;
        self.grpc
            .unary(request, path(method), ProstCodec::<Q, A>::default())
            .await
            .map(tonic::Response::into_inner)
    }

    fn with_token<Q>(&self, request: Q) -> Result<Request<Q>, Status> {
        let mut request = request.into_request();
        if let Some(token) = self.address.token() {
            let mut value = MetadataValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Status::invalid_argument("the token is no value of a header"))?;
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }

    fn user_context(&self) -> UserContext {
        UserContext { user_id: self.address.user_id().to_owned() }
    }
}

async fn connect(address: &Address) -> Result<Channel, Stop> {
    let refused =
        |error: tonic::transport::Error| DistributedError::Unreachable { reason: innermost(&error) };
    let mut endpoint = Endpoint::from_shared(address.url())
        .map_err(refused)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    if address.use_tls() {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_webpki_roots()).map_err(refused)?;
    }
    endpoint.connect().await.map_err(refused)
}

fn path(method: &str) -> PathAndQuery {
    let path = match method {
        "ExecutePlan" => "/spark.connect.SparkConnectService/ExecutePlan",
        "Interrupt" => "/spark.connect.SparkConnectService/Interrupt",
        _ => "/spark.connect.SparkConnectService/ReleaseSession",
    };
    PathAndQuery::from_static(path)
}

/// Waits for something, or until the question is called off.
async fn until<T>(cancelled: &AtomicBool, something: impl Future<Output = T>) -> Result<T, Stop> {
    let mut something = std::pin::pin!(something);
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(DistributedError::Cancelled);
        }
        if let Ok(done) = tokio::time::timeout(CANCELLED_EVERY, something.as_mut()).await {
            return Ok(done);
        }
    }
}

/// What a status means to whoever asked.
fn stop(status: &Status) -> Stop {
    let reason = shortened(status.message());
    match status.code() {
        Code::Unavailable => DistributedError::Unreachable { reason },
        _ => DistributedError::Failed { reason },
    }
}

/// The first line of a reason, as far as somebody will read it.
fn shortened(reason: &str) -> String {
    let line = reason.lines().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why").trim();
    match line.char_indices().nth(REASON_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The cause of an error that says nothing itself.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    shortened(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stack_only_the_first_line_is_passed_on() {
        let status = Status::internal("\n[DIVIDE_BY_ZERO] Division by zero.\n\tat org.apache.spark");
        let expected = DistributedError::Failed { reason: "[DIVIDE_BY_ZERO] Division by zero.".to_owned() };
        assert_eq!(stop(&status), expected);
        assert_eq!(shortened(&"ü".repeat(1000)).chars().count(), REASON_MAX + 1);
        assert_eq!(shortened(""), "it did not say why");
    }
}
