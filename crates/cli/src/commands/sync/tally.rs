//! The numbers of a copy, and whether they add up.

use std::fmt;

use farmtally_deadline::CallCounts;

use crate::commands::import::batch::BatchOutcome;

/// What became of what was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) jobs_read: u64,
    /// Sessions of the jobs that were read.
    pub(super) found: u64,
    stored: u64,
    replaced: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
    pub(super) refusals_told: u64,
    /// Kept the contract, in a dry run.
    valid: u64,
    unpriced_lines: u64,
    requests: CallCounts,
    is_dry_run: bool,
}

impl Tally {
    pub(super) fn new(is_dry_run: bool) -> Self {
        Self { is_dry_run, ..Self::default() }
    }

    pub(super) fn add(&mut self, sessions: u64, outcome: &BatchOutcome) {
        let refused = outcome.refused.len() as u64;
        if self.is_dry_run {
            self.valid += sessions - refused;
        }
        self.stored += outcome.stored;
        self.replaced += outcome.replaced;
        self.unchanged += outcome.unchanged;
        self.refused += refused;
        self.unpriced_lines += outcome.unpriced.lines();
    }

    pub(super) fn set_requests(&mut self, before: CallCounts, after: CallCounts) {
        self.requests = CallCounts {
            requests: after.requests - before.requests,
            repeats: after.repeats - before.repeats,
        };
    }

    /// Whether every session that was found is accounted for.
    pub(super) fn is_reconciled(&self) -> bool {
        self.found == self.stored + self.replaced + self.unchanged + self.refused + self.valid
    }

    pub(super) const fn has_changed_something(&self) -> bool {
        self.stored + self.replaced > 0
    }

    /// Whether sessions became free that were not stored before, or would in a dry run.
    pub(super) const fn has_new_unpriced_lines(&self) -> bool {
        self.unpriced_lines > 0 && (self.is_dry_run || self.has_changed_something())
    }

    /// Everything that was found, and what became of it.
    fn reconciliation(&self) -> String {
        let Self { found, stored, replaced, unchanged, refused, valid, .. } = self;
        let equals = if self.is_reconciled() { "=" } else { "is not" };
        if self.is_dry_run {
            format!(
                "{found} found at the source {equals} {valid} valid + {unchanged} unchanged + {refused} refused"
            )
        } else {
            format!(
                "{found} found at the source {equals} {stored} stored + {replaced} replaced + {unchanged} unchanged + \
                 {refused} refused"
            )
        }
    }

    /// The numbers in a line.
    pub(super) fn in_a_line(&self) -> String {
        format!("{}; {} of {} jobs read", self.reconciliation(), self.jobs_read, self.jobs)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "jobs: {}", self.jobs)?;
        writeln!(f, "jobs read: {}", self.jobs_read)?;
        writeln!(f, "sessions: {}", self.reconciliation())?;
        writeln!(f, "unpriced lines: {}", self.unpriced_lines)?;
        write!(f, "requests: {}, {} of them again", self.requests.requests, self.requests.repeats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_not_accounted_for_is_told() {
        let mut tally = Tally { found: 7, unchanged: 1, refused: 1, ..Tally::new(false) };
        tally.add(4, &BatchOutcome { stored: 2, replaced: 1, unchanged: 1, ..BatchOutcome::default() });
        assert!(!tally.is_reconciled());
        let told = tally.in_a_line();
        assert_eq!(
            told,
            "7 found at the source is not 2 stored + 1 replaced + 2 unchanged + 1 refused; 0 of 0 jobs read"
        );
        tally.found = 6;
        assert!(tally.is_reconciled());
    }

    #[test]
    fn a_dry_run_counts_what_is_valid() {
        let mut tally = Tally { found: 3, ..Tally::new(true) };
        let mut outcome = BatchOutcome::default();
        outcome.unpriced.add("COMPUTE", 2);
        tally.add(3, &outcome);
        assert!(tally.is_reconciled() && tally.has_new_unpriced_lines() && !tally.has_changed_something());
        assert_eq!(tally.reconciliation(), "3 found at the source = 3 valid + 0 unchanged + 0 refused");
    }
}
