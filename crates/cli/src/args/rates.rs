//! The flags of `rates`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use farmtally_model::{
    DisplayName, FleetId, NanoUsd, RecordId, SessionId, TextError, TimeRange, Timestamp, VolumeId,
};

use super::farm::FarmArguments;
use super::time::{parse_instant, parse_period};

#[derive(Debug, Subcommand)]
pub(crate) enum RatesCommand {
    /// Replace a farm's rate card; what is stored keeps its price
    Set(SetArguments),
    /// Print a farm's rate card
    Show(ShowArguments),
    /// Print version, id and time of every rate card that a farm had, with tabs between them
    History(FarmArguments),
    /// Print which rate priced a session, and the arithmetic
    Explain(ExplainArguments),
    /// Show what the farm's rate card would change in stored prices, and change them only with `--yes`
    #[command(after_help = REPRICE_NOTES)]
    Reprice(RepriceArguments),
    /// Spread a fleet's bill over its sessions by runtime; stored costs change only with `--yes`
    #[command(after_help = SPREAD_NOTES)]
    Spread(SpreadArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// Rate card in TOML; `-` is the standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// Number of an earlier card, from `rates history` [default: the card that prices now]
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// Id of the session or volume
    #[arg(value_name = "SESSION", value_parser = parse_record_id)]
    pub(crate) record: RecordId,
}

const REPRICE_NOTES: &str = "\
Costs that came with a session stay; a session that runs is priced when it ends. A session keeps the revision that its \
source gave it: an import that is repeated does not take the price back, and the source's next correction is priced by \
the card of then. A change that was interrupted goes on with the same command. Beside a running server, records are read \
from a copy of the folder and changed through the server.";

#[derive(Debug, Args)]
pub(crate) struct RepriceArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// Sessions and volumes that started at this instant or later, such as 2026-01-01
    #[arg(long, value_name = "DATE", value_parser = parse_instant)]
    pub(crate) from: Timestamp,
    /// Only those that started before this instant [default: all]
    #[arg(long, value_name = "DATE", value_parser = parse_instant)]
    pub(crate) to: Option<Timestamp>,
    /// Change the stored costs
    #[arg(long)]
    pub(crate) yes: bool,
}

const SPREAD_NOTES: &str = "\
A session pays for the period in which it ended, in proportion to its whole runtime; the shares add up to the bill to the \
nano-dollar. With `--yes` its share becomes the cost of the session's worker: no rate card prices it again, and a later \
spread of the same period replaces it. What the source said of that cost is kept beside it. A session keeps its \
revision, so that its source's next correction takes the share back. Licences keep what they cost.";

#[derive(Debug, Args)]
pub(crate) struct SpreadArguments {
    #[command(flatten)]
    pub(crate) farm: FarmArguments,
    /// Name or id of the fleet
    #[arg(long, value_name = "NAME", value_parser = parse_fleet)]
    pub(crate) fleet: FleetReference,
    /// Amount of the bill in dollars
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse, allow_negative_numbers = true)]
    pub(crate) bill: NanoUsd,
    /// Month of the bill, such as 2026-01, or two dates with `..` between them, the second without
    #[arg(long, value_name = "PERIOD", value_parser = parse_period)]
    pub(crate) period: TimeRange,
    /// What a row of the report is
    #[arg(long, value_name = "WHAT", value_enum, default_value = "queue")]
    pub(crate) by: SpreadBy,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
    /// Change the stored costs
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SpreadBy {
    Queue,
    User,
    Session,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Table,
    Csv,
    Json,
}

/// A fleet as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FleetReference {
    Id(FleetId),
    Name(DisplayName),
}

fn parse_fleet(text: &str) -> Result<FleetReference, TextError> {
    match FleetId::parse(text) {
        Ok(id) => Ok(FleetReference::Id(id)),
        Err(_) => DisplayName::new(text).map(FleetReference::Name),
    }
}

fn parse_record_id(text: &str) -> Result<RecordId, String> {
    let session = SessionId::parse(text).map(RecordId::Session);
    session.or_else(|error| VolumeId::parse(text).map(RecordId::Volume).map_err(|_| error.to_string()))
}
