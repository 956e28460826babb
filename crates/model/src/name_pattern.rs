//! Patterns over the names of jobs: one that takes a show or a shot out of them, and one that filters them.
//!
//! Both come from outside, so neither may take longer than the text is long, whatever is written in it.

use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// Most bytes of a pattern or a glob.
pub const PATTERN_BYTES_MAX: usize = 512;

/// Most characters of a pattern's label.
pub const LABEL_LENGTH_MAX: usize = 64;

/// Most memory of a compiled pattern, in bytes, and as much again for what it remembers while it is used.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern, glob or label that we cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than allowed, or empty.
    #[error("the pattern has {length} bytes; 1 to {PATTERN_BYTES_MAX} are allowed")]
    Length {
        /// Bytes found.
        length: usize,
    },
    /// Not a regular expression, or one that takes too much memory.
    #[error("{pattern:?} is no pattern that can be used: {reason}")]
    Unusable {
        /// The pattern.
        pattern: String,
        /// What the library says about it, in one line.
        reason: String,
    },
    /// A label that is empty or too long.
    #[error("the label has {length} characters; 1 to {LABEL_LENGTH_MAX} are allowed")]
    Label {
        /// Characters found.
        length: usize,
    },
}

/// A regular expression that takes a part out of the names of jobs, and what that part is called. Patterns of one text and
/// label are equal.
#[derive(Clone)]
pub struct NamePattern {
    label: Arc<str>,
    expression: Regex,
}

impl NamePattern {
    /// Compiles a pattern. It need not begin at the beginning of a name unless it says so with `^`.
    pub fn new(pattern: &str, label: &str) -> Result<Self, PatternError> {
        check_length(pattern)?;
        let length = label.chars().count();
        if length == 0 || length > LABEL_LENGTH_MAX {
            return Err(PatternError::Label { length });
        }
        let mut builder = RegexBuilder::new(pattern);
        let compiled = builder.size_limit(COMPILED_BYTES_MAX).dfa_size_limit(COMPILED_BYTES_MAX).build();
        let expression = compiled.map_err(|error| PatternError::Unusable {
            pattern: pattern.to_owned(),
            reason: reason(&error),
        })?;
        Ok(Self { label: label.into(), expression })
    }

    /// What is taken out is called.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The regular expression.
    pub fn as_str(&self) -> &str {
        self.expression.as_str()
    }

    /// Whether it has a group, which then is what it takes out.
    pub fn has_group(&self) -> bool {
        self.expression.captures_len() > 1
    }

    /// What the pattern takes out of a name: its first group or, if it has none, all that it matches. `None` when it does
    /// not match, or what it takes out is empty.
    pub fn capture<'n>(&self, name: &'n str) -> Option<&'n str> {
        let found = if self.has_group() {
            self.expression.captures(name)?.get(1)?.as_str()
        } else {
            self.expression.find(name)?.as_str()
        };
        (!found.is_empty()).then_some(found)
    }
}

/// The last line of what the library says, which has the reason; the lines before show the place.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!("it needs more than {COMPILED_BYTES_MAX} bytes of memory; make its repetitions smaller")
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

fn check_length(pattern: &str) -> Result<(), PatternError> {
    let length = pattern.len();
    if length == 0 || length > PATTERN_BYTES_MAX { Err(PatternError::Length { length }) } else { Ok(()) }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.label == other.label && self.as_str() == other.as_str()
    }
}

impl Eq for NamePattern {}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.label, self.as_str())
    }
}

/// A text in which `*` is any text and `?` any character, compared with whole names. Globs of one text and case are equal.
#[derive(Clone)]
pub struct NameGlob {
    text: Arc<str>,
    with_case: bool,
    expression: Regex,
}

impl NameGlob {
    /// A glob that is compared without regard to case.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        Self::compiled(text, false)
    }

    /// A glob for which capitals matter.
    pub fn with_case(text: &str) -> Result<Self, PatternError> {
        Self::compiled(text, true)
    }

    fn compiled(text: &str, with_case: bool) -> Result<Self, PatternError> {
        check_length(text)?;
        let unusable =
            |error: &regex::Error| PatternError::Unusable { pattern: text.to_owned(), reason: reason(error) };
        let mut builder = RegexBuilder::new(&expression_of(text));
        builder.case_insensitive(!with_case).dot_matches_new_line(true);
        let expression = builder.size_limit(COMPILED_BYTES_MAX).dfa_size_limit(COMPILED_BYTES_MAX).build();
        let expression = expression.map_err(|error| unusable(&error))?;
        Ok(Self { text: text.into(), with_case, expression })
    }

    /// The glob as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The regular expression of it, for whole names and without its case.
    pub fn expression(&self) -> &str {
        self.expression.as_str()
    }

    /// Whether a name fits.
    pub fn matches(&self, name: &str) -> bool {
        self.expression.is_match(name)
    }
}

/// The regular expression of a glob. Stars that follow each other are one.
fn expression_of(glob: &str) -> String {
    let mut expression = String::with_capacity(glob.len() + 8);
    expression.push('^');
    let mut after_star = false;
    for character in glob.chars() {
        match character {
            '*' if after_star => {}
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            character => expression.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
        }
        after_star = character == '*';
    }
    expression.push('$');
    expression
}

impl PartialEq for NameGlob {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.with_case) == (&other.text, other.with_case)
    }
}

impl Eq for NameGlob {}

impl fmt::Debug for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_takes_out_its_first_group_or_all_that_it_matches() {
        let show = NamePattern::new("^(?<show>[a-z0-9]+)_", "show").unwrap();
        assert_eq!(show.capture("abc_sh010_comp"), Some("abc"));
        assert_eq!(show.capture("ABC_sh010_comp"), None);
        let shot = NamePattern::new(r"sh\d+", "shot").unwrap();
        assert_eq!(shot.capture("abc_sh010_comp"), Some("sh010"));
        let either = NamePattern::new("^(?:(a)|b)", "either").unwrap();
        assert_eq!((either.capture("a"), either.capture("b")), (Some("a"), None));
        assert_eq!(NamePattern::new("x*", "x").unwrap().capture("abc"), None);
        assert_eq!(NamePattern::new(r"^(\w+)", "word").unwrap().capture("été_sh010"), Some("été_sh010"));
    }

    #[test]
    fn patterns_that_cannot_be_used_say_why() {
        let error = |pattern: &str| NamePattern::new(pattern, "show").unwrap_err().to_string();
        assert_eq!(error("("), "\"(\" is no pattern that can be used: unclosed group");
        assert_eq!(error(""), "the pattern has 0 bytes; 1 to 512 are allowed");
        assert_eq!(error(&"a".repeat(513)), "the pattern has 513 bytes; 1 to 512 are allowed");
        assert!(error(r"(\w{100}){100}").contains("make its repetitions smaller"));
        let label = NamePattern::new("a", "").unwrap_err();
        assert_eq!(label.to_string(), "the label has 0 characters; 1 to 64 are allowed");
    }

    #[test]
    fn a_glob_is_compared_with_whole_names_in_any_case() {
        let fits = |glob: &str, name: &str| NameGlob::new(glob).unwrap().matches(name);
        assert!(fits("*test*", "my Test 1") && fits("test*", "TEST") && fits("*", "anything"));
        assert!(fits("a*b*c", "aXbXc") && !fits("a*b*c", "ac") && !fits("ab*ba", "aba"));
        assert!(fits("É*", "été") && !fits("test", "my test"));
        assert!(fits("a.c", "a.c") && !fits("a.c", "abc") && fits("*", "a\nb") && fits("a*?", "ab\n"));
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        let fits = |glob: &str, name: &str| NameGlob::with_case(glob).unwrap().matches(name);
        for (glob, name) in [
            ("*", ""),
            ("*", "sh010"),
            ("sh*", "sh010 comp"),
            ("*comp", "sh010 comp"),
            ("sh?1*mp", "sh010 comp"),
            ("a*b*c", "aXbXbXc"),
            ("é?", "éß"),
            ("a**", "a"),
        ] {
            assert!(fits(glob, name), "{glob} {name}");
        }
        for (glob, name) in
            [("?", ""), ("sh*", "Sh010"), ("*comp", "sh010 comp2"), ("a*b*c", "aXbXb"), ("a?c", "ac")]
        {
            assert!(!fits(glob, name), "{glob} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let glob = NameGlob::new(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(5000))));
        for longest in ["?".repeat(PATTERN_BYTES_MAX), "*é?".repeat(PATTERN_BYTES_MAX / 4), "ß".repeat(256)]
        {
            assert!(NameGlob::new(&longest).is_ok(), "{longest}");
        }
    }

    /// What a glob means, letter by letter.
    fn matches(glob: &[char], name: &[char]) -> bool {
        match (glob.split_first(), name.split_first()) {
            (None, _) => name.is_empty(),
            (Some(('*', rest)), Some((_, shorter))) => matches(rest, name) || matches(glob, shorter),
            (Some(('*', rest)), None) => matches(rest, name),
            (Some((wanted, rest)), Some((letter, shorter))) => {
                (*wanted == '?' || wanted == letter) && matches(rest, shorter)
            }
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn a_glob_means_what_it_says_letter_by_letter(glob in "[ab*?.]{1,8}", name in "[abAB.\n]{0,10}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = matches(&letters(&glob), &letters(&name));
            prop_assert_eq!(NameGlob::with_case(&glob).unwrap().matches(&name), expected);
            let expected = matches(&letters(&glob), &letters(&name.to_lowercase()));
            prop_assert_eq!(NameGlob::new(&glob).unwrap().matches(&name), expected);
        }
    }
}
