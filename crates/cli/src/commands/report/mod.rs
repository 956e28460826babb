//! `report`: a question about usage and its answer, in the terminal.
//!
//! Every number is the server's. What is done here is to put flags into a question, and an answer into a table.

mod asking;
mod bars;
mod columns;
mod figures;
mod layout;
mod lines;
mod page;
mod partitions;
mod question;
mod table;
mod talking;

use std::io::{IsTerminal, stdout};

use farmtally_model::FarmId;
use farmtally_service::{Catalogue, Farm};
use farmtally_wire::native::{AnswerHead, Query};

pub(super) use self::partitions::export;

use self::asking::Source;
use self::figures::Figure;
use self::table::{Shown, table};
use crate::args::{Output, ReportArguments, Tool};
use crate::exit::ExitStatus;
use crate::farm_reference::{FarmReference, all_farms};
use crate::output::{print, print_as_it_is, print_bytes};
use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Asks, and prints.
pub(crate) fn run(arguments: &ReportArguments) -> Result<ExitStatus, Failure> {
    let needs_sum = arguments.limits.fail_over.is_some();
    let query = question::query(&arguments.question, arguments.metric, needs_sum)?;
    let catalogue = arguments.folder.existing()?;
    let farm = farm(arguments.farm.as_ref(), &catalogue)?;
    if arguments.open {
        return page::open(arguments, farm.farm_id).map(|()| ExitStatus::Success);
    }
    let form = form(arguments.output, arguments.chart)?;
    let source = Source::open(&arguments.folder, &catalogue)?;
    if let Some(tool) = arguments.other_tool {
        return for_other_tool(tool, &source, &query, arguments, farm.farm_id);
    }
    let head = answer(&source, farm.farm_id, &query, form, arguments)?;
    Ok(status(arguments, &head))
}

/// Prints the question for another tool, as the server writes it.
fn for_other_tool(
    tool: Tool,
    source: &Source,
    query: &Query,
    arguments: &ReportArguments,
    farm_id: FarmId,
) -> Result<ExitStatus, Failure> {
    let head = source.read(&source.bytes(farm_id, &whole(query), "json")?)?.head;
    talking::about(&head, arguments.explain);
    if let Some(left_out) = left_out(tool, query) {
        tell(left_out);
    }
    let text = source.text(farm_id, query, name_of(tool), arguments.folder.path())?;
    print(text)?;
    Ok(ExitStatus::Success)
}

/// What the API calls a tool.
const fn name_of(tool: Tool) -> &'static str {
    match tool {
        Tool::Boto3 => "boto3",
        Tool::Aws => "aws",
        Tool::Curl => "curl",
        Tool::Sql => "sql",
    }
}

/// What a text for a tool leaves out of the question, for people to know.
fn left_out(tool: Tool, query: &Query) -> Option<String> {
    if tool == Tool::Curl {
        return None;
    }
    let top = query.top.map(|top| format!("all groups and not only the first {top}"));
    let is_compared = query.compare.as_deref().is_some_and(|compare| compare != "none");
    let compared =
        is_compared.then(|| "the range alone, without the one that it is compared with".to_owned());
    let parts: Vec<String> = top.into_iter().chain(compared).collect();
    (!parts.is_empty())
        .then(|| format!("this asks for {}; `--as curl` asks for all of it", parts.join(", and for ")))
}

/// The farm that was named, or the only one.
fn farm(named: Option<&FarmReference>, catalogue: &Catalogue) -> Result<Farm, Failure> {
    if let Some(reference) = named {
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

/// The form of the answer; a terminal would make nothing of the binary ones, and bars are drawn in a table alone.
fn form(asked: Option<Output>, chart: bool) -> Result<Output, Failure> {
    let is_terminal = stdout().is_terminal();
    match asked {
        Some(form) if chart && form != Output::Table => {
            Err(Failure::usage("bars are drawn in a table, and another form is asked for")
                .hint("leave out `--chart` or `--output`"))
        }
        None if chart => Ok(Output::Table),
        Some(Output::Parquet | Output::Arrow) if is_terminal => {
            Err(Failure::usage("that form is binary, and the output is a terminal")
                .hint("send it into a file with `>`"))
        }
        Some(form) => Ok(form),
        None if is_terminal => Ok(Output::Table),
        None => Ok(Output::Csv),
    }
}

/// Prints the answer, and gives everything of it but its rows.
fn answer(
    source: &Source,
    farm_id: FarmId,
    query: &Query,
    form: Output,
    arguments: &ReportArguments,
) -> Result<AnswerHead, Failure> {
    if let Some(name) = name_of_bytes(form) {
        let head = source.read(&source.bytes(farm_id, &whole(query), "json")?)?.head;
        talking::about(&head, arguments.explain);
        print_bytes(&source.bytes(farm_id, query, name)?)?;
        return Ok(head);
    }
    let json = source.bytes(farm_id, query, "json")?;
    let answer = source.read(&json)?;
    talking::about(&answer.head, arguments.explain);
    match form {
        Output::Json => {
            print_bytes(&json)?;
            print_as_it_is("\n")?;
        }
        Output::Jsonl => print_as_it_is(&lines::lines(&answer))?,
        _ => print(table(&answer, Shown { metric: arguments.metric, chart: arguments.chart }))?,
    }
    Ok(answer.head)
}

/// Forms that are printed as they come from the server.
const fn name_of_bytes(form: Output) -> Option<&'static str> {
    match form {
        Output::Csv => Some("csv"),
        Output::Parquet => Some("parquet"),
        Output::Arrow => Some("arrow"),
        Output::Table | Output::Json | Output::Jsonl => None,
    }
}

/// The same question in no more groups than it takes to count what it counts (volumes are in it if its groups are of usage
/// types): what is told beside a form that has rows alone.
fn whole(query: &Query) -> Query {
    Query {
        period: None,
        compare: None,
        statistics: Vec::new(),
        top: (!query.group_by.is_empty()).then_some(1),
        other: None,
        ..query.clone()
    }
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
