//! Flags of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

pub(super) const COMPLETIONS_NOTES: &str = "\
Bash: `farmtally completions bash >~/.local/share/bash-completion/completions/farmtally`. Zsh: into a file `_farmtally` \
in a folder of $fpath. Fish: into ~/.config/fish/completions/farmtally.fish. The Debian package brings them along.";

pub(super) const MAN_NOTES: &str = "\
A page is called farmtally-serve.1 or farmtally-farm-create.1. `man -l DIR/farmtally.1` shows one where it is; in \
~/.local/share/man/man1 `man farmtally` finds it.";

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Folder for the pages, made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
