//! Flags of `farm`, and those by which other commands choose a farm.

use clap::{Args, Subcommand};
use farmtally_model::{CostScaleFactor, DisplayName, FarmId};

use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;

#[derive(Debug, Subcommand)]
pub(crate) enum FarmCommand {
    /// Make a farm and print its id; one that is there already stays as it is
    Create(FarmCreateArguments),
    /// Print id, name and cost scale factor of every farm, with tabs between them
    List(FarmListArguments),
    /// Change a farm
    Set(FarmSetArguments),
}

/// A farm of a folder.
#[derive(Debug, Args)]
pub(crate) struct FarmArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: FarmReference,
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
pub(crate) struct FarmSetArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Name or id of the farm
    #[arg(value_name = "NAME")]
    pub(crate) farm: FarmReference,
    #[command(flatten)]
    pub(crate) change: FarmChange,
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

/// How long a farm's records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// For ever.
    All,
    /// This month and so many before it.
    Months(u32),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_keep_is_in_years_or_months() {
        assert_eq!(parse_keep("5y"), Ok(Keep::Months(60)));
        assert_eq!(parse_keep("18m"), Ok(Keep::Months(18)));
        assert_eq!(parse_keep("all"), Ok(Keep::All));
        for text in ["", "5", "0m", "-1y", "y", "1001y", "5d"] {
            assert!(parse_keep(text).is_err(), "{text}");
        }
    }
}
