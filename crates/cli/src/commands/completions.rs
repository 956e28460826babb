//! `completions`: what a shell needs to complete our words.

use crate::args::CompletionsArguments;
use crate::configuration::CommandLine;
use crate::output::print_as_it_is;
use crate::report_error::Failure;

/// Prints the script for a shell.
pub(crate) fn run(arguments: &CompletionsArguments, line: &CommandLine) -> Result<(), Failure> {
    let mut program = line.program.clone();
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, name, &mut script);
    print_as_it_is(&String::from_utf8_lossy(&script))
}
