//! What bounds questions about usage: places, time, memory and rows, and clients that do not wait for their answer.

use std::time::Duration;

use farmtally_server::ConnectionLimits;
use farmtally_service::ServiceLimits;
use serde_json::json;

use crate::client::{Answer, Call, Connection};
use crate::door::{FARM, Farmtally, Setup, wait_until};
use crate::operating::{metrics, value};
use crate::records::{id, session, with};
use crate::usage::path;

/// Sessions that begin at so many times, which are so far apart that each has a block of its own.
const BEGINNINGS: u32 = 66;
/// Sessions that begin together.
const TOGETHER: u32 = 60;

/// A farm in which a question about hours takes minutes, in a test's build, and is a second at most between two looks.
fn lasting_farm(change: impl FnOnce(&mut ConnectionLimits)) -> Farmtally {
    let mut connection_limits = ConnectionLimits { queries_max: 1, ..ConnectionLimits::default() };
    change(&mut connection_limits);
    let metrics_token = Some("metrics-token".into());
    let farmtally = Farmtally::with(Setup { connection_limits, metrics_token, ..Setup::default() });
    for beginning in 0..BEGINNINGS {
        let lasting = |number| {
            let start = format!("{}-{:02}-01T00:00:00Z", 2014 + beginning / 6, 1 + beginning % 6 * 2);
            with(
                session(beginning * TOGETHER + number),
                json!({ "startedAt": start, "endedAt": "2025-11-01T00:00:00Z", "jobId": id("job", 1) }),
            )
        };
        farmtally.ingest(&(0..TOGETHER).map(lasting).collect::<Vec<_>>());
    }
    farmtally
}

/// The question that takes long.
fn long(farmtally: &Farmtally) -> Connection {
    let target = path("query?from=2014-01-01&to=2025-01-01&period=hour&by=job");
    let mut connection = farmtally.connect();
    connection.send(&Call::get(target).signed(&farmtally.key, farmtally.unix_seconds()));
    connection
}

fn short(farmtally: &Farmtally) -> Answer {
    farmtally.call(Call::get(path("query?in=2025-12")))
}

fn queries(farmtally: &Farmtally, state: &str) -> u32 {
    let found =
        value(metrics(farmtally, "metrics-token").text(), &format!("farmtally_queries{{state=\"{state}\"}}"));
    format!("{found}").parse().unwrap()
}

fn called_off(farmtally: &Farmtally) -> f64 {
    value(metrics(farmtally, "metrics-token").text(), "farmtally_queries_called_off_total")
}

/// A refusal of the native API that says when to ask again.
fn busy(answer: &Answer, status: u16, why: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (status, Some("1")), "{}", answer.text());
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(message, format!("the question could not be answered now: {why}"));
}

#[test]
fn a_client_that_leaves_ends_its_question_and_makes_room() {
    let farmtally = lasting_farm(|_| {});
    for left in 1..=2 {
        let asked = long(&farmtally);
        wait_until("the question runs", || queries(&farmtally, "running") == 1);
        drop(asked);
        wait_until("its place is free", || queries(&farmtally, "running") == 0);
        assert!((called_off(&farmtally) - f64::from(left)).abs() < 0.5);
        assert_eq!(short(&farmtally).status, 200);
    }
}

#[test]
fn a_client_that_leaves_before_its_turn_is_waited_for_no_more() {
    let farmtally = lasting_farm(|limits| limits.query_wait_max = Duration::from_mins(1));
    let (running, waiting) = (long(&farmtally), long(&farmtally));
    wait_until("one question waits", || queries(&farmtally, "waiting") == 1);
    drop(waiting);
    wait_until("none waits", || queries(&farmtally, "waiting") == 0);
    assert_eq!(queries(&farmtally, "running"), 1);
    drop(running);
    assert_eq!(short(&farmtally).status, 200);
}

#[test]
fn questions_wait_for_a_place_and_are_told_when_to_come_back() {
    let farmtally = lasting_farm(|limits| {
        limits.queries_waiting_max = 1;
        limits.query_wait_max = Duration::from_secs(2);
    });
    let running = long(&farmtally);
    wait_until("the question runs", || queries(&farmtally, "running") == 1);
    let mut waiting = long(&farmtally);
    wait_until("another waits", || queries(&farmtally, "waiting") == 1);
    busy(&short(&farmtally), 429, "too many questions wait already");
    // AWS's operations have no part in this.
    assert_eq!(farmtally.call(Call::get("/2023-10-12/farms")).status, 200);
    busy(&waiting.answer().unwrap(), 503, "other questions take longer than that");
    assert_eq!((queries(&farmtally, "running"), queries(&farmtally, "waiting")), (1, 0));
    drop(running);
    assert_eq!(short(&farmtally).status, 200);
}

#[test]
fn a_question_that_takes_too_long_is_given_up_and_makes_room() {
    let farmtally = lasting_farm(|limits| limits.query_runtime_max = Duration::from_millis(300));
    let answer = long(&farmtally).answer().unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({ "message": "the answer takes more than 0.3 seconds",
                "hint": "ask for a shorter window or less to group by, or start an aggregation" })
    );
    wait_until("its place is free", || queries(&farmtally, "running") == 0);
    assert_eq!(short(&farmtally).status, 200);
}

#[test]
fn an_answer_that_needs_too_much_memory_is_refused() {
    let service_limits = ServiceLimits { aggregation_bytes_max: 50_000, ..ServiceLimits::default() };
    let farmtally = Farmtally::with(Setup { service_limits, ..Setup::default() });
    farmtally.ingest(&(0..2_000).map(|number| with(session(number), json!({}))).collect::<Vec<_>>());
    let read = |what: &str| farmtally.call(Call::get(path(what)));
    for more in ["by=job", "by=job&compare=previous", "stat=p50"] {
        let answer = read(&format!("query?in=2025-11-24&{more}"));
        assert_eq!(answer.status, 422, "{more}: {}", answer.text());
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        let expected = "the groups need more than 50000 bytes of memory; ask for a shorter window";
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(read("query?in=2025-11-24&by=queue").status, 200);
}

#[test]
fn a_key_that_asks_too_often_waits_and_others_do_not() {
    let limits = ConnectionLimits { key_requests_per_second_max: 1, ..ConnectionLimits::default() };
    let farmtally = Farmtally::with(Setup { connection_limits: limits, ..Setup::default() });
    let ask = |key| farmtally.call_as(key, Call::get(path("query?last=1d")));
    let mut answers = (0..20).map(|_| ask(&farmtally.key));
    let refused = answers.find(|answer| answer.status != 200).expect("twenty questions at once are too many");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert!(refused.json()["message"].as_str().unwrap().contains("sends too many requests"));
    let other = farmtally.create_key(farmtally_service::Role::Reader, Some(FARM));
    assert_eq!(ask(&other).status, 200);
}
