//! Every flag of every command. What a flag means is checked here, so that a command never sees a wrong one.

mod doctor;
mod manual;
mod report;

pub(crate) use doctor::DoctorArguments;
pub(crate) use manual::{CompletionsArguments, ManArguments};
pub(crate) use report::{Metric, Output, ReportArguments, Tool};

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use farmtally_ingest::Format;
use farmtally_model::{CostScaleFactor, DisplayName, FarmId};
use farmtally_service::Role;

use farmtally_service::BATCH_RECORDS_MAX;

use crate::aws_profile::ProfileName;
use crate::commands::{BudgetCommand, ExportCommand, RatesCommand, SyncCommand};
use crate::configuration::VARIABLE;
use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;
use crate::logging::{LogFormat, parse_filter};
use crate::region::parse_region;

/// Where a server listens unless it is told.
pub(crate) const LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8037);

/// Usage and cost statistics for render farms, behind AWS Deadline Cloud's own API.
#[derive(Debug, Parser)]
#[command(name = "farmtally", version, max_term_width = 100, after_help = START_HERE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const START_HERE: &str = "\
Start with `farmtally demo`: it makes a sample farm, serves it, and prints what to paste into boto3 or the AWS CLI.
Data goes to stdout and talk goes to stderr. Exit codes: 0 done, 1 failed, 2 called wrongly; `farmtally man` has the others.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a sample farm, serve it, and print what to try; nothing leaves this machine
    Demo(DemoArguments),
    /// Serve the AWS-compatible API and the usage explorer
    Serve(Box<ServeArguments>),
    /// Load sessions from files and from other farms, beside a running server too
    #[command(after_help = IMPORT_NOTES)]
    Import(ImportCommand),
    /// Group cost, runtime and sessions: tables, bars, JSON, CSV, Parquet
    #[command(after_help = report::NOTES)]
    Report(Box<ReportArguments>),
    /// Copy a farm from where it is, once or again and again, beside a running server too
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Print what boto3, the AWS CLI and the SDKs need to reach the server
    #[command(after_help = ENV_NOTES)]
    Env(EnvArguments),
    /// Look at folder, server, clock, names and keys, and say how to mend what is wrong
    #[command(after_help = doctor::NOTES)]
    Doctor(DoctorArguments),
    /// Make, list and change farms
    #[command(subcommand)]
    Farm(FarmCommand),
    /// Make, list, rotate, disable and delete access keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Set, show and explain the rates that price sessions; price anew; spread a bill
    #[command(subcommand)]
    Rates(RatesCommand),
    /// Set what may be spent, say how it stands, and tell webhooks
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Write FOCUS or sessions for others to read, as CSV, JSON Lines or Parquet
    #[command(subcommand)]
    Export(ExportCommand),
    /// Copy a folder as it is at one instant, beside a running server too, and read it back
    #[command(after_help = BACKUP_NOTES)]
    Backup(BackupArguments),
    /// Make a data folder of a backup, and read it back
    Restore(RestoreArguments),
    /// Compare every checksum and every count of a folder that no server has
    #[command(after_help = VERIFY_NOTES)]
    Verify(VerifyArguments),
    /// Make anew what is derived from the sessions of a folder that no server has
    Rebuild(RebuildArguments),
    /// Write ended sessions as Parquet files now, in a folder that no server has
    Seal(SealArguments),
    /// Say what the settings of `serve` are and where each comes from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the folder's server whether it is ready; exits with 1 when it is not
    Ready(ReadyArguments),
    /// Check that nobody changed the folder's audit log
    VerifyAudit(VerifyAuditArguments),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = manual::COMPLETIONS_NOTES)]
    Completions(CompletionsArguments),
    /// Write the manual page of every command into a folder
    #[command(after_help = manual::MAN_NOTES)]
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder of the demonstration [default: farmtally/demo in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address and port to listen on, on this machine; port 0 is any [default: 127.0.0.1:8037 or the next free port]
    #[arg(long, value_name = "ADDR", value_parser = parse_loopback)]
    pub(crate) listen: Option<SocketAddr>,
    /// Remove the folder of the demonstration, and do nothing else
    #[arg(long, conflicts_with = "listen")]
    pub(crate) clean: bool,
    #[command(flatten)]
    pub(crate) log: LogArguments,
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_NOTES)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
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

#[derive(Debug, Args)]
pub(crate) struct ReadyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Hash of an entry that was written down elsewhere; it has to be there still
    #[arg(long, value_name = "HASH")]
    pub(crate) known: Option<String>,
}

const ENV_NOTES: &str = "\
In a shell: eval \"$(farmtally env --data-dir DIR)\". It is the key of whoever owns the folder; \
`farmtally key create` makes keys for others.
With `--write-profile` everything goes into ~/.aws/config (or the file that AWS_CONFIG_FILE names) as the profile \
`farmtally`, or as NAME. All else in the file stays as it is; a profile that somebody else wrote is left alone.";

const IMPORT_NOTES: &str = "\
An import can be repeated: what is stored already counts as unchanged. An interrupted one leaves whole batches, \
and the same command finishes it. Records that break the contract, or that contradict what is stored, go to the \
rejects file, one JSON object a line with file, line, field, value and message. An import that rejects every record \
exits with 1.";

/// An import, or only a look at a file, which needs nothing of what an import needs.
#[derive(Debug)]
pub(crate) enum ImportCommand {
    /// Draft a mapping for this file.
    SuggestMapping(PathBuf),
    /// Import.
    Import(Box<ImportArguments>),
}

const SUGGEST_MAPPING: &str = "suggest-mapping";

impl Args for ImportCommand {
    fn augment_args(command: clap::Command) -> clap::Command {
        let suggest_mapping = clap::Arg::new(SUGGEST_MAPPING)
            .long(SUGGEST_MAPPING)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .exclusive(true)
            .help("Print a mapping drafted from the first rows of a CSV, JSON Lines or Parquet file, and import nothing");
        ImportArguments::augment_args(command.arg(suggest_mapping))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ImportCommand {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        match matches.get_one::<PathBuf>(SUGGEST_MAPPING) {
            Some(file) => Ok(Self::SuggestMapping(file.clone())),
            None => Ok(Self::Import(Box::new(ImportArguments::from_arg_matches(matches)?))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm; it is made if it is not there
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: FarmReference,
    /// Format of the files [default: by the ending of each file's name]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    pub(crate) format: Option<Format>,
    /// What the columns of files that are not in farmtally's own form mean, in TOML; for csv, jsonl and parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Flamenco's database (flamenco-manager.sqlite), which knows what its jobs are called
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    /// Import again after so long, such as 60s, 5m or 1h, until SIGINT or SIGTERM; files only if they changed
    #[arg(long, value_name = "TIME", value_parser = parse_pause)]
    pub(crate) every: Option<Duration>,
    /// Read, check and price everything, and store nothing; records are not compared with what is stored, nor with
    /// earlier ones of the same files
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Rate card that becomes the farm's before anything is read
    #[arg(long, value_name = "FILE", conflicts_with = "every")]
    pub(crate) rates: Option<PathBuf>,
    /// Where to write rejected records [default: the first file's name with .rejects.jsonl behind it]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Most records of a batch, which is one durable commit [default: 65536, or 1000 through a server]
    #[arg(long, value_name = "N", value_parser = parse_batch)]
    pub(crate) batch: Option<usize>,
    /// Exit with 1 when a record was rejected
    #[arg(long)]
    pub(crate) strict: bool,
    /// Files to read, compressed with gzip or not; `-` is the standard input; for flamenco the folder of its task
    /// logs, or a file of its events
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Base URL of the server [default: that of the running server, or http://127.0.0.1:8037]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    pub(crate) endpoint: Option<String>,
    /// Write the same into the AWS configuration file as a profile, and print the line that chooses it
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "farmtally")]
    pub(crate) write_profile: Option<ProfileName>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FarmCommand {
    /// Make a farm and print its id; one that is there already stays as it is
    Create(FarmCreateArguments),
    /// Print id, name and cost scale factor of every farm, with tabs between them
    List(FarmListArguments),
    /// Change a farm
    Set(FarmSetArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FarmCreateArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// What people call the farm
    #[arg(value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) name: DisplayName,
    /// Id of the farm, for instance the one that it has on AWS [default: made from the name]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<FarmId>,
    /// What the farm's costs are multiplied by when they are read, 0 to 100
    #[arg(long, value_name = "X", value_parser = CostScaleFactor::parse, allow_negative_numbers = true)]
    pub(crate) cost_scale_factor: Option<CostScaleFactor>,
}

#[derive(Debug, Args)]
pub(crate) struct FarmListArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true)]
pub(crate) struct FarmChange {
    /// What the farm's costs are multiplied by when they are read, past usage included, 0 to 100
    #[arg(long, value_name = "X", value_parser = CostScaleFactor::parse, allow_negative_numbers = true)]
    pub(crate) cost_scale_factor: Option<CostScaleFactor>,
    /// How long sessions are kept, such as 5y or 18m: whole months that ended longer ago are removed for good, and refused
    /// when they are sent again; `all` keeps everything that is still there
    #[arg(long, value_name = "TIME", value_parser = parse_keep)]
    pub(crate) keep: Option<Keep>,
}

#[derive(Debug, Args)]
pub(crate) struct FarmSetArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm
    #[arg(value_name = "NAME")]
    pub(crate) farm: FarmReference,
    #[command(flatten)]
    pub(crate) change: FarmChange,
}

const VERIFY_NOTES: &str = "\
It prints a line of figures for each farm, and a line for each thing that is wrong, with the name of the file. \
Exit code 0: everything agrees. 1: something does not.";

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct RebuildArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

const BACKUP_NOTES: &str = "\
The copy is a data folder: it can be verified, served, and read as Parquet. It holds `master.key`, which opens the \
secrets of all access keys: keep it as safe as the folder itself.";

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Folder for the copy, which is not there yet or empty
    #[arg(value_name = "DEST")]
    pub(crate) destination: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// The data folder that it becomes, which is not there yet or empty
    #[arg(value_name = "DIR")]
    pub(crate) destination: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

/// How long a farm's records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// For ever.
    All,
    /// This month and so many before it.
    Months(u32),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its two export lines
    Create(KeyCreateArguments),
    /// Print id, role, farm, creation, state and name of every key, with tabs between them
    List(KeyListArguments),
    /// Make a key with the name, role and farm of another, which goes on working for a while
    Rotate(KeyRotateArguments),
    /// Stop a key from working, within two seconds on a running server
    Disable(KeyArguments),
    /// Forget a key that was disabled
    Delete(KeyArguments),
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// What the key may do: read statistics, send sessions, or everything
    #[arg(long, value_name = "ROLE", default_value = "reader", value_parser = role_parser())]
    pub(crate) role: Role,
    /// Name or id of the only farm that the key can see [default: all farms]
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: Option<FarmReference>,
    /// What people call the key, such as the program that has it
    #[arg(long, value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) name: Option<DisplayName>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyListArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRotateArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// For how many hours the old key goes on working; with 0 it stops at once
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=8_784))]
    pub(crate) overlap_hours: u32,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Id of the key, or its name if no other key has it
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)).try_map(|name| name.parse::<Format>())
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(|(name, _)| name))
        .try_map(|name| Role::parse(&name).ok_or("use reader, ingester or admin"))
}

fn parse_batch(text: &str) -> Result<usize, String> {
    let batch = text.parse().ok().filter(|batch| (1..=BATCH_RECORDS_MAX).contains(batch));
    batch.ok_or_else(|| format!("a batch has 1 to {BATCH_RECORDS_MAX} records"))
}

/// Longest pause between two imports, in seconds: a week.
const PAUSE_SECONDS_MAX: u64 = 7 * 24 * 3600;

fn parse_pause(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let seconds = units
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*seconds));
    let pause = seconds.filter(|seconds| (1..=PAUSE_SECONDS_MAX).contains(seconds));
    pause.map(Duration::from_secs).ok_or_else(|| {
        "it is a number of seconds, minutes or hours up to a week, such as 60s, 5m or 1h".to_owned()
    })
}

/// Most months that can be kept: what the range of timestamps spans.
const KEEP_MONTHS_MAX: u32 = 1000 * 12;

fn parse_keep(text: &str) -> Result<Keep, String> {
    if text == "all" {
        return Ok(Keep::All);
    }
    let years = text
        .strip_suffix('y')
        .and_then(|years| years.parse().ok())
        .and_then(|years: u32| years.checked_mul(12));
    let months = years.or_else(|| text.strip_suffix('m').and_then(|months| months.parse().ok()));
    let keep = months.filter(|months| (1..=KEEP_MONTHS_MAX).contains(months)).map(Keep::Months);
    keep.ok_or_else(|| {
        "it is `all`, a number of years such as 5y, or a number of months such as 18m".to_owned()
    })
}

fn parse_at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number >= 1)
        .ok_or_else(|| "it must be a whole number of at least 1".to_owned())
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("it must be an IP address and a port, such as {LISTEN_DEFAULT}"))
}

fn parse_loopback(text: &str) -> Result<SocketAddr, String> {
    let address = parse_address(text)?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demonstration is for this machine only; use 127.0.0.1 or [::1]".to_owned())
    }
}

fn parse_endpoint(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("an endpoint is a URL such as http://127.0.0.1:8037".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_endpoint_is_a_url_without_a_slash_at_its_end() {
        assert_eq!(parse_endpoint("https://tally.example/"), Ok("https://tally.example".to_owned()));
        for text in ["tally.example", "http://", "ftp://x", "http://a b"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_demonstration_stays_on_this_machine() {
        assert!(parse_loopback("[::1]:0").is_ok());
        assert!(parse_loopback("0.0.0.0:8037").is_err());
    }

    #[test]
    fn a_time_to_keep_is_in_years_or_months() {
        assert_eq!(parse_keep("5y"), Ok(Keep::Months(60)));
        assert_eq!(parse_keep("18m"), Ok(Keep::Months(18)));
        assert_eq!(parse_keep("all"), Ok(Keep::All));
        for text in ["", "5", "0m", "-1y", "y", "1001y", "5d"] {
            assert!(parse_keep(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pause_has_a_unit_and_is_at_least_a_second() {
        assert_eq!(parse_pause("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(parse_pause("1h"), Ok(Duration::from_hours(1)));
        for text in ["", "60", "0s", "-1s", "200h", "1d"] {
            assert!(parse_pause(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_batch_has_its_bounds() {
        assert_eq!(parse_batch("1"), Ok(1));
        assert!(parse_batch("0").is_err());
        assert!(parse_batch("100001").is_err());
    }
}
