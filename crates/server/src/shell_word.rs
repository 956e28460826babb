//! Words that a POSIX shell reads back as they are.

use std::borrow::Cow;

/// The word, in quotes where the shell would see more than a word in it.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=+,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''")).into()
    }
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
