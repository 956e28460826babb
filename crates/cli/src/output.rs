//! Data to stdout, talk to stderr.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::report_error::Failure;

/// Writes text and a line end to stdout, at once.
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| not_printed(&error))
}

/// Writes text to stdout byte by byte, without a line end of its own.
pub(crate) fn print_as_it_is(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to stdout.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| not_printed(&error))
}

fn not_printed(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::caused("cannot write to the standard output", error),
    }
}
