//! The farmtally program: flags, printing and exit codes.
//!
//! Data goes to stdout and talk goes to stderr, so that every command can stand in a pipe. The one fact that hurts when
//! discovered late: a closed pipe is not an error here. [`output::print`] turns it into a quiet end with exit code 0.

mod args;
mod audit;
mod aws_profile;
mod commands;
mod configuration;
mod connection;
mod counted;
mod csv_text;
mod data_folder;
mod engine;
mod exit;
mod farm_reference;
mod file_size_limit;
mod hosting;
mod logging;
mod money_text;
mod otlp;
mod output;
mod page_token;
mod patience;
mod progress;
mod reading;
mod region;
mod report_error;
mod revising;
mod shell;
mod submission_lines;
mod table_text;
mod talk;
mod terminal_text;
mod tls_files;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::Arguments;
use crate::configuration::CommandLine;
use crate::exit::ExitStatus;
use crate::report_error::Failure;

fn main() -> ExitCode {
    let status = run().unwrap_or_else(|failure| {
        failure.report();
        failure.exit_status()
    });
    status.into()
}

fn run() -> Result<ExitStatus, Failure> {
    file_size_limit::survive()?;
    let line = CommandLine::read(std::env::args_os().collect(), Arguments::command())?;
    let arguments = Arguments::from_arg_matches(&line.matches).unwrap_or_else(|error| error.exit());
    commands::run(arguments.command, &line)
}
