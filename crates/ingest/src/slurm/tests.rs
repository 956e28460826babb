use super::*;
use crate::format::{Format, Input, Options, open};
use farmtally_model::NanoUsd;
use proptest::prelude::*;

pub(crate) const SAMPLE: &str = include_str!("../../../../tests/data/slurm.txt");
const EXTENDED_SAMPLE: &str = include_str!("../../../../tests/data/slurm-extended.txt");

fn read(text: &str) -> Vec<Entry> {
    let input = Input::Stream(Box::new(std::io::Cursor::new(text.to_owned())));
    open(Format::Slurm, input, Options::default()).unwrap().map(Result::unwrap).collect()
}

fn sessions(text: &str) -> Vec<(Session<Option<NanoUsd>>, RecordNames)> {
    let sessions = read(text).into_iter().filter_map(|entry| match entry {
        Entry::Submission { submission: Submission { record: Record::Session(session), names }, .. } => {
            Some((session, names))
        }
        _ => None,
    });
    sessions.collect()
}

fn refusals(text: &str) -> Vec<String> {
    let refusals = read(text).into_iter().filter_map(|entry| match entry {
        Entry::Rejected(reject) => Some(reject.to_string()),
        _ => None,
    });
    refusals.collect()
}

/// The first row of the sample with one field replaced.
fn row_with(name: &str, value: &str) -> String {
    let mut fields: Vec<&str> = SAMPLE.lines().next().unwrap().split('|').collect();
    fields[PLAIN.iter().position(|field| *field == name).unwrap()] = value;
    fields.join("|")
}

#[test]
fn a_job_is_a_session_of_its_cluster_and_partition() {
    let (session, names) = sessions(SAMPLE).remove(0);
    let source = ForeignSource::new("slurm/fjord");
    assert_eq!(session.fleet_id, source.fleet("fjord"));
    assert_eq!(session.queue_id, source.queue("batch"));
    assert_eq!(session.job_id, source.job("1001"));
    assert_eq!(session.session_id, source.session("1001 1764014700000"));
    assert_eq!(session.worker_id, Some(source.worker("node01")));
    assert_eq!((session.job_name.as_str(), session.user_id.as_str()), ("sh010 comp v12", "alice"));
    assert_eq!(session.span.started_at().to_string(), "2025-11-24T20:05:00Z");
    assert_eq!(session.span.ended_at().unwrap().to_string(), "2025-11-24T21:05:00Z");
    assert_eq!(session.instance_type.unwrap().as_str(), "cpu16");
    assert_eq!(session.usage.as_slice(), [compute_line(None)]);
    assert_eq!((names.queue.unwrap().as_str(), names.fleet.unwrap().as_str()), ("batch", "fjord"));
}

#[test]
fn a_job_name_may_hold_the_separator() {
    assert_eq!(sessions(SAMPLE)[1].0.job_name.as_str(), "sim|fx|wedge 7");
    assert_eq!(sessions(EXTENDED_SAMPLE)[0].0.job_name.as_str(), "lighting|pass 2");
}

#[test]
fn eight_separators_in_a_job_name_are_not_the_extended_form() {
    let name = "a|b|c|d|e|f|g|h|i";
    assert_eq!(sessions(&row_with("jobname", name))[0].0.job_name.as_str(), name);
}

#[test]
fn the_tasks_of_an_array_are_sessions_of_one_job() {
    let sessions = sessions(SAMPLE);
    let (seventh, eighth) = (&sessions[1].0, &sessions[2].0);
    assert_eq!(seventh.job_id, eighth.job_id);
    assert_eq!(seventh.job_id, ForeignSource::new("slurm/fjord").job("1002"));
    assert_ne!(seventh.session_id, eighth.session_id);
}

#[test]
fn gpus_name_the_instance_type_and_their_type_is_kept() {
    let sessions = sessions(SAMPLE);
    assert_eq!(sessions[1].0.instance_type.as_ref().unwrap().as_str(), "gpu:a100");
    assert_eq!(sessions[2].0.instance_type.as_ref().unwrap().as_str(), "gpu");
    assert_eq!(sessions[3].0.instance_type.as_ref().unwrap().as_str(), "cpu3");
}

#[test]
fn a_job_on_many_nodes_has_no_single_worker() {
    assert_eq!(sessions(SAMPLE)[1].0.worker_id, None);
}

#[test]
fn an_unknown_end_is_running_and_empty_names_fall_back() {
    let (session, _) = sessions(SAMPLE).remove(2);
    assert_eq!((session.span.ended_at(), session.outcome), (None, None));
    assert_eq!((session.user_id.as_str(), session.job_name.as_str()), ("1002", "1002_8"));
}

#[test]
fn a_requeued_job_is_two_sessions_of_one_job() {
    let sessions = sessions(SAMPLE);
    let (first, second) = (&sessions[3].0, &sessions[4].0);
    assert_eq!(first.job_id, second.job_id);
    assert_ne!(first.session_id, second.session_id);
    assert_eq!((first.outcome, second.outcome), (Some(Outcome::Retried), Some(Outcome::Failed)));
}

#[test]
fn several_partitions_stay_one_text() {
    let (session, names) = sessions(SAMPLE).remove(3);
    assert_eq!(session.queue_id, ForeignSource::new("slurm/fjord").queue("batch,gpu"));
    assert_eq!(names.queue.unwrap().as_str(), "batch,gpu");
}

#[test]
fn steps_and_jobs_that_never_started_are_skipped_with_their_reason() {
    let skipped: Vec<(u64, SkipReason)> = read(SAMPLE)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Skipped { line, reason } => Some((line, reason)),
            _ => None,
        })
        .collect();
    let never = SkipReason::NeverStarted;
    assert_eq!(skipped, [(6, SkipReason::JobStep), (7, never), (8, never)]);
}

#[test]
fn rows_that_cannot_be_sessions_are_refused_with_field_and_reason() {
    assert_eq!(
        refusals(SAMPLE),
        [
            "line 9, end: end 2025-11-24T20:29:59 is before start 2025-11-24T20:30:00",
            "line 10, row: the row has 5 fields; 26 are needed",
        ]
    );
    for (name, value, sentence) in [
        ("cluster", "", "cluster: cluster is missing"),
        ("partition", "", "partition: partition is missing"),
        (
            "start",
            "yesterday",
            "start: \"yesterday\" is not a time such as 2025-11-24T22:00:00, from 1970 to 2999",
        ),
    ] {
        assert_eq!(refusals(&row_with(name, value)), [format!("line 1, {sentence}")]);
    }
    let long = "x".repeat(513);
    assert_eq!(
        refusals(&row_with("jobname", &long)),
        ["line 1, jobname: jobName has 513 characters; 1 to 512 are allowed"]
    );
}

#[test]
fn states_become_outcomes() {
    for (state, expected) in [
        ("COMPLETED", Some(Outcome::Succeeded)),
        ("FAILED", Some(Outcome::Failed)),
        ("TIMEOUT", Some(Outcome::Failed)),
        ("OUT_OF_MEMORY", Some(Outcome::Failed)),
        ("BOOT_FAIL", Some(Outcome::Failed)),
        ("DEADLINE", Some(Outcome::Failed)),
        ("CANCELLED by 1234", Some(Outcome::Canceled)),
        ("CANCELLED", Some(Outcome::Canceled)),
        ("PREEMPTED", Some(Outcome::Preempted)),
        ("REQUEUED", Some(Outcome::Retried)),
        ("SUSPENDED", None),
    ] {
        assert_eq!(sessions(&row_with("state", state))[0].0.outcome, expected, "{state}");
    }
}

#[test]
fn licences_of_the_extended_form_are_lines_summed_by_product() {
    let (session, _) = sessions(EXTENDED_SAMPLE).remove(0);
    let lines: Vec<(String, u32)> = session
        .usage
        .as_slice()
        .iter()
        .map(|line| match &line.usage {
            Usage::Compute => ("COMPUTE".to_owned(), 1),
            Usage::License { product, quantity } => (product.to_string(), *quantity),
        })
        .collect();
    let expected =
        [("COMPUTE", 1), ("maya", 3), ("arnold", 1)].map(|(name, quantity)| (name.to_owned(), quantity));
    assert_eq!(lines, expected);
}

#[test]
fn both_ways_of_writing_a_licence_count_are_read() {
    for (token, expected) in
        [("maya", 1), ("maya:2", 2), ("maya:2@srv", 2), ("maya@srv", 1), ("maya@srv:3", 3)]
    {
        let (product, quantity) = license(token).unwrap();
        assert_eq!((product.as_str(), quantity), ("maya", expected), "{token}");
    }
    for token in [":2", "maya:0", "maya:x", "@srv"] {
        assert_eq!(license(token), None, "{token}");
    }
    assert_eq!(refusals(EXTENDED_SAMPLE), ["line 3, licenses: \"nuke:many\" is not product:count@server"]);
}

#[test]
fn the_extended_form_identifies_sessions_by_the_database() {
    let (session, _) = sessions(EXTENDED_SAMPLE).remove(0);
    assert_eq!(session.session_id, ForeignSource::new("slurm/fjord").session("dbindex 417"));
}

#[test]
fn the_extended_form_is_recognised_without_its_header() {
    let (_, rows) = EXTENDED_SAMPLE.split_once('\n').unwrap();
    let with_header: Vec<_> = sessions(EXTENDED_SAMPLE);
    assert_eq!(sessions(rows), with_header);
}

#[test]
fn another_header_ends_the_reading() {
    let input = Input::Stream(Box::new(&b"JobID|State|Start\n1|COMPLETED|x\n"[..]));
    let mut entries = open(Format::Slurm, input, Options::default()).unwrap();
    assert!(matches!(entries.next(), Some(Err(ReadError::Header { .. }))));
    assert!(entries.next().is_none());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let input = Input::Stream(Box::new(std::io::Cursor::new(bytes)));
        open(Format::Slurm, input, Options::default()).unwrap().for_each(drop);
    }

    #[test]
    fn no_field_makes_the_parser_panic(index in 0..34_usize, value in "\\PC{0,30}") {
        let row = EXTENDED_SAMPLE.lines().nth(1).unwrap();
        let mut fields: Vec<&str> = row.split('|').collect();
        fields[index] = &value;
        read(&fields.join("|"));
    }
}
