//! Texts that somebody else chose, inside HTML.

use std::fmt::{self, Write as _};

/// A text that is shown as itself, in an element or in a quoted attribute, whatever is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Controls, and marks that turn the direction of text around, could make a line read as another.
                hidden if hidden.is_control() || is_direction_mark(hidden) => f.write_char('\u{fffd}')?,
                shown => f.write_char(shown)?,
            }
        }
        Ok(())
    }
}

const fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        Escaped(text).to_string()
    }

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        assert_eq!(escaped("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_eq!(escaped("\" onload='x' &lt;"), "&quot; onload=&#39;x&#39; &amp;lt;");
        assert_eq!(escaped("sh010 comp v12 é 日本"), "sh010 comp v12 é 日本");
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(escaped("a\0b\u{1b}[31m\u{202e}c\r\n"), "a\u{fffd}b\u{fffd}[31m\u{fffd}c\u{fffd}\u{fffd}");
    }

    #[test]
    fn no_text_leaves_its_place() {
        for code in (0..0x3000).filter_map(char::from_u32) {
            let text = escaped(&code.to_string());
            assert!(!text.contains(['<', '>', '"', '\'']), "{code:?}");
            assert!(
                text == "&amp;" || text.starts_with('&') == text.ends_with(';') || code == ';',
                "{code:?}"
            );
        }
    }
}
