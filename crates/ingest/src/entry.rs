//! What a reader says about each record of its source.

use std::fmt;
use std::io;

use farmtally_model::Submission;

use crate::limits::{EXCERPT_CHARS_MAX, MESSAGE_CHARS_MAX};

/// One record of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A session or volume that keeps the contract.
    Submission {
        /// The line it starts on, from 1; the row's number in a Parquet file.
        line: u64,
        /// The record, not yet priced.
        submission: Submission,
    },
    /// A record that breaks the contract. Reading goes on after it.
    Rejected(Reject),
    /// A row that is no session, by the rules of its source.
    Skipped {
        /// The line it is on, from 1.
        line: u64,
        /// Why it is none.
        reason: SkipReason,
    },
}

/// A record that breaks the contract, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line at fault, from 1; the row's number in a Parquet file.
    pub line: u64,
    /// The member or column at fault, such as `usage[1].costInUsd`, or `row` for the line as a whole.
    pub field: String,
    /// The value that was found, shortened when long; empty when it is missing.
    pub value: String,
    /// What is wrong with it, and the bound.
    pub message: String,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, {}: {}", self.line, self.field, self.message)
    }
}

/// Why a row of a foreign source is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The job never started: it had no start time or no worker.
    NeverStarted,
    /// The row is a step inside a job whose own row counts.
    JobStep,
    /// The log does not know when the job was submitted or how long it waited, and so not when it started.
    StartUnknown,
    /// The log does not know how long the job ran.
    RunTimeUnknown,
    /// The row is one burst of a job whose summary row counts.
    PartialExecution,
    /// The mapping says that such rows are left out.
    LeftOut,
}

impl SkipReason {
    /// The reason as a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverStarted => "the job never started",
            Self::JobStep => "a step of a job, which its job's row counts already",
            Self::StartUnknown => "the job's start is unknown",
            Self::RunTimeUnknown => "the job's run time is unknown",
            Self::PartialExecution => "one burst of a job, which its job's row counts already",
            Self::LeftOut => "left out by the mapping",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A source that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes did not come.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The source does not have the columns or header lines that its format needs.
    #[error("{message}")]
    Header {
        /// What is wrong, and what to do.
        message: String,
    },
    /// The bytes are not a Parquet file, or a damaged one.
    #[error("not a readable Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl ReadError {
    pub(crate) fn header(message: impl Into<String>) -> Self {
        Self::Header { message: message.into() }
    }
}

/// What is wrong with one field, before the line is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    field: String,
    value: String,
    message: String,
}

impl FieldProblem {
    pub(crate) fn new(field: impl Into<String>, value: &str, message: impl fmt::Display) -> Self {
        let message = cut(&message.to_string(), MESSAGE_CHARS_MAX);
        Self { field: excerpt(&field.into()), value: excerpt(value), message }
    }

    /// A problem with the line as a whole.
    pub(crate) fn row(value: &str, message: impl fmt::Display) -> Self {
        Self::new("row", value, message)
    }

    pub(crate) fn missing(field: impl Into<String>, advice: &str) -> Self {
        let field = field.into();
        let message = format!("{field} is missing{advice}");
        Self { field, value: String::new(), message }
    }

    /// The field at fault.
    pub(crate) fn field(&self) -> &str {
        &self.field
    }

    /// The same problem under another name of its field.
    pub(crate) fn named(self, field: &str) -> Self {
        Self { field: excerpt(field), ..self }
    }

    pub(crate) fn at(self, line: u64) -> Reject {
        Reject { line, field: self.field, value: self.value, message: self.message }
    }
}

/// An entry from what became of a row.
pub(crate) fn entry(line: u64, outcome: Result<Submission, FieldProblem>) -> Entry {
    match outcome {
        Ok(submission) => Entry::Submission { line, submission },
        Err(problem) => Entry::Rejected(problem.at(line)),
    }
}

/// The text, cut to what a person wants to see of it.
pub(crate) fn excerpt(text: &str) -> String {
    cut(text, EXCERPT_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reject_names_line_and_field() {
        let reject = FieldProblem::new("costInUsd", "x", "\"x\" is not a decimal number").at(3);
        assert_eq!(reject.to_string(), "line 3, costInUsd: \"x\" is not a decimal number");
    }

    #[test]
    fn no_part_of_a_refusal_grows_with_what_it_refuses() {
        let long = "é".repeat(100_000);
        let reject = FieldProblem::new(long.clone(), &long, &long).at(1);
        assert!(reject.to_string().chars().count() < 1_000);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let value = FieldProblem::row(&"é".repeat(500), "too long").at(1).value;
        assert_eq!(value.chars().count(), EXCERPT_CHARS_MAX + 1);
    }
}
