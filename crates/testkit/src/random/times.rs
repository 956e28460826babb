//! Instants and lengths that meet the edges of buckets.

use farmtally_model::{Span, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::certain::certain;

pub(super) const HALF_HOUR_MS: i64 = 1_800_000;
pub(super) const HOUR_MS: i64 = 2 * HALF_HOUR_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Days around which calendars are interesting: leap days, a century without one, turns of the year, both ends of time.
const ANCHORS: [&str; 8] = [
    "2025-11-24T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "2000-02-29T12:00:00Z",
    "2100-02-28T00:00:00Z",
    "2025-12-31T18:00:00Z",
    "2027-01-03T00:00:00Z",
    "1970-01-02T00:00:00Z",
    "2997-10-01T00:00:00Z",
];

pub(super) fn usual_anchor() -> Timestamp {
    certain(Timestamp::parse(ANCHORS[0]))
}

pub(super) fn anchors() -> impl Strategy<Value = Timestamp> {
    select(&ANCHORS[..]).prop_map(|text| certain(Timestamp::parse(text)))
}

/// Instants mostly within three days of an anchor, sometimes more than a year away, and never outside the years kept.
pub(super) fn instants_around(anchor: Timestamp) -> impl Strategy<Value = Timestamp> {
    let near_edges = (-144_i64..144).prop_map(|half_hours| half_hours * HALF_HOUR_MS);
    let beside_edges = (near_edges.clone(), select(vec![-1_i64, 1])).prop_map(|(edge, beside)| edge + beside);
    let far_edges = (-60_i64..60).prop_map(|days| days * DAY_MS);
    prop_oneof![
        4 => near_edges,
        2 => beside_edges,
        2 => far_edges,
        3 => -3 * DAY_MS..3 * DAY_MS,
        1 => -400 * DAY_MS..400 * DAY_MS,
    ]
    .prop_map(move |offset_ms| Timestamp::from_millis_clamped(anchor.millis() + offset_ms))
}

/// Spans from nothing to 45 days, and running ones.
pub(super) fn spans_around(anchor: Timestamp) -> impl Strategy<Value = Span> {
    (instants_around(anchor), lengths()).prop_map(|(started_at, length_ms)| {
        let end = |length_ms| Timestamp::from_millis_clamped(started_at.millis() + length_ms);
        certain(Span::new(started_at, length_ms.map(end)))
    })
}

/// Lengths in milliseconds; none means still running.
fn lengths() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        2 => Just(Some(0)),
        1 => (1_i64..10).prop_map(Some),
        3 => (1_i64..12).prop_map(|half_hours| Some(half_hours * HALF_HOUR_MS)),
        4 => (1..6 * HOUR_MS).prop_map(Some),
        2 => (1..3 * DAY_MS).prop_map(Some),
        1 => (1..45 * DAY_MS).prop_map(Some),
        2 => Just(None),
    ]
}
