//! `config show`: every setting of `serve`, what it is, and where that comes from.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::configuration::CommandLine;
use crate::output::print;
use crate::report_error::Failure;

/// A setting with a password in it.
const CATALOGUE: &str = "catalogue";
/// What the address of a bucket begins with, which has a key pair in it.
const BUCKET: &[u8] = b"s3://";

/// Prints a line for each setting: `name = value`, and behind `#` the origin.
pub(crate) fn show(line: &CommandLine) -> Result<(), Failure> {
    let matches =
        line.matches.subcommand_matches("config").and_then(|config| config.subcommand_matches("show"));
    let (Some(serve), Some(matches)) = (line.program.find_subcommand("serve"), matches) else {
        return Err(Failure::usage("there is nothing to show"));
    };
    let from_file = line.from_file.as_ref();
    for argument in serve.get_arguments() {
        let Some(name) = argument.get_long().filter(|name| *name != "help") else { continue };
        let id = argument.get_id().as_str();
        let origin = match (matches.value_source(id), from_file) {
            (None, _) => "not set".to_owned(),
            (Some(ValueSource::CommandLine), Some((path, names)))
                if names.iter().any(|known| known == name) =>
            {
                format!("file {}", path.display())
            }
            (Some(ValueSource::CommandLine), _) => format!("flag --{name}"),
            (Some(ValueSource::EnvVariable), _) => {
                format!("environment {}", argument.get_env().unwrap_or_default().to_string_lossy())
            }
            (Some(_), _) => "default".to_owned(),
        };
        print(format_args!("{name} = {}  # {origin}", value(matches, id)))?;
    }
    Ok(())
}

/// As the file would have it.
fn value(matches: &ArgMatches, id: &str) -> String {
    let Some(raw) = matches.get_raw(id) else { return "(none)".to_owned() };
    let is_secret = |value: &std::ffi::OsStr| id == CATALOGUE || value.as_encoded_bytes().starts_with(BUCKET);
    if raw.clone().any(is_secret) {
        return "(hidden)".to_owned();
    }
    let values: Vec<String> = raw.map(|value| quoted(&value.to_string_lossy())).collect();
    match values.as_slice() {
        [single] => single.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn quoted(value: &str) -> String {
    let is_plain = matches!(value, "true" | "false")
        || !value.is_empty() && value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { value.to_owned() } else { format!("\"{}\"", value.escape_default()) }
}
