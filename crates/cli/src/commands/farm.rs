//! `farm`: the farms of a folder, beside a running server too.

use farmtally_ingest::farm_id_for_name;
use farmtally_model::{CostScaleFactor, FarmId};
use farmtally_service::{Catalogue, Clock, SystemClock};

use crate::args::{FarmCommand, FarmCreateArguments, FarmListArguments, FarmSetArguments, Keep};
use crate::audit;
use crate::farm_reference::{CREATED_BY, all_farms, create_farm};
use crate::output::print;
use crate::report_error::Failure;
use crate::terminal_text::one_line;

/// Does what was asked for.
pub(crate) fn run(command: FarmCommand) -> Result<(), Failure> {
    match command {
        FarmCommand::Create(arguments) => create(arguments),
        FarmCommand::List(arguments) => list(&arguments),
        FarmCommand::Set(arguments) => set(&arguments),
    }
}

fn create(arguments: FarmCreateArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.catalogue()?;
    let farm_id = arguments.id.unwrap_or_else(|| farm_id_for_name(arguments.name.as_str()));
    let farm = create_farm(&catalogue, farm_id, arguments.name, SystemClock::default().now())?;
    if let Some(factor) = arguments.cost_scale_factor {
        set_cost_scale_factor(&catalogue, farm.farm_id, factor)?;
    }
    audit::note(&catalogue, "farm.create", &farm.farm_id.to_string(), farm.display_name.as_str())?;
    print(farm.farm_id)
}

fn list(arguments: &FarmListArguments) -> Result<(), Failure> {
    for farm in all_farms(&arguments.folder.existing()?)? {
        print(format_args!(
            "{}\t{}\t{}",
            farm.farm_id,
            one_line(farm.display_name.as_str()),
            farm.cost_scale_factor
        ))?;
    }
    Ok(())
}

fn set(arguments: &FarmSetArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm = arguments.farm.existing(&catalogue)?;
    if let Some(factor) = arguments.change.cost_scale_factor {
        set_cost_scale_factor(&catalogue, farm.farm_id, factor)?;
    }
    match arguments.change.keep {
        None => Ok(()),
        Some(Keep::All) => keep(&catalogue, farm.farm_id, None),
        Some(Keep::Months(months)) => keep(&catalogue, farm.farm_id, Some(months)),
    }
}

fn keep(catalogue: &Catalogue, farm_id: FarmId, months: Option<u32>) -> Result<(), Failure> {
    catalogue.set_retention(farm_id, months)?;
    let detail = months.map_or_else(|| "keep all".to_owned(), |months| format!("keep {months} months"));
    audit::note(catalogue, "farm.set", &farm_id.to_string(), &detail)
}

fn set_cost_scale_factor(
    catalogue: &Catalogue,
    farm_id: FarmId,
    factor: CostScaleFactor,
) -> Result<(), Failure> {
    if catalogue.set_cost_scale_factor(farm_id, factor, CREATED_BY, SystemClock::default().now())? {
        audit::note(catalogue, "farm.set", &farm_id.to_string(), &format!("cost scale factor {factor}"))
    } else {
        Err(Failure::failed(format!("there is no farm `{farm_id}`")))
    }
}
