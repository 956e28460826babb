//! Flags of `export`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use farmtally_model::DisplayName;
use farmtally_service::{FocusVersion, Month};

use super::farm::FarmArguments;
use super::report::{Metric, QuestionArguments};
use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Write usage and cost in the columns of FOCUS, a row for each day and each use of each job
    #[command(after_help = NOTES)]
    Focus(FocusArguments),
    /// Write sessions and volumes in the columns of the interchange form, by the month in which they started
    #[command(after_help = NOTES)]
    Sessions(SessionsArguments),
    /// Write what `report` answers, a file for each period of the calendar
    #[command(after_help = REPORT_NOTES)]
    Report(Box<ReportExportArguments>),
}

const NOTES: &str = "\
Every month gets a file of its own under the output folder, written beside the old one and put in its place as a whole, so \
that an export can be repeated. Months are in UTC. Beside a running server a copy of the folder is read.";

const REPORT_NOTES: &str = "\
The question is that of `farmtally report`, and each file has what it prints for its period. Every period of the range gets a \
file, with no rows where there was no usage, written beside the old one and put in its place as a whole. Only whole periods are \
written. The last line has the sum, to which the periods add up.

farmtally export report --by queue,user --in 2026 --partition month --format parquet --output reports";

#[derive(Debug, Args)]
pub(crate) struct RangeArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// First month, such as 2026-01
    #[arg(long, value_name = "MONTH")]
    pub(crate) from: Month,
    /// Last month
    #[arg(long, value_name = "MONTH")]
    pub(crate) to: Month,
    /// Folder for the files, made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct FocusArguments {
    #[command(flatten)]
    pub(crate) range: RangeArguments,
    /// Version of FOCUS
    #[arg(long, value_name = "VERSION", value_parser = version_parser(), default_value = "1.2")]
    pub(crate) focus_version: FocusVersion,
    /// Who provides the farm and issues its invoices [default: the farm's name]
    #[arg(long, value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) provider: Option<DisplayName>,
    /// How the files are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArguments {
    #[command(flatten)]
    pub(crate) range: RangeArguments,
    /// How the files are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    pub(crate) format: SessionsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ReportExportArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm [default: the only one that there is]
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: Option<FarmReference>,
    #[command(flatten)]
    pub(crate) question: QuestionArguments,
    /// What groups are ranked by
    #[arg(long, value_name = "METRIC", value_enum, default_value = "cost")]
    pub(crate) metric: Metric,
    /// What gets a file of its own
    #[arg(long, value_name = "UNIT", value_enum, default_value = "month")]
    pub(crate) partition: PartitionUnit,
    /// How the files are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    pub(crate) format: TableFormat,
    /// Folder for the files, made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PartitionUnit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    Csv,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionsFormat {
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
