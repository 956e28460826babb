//! Questions about usage, as documents and as query strings.

use farmtally_model::question::{QuestionError, UsageQuestion};
use farmtally_model::{Calendar, Timestamp};
use farmtally_wire::native::{
    Query, SESSIONS_MAX, parse_query_string, parse_sessions_query, parse_values_query,
};

use crate::text;

/// 2025-11-26T00:00:00Z.
const NOW_MS: i64 = 1_764_115_200_000;

/// The body of a question.
pub(crate) fn body(bytes: &[u8]) {
    match Query::parse(bytes) {
        Ok(query) => ask(&query),
        Err(error) => refuse(&error),
    }
}

/// The query string of a question, of a list of values and of a list of sessions.
pub(crate) fn query_string(bytes: &[u8]) {
    let text = text(bytes);
    match parse_query_string(&text, &["format"]) {
        Ok(query) => ask(&query),
        Err(error) => refuse(&error),
    }
    if let Err(error) = parse_values_query(&text) {
        refuse(&error);
    }
    match parse_sessions_query(&text, SESSIONS_MAX) {
        Ok(sessions) => ask(&sessions.query),
        Err(error) => refuse(&error),
    }
}

/// A question that is written and read back is the same; one that is right has a window and buckets, or a sentence why not.
fn ask(query: &Query) {
    let written = serde_json::to_vec(query).unwrap_or_default();
    assert!(Query::parse(&written).is_ok_and(|read| read == *query), "{query:?}");
    match query.check() {
        Ok(question) => count(&question),
        Err(error) => refuse(&error),
    }
}

fn count(question: &UsageQuestion) {
    let window = match question.time.window(&question.zone, Timestamp::from_millis_clamped(NOW_MS)) {
        Ok(window) => window,
        Err(error) => return refuse(&error),
    };
    let unit = question.period.unit(window);
    if let Ok(calendar) = Calendar::new(window, unit, &question.zone) {
        assert_eq!(calendar.window(), window);
        assert!(calendar.edges_ms().windows(2).all(|edges| edges[0] < edges[1]));
    }
    if let Some(before) = question.compare.and_then(|compare| compare.window(&question.zone, window)) {
        assert!(before.start() < window.start());
    }
}

/// A refusal says what is wrong.
fn refuse(error: &QuestionError) {
    assert!(!error.message.is_empty(), "{error:?}");
}
