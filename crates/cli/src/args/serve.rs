//! Flags of `serve` and of `config`, which says where they come from.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::address::{LISTEN_DEFAULT, parse_address, parse_endpoint};
use super::engine::EngineArguments;
use super::number::parse_at_least_one;
use crate::configuration::VARIABLE;
use crate::data_folder::DataFolder;
use crate::logging::{LogFormat, parse_filter};
use crate::region::parse_region;

#[derive(Debug, Args)]
#[command(after_help = SERVE_NOTES)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Database of a catalogue that servers share, `postgres://USER:PASSWORD@HOST/NAME`; the folder is this server's own then
    #[arg(long, value_name = "URL", env = "FARMTALLY_CATALOGUE", hide_env = true, requires = "segments")]
    pub(crate) catalogue: Option<String>,
    /// Folder or bucket (`s3://…`) in which the servers of a shared catalogue keep segments and answers, the same for all
    #[arg(long, value_name = "PLACE", env = "FARMTALLY_SEGMENTS", hide_env = true, requires = "catalogue")]
    pub(crate) segments: Option<String>,
    /// File with settings, in TOML: the names of these flags, each with its value
    #[arg(long, value_name = "FILE", env = VARIABLE, hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// Address and port to listen on; port 0 is any free port
    #[arg(long, value_name = "ADDR", default_value_t = LISTEN_DEFAULT, value_parser = parse_address,
          env = "FARMTALLY_LISTEN", hide_env = true)]
    pub(crate) listen: SocketAddr,
    /// Allow an address that other machines reach: a proxy in front speaks TLS and keeps the Host header
    #[arg(long, conflicts_with = "tls_cert", env = "FARMTALLY_BEHIND_TLS_PROXY", hide_env = true)]
    pub(crate) behind_tls_proxy: bool,
    /// Speak TLS with this certificate chain in PEM, the server's own certificate first; SIGHUP reads it again
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "FARMTALLY_TLS_CERT", hide_env = true)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "FARMTALLY_TLS_KEY", hide_env = true)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Name under which browsers may ask for the page, beside this machine's own; can be repeated
    #[arg(
        long = "page-host",
        value_name = "NAME",
        value_delimiter = ',',
        env = "FARMTALLY_PAGE_HOST",
        hide_env = true
    )]
    pub(crate) page_hosts: Vec<String>,
    /// Most rows of an answer; a larger aggregation ends FAILED
    #[arg(long, value_name = "N", default_value_t = 3_000_000, value_parser = parse_at_least_one,
          env = "FARMTALLY_AGGREGATION_ROWS_MAX", hide_env = true)]
    pub(crate) aggregation_rows_max: usize,
    /// Most memory for the groups of an aggregation on each of its threads, in MiB; a larger one ends FAILED
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = parse_at_least_one,
          env = "FARMTALLY_AGGREGATION_MEMORY_MIB_MAX", hide_env = true)]
    pub(crate) aggregation_memory_mib_max: usize,
    /// Longest run of an aggregation; a longer one ends TIMEOUT, and with 0 every one does
    #[arg(
        long,
        value_name = "N",
        default_value_t = 300,
        env = "FARMTALLY_AGGREGATION_SECONDS_MAX",
        hide_env = true
    )]
    pub(crate) aggregation_seconds_max: u32,
    /// Most connections at once [default: as many as the system lets the process open, up to 12000]
    #[arg(long, value_name = "N", value_parser = parse_at_least_one,
          env = "FARMTALLY_CONNECTIONS_MAX", hide_env = true)]
    pub(crate) connections_max: Option<usize>,
    /// Most requests of one key a second, and twice as many at once; with 0 as many as come
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2000,
        env = "FARMTALLY_KEY_REQUESTS_PER_SECOND_MAX",
        hide_env = true
    )]
    pub(crate) key_requests_per_second_max: u32,
    /// The only region that signatures may name [default: any]
    #[arg(long, value_name = "REGION", value_parser = parse_region, env = "FARMTALLY_REGION", hide_env = true)]
    pub(crate) region: Option<String>,
    /// File with the token that a scrape of /metrics has to bring; without it there are no metrics
    #[arg(long, value_name = "FILE", env = "FARMTALLY_METRICS_TOKEN_FILE", hide_env = true)]
    pub(crate) metrics_token_file: Option<PathBuf>,
    /// Base URL of an OpenTelemetry collector that gets traces, such as http://127.0.0.1:4318 [default: none]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint, env = "FARMTALLY_OTLP_ENDPOINT", hide_env = true)]
    pub(crate) otlp_endpoint: Option<String>,
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    #[command(flatten)]
    pub(crate) log: LogArguments,
}

const SERVE_NOTES: &str = "\
Every flag is a variable too: FARMTALLY_ and its name in capitals, such as FARMTALLY_LISTEN. A flag goes before the \
variable, and that before the file of `--config`. `farmtally config show` says which is which.";

#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// What to log on stderr, such as `warn` or `info,farmtally_server=debug`
    #[arg(long = "log", value_name = "FILTER", default_value = "info", value_parser = parse_filter,
          env = "FARMTALLY_LOG", hide_env = true)]
    pub(crate) filter: String,
    /// How to write the log
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        env = "FARMTALLY_LOG_FORMAT",
        hide_env = true
    )]
    pub(crate) format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting, what it is, and whether a flag, the environment, a file or nobody said so
    Show(Box<ServeArguments>),
}
