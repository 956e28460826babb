//! What to do about usage lines that came without a cost and found no rate.

use crate::args::ImportArguments;
use crate::report_error::Failure;
use crate::shell::quoted;

/// The hint, which depends on whether there was a rate card to find a rate in.
pub(super) fn hint(arguments: &ImportArguments) -> Result<String, Failure> {
    let advice = if has_rate_card(arguments)? {
        "the rate card has no rate for usage lines that came without a cost; they count as free".to_owned()
    } else {
        no_card(arguments)
    };
    Ok(format!(
        "hint: {advice}; what is stored keeps its price until `farmtally rates reprice` prices it anew"
    ))
}

fn no_card(arguments: &ImportArguments) -> String {
    format!(
        "the farm has no rate card, and usage lines that came without a cost count as free; before importing, \
         set one by `farmtally rates set {} --farm {} FILE` or pass `--rates FILE`",
        arguments.folder.as_flag(),
        quoted(&arguments.farm.to_string())
    )
}

fn has_rate_card(arguments: &ImportArguments) -> Result<bool, Failure> {
    if arguments.rates.is_some() {
        return Ok(true);
    }
    if !arguments.folder.exists()? {
        return Ok(false);
    }
    let catalogue = arguments.folder.catalogue()?;
    let farm = arguments.farm.find(&catalogue)?;
    let card = farm.map(|farm| catalogue.rate_card(farm.farm_id)).transpose()?;
    Ok(card.flatten().is_some())
}
