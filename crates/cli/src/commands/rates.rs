//! `rates`: the card that prices sessions which come without a cost, beside a running server too.

use std::fs;
use std::io;
use std::path::Path;

use farmtally_ingest::RateCard;
use farmtally_service::{Clock, SystemClock};

use crate::args::{RatesCommand, RatesSetArguments, RatesShowArguments};
use crate::audit;
use crate::output::print_as_it_is;
use crate::report_error::Failure;
use crate::talk::tell;

/// Does what was asked for.
pub(crate) fn run(command: RatesCommand) -> Result<(), Failure> {
    match command {
        RatesCommand::Set(arguments) => set(&arguments),
        RatesCommand::Show(arguments) => show(&arguments),
    }
}

fn set(arguments: &RatesSetArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing_or(&format!(
        "make the farm first by `farmtally farm create {} NAME`, or pass the card to `farmtally import --rates`",
        arguments.folder.as_flag()
    ))?;
    let farm = arguments.farm.existing(&catalogue)?;
    let (text, _) = read_rate_card(&arguments.file)?;
    catalogue.set_rate_card(farm.farm_id, &text, SystemClock::default().now())?;
    audit::note(&catalogue, "rates.set", &farm.farm_id.to_string(), &format!("{} bytes", text.len()))?;
    tell("The rates price the sessions that arrive from now on.");
    Ok(())
}

fn show(arguments: &RatesShowArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm = arguments.farm.existing(&catalogue)?;
    match catalogue.rate_card(farm.farm_id)? {
        Some(text) => print_as_it_is(&text),
        None => Err(Failure::failed(format!("the farm `{}` has no rate card", arguments.farm))
            .hint(format!("`farmtally rates set {} --farm … FILE` sets one", arguments.folder.as_flag()))),
    }
}

/// A card that can be used, and its text.
pub(crate) fn read_rate_card(file: &Path) -> Result<(String, RateCard), Failure> {
    let cannot_read = |error| Failure::caused(format!("cannot read `{}`", file.display()), &error);
    let text =
        if file == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(cannot_read)?;
    let card = RateCard::parse(&text)
        .map_err(|error| Failure::caused(format!("cannot use the rate card `{}`", file.display()), &error))?;
    Ok((text, card))
}
