//! Flags of the commands that keep a data folder: `backup`, `restore`, `verify`, `rebuild`, `seal`, `ready`, `verify-audit`.

use std::path::PathBuf;

use clap::Args;

use crate::data_folder::DataFolder;

pub(super) const VERIFY_NOTES: &str = "\
It prints a line of figures for each farm, and a line for each thing that is wrong, with the name of the file. \
Exit code 0: everything agrees. 1: something does not.";

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct RebuildArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

pub(super) const BACKUP_NOTES: &str = "\
The copy is a data folder: it can be verified, served, and read as Parquet. It holds `master.key`, which opens the \
secrets of all access keys: keep it as safe as the folder itself.";

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Folder for the copy, which is not there yet or empty
    #[arg(value_name = "DEST")]
    pub(crate) destination: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// The data folder that it becomes, which is not there yet or empty
    #[arg(value_name = "DIR")]
    pub(crate) destination: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct ReadyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Hash of an entry that was written down elsewhere; it has to be there still
    #[arg(long, value_name = "HASH")]
    pub(crate) known: Option<String>,
}
