use super::*;
use crate::foreign_id::{fleet_id_for_name, job_id_for_name, queue_id_for_name};
use farmtally_model::{NanoUsd, Outcome, Record, Session, Usage, UsageLine, Volume};
use proptest::prelude::*;

const LINE: &str = r#"{"sessionId":"session-00000000000000000000000000000001","queueName":"comp","fleetName":"gpu","jobName":"sh010 comp v12","userId":"alice","startedAt":"2025-11-24T22:03:07.120Z","endedAt":"2025-11-24T22:58:00Z"}"#;

const VOLUME: &str = r#"{"volumeId":"volume-00000000000000000000000000000001","fleetName":"gpu","startedAt":"2025-11-24T22:00:00Z","costInUsd":"0.08"}"#;

/// `LINE` with members added at the end.
fn session_with(members: &str) -> String {
    format!("{},{members}}}", &LINE[..LINE.len() - 1])
}

/// `LINE` without one member.
fn session_without(name: &str) -> String {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(LINE).unwrap();
    members.remove(name).unwrap();
    serde_json::Value::Object(members).to_string()
}

fn read_one(line: &str) -> Result<Submission, String> {
    let mut entries: Vec<Entry> = parse_jsonl(line.as_bytes()).collect();
    assert_eq!(entries.len(), 1, "{line}");
    match entries.remove(0) {
        Entry::Submission { line: 1, submission } => Ok(submission),
        Entry::Rejected(reject) => Err(reject.to_string()),
        other => panic!("{other:?}"),
    }
}

fn read_session(line: &str) -> Session<Option<NanoUsd>> {
    match read_one(line).unwrap().record {
        Record::Session(session) => session,
        Record::Volume(volume) => panic!("{volume:?}"),
    }
}

fn read_volume(line: &str) -> Volume<Option<NanoUsd>> {
    match read_one(line).unwrap().record {
        Record::Volume(volume) => volume,
        Record::Session(session) => panic!("{session:?}"),
    }
}

fn check_refused(line: &str, sentence: &str) {
    assert_eq!(read_one(line).unwrap_err(), format!("line 1, {sentence}"), "{line}");
}

#[test]
fn a_full_session_is_read_whole() {
    let session = read_session(&session_with(
        r#""queueId":"queue-00000000000000000000000000000002","jobId":"job-00000000000000000000000000000003","workerId":"worker-00000000000000000000000000000004","instanceType":"c6i.8xlarge","outcome":"SUCCEEDED","revision":7,"usage":[{"usageType":"COMPUTE","costInUsd":"0.912345678"},{"usageType":"LICENSE","licenseProduct":"arnold","quantity":2,"costInUsd":0.61}]"#,
    ));
    assert_eq!(session.queue_id.to_string(), "queue-00000000000000000000000000000002");
    assert_eq!(session.job_id.to_string(), "job-00000000000000000000000000000003");
    assert_eq!(session.worker_id.unwrap().to_string(), "worker-00000000000000000000000000000004");
    assert_eq!(session.instance_type.unwrap().as_str(), "c6i.8xlarge");
    assert_eq!(session.outcome, Some(Outcome::Succeeded));
    assert_eq!(session.revision, 7);
    assert_eq!(session.span.started_at().to_string(), "2025-11-24T22:03:07.12Z");
    assert_eq!(session.span.ended_at().unwrap().to_string(), "2025-11-24T22:58:00Z");
    let [compute, license] = session.usage.as_slice() else { panic!("two lines") };
    assert_eq!((&compute.usage, compute.cost.unwrap().nanos()), (&Usage::Compute, 912_345_678));
    assert_eq!(license.usage.to_string(), "LICENSE arnold");
    assert!(matches!(license.usage, Usage::License { quantity: 2, .. }));
    assert_eq!(license.cost.unwrap().nanos(), 610_000_000);
}

#[test]
fn absent_usage_is_one_compute_line_without_a_cost() {
    let expected = [UsageLine { usage: Usage::Compute, cost: None }];
    assert_eq!(read_session(LINE).usage.as_slice(), expected);
}

#[test]
fn absent_ids_are_made_of_names() {
    let submission = read_one(LINE).unwrap();
    let Record::Session(session) = submission.record else { panic!("a session") };
    assert_eq!(session.queue_id, queue_id_for_name("comp"));
    assert_eq!(session.fleet_id, fleet_id_for_name("gpu"));
    assert_eq!(session.job_id, job_id_for_name(session.queue_id, "sh010 comp v12"));
    assert_eq!(submission.names.queue.unwrap().as_str(), "comp");
    assert_eq!(submission.names.fleet.unwrap().as_str(), "gpu");
    assert_eq!(submission.names.user, None);
}

#[test]
fn a_name_beside_an_id_is_only_a_display_name() {
    let submission =
        read_one(&session_with(r#""queueId":"queue-00000000000000000000000000000002""#)).unwrap();
    let Record::Session(session) = submission.record else { panic!("a session") };
    assert_eq!(session.queue_id.to_string(), "queue-00000000000000000000000000000002");
    assert_eq!(submission.names.queue.unwrap().as_str(), "comp");
}

#[test]
fn null_is_absent() {
    let session =
        read_session(&session_with(r#""queueId":null,"outcome":null,"revision":null,"usage":null"#));
    assert_eq!(session.queue_id, queue_id_for_name("comp"));
    assert_eq!((session.outcome, session.revision, session.usage.as_slice().len()), (None, 0, 1));
}

#[test]
fn absent_end_is_running() {
    assert_eq!(read_session(&session_without("endedAt")).span.ended_at(), None);
}

#[test]
fn a_volume_has_a_fleet_a_span_and_a_cost() {
    let volume = read_volume(VOLUME);
    assert_eq!(volume.fleet_id, fleet_id_for_name("gpu"));
    assert_eq!(volume.cost.unwrap().nanos(), 80_000_000);
    assert_eq!((volume.span.ended_at(), volume.revision), (None, 0));
}

#[test]
fn a_cost_is_read_from_the_digits_that_were_sent() {
    for (sent, nanos) in [
        ("0.1", 100_000_000),
        ("\"0.1\"", 100_000_000),
        // Beyond what a double holds: a float would give 999999999.9999999 or 1000000000.
        ("999999999.999999999", 999_999_999_999_999_999),
        ("1e-7", 100),
        ("0", 0),
    ] {
        let line = session_with(&format!(r#""usage":[{{"usageType":"COMPUTE","costInUsd":{sent}}}]"#));
        assert_eq!(read_session(&line).usage.as_slice()[0].cost.unwrap().nanos(), nanos, "{sent}");
    }
}

#[test]
fn a_bad_cost_is_refused_with_its_path() {
    for (sent, sentence) in [
        ("-1", "-1 is negative; the least is 0"),
        ("0.1234567891", "0.1234567891 has more than nine decimals; round it to 1e-9 before sending it"),
        ("\"NaN\"", "\"NaN\" is not a decimal number"),
        ("1e10", "1e10 is more than 1000000000"),
        ("true", "true is not a decimal number"),
        ("[1]", "[1] is not a decimal number"),
    ] {
        let line = session_with(&format!(r#""usage":[{{"usageType":"COMPUTE","costInUsd":{sent}}}]"#));
        check_refused(&line, &format!("usage[0].costInUsd: {sentence}"));
    }
}

#[test]
fn the_second_spelling_of_canceled_is_understood() {
    for spelling in ["CANCELED", "CANCELLED"] {
        let session = read_session(&session_with(&format!(r#""outcome":"{spelling}""#)));
        assert_eq!(session.outcome, Some(Outcome::Canceled));
    }
    check_refused(
        &session_with(r#""outcome":"DONE""#),
        "outcome: \"DONE\" is not one of SUCCEEDED, FAILED, CANCELED, RETRIED, PREEMPTED",
    );
}

#[test]
fn unknown_members_are_refused_by_name() {
    check_refused(&session_with(r#""fames":3"#), "fames: unknown member \"fames\"");
    check_refused(
        &session_with(r#""instance_type":"x""#),
        "instance_type: unknown member \"instance_type\"; did you mean instanceType?",
    );
    check_refused(
        &session_with(r#""usage":[{"usageType":"COMPUTE","cost":1}]"#),
        "usage[0].cost: unknown member \"cost\"",
    );
}

#[test]
fn members_in_the_wrong_place_are_told_apart_from_unknown_ones() {
    check_refused(&session_with(r#""costInUsd":1"#), "costInUsd: costInUsd belongs inside usage");
    let volume = |member: &str| format!("{},{member}}}", &VOLUME[..VOLUME.len() - 1]);
    check_refused(&volume(r#""jobName":"x""#), "jobName: jobName does not belong to a volume");
    check_refused(&volume(r#""usage":[]"#), "usage: usage does not belong to a volume");
    check_refused(
        &session_with(r#""usage":[{"usageType":"COMPUTE","revision":1}]"#),
        "usage[0].revision: revision does not belong to a usage line",
    );
}

#[test]
fn repeated_members_are_refused() {
    check_refused(&session_with(r#""userId":"bob""#), "userId: userId is given twice");
    check_refused(&session_with(r#""\u0075serId":"bob""#), "userId: userId is given twice");
    check_refused(&session_with(r#""usage":null,"usage":[]"#), "usage: usage is given twice");
}

#[test]
fn missing_members_are_named_with_what_would_do() {
    for (name, sentence) in [
        ("sessionId", "sessionId: sessionId is missing"),
        ("queueName", "queueId: queueId is missing; give queueId or queueName"),
        ("fleetName", "fleetId: fleetId is missing; give fleetId or fleetName"),
        ("jobName", "jobName: jobName is missing"),
        ("userId", "userId: userId is missing"),
        ("startedAt", "startedAt: startedAt is missing"),
    ] {
        check_refused(&session_without(name), sentence);
    }
}

#[test]
fn wrong_types_are_refused() {
    check_refused(&session_with(r#""workerId":7"#), "workerId: 7 is not a text");
    check_refused(
        &session_with(r#""revision":"1""#),
        "revision: \"1\" is not a whole number from 0 to 4294967295",
    );
    check_refused(
        &session_with(r#""revision":1.5"#),
        "revision: 1.5 is not a whole number from 0 to 4294967295",
    );
    check_refused(
        &session_with(r#""revision":1.0"#),
        "revision: 1.0 is not a whole number from 0 to 4294967295",
    );
    check_refused(
        &session_with(r#""revision":-1"#),
        "revision: -1 is not a whole number from 0 to 4294967295",
    );
    check_refused(&session_with(r#""usage":{}"#), "usage: usage is not a list of usage lines");
    check_refused(&session_with(r#""usage":[3]"#), "usage[0]: a usage line is a JSON object");
    let started = session_without("startedAt").replacen('{', r#"{"startedAt":1764021787,"#, 1);
    check_refused(&started, "startedAt: 1764021787 is not an ISO 8601 time in quotes");
}

#[test]
fn bad_ids_and_texts_are_refused_with_their_bound() {
    check_refused(
        &session_with(r#""jobId":"job-7""#),
        "jobId: job id \"job-7\" does not match job-[0-9a-f]{32}",
    );
    let long = "x".repeat(513);
    let line = session_without("jobName").replacen('{', &format!(r#"{{"jobName":"{long}","#), 1);
    check_refused(&line, "jobName: jobName has 513 characters; 1 to 512 are allowed");
}

#[test]
fn bad_times_are_refused() {
    let with_end =
        |end: &str| session_without("endedAt").replacen('{', &format!(r#"{{"endedAt":"{end}","#), 1);
    check_refused(
        &with_end("2025-11-24T22:00:00Z"),
        "endedAt: endedAt 2025-11-24T22:00:00Z is before startedAt 2025-11-24T22:03:07.12Z",
    );
    check_refused(
        &with_end("2025-11-24 23:00"),
        "endedAt: \"2025-11-24 23:00\" is not an ISO 8601 time with an offset, such as 2025-11-24T22:00:00Z",
    );
    check_refused(
        &with_end("3000-01-01T00:00:00Z"),
        "endedAt: 3000-01-01T00:00:00Z is outside the years 1970 to 2999",
    );
}

#[test]
fn usage_lines_keep_their_rules() {
    for (usage, sentence) in [
        ("[]", "usage: usage is empty; leave it out for one COMPUTE line"),
        (
            r#"[{"costInUsd":1}]"#,
            "usage[0].usageType: usage[0].usageType is missing; give COMPUTE or LICENSE",
        ),
        (
            r#"[{"usageType":"STORAGE"}]"#,
            "usage[0].usageType: \"STORAGE\" is not one of COMPUTE, LICENSE, PERSISTENT_VOLUME",
        ),
        (
            r#"[{"usageType":"PERSISTENT_VOLUME"}]"#,
            "usage[0].usageType: PERSISTENT_VOLUME is the usage of a volume; give volumeId in place of sessionId",
        ),
        (
            r#"[{"usageType":"COMPUTE"},{"usageType":"LICENSE"}]"#,
            "usage[1].licenseProduct: usage[1].licenseProduct is missing; a LICENSE line needs its product",
        ),
        (
            r#"[{"usageType":"LICENSE","licenseProduct":"nuke","quantity":0}]"#,
            "usage[0].quantity: 0 is not a whole number from 1 to 4294967295",
        ),
        (
            r#"[{"usageType":"COMPUTE","licenseProduct":"nuke"}]"#,
            "usage[0].licenseProduct: licenseProduct belongs to LICENSE lines, not to COMPUTE",
        ),
        (
            r#"[{"usageType":"COMPUTE","quantity":2}]"#,
            "usage[0].quantity: the quantity of a COMPUTE line is 1; leave it out",
        ),
        (
            r#"[{"usageType":"COMPUTE"},{"usageType":"COMPUTE"}]"#,
            "usage: usage has two COMPUTE lines; add their quantities and costs into one",
        ),
    ] {
        check_refused(&session_with(&format!(r#""usage":{usage}"#)), sentence);
    }
}

#[test]
fn what_is_not_an_object_is_refused_as_a_row() {
    for line in ["[]", "7", "\"x\"", "null", "{", "{}}", "nonsense"] {
        let refusal = read_one(line).unwrap_err();
        assert!(refusal.starts_with("line 1, row: not a JSON object: "), "{refusal}");
        assert!(!refusal.contains("line 1 column"), "{refusal}");
    }
}

#[test]
fn a_bad_line_does_not_stop_the_others() {
    let body = format!("{LINE}\n\n{{}}\r\n{VOLUME}\n   \n");
    let lines: Vec<(u64, bool)> = parse_jsonl(body.as_bytes())
        .map(|entry| match entry {
            Entry::Submission { line, .. } => (line, true),
            Entry::Rejected(reject) => (reject.line, false),
            Entry::Skipped { .. } => panic!("nothing is skipped"),
        })
        .collect();
    assert_eq!(lines, [(1, true), (3, false), (4, true)]);
}

#[test]
fn deep_nesting_is_refused_without_a_deep_stack() {
    let deep = format!(r#"{{"sessionId":{}{}}}"#, "[".repeat(400_000), "]".repeat(400_000));
    assert!(read_one(&deep).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_jsonl(&bytes).for_each(drop);
    }

    #[test]
    fn no_damage_to_a_good_line_makes_the_parser_panic(
        at in 0..LINE.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut line = LINE.as_bytes().to_vec();
        line.splice(at..(at + 1).min(LINE.len()), bytes);
        parse_jsonl(&line).for_each(drop);
    }
}
