//! The listening socket and the connections on it.
//!
//! The loop is our own because the usual ones set no limit on how long a request head may take.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use farmtally_service::Service;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::app::App;
use crate::limits::{ACCEPT_PAUSE, ConnectionLimits, HEAD_BYTES_MAX, HEADERS_MAX};
use crate::metrics::OpenConnection;
use crate::page::PageAccess;
use crate::peer::Peer;
use crate::stream::ImpatientStream;
use crate::tls::{TlsIdentity, TlsSlot};

/// Any free port that only this machine reaches.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

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
    /// Names under which a proxy or another machine may ask for the page, beside those of this machine.
    pub page_hosts: Vec<String>,
    /// What a scrape of the metrics has to bring; `None` shows them to nobody.
    pub metrics_token: Option<String>,
    /// What connections are encrypted with; `None` speaks clear text.
    pub tls: Option<TlsIdentity>,
    /// Limits of connections.
    pub limits: ConnectionLimits,
}

impl ServerOptions {
    /// Any region, no page, no TLS, and the usual limits.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            region: None,
            page_token: None,
            page_hosts: Vec::new(),
            metrics_token: None,
            tls: None,
            limits: ConnectionLimits::default(),
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, region, page_token: _, page_hosts, metrics_token: _, tls, limits } = self;
        let mut fields = f.debug_struct("ServerOptions");
        fields.field("listen", listen).field("region", region).field("page_hosts", page_hosts);
        fields.field("tls", tls).field("limits", limits);
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
    tls: Option<TlsSlot>,
    /// With TLS, a way in for the other commands on this machine, which then need not know the certificate.
    back_door: Option<(TcpListener, SocketAddr)>,
    app: Arc<App>,
    limits: ConnectionLimits,
    /// A permit for each connection that may be open.
    openings: Arc<Semaphore>,
}

impl Server {
    /// Listens. Connections are answered from [`Server::run`] on.
    ///
    /// With TLS it also listens in clear text on a free port of the loopback device; see [`Server::back_door`].
    pub async fn bind(service: Arc<Service>, options: ServerOptions) -> Result<Self, BindError> {
        let (listener, local_addr) = listen(options.listen).await?;
        let back_door = match options.tls {
            Some(_) => Some(listen(LOOPBACK).await?),
            None => None,
        };
        let ServerOptions { region, page_token, page_hosts, metrics_token, tls, limits, .. } = options;
        let page_access = PageAccess::new(page_token, local_addr, page_hosts);
        let app = Arc::new(App::new(service, region, page_access, metrics_token, &limits));
        let openings = Arc::new(Semaphore::new(limits.connections_max));
        Ok(Self { listener, local_addr, tls: tls.map(TlsSlot::new), back_door, app, limits, openings })
    }

    /// The address with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where this machine reaches the server without TLS, if the server speaks TLS.
    pub fn back_door(&self) -> Option<SocketAddr> {
        self.back_door.as_ref().map(|(_, address)| *address)
    }

    /// What connections are encrypted with, to be exchanged while the server runs.
    pub fn tls(&self) -> Option<TlsSlot> {
        self.tls.clone()
    }

    /// Answers until `shutdown` completes, then lets the requests in flight end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ShutdownError> {
        let mut shutdown = pin!(shutdown);
        let mut connections = JoinSet::new();
        let graceful = GracefulShutdown::new();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.accept() => {
                    connections.spawn(self.serve(accepted, graceful.watcher()));
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
    async fn accept(&self) -> Accepted {
        // The semaphore is never closed, so that there is always a permit to wait for.
        let opening = Arc::clone(&self.openings).acquire_owned().await.ok();
        loop {
            let (accepted, tls) = tokio::select! {
                accepted = self.listener.accept() => (accepted, self.tls.as_ref()),
                accepted = accept_if_any(self.back_door.as_ref()) => (accepted, None),
            };
            match accepted {
                Ok((stream, address)) => {
                    let tls = tls.map(|slot| TlsAcceptor::from(slot.config()));
                    return Accepted { stream, address, tls, opening };
                }
                Err(error) if is_about_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, accepted: Accepted, watcher: Watcher) -> impl Future<Output = ()> + Send + use<> {
        let Accepted { stream, address, tls, opening } = accepted;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not switch off the delay of small packets");
        }
        let (app, http) = (Arc::clone(&self.app), self.http());
        let handshake_max = self.limits.head_read_max;
        let stream = ImpatientStream::new(stream, self.limits.write_stall_max);
        let peer = Peer { address, is_tls: tls.is_some() };
        let open = OpenConnection::new(Arc::clone(self.app.metrics()));
        async move {
            match tls {
                None => answer_all(stream, &http, app, peer, watcher).await,
                Some(acceptor) => match timeout(handshake_max, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => answer_all(stream, &http, app, peer, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
            drop((open, opening));
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

/// A connection that nobody has read from yet.
struct Accepted {
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    /// Counts the connection as open until it is dropped.
    opening: Option<OwnedSemaphorePermit>,
}

async fn listen(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    Ok((listener, local_addr))
}

/// The next connection of a listener that may not be there; then there is never one.
async fn accept_if_any(listener: Option<&(TcpListener, SocketAddr)>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some((listener, _)) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Answers the requests of a connection until it ends.
async fn answer_all<S>(stream: S, http: &http1::Builder, app: Arc<App>, peer: Peer, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(app.answer(request, peer).await) }
    });
    let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), answer));
    if let Err(error) = connection.await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
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
