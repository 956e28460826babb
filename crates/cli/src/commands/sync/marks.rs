//! How far the copy of each job has come: the copy's only memory, kept in the folder's catalogue.
//!
//! A mark is written after the sessions that it speaks of are on disk, never before. One that is missing or that cannot be
//! read costs a second reading of its job, and nothing else.

use std::collections::{BTreeSet, HashMap};

use farmtally_model::{FarmId, JobId, QueueId, SessionId, Timestamp};
use farmtally_service::Catalogue;
use serde_json::{Value, json};

use crate::report_error::Failure;

/// What the names of marks begin with, among the settings of their farm.
const PREFIX: &str = "sync-aws/";

/// The form of a mark. Those of an earlier form could stand for sessions that were never stored, so that their jobs are read
/// once more.
const FORM: u64 = 2;

/// What was read of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobMark {
    /// Its queue.
    pub(super) queue_id: QueueId,
    /// Its name when it was first read. Its sessions keep that, because the same session under two names would be a
    /// contradiction.
    pub(super) name: String,
    /// Who submitted it.
    pub(super) created_by: String,
    /// What the service told of it at that time, as a digest; empty when it is to be read again in any case.
    pub(super) state: String,
    /// When its sessions were read.
    pub(super) read_at: Timestamp,
    /// Its sessions that are stored as running.
    pub(super) running: BTreeSet<SessionId>,
}

impl JobMark {
    fn to_bytes(&self) -> Vec<u8> {
        let running: Vec<String> = self.running.iter().map(ToString::to_string).collect();
        let json = json!({
            "form": FORM,
            "queueId": self.queue_id.to_string(),
            "name": self.name,
            "createdBy": self.created_by,
            "state": self.state,
            "readAt": self.read_at.to_string(),
            "running": running,
        });
        json.to_string().into_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let running = json.get("running")?.as_array()?.iter();
        let is_trusted = json.get("form").and_then(Value::as_u64) == Some(FORM);
        Some(Self {
            queue_id: QueueId::parse(text("queueId")?).ok()?,
            name: text("name")?.to_owned(),
            created_by: text("createdBy")?.to_owned(),
            state: text("state").filter(|_| is_trusted).unwrap_or_default().to_owned(),
            read_at: Timestamp::parse(text("readAt")?).ok()?,
            running: running.map(|id| SessionId::parse(id.as_str()?).ok()).collect::<Option<_>>()?,
        })
    }
}

/// The marks of a farm's jobs.
pub(super) fn load(catalogue: &Catalogue, farm_id: FarmId) -> Result<HashMap<JobId, JobMark>, Failure> {
    let settings = catalogue.farm_settings(farm_id, PREFIX)?;
    let mark = |(job_id, bytes): (String, Vec<u8>)| {
        Some((JobId::parse(&job_id).ok()?, JobMark::from_bytes(&bytes)?))
    };
    Ok(settings.into_iter().filter_map(mark).collect())
}

/// Writes marks down, and forgets others.
pub(super) fn save(
    catalogue: &Catalogue,
    farm_id: FarmId,
    put: &[(JobId, JobMark)],
    forgotten: &[JobId],
) -> Result<(), Failure> {
    let name = |job_id: &JobId| format!("{PREFIX}{job_id}");
    let put: Vec<_> = put.iter().map(|(job_id, mark)| (name(job_id), mark.to_bytes())).collect();
    let forgotten: Vec<_> = forgotten.iter().map(name).collect();
    Ok(catalogue.change_farm_settings(farm_id, &put, &forgotten)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> JobMark {
        JobMark {
            queue_id: QueueId::from_bytes([1; 16]),
            name: "sh010 \"comp\" 🦀".to_owned(),
            created_by: "alice".to_owned(),
            state: "00ff".to_owned(),
            read_at: Timestamp::from_millis(1_764_000_000_123).unwrap(),
            running: BTreeSet::from([SessionId::from_bytes([2; 16]), SessionId::from_bytes([3; 16])]),
        }
    }

    #[test]
    fn a_mark_of_an_earlier_form_keeps_the_name_and_has_its_job_read_again() {
        let before = String::from_utf8(mark().to_bytes()).unwrap().replace(r#""form":2,"#, "");
        let read = JobMark::from_bytes(before.as_bytes());
        assert_eq!(read, Some(JobMark { state: String::new(), ..mark() }));
    }

    #[test]
    fn a_mark_reads_back_and_a_damaged_one_is_none() {
        let bytes = mark().to_bytes();
        assert_eq!(JobMark::from_bytes(&bytes), Some(mark()));
        for end in 0..bytes.len() {
            assert_eq!(JobMark::from_bytes(&bytes[..end]), None, "cut at {end}");
        }
    }
}
