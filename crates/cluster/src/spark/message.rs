//! The messages of Spark Connect that we send and read, with the numbers of the published protocol (package `spark.connect`).
//!
//! A field that is not here is not sent, and skipped when it comes.

use std::collections::HashMap;

/// Who asks.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UserContext {
    #[prost(string, tag = "1")]
    pub(super) user_id: String,
}

/// A relation to answer, or a command to carry out.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Plan {
    #[prost(oneof = "PlanKind", tags = "1, 2")]
    pub(super) kind: Option<PlanKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum PlanKind {
    #[prost(message, tag = "1")]
    Root(Relation),
    #[prost(message, tag = "2")]
    Command(Command),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Relation {
    #[prost(oneof = "RelationKind", tags = "2, 10")]
    pub(super) kind: Option<RelationKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum RelationKind {
    #[prost(message, tag = "2")]
    Read(Read),
    #[prost(message, tag = "10")]
    Sql(Sql),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Sql {
    #[prost(string, tag = "1")]
    pub(super) query: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Read {
    #[prost(message, optional, tag = "2")]
    pub(super) data_source: Option<DataSource>,
}

/// Files of one format.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DataSource {
    #[prost(string, optional, tag = "1")]
    pub(super) format: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) schema: Option<String>,
    #[prost(map = "string, string", tag = "3")]
    pub(super) options: HashMap<String, String>,
    #[prost(string, repeated, tag = "4")]
    pub(super) paths: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Command {
    #[prost(message, optional, tag = "3")]
    pub(super) create_view: Option<CreateView>,
}

/// Gives a relation a name in this session.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateView {
    #[prost(message, optional, tag = "1")]
    pub(super) input: Option<Relation>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(bool, tag = "3")]
    pub(super) is_global: bool,
    #[prost(bool, tag = "4")]
    pub(super) replace: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    pub(super) session_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) user_context: Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    pub(super) plan: Option<Plan>,
    #[prost(string, optional, tag = "4")]
    pub(super) client_type: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(super) operation_id: Option<String>,
}

/// One of many answers to a plan; only those with rows are of interest.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExecutePlanResponse {
    #[prost(message, optional, tag = "2")]
    pub(super) arrow_batch: Option<ArrowBatch>,
}

/// Rows as a stream of Arrow's IPC format, with its schema.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ArrowBatch {
    #[prost(int64, tag = "1")]
    pub(super) row_count: i64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

/// Stops everything of a session.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InterruptRequest {
    #[prost(string, tag = "1")]
    pub(super) session_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) user_context: Option<UserContext>,
    /// 1 is everything.
    #[prost(int32, tag = "4")]
    pub(super) interrupt_type: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InterruptResponse {}

/// Forgets a session.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReleaseSessionRequest {
    #[prost(string, tag = "1")]
    pub(super) session_id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) user_context: Option<UserContext>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReleaseSessionResponse {}
