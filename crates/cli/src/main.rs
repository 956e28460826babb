//! The farmtally program: flags, printing and exit codes.
//!
//! Data goes to stdout and talk goes to stderr, so that every command can stand in a pipe. The one fact that hurts when
//! discovered late: a closed pipe is not an error here. [`output::print`] turns it into a quiet end with exit code 0.

mod args;
mod commands;
mod connection;
mod data_folder;
mod exit;
mod farm_reference;
mod hosting;
mod logging;
mod output;
mod page_token;
mod progress;
mod region;
mod report_error;
mod shell;
mod submission_lines;
mod talk;
mod terminal_text;
mod tls_files;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let status = match commands::run(arguments.command) {
        Ok(status) => status,
        Err(failure) => {
            failure.report();
            failure.exit_status()
        }
    };
    status.into()
}
