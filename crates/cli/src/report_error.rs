//! `error:`, what caused it, and under it `hint:`: the sentences of a command that could not do its work.

use std::error::Error;
use std::fmt;

use farmtally_service::{self as service, FolderError, KeyError, ServiceError, StoreError};

use crate::exit::ExitStatus;
use crate::talk::tell;
use crate::terminal_text;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Whoever read our output has seen enough, which is no failure of ours.
    OutputClosed,
    /// Something that a person should read.
    Told(Box<Told>),
}

/// What the person reads.
#[derive(Debug)]
pub(crate) struct Told {
    status: ExitStatus,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    /// The command could not do its work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::told(ExitStatus::Failed, message.into(), Vec::new())
    }

    /// The command was called wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::told(ExitStatus::Usage, message.into(), Vec::new())
    }

    /// The disk did not confirm a write, so that nothing more can be promised before a new start.
    pub(crate) fn not_durable(cause: &str) -> Self {
        let message = format!("the disk did not confirm a write ({cause}), so the server stopped");
        Self::told(ExitStatus::NotDurable, message, Vec::new())
            .hint("see to the disk, then start the server again: it shows what is really stored")
    }

    /// The command could not do its work, and this is why.
    pub(crate) fn caused(message: impl fmt::Display, cause: &dyn Error) -> Self {
        Self::with_causes_of(format!("{message}: {cause}"), cause)
    }

    /// An error that says itself what could not be done.
    pub(crate) fn of(error: &dyn Error) -> Self {
        Self::with_causes_of(error.to_string(), error)
    }

    fn with_causes_of(message: String, error: &dyn Error) -> Self {
        let causes = causes_behind(&message, error);
        Self::told(ExitStatus::Failed, message, causes)
    }

    fn told(status: ExitStatus, message: String, causes: Vec<String>) -> Self {
        Self::Told(Box::new(Told { status, message, causes, hints: Vec::new() }))
    }

    /// The same failure with something to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Told(told) = &mut self {
            told.hints.push(hint.into());
        }
        self
    }

    /// What the shell learns.
    pub(crate) const fn exit_status(&self) -> ExitStatus {
        match self {
            Self::OutputClosed => ExitStatus::Success,
            Self::Told(told) => told.status,
        }
    }

    /// Writes it to stderr.
    pub(crate) fn report(&self) {
        if let Self::Told(told) = self {
            tell(terminal_text::lines(&told.to_string()));
        }
    }
}

/// The chain of an error's causes, without those that the text before them repeats already.
fn causes_behind(message: &str, error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !causes.last().map_or(message, String::as_str).contains(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, "\n  caused by: {cause}"))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// For a log: the first line of what a person would read.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputClosed => f.write_str("the output was closed"),
            Self::Told(told) => f.write_str(&told.message),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let failure = Self::of(&error);
        match error {
            FolderError::InUse { .. } => failure.hint("stop that server, or pass another `--data-dir`"),
            _ => failure,
        }
    }
}

impl From<service::OpenError> for Failure {
    fn from(error: service::OpenError) -> Self {
        match error {
            service::OpenError::Folder(error) => error.into(),
            service::OpenError::Store(error) => error.into(),
            service::OpenError::NoRandomness(_) => Self::of(&error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(&error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::of(&error)
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            // Its own sentence sends the reader to a log, and this is it.
            ServiceError::Internal(cause) => Self::of(cause.as_ref()),
            other => Self::of(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    fn chain(texts: &[&'static str]) -> Option<Box<Link>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Link { text, source: chain(rest) }))
    }

    fn told(failure: &Failure) -> String {
        match failure {
            Failure::Told(told) => told.to_string(),
            Failure::OutputClosed => String::new(),
        }
    }

    #[test]
    fn every_cause_is_told_once() {
        let links = chain(&["cannot open `x`: no such file", "no such file", "the disk is gone"]).unwrap();
        let failure = Failure::of(links.as_ref()).hint("pass another file");
        assert_eq!(
            told(&failure),
            "error: cannot open `x`: no such file\n  caused by: the disk is gone\nhint: pass another file"
        );
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_success() {
        assert_eq!(Failure::OutputClosed.exit_status(), ExitStatus::Success);
        assert_eq!(Failure::usage("no").exit_status(), ExitStatus::Usage);
    }
}
