//! `ready`: what a supervisor or a container asks, without a key and without a program of its own for it.

use std::time::Duration;

use ureq::Agent;

use crate::args::ReadyArguments;
use crate::output::print;
use crate::report_error::Failure;

/// How long a server that is ready may take to say so.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Asks the server that has the folder.
pub(crate) fn run(arguments: &ReadyArguments) -> Result<(), Failure> {
    let Some(endpoint) = arguments.folder.published_endpoint() else {
        return Err(Failure::failed(format!("no server has `{}`", arguments.folder.path().display())));
    };
    let config = Agent::config_builder().proxy(None).timeout_global(Some(ANSWER_WITHIN));
    let asked = config.build().new_agent().get(format!("{endpoint}/readyz")).call();
    asked.map_err(|error| Failure::caused(format!("the server at `{endpoint}` is not ready"), &error))?;
    print(format_args!("the server at {endpoint} is ready"))
}
