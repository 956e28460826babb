//! `serve`: one line on stdout when it is ready, the rest on stderr, and a clean end on SIGTERM.

use std::sync::Arc;
use std::time::Duration;

use farmtally_server::{ServerOptions, TlsSlot};
use farmtally_service::{KeyAdministration, ServiceLimits, SystemClock};

use crate::args::ServeArguments;
use crate::data_folder::owner_credential;
use crate::hosting::{Host, Listen};
use crate::output::print;
use crate::page_token::new_page_token;
use crate::region;
use crate::report_error::Failure;
use crate::talk::tell;
use crate::tls_files::TlsFiles;

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    refuse_open_network(arguments)?;
    let tls_files = tls_files(arguments);
    let tls = tls_files.as_ref().map(TlsFiles::read).transpose()?;
    let service = arguments.folder.service(Arc::new(SystemClock::default()), limits(arguments))?;
    make_first_key(arguments)?;
    let page_token = new_page_token()?;
    let options = ServerOptions {
        region: arguments.region.clone(),
        page_token: Some(page_token.clone()),
        page_hosts: arguments.page_hosts.clone(),
        tls,
        ..ServerOptions::new(arguments.listen)
    };
    let host = Host::bind(service, Listen::At(arguments.listen), &options)?;
    let ready = format!("farmtally is serving on {}://{}", host.scheme(), host.address());
    let overview = format!("Overview  {}/?token={page_token}", host.endpoint());
    let host = host.reloading(move |tls| reload(tls, tls_files.as_ref()));
    host.run(|| {
        tell(overview);
        print(ready)
    })
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
    let usual = ServiceLimits::default();
    ServiceLimits {
        aggregation_rows_max: arguments.aggregation_rows_max.unwrap_or(usual.aggregation_rows_max),
        aggregation_runtime_max: arguments
            .aggregation_seconds_max
            .map_or(usual.aggregation_runtime_max, |seconds| Duration::from_secs(seconds.into())),
        ..usual
    }
}

/// A folder starts with one admin key, and with the region that its clients are to sign for.
fn make_first_key(arguments: &ServeArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.catalogue()?;
    region::remember(&catalogue, arguments.region.as_deref())?;
    let is_first = KeyAdministration::new(&catalogue).list()?.is_empty();
    owner_credential(&catalogue)?;
    if is_first {
        tell(format_args!("Made an admin key. `farmtally env {}` prints it.", arguments.folder.as_flag()));
    }
    Ok(())
}
