//! What the shell learns. The table in `docs/command-line.md` and the manual pages are made from this one.

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
    /// A report's total is above the limit that was given.
    OverLimit,
    /// A report found nothing, and was told that this is an error.
    NothingMatched,
    /// A budget passed a threshold.
    ThresholdPassed,
}

impl ExitStatus {
    /// Every one, in the order of their numbers.
    pub(crate) const ALL: [Self; 7] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::NotDurable,
        Self::OverLimit,
        Self::NothingMatched,
        Self::ThresholdPassed,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotDurable => 3,
            Self::OverLimit => 4,
            Self::NothingMatched => 5,
            Self::ThresholdPassed => 6,
        }
    }

    /// What it means, in a sentence for people.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "Everything was done, or whoever read the output had seen enough.",
            Self::Failed => "It could not be done, or what was looked at is not as it should be.",
            Self::Usage => "The command was called wrongly; nothing was done.",
            Self::NotDurable => "The disk did not confirm a write, and the server stopped for it.",
            Self::OverLimit => "The total cost of a report is above what `--fail-over` allows.",
            Self::NothingMatched => "Nothing matched in a report with `--fail-empty`.",
            Self::ThresholdPassed => "A budget passed a threshold.",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails, put the printed lines into the page.
    #[test]
    fn the_page_has_this_table() {
        let page = include_str!("../../../docs/command-line.md");
        let row = |status: &ExitStatus| format!("| {} | {} |\n", status.code(), status.meaning());
        let table: String = ExitStatus::ALL.iter().map(row).collect();
        assert!(page.contains(&table), "docs/command-line.md lacks\n{table}");
    }

    #[test]
    fn no_two_ends_look_alike() {
        let codes: Vec<_> = ExitStatus::ALL.iter().map(|status| status.code()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}
