//! One module per command.

mod backup;
mod budget;
mod completions;
mod config;
mod demo;
mod doctor;
mod env;
mod export;
mod farm;
mod import;
mod key;
mod man;
mod migrate;
mod rates;
mod ready;
mod rebuild;
mod report;
mod seal;
mod serve;
mod sync;
mod verify;
mod verify_audit;

use crate::args::{Command, ConfigCommand};
use crate::configuration::CommandLine;
use crate::exit::ExitStatus;
use crate::logging::{self, LogFormat, QUIET};
use crate::report_error::Failure;

/// Does what was asked for.
pub(crate) fn run(command: Command, line: &CommandLine) -> Result<ExitStatus, Failure> {
    match &command {
        Command::Demo(arguments) => logging::start(&arguments.log.filter, arguments.log.format, None)?,
        Command::Serve(arguments) => {
            logging::start(&arguments.log.filter, arguments.log.format, arguments.otlp_endpoint.as_deref())?;
        }
        _ => logging::start(QUIET, LogFormat::Text, None)?,
    }
    let done = |()| ExitStatus::Success;
    match command {
        Command::Demo(arguments) => demo::run(arguments).map(done),
        Command::Serve(arguments) => serve::run(&arguments).map(done),
        Command::Import(arguments) => import::run(&arguments),
        Command::Sync(command) => sync::run(&command),
        Command::Env(arguments) => env::run(&arguments).map(done),
        Command::Farm(command) => farm::run(command).map(done),
        Command::Key(command) => key::run(command).map(done),
        Command::Rates(command) => rates::run(command),
        Command::Budget(command) => budget::run(&command),
        Command::Export(command) => export::run(&command).map(done),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Backup(arguments) => backup::back_up(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Seal(arguments) => seal::run(&arguments).map(done),
        Command::Rebuild(arguments) => rebuild::run(&arguments).map(done),
        Command::Config(ConfigCommand::Show(_)) => config::show(line).map(done),
        Command::Ready(arguments) => ready::run(&arguments).map(done),
        Command::VerifyAudit(arguments) => verify_audit::run(&arguments).map(done),
        Command::Report(arguments) => report::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, line).map(done),
        Command::Man(arguments) => man::run(&arguments, line).map(done),
    }
}
