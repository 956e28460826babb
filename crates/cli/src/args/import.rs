//! Flags of `import`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use farmtally_ingest::Format;
use farmtally_model::LicenseProduct;
use farmtally_service::STRAIGHT_RECORDS_MAX;

use super::time::parse_pause;
use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;

pub(super) const NOTES: &str = "\
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
/// The id of the data folder.
const FOLDER: &str = "path";
const USAGE: &str = "farmtally import [OPTIONS] --data-dir <DIR> --farm <NAME> <FILE>...\n       farmtally import --suggest-mapping <FILE>";

impl Args for ImportCommand {
    fn augment_args(command: clap::Command) -> clap::Command {
        let suggest_mapping = clap::Arg::new(SUGGEST_MAPPING)
            .long(SUGGEST_MAPPING)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Print a mapping drafted from the first rows of a CSV, JSON Lines or Parquet file, and import nothing");
        // It stands alone but for the folder, which may come from the environment and is in nobody's way.
        let command = ImportArguments::augment_args(command);
        let others: Vec<clap::Id> =
            command.get_arguments().map(clap::Arg::get_id).filter(|id| *id != FOLDER).cloned().collect();
        let unless_suggesting = |arg: clap::Arg| {
            if arg.is_required_set() {
                arg.required(false).required_unless_present(SUGGEST_MAPPING)
            } else {
                arg
            }
        };
        command
            .mut_args(unless_suggesting)
            .arg(suggest_mapping.conflicts_with_all(others))
            .override_usage(USAGE)
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
    /// Name or id of the farm; it is made for the first record if it is not there
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
    /// Product that OpenCue's layers with this service hold a licence of; can be repeated
    #[arg(long = "license", value_name = "SERVICE=PRODUCT", value_parser = parse_license)]
    pub(crate) licenses: Vec<(String, LicenseProduct)>,
    /// How long before now runs of OpenCue may still appear in its database, and are asked for again [default: 15m]
    #[arg(long, value_name = "TIME", value_parser = parse_every)]
    pub(crate) look_back: Option<Duration>,
    /// Import again after so long, such as 60s, 5m or 1h, until SIGINT or SIGTERM: of files what was appended, or
    /// all of one that changed otherwise; of a database what is new
    #[arg(long, value_name = "TIME", value_parser = parse_every)]
    pub(crate) every: Option<Duration>,
    /// The same once a second
    #[arg(long, conflicts_with = "every")]
    pub(crate) follow: bool,
    /// Read, check and price everything, and store nothing; records are not compared with what is stored, nor with
    /// earlier ones of the same files
    #[arg(long, conflicts_with_all = ["every", "follow"])]
    pub(crate) dry_run: bool,
    /// Rate card that becomes the farm's before anything is stored
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
    /// Where to write rejected records [default: the first file's name with .rejects.jsonl behind it]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Most records of a batch, which is one durable commit [default: 262144, or 1000 through a server]
    #[arg(long, value_name = "N", value_parser = parse_batch)]
    pub(crate) batch: Option<usize>,
    /// Exit with 1 when a record was rejected
    #[arg(long)]
    pub(crate) strict: bool,
    /// Files to read, compressed with gzip or not; `-` is the standard input; for flamenco the folder of its task
    /// logs, or a file of its events; for opencue the address of its database, such as postgres://user@host/cuebot
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

impl ImportArguments {
    /// How long to wait between two imports, if it is to go on.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.every.or_else(|| self.follow.then_some(Duration::from_secs(1)))
    }
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)).try_map(|name| name.parse::<Format>())
}

fn parse_batch(text: &str) -> Result<usize, String> {
    let batch = text.parse().ok().filter(|batch| (1..=STRAIGHT_RECORDS_MAX).contains(batch));
    batch.ok_or_else(|| format!("a batch has 1 to {STRAIGHT_RECORDS_MAX} records"))
}

fn parse_license(text: &str) -> Result<(String, LicenseProduct), String> {
    let (service, product) = text
        .split_once('=')
        .filter(|(service, _)| !service.is_empty())
        .ok_or("it is a service and the product that it holds, such as arnold=arnold")?;
    let product = LicenseProduct::new(product).map_err(|error| error.to_string())?;
    Ok((service.to_owned(), product))
}

fn parse_every(text: &str) -> Result<Duration, String> {
    parse_pause(text, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_a_unit_and_is_at_least_a_second() {
        assert_eq!(parse_every("60s"), Ok(Duration::from_mins(1)));
        assert_eq!(parse_every("1h"), Ok(Duration::from_hours(1)));
        for text in ["", "60", "0s", "-1s", "200h", "1d"] {
            assert!(parse_every(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_batch_has_its_bounds() {
        assert_eq!(parse_batch("1"), Ok(1));
        assert!(parse_batch("0").is_err());
        assert!(parse_batch("524289").is_err());
    }
}
