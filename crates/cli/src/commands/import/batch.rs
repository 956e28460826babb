//! Records on their way: where they came from and what became of them.

use farmtally_model::{RecordId, Submission};
use farmtally_service::NumberedSubmission;

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
pub(super) struct BatchOutcome {
    pub(super) stored: u64,
    pub(super) replaced: u64,
    pub(super) unchanged: u64,
    pub(super) unpriced_lines: u64,
    pub(super) refused: Vec<RefusedRecord>,
}

/// A record that was not stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedRecord {
    /// Its place in the batch, from 1.
    pub(super) number: u64,
    pub(super) field: String,
    pub(super) value: String,
    pub(super) message: String,
}

impl RefusedRecord {
    /// A refusal of the record as a whole.
    pub(super) fn of(number: u64, record_id: RecordId, message: String) -> Self {
        let field = match record_id {
            RecordId::Session(_) => "sessionId",
            RecordId::Volume(_) => "volumeId",
        };
        Self { number, field: field.to_owned(), value: record_id.to_string(), message }
    }
}
