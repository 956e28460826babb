//! The service's answers, as far as they are of use here. Members that are not named here are not looked at.

use std::collections::BTreeMap;

use farmtally_model::{CostScaleFactor, DisplayName, FarmId, FleetId, JobId, QueueId, Timestamp};
use farmtally_sigv4::body_sha256;
use serde::Deserialize;
use serde_json::{Number, Value, json};

/// A farm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farm {
    /// What people call it.
    pub display_name: DisplayName,
    /// What people say about it.
    pub description: Option<String>,
    /// Who created it.
    pub created_by: String,
    /// What its costs are multiplied by when they are read.
    pub cost_scale_factor: CostScaleFactor,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub queue_id: QueueId,
    /// What people call it.
    pub display_name: DisplayName,
    /// Who created it.
    pub created_by: String,
    /// Members of the service that are kept as they are, as a JSON object.
    pub settings: String,
}

/// A fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Its id.
    pub fleet_id: FleetId,
    /// What people call it.
    pub display_name: DisplayName,
    /// Who created it.
    pub created_by: String,
    /// Members of the service that are kept as they are, as a JSON object.
    pub settings: String,
}

/// A queue and a fleet that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Association {
    /// The queue.
    pub queue_id: QueueId,
    /// The fleet.
    pub fleet_id: FleetId,
    /// Whether the fleet works for the queue at present.
    pub is_active: bool,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub job_id: JobId,
    /// Its name now, as it came.
    pub name: String,
    /// Who submitted it, as it came.
    pub created_by: String,
    /// When its last task ended, unless something is left to do.
    pub ended_at: Option<Timestamp>,
    /// Whether a worker may be at it right now.
    pub is_active: bool,
    /// A digest of everything that changes about a job while it is worked on: the same digest, the same sessions.
    pub state: String,
}

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// Its id, as it came.
    pub session_id: String,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// Where a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// Its queue.
    pub queue_id: QueueId,
    /// Its job.
    pub job_id: JobId,
    /// Its id, as it came.
    pub session_id: String,
}

impl SessionKey {
    pub(crate) fn to_json(&self, farm_id: FarmId) -> Value {
        identifier(farm_id, &self.queue_id.to_string(), &self.job_id.to_string(), &self.session_id)
    }
}

fn identifier(farm_id: FarmId, queue_id: &str, job_id: &str, session_id: &str) -> Value {
    json!({ "farmId": farm_id.to_string(), "queueId": queue_id, "jobId": job_id, "sessionId": session_id })
}

/// A session as it came, with its host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDetail {
    /// Its queue.
    pub queue_id: String,
    /// Its job.
    pub job_id: String,
    /// Its id.
    pub session_id: String,
    /// The fleet of its worker.
    pub fleet_id: String,
    /// Its worker.
    pub worker_id: String,
    /// When it started.
    pub started_at: String,
    /// When it ended, unless it runs.
    pub ended_at: Option<String>,
    /// How far it is.
    pub lifecycle_status: String,
    /// Its host.
    pub host_properties: Option<HostProperties>,
}

/// The machine of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostProperties {
    /// The kind of machine, where it is one of EC2.
    pub ec2_instance_type: Option<String>,
}

/// A session that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingSession {
    queue_id: String,
    job_id: String,
    /// Its id.
    pub session_id: String,
    /// The name of the error.
    pub code: String,
    /// What the service said.
    pub message: String,
}

impl MissingSession {
    pub(crate) fn to_json(&self, farm_id: FarmId) -> Value {
        identifier(farm_id, &self.queue_id, &self.job_id, &self.session_id)
    }
}

/// What became of a wish for several sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionsFound {
    /// Those that were read.
    pub sessions: Vec<SessionDetail>,
    /// Those that were not.
    pub missing: Vec<MissingSession>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct SessionsBatch {
    pub(crate) sessions: Vec<SessionDetail>,
    #[serde(default)]
    pub(crate) errors: Vec<MissingSession>,
}

/// A page of a list.
pub(crate) trait Page {
    /// What it is a list of.
    type Entry;

    /// The entries and the token of the next page, or what is wrong with an entry.
    fn into_parts(self) -> Result<(Vec<Self::Entry>, Option<String>), String>;
}

/// A page type: the member that holds the entries, what they are on the wire, and how one is read.
macro_rules! page {
    ($page:ident, $member:literal: $raw:ty => $entry:ty, $read:expr) => {
        #[derive(Debug, Deserialize)]
        pub(crate) struct $page {
            #[serde(rename = $member)]
            entries: Vec<$raw>,
            #[serde(rename = "nextToken")]
            next_token: Option<String>,
        }

        impl Page for $page {
            type Entry = $entry;

            fn into_parts(self) -> Result<(Vec<$entry>, Option<String>), String> {
                let entries = self.entries.into_iter().map($read).collect::<Result<_, String>>()?;
                Ok((entries, self.next_token))
            }
        }
    };
}

page!(QueuesPage, "queues": RawQueue => Queue, Queue::read);
page!(FleetsPage, "fleets": RawFleet => Fleet, Fleet::read);
page!(AssociationsPage, "queueFleetAssociations": RawAssociation => Association, |raw| Association::read(&raw));
page!(JobsPage, "jobs": RawJob => Job, Job::read);
page!(SessionsPage, "sessions": RawSession => ListedSession, |raw| Ok(ListedSession::read(raw)));

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawFarm {
    display_name: String,
    description: Option<String>,
    created_by: String,
    cost_scale_factor: Number,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawQueue {
    queue_id: String,
    display_name: String,
    created_by: String,
    default_budget_action: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFleet {
    fleet_id: String,
    display_name: String,
    created_by: String,
    min_worker_count: Option<Value>,
    max_worker_count: Option<Value>,
    configuration: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAssociation {
    queue_id: String,
    fleet_id: String,
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSession {
    session_id: String,
    ended_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawJob {
    job_id: String,
    name: String,
    created_by: String,
    lifecycle_status: Option<String>,
    updated_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    task_run_status: Option<String>,
    task_run_status_counts: Option<BTreeMap<String, i64>>,
    task_failure_retry_count: Option<i64>,
}

impl Farm {
    pub(crate) fn read(raw: RawFarm) -> Result<Self, String> {
        Ok(Self {
            display_name: text("displayName", &raw.display_name, DisplayName::new)?,
            description: raw.description,
            created_by: raw.created_by,
            cost_scale_factor: text("costScaleFactor", &raw.cost_scale_factor.to_string(), scale_factor)?,
        })
    }
}

impl Queue {
    fn read(raw: RawQueue) -> Result<Self, String> {
        Ok(Self {
            queue_id: text("queueId", &raw.queue_id, QueueId::parse)?,
            display_name: text("displayName", &raw.display_name, DisplayName::new)?,
            created_by: raw.created_by,
            settings: settings([("defaultBudgetAction", raw.default_budget_action)]),
        })
    }
}

impl Fleet {
    fn read(raw: RawFleet) -> Result<Self, String> {
        Ok(Self {
            fleet_id: text("fleetId", &raw.fleet_id, FleetId::parse)?,
            display_name: text("displayName", &raw.display_name, DisplayName::new)?,
            created_by: raw.created_by,
            settings: settings([
                ("minWorkerCount", raw.min_worker_count),
                ("maxWorkerCount", raw.max_worker_count),
                ("configuration", raw.configuration),
            ]),
        })
    }
}

impl Association {
    fn read(raw: &RawAssociation) -> Result<Self, String> {
        Ok(Self {
            queue_id: text("queueId", &raw.queue_id, QueueId::parse)?,
            fleet_id: text("fleetId", &raw.fleet_id, FleetId::parse)?,
            is_active: raw.status == "ACTIVE",
        })
    }
}

impl ListedSession {
    fn read(raw: RawSession) -> Self {
        Self { session_id: raw.session_id, has_ended: raw.ended_at.is_some() }
    }
}

impl Job {
    fn read(raw: RawJob) -> Result<Self, String> {
        let ended_at = raw.ended_at.as_deref().map(|at| text("endedAt", at, Timestamp::parse)).transpose()?;
        Ok(Self {
            job_id: text("jobId", &raw.job_id, JobId::parse)?,
            ended_at,
            is_active: is_active(raw.task_run_status.as_deref(), ended_at),
            state: state(&raw),
            name: raw.name,
            created_by: raw.created_by,
        })
    }
}

/// Whether a worker may be at a job whose tasks come to this status. One that we do not know may mean anything.
fn is_active(status: Option<&str>, ended_at: Option<Timestamp>) -> bool {
    match status {
        Some("PENDING" | "READY" | "SUSPENDED" | "CANCELED" | "FAILED" | "SUCCEEDED" | "NOT_COMPATIBLE") => {
            false
        }
        Some(_) => true,
        None => ended_at.is_none(),
    }
}

fn state(raw: &RawJob) -> String {
    let state = json!([
        raw.lifecycle_status,
        raw.updated_at,
        raw.started_at,
        raw.ended_at,
        raw.task_run_status,
        raw.task_run_status_counts,
        raw.task_failure_retry_count,
    ]);
    let digest = body_sha256(state.to_string().as_bytes());
    digest[..16].iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"))
}

/// A factor as it was sent. The service's own type for it is a 32-bit float, which in 64 bits has digits that nobody
/// meant: 0.3 may arrive as 0.30000001192092896.
fn scale_factor(text: &str) -> Result<CostScaleFactor, String> {
    let exact = CostScaleFactor::parse(text);
    exact.or_else(|error| {
        let single = text.parse::<f32>().map_err(|_| error.to_string())?;
        CostScaleFactor::parse(&single.to_string()).map_err(|_| error.to_string())
    })
}

fn settings<const N: usize>(members: [(&str, Option<Value>); N]) -> String {
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(members.collect()).to_string()
}

fn text<T, E: std::fmt::Display>(
    member: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, String> {
    read(text).map_err(|error| format!("{member}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(more: &Value) -> Job {
        let mut job = json!({
            "jobId": "job-00000000000000000000000000000001", "name": "shot", "createdBy": "alice",
            "lifecycleStatus": "CREATE_COMPLETE", "lifecycleStatusMessage": "", "priority": 50,
            "createdAt": "2025-11-24T22:00:00Z", "taskRunStatus": "READY",
        });
        job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Job::read(serde_json::from_value(job).unwrap()).unwrap()
    }

    #[test]
    fn what_happens_to_a_job_changes_its_state_and_what_is_said_about_it_does_not() {
        let before = job(&json!({})).state;
        assert_eq!(job(&json!({ "priority": 9, "name": "shot 2", "maxRetriesPerTask": 1 })).state, before);
        for more in [
            json!({ "startedAt": "2025-11-24T22:00:00Z" }),
            json!({ "endedAt": "2025-11-24T22:00:00Z" }),
            json!({ "updatedAt": "2025-11-24T22:00:00Z" }),
            json!({ "taskRunStatus": "RUNNING" }),
            json!({ "taskRunStatusCounts": { "READY": 1 } }),
            json!({ "taskFailureRetryCount": 1 }),
            json!({ "lifecycleStatus": "ARCHIVED" }),
        ] {
            assert_ne!(job(&more).state, before, "{more}");
        }
    }

    #[test]
    fn a_job_is_active_unless_it_surely_is_not() {
        assert!(!job(&json!({})).is_active);
        assert!(!job(&json!({ "taskRunStatus": "SUCCEEDED" })).is_active);
        assert!(job(&json!({ "taskRunStatus": "INTERRUPTING" })).is_active);
        assert!(job(&json!({ "taskRunStatus": "A_NEW_ONE" })).is_active);
        assert!(job(&json!({ "taskRunStatus": null })).is_active);
        assert!(!job(&json!({ "taskRunStatus": null, "endedAt": "2025-11-24T22:00:00Z" })).is_active);
    }

    #[test]
    fn a_factor_of_32_bits_is_the_one_that_was_meant() {
        let nanos = |text: &str| scale_factor(text).map(CostScaleFactor::nanos);
        assert_eq!(nanos("0.30000001192092896"), Ok(300_000_000));
        assert_eq!(nanos("0.123456789"), Ok(123_456_789));
        assert_eq!(nanos("1.0"), Ok(1_000_000_000));
        assert!(nanos("100.5").unwrap_err().contains("100"));
    }

    #[test]
    fn an_entry_that_breaks_the_model_is_named() {
        let page: QueuesPage = serde_json::from_value(json!({
            "queues": [{ "queueId": "queue-1", "displayName": "x", "createdBy": "y" }]
        }))
        .unwrap();
        let error = page.into_parts().unwrap_err();
        assert!(error.starts_with("queueId: "), "{error}");
    }
}
