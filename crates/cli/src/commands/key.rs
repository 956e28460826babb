//! `key`: access keys, made, rotated and taken back beside a running server.

use farmtally_model::Timestamp;
use farmtally_service::{AccessKeySummary, Catalogue, Clock, KeyAdministration, SystemClock};

use crate::args::{KeyArguments, KeyCommand, KeyCreateArguments, KeyListArguments, KeyRotateArguments};
use crate::audit;
use crate::commands::env::KeyLines;
use crate::output::print;
use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

const HOUR_MS: i64 = 3_600_000;

/// Does what was asked for.
pub(crate) fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(arguments) => create(&arguments),
        KeyCommand::List(arguments) => list(&arguments),
        KeyCommand::Rotate(arguments) => rotate(&arguments),
        KeyCommand::Disable(arguments) => disable(&arguments),
        KeyCommand::Delete(arguments) => delete(&arguments),
    }
}

fn create(arguments: &KeyCreateArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm = arguments.farm.as_ref().map(|farm| farm.existing(&catalogue)).transpose()?;
    let keys = KeyAdministration::new(&catalogue);
    let farm_id = farm.map(|farm| farm.farm_id);
    let credential = keys.create(arguments.role, farm_id, now())?;
    if let Some(name) = &arguments.name {
        keys.set_name(&credential.caller.access_key_id, name)?;
    }
    let farm = farm_id.map_or_else(|| "all farms".to_owned(), |farm_id| farm_id.to_string());
    let detail = format!("role {}, {farm}", arguments.role.as_str());
    audit::note(&catalogue, "key.create", &credential.caller.access_key_id, &detail)?;
    print(KeyLines(&credential))?;
    tell("The secret is shown this once.");
    Ok(())
}

fn list(arguments: &KeyListArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let now = now();
    KeyAdministration::new(&catalogue).list()?.iter().try_for_each(|key| print(key_line(key, now)))
}

fn key_line(key: &AccessKeySummary, now: Timestamp) -> String {
    let farm = key.farm_id.map_or_else(|| "all farms".to_owned(), |farm_id| farm_id.to_string());
    let state = state(key, now);
    let name = key.name.as_ref().map_or("-".into(), |name| one_line(name.as_str()));
    format!("{}\t{}\t{farm}\t{}\t{state}\t{name}", key.access_key_id, key.role.as_str(), key.created_at)
}

fn state(key: &AccessKeySummary, now: Timestamp) -> String {
    match key.disabled_at {
        None => "works".to_owned(),
        Some(at) if key.works_at(now) => format!("works until {at}"),
        Some(at) => format!("disabled {at}"),
    }
}

fn rotate(arguments: &KeyRotateArguments) -> Result<(), Failure> {
    let catalogue = arguments.key.folder.existing()?;
    let now = now();
    let access_key_id = arguments.key.access_key_id(&catalogue, now, Meant::TheActive)?;
    let until = Timestamp::from_millis_clamped(now.millis() + i64::from(arguments.overlap_hours) * HOUR_MS);
    let rotated = KeyAdministration::new(&catalogue).rotate(&access_key_id, until, now)?;
    let credential = rotated.ok_or_else(|| arguments.key.no_working_key())?;
    let detail = format!("takes the place of {access_key_id}, which works until {until}");
    audit::note(&catalogue, "key.rotate", &credential.caller.access_key_id, &detail)?;
    print(KeyLines(&credential))?;
    let end =
        if arguments.overlap_hours == 0 { "no longer works".into() } else { format!("works until {until}") };
    tell(format_args!("The secret is shown this once. {access_key_id} {end}."));
    Ok(())
}

fn disable(arguments: &KeyArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let now = now();
    let access_key_id = arguments.access_key_id(&catalogue, now, Meant::TheActive)?;
    let keys = KeyAdministration::new(&catalogue);
    if !keys.disable(&access_key_id, now)? {
        return Err(arguments.no_working_key());
    }
    audit::note(&catalogue, "key.disable", &access_key_id, "")?;
    tell_of_namesakes(&keys.list()?, arguments, now);
    Ok(())
}

/// Whoever takes a name's key back after a leak has to hear that the one before its rotation goes on working.
fn tell_of_namesakes(keys: &[AccessKeySummary], arguments: &KeyArguments, now: Timestamp) {
    for key in arguments.namesakes(keys).filter(|key| key.works_at(now)) {
        let disable = format!("farmtally key disable {} {}", arguments.folder.as_flag(), key.access_key_id);
        tell(format_args!(
            "{} of the same name {}: `{disable}` stops it too.",
            key.access_key_id,
            state(key, now)
        ));
    }
}

fn delete(arguments: &KeyArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let keys = KeyAdministration::new(&catalogue);
    let now = now();
    let access_key_id = arguments.access_key_id(&catalogue, now, Meant::ThePast)?;
    if keys.delete(&access_key_id, now)? {
        return audit::note(&catalogue, "key.delete", &access_key_id, "");
    }
    let is_there = keys.list()?.iter().any(|key| key.access_key_id == access_key_id);
    if !is_there {
        return Err(arguments.no_key("access key"));
    }
    let disable = format!("farmtally key disable {} {access_key_id}", arguments.folder.as_flag());
    Err(Failure::failed(format!("access key `{}` still works", arguments.key))
        .hint(format!("stop it first: `{disable}`")))
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

/// Which of several keys of one name is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// The one that works and goes on working: the others were rotated or disabled.
    TheActive,
    /// The one that does not work any more.
    ThePast,
}

impl KeyArguments {
    /// The key's id. What is nobody's name is taken for an id.
    fn access_key_id(&self, catalogue: &Catalogue, now: Timestamp, meant: Meant) -> Result<String, Failure> {
        let keys = KeyAdministration::new(catalogue).list()?;
        let namesakes: Vec<&AccessKeySummary> = self.namesakes(&keys).collect();
        let is_meant = |key: &&&AccessKeySummary| match meant {
            Meant::TheActive => key.disabled_at.is_none(),
            Meant::ThePast => !key.works_at(now),
        };
        let meant: Vec<&AccessKeySummary> = namesakes.iter().filter(is_meant).copied().collect();
        match (&namesakes[..], &meant[..]) {
            ([], _) => Ok(self.key.clone()),
            ([key], _) | (_, [key]) => Ok(key.access_key_id.clone()),
            _ => Err(self.ambiguous(&namesakes, now)),
        }
    }

    /// The keys that are called so.
    fn namesakes<'a>(&self, keys: &'a [AccessKeySummary]) -> impl Iterator<Item = &'a AccessKeySummary> {
        keys.iter().filter(|key| key.name.as_ref().is_some_and(|name| name.as_str() == self.key))
    }

    fn ambiguous(&self, namesakes: &[&AccessKeySummary], now: Timestamp) -> Failure {
        let states: Vec<String> =
            namesakes.iter().map(|key| format!("{} ({})", key.access_key_id, state(key, now))).collect();
        Failure::failed(format!("several keys are called `{}`: {}", self.key, states.join(", ")))
            .hint("name one by its id")
    }

    fn no_working_key(&self) -> Failure {
        self.no_key("working access key")
    }

    fn no_key(&self, what: &str) -> Failure {
        Failure::failed(format!("there is no {what} `{}`", self.key)).hint(self.see_list())
    }

    fn see_list(&self) -> String {
        format!("`farmtally key list {}` shows them all", self.folder.as_flag())
    }
}
