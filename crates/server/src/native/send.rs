//! Takes sessions and volumes in, as JSON Lines, and says what became of each.
//!
//! A line that is refused does not hinder the others. The answer is written after everything else is on disk.

use farmtally_ingest::{Entry, Reject, parse_jsonl};
use farmtally_model::RecordId;
use farmtally_service::{IngestReport, NumberedSubmission, RefusedSubmission, Service};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(crate) fn send_sessions(
    service: &Service,
    request: &VerifiedRequest,
    farm_label: &str,
) -> Result<Reply, Refusal> {
    let farm_id = super::farm_id(farm_label)?;
    let lines = Lines::read(request.body());
    let received = lines.received;
    let report = service.ingest(request.caller(), farm_id, lines.submissions)?;
    Ok(answer(received, &report, lines.rejects))
}

/// The lines of a body, the readable ones apart from the others.
#[derive(Debug, Default)]
struct Lines {
    received: usize,
    submissions: Vec<NumberedSubmission>,
    rejects: Vec<Reject>,
}

impl Lines {
    fn read(body: &[u8]) -> Self {
        let mut lines = Self::default();
        for entry in parse_jsonl(body) {
            lines.received += 1;
            match entry {
                Entry::Submission { line, submission } => {
                    lines.submissions.push(NumberedSubmission { line, submission });
                }
                Entry::Rejected(reject) => lines.rejects.push(reject),
                // Rows that are no records exist in other sources only.
                Entry::Skipped { .. } => {}
            }
        }
        lines
    }
}

/// What became of the lines of a body.
pub(super) fn answer(received: usize, report: &IngestReport, rejects: Vec<Reject>) -> Reply {
    let refused = report.refused.iter().map(refused_by_service);
    let mut refused: Vec<(u64, Value)> = refused.chain(rejects.into_iter().map(refused_by_reader)).collect();
    refused.sort_by_key(|(line, _)| *line);
    let answer = json!({
        "received": received,
        "stored": report.stored,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "unpricedLines": report.unpriced.lines(),
        "unpriced": report.unpriced.uses().map(|(name, lines)| (name.to_owned(), lines.into())).collect::<Map<_, _>>(),
        "refused": refused.into_iter().map(|(_, refusal)| refusal).collect::<Vec<_>>(),
    });
    Reply::json(StatusCode::OK, answer.to_string())
}

fn refused_by_reader(reject: Reject) -> (u64, Value) {
    let Reject { line, field, value, message } = reject;
    (line, json!({ "line": line, "field": field, "value": value, "message": message }))
}

fn refused_by_service(refused: &RefusedSubmission) -> (u64, Value) {
    let RefusedSubmission { line, record_id, message } = refused;
    let field = match record_id {
        RecordId::Session(_) => "sessionId",
        RecordId::Volume(_) => "volumeId",
    };
    let value = record_id.to_string();
    (*line, json!({ "line": line, "field": field, "value": value, "message": message }))
}
