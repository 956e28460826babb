//! `rates`: the cards that price sessions which come without a cost, and what was made of them.

mod explain;
mod reprice;
mod spread;

use std::fs;
use std::io;
use std::path::Path;

use farmtally_ingest::{RateCard, nearest_name, rate_card_id};
use farmtally_model::FarmId;
use farmtally_service::{Catalogue, Clock, SystemClock};

use crate::args::FarmArguments;
use crate::args::rates::{RatesCommand, SetArguments, ShowArguments};
use crate::audit;
use crate::exit::ExitStatus;
use crate::output::{print, print_as_it_is};
use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Does what was asked for.
pub(crate) fn run(command: RatesCommand) -> Result<ExitStatus, Failure> {
    let done = |()| ExitStatus::Success;
    match command {
        RatesCommand::Set(arguments) => set(&arguments).map(done),
        RatesCommand::Show(arguments) => show(&arguments).map(done),
        RatesCommand::History(arguments) => history(&arguments).map(done),
        RatesCommand::Explain(arguments) => explain::run(&arguments).map(done),
        RatesCommand::Reprice(arguments) => reprice::run(&arguments),
        RatesCommand::Spread(arguments) => spread::run(&arguments),
    }
}

fn set(arguments: &SetArguments) -> Result<(), Failure> {
    let folder = &arguments.farm.folder;
    let catalogue = folder.existing_or(&format!(
        "make the farm first by `farmtally farm create {} NAME`, or pass the card to `farmtally import --rates`",
        folder.as_flag()
    ))?;
    let farm = arguments.farm.farm.existing(&catalogue)?;
    let (text, card) = read_rate_card(&arguments.file)?;
    catalogue.set_rate_card(farm.farm_id, &text, SystemClock::default().now())?;
    let detail = format!("card {}, {} bytes", rate_card_id(&text), text.len());
    audit::note(&catalogue, "rates.set", &farm.farm_id.to_string(), &detail)?;
    tell("The rates price the sessions that arrive from now on.");
    warn_of_unknown_fleets(&catalogue, farm.farm_id, &card)
}

/// A fleet that nobody has heard of may come, or is misspelt.
fn warn_of_unknown_fleets(catalogue: &Catalogue, farm_id: FarmId, card: &RateCard) -> Result<(), Failure> {
    let fleets = catalogue.fleets(farm_id, None, usize::MAX)?;
    let names: Vec<&str> = fleets.iter().map(|fleet| fleet.display_name.as_str()).collect();
    let warn = |fleet: &str, nearest: Option<&str>| {
        let nearest = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        let line = format!(
            "warning: a rate is for the fleet `{fleet}`, which this farm does not have so far{nearest}"
        );
        tell(one_line(&line));
    };
    for name in card.fleet_names().into_iter().filter(|name| !names.contains(&name.as_str())) {
        warn(name.as_str(), nearest_name(name.as_str(), &names));
    }
    for id in card.fleet_ids().into_iter().filter(|id| fleets.iter().all(|fleet| fleet.id != *id)) {
        warn(&id.to_string(), None);
    }
    Ok(())
}

fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let FarmArguments { folder, farm: reference } = &arguments.farm;
    let catalogue = folder.existing()?;
    let farm = reference.existing(&catalogue)?;
    let Some(version) = arguments.version else {
        return match catalogue.rate_card(farm.farm_id)? {
            Some(text) => print_as_it_is(&text),
            None => Err(Failure::failed(format!("the farm `{reference}` has no rate card"))
                .hint(format!("`farmtally rates set {} --farm … FILE` sets one", folder.as_flag()))),
        };
    };
    let versions = catalogue.rate_card_versions(farm.farm_id)?;
    match versions.iter().find(|card| card.version == version) {
        Some(card) => print_as_it_is(&card.text),
        None => Err(Failure::failed(format!(
            "the farm `{reference}` has no version {version} of its rate card; the last is {}",
            versions.len()
        ))),
    }
}

fn history(arguments: &FarmArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm = arguments.farm.existing(&catalogue)?;
    for card in catalogue.rate_card_versions(farm.farm_id)? {
        print(format_args!("{}\t{}\t{}", card.version, rate_card_id(&card.text), card.set_at))?;
    }
    Ok(())
}

/// A card that can be used, and its text.
pub(crate) fn read_rate_card(file: &Path) -> Result<(String, RateCard), Failure> {
    let cannot_read = |error| Failure::caused(format!("cannot read `{}`", file.display()), &error);
    let text =
        if file == Path::new("-") { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(cannot_read)?;
    let card = RateCard::parse_new(&text)
        .map_err(|error| Failure::caused(format!("cannot use the rate card `{}`", file.display()), &error))?;
    Ok((text, card))
}
