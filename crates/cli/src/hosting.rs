//! Serving until a signal says stop, and reading again what can be read again when one says so.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use farmtally_server::{BindError, Server, ServerOptions, TlsSlot};
use farmtally_service::Service;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report_error::Failure;

/// Any free port that only this machine reaches.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where a server starts to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Exactly there.
    At(SocketAddr),
    /// There, or at the first free port above.
    FreeFrom(SocketAddr),
}

/// Sees that a port can be had, before a folder is made for a server that cannot listen. A port that is taken in between is told
/// when it is bound.
pub(crate) fn check_port(listen: SocketAddr) -> Result<(), Failure> {
    let bound = std::net::TcpListener::bind(listen);
    bound.map(drop).map_err(|source| not_bound(&BindError { listen, source }))
}

/// Ports that are tried before the system is asked for any.
const PORTS_TRIED: u16 = 20;

/// A server that has its port and does not answer yet.
pub(crate) struct Host {
    runtime: Runtime,
    server: Server,
    stop: Signals,
    service: Arc<Service>,
    address: SocketAddr,
    reload: Reload,
}

/// What SIGHUP does. It gets what new connections are encrypted with, if they are.
type Reload = Box<dyn Fn(Option<&TlsSlot>) + Send + Sync>;

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
            Signals::listen().map_err(|error| Failure::caused("cannot listen for signals", &error))?
        };
        let address = server.local_addr();
        Ok(Self { runtime, server, stop, service, address, reload: Box::new(|_| {}) })
    }

    /// What to do on SIGHUP.
    pub(crate) fn reloading(self, reload: impl Fn(Option<&TlsSlot>) + Send + Sync + 'static) -> Self {
        Self { reload: Box::new(reload), ..self }
    }

    /// The address that it has.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http`, or `https` when it speaks TLS.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.server.back_door().is_some() { "https" } else { "http" }
    }

    /// The base URL that browsers on this machine use.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme(), reachable(self.address))
    }

    /// The base URL that the other commands use: with TLS it is the back door, so that none needs the certificate.
    fn command_endpoint(&self) -> String {
        format!("http://{}", reachable(self.server.back_door().unwrap_or(self.address)))
    }

    /// Begins again what the process before was asked and has not answered, publishes the address, says that it is ready, and
    /// answers until SIGTERM or SIGINT. What was asked before that is finished.
    pub(crate) fn run(self, announce: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let service = Arc::clone(&self.service);
        match service.resume_aggregations() {
            Ok(0) => {}
            Ok(resumed) => tracing::info!(resumed, "aggregations of the process before are answered"),
            Err(error) => {
                tracing::error!(%error, "the aggregations of the process before cannot be answered");
            }
        }
        service.publish_endpoint(&self.command_endpoint())?;
        let served = announce().and_then(|()| self.answer());
        let withdrawn = service.withdraw_endpoint();
        drop_last(service, RUNS_END_WITHIN);
        served.and(withdrawn.map_err(Failure::from))
    }

    fn answer(self) -> Result<(), Failure> {
        let (mut stop, mut hangup, tls) = (self.stop.stop, self.stop.hangup, self.server.tls());
        let reload = self.reload;
        self.runtime.spawn(async move {
            while hangup.recv().await.is_some() {
                // A file is small, and SIGHUP is rare: nobody waits for this thread for long.
                tokio::task::block_in_place(|| reload(tls.as_ref()));
            }
        });
        let service = Arc::clone(&self.service);
        let stopped = async move {
            tokio::select! {
                () = stop.received() => {}
                () = has_to_end(&service) => tracing::error!("nothing can be written any more; stopping"),
            }
        };
        let served = self.runtime.block_on(self.server.run(stopped));
        served.map_err(|error| Failure::of(&error))?;
        self.service.write_failure().map_or(Ok(()), |cause| Err(Failure::not_durable(&cause)))?;
        self.service
            .outdated()
            .map_or(Ok(()), |cause| Err(Failure::failed(format!("{cause}; the server stopped"))))
    }
}

/// How long the end of the server waits for threads of aggregations, of which most have ended with the last answer.
const RUNS_END_WITHIN: Duration = Duration::from_secs(1);

/// How often it looks whether they have.
const RUNS_END_INTERVAL: Duration = Duration::from_millis(1);

/// Drops what other threads may still hold after they have let go of it: whoever is last closes the store and moves its log into the
/// catalogue, which the end of the process would break off in another thread. After `within` it is left to them.
fn drop_last<T>(held: Arc<T>, within: Duration) {
    let begun = Instant::now();
    while Arc::strong_count(&held) > 1 && begun.elapsed() < within {
        sleep(RUNS_END_INTERVAL);
    }
    drop(held);
}

/// How often the server looks whether it has to end; until then writes are refused anyway.
const FAILURE_INTERVAL: Duration = Duration::from_millis(250);

/// Ends once the disk did not confirm a write, or a newer server brought the catalogue on.
async fn has_to_end(service: &Service) {
    let mut looks = tokio::time::interval(FAILURE_INTERVAL);
    while service.write_failure().is_none() && service.outdated().is_none() {
        looks.tick().await;
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

/// An address as this machine reaches it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

/// The signals that a server obeys, caught from the moment on that this exists.
struct Signals {
    stop: StopSignals,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let stop = StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        Ok(Self { stop, hangup: signal(SignalKind::hangup())? })
    }
}

struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => tracing::info!("interrupted; finishing what was asked"),
            _ = self.terminate.recv() => tracing::info!("asked to stop; finishing what was asked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    /// Says which thread dropped it.
    struct Dropped(mpsc::Sender<thread::ThreadId>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    fn what_others_hold_is_dropped_here_when_they_have_let_go_and_is_left_to_those_that_do_not() {
        let (dropped, by) = mpsc::channel();
        let held = Arc::new(Dropped(dropped.clone()));
        let other = Arc::clone(&held);
        let others = thread::spawn(move || {
            sleep(Duration::from_millis(50));
            drop(other);
        });
        drop_last(held, Duration::from_mins(1));
        assert_eq!(by.try_recv(), Ok(thread::current().id()));
        others.join().unwrap();

        let held = Arc::new(Dropped(dropped));
        let other = Arc::clone(&held);
        drop_last(held, Duration::from_millis(5));
        assert!(by.try_recv().is_err(), "somebody holds it still");
        drop(other);
        by.try_recv().unwrap();
    }
}
