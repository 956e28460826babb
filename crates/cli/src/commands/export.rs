//! `export`: tables for others, one file for each month, each replaced as a whole.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use farmtally_model::DisplayName;
use farmtally_service::{ExportError, ExportFormat, FocusOptions, FocusVersion, Month, Table};

use super::rates::FarmArguments;
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write usage and cost in the columns of FOCUS, a row for each day and each use of each job
    #[command(after_help = NOTES)]
    Focus(FocusArguments),
    /// Write sessions and volumes in the columns of the interchange form, by the month in which they started
    #[command(after_help = NOTES)]
    Sessions(SessionsArguments),
}

const NOTES: &str = "\
Every month gets a file of its own under the output folder, written beside the old one and put in its place as a whole, so \
that an export can be repeated. Months are in UTC. Beside a running server a copy of the folder is read.";

#[derive(Debug, Args)]
pub(crate) struct RangeArguments {
    #[command(flatten)]
    farm: FarmArguments,
    /// First month, such as 2026-01
    #[arg(long, value_name = "MONTH")]
    from: Month,
    /// Last month
    #[arg(long, value_name = "MONTH")]
    to: Month,
    /// Folder for the files, made if it is not there
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct FocusArguments {
    #[command(flatten)]
    range: RangeArguments,
    /// Version of FOCUS
    #[arg(long, value_name = "VERSION", value_parser = version_parser(), default_value = "1.2")]
    focus_version: FocusVersion,
    /// Who provides the farm and issues its invoices [default: the farm's name]
    #[arg(long, value_name = "NAME", value_parser = DisplayName::new)]
    provider: Option<DisplayName>,
    /// How the files are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    format: FocusFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArguments {
    #[command(flatten)]
    range: RangeArguments,
    /// How the files are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    format: SessionsFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FocusFormat {
    Csv,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SessionsFormat {
    Csv,
    Jsonl,
    Parquet,
}

fn version_parser() -> impl TypedValueParser<Value = FocusVersion> {
    PossibleValuesParser::new(FocusVersion::ALL.map(|(number, _)| number)).try_map(|number| {
        let version = FocusVersion::ALL.iter().find(|(known, _)| *known == number);
        version.map(|(_, version)| *version).ok_or("use 1.2 or 1.4")
    })
}

/// Does what was asked for.
pub(crate) fn run(command: &ExportCommand) -> Result<(), Failure> {
    match command {
        ExportCommand::Focus(arguments) => focus(arguments),
        ExportCommand::Sessions(arguments) => sessions(arguments),
    }
}

fn focus(arguments: &FocusArguments) -> Result<(), Failure> {
    let format = match arguments.format {
        FocusFormat::Csv => ExportFormat::Csv,
        FocusFormat::Parquet => ExportFormat::Parquet,
    };
    let options = FocusOptions { version: arguments.focus_version, provider: arguments.provider.clone() };
    export(&arguments.range, "billing_month", "focus", format, &|reading, farm_id, month| {
        reading.service().export_focus(farm_id, month, &options)
    })
}

fn sessions(arguments: &SessionsArguments) -> Result<(), Failure> {
    let format = match arguments.format {
        SessionsFormat::Csv => ExportFormat::Csv,
        SessionsFormat::Jsonl => ExportFormat::JsonLines,
        SessionsFormat::Parquet => ExportFormat::Parquet,
    };
    export(&arguments.range, "month", "sessions", format, &|reading, farm_id, month| {
        reading.service().export_sessions(farm_id, month)
    })
}

type Making<'a> = dyn Fn(&Reading, farmtally_model::FarmId, Month) -> Result<Table, ExportError> + 'a;

fn export(
    range: &RangeArguments,
    partition: &str,
    name: &str,
    format: ExportFormat,
    make: &Making<'_>,
) -> Result<(), Failure> {
    if range.to < range.from {
        return Err(Failure::usage(format!("--to {} is before --from {}", range.to, range.from)));
    }
    let catalogue = range.farm.folder.existing()?;
    let farm_id = range.farm.farm.existing(&catalogue)?.farm_id;
    let reading = Reading::open(&range.farm.folder)?;
    let mut month = range.from;
    while month <= range.to {
        let table = make(&reading, farm_id, month).map_err(failure)?;
        let folder = range.output.join(format!("{partition}={month}"));
        let path = folder.join(format!("{name}.{}", format.extension()));
        put(&folder, &path, &table, format)?;
        print(format_args!("{}\t{} rows", path.display(), table.rows.len()))?;
        month = month.next();
    }
    Ok(())
}

/// Writes a file beside its place, and puts it there when it is whole and on the disk.
fn put(folder: &Path, path: &Path, table: &Table, format: ExportFormat) -> Result<(), Failure> {
    let cannot_write =
        |error: &std::io::Error| Failure::caused(format!("cannot write `{}`", path.display()), error);
    fs::create_dir_all(folder).map_err(|error| cannot_write(&error))?;
    let beside = path.with_extension(format!("{}.new", format.extension()));
    let file = File::create(&beside).map_err(|error| cannot_write(&error))?;
    table.write(format, BufWriter::new(&file)).map_err(|error| match error {
        ExportError::Write(error) => cannot_write(&error),
        other => failure(other),
    })?;
    file.sync_all().map_err(|error| cannot_write(&error))?;
    fs::rename(&beside, path).map_err(|error| cannot_write(&error))
}

fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Service(error) => error.into(),
        error => Failure::of(&error),
    }
}
