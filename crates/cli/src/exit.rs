//! What the shell learns.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything was done.
    Success,
    /// It could not be done.
    Failed,
    /// It was asked for wrongly; the same number that clap uses.
    Usage,
    /// The disk did not confirm a write, and a server stopped for it. It may be started again at once.
    NotDurable,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failed => Self::from(1),
            ExitStatus::Usage => Self::from(2),
            ExitStatus::NotDurable => Self::from(3),
        }
    }
}
