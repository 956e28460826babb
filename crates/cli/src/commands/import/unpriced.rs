//! What to do about usage lines that came without a cost and found no rate.

use crate::args::ImportArguments;
use crate::farm_reference::FarmReference;
use crate::report_error::Failure;
use crate::shell::quoted;

/// Where a rate was looked for.
enum Rates {
    /// In a rate card.
    Card,
    /// In a farm without one.
    NoCard,
    /// Nowhere: a dry run makes no farm.
    NoFarm,
}

/// The hint, which depends on whether there was a rate card to find a rate in.
pub(super) fn hint(arguments: &ImportArguments) -> Result<String, Failure> {
    let advice = match rates(arguments)? {
        Rates::Card => {
            "the rate card has no rate for usage lines that came without a cost; they count as free"
                .to_owned()
        }
        Rates::NoCard => no_card(&format!(
            "before importing, set one by `{}` or pass `--rates FILE`",
            set_command(arguments)
        )),
        Rates::NoFarm => no_card(&format!(
            "import with `--rates FILE`, or before it make the farm by `{}` and set one by `{}`",
            create_command(arguments),
            set_command(arguments)
        )),
    };
    Ok(format!(
        "hint: {advice}; what is stored keeps its price until `farmtally rates reprice` prices it anew"
    ))
}

fn no_card(advice: &str) -> String {
    format!("the farm has no rate card, and usage lines that came without a cost count as free; {advice}")
}

fn set_command(arguments: &ImportArguments) -> String {
    let farm = arguments.farm.to_string();
    format!("farmtally rates set {} --farm {} FILE", arguments.folder.as_flag(), quoted(&farm))
}

fn create_command(arguments: &ImportArguments) -> String {
    let farm = arguments.farm.to_string();
    let farm = match arguments.farm {
        FarmReference::Id(_) => format!("--id {farm} NAME"),
        FarmReference::Name(_) => quoted(&farm).into_owned(),
    };
    format!("farmtally farm create {} {farm}", arguments.folder.as_flag())
}

fn rates(arguments: &ImportArguments) -> Result<Rates, Failure> {
    if arguments.rates.is_some() {
        return Ok(Rates::Card);
    }
    if !arguments.folder.exists()? {
        return Ok(Rates::NoFarm);
    }
    let catalogue = arguments.folder.catalogue()?;
    let Some(farm) = arguments.farm.find(&catalogue)? else { return Ok(Rates::NoFarm) };
    Ok(catalogue.rate_card(farm.farm_id)?.map_or(Rates::NoCard, |_| Rates::Card))
}
