//! The server's limits. Each has a name, and they are all here.

use std::time::Duration;

/// Longest request line and headers together.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most headers of a request.
pub(crate) const HEADERS_MAX: usize = 64;
/// Longest body of an AWS operation, in bytes; the longest question that is valid takes less than 2 KiB.
pub(crate) const API_BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest body of sessions, in bytes: about thirty thousand of them.
pub(crate) const INGEST_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of a body that is too long is still read, so that its sender gets to read why it was refused.
pub(crate) const BODY_BYTES_DISCARDED_MAX: usize = 8 * 1024 * 1024;
/// How long to wait before accepting again when the system has no file descriptor left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most farms that a list of the native API names.
pub(crate) const FARMS_MAX: usize = 1_000;

const _: () = assert!(API_BODY_BYTES_MAX <= INGEST_BODY_BYTES_MAX);

/// Limits of connections, which tests make small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Most connections at once; more wait in the system's queue. The default stays below the 1,024 files that most
    /// systems let a process open.
    pub connections_max: usize,
    /// From the opening of a connection, or the answer before, to the whole head of the next request. An idle
    /// connection is closed after it too.
    pub head_read_max: Duration,
    /// From the head of a request to the end of its body.
    pub body_read_max: Duration,
    /// Memory for the bodies of requests that are being received or answered, over all connections, in bytes.
    pub bodies_bytes_max: usize,
    /// How long a client may take no byte of an answer.
    pub write_stall_max: Duration,
    /// How long requests in flight may take to end at a shutdown.
    pub shutdown_grace: Duration,
    /// Requests of one key a second, and half of those that may come at once; 0 is as many as come.
    pub key_requests_per_second_max: u32,
    /// Requests whose body is hashed and whose signature is checked at once; the others wait.
    pub verifications_max: usize,
    /// Questions about usage that are answered at once; each may keep every core busy.
    pub queries_max: usize,
    /// Questions about usage that wait for their turn; further ones are refused.
    pub queries_waiting_max: usize,
    /// How long a question about usage may wait for its turn.
    pub query_wait_max: Duration,
    /// How long a question about usage may take from its turn on.
    pub query_runtime_max: Duration,
    /// Memory for long answers that clients are reading, over all connections, in bytes.
    pub answers_bytes_max: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 900,
            head_read_max: Duration::from_secs(5),
            body_read_max: Duration::from_secs(15),
            bodies_bytes_max: 32 * INGEST_BODY_BYTES_MAX,
            write_stall_max: Duration::from_secs(15),
            shutdown_grace: Duration::from_secs(10),
            key_requests_per_second_max: 2_000,
            verifications_max: 2 * std::thread::available_parallelism().map_or(1, usize::from),
            queries_max: 2,
            queries_waiting_max: 64,
            query_wait_max: Duration::from_secs(10),
            query_runtime_max: Duration::from_mins(1),
            answers_bytes_max: 1 << 30,
        }
    }
}
