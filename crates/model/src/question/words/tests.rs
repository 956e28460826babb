use super::*;
use crate::question::Comparison;

/// Wednesday, 21 January 2026, 09:30 in Paris.
const NOW: &str = "2026-01-21T08:30:00Z";

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn window_at(words: &TimeWords, name: &str, now: &str) -> String {
    let window = words.window(&zone(name), at(now)).unwrap();
    format!("{} {}", window.start(), window.end())
}

fn last(text: &str, name: &str, now: &str) -> String {
    window_at(&TimeWords::last(text).unwrap(), name, now)
}

fn within(text: &str, name: &str) -> String {
    window_at(&TimeWords::within(text).unwrap(), name, NOW)
}

fn between(from: &str, to: &str, name: &str) -> String {
    window_at(&TimeWords::between(from, to), name, NOW)
}

#[test]
fn last_counts_whole_units_up_to_and_including_the_running_one() {
    for (text, window) in [
        ("1h", "2026-01-21T08:00:00Z 2026-01-21T09:00:00Z"),
        ("24h", "2026-01-20T09:00:00Z 2026-01-21T09:00:00Z"),
        ("1d", "2026-01-20T23:00:00Z 2026-01-21T23:00:00Z"),
        ("30d", "2025-12-22T23:00:00Z 2026-01-21T23:00:00Z"),
        ("1w", "2026-01-18T23:00:00Z 2026-01-25T23:00:00Z"),
        ("2w", "2026-01-11T23:00:00Z 2026-01-25T23:00:00Z"),
        ("1mo", "2025-12-31T23:00:00Z 2026-01-31T23:00:00Z"),
        ("6mo", "2025-07-31T22:00:00Z 2026-01-31T23:00:00Z"),
        ("1q", "2025-12-31T23:00:00Z 2026-03-31T22:00:00Z"),
        ("1y", "2025-12-31T23:00:00Z 2026-12-31T23:00:00Z"),
    ] {
        assert_eq!(last(text, "Europe/Paris", NOW), window, "{text}");
    }
}

#[test]
fn a_day_on_which_clocks_change_is_still_a_day() {
    // Spring in Paris: 23 hours. Autumn: 25.
    assert_eq!(
        last("1d", "Europe/Paris", "2026-03-29T12:00:00Z"),
        "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"
    );
    assert_eq!(
        last("1d", "Europe/Paris", "2026-10-25T12:00:00Z"),
        "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"
    );
    // The hour that comes twice is two hours.
    assert_eq!(
        last("2h", "Europe/Paris", "2026-10-25T01:30:00Z"),
        "2026-10-25T00:00:00Z 2026-10-25T02:00:00Z"
    );
    // In Cairo clocks go forward at midnight: the day begins at one o'clock.
    assert_eq!(
        last("1d", "Africa/Cairo", "2026-04-24T12:00:00Z"),
        "2026-04-23T22:00:00Z 2026-04-24T21:00:00Z"
    );
    // In Havana clocks go back at one o'clock to midnight, which comes twice: the first counts.
    assert_eq!(
        last("1d", "America/Havana", "2024-11-03T12:00:00Z"),
        "2024-11-03T04:00:00Z 2024-11-04T05:00:00Z"
    );
}

#[test]
fn hours_of_zones_with_half_hours_begin_on_their_own_clock() {
    assert_eq!(last("1h", "Asia/Kolkata", NOW), "2026-01-21T08:30:00Z 2026-01-21T09:30:00Z");
    assert_eq!(last("1h", "UTC+05:45", NOW), "2026-01-21T08:15:00Z 2026-01-21T09:15:00Z");
}

#[test]
fn a_unit_of_the_calendar_has_a_name() {
    for (text, window) in [
        ("2026", "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
        ("2026-Q1", "2026-01-01T00:00:00Z 2026-04-01T00:00:00Z"),
        ("2025-Q4", "2025-10-01T00:00:00Z 2026-01-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z 2024-03-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z 2024-03-01T00:00:00Z"),
        ("2026-12-31", "2026-12-31T00:00:00Z 2027-01-01T00:00:00Z"),
        // The first week of 2026 begins in 2025, 2026 has 53 weeks and 2027 begins with the last of them.
        ("2026-W01", "2025-12-29T00:00:00Z 2026-01-05T00:00:00Z"),
        ("2026-W53", "2026-12-28T00:00:00Z 2027-01-04T00:00:00Z"),
        ("today", "2026-01-21T00:00:00Z 2026-01-22T00:00:00Z"),
        ("yesterday", "2026-01-20T00:00:00Z 2026-01-21T00:00:00Z"),
        ("this-week", "2026-01-19T00:00:00Z 2026-01-26T00:00:00Z"),
        ("last-week", "2026-01-12T00:00:00Z 2026-01-19T00:00:00Z"),
        ("this-month", "2026-01-01T00:00:00Z 2026-02-01T00:00:00Z"),
        ("last-month", "2025-12-01T00:00:00Z 2026-01-01T00:00:00Z"),
        ("this-quarter", "2026-01-01T00:00:00Z 2026-04-01T00:00:00Z"),
        ("last-quarter", "2025-10-01T00:00:00Z 2026-01-01T00:00:00Z"),
        ("this-year", "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
        ("last-year", "2025-01-01T00:00:00Z 2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(within(text, "UTC"), window, "{text}");
    }
    assert_eq!(within("2026-07", "Europe/Paris"), "2026-06-30T22:00:00Z 2026-07-31T22:00:00Z");
    assert_eq!(within("1970", "Europe/Paris"), "1970-01-01T00:00:00Z 1970-12-31T23:00:00Z");
}

#[test]
fn a_beginning_and_an_end_are_dates_local_times_or_instants() {
    for (from, to, window) in [
        ("2026-01-01", "2026-02-01", "2025-12-31T23:00:00Z 2026-01-31T23:00:00Z"),
        ("2026-01-01T08:15", "2026-01-01T09", "2026-01-01T07:15:00Z 2026-01-01T08:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00-08:00", "2026-01-01T00:00:00Z 2026-01-01T08:00:00Z"),
        // A time that spring skips is as much later as it was skipped, one that autumn repeats is the first.
        ("2026-03-29T02:30", "2026-10-25T02:30", "2026-03-29T01:30:00Z 2026-10-25T00:30:00Z"),
    ] {
        assert_eq!(between(from, to, "Europe/Paris"), window, "{from} {to}");
    }
}

#[test]
fn what_is_no_window_is_refused_with_field_value_and_hint() {
    for text in ["", "0d", "30", "30x", "-1d", "99999d", "１d", "d", "1.5d"] {
        let error = TimeWords::last(text).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_deref()), ("last", Some(text)));
        assert_eq!(error.hint.as_deref(), Some(LAST_HINT));
    }
    for text in [
        "",
        "26",
        "2026-13",
        "2026-00",
        "2026-Q5",
        "2026-Q0",
        "2025-W53",
        "2026-W00",
        "2026-02-29",
        "2026-1-1",
        "1969",
        "3000",
        "2026-01-01-01",
        "last-day",
        "next-week",
        "this",
        "Today",
        "2026-Q01",
        "２０２６",
    ] {
        let error = TimeWords::within(text).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_deref()), ("in", Some(text)));
    }
    for text in
        ["", "2026", "2026-02-30", "1969-12-31", "3000-01-02", "2026-01-01T25:00", "2026-01-01[UTC]", "now"]
    {
        let refused = |words: TimeWords| words.window(&zone("UTC"), at(NOW)).unwrap_err();
        let error = refused(TimeWords::between(text, "2026-01-01"));
        assert_eq!((error.field.as_str(), error.value.as_deref()), ("from", Some(text)), "{error}");
        assert_eq!(refused(TimeWords::between("2026-01-01", text)).field, "to", "{text}");
    }
    let backwards = TimeWords::between("2026-02-01", "2026-01-01");
    let error = backwards.window(&zone("UTC"), at(NOW)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "to \"2026-01-01\": the window would begin at 2026-02-01T00:00:00Z and end at 2026-01-01T00:00:00Z; it has to \
         end after it begins"
    );
    let error = TimeWords::last("100y").unwrap().window(&zone("UTC"), at(NOW)).unwrap_err();
    assert_eq!(error.to_string(), "last \"100 year\": reaches outside the years 1970 to 2999");
    // Samoa had no 30 December 2011.
    assert!(TimeWords::within("2011-12-30").unwrap().window(&zone("Pacific/Apia"), at(NOW)).is_err());
}

#[test]
fn the_window_before_has_as_many_units_of_the_calendar() {
    let before = |text: &str, name: &str| {
        let window = TimeWords::within(text).unwrap().window(&zone(name), at(NOW)).unwrap();
        let before = Comparison::Previous.window(&zone(name), window).unwrap();
        assert_eq!(before.end(), window.start());
        before.start().to_string()
    };
    assert_eq!(before("2026-03", "UTC"), "2026-02-01T00:00:00Z");
    assert_eq!(before("2026-Q1", "UTC"), "2025-10-01T00:00:00Z");
    assert_eq!(before("2024", "UTC"), "2023-01-01T00:00:00Z");
    assert_eq!(before("2026-W02", "UTC"), "2025-12-29T00:00:00Z");
    assert_eq!(before("2024-03-01", "UTC"), "2024-02-29T00:00:00Z");
    // The day before the day of 23 hours has 24.
    assert_eq!(before("2026-03-29", "Europe/Paris"), "2026-03-27T23:00:00Z");
    assert_eq!(before("2026-04", "Europe/Paris"), "2026-02-28T23:00:00Z");
    let hours = TimeWords::last("6h").unwrap().window(&zone("UTC"), at(NOW)).unwrap();
    assert_eq!(
        Comparison::Previous.window(&zone("UTC"), hours).unwrap().start().to_string(),
        "2026-01-20T21:00:00Z"
    );
    let first = TimeWords::within("1970").unwrap().window(&zone("UTC"), at(NOW)).unwrap();
    assert_eq!(Comparison::Previous.window(&zone("UTC"), first), None);
}

#[test]
fn the_window_a_year_before_has_the_same_dates() {
    let before = |text: &str, name: &str| {
        let window = TimeWords::within(text).unwrap().window(&zone(name), at(NOW)).unwrap();
        let before = Comparison::Year.window(&zone(name), window).unwrap();
        format!("{} {}", before.start(), before.end())
    };
    assert_eq!(before("2026-03", "Europe/Paris"), "2025-02-28T23:00:00Z 2025-03-31T22:00:00Z");
    assert_eq!(before("2024-02-29", "UTC"), "2023-02-28T00:00:00Z 2023-03-01T00:00:00Z");
    assert_eq!(before("2024-02", "UTC"), "2023-02-01T00:00:00Z 2023-03-01T00:00:00Z");
}
