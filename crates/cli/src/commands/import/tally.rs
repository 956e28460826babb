//! The numbers of an import, one to a line.

use std::collections::BTreeMap;
use std::fmt;

use farmtally_ingest::SkipReason;
use farmtally_service::UnpricedUses;

use super::batch::BatchOutcome;
use crate::terminal_text::one_line;

/// What became of the records so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) read: u64,
    /// Records that a source counted itself and that were not read, or the other way round.
    missed: u64,
    /// Whether a source counted its records itself.
    is_counted: bool,
    /// Kept the contract, of a dry run.
    valid: u64,
    stored: u64,
    replaced: u64,
    unchanged: u64,
    pub(super) rejected: u64,
    /// Those of them that an earlier pass told.
    pub(super) rejected_before: u64,
    skipped: BTreeMap<SkipReason, u64>,
    unpriced: UnpricedUses,
    is_dry_run: bool,
}

impl Tally {
    pub(super) fn new(is_dry_run: bool) -> Self {
        Self { is_dry_run, ..Self::default() }
    }

    /// Takes note of how many records a source counts itself, and how many of it were read.
    pub(super) const fn expect(&mut self, counted: u64, read: u64) {
        self.is_counted = true;
        self.missed += counted.abs_diff(read);
    }

    pub(super) fn add_skipped(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(super) fn add_batch(&mut self, records: u64, outcome: &BatchOutcome) {
        self.valid += records - outcome.refused.len() as u64;
        self.stored += outcome.stored;
        self.replaced += outcome.replaced;
        self.unchanged += outcome.unchanged;
        self.unpriced.add_all(&outcome.unpriced);
    }

    /// Whether anything is different from what was there before.
    pub(super) const fn has_news(&self) -> bool {
        self.stored + self.replaced + self.rejected > self.rejected_before
    }

    /// The records that became something.
    fn accounted_for(&self) -> u64 {
        let kept = if self.is_dry_run { self.valid } else { self.stored + self.replaced + self.unchanged };
        kept + self.rejected + self.skipped_records()
    }

    fn skipped_records(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// What does not add up; `None` when everything does.
    pub(super) fn difference(&self) -> Option<String> {
        let (read, accounted_for, missed) = (self.read, self.accounted_for(), self.missed);
        if missed > 0 {
            return Some(format!(
                "the import does not add up: the source counts {missed} records more or fewer than were read"
            ));
        }
        (read != accounted_for).then(|| {
            format!(
                "the import does not add up: {read} records were read, and {accounted_for} are accounted for"
            )
        })
    }

    /// The sum, in words.
    fn reconciliation(&self) -> String {
        let kept = if self.is_dry_run {
            format!("{} valid", self.valid)
        } else {
            format!("{} stored + {} replaced + {} unchanged", self.stored, self.replaced, self.unchanged)
        };
        let (label, sign) = match self.difference() {
            None => ("reconciled", "="),
            Some(_) => ("not reconciled", "is not"),
        };
        let (rejected, skipped) = (self.rejected, self.skipped_records());
        let read = if self.is_counted { "in the source" } else { "read" };
        format!("{label}: {} {read} {sign} {kept} + {rejected} rejected + {skipped} skipped", self.read)
    }

    /// Whether there were records and none of them was any good.
    pub(super) const fn is_all_rejected(&self) -> bool {
        self.read > 0 && self.rejected == self.read
    }

    /// Whether lines became free that were not stored before, or would in a dry run.
    pub(super) fn has_new_unpriced_lines(&self) -> bool {
        self.unpriced.lines() > 0 && (self.is_dry_run || self.stored + self.replaced > 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "read: {}", self.read)?;
        if self.is_dry_run {
            writeln!(f, "valid: {}", self.valid)?;
        } else {
            writeln!(f, "stored: {}", self.stored)?;
            writeln!(f, "replaced: {}", self.replaced)?;
            writeln!(f, "unchanged: {}", self.unchanged)?;
        }
        writeln!(f, "rejected: {}", self.rejected)?;
        writeln!(f, "skipped: {}", self.skipped_records())?;
        self.skipped.iter().try_for_each(|(reason, count)| writeln!(f, "  {reason}: {count}"))?;
        writeln!(f, "unpriced lines: {}", self.unpriced.lines())?;
        self.unpriced.uses().try_for_each(|(name, lines)| writeln!(f, "  {}: {lines}", one_line(name)))?;
        f.write_str(&self.reconciliation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_to_skip_has_its_line() {
        let mut tally = Tally { read: 4, ..Tally::new(false) };
        tally.add_skipped(SkipReason::JobStep);
        tally.add_skipped(SkipReason::JobStep);
        tally.add_skipped(SkipReason::NeverStarted);
        let mut outcome = BatchOutcome { stored: 1, ..BatchOutcome::default() };
        outcome.unpriced.add("LICENSE nuke", 2);
        tally.add_batch(1, &outcome);
        let expected = "read: 4\nstored: 1\nreplaced: 0\nunchanged: 0\nrejected: 0\nskipped: 3\n  \
                        the job never started: 1\n  a step of a job, which its job's row counts already: 2\n\
                        unpriced lines: 2\n  LICENSE nuke: 2\n\
                        reconciled: 4 read = 1 stored + 0 replaced + 0 unchanged + 0 rejected + 3 skipped";
        assert_eq!(tally.to_string(), expected);
        assert_eq!(tally.difference(), None);
    }

    #[test]
    fn a_record_that_became_nothing_is_an_error() {
        let mut tally = Tally { read: 2, ..Tally::new(false) };
        tally.add_batch(2, &BatchOutcome { stored: 1, ..BatchOutcome::default() });
        let told = "the import does not add up: 2 records were read, and 1 are accounted for";
        assert_eq!(tally.difference().unwrap(), told);
        let last =
            "not reconciled: 2 read is not 1 stored + 0 replaced + 0 unchanged + 0 rejected + 0 skipped";
        assert_eq!(tally.to_string().lines().last(), Some(last));
    }

    #[test]
    fn a_source_that_counts_its_records_is_compared_with() {
        let mut tally = Tally { read: 2, valid: 2, ..Tally::new(true) };
        tally.expect(2, 2);
        assert_eq!(tally.difference(), None);
        assert!(
            tally.to_string().ends_with("reconciled: 2 in the source = 2 valid + 0 rejected + 0 skipped")
        );
        tally.expect(3, 2);
        assert!(tally.difference().unwrap().contains("1 records more or fewer"));
    }
}
