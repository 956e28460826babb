//! What a caller sent, cut and cleaned so that it can stand in an error sentence or a log line.

use std::fmt;

/// The most characters of a caller's own text that an error sentence repeats.
const EXCERPT_CHARS_MAX: usize = 128;

/// The beginning of something a caller sent: at most 128 characters, control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl From<&str> for Excerpt {
    fn from(text: &str) -> Self {
        let mut kept = String::new();
        let mut characters = text.chars();
        for character in characters.by_ref().take(EXCERPT_CHARS_MAX) {
            if character.is_control() {
                kept.extend(character.escape_default());
            } else {
                kept.push(character);
            }
        }
        if characters.next().is_some() {
            kept.push('…');
        }
        Self(kept)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(Excerpt::from("é".repeat(128).as_str()).to_string(), "é".repeat(128));
        assert_eq!(Excerpt::from("é".repeat(129).as_str()).to_string(), "é".repeat(128) + "…");
    }

    #[test]
    fn a_control_character_cannot_start_a_new_log_line() {
        assert_eq!(Excerpt::from("a\nb\u{1b}[31m").to_string(), "a\\nb\\u{1b}[31m");
    }
}
