//! Flags of `key`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use farmtally_model::DisplayName;
use farmtally_service::Role;

use crate::data_folder::DataFolder;
use crate::farm_reference::FarmReference;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print its two export lines
    Create(KeyCreateArguments),
    /// Print id, role, farm, creation, state and name of every key, with tabs between them
    List(KeyListArguments),
    /// Make a key with the name, role and farm of another, which goes on working for a while
    Rotate(KeyRotateArguments),
    /// Stop a key from working, within two seconds on a running server
    Disable(KeyArguments),
    /// Forget a key that was disabled
    Delete(KeyArguments),
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// What the key may do: read statistics, send sessions, or everything
    #[arg(long, value_name = "ROLE", default_value = "reader", value_parser = role_parser())]
    pub(crate) role: Role,
    /// Name or id of the only farm that the key can see [default: all farms]
    #[arg(long, value_name = "NAME")]
    pub(crate) farm: Option<FarmReference>,
    /// What people call the key, such as the program that has it
    #[arg(long, value_name = "NAME", value_parser = DisplayName::new)]
    pub(crate) name: Option<DisplayName>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyListArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct KeyRotateArguments {
    #[command(flatten)]
    pub(crate) key: KeyArguments,
    /// For how many hours the old key goes on working; with 0 it stops at once
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=8_784))]
    pub(crate) overlap_hours: u32,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Id of the key, or its name; of several with that name the one that works and was not rotated, or for delete the one
    /// that does not work
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(|(name, _)| name))
        .try_map(|name| Role::parse(&name).ok_or("use reader, ingester or admin"))
}
