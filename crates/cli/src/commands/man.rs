//! `man`: a manual page for every command, made from the flags themselves.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::args::ManArguments;
use crate::configuration::CommandLine;
use crate::exit::ExitStatus;
use crate::report_error::Failure;
use crate::talk::tell;

/// Writes the pages.
pub(crate) fn run(arguments: &ManArguments, line: &CommandLine) -> Result<(), Failure> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder)
        .map_err(|error| Failure::caused(format!("cannot make `{}`", folder.display()), &error))?;
    let mut program = line.program.clone().disable_help_subcommand(true);
    program.build();
    let pages = write_pages(folder, &program, program.get_name())?;
    tell(format_args!("Wrote {pages} pages into `{}`.", folder.display()));
    Ok(())
}

/// Writes the page of a command and those of its commands, and counts them.
fn write_pages(folder: &Path, command: &Command, name: &str) -> Result<usize, Failure> {
    let path = folder.join(format!("{name}.1"));
    let cannot_write = |error| Failure::caused(format!("cannot write `{}`", path.display()), &error);
    fs::write(&path, page(command, name).map_err(cannot_write)?).map_err(cannot_write)?;
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages += write_pages(folder, subcommand, &format!("{name}-{}", subcommand.get_name()))?;
    }
    Ok(pages)
}

fn page(command: &Command, name: &str) -> Result<Vec<u8>, std::io::Error> {
    let mut page = Vec::new();
    let source = concat!("farmtally ", env!("CARGO_PKG_VERSION"));
    // Titled with what the page is found under, and without a date: the same program gives the same pages.
    Man::new(command.clone()).title(name.to_uppercase()).date("").source(source).render(&mut page)?;
    page.extend_from_slice(exit_section().as_bytes());
    Ok(page)
}

/// The section EXIT STATUS, in the language of manual pages.
fn exit_section() -> String {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    for status in ExitStatus::ALL {
        // Writing into a text does not fail.
        write!(section, ".TP\n\\fB{}\\fR\n{}\n", status.code(), status.meaning()).unwrap_or_default();
    }
    section
}
