//! `key`: access keys, made and disabled beside a running server.

use farmtally_service::{AccessKeySummary, Clock, KeyAdministration, SystemClock};

use crate::args::{KeyCommand, KeyCreateArguments, KeyDisableArguments, KeyListArguments};
use crate::commands::env::KeyLines;
use crate::output::print;
use crate::report_error::Failure;
use crate::talk::tell;

/// Does what was asked for.
pub(crate) fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(arguments) => create(&arguments),
        KeyCommand::List(arguments) => list(&arguments),
        KeyCommand::Disable(arguments) => disable(&arguments),
    }
}

fn create(arguments: &KeyCreateArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm = arguments.farm.as_ref().map(|farm| farm.existing(&catalogue)).transpose()?;
    let keys = KeyAdministration::new(&catalogue);
    let farm_id = farm.map(|farm| farm.farm_id);
    let credential = keys.create(arguments.role, farm_id, SystemClock::default().now())?;
    print(KeyLines(&credential))?;
    tell("The secret is shown this once.");
    Ok(())
}

fn list(arguments: &KeyListArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    KeyAdministration::new(&catalogue).list()?.iter().try_for_each(|key| print(key_line(key)))
}

fn key_line(key: &AccessKeySummary) -> String {
    let farm = key.farm_id.map_or_else(|| "all farms".to_owned(), |farm_id| farm_id.to_string());
    let state = key.disabled_at.map_or_else(|| "works".to_owned(), |at| format!("disabled {at}"));
    format!("{}\t{}\t{farm}\t{}\t{state}", key.access_key_id, key.role.as_str(), key.created_at)
}

fn disable(arguments: &KeyDisableArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let now = SystemClock::default().now();
    if KeyAdministration::new(&catalogue).disable(&arguments.access_key_id, now)? {
        return Ok(());
    }
    Err(Failure::failed(format!("there is no working access key `{}`", arguments.access_key_id))
        .hint(format!("`farmtally key list {}` shows them all", arguments.folder.as_flag())))
}
