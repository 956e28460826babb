use super::*;
use crate::{Entry, Format, Input, Options, open};
use farmtally_model::NanoUsd;
use std::io::Cursor;

const JOB: &str = "e8fbdbb8-6ec1-4d25-8d7a-6e1a1e4c8b11";
const TASK: &str = "3b447f5b-7b36-4a27-9d2e-2c61f4d1aa01";
const LOG: &str = include_str!(
    "../../../../tests/data/flamenco/job-e8fb/e8fbdbb8-6ec1-4d25-8d7a-6e1a1e4c8b11/task-3b447f5b-7b36-4a27-9d2e-2c61f4d1aa01.txt"
);
const EVENTS: &str = include_str!("../../../../tests/data/flamenco/events.jsonl");

fn names() -> FlamencoNames {
    let job = FlamencoJob {
        name: "sh010 light".to_owned(),
        job_type: "simple-blender-render".to_owned(),
        user: Some("alice".to_owned()),
        project: Some("Fjord".to_owned()),
        tag: Some(("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".to_owned(), "gpu".to_owned())),
    };
    FlamencoNames { jobs: HashMap::from([(JOB.to_owned(), job)]) }
}

fn sessions(entries: Vec<Entry>) -> Vec<(Session<Option<NanoUsd>>, RecordNames)> {
    let session = |entry| match entry {
        Entry::Submission { submission: Submission { record: Record::Session(session), names }, .. } => {
            (session, names)
        }
        other => panic!("{other:?}"),
    };
    entries.into_iter().map(session).collect()
}

fn log(text: &str) -> Vec<(Session<Option<NanoUsd>>, RecordNames)> {
    sessions(flamenco_task_log(JOB, TASK, text.as_bytes(), &names()).unwrap())
}

fn events(text: &str, names: Option<FlamencoNames>) -> Vec<Session<Option<NanoUsd>>> {
    let input = Input::Stream(Box::new(Cursor::new(text.to_owned())));
    let options =
        Options { flamenco_names: names.map(|names| Arc::new(RwLock::new(names))), ..Options::default() };
    let entries = open(Format::Flamenco, input, options).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    sessions(entries).into_iter().map(|(session, _)| session).collect()
}

fn spans(sessions: &[Session<Option<NanoUsd>>]) -> Vec<(String, Option<String>, Option<Outcome>)> {
    let span = |session: &Session<_>| {
        let ended_at = session.span.ended_at().map(|ended_at| ended_at.to_string());
        (session.span.started_at().to_string(), ended_at, session.outcome)
    };
    sessions.iter().map(span).collect()
}

#[test]
fn each_run_of_a_task_is_a_session_of_its_worker() {
    let (sessions, names): (Vec<_>, Vec<_>) = log(LOG).into_iter().unzip();
    assert_eq!(
        spans(&sessions),
        [
            (
                "2025-11-24T21:00:05Z".to_owned(),
                Some("2025-11-24T21:10:00Z".to_owned()),
                Some(Outcome::Retried)
            ),
            (
                "2025-11-24T21:12:00Z".to_owned(),
                Some("2025-11-24T21:40:30Z".to_owned()),
                Some(Outcome::Succeeded)
            ),
        ]
    );
    let first = &sessions[0];
    assert_eq!(first.job_id.to_string(), "job-e8fbdbb86ec14d258d7a6e1a1e4c8b11");
    assert_eq!(first.fleet_id.to_string(), "fleet-0a1b2c3d4e5f60718293a4b5c6d7e8f9");
    assert_eq!(first.worker_id.unwrap().to_string(), "worker-11111111222233334444555555555555");
    assert_eq!(first.instance_type.as_ref().unwrap().as_str(), "render01 (old)");
    assert_eq!((first.job_name.as_str(), first.user_id.as_str()), ("sh010 light", "alice"));
    assert_eq!(first.session_id, ForeignSource::new("flamenco").session(&format!("{TASK} 1764018005000")));
    assert_eq!(names[0].queue.as_ref().unwrap().as_str(), "Fjord");
    assert_ne!(sessions[0].worker_id, sessions[1].worker_id, "the last worker is not that of every run");
}

#[test]
fn a_run_without_an_end_still_runs_and_a_lost_end_is_the_last_that_was_heard() {
    let text = "2025-11-24T21:00:00Z task changed status queued -> active\n\
                2025-11-24T21:00:07Z Task failed, said somebody\n\
                Fra:1 Mem:100M\n\
                2025-11-24T22:00:00Z Task assigned to worker w (22222222-2222-3333-4444-555555555555)\n\
                2025-11-24T22:00:00Z task changed status queued -> active\n";
    let sessions: Vec<_> = log(text).into_iter().map(|(session, _)| session).collect();
    assert_eq!(
        spans(&sessions),
        [
            ("2025-11-24T21:00:00Z".to_owned(), Some("2025-11-24T21:00:07Z".to_owned()), None),
            ("2025-11-24T22:00:00Z".to_owned(), None, None),
        ]
    );
}

#[test]
fn what_a_renderer_prints_is_no_change_of_the_task() {
    let text = "task changed status queued -> active\nFra:1 task changed status active -> failed\n\u{fffd}\n";
    assert_eq!(log(text), []);
}

#[test]
fn a_job_that_nobody_knows_has_its_uuid_for_a_name() {
    let entries = flamenco_task_log(JOB, TASK, LOG.as_bytes(), &FlamencoNames::default()).unwrap();
    let (session, names) = sessions(entries).remove(0);
    assert_eq!(session.job_name.as_str(), format!("job {JOB}"));
    assert_eq!((session.user_id.as_str(), names.queue.unwrap().as_str()), ("unknown", "unknown"));
}

#[test]
fn events_make_the_sessions_that_the_logs_make() {
    let from_log: Vec<_> = log(LOG).into_iter().map(|(session, _)| session).collect();
    let from_events = events(EVENTS, Some(names()));
    assert_eq!(from_events[..2], from_log[..]);
    assert_eq!(from_events[2].span.ended_at(), None, "what is open at the end of the stream still runs");
    assert_eq!(from_events.len(), 3);
}

#[test]
fn the_stream_itself_tells_what_a_job_is_called() {
    let sessions = events(EVENTS, None);
    assert_eq!(sessions[0].job_name.as_str(), "sh010 light");
    assert_eq!(sessions[0].queue_id, ForeignSource::new("flamenco").queue("simple-blender-render"));
}

#[test]
fn a_file_of_something_else_is_told_and_not_read_as_nothing() {
    let read = |text: &str, growth: Option<crate::Growth>| {
        let input = Input::Stream(Box::new(Cursor::new(text.to_owned().into_bytes())));
        let options = Options { growth, ..Options::default() };
        open(Format::Flamenco, input, options).unwrap().collect::<Result<Vec<_>, _>>()
    };
    for text in ["Dear farm,\nall is well.\n", "{\"sessionId\":\"session-1\"}\n", LOG] {
        let error = read(text, None).unwrap_err().to_string();
        let first = text.lines().next().unwrap();
        assert!(error.starts_with("none of its ") && error.contains("line 1 is "), "{error}");
        assert!(
            error.contains(&format!("{:?}", first.chars().take(20).collect::<String>())[..10]),
            "{error}"
        );
    }
    assert_eq!(read("\n", None).unwrap(), [], "nothing is nothing");
    let other_event = "flamenco/workers/1 {\"id\":\"1\"}\n";
    assert!(read(other_event, None).is_err());
    assert_eq!(
        read(other_event, Some(crate::Growth::default())).unwrap(),
        [],
        "a stream may begin with others"
    );
}
