//! The flags of `budget`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use farmtally_model::{DisplayName, NameGlob, NanoUsd, Timestamp, UserId};

use super::farm::FarmArguments;
use super::time::parse_instant;

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Set what may be spent in a month or between two dates, in the place of the budget of this name
    #[command(after_help = SET_NOTES)]
    Set(Box<SetArguments>),
    /// Print the budgets of a farm, with tabs between their parts
    List(FarmArguments),
    /// Say how budgets stand, and tell their webhooks of thresholds that were passed
    #[command(after_help = CHECK_NOTES)]
    Check(CheckArguments),
    /// Forget a budget
    Remove(RemoveArguments),
}

const SET_NOTES: &str = "\
Costs are what the API answers, with the farm's scale factor. A budget without --queue, --user and --job-name is of the whole \
farm, persistent volumes included. Setting a budget anew forgets what was reported of it.";

#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// What people call the budget
    #[arg(value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) name: DisplayName,
    /// What may be spent in a period, in dollars
    #[arg(long, value_name = "USD", value_parser = parse_limit, allow_negative_numbers = true)]
    pub(crate) limit: NanoUsd,
    /// Name or id of the only queue that counts
    #[arg(long, value_name = "NAME")]
    pub(crate) queue: Option<String>,
    /// The only user that counts
    #[arg(long, value_name = "USER", value_parser = UserId::new)]
    pub(crate) user: Option<UserId>,
    /// Only jobs whose names match: `*` is any text, `?` any character
    #[arg(long, value_name = "PATTERN", value_parser = parse_pattern)]
    pub(crate) job_name: Option<String>,
    /// First day of a budget with dates, UTC [default: it begins anew with each month]
    #[arg(long, value_name = "DATE", value_parser = parse_whole_hour, requires = "to")]
    pub(crate) from: Option<Timestamp>,
    /// First instant after a budget with dates
    #[arg(long, value_name = "DATE", value_parser = parse_whole_hour, requires = "from")]
    pub(crate) to: Option<Timestamp>,
    /// Parts of the limit to report, in percent
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "50,80,100",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) threshold: Vec<u32>,
    /// URL that gets a POST for each threshold that is passed
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub(crate) webhook: Option<String>,
    /// What the webhook gets: an object with members, or a text as Slack shows it
    #[arg(long, value_name = "FORM", value_enum, default_value = "json", requires = "webhook")]
    pub(crate) webhook_form: WebhookForm,
    /// File with the secret that signs what the webhook gets (HMAC-SHA256)
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WebhookForm {
    Json,
    Slack,
}

const CHECK_NOTES: &str = "\
Exit codes: 0 when no threshold was passed, 6 when one was, 1 when a budget could not be checked or a webhook did not take its \
report and nothing else was passed. With --fail-at, 6 means that so many percent were spent. Each threshold is reported once \
in each period; one that no webhook took is reported by the next check.";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// The budgets to check [default: all of the farm]
    #[arg(value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) names: Vec<DisplayName>,
    /// Percent of the limit from which on the exit code is 6 [default: the lowest threshold of each budget]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) fail_at: Option<u32>,
    /// Report nothing to webhooks
    #[arg(long)]
    pub(crate) no_webhook: bool,
    /// How often a webhook that does not answer, or answers 429 or 5xx, is tried again
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub(crate) webhook_retries: u32,
    /// Seconds before the first of them; each further wait is twice as long
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub(crate) webhook_wait: u64,
    /// How it is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// The budget
    #[arg(value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) name: DisplayName,
}

fn parse_limit(text: &str) -> Result<NanoUsd, String> {
    match NanoUsd::parse(text).map_err(|error| error.to_string())? {
        NanoUsd::ZERO => Err("a budget of nothing has no parts; the least is 0.000000001".to_owned()),
        limit => Ok(limit),
    }
}

fn parse_pattern(text: &str) -> Result<String, String> {
    NameGlob::with_case(text).map(|glob| glob.as_str().to_owned()).map_err(|error| error.to_string())
}

fn parse_whole_hour(text: &str) -> Result<Timestamp, String> {
    let instant = parse_instant(text)?;
    if instant.millis() % (60 * 60 * 1000) == 0 {
        return Ok(instant);
    }
    Err(format!("{text} is not a whole hour, and costs are asked for by whole hours"))
}

fn parse_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err("it is a URL such as https://hooks.example.com/budget".to_owned()),
    }
}
