//! What is wrong with a request. Everything is gathered before anything is answered, so that a caller with three
//! mistakes makes one more call and not three.

use std::fmt;

use serde::Serialize;

/// A request that was understood as none, or whose fields break rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValidationError {
    /// The body is no JSON object; nothing in it could be looked at.
    CannotParse {
        /// Why, as a sentence for the caller.
        message: String,
    },
    /// The request is right by itself, and cannot be done as things are.
    Other {
        /// Why, as a sentence for the caller.
        message: String,
    },
    /// Fields that are missing, of the wrong type, or outside their bounds; at least one.
    Fields(Vec<FieldProblem>),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// The field as the service model calls it, such as `resourceIds.queueIds[3]`.
    pub name: String,
    /// The value, its bound, and what to do; it is read beside the name and does not repeat it.
    pub message: String,
}

impl ValidationError {
    /// One field that breaks a rule which only a later stage can check, such as a page token of another farm.
    pub fn field(name: &str, message: &str) -> Self {
        Self::Fields(vec![FieldProblem { name: name.to_owned(), message: message.to_owned() }])
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotParse { message } | Self::Other { message } => f.write_str(message),
            Self::Fields(problems) => write_summary(f, problems),
        }
    }
}

impl std::error::Error for ValidationError {}

fn write_summary(f: &mut fmt::Formatter<'_>, problems: &[FieldProblem]) -> fmt::Result {
    match problems.len() {
        1 => f.write_str("1 field is not valid")?,
        count => write!(f, "{count} fields are not valid")?,
    }
    for (index, FieldProblem { name, message }) in problems.iter().enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        write!(f, "{separator}{name}: {message}")?;
    }
    Ok(())
}

/// The problems found so far in one request.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Notes a problem. The `None` stands for the value that the field does not have.
    pub(crate) fn refuse<T>(&mut self, name: impl Into<String>, message: impl Into<String>) -> Option<T> {
        self.0.push(FieldProblem { name: name.into(), message: message.into() });
        None
    }

    /// Notes a required field that is not there.
    pub(crate) fn refuse_missing<T>(&mut self, name: &str) -> Option<T> {
        self.refuse(name, "a value is required")
    }

    /// Everything that was noted, as one answer.
    pub(crate) fn into_error(self) -> ValidationError {
        ValidationError::Fields(self.0)
    }

    /// `value`, unless a problem was noted.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ValidationError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.into_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_of_a_request_are_in_one_sentence() {
        let mut problems = Problems::default();
        assert_eq!(problems.refuse::<u8>("period", "\"YEARLY\" is not one of HOURLY, DAILY"), None);
        assert_eq!(problems.refuse_missing::<u8>("startTime"), None);
        assert_eq!(
            problems.into_error().to_string(),
            "2 fields are not valid: period: \"YEARLY\" is not one of HOURLY, DAILY; startTime: a value is required"
        );
    }

    #[test]
    fn one_problem_is_counted_as_one() {
        assert_eq!(
            ValidationError::field("nextToken", "the token has expired").to_string(),
            "1 field is not valid: nextToken: the token has expired"
        );
    }
}
