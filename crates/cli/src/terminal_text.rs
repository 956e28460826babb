//! Text from elsewhere, made safe for a terminal: a job may be called whatever its owner liked, escape codes included.

use std::borrow::Cow;

/// The text with control characters and direction marks escaped, so that it stays on one line and in one column and commands nothing.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_obeyed) { escaped(text, |_| false).into() } else { text.into() }
}

/// The text with control characters and direction marks escaped except the ends of its lines.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let is_unsafe = |character: char| is_obeyed(character) && character != '\n';
    if text.chars().any(is_unsafe) {
        escaped(text, |character| character == '\n').into()
    } else {
        text.into()
    }
}

/// What a terminal does something about: controls, and marks that turn the direction of text around.
fn is_obeyed(character: char) -> bool {
    let is_direction_mark =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || is_direction_mark
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_obeyed(character) && !keep(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(one_line("a\tb\u{1b}[31mc\n"), "a\\tb\\u{1b}[31mc\\n");
        assert_eq!(lines("a\n\u{9b}b"), "a\n\\u{9b}b");
        assert_eq!(one_line("\u{202e}gnp.exe"), "\\u{202e}gnp.exe");
    }

    #[test]
    fn other_text_passes_unchanged() {
        assert!(matches!(one_line("é “plain”"), Cow::Borrowed("é “plain”")));
        assert!(matches!(lines("two\nlines"), Cow::Borrowed("two\nlines")));
    }
}
