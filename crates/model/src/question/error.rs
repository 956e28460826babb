//! What is wrong with a question, in parts that a program can use and that make a sentence for people.

use std::fmt;

/// The most characters of somebody's own text that an error repeats.
const EXCERPT_CHARS_MAX: usize = 64;

/// One member of a question that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionError {
    /// Where it stands, such as `filters[1].include[0]`.
    pub field: String,
    /// What was given, cut after 64 characters; nothing when something is missing.
    pub value: Option<String>,
    /// What is wrong with it, with the bound.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl QuestionError {
    /// Something that was given and cannot be used.
    pub fn new(field: impl Into<String>, value: impl fmt::Display, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: Some(excerpt(&value.to_string())),
            message: message.into(),
            hint: None,
        }
    }

    /// Something that should have been given.
    pub fn missing(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), value: None, message: message.into(), hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for QuestionError {
    /// `last "30x": not a number of hours …; write 12h, 30d …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(value) = &self.value {
            write!(f, " {value:?}")?;
        }
        write!(f, ": {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for QuestionError {}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_the_field_the_value_the_bound_and_what_to_do() {
        let error = QuestionError::new("top", 0, "1 to 1000 groups are allowed").hint("leave it out for all");
        assert_eq!(error.to_string(), "top \"0\": 1 to 1000 groups are allowed; leave it out for all");
        let error = QuestionError::missing("to", "from needs it");
        assert_eq!(error.to_string(), "to: from needs it");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let error = QuestionError::new("in", "é".repeat(1000), "too long");
        assert_eq!(error.value.unwrap(), format!("{}…", "é".repeat(64)));
    }
}
