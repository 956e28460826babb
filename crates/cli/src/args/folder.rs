//! Flags of the commands that keep a data folder: `backup`, `restore`, `migrate`, `verify`, `rebuild`, `seal`, `ready`, `verify-audit`.

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
    /// Take the pages of `catalogue.sqlite` for right although they do not match their checksums, because another program, such
    /// as `sqlite3`, had the file open and wrote them; and give up what stands behind damage in its log. Make a copy of the
    /// folder before
    #[arg(long)]
    pub(crate) trust_catalogue: bool,
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

pub(super) const MIGRATE_NOTES: &str = "\
Stop every server first. With `--to-catalogue` and `--to-segments` the records go there, and DEST becomes the folder of one \
server, with the master key that all of its servers need. Without, DEST becomes a data folder. The old place stays as it is. \
Aggregations, whose answers live for an hour, are not moved.";

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Folder that is not there yet or empty
    #[arg(value_name = "DEST")]
    pub(crate) destination: PathBuf,
    /// Empty database for the catalogue that servers are to share, `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(long, value_name = "URL", requires = "to_segments")]
    pub(crate) to_catalogue: Option<String>,
    /// Folder or bucket (`s3://…`) for the segments that servers are to share, the same for all of them
    #[arg(long, value_name = "PLACE", requires = "to_catalogue")]
    pub(crate) to_segments: Option<String>,
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
