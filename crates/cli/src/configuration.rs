//! Settings of `serve` from a file: what is in neither the flags nor the environment is taken from there.
//!
//! A setting of the file becomes a flag before the flags are read, so that it is checked by the same rules and refused
//! with the same words.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, ArgMatches, Command};
use toml::Value;

use crate::data_folder;
use crate::report_error::Failure;

const FLAG: &str = "--config";
pub(crate) const VARIABLE: &str = "FARMTALLY_CONFIG";

/// The command line as it was understood, the file included.
#[derive(Debug)]
pub(crate) struct CommandLine {
    /// Every command and flag.
    pub(crate) program: Command,
    /// What was said.
    pub(crate) matches: ArgMatches,
    /// The flags that came from the file, without their hyphens, and the file.
    pub(crate) from_file: Option<(PathBuf, Vec<String>)>,
}

impl CommandLine {
    /// Reads the words of a command line, the program's name first. One that is wrong, or that asks for help, ends here.
    pub(crate) fn read(words: Vec<OsString>, program: Command) -> Result<Self, Failure> {
        let Configured { words, from_file } = with_file(words, &program)?;
        let matches = program.clone().try_get_matches_from(&words);
        let matches =
            matches.unwrap_or_else(|error| with_the_folders_variable(error, named(&words, &program)).exit());
        Ok(Self { program, matches, from_file })
    }
}

/// The command that the words name, the program itself if it is none.
fn named<'a>(words: &[OsString], program: &'a Command) -> &'a Command {
    let deeper = |command: &'a Command, word| command.find_subcommand(word).ok_or(command);
    words.iter().skip(1).try_fold(program, deeper).unwrap_or_else(|command| command)
}

/// The error with the other way to name the folder, if the folder is what is missing and the command has that way.
fn with_the_folders_variable(mut error: clap::Error, command: &Command) -> clap::Error {
    let is_read =
        command.get_arguments().any(|argument| argument.get_env() == Some(data_folder::VARIABLE.as_ref()));
    let is_folder = |argument: &str| argument.starts_with(data_folder::FLAG);
    let lacks_folder = match (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue)) {
        (Some(ContextValue::Strings(missing)), _) => missing.iter().any(|argument| is_folder(argument)),
        (Some(ContextValue::String(argument)), Some(ContextValue::String(given))) => {
            given.is_empty() && is_folder(argument)
        }
        _ => false,
    };
    if is_read && lacks_folder {
        let (flag, variable) = (data_folder::FLAG, data_folder::VARIABLE);
        let tip = format!("the environment variable {variable} names the folder where {flag} is left out");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The words of the command line with those of the file among them.
#[derive(Debug)]
struct Configured {
    words: Vec<OsString>,
    from_file: Option<(PathBuf, Vec<String>)>,
}

/// Adds what the configuration file says, if the command is one that reads it and there is a file.
fn with_file(words: Vec<OsString>, program: &Command) -> Result<Configured, Failure> {
    let unchanged = |words| Ok(Configured { words, from_file: None });
    let Some(depth) = depth_of_serve(&words) else { return unchanged(words) };
    let Some(path) = named_file(&words) else { return unchanged(words) };
    let Some(serve) = program.find_subcommand("serve") else { return unchanged(words) };
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error))?;
    let settings = read(&text, &path, serve)?;
    let missing: Vec<_> = settings.into_iter().filter(|(name, _)| !is_given(name, &words, serve)).collect();
    let names = missing.iter().map(|(name, _)| name.clone()).collect();
    let added = missing.into_iter().flat_map(|(_, words)| words);
    let (before, after) = words.split_at(depth);
    let words = before.iter().cloned().chain(added).chain(after.iter().cloned()).collect();
    Ok(Configured { words, from_file: Some((path, names)) })
}

/// How many words come before the flags of `serve` or `config show`.
fn depth_of_serve(words: &[OsString]) -> Option<usize> {
    let word = |index: usize| words.get(index).and_then(|word| word.to_str());
    match (word(1), word(2)) {
        (Some("serve"), _) => Some(2),
        (Some("config"), Some("show")) => Some(3),
        _ => None,
    }
}

fn named_file(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter().skip_while(|word| !is_flag(word, FLAG));
    match words.next().and_then(|word| word.to_str()) {
        None => std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from),
        Some(word) => match word.split_once('=') {
            Some((_, path)) => Some(path.into()),
            None => words.next().map(PathBuf::from),
        },
    }
}

fn is_flag(word: &OsStr, flag: &str) -> bool {
    word.to_str().is_some_and(|word| {
        word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Whether a flag is on the command line or in the environment.
fn is_given(name: &str, words: &[OsString], serve: &Command) -> bool {
    let flag = format!("--{name}");
    let variable = serve.get_arguments().find(|argument| argument.get_long() == Some(name));
    let variable = variable.and_then(|argument| argument.get_env());
    words.iter().any(|word| is_flag(word, &flag))
        || variable.is_some_and(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()))
}

/// The words of each setting.
fn read(text: &str, path: &Path, serve: &Command) -> Result<BTreeMap<String, Vec<OsString>>, Failure> {
    let in_file = |message: String| Failure::failed(format!("`{}`: {message}", path.display()));
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| in_file(error.message().to_owned()))?;
    let settings = table.into_iter().map(|(name, value)| {
        let argument = serve.get_arguments().find(|argument| argument.get_long() == Some(&name));
        let Some(argument) = argument.filter(|_| !is_flag(format!("--{name}").as_ref(), FLAG)) else {
            return Err(in_file(format!("there is no setting `{name}`")).hint(known(serve)));
        };
        let takes_value = !matches!(argument.get_action(), ArgAction::SetTrue);
        let kind = if takes_value { "a text, a number or a list of them" } else { "true or false" };
        let words = words_of(&name, &value, takes_value)
            .ok_or_else(|| in_file(format!("`{name}` is {}; it has to be {kind}", value.type_str())))?;
        Ok((name, words))
    });
    settings.collect()
}

fn words_of(name: &str, value: &Value, takes_value: bool) -> Option<Vec<OsString>> {
    let word = |value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => return None,
        };
        Some(OsString::from(format!("--{name}={text}")))
    };
    match (takes_value, value) {
        (false, Value::Boolean(is_set)) => {
            Some(is_set.then(|| OsString::from(format!("--{name}"))).into_iter().collect())
        }
        (true, Value::Array(values)) => values.iter().map(word).collect(),
        (true, value) => word(value).map(|word| vec![word]),
        (false, _) => None,
    }
}

fn known(serve: &Command) -> String {
    let names: Vec<&str> = serve
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| *name != "config" && *name != "help")
        .collect();
    format!("the settings are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::CommandFactory;

    fn configured(text: &str, words: &str) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("farmtally.toml");
        fs::write(&path, text).unwrap();
        let words =
            words
                .split_whitespace()
                .map(OsString::from)
                .chain([format!("--config={}", path.display()).into()]);
        let configured =
            with_file(words.collect(), &Arguments::command()).map_err(|failure| failure.to_string())?;
        let (_, names) = configured.from_file.unwrap();
        Ok(names)
    }

    #[test]
    fn a_flag_goes_before_the_file() {
        let text = "listen = \"127.0.0.1:1\"\nbehind-tls-proxy = true\naggregation-rows-max = 5\n";
        assert_eq!(
            configured(text, "farmtally serve --listen=127.0.0.1:2").unwrap(),
            ["aggregation-rows-max", "behind-tls-proxy"]
        );
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for (text, problem) in [
            ("listn = 1", "there is no setting `listn`"),
            ("config = \"x\"", "there is no setting `config`"),
            ("behind-tls-proxy = \"yes\"", "`behind-tls-proxy` is string; it has to be true or false"),
            ("listen = 1.5", "`listen` is float"),
            ("listen = ", "farmtally.toml`: "),
        ] {
            let failure = configured(text, "farmtally serve").unwrap_err();
            assert!(failure.contains(problem), "{failure}");
        }
    }

    #[test]
    fn other_commands_read_no_file() {
        let words = ["farmtally", "env", "--config=/nowhere"].map(OsString::from).to_vec();
        assert!(with_file(words, &Arguments::command()).unwrap().from_file.is_none());
    }
}
