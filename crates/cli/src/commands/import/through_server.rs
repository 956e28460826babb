//! Batches for the server that has the folder, as JSON Lines.

use farmtally_model::FarmId;
use farmtally_service::NumberedSubmission;
use serde_json::Value;

use super::batch::{BatchOutcome, RefusedRecord};
use crate::connection::{Connection, ConnectionError};
use crate::report_error::Failure;
use crate::submission_lines::to_line;

/// Most bytes of one request; the server takes 8 MiB.
const BODY_BYTES_MAX: usize = 7 << 20;

/// A server, and the farm that the records are for.
pub(super) struct ThroughServer {
    connection: Connection,
    path: String,
}

impl ThroughServer {
    pub(super) fn new(connection: Connection, farm_id: FarmId) -> Self {
        Self { connection, path: format!("/api/v1/farms/{farm_id}/sessions") }
    }

    /// Sends a batch, in several requests if it is long.
    pub(super) fn send(&self, batch: &[NumberedSubmission]) -> Result<BatchOutcome, Failure> {
        let mut outcome = BatchOutcome::default();
        let mut body = String::new();
        let mut first = 0;
        for (index, numbered) in batch.iter().enumerate() {
            let line = to_line(&numbered.submission);
            if body.len() + line.len() >= BODY_BYTES_MAX && index > first {
                self.send_body(&body, &batch[first..index], &mut outcome)?;
                body.clear();
                first = index;
            }
            body.push_str(&line);
            body.push('\n');
        }
        self.send_body(&body, &batch[first..], &mut outcome)?;
        Ok(outcome)
    }

    fn send_body(
        &self,
        body: &str,
        sent: &[NumberedSubmission],
        outcome: &mut BatchOutcome,
    ) -> Result<(), Failure> {
        let answer = self
            .connection
            .post(&self.path, "application/x-ndjson", body.as_bytes())
            .map_err(|error| self.failed(&error))?;
        add_answer(outcome, &answer, sent).ok_or_else(|| Failure::of(&self.connection.unreadable()))
    }

    fn failed(&self, error: &ConnectionError) -> Failure {
        let failure = Failure::of(error);
        match error {
            ConnectionError::Unreachable { .. } => failure.hint(format!(
                "a server has the folder and published `{}`; see whether it still runs",
                self.connection.endpoint()
            )),
            ConnectionError::Refused { .. } | ConnectionError::Unreadable { .. } => failure,
        }
    }
}

/// Adds what the server says about `sent`, or gives `None` when it says something else.
fn add_answer(outcome: &mut BatchOutcome, answer: &Value, sent: &[NumberedSubmission]) -> Option<()> {
    let count = |name: &str| answer.get(name)?.as_u64();
    outcome.stored += count("stored")?;
    outcome.replaced += count("replaced")?;
    outcome.unchanged += count("unchanged")?;
    for (name, lines) in answer.get("unpriced")?.as_object()? {
        outcome.unpriced.add(name, lines.as_u64()?);
    }
    for refused in answer.get("refused")?.as_array()? {
        let text = |name: &str| refused.get(name).and_then(Value::as_str).map(str::to_owned);
        let line = usize::try_from(refused.get("line")?.as_u64()?).ok()?;
        outcome.refused.push(RefusedRecord {
            number: sent.get(line.checked_sub(1)?)?.line,
            field: text("field")?,
            value: text("value")?,
            message: text("message")?,
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::Timestamp;
    use farmtally_testkit::sample_farm::{SampleFarmOptions, sample_farm};
    use serde_json::json;

    fn numbered_from(first: u64) -> Vec<NumberedSubmission> {
        let now = Timestamp::parse("2025-11-24T09:30:00Z").unwrap();
        let sample = sample_farm(7, now, SampleFarmOptions { days: 1, sessions: 10 });
        (first..)
            .zip(sample.take(3))
            .map(|(line, submission)| NumberedSubmission { line, submission })
            .collect()
    }

    #[test]
    fn a_refused_line_of_a_request_is_found_in_its_batch() {
        let mut outcome = BatchOutcome::default();
        let answer = json!({
            "received": 3, "stored": 1, "replaced": 0, "unchanged": 1, "unpricedLines": 2, "unpriced": {"LICENSE nuke": 2},
            "refused": [{"line": 2, "field": "sessionId", "value": "session-1", "message": "no"}]
        });
        add_answer(&mut outcome, &answer, &numbered_from(41)).unwrap();
        assert_eq!((outcome.stored, outcome.unchanged, outcome.unpriced.lines()), (1, 1, 2));
        assert_eq!(outcome.refused[0].number, 42);
    }

    #[test]
    fn an_answer_of_another_shape_is_not_believed() {
        for answer in [
            json!({}),
            json!([]),
            json!({"stored": 1, "replaced": 0, "unchanged": 0, "unpricedLines": 0, "unpriced": {}}),
            json!({"stored": 1, "replaced": 0, "unchanged": 0, "unpricedLines": 0, "unpriced": {},
                   "refused": [{"line": 4, "field": "", "value": "", "message": ""}]}),
        ] {
            assert_eq!(
                add_answer(&mut BatchOutcome::default(), &answer, &numbered_from(1)),
                None,
                "{answer}"
            );
        }
    }
}
