//! A caller's own text inside an error sentence: quoted, escaped, and never longer than anybody wants to read.

/// The most characters of a caller's text that a sentence repeats.
const EXCERPT_CHARS_MAX: usize = 64;

/// The text in quotes with control characters escaped, cut after 64 characters.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(quoted(&"é".repeat(64)), format!("\"{}\"", "é".repeat(64)));
        assert_eq!(quoted(&"é".repeat(65)), format!("\"{}\"…", "é".repeat(64)));
    }

    #[test]
    fn quotes_and_control_characters_are_escaped() {
        assert_eq!(quoted("a\"\n\u{1b}"), r#""a\"\n\u{1b}""#);
    }
}
