//! Submissions as JSON Lines, for a server that has the folder: the interchange form, read backwards.
//!
//! What is written here must read back as the very same submission, or an import beside a server would store something
//! else than one into the folder.

use farmtally_model::{
    LineCost, NanoUsd, Record, RecordNames, Session, Span, Submission, Usage, UsageLine, Volume,
};
use farmtally_service::Amended;
use serde_json::{Map, Value, json};

/// One line, without its end.
pub(crate) fn to_line(submission: &Submission) -> String {
    let mut members = record_members(&submission.record);
    add_names(&mut members, &submission.names);
    Value::Object(members).to_string()
}

/// One line of a stored record with other costs, without its end.
pub(crate) fn amended_line(amended: &Amended) -> String {
    let sent = amended.record.with_costs(|_, cost| match cost {
        LineCost::Total(cost) => Some(cost),
        LineCost::PerHour(_) => None,
    });
    let mut members = Map::new();
    add(&mut members, "record", Some(Value::Object(record_members(&sent))));
    add(&mut members, "fingerprint", Some(amended.fingerprint.to_string().into()));
    let share = amended.share.map(|share| {
        let mut members = Map::new();
        add(&mut members, "sentCostInUsd", cost(share.sent));
        Value::Object(members)
    });
    add(&mut members, "share", share);
    Value::Object(members).to_string()
}

fn record_members(record: &Record<Option<NanoUsd>>) -> Map<String, Value> {
    match record {
        Record::Session(session) => session_members(session),
        Record::Volume(volume) => volume_members(volume),
    }
}

fn session_members(session: &Session<Option<NanoUsd>>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Option<Value>| add(&mut members, name, value);
    add("sessionId", Some(session.session_id.to_string().into()));
    add("queueId", Some(session.queue_id.to_string().into()));
    add("fleetId", Some(session.fleet_id.to_string().into()));
    add("jobId", Some(session.job_id.to_string().into()));
    add("jobName", Some(session.job_name.as_str().into()));
    add("userId", Some(session.user_id.as_str().into()));
    add("workerId", session.worker_id.map(|id| id.to_string().into()));
    add("instanceType", session.instance_type.as_ref().map(|name| name.as_str().into()));
    add("outcome", session.outcome.map(|outcome| outcome.as_str().into()));
    add("usage", Some(session.usage.as_slice().iter().map(usage_line).collect()));
    add_span(&mut members, session.span, session.revision);
    members
}

fn volume_members(volume: &Volume<Option<NanoUsd>>) -> Map<String, Value> {
    let mut members = Map::new();
    add(&mut members, "volumeId", Some(volume.volume_id.to_string().into()));
    add(&mut members, "fleetId", Some(volume.fleet_id.to_string().into()));
    add(&mut members, "costInUsd", cost(volume.cost));
    add_span(&mut members, volume.span, volume.revision);
    members
}

fn usage_line(line: &UsageLine<Option<NanoUsd>>) -> Value {
    let mut members = Map::new();
    match &line.usage {
        Usage::Compute => add(&mut members, "usageType", Some("COMPUTE".into())),
        Usage::License { product, quantity } => {
            add(&mut members, "usageType", Some("LICENSE".into()));
            add(&mut members, "licenseProduct", Some(product.as_str().into()));
            add(&mut members, "quantity", Some(json!(quantity)));
        }
    }
    add(&mut members, "costInUsd", cost(line.cost));
    Value::Object(members)
}

/// As text, which keeps all nine decimals whoever reads it.
fn cost(cost: Option<NanoUsd>) -> Option<Value> {
    cost.map(|cost| cost.to_string().into())
}

fn add_span(members: &mut Map<String, Value>, span: Span, revision: u32) {
    add(members, "startedAt", Some(span.started_at().to_string().into()));
    add(members, "endedAt", span.ended_at().map(|ended_at| ended_at.to_string().into()));
    add(members, "revision", Some(json!(revision)));
}

fn add_names(members: &mut Map<String, Value>, names: &RecordNames) {
    let given = [("queueName", &names.queue), ("fleetName", &names.fleet), ("userName", &names.user)];
    for (member, name) in given {
        add(members, member, name.as_ref().map(|name| name.as_str().into()));
    }
}

fn add(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_ingest::{Entry, parse_jsonl};
    use farmtally_model::Timestamp;
    use farmtally_testkit::sample_farm::{SampleFarmOptions, sample_farm};

    fn read_back(line: &str) -> Submission {
        match parse_jsonl(line.as_bytes()).next() {
            Some(Entry::Submission { submission, .. }) => submission,
            other => panic!("{line} reads as {other:?}"),
        }
    }

    #[test]
    fn a_submission_reads_back_as_itself() {
        let now = Timestamp::parse("2025-11-24T09:30:00Z").unwrap();
        let options = SampleFarmOptions { days: 10, sessions: 3_000 };
        let mut count = 0;
        for submission in sample_farm(7, now, options) {
            assert_eq!(read_back(&to_line(&submission)), submission);
            count += 1;
        }
        assert!(count >= 3_000, "{count}");
    }

    #[test]
    fn what_is_absent_stays_absent_and_what_is_odd_survives() {
        let bare = concat!(
            r#"{"sessionId":"session-00000000000000000000000000000001","queueName":"comp","#,
            r#""fleetName":"blades","jobName":"a \"quoted\"\u0000\t🦀 name","userId":"zoë","#,
            r#""startedAt":"2025-11-24T22:03:07.001Z","revision":4294967295,"#,
            r#""usage":[{"usageType":"LICENSE","licenseProduct":"nuke","quantity":3,"costInUsd":"0.000000001"}]}"#
        );
        let submission = read_back(bare);
        assert_eq!(read_back(&to_line(&submission)), submission);
        let volume = r#"{"volumeId":"volume-00000000000000000000000000000001","fleetName":"blades","startedAt":"2025-11-24T22:03:07Z"}"#;
        let submission = read_back(volume);
        assert_eq!(read_back(&to_line(&submission)), submission);
    }
}
