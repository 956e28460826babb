//! The listening socket and the connections on it.
//!
//! The loop is our own because the usual ones set no limit on how long a request head may take.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use farmtally_service::Service;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::limits::{ACCEPT_PAUSE, ConnectionLimits, HEAD_BYTES_MAX, HEADERS_MAX};
use crate::stream::ImpatientStream;

/// What a server is told before it starts.
#[derive(Clone)]
pub struct ServerOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one region that signatures may name, or `None` for any.
    pub region: Option<String>,
    /// What the link to the overview page has to bring, in characters that stand for themselves in a URL and a cookie;
    /// `None` shows the page to nobody.
    pub page_token: Option<String>,
    /// Limits of connections.
    pub limits: ConnectionLimits,
}

impl ServerOptions {
    /// Any region, no page, and the usual limits.
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen, region: None, page_token: None, limits: ConnectionLimits::default() }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, region, page_token: _, limits } = self;
        let mut fields = f.debug_struct("ServerOptions");
        fields.field("listen", listen).field("region", region).field("limits", limits);
        fields.finish_non_exhaustive()
    }
}

/// A socket that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{listen}`: {source}")]
pub struct BindError {
    /// Where it was to listen.
    pub listen: SocketAddr,
    /// What the system said; [`io::ErrorKind::AddrInUse`] when somebody else listens there.
    pub source: io::Error,
}

/// A shutdown that did not wait for everything.
#[derive(Debug, thiserror::Error)]
#[error("requests on {connections} connections did not end within {} seconds and were cut off", .grace.as_secs_f32())]
pub struct ShutdownError {
    /// How many were cut off.
    pub connections: usize,
    /// How long they were waited for.
    pub grace: Duration,
}

/// A server that listens, and answers while [`Server::run`] runs.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    app: Arc<App>,
    limits: ConnectionLimits,
    /// A permit for each connection that may be open.
    openings: Arc<Semaphore>,
}

impl Server {
    /// Listens. Connections are answered from [`Server::run`] on.
    pub async fn bind(service: Arc<Service>, options: ServerOptions) -> Result<Self, BindError> {
        let ServerOptions { listen, region, page_token, limits } = options;
        let failed = |source| BindError { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let app = Arc::new(App::new(service, region, page_token, local_addr, &limits));
        let openings = Arc::new(Semaphore::new(limits.connections_max));
        Ok(Self { listener, local_addr, app, limits, openings })
    }

    /// The address with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers until `shutdown` completes, then lets the requests in flight end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ShutdownError> {
        let mut shutdown = pin!(shutdown);
        let mut connections = JoinSet::new();
        let graceful = GracefulShutdown::new();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (stream, opening) = self.accept() => {
                    connections.spawn(self.serve(stream, opening, &graceful));
                }
                // Only forgets the one that ended; how it ended was logged by itself.
                Some(_) = connections.join_next() => {}
            }
        }
        let grace = self.limits.shutdown_grace;
        drop(self);
        finish(connections, graceful, grace).await
    }

    /// The next connection, once there may be another.
    async fn accept(&self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed, so that there is always a permit to wait for.
        let opening = Arc::clone(&self.openings).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return (stream, opening),
                Err(error) if is_about_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        opening: Option<OwnedSemaphorePermit>,
        graceful: &GracefulShutdown,
    ) -> impl Future<Output = ()> + Send + use<> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not switch off the delay of small packets");
        }
        let app = Arc::clone(&self.app);
        let answer = service_fn(move |request| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Infallible>(app.answer(request).await) }
        });
        let stream = TokioIo::new(ImpatientStream::new(stream, self.limits.write_stall_max));
        let connection = graceful.watch(self.http().serve_connection(stream, answer));
        async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
            }
            drop(opening);
        }
    }

    fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_read_max)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .auto_date_header(false);
        http
    }
}

/// Errors of a connection that was given up before it was accepted, rather than of the socket or this process.
fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn finish(
    mut connections: JoinSet<()>,
    graceful: GracefulShutdown,
    grace: Duration,
) -> Result<(), ShutdownError> {
    let ended = timeout(grace, graceful.shutdown()).await;
    if ended.is_ok() {
        return Ok(());
    }
    while connections.try_join_next().is_some() {}
    let unfinished = connections.len();
    connections.shutdown().await;
    Err(ShutdownError { connections: unfinished, grace })
}
