//! A session of the service as a submission, or why it is none.
//!
//! The service tells no price and no licence of a session: every session has one COMPUTE line, which the farm's rate card
//! prices by fleet and instance type.

use farmtally_model::{
    DisplayName, FleetId, InstanceType, JobId, JobName, QueueId, Record, RecordNames, Session, SessionId,
    Span, Submission, Timestamp, Usage, UsageLine, UsageLines, UserId, WorkerId,
};

use crate::answers::SessionDetail;

/// What a session takes from its job and queue.
#[derive(Debug, Clone, Copy)]
pub struct JobFacts<'a> {
    /// The queue.
    pub queue_id: QueueId,
    /// The job.
    pub job_id: JobId,
    /// The job's name, as it came.
    pub name: &'a str,
    /// Who submitted the job, as it came.
    pub created_by: &'a str,
    /// What people call the queue, if it is still there.
    pub queue_name: Option<&'a DisplayName>,
}

/// A session that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its id, as it came.
    pub session_id: String,
    /// The member at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// The submission of a session. `fleet_name` knows what people call a fleet, if it is still there.
pub fn submission<'a>(
    session: &SessionDetail,
    job: &JobFacts<'_>,
    fleet_name: impl FnOnce(FleetId) -> Option<&'a DisplayName>,
) -> Result<Submission, Refusal> {
    let check = Check(session);
    let fleet_id = check.text("fleetId", &session.fleet_id, FleetId::parse)?;
    let worker_id = check.text("workerId", &session.worker_id, WorkerId::parse)?;
    let host = session.host_properties.as_ref();
    let instance_type = host.and_then(|host| host.ec2_instance_type.as_deref());
    let names =
        RecordNames { queue: job.queue_name.cloned(), fleet: fleet_name(fleet_id).cloned(), user: None };
    let session = Session {
        session_id: check.text("sessionId", &session.session_id, SessionId::parse)?,
        queue_id: job.queue_id,
        fleet_id,
        job_id: job.job_id,
        job_name: check.text("name", job.name, JobName::new)?,
        user_id: check.text("createdBy", job.created_by, UserId::new)?,
        // The worker of sessions whose worker nobody knows, where another farmtally is asked.
        worker_id: Some(worker_id).filter(|id| *id != WorkerId::from_bytes([0; 16])),
        instance_type: instance_type
            .map(|text| check.text("hostProperties.ec2InstanceType", text, InstanceType::new))
            .transpose()?,
        // Tasks succeed or fail, and a session runs several.
        outcome: None,
        span: check.span()?,
        revision: 0,
        usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost: None }])
            .map_err(|error| check.refusal("usage", &error))?,
    };
    Ok(Submission { record: Record::Session(session), names })
}

struct Check<'a>(&'a SessionDetail);

impl Check<'_> {
    fn text<T, E: std::fmt::Display>(
        &self,
        field: &'static str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Refusal> {
        read(text).map_err(|error| self.refusal(field, &error))
    }

    fn span(&self) -> Result<Span, Refusal> {
        let started_at = self.text("startedAt", &self.0.started_at, Timestamp::parse)?;
        let ended_at = self.0.ended_at.as_deref();
        let ended_at = ended_at.map(|at| self.text("endedAt", at, Timestamp::parse)).transpose()?;
        if ended_at.is_none() && self.0.lifecycle_status == "ENDED" {
            return Err(self.refusal("endedAt", &"it is missing, and the session has ended"));
        }
        Span::new(started_at, ended_at).map_err(|error| self.refusal("endedAt", &error))
    }

    fn refusal(&self, field: &'static str, message: &dyn std::fmt::Display) -> Refusal {
        Refusal { session_id: self.0.session_id.clone(), field, message: message.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::HostProperties;

    fn detail() -> SessionDetail {
        let id = |kind: &str| format!("{kind}-{:032x}", 7);
        SessionDetail {
            queue_id: id("queue"),
            job_id: id("job"),
            session_id: id("session"),
            fleet_id: id("fleet"),
            worker_id: id("worker"),
            started_at: "2025-11-24T22:00:00.123456Z".to_owned(),
            ended_at: Some("2025-11-24T23:00:00Z".to_owned()),
            lifecycle_status: "ENDED".to_owned(),
            host_properties: Some(HostProperties { ec2_instance_type: Some("c6i.8xlarge".to_owned()) }),
        }
    }

    fn read(detail: &SessionDetail) -> Result<Session<Option<farmtally_model::NanoUsd>>, Refusal> {
        let job = JobFacts {
            queue_id: QueueId::from_bytes([1; 16]),
            job_id: JobId::from_bytes([2; 16]),
            name: "shot",
            created_by: "arn:aws:sts::123456789012:assumed-role/Artist/alice",
            queue_name: None,
        };
        match submission(detail, &job, |_| None)?.record {
            Record::Session(session) => Ok(session),
            Record::Volume(_) => panic!("a volume"),
        }
    }

    #[test]
    fn a_session_keeps_what_the_service_tells() {
        let session = read(&detail()).unwrap();
        assert_eq!(session.queue_id, QueueId::from_bytes([1; 16]));
        assert_eq!(session.instance_type.as_ref().map(InstanceType::as_str), Some("c6i.8xlarge"));
        assert_eq!(session.span.started_at().to_string(), "2025-11-24T22:00:00.123Z");
        assert_eq!(session.usage.as_slice(), [UsageLine { usage: Usage::Compute, cost: None }]);
    }

    #[test]
    fn a_session_on_a_machine_of_ones_own_has_no_instance_type() {
        let bare = SessionDetail { host_properties: None, ..detail() };
        assert_eq!(read(&bare).unwrap().instance_type, None);
        let unknown = SessionDetail { worker_id: format!("worker-{:032x}", 0), ..detail() };
        assert_eq!(read(&unknown).unwrap().worker_id, None);
    }

    #[test]
    fn a_running_session_has_no_end_and_an_ended_one_needs_it() {
        let running = SessionDetail { ended_at: None, lifecycle_status: "STARTED".to_owned(), ..detail() };
        assert_eq!(read(&running).unwrap().span.ended_at(), None);
        let endless = SessionDetail { ended_at: None, ..detail() };
        assert_eq!(read(&endless).unwrap_err().field, "endedAt");
        let backwards = SessionDetail { ended_at: Some("2025-11-24T21:00:00Z".to_owned()), ..detail() };
        assert!(read(&backwards).unwrap_err().message.contains("is before startedAt"));
    }

    #[test]
    fn what_breaks_a_pattern_is_named_with_its_session() {
        let foreign = SessionDetail { fleet_id: "fleet-7".to_owned(), ..detail() };
        let refusal = read(&foreign).unwrap_err();
        assert_eq!((refusal.session_id, refusal.field), (detail().session_id, "fleetId"));
    }
}
