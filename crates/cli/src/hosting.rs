//! Serving until a signal says stop.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use farmtally_server::{BindError, Server, ServerOptions};
use farmtally_service::Service;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report_error::Failure;

/// Where a server starts to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Exactly there.
    At(SocketAddr),
    /// There, or at the first free port above.
    FreeFrom(SocketAddr),
}

/// Ports that are tried before the system is asked for any.
const PORTS_TRIED: u16 = 20;

/// A server that has its port and does not answer yet.
pub(crate) struct Host {
    runtime: Runtime,
    server: Server,
    stop: StopSignals,
    service: Arc<Service>,
    address: SocketAddr,
}

impl Host {
    /// Takes the port.
    pub(crate) fn bind(
        service: Arc<Service>,
        listen: Listen,
        options: &ServerOptions,
    ) -> Result<Self, Failure> {
        let runtime =
            Runtime::new().map_err(|error| Failure::caused("cannot start the server's threads", &error))?;
        let server = runtime.block_on(bind(&service, listen, options)).map_err(|error| not_bound(&error))?;
        // Registered before anybody learns the address, so that a stop that comes at once is a clean one.
        let stop = {
            let _inside = runtime.enter();
            StopSignals::listen().map_err(|error| Failure::caused("cannot listen for signals", &error))?
        };
        let address = server.local_addr();
        Ok(Self { runtime, server, stop, service, address })
    }

    /// The address that it has.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL under which this machine reaches it.
    pub(crate) fn endpoint(&self) -> String {
        endpoint(self.address)
    }

    /// Publishes the address, says that it is ready, and answers until SIGTERM or SIGINT. What was asked before that is
    /// finished.
    pub(crate) fn run(self, announce: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let service = Arc::clone(&self.service);
        service.publish_endpoint(&self.endpoint())?;
        let served = announce().and_then(|()| self.answer());
        let withdrawn = service.withdraw_endpoint();
        served.and(withdrawn.map_err(Failure::from))
    }

    fn answer(self) -> Result<(), Failure> {
        let mut stop = self.stop;
        let served = self.runtime.block_on(self.server.run(async move { stop.received().await }));
        served.map_err(|error| Failure::of(&error))
    }
}

async fn bind(service: &Arc<Service>, listen: Listen, options: &ServerOptions) -> Result<Server, BindError> {
    let bind = |listen| Server::bind(Arc::clone(service), ServerOptions { listen, ..options.clone() });
    let first = match listen {
        Listen::At(address) => return bind(address).await,
        Listen::FreeFrom(first) => first,
    };
    for port in first.port()..first.port().saturating_add(PORTS_TRIED) {
        match bind(SocketAddr::new(first.ip(), port)).await {
            Err(error) if error.source.kind() == ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    bind(SocketAddr::new(first.ip(), 0)).await
}

fn not_bound(error: &BindError) -> Failure {
    let failure = Failure::of(error);
    match error.source.kind() {
        ErrorKind::AddrInUse => {
            failure.hint("another program listens there; pass another `--listen`, or port 0 for any")
        }
        ErrorKind::PermissionDenied => {
            failure.hint("ports below 1024 are the system's; pass another `--listen`")
        }
        _ => failure,
    }
}

/// The base URL under which this machine reaches an address.
pub(crate) fn endpoint(address: SocketAddr) -> String {
    let reachable = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    format!("http://{}", SocketAddr::new(reachable, address.port()))
}

struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => tracing::info!("interrupted; finishing what was asked"),
            _ = self.terminate.recv() => tracing::info!("asked to stop; finishing what was asked"),
        }
    }
}
