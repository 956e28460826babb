//! `credential_process`: a program of the user's that prints credentials as JSON.

use std::process::{Command, Stdio};

use serde_json::Value;
use zeroize::Zeroizing;

use super::Credentials;
use super::error::CredentialsError;

/// A program and its words.
pub(super) struct Process {
    program: String,
    words: Vec<String>,
}

impl Process {
    /// A command as a profile has it: words with blanks between them, and quotes around a word with a blank in it. No shell
    /// has a say in it.
    pub(super) fn parse(command: &str) -> Result<Self, CredentialsError> {
        let mut words = words(command).into_iter();
        match words.next() {
            Some(program) => Ok(Self { program, words: words.collect() }),
            None => Err(CredentialsError::Unreadable { place: "an empty credential_process".to_owned() }),
        }
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    pub(super) fn read(&self) -> Result<Credentials, CredentialsError> {
        let mut command = Command::new(&self.program);
        command.args(&self.words);
        run(&mut command, &self.program)
    }
}

/// Runs a program that prints credentials. Its stderr is the user's, who may have to see to something.
pub(super) fn run(command: &mut Command, program: &str) -> Result<Credentials, CredentialsError> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|cause| CredentialsError::NotRun { program: program.to_owned(), cause })?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let status = output.status.to_string();
        return Err(CredentialsError::Failed { program: program.to_owned(), status });
    }
    let json: Option<Value> = serde_json::from_slice(&printed).ok();
    let json = json.filter(|json| json.get("Version").and_then(Value::as_u64) == Some(1));
    json.as_ref()
        .and_then(Credentials::from_json)
        .ok_or_else(|| CredentialsError::Unreadable { place: format!("`{program}`") })
}

fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_cut_into_words_as_a_shell_would() {
        assert_eq!(words("aws configure  export"), ["aws", "configure", "export"]);
        assert_eq!(
            words(r#""/opt/my tools/get" --role 'a "b"' x\ y """#),
            ["/opt/my tools/get", "--role", "a \"b\"", "x y", ""]
        );
        assert_eq!(words(r#"a'b'"c\"d""#), ["abc\"d"]);
        assert!(words("  ").is_empty());
    }
}
