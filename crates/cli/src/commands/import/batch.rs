//! Records on their way: where they came from and what became of them.

use farmtally_model::{RecordId, Submission};
use farmtally_service::{NumberedSubmission, UnpricedUses};

/// Where a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// Place of the file among those that were named.
    pub(super) source: usize,
    /// Line or row, from 1.
    pub(super) line: u64,
}

/// Records that are stored together, from one file or several. They are numbered by their place in the batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    submissions: Vec<NumberedSubmission>,
    origins: Vec<Origin>,
}

impl Batch {
    pub(super) fn push(&mut self, origin: Origin, submission: Submission) {
        self.origins.push(origin);
        self.submissions.push(NumberedSubmission { line: self.origins.len() as u64, submission });
    }

    pub(super) fn len(&self) -> usize {
        self.origins.len()
    }

    /// The records, and where they came from.
    pub(super) fn into_parts(self) -> (Vec<NumberedSubmission>, Vec<Origin>) {
        (self.submissions, self.origins)
    }
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct BatchOutcome {
    pub(in crate::commands) stored: u64,
    pub(in crate::commands) replaced: u64,
    pub(in crate::commands) unchanged: u64,
    pub(in crate::commands) unpriced: UnpricedUses,
    pub(in crate::commands) refused: Vec<RefusedRecord>,
}

impl BatchOutcome {
    /// Number of records of which it says what became of them.
    pub(in crate::commands) const fn records(&self) -> u64 {
        self.stored + self.replaced + self.unchanged + self.refused.len() as u64
    }
}

/// A record that was not stored.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) struct RefusedRecord {
    /// Its place in the batch, from 1.
    pub(in crate::commands) number: u64,
    pub(in crate::commands) field: String,
    pub(in crate::commands) value: String,
    pub(in crate::commands) message: String,
}

impl RefusedRecord {
    /// A refusal of the record as a whole.
    pub(in crate::commands) fn of(number: u64, record_id: RecordId, message: String) -> Self {
        let field = match record_id {
            RecordId::Session(_) => "sessionId",
            RecordId::Volume(_) => "volumeId",
        };
        Self { number, field: field.to_owned(), value: record_id.to_string(), message }
    }
}
