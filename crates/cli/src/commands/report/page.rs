//! The same view in the usage explorer, whose address has the words of the question.

use std::process::{Command, Stdio};

use farmtally_model::FarmId;

use super::question::{pairs, query_string, rank_name};
use crate::args::{QuestionArguments, ReportArguments};
use crate::output::print;
use crate::report_error::Failure;
use crate::talk::tell;

/// What opens an address, the first that there is.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// The statistics that the page has, as the select in its `index.html` does.
const STATISTICS: [&str; 7] = ["sum", "avg", "min", "max", "p50", "p95", "p99"];
/// Most groups in the page's chart.
const TOP_MAX: u64 = 50;

/// Prints the address and opens it; without a browser somebody else will.
pub(super) fn open(arguments: &ReportArguments, farm_id: FarmId) -> Result<(), Failure> {
    check(&arguments.question)?;
    let Some(endpoint) = arguments.folder.published_endpoint() else {
        return Err(Failure::failed(format!("no server has `{}`", arguments.folder.path().display()))
            .hint(format!("`farmtally serve {}` shows the page", arguments.folder.as_flag())));
    };
    for difference in differences(&arguments.question) {
        tell(difference);
    }
    let address = address(&endpoint, arguments, farm_id);
    print(&address)?;
    let chosen = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    let openers = chosen.into_iter().chain(OPENERS.map(str::to_owned));
    openers.into_iter().find(|opener| starts(opener, &address));
    Ok(())
}

/// What the page cannot show at all.
fn check(question: &QuestionArguments) -> Result<(), Failure> {
    let Some(stat) = statistics(question).find(|stat| !STATISTICS.contains(stat)) else { return Ok(()) };
    Err(Failure::usage(format!("the page has no statistic {stat}; it has {}", STATISTICS.join(", ")))
        .hint("leave out `--open` for the answer in the terminal"))
}

/// What the page shows otherwise than it was asked.
fn differences(question: &QuestionArguments) -> Vec<String> {
    let mut differences = Vec::new();
    let stats: Vec<&str> = statistics(question).collect();
    if let [.., last] = stats.as_slice()
        && stats.len() > 1
    {
        differences.push(format!(
            "the page shows one statistic at a time; this is {last}, beside the sums in its table"
        ));
    }
    if question.no_other {
        differences.push(
            "the page has no --no-other: its chart shows the other groups as one, and its table has them"
                .to_owned(),
        );
    }
    if question.top.as_ref().is_some_and(|top| top.parse::<u64>().is_ok_and(|top| top > TOP_MAX)) {
        differences.push(format!("the page's chart has at most {TOP_MAX} groups; its table has more"));
    }
    differences
}

fn statistics(question: &QuestionArguments) -> impl Iterator<Item = &str> {
    question.stat.iter().flat_map(|stats| stats.split(','))
}

fn starts(opener: &str, address: &str) -> bool {
    let mut command = Command::new(opener);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

fn address(endpoint: &str, arguments: &ReportArguments, farm_id: FarmId) -> String {
    let mut parameters =
        vec![("farm", farm_id.to_string()), ("metric", rank_name(arguments.metric).to_owned())];
    let known = pairs(&arguments.question)
        .into_iter()
        .filter(|(name, _)| !["stat", "other"].contains(name))
        // A whole range has steps in the page's chart, as many as fit.
        .filter(|(name, value)| *name != "period" || value != "none")
        .map(|(name, value)| match value.parse::<u64>() {
            Ok(top) if name == "top" && top > TOP_MAX => (name, TOP_MAX.to_string()),
            _ => (name, value),
        });
    parameters.extend(known);
    // The page shows one statistic.
    parameters.extend(statistics(&arguments.question).last().map(|stat| ("stat", stat.to_owned())));
    format!("{endpoint}/?{}", query_string(&parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_are_those_of_the_page() {
        let page = include_str!("../../../../../web/index.html");
        let select = page.split_once("id=\"stat\"").unwrap().1.split_once("</select>").unwrap().0;
        let options: Vec<&str> =
            select.split("value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(options, STATISTICS);
    }

    #[test]
    fn what_the_page_shows_otherwise_is_said() {
        let question = |stat: &str, no_other| QuestionArguments {
            by: Vec::new(),
            stat: vec![stat.to_owned()],
            period: None,
            last: None,
            within: None,
            from: None,
            to: None,
            time_zone: None,
            conditions: Vec::new(),
            pattern: Vec::new(),
            compare: None,
            top: Some("60".to_owned()),
            no_other,
        };
        let refused = check(&question("sum,p90", false)).unwrap_err();
        assert!(format!("{refused:?}").contains("no statistic p90"), "{refused:?}");
        assert!(check(&question("sum,p95", true)).is_ok());
        assert_eq!(differences(&question("sum,p95", true)).len(), 3);
        assert_eq!(differences(&question("p95", false)).len(), 1);
    }
}
