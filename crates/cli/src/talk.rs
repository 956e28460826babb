//! Talk goes to stderr, where a pipe does not see it.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes text and a line end to stderr. If nobody listens there, there is nobody to tell.
pub(crate) fn tell(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
