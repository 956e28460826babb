//! Flags of `report`. What they mean together is checked by the question that they make (see `commands::report::question`).

use clap::{Args, ValueEnum};

use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;

pub(super) const NOTES: &str = "\
Dimensions are queue, fleet, job, jobName, user, usageType, instanceType, licenseProduct, worker and outcome, and \
`show:^([a-z]+)_` is what a regular expression takes out of the names of jobs. Data goes to stdout; the range that was \
meant, with its offsets, goes to stderr.

farmtally report --by queue --last 30d --chart
farmtally report --by user,job --in 2026-01 --where queue=lighting --top 20
farmtally report --by user --last 30d --compare previous --fail-over 5000
farmtally report --by 'show:^([a-z]+)_' --period month --in this-year --tz Europe/Paris --output csv";

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm [default: the only one that there is]
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: Option<FarmReference>,
    #[command(flatten)]
    pub(crate) question: QuestionArguments,
    /// What groups are ranked, drawn and compared by
    #[arg(long, value_name = "METRIC", value_enum, default_value = "cost")]
    pub(crate) metric: Metric,
    /// Draw bars, or with --period a line of small bars for each group
    #[arg(long)]
    pub(crate) chart: bool,
    /// Form of the answer [default: table on a terminal and with --chart, csv in a pipe]
    #[arg(short, long, value_name = "FORM", value_enum)]
    pub(crate) output: Option<Output>,
    /// Say on stderr what was read, what did not have to be read, and how long it took
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print the same question for another tool, ready to run, in place of the answer
    #[arg(long = "as", value_name = "TOOL", value_enum, conflicts_with_all = ["output", "chart", "open"])]
    pub(crate) other_tool: Option<Tool>,
    /// Print the address of the same view in the usage explorer, and open it in a browser
    #[arg(long, conflicts_with_all = ["output", "chart"])]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Exit with 4 when the total cost is above this many US dollars
    #[arg(long, value_name = "USD", value_parser = parse_usd)]
    pub(crate) fail_over: Option<UsdLimit>,
    /// Exit with 5 when nothing matched
    #[arg(long)]
    pub(crate) fail_empty: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuestionArguments {
    /// What makes a group, such as queue,user; can be repeated [default: everything is one group]
    #[arg(long, value_name = "DIMENSIONS")]
    pub(crate) by: Vec<String>,
    /// sum, avg, min, max and percentiles such as p95, of sessions [default: sum]
    #[arg(long, value_name = "STATISTICS")]
    pub(crate) stat: Vec<String>,
    /// Cut the range into hour, day, week, month, quarter, year, or auto [default: none]
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Option<String>,
    /// So many hours, days, weeks, months or years up to now: 12h, 30d, 8w, 6mo, 1y [default: 30d]
    #[arg(long, value_name = "SPAN")]
    pub(crate) last: Option<String>,
    /// A unit of the calendar: 2026, 2026-Q1, 2026-01, 2026-W03, 2026-01-15, today, last-month and so on
    #[arg(long = "in", value_name = "UNIT")]
    pub(crate) within: Option<String>,
    /// Beginning of the range: a date, a local time or an instant
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// End of the range, itself outside
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Time zone, such as Europe/Paris or UTC+05:30 [default: UTC]
    #[arg(long, visible_alias = "tz", value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// What has to hold: queue=lighting, user!=alice, jobName~*test*, outcome= for none; a|b for either; can be repeated
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// Name what a regular expression takes out of the names of jobs, for --where: show:^([a-z]+)_; can be repeated
    #[arg(long, value_name = "LABEL:REGEX")]
    pub(crate) pattern: Vec<String>,
    /// Compare with the range before (previous) or a year earlier (year)
    #[arg(long, value_name = "WITH")]
    pub(crate) compare: Option<String>,
    /// Show so many groups; the others become one
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) top: Option<String>,
    /// Leave out the groups that --top leaves over
    #[arg(long, requires = "top")]
    pub(crate) no_other: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    /// US dollars, after the farm's cost scale factor
    Cost,
    /// Hours that sessions ran
    #[value(alias = "runtime")]
    Hours,
    /// How many sessions
    Sessions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people, with money to the cent
    Table,
    /// The whole answer as one document, exact
    Json,
    /// A line for each row, exact
    Jsonl,
    /// A row for each bucket and group, exact
    Csv,
    /// The same rows as a Parquet file
    Parquet,
    /// The same rows as a stream of Arrow's IPC format
    Arrow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// A Python script that asks as AWS is asked
    Boto3,
    /// The AWS CLI, as AWS is asked
    Aws,
    /// curl, which asks the native API
    Curl,
    /// DuckDB over the Parquet files of the folder
    Sql,
}

/// A limit in US dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsdLimit {
    /// As it was written.
    pub(crate) text: String,
}

fn parse_usd(text: &str) -> Result<UsdLimit, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() <= 15 && decimals.len() <= 9 && is_number(whole) && is_number(decimals) {
        Ok(UsdLimit { text: text.to_owned() })
    } else {
        Err("it must be an amount in US dollars, such as 5000 or 99.95".to_owned())
    }
}
