//! Words that a POSIX shell reads back as they are.

use std::borrow::Cow;
use std::path::PathBuf;

/// The word, in quotes where the shell would see more than a word in it.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
}

/// This program, so that a shell in any folder finds it: a bare name was found on the PATH, a path is made whole.
pub(crate) fn program() -> String {
    let started_as = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let is_bare = started_as.components().count() == 1;
    let path = if is_bare { started_as } else { std::env::current_exe().unwrap_or(started_as) };
    quoted(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain() {
        for word in ["http://127.0.0.1:8037", "us-west-2", "aB3/+x=", "/srv/farm-1"] {
            assert_eq!(quoted(word), word);
        }
    }

    #[test]
    fn everything_else_is_quoted() {
        for (word, expected) in
            [("", "''"), ("a b", "'a b'"), ("$HOME", "'$HOME'"), ("it's", r"'it'\''s'"), ("~", "'~'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
