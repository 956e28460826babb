//! The life of an aggregation: an hour to be read in, ends that explain themselves, and restarts that change nothing.

use std::fs;
use std::time::Duration;

use farmtally_service::ServiceLimits;
use serde_json::{Value, json};

use crate::door::{FARM, Farmtally, Setup, get};
use crate::records::{question, session, with};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;

fn two_users() -> [Value; 2] {
    [session(1), with(session(2), json!({ "userId": "bob" }))]
}

#[test]
fn an_answer_can_be_read_for_an_hour_after_start() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&two_users());
    let aggregation_id = farmtally.begin(&question());
    let page = farmtally.wait(&aggregation_id);
    farmtally.clock.advance_ms(HOUR - SECOND);
    assert_eq!(farmtally.call(get(FARM, &aggregation_id, "")).ok(), page);
    farmtally.clock.advance_ms(SECOND);
    let body = farmtally.call(get(FARM, &aggregation_id, "")).error(404, "ResourceNotFoundException");
    assert_eq!(body["resourceType"], "sessions-statistics-aggregation");
    assert_eq!(body["resourceId"], aggregation_id);
}

#[test]
fn a_start_removes_answers_of_more_than_an_hour_ago_from_the_disk() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&two_users());
    let answers_kept = || fs::read_dir(farmtally.folder().join("answers")).unwrap().count();
    farmtally.answer(&question());
    farmtally.clock.advance_ms(HOUR);
    farmtally.answer(&question());
    assert_eq!(answers_kept(), 2);
    farmtally.clock.advance_ms(SECOND);
    farmtally.answer(&question());
    assert_eq!(answers_kept(), 2);
}

#[test]
fn a_page_token_is_good_for_24_hours_and_longer_than_its_aggregation() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&two_users());
    let aggregation_id = farmtally.begin(&question());
    farmtally.wait(&aggregation_id);
    let page = farmtally.call(get(FARM, &aggregation_id, "&maxResults=1")).ok();
    let more = format!("&nextToken={}", page["nextToken"].as_str().unwrap());
    let again = || farmtally.call(get(FARM, &aggregation_id, &more));
    again().ok();
    farmtally.clock.advance_ms(24 * HOUR - SECOND);
    again().error(404, "ResourceNotFoundException");
    farmtally.clock.advance_ms(SECOND);
    let body = again().error(400, "ValidationException");
    assert!(body["message"].as_str().unwrap().contains("24 hours"), "{body}");
}

#[test]
fn an_answer_with_too_many_rows_fails_and_says_what_to_do() {
    let service_limits = ServiceLimits { aggregation_rows_max: 1, ..ServiceLimits::default() };
    let farmtally = Farmtally::with(Setup { service_limits, ..Setup::default() });
    farmtally.ingest(&two_users());
    let page = farmtally.wait(&farmtally.begin(&question()));
    let expected = json!({
        "statistics": [], "status": "FAILED",
        "statusMessage": "the answer has more than 1 rows; reduce the time frame or the number of queues or fleets, \
                          or use a longer period",
    });
    assert_eq!(page, expected);
}

#[test]
fn an_aggregation_that_takes_too_long_times_out_and_says_what_to_do() {
    let service_limits =
        ServiceLimits { aggregation_runtime_max: Duration::ZERO, ..ServiceLimits::default() };
    let farmtally = Farmtally::with(Setup { service_limits, ..Setup::default() });
    farmtally.ingest(&two_users());
    let page = farmtally.wait(&farmtally.begin(&question()));
    assert_eq!((&page["status"], &page["statistics"]), (&json!("TIMEOUT"), &json!([])));
    let message = page["statusMessage"].as_str().unwrap();
    assert!(message.contains("reduce the time frame or the number of queues or fleets"), "{message}");
    // The farm is free for the next one.
    farmtally.begin(&question());
}

#[test]
fn an_answer_is_the_same_bytes_after_a_restart() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&two_users());
    let aggregation_id = farmtally.begin(&question());
    farmtally.wait(&aggregation_id);
    let page = |farmtally: &Farmtally, more: &str| farmtally.call(get(FARM, &aggregation_id, more));
    let (whole, first) = (page(&farmtally, ""), page(&farmtally, "&maxResults=1"));
    let more = format!("&nextToken={}", first.ok()["nextToken"].as_str().unwrap());
    let farmtally = farmtally.restart();
    assert_eq!(page(&farmtally, "").body, whole.body);
    // Tokens outlive the process too.
    assert_eq!(page(&farmtally, &more).ok()["statistics"][0], whole.ok()["statistics"][1]);
}

#[test]
fn an_aggregation_in_progress_is_answered_after_a_restart_and_counts_what_came_since() {
    let farmtally = Farmtally::start();
    let aggregation_id = farmtally.hold_aggregation();
    farmtally.ingest(&two_users());
    let farmtally = farmtally.restart();
    let page = farmtally.wait(&aggregation_id);
    assert_eq!(page["status"], "COMPLETED", "{page}");
    assert_eq!(page, farmtally.answer(&question()));
}
