//! `rates reprice`: what the card of now would make of stored prices; shown first, done only when asked for.

use farmtally_model::{TimeRange, Timestamp};
use farmtally_service::{MonthDifference, Repricing};

use crate::args::FarmArguments;
use crate::args::rates::RepriceArguments;
use crate::audit;
use crate::exit::ExitStatus;
use crate::money_text::{usd, usd_difference};
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;
use crate::revising::Revising;
use crate::table_text::table;
use crate::talk::tell;

pub(super) fn run(arguments: &RepriceArguments) -> Result<ExitStatus, Failure> {
    let FarmArguments { folder, farm } = &arguments.farm;
    let catalogue = folder.existing()?;
    let farm = farm.existing(&catalogue)?;
    let range = TimeRange::new(arguments.from, arguments.to.unwrap_or(Timestamp::MAX))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let reading = if arguments.yes { Reading::copy(folder)? } else { Reading::open(folder)? };
    let repricing = reading.service().reprice(farm.farm_id, range, &mut |_| {})?;
    show(&repricing)?;
    let total = repricing.total();
    if total.records == 0 {
        tell("The rate card gives the prices that are stored; there is nothing to change.");
        return Ok(ExitStatus::Success);
    }
    if !arguments.yes {
        tell("Nothing was changed; the same command with `--yes` stores the new costs.");
        return Ok(ExitStatus::Success);
    }
    let mut revising = Revising::open(folder, &catalogue, farm.farm_id)?;
    reading.service().reprice(farm.farm_id, range, &mut |amended| revising.revise(amended))?;
    let revised = revising.finish();
    let stored = revised.as_ref().map_or(0, |revised| revised.replaced);
    let detail = format!(
        "{} to {}: {} records, {stored} stored, {} before, {} after",
        range.start(),
        range.end(),
        total.records,
        usd(total.before_nanos),
        usd(total.after_nanos)
    );
    audit::note(&catalogue, "rates.reprice", &farm.farm_id.to_string(), &detail)?;
    revised?.tell()
}

fn show(repricing: &Repricing) -> Result<(), Failure> {
    let row = |name: String, difference: &MonthDifference| {
        let MonthDifference { records, before_nanos, after_nanos } = *difference;
        let costs = [usd(before_nanos), usd(after_nanos), usd_difference(before_nanos, after_nanos)];
        [vec![name, records.to_string()], costs.to_vec()].concat()
    };
    let mut rows: Vec<_> =
        repricing.months.iter().map(|(month, difference)| row(month.to_string(), difference)).collect();
    rows.push(row("total".to_owned(), &repricing.total()));
    print(table(&["month", "records", "cost before", "cost after", "difference"], &rows))?;
    for (count, one, many) in [
        (repricing.unchanged, "has the price that the card gives", "have the price that the card gives"),
        (
            repricing.given,
            "has costs that came with it, which stay",
            "have costs that came with them, which stay",
        ),
        (repricing.running, "runs, and is priced when it ends", "run, and are priced when they end"),
        (
            repricing.left,
            "cannot be priced anew and stays as it is",
            "cannot be priced anew and stay as they are",
        ),
    ] {
        if count > 0 {
            tell(format_args!("{count} more {}.", if count == 1 { one } else { many }));
        }
    }
    Ok(())
}
