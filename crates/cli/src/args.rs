//! Every flag of every command. What a flag means is checked here, so that a command never sees a wrong one.

mod address;
pub(crate) mod budget;
mod demo;
mod doctor;
mod engine;
mod env;
pub(crate) mod export;
mod farm;
mod folder;
mod import;
mod key;
mod manual;
mod number;
pub(crate) mod rates;
mod report;
mod serve;
pub(crate) mod sync;
mod time;

use clap::{Parser, Subcommand};

use budget::BudgetCommand;
use export::ExportCommand;
use rates::RatesCommand;
use sync::SyncCommand;

pub(crate) use address::LISTEN_DEFAULT;
pub(crate) use demo::DemoArguments;
pub(crate) use doctor::DoctorArguments;
pub(crate) use engine::{Engine, EngineArguments};
pub(crate) use env::EnvArguments;
pub(crate) use farm::{
    FarmArguments, FarmCommand, FarmCreateArguments, FarmListArguments, FarmSetArguments, Keep,
};
pub(crate) use folder::{
    BackupArguments, MigrateArguments, ReadyArguments, RebuildArguments, RestoreArguments, SealArguments,
    VerifyArguments, VerifyAuditArguments,
};
pub(crate) use import::{ImportArguments, ImportCommand};
pub(crate) use key::{KeyArguments, KeyCommand, KeyCreateArguments, KeyListArguments, KeyRotateArguments};
pub(crate) use manual::{CompletionsArguments, ManArguments};
pub(crate) use report::{Metric, Output, QuestionArguments, ReportArguments, Tool};
pub(crate) use serve::{ConfigCommand, ServeArguments};

/// Usage and cost statistics for render farms, behind AWS Deadline Cloud's own API.
#[derive(Debug, Parser)]
#[command(name = "farmtally", version, max_term_width = 100, after_help = START_HERE)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const START_HERE: &str = "\
Start with `farmtally demo`: it makes a sample farm, serves it, and prints what to paste into boto3 or the AWS CLI.
Data goes to stdout and talk goes to stderr. Exit codes: 0 done, 1 failed, 2 called wrongly; `farmtally man` has the others.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a sample farm, serve it, and print what to try; nothing leaves this machine
    Demo(DemoArguments),
    /// Serve the AWS-compatible API and the usage explorer
    Serve(Box<ServeArguments>),
    /// Load sessions from files and from other farms, beside a running server too
    #[command(after_help = import::NOTES)]
    Import(ImportCommand),
    /// Group cost, runtime and sessions: tables, bars, JSON, CSV, Parquet
    #[command(after_help = report::NOTES)]
    Report(Box<ReportArguments>),
    /// Copy a farm from where it is, once or again and again, beside a running server too
    #[command(subcommand)]
    Sync(SyncCommand),
    /// Print what boto3, the AWS CLI and the SDKs need to reach the server
    #[command(after_help = env::NOTES)]
    Env(EnvArguments),
    /// Look at folder, server, clock, names and keys, and say how to mend what is wrong
    #[command(after_help = doctor::NOTES)]
    Doctor(DoctorArguments),
    /// Make, list and change farms
    #[command(subcommand)]
    Farm(FarmCommand),
    /// Make, list, rotate, disable and delete access keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Set, show and explain the rates that price sessions; price anew; spread a bill
    #[command(subcommand)]
    Rates(RatesCommand),
    /// Set what may be spent, say how it stands, and tell webhooks
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Write FOCUS, sessions or reports for others, as CSV, JSON Lines or Parquet
    #[command(subcommand)]
    Export(ExportCommand),
    /// Copy a folder as it is at one instant, beside a running server too, and read it back
    #[command(after_help = folder::BACKUP_NOTES)]
    Backup(BackupArguments),
    /// Make a data folder of a backup, and read it back
    Restore(RestoreArguments),
    /// Move a store from a folder to servers that share it, or back, and read it back
    #[command(after_help = folder::MIGRATE_NOTES)]
    Migrate(MigrateArguments),
    /// Compare every checksum and every count of a folder that no server has
    #[command(after_help = folder::VERIFY_NOTES)]
    Verify(VerifyArguments),
    /// Make anew what is derived from the sessions of a folder that no server has
    Rebuild(RebuildArguments),
    /// Write ended sessions as Parquet files now, in a folder that no server has
    Seal(SealArguments),
    /// Say what the settings of `serve` are and where each comes from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the folder's server whether it is ready; exits with 1 when it is not
    Ready(ReadyArguments),
    /// Check that nobody changed the folder's audit log
    VerifyAudit(VerifyAuditArguments),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = manual::COMPLETIONS_NOTES)]
    Completions(CompletionsArguments),
    /// Write the manual page of every command into a folder
    #[command(after_help = manual::MAN_NOTES)]
    Man(ManArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
