//! `serve`: one line on stdout when it is ready, the rest on stderr, and a clean end on SIGTERM.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farmtally_server::{ConnectionLimits, ServerOptions, TlsSlot};
use farmtally_service::{KeyAdministration, ServiceLimits, StoreLocation, SystemClock};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::args::ServeArguments;
use crate::audit;
use crate::data_folder::owner_credential;
use crate::engine;
use crate::hosting::{Host, Listen, check_port};
use crate::output::print;
use crate::page_token::new_page_token;
use crate::region;
use crate::report_error::Failure;
use crate::talk::tell;
use crate::tls_files::TlsFiles;

/// Shortest token of the metrics: what nobody guesses.
const TOKEN_LENGTH_MIN: usize = 16;
/// Files that are no connections: the catalogue, its log, the listener, and some to spare.
const FILES_OF_OUR_OWN: usize = 100;
/// Most connections unless somebody says otherwise.
const CONNECTIONS_USUAL: usize = 12_000;

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    refuse_open_network(arguments)?;
    let tls_files = tls_files(arguments);
    let tls = tls_files.as_ref().map(TlsFiles::read).transpose()?;
    join_shared_store(arguments)?;
    let distributed = engine::distributed(&arguments.engine, &arguments.folder)?;
    if !arguments.folder.exists()? {
        check_port(arguments.listen)?;
    }
    let clock = Arc::new(SystemClock::default());
    let service = arguments.folder.service_with_engine(clock, limits(arguments), distributed)?;
    make_first_key(arguments)?;
    let page_token = new_page_token()?;
    let options = ServerOptions {
        region: arguments.region.clone(),
        page_token: Some(page_token.clone()),
        page_hosts: arguments.page_hosts.clone(),
        metrics_token: arguments.metrics_token_file.as_deref().map(read_token).transpose()?,
        tls,
        limits: connection_limits(arguments)?,
        ..ServerOptions::new(arguments.listen)
    };
    let catalogue = arguments.folder.catalogue()?;
    let host = Host::bind(service, Listen::At(arguments.listen), &options)?;
    let ready = format!("farmtally is serving on {}://{}", host.scheme(), host.address());
    let address = host.address();
    let overview = format!("Overview  {}/?token={page_token}", host.endpoint());
    let host = host.reloading(move |tls| reload(tls, tls_files.as_ref()));
    host.run(|| {
        audit::note(&catalogue, "server.start", &address.to_string(), env!("CARGO_PKG_VERSION"))?;
        tell(overview);
        print(ready)
    })?;
    note_stop(arguments, address);
    Ok(())
}

/// Makes the folder this server's part of a shared store, for this and every later command on it.
fn join_shared_store(arguments: &ServeArguments) -> Result<(), Failure> {
    let Some((catalogue, segments)) = arguments.catalogue.as_ref().zip(arguments.segments.as_ref()) else {
        return Ok(());
    };
    Ok(StoreLocation::shared(arguments.folder.path(), catalogue, segments)?.remember()?)
}

/// A disk that is full at the end does not make a clean end an unclean one.
fn note_stop(arguments: &ServeArguments, address: SocketAddr) {
    let catalogue = arguments.folder.catalogue();
    let noted =
        catalogue.and_then(|catalogue| audit::note(&catalogue, "server.stop", &address.to_string(), ""));
    if let Err(failure) = noted {
        tracing::error!(%failure, "the stop is not in the audit log");
    }
}

fn tls_files(arguments: &ServeArguments) -> Option<TlsFiles> {
    let (certificate, key) = (arguments.tls_cert.clone()?, arguments.tls_key.clone()?);
    Some(TlsFiles { certificate, key })
}

/// Reads again what can be read again while the server runs. What cannot be used leaves everything as it was.
fn reload(tls: Option<&TlsSlot>, files: Option<&TlsFiles>) {
    let Some((tls, files)) = tls.zip(files) else {
        return tracing::info!("asked to reload; there is nothing to read again");
    };
    match files.read() {
        Ok(identity) => {
            tls.replace(identity);
            tracing::info!("the certificate was read again; new connections see it");
        }
        Err(failure) => tracing::error!(%failure, "the certificate stays as it was"),
    }
}

/// Signatures protect what is asked, not what is answered: beyond this machine that takes TLS.
fn refuse_open_network(arguments: &ServeArguments) -> Result<(), Failure> {
    let address = arguments.listen;
    if address.ip().is_loopback() || arguments.behind_tls_proxy || arguments.tls_cert.is_some() {
        return Ok(());
    }
    Err(Failure::usage(format!("`{address}` can be reached from other machines, and this server does not speak TLS"))
        .hint("listen on 127.0.0.1, pass `--tls-cert` and `--tls-key`, or pass `--behind-tls-proxy` if a proxy in front speaks TLS and keeps the Host header"))
}

fn limits(arguments: &ServeArguments) -> ServiceLimits {
    ServiceLimits {
        aggregation_rows_max: arguments.aggregation_rows_max,
        aggregation_bytes_max: arguments.aggregation_memory_mib_max.saturating_mul(1 << 20),
        aggregation_runtime_max: Duration::from_secs(arguments.aggregation_seconds_max.into()),
        ..ServiceLimits::default()
    }
}

/// Each connection is an open file, so that there are as many as the system allows.
fn connection_limits(arguments: &ServeArguments) -> Result<ConnectionLimits, Failure> {
    let files = open_files_max().saturating_sub(FILES_OF_OUR_OWN);
    let connections_max = match arguments.connections_max {
        Some(asked) if asked > files => {
            return Err(Failure::usage(format!(
                "the system lets this process have {files} connections, not {asked}"
            ))
            .hint(
                "raise `ulimit -n`, or LimitNOFILE of the service, or pass a smaller `--connections-max`",
            ));
        }
        Some(asked) => asked,
        None => files.clamp(1, CONNECTIONS_USUAL),
    };
    let key_requests_per_second_max = arguments.key_requests_per_second_max;
    Ok(ConnectionLimits { connections_max, key_requests_per_second_max, ..ConnectionLimits::default() })
}

/// How many files the process may open, raised to what it may raise it to.
fn open_files_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

/// The first line of a file that only its owner should be able to read.
fn read_token(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::caused(format!("cannot read `{}`", path.display()), &error);
    let text = fs::read_to_string(path).map_err(failed)?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < TOKEN_LENGTH_MIN {
        return Err(Failure::failed(format!(
            "the token in `{}` has {} characters; at least {TOKEN_LENGTH_MIN} are needed",
            path.display(),
            token.len()
        ))
        .hint("`openssl rand -hex 32` makes one"));
    }
    Ok(token.to_owned())
}

/// A folder starts with one admin key, and with the region that its clients are to sign for.
fn make_first_key(arguments: &ServeArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.catalogue()?;
    region::remember(&catalogue, arguments.region.as_deref())?;
    let is_first = KeyAdministration::new(&catalogue).list()?.is_empty();
    owner_credential(&catalogue)?;
    if is_first {
        audit::note(&catalogue, "key.create", "", "the first key, role admin, all farms")?;
        tell(format_args!("Made an admin key. `farmtally env {}` prints it.", arguments.folder.as_flag()));
    }
    Ok(())
}
