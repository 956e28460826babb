//! The sessions behind a number, page by page, against all sessions looked at one by one: columns say when they were, storage
//! says which they are, and neither knows what the other one does.

use std::cmp::Reverse;
use std::sync::atomic::AtomicBool;

use farmtally_engine::latest_ended;
use farmtally_model::{
    DisplayName, FarmId, JobId, LineCost, QueueId, Record, RecordNames, Session, SessionId, Span, Timestamp,
    Usage, UsageQuery, UserId,
};
use farmtally_store::{
    NewFarm, PricedSubmission, SessionPosition, SessionSearch, Store, as_submitted, fingerprint,
};
use farmtally_testkit::random::{RandomUsageCase, random_usage_case, with_one_name_for_each_job};
use farmtally_testkit::reference;
use proptest::prelude::*;

const CASES: u32 = 100;

const FARM: FarmId = FarmId::from_bytes([1; 16]);

/// What is done with a batch of records before the next comes.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    Seal,
    DeleteFirst,
    CorrectFirst,
    Reopen,
}

fn then() -> impl Strategy<Value = Then> {
    prop::sample::select(vec![Then::Nothing, Then::Seal, Then::DeleteFirst, Then::CorrectFirst, Then::Reopen])
}

fn create_farm(store: &Store) {
    let display_name = DisplayName::new("feature film").unwrap();
    let new = NewFarm { farm_id: FARM, display_name, created_by: "maria".to_owned() };
    store.catalogue().create_farm(&new, Timestamp::MIN).unwrap();
}

fn append(store: &Store, records: &[Record<LineCost>]) {
    let submission = |record: &Record<LineCost>| PricedSubmission {
        record: record.clone(),
        fingerprint: fingerprint(&as_submitted(record, &[])),
        names: RecordNames::default(),
        amendment: None,
    };
    let batch: Vec<_> = records.iter().map(submission).collect();
    let receipt = store.append(FARM, &batch, Timestamp::MAX).unwrap().into_inner();
    assert!(receipt.refused.is_empty(), "{:?}", receipt.refused);
}

/// The same session a millisecond longer, with a higher revision, if it has ended.
fn corrected(record: &Record<LineCost>) -> Option<Record<LineCost>> {
    let Record::Session(session) = record else { return None };
    let end = Timestamp::from_millis(session.span.ended_at()?.millis() + 1).ok()?;
    let span = Span::new(session.span.started_at(), Some(end)).ok()?;
    Some(Record::Session(Session { span, revision: session.revision + 1, ..session.clone() }))
}

/// What tells sessions apart. Costs are priced when their sessions are sealed.
type Facts = (SessionId, Span, QueueId, JobId, UserId, Vec<Usage>);

fn facts(session: &Session<LineCost>) -> Facts {
    let usage = session.usage.as_slice().iter().map(|line| line.usage.clone()).collect();
    let Session { session_id, span, queue_id, job_id, user_id, .. } = session.clone();
    (session_id, span, queue_id, job_id, user_id, usage)
}

/// All sessions that the question counts when it is asked of each alone, in the order of the list.
fn expected(records: &[Record<LineCost>], query: &UsageQuery, now: Timestamp) -> Vec<Facts> {
    let sessions = records.iter().filter_map(|record| match record {
        Record::Session(session) if is_counted(session, query, now) => Some(session),
        _ => None,
    });
    let mut sessions: Vec<_> = sessions.collect();
    sessions.sort_by_key(|session| Reverse(SessionPosition::of(session)));
    sessions.into_iter().map(facts).collect()
}

fn is_counted(session: &Session<LineCost>, query: &UsageQuery, now: Timestamp) -> bool {
    let alone = Record::Session(session.clone());
    reference::tabulate(std::slice::from_ref(&alone), query, now).total.sessions > 0
}

/// The sessions in pages of the given size.
fn walk(store: &Store, query: &UsageQuery, now: Timestamp, size: usize) -> Vec<Facts> {
    let cancelled = AtomicBool::new(false);
    let (mut all, mut before): (Vec<Facts>, Option<SessionPosition>) = (Vec::new(), None);
    loop {
        let started_before = before.map(|before| before.started_at);
        let snapshot = store.snapshot(FARM).unwrap();
        let ended = latest_ended(&snapshot, query, started_before, size, &cancelled).unwrap();
        let search = SessionSearch {
            ended: &ended.spans,
            before,
            limit: size,
            wanted: &|session| is_counted(session, query, now),
            cancelled: &cancelled,
        };
        let page = store.sessions_behind(FARM, &search).unwrap();
        assert!(page.ended >= ended.count, "{} of {} were found", page.ended, ended.count);
        let is_last = page.sessions.len() < size;
        before = page.sessions.last().map(SessionPosition::of);
        all.extend(page.sessions.iter().map(facts));
        if is_last {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn pages_are_all_sessions_that_the_question_counts_wherever_they_are_stored(
        RandomUsageCase { records, query, now, .. } in random_usage_case(),
        batch in 1_usize..20,
        thens in prop::collection::vec(then(), 40),
    ) {
        // What is grouped by decides which lines count: a list of sessions is grouped by nothing.
        let query = query.grouped_by(vec![]).unwrap().with_top(None);
        let records = with_one_name_for_each_job(records);
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        create_farm(&store);
        let mut stored: Vec<Record<LineCost>> = Vec::new();
        for (records, then) in records.chunks(batch).zip(thens) {
            append(&store, records);
            stored.extend_from_slice(records);
            match then {
                Then::Nothing => {}
                Then::Seal => store.seal(FARM).unwrap(),
                Then::DeleteFirst => {
                    let id = stored.remove(0).id();
                    prop_assert!(store.delete(FARM, id, Timestamp::MAX).unwrap().into_inner());
                }
                Then::CorrectFirst => {
                    if let Some(record) = stored.first().and_then(corrected) {
                        append(&store, std::slice::from_ref(&record));
                        stored[0] = record;
                    }
                }
                Then::Reopen => {
                    drop(store);
                    store = Store::open(dir.path()).unwrap();
                }
            }
        }
        let expected = expected(&stored, &query, now);
        for size in [1, 3, 1000] {
            prop_assert_eq!(&walk(&store, &query, now, size), &expected, "in pages of {}", size);
        }
    }
}
