use super::*;
use crate::format::{Format, Input, Options, open};
use farmtally_model::NanoUsd;
use proptest::prelude::*;

const SAMPLE: &str = include_str!("../../../../tests/data/test.swf");
const ROW: &str = "1 0 10 3600 16 358.00 2560 16 7200 -1 1 1 1 1 1 -1 -1 -1";

fn read(text: &str) -> Vec<Entry> {
    let input = Input::Stream(Box::new(std::io::Cursor::new(text.to_owned())));
    open(Format::Swf, input, Options::default()).unwrap().map(Result::unwrap).collect()
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

#[test]
fn a_job_starts_when_it_has_waited_and_ends_when_it_has_run() {
    let (session, names) = sessions(SAMPLE).remove(0);
    // 1764000000 is 2025-11-24T16:00:00Z.
    assert_eq!(session.span.started_at().to_string(), "2025-11-24T16:00:10Z");
    assert_eq!(session.span.ended_at().unwrap().to_string(), "2025-11-24T17:00:10Z");
    assert_eq!((session.job_name.as_str(), session.user_id.as_str()), ("job 1", "user1"));
    assert_eq!(session.outcome, Some(Outcome::Succeeded));
    let source = ForeignSource::new("swf/Fjord Cluster");
    assert_eq!(session.session_id, source.session("1764000000 1"));
    assert_eq!(session.queue_id, source.queue("1"));
    assert_eq!(session.fleet_id, source.fleet("Fjord Cluster"));
    assert_eq!((names.queue.unwrap().as_str(), names.fleet.unwrap().as_str()), ("default", "Fjord Cluster"));
}

#[test]
fn zero_length_jobs_and_unknown_users_and_queues_are_kept() {
    let sessions = sessions(SAMPLE);
    let (second, third) = (&sessions[1], &sessions[2]);
    assert_eq!(second.0.span.ended_at(), Some(second.0.span.started_at()));
    assert_eq!((second.0.outcome, third.0.outcome), (Some(Outcome::Failed), Some(Outcome::Canceled)));
    assert_eq!(second.1.queue.as_ref().unwrap().as_str(), "besteffort");
    assert_eq!(third.0.user_id.as_str(), "unknown");
    assert_eq!(third.1.queue.as_ref().unwrap().as_str(), "unknown queue");
}

#[test]
fn rows_that_count_no_time_or_count_it_twice_are_skipped() {
    let skipped: Vec<(u64, SkipReason)> = read(SAMPLE)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Skipped { line, reason } => Some((line, reason)),
            _ => None,
        })
        .collect();
    let partial = SkipReason::PartialExecution;
    assert_eq!(
        skipped,
        [(12, SkipReason::StartUnknown), (13, SkipReason::RunTimeUnknown), (15, partial), (16, partial)]
    );
}

#[test]
fn a_burst_counts_when_its_job_has_no_row_of_its_own() {
    let row = |number: u32, submit: u32, status: u32| {
        format!("{number} {submit} 1 60 1 -1 -1 1 -1 -1 {status} 1 1 1 1 -1 -1 -1\n")
    };
    let rows = [row(7, 0, 1), row(8, 100, 2), row(8, 200, 3), row(9, 300, 4)].concat();
    let sessions = sessions(&format!("; UnixStartTime: 0\n{rows}"));
    assert_eq!(sessions.len(), 4);
    assert_eq!(sessions[1].0.job_id, sessions[2].0.job_id);
    assert_ne!(sessions[1].0.session_id, sessions[2].0.session_id);
    let outcomes: Vec<_> = sessions.iter().map(|(session, _)| session.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Succeeded), None, Some(Outcome::Succeeded), Some(Outcome::Failed)]);
}

#[test]
fn odd_rows_are_refused_with_line_and_reason() {
    let refusals: Vec<String> = read(SAMPLE)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Rejected(reject) => Some(reject.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        refusals,
        [
            "line 17, row: the row has 14 columns; 18 are needed",
            "line 18, wait time: \"1.5\" is not a whole number",
            "line 19, run time: endedAt 2025-11-24T16:04:01Z is before startedAt 2025-11-24T16:05:01Z",
            "line 20, run time: \"many\" is not a whole number",
        ]
    );
}

#[test]
fn a_log_without_a_start_is_unreadable() {
    let input = Input::Stream(Box::new(ROW.as_bytes()));
    let mut entries = open(Format::Swf, input, Options::default()).unwrap();
    let error = entries.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("UnixStartTime"), "{error}");
    assert!(entries.next().is_none());
}

#[test]
fn installation_computer_and_file_name_the_fleet_in_this_order() {
    let fleet = |header: &str| {
        let text = format!("; UnixStartTime: 0\n{header}{ROW}\n");
        let input = Input::Stream(Box::new(std::io::Cursor::new(text)));
        let options = Options { source_name: Some("log.swf".to_owned()), ..Options::default() };
        match open(Format::Swf, input, options).unwrap().next().unwrap().unwrap() {
            Entry::Submission { submission, .. } => submission.names.fleet.unwrap().to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fleet("; Computer: X\n; Installation: Y\n"), "Y");
    assert_eq!(fleet("; Computer: X\n; Installation:\n"), "X");
    assert_eq!(fleet(""), "log.swf");
}

#[test]
fn the_last_comment_on_a_queue_names_it_up_to_a_wide_gap() {
    let queue = |header: &str| {
        let text = format!("; UnixStartTime: 0\n{header}{ROW}\n");
        sessions(&text).remove(0).1.queue.unwrap().to_string()
    };
    assert_eq!(queue("; Queue: 1 - Normal jobs\n"), "Normal jobs");
    assert_eq!(queue("; Queue: 1 - Normal jobs\n; Queue:  1  default        default\n"), "default");
    assert_eq!(queue("; Queue: 2 other\n"), "queue 1");
    assert_eq!(queue(&format!("; Queue: 1 {}\n", "x".repeat(300))), "x".repeat(100));
}

#[test]
fn times_beyond_the_years_we_keep_are_refused() {
    for start in ["99999999999999", "9223372036854775807", "-5000"] {
        let text = format!("; UnixStartTime: {start}\n{ROW}\n");
        let Entry::Rejected(reject) = read(&text).remove(0) else { panic!("refused") };
        assert_eq!(reject.to_string(), "line 2, submit time: the job lies outside the years 1970 to 2999");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let input = Input::Stream(Box::new(std::io::Cursor::new(bytes)));
        open(Format::Swf, input, Options::default()).unwrap().for_each(drop);
    }

    #[test]
    fn no_numbers_make_the_parser_panic(
        start in any::<i64>(),
        numbers in prop::collection::vec(any::<i64>(), 18),
        comment in "\\PC{0,40}",
    ) {
        let row: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        read(&format!("; UnixStartTime: {start}\n; Queue: {comment}\n{}\n", row.join(" ")));
    }
}
