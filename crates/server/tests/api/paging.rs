//! An answer in pages: the same rows whatever the size, and tokens that nobody else can make or use.

use serde_json::{Value, json};

use crate::door::{FARM, Farmtally, OTHER_FARM, get};
use crate::records::{question, session, with};

const ROWS: u32 = 230;

/// A farm with as many users as rows, each with another cost.
fn farmtally() -> Farmtally {
    let farmtally = Farmtally::start();
    let lines: Vec<Value> = (0..ROWS)
        .map(|number| {
            let usage = json!([{ "usageType": "COMPUTE", "costInUsd": format!("0.{number:03}") }]);
            with(session(number), json!({ "userId": format!("user-{number:03}"), "usage": usage }))
        })
        .collect();
    farmtally.ingest(&lines);
    farmtally
}

fn token(page: &Value) -> Option<String> {
    page.get("nextToken").map(|token| token.as_str().unwrap().to_owned())
}

/// The rows of all pages, and how many rows each page had.
fn walk(farmtally: &Farmtally, aggregation_id: &str, more: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut rows, mut sizes, mut query) = (Vec::new(), Vec::new(), more.to_owned());
    loop {
        let page = farmtally.call(get(FARM, aggregation_id, &query)).ok();
        let statistics = page["statistics"].as_array().unwrap();
        sizes.push(statistics.len());
        rows.extend(statistics.iter().cloned());
        let Some(token) = token(&page) else { return (rows, sizes) };
        query = format!("{more}&nextToken={token}");
    }
}

#[test]
fn pages_of_any_size_are_the_same_rows() {
    let farmtally = farmtally();
    let aggregation_id = farmtally.begin(&question());
    farmtally.wait(&aggregation_id);
    let (rows, sizes) = walk(&farmtally, &aggregation_id, "");
    assert_eq!(sizes, [100, 100, 30]);
    let users: Vec<&str> = rows.iter().map(|row| row["userId"].as_str().unwrap()).collect();
    assert_eq!(users, (0..ROWS).map(|number| format!("user-{number:03}")).collect::<Vec<_>>());
    for size in [1, 7, 23, 100] {
        let (others, sizes) = walk(&farmtally, &aggregation_id, &format!("&maxResults={size}"));
        assert_eq!(others, rows, "{size}");
        assert!(sizes.iter().rev().skip(1).all(|count| *count == size), "{sizes:?}");
        assert!(*sizes.last().unwrap() > 0, "{sizes:?}");
    }
}

#[test]
fn the_size_may_change_from_page_to_page() {
    let farmtally = farmtally();
    let aggregation_id = farmtally.begin(&question());
    farmtally.wait(&aggregation_id);
    let first = farmtally.call(get(FARM, &aggregation_id, "&maxResults=3")).ok();
    let more = format!("&maxResults=1&nextToken={}", token(&first).unwrap());
    let second = farmtally.call(get(FARM, &aggregation_id, &more)).ok();
    assert_eq!(second["statistics"][0]["userId"], "user-003");
    assert_eq!(second["statistics"].as_array().unwrap().len(), 1);
}

#[test]
fn a_page_can_be_asked_for_again() {
    let farmtally = farmtally();
    let aggregation_id = farmtally.begin(&question());
    let more = format!("&nextToken={}", token(&farmtally.wait(&aggregation_id)).unwrap());
    let statistics = || farmtally.call(get(FARM, &aggregation_id, &more)).ok()["statistics"].clone();
    assert_eq!(statistics(), statistics());
}

#[test]
fn tokens_of_others_and_changed_tokens_are_refused() {
    let farmtally = farmtally();
    let aggregation_id = farmtally.begin(&question());
    let token = token(&farmtally.wait(&aggregation_id)).unwrap();
    let other_id = farmtally.begin(&question());
    farmtally.wait(&other_id);
    let refused = |farm_id, aggregation_id: &str, token: &str| {
        let more = format!("&nextToken={token}");
        let body = farmtally.call(get(farm_id, aggregation_id, &more)).error(400, "ValidationException");
        assert_eq!(body["reason"], "FIELD_VALIDATION_FAILED");
        assert_eq!(body["fieldList"][0]["name"], "nextToken", "{body}");
    };
    refused(FARM, &other_id, &token);
    refused(OTHER_FARM, &aggregation_id, &token);
    let changed = if token.ends_with('A') { "B" } else { "A" };
    refused(FARM, &aggregation_id, &format!("{}{changed}", &token[..token.len() - 1]));
    for token in [&token[1..], &format!("{token}A"), "x", "%C3%A9", "%00"] {
        refused(FARM, &aggregation_id, token);
    }
}
