//! The same view in the usage explorer, whose address has the words of the question.

use std::process::{Command, Stdio};

use farmtally_model::FarmId;

use super::question::{pairs, query_string, rank_name};
use crate::args::ReportArguments;
use crate::output::print;
use crate::report_error::Failure;

/// What opens an address, the first that there is.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// Prints the address and opens it; without a browser somebody else will.
pub(super) fn open(arguments: &ReportArguments, farm_id: FarmId) -> Result<(), Failure> {
    let Some(endpoint) = arguments.folder.published_endpoint() else {
        return Err(Failure::failed(format!("no server has `{}`", arguments.folder.path().display()))
            .hint(format!("`farmtally serve {}` shows the page", arguments.folder.as_flag())));
    };
    let address = address(&endpoint, arguments, farm_id);
    print(&address)?;
    let chosen = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    let openers = chosen.into_iter().chain(OPENERS.map(str::to_owned));
    openers.into_iter().find(|opener| starts(opener, &address));
    Ok(())
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
        .filter(|(name, _)| !["stat", "other", "period"].contains(name));
    parameters.extend(known);
    let period = arguments.question.period.clone().unwrap_or_else(|| "none".to_owned());
    parameters.push(("period", period));
    // The page shows one statistic.
    let stats = arguments.question.stat.iter().flat_map(|stats| stats.split(','));
    parameters.extend(stats.last().map(|stat| ("stat", stat.to_owned())));
    format!("{endpoint}/?{}", query_string(&parameters))
}
