//! This program as a POSIX shell finds it, and words that it reads back as they are.

use std::path::PathBuf;

pub(crate) use farmtally_server::quoted;

/// This program, so that a shell in any folder finds it: a bare name was found on the PATH, a path is made whole.
pub(crate) fn program() -> String {
    let started_as = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let is_bare = started_as.components().count() == 1;
    let path = if is_bare { started_as } else { std::env::current_exe().unwrap_or(started_as) };
    quoted(&path.to_string_lossy()).into_owned()
}
