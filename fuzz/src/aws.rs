//! What AWS Deadline Cloud, or whatever answers in its place, sends to a copy.

use farmtally_deadline::{Document, JobFacts, read_sessions, submission};
use farmtally_model::{FleetId, JobId, QueueId, Record};

/// A document, read as every kind of document that there is.
pub(crate) fn documents(bytes: &[u8]) {
    for document in Document::ALL {
        if let Err(error) = document.read(bytes) {
            assert!(!error.is_empty(), "{document:?}");
        }
    }
}

/// Sessions, which become submissions or are refused by name.
pub(crate) fn sessions(bytes: &[u8]) {
    let Ok(found) = read_sessions(bytes) else { return };
    let job = JobFacts {
        queue_id: QueueId::from_bytes([1; 16]),
        job_id: JobId::from_bytes([2; 16]),
        name: "sh010",
        created_by: "alice",
        queue_name: None,
    };
    for session in &found.sessions {
        match submission(session, &job, |_: FleetId| None) {
            Ok(submission) => {
                let Record::Session(record) = submission.record else { unreachable!("it is a session") };
                assert_eq!(record.session_id.to_string(), session.session_id);
            }
            Err(refusal) => assert!(!refusal.field.is_empty() && !refusal.message.is_empty()),
        }
    }
}
