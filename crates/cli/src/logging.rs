//! Logs go to stderr: warnings of the short commands, the life of a server. Traces go to a collector, if there is one.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::otlp::OtlpLayer;
use crate::report_error::Failure;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What short commands say unasked.
pub(crate) const QUIET: &str = "warn";

/// Reads a filter such as `info` or `farmtally_server=debug`.
pub(crate) fn parse_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Sends what passes the filter to stderr from now on, and spans to a collector of OpenTelemetry.
pub(crate) fn start(filter: &str, format: LogFormat, otlp_endpoint: Option<&str>) -> Result<(), Failure> {
    let colours =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // What goes wrong there would be told on stderr, with a panic if nobody reads it any more.
    let lines = tracing_subscriber::fmt::layer().log_internal_errors(false);
    let lines = lines.with_writer(io::stderr).with_ansi(colours);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let traces = otlp_endpoint.map(OtlpLayer::start).transpose();
    let traces = traces.map_err(|error| Failure::caused("cannot start the thread of the traces", &error))?;
    let traces = traces.map(|traces| traces.with_filter(LevelFilter::INFO));
    // The filter is that of the lines alone: a quiet log does not take the spans away from the collector.
    tracing_subscriber::registry().with(traces).with(lines.with_filter(EnvFilter::new(filter))).init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(parse_filter("farmtally_server=debug,warn").is_ok());
        assert!(parse_filter("farmtally_server=loud").is_err());
    }
}
