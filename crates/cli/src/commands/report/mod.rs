//! `report`: a question about usage and its answer, in the terminal.
//!
//! Every number is the server's. What is done here is to put flags into a question, and an answer into a table.

mod asking;
mod bars;
mod columns;
mod csv;
mod figures;
mod layout;
mod lines;
mod page;
mod question;
mod table;
mod talking;

use std::io::{IsTerminal, stdout};

use farmtally_model::FarmId;
use farmtally_service::{Catalogue, Farm};
use farmtally_wire::native::{AnswerHead, Query};

use self::asking::Source;
use self::figures::Figure;
use self::table::{Shown, table};
use crate::args::{Output, ReportArguments};
use crate::exit::ExitStatus;
use crate::farm_reference::all_farms;
use crate::output::{print, print_as_it_is, print_bytes};
use crate::report_error::Failure;
use crate::terminal_text::one_line;

/// Asks, and prints.
pub(crate) fn run(arguments: &ReportArguments) -> Result<ExitStatus, Failure> {
    let query = question::query(arguments)?;
    let catalogue = arguments.folder.existing()?;
    let farm = farm(arguments, &catalogue)?;
    if arguments.open {
        return page::open(arguments, farm.farm_id).map(|()| ExitStatus::Success);
    }
    let form = form(arguments.output);
    let source = Source::open(&arguments.folder, &catalogue)?;
    let head = answer(&source, farm.farm_id, &query, form, arguments)?;
    Ok(status(arguments, &head))
}

/// The farm that was named, or the only one.
fn farm(arguments: &ReportArguments, catalogue: &Catalogue) -> Result<Farm, Failure> {
    if let Some(reference) = &arguments.farm {
        return reference.existing(catalogue);
    }
    let mut farms = all_farms(catalogue)?;
    match (farms.pop(), farms.is_empty()) {
        (Some(farm), true) => Ok(farm),
        (None, _) => Err(Failure::failed("the folder has no farms yet").hint("`farmtally import` fills one")),
        (Some(last), false) => {
            let names: Vec<_> =
                farms.iter().chain([&last]).map(|farm| one_line(farm.display_name.as_str())).collect();
            Err(Failure::usage(format!("the folder has {} farms", names.len()))
                .hint(format!("name one with `--farm`: {}", names.join(", "))))
        }
    }
}

/// The form of the answer.
fn form(asked: Option<Output>) -> Output {
    let usual = if stdout().is_terminal() { Output::Table } else { Output::Csv };
    asked.unwrap_or(usual)
}

/// Prints the answer, and gives everything of it but its rows.
fn answer(
    source: &Source,
    farm_id: FarmId,
    query: &Query,
    form: Output,
    arguments: &ReportArguments,
) -> Result<AnswerHead, Failure> {
    let json = source.bytes(farm_id, query, "json")?;
    let answer = source.read(&json)?;
    talking::about(&answer.head, arguments.explain);
    match form {
        Output::Json => {
            print_bytes(&json)?;
            print_as_it_is("\n")?;
        }
        Output::Jsonl => print_as_it_is(&lines::lines(&answer))?,
        Output::Csv => print_as_it_is(&csv::csv(&answer))?,
        Output::Table => print(table(&answer, Shown { metric: arguments.metric, chart: arguments.chart }))?,
    }
    Ok(answer.head)
}

fn status(arguments: &ReportArguments, head: &AnswerHead) -> ExitStatus {
    let cost = head.total.cost.get("sum").and_then(|text| Figure::of_cost(text));
    let limit = arguments.limits.fail_over.as_ref().and_then(|limit| Figure::of_cost(&limit.text));
    if arguments.limits.fail_empty && head.total.sessions == 0 {
        ExitStatus::NothingMatched
    } else if limit.is_some_and(|limit| cost > Some(limit)) {
        ExitStatus::OverLimit
    } else {
        ExitStatus::Success
    }
}
