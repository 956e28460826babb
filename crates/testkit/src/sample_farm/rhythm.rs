//! When sessions start: the weekly rhythm of people, and the one day that goes wrong.

use std::ops::Range;

use super::{HOUR_MS, SampleFarmOptions};

const DAY_MS: i64 = 24 * HOUR_MS;
const WEDNESDAY: i64 = 2;

/// Starts in each hour of a working day (UTC), in comparison: artists submit all day, and the farm works until late.
const HOUR_WEIGHTS: [u64; 24] =
    [62, 54, 45, 36, 29, 25, 24, 29, 42, 60, 78, 86, 80, 83, 90, 92, 94, 98, 102, 96, 88, 82, 75, 68];
/// Starts on a day of the week from Monday, in percent.
const DAY_WEIGHTS: [u64; 7] = [84, 96, 100, 104, 112, 38, 26];
/// Starts on the day that goes wrong, in percent of the same day in another week.
const FAILING_DAY_WEIGHT: u64 = 190;

/// Hours up to now in which the farm is as busy as on a working day at least, so that a demonstration on a Sunday
/// morning has running sessions to show.
const BUSY_HOURS: i64 = 2;
const BUSY_WEIGHT: u64 = 70 * 100 * 100;

/// The start of one hour and the number of sessions that start in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct HourOfSessions {
    pub(super) start_ms: i64,
    pub(super) sessions: u32,
}

pub(super) struct Rhythm {
    hours: Vec<HourOfSessions>,
    failing_day: Range<i64>,
}

impl Rhythm {
    /// Shares the sessions among the hours of the last days up to `origin_ms`.
    pub(super) fn new(origin_ms: i64, options: SampleFarmOptions) -> Self {
        let failing_day = failing_day_before(origin_ms);
        let first_ms = (origin_ms - i64::from(options.days) * DAY_MS).max(0);
        let starts = (0..(origin_ms - first_ms) / HOUR_MS).map(|hour| first_ms + hour * HOUR_MS);
        let least = |start_ms| if start_ms < origin_ms - BUSY_HOURS * HOUR_MS { 0 } else { BUSY_WEIGHT };
        let weight = |start_ms| (start_ms, weight(start_ms, &failing_day).max(least(start_ms)));
        let hours = share_out(options.sessions, starts.map(weight));
        Self { hours, failing_day }
    }

    /// The day on which a simulation fails.
    pub(super) fn failing_day(&self) -> Range<i64> {
        self.failing_day.clone()
    }

    pub(super) fn into_hours(self) -> impl Iterator<Item = HourOfSessions> {
        self.hours.into_iter()
    }
}

/// Whole numbers in proportion to the weights that add up to `sessions`, if there is an hour at all.
fn share_out(sessions: u32, hours: impl Iterator<Item = (i64, u64)>) -> Vec<HourOfSessions> {
    let hours: Vec<(i64, u64)> = hours.collect();
    let all: u64 = hours.iter().map(|(_, weight)| weight).sum();
    let (mut weight_so_far, mut given) = (0, 0);
    let share = |(start_ms, weight)| {
        weight_so_far += weight;
        let due = u32::try_from(u64::from(sessions) * weight_so_far / all).unwrap_or(sessions);
        let hour = HourOfSessions { start_ms, sessions: due - given };
        given = due;
        hour
    };
    hours.into_iter().map(share).collect()
}

fn weight(start_ms: i64, failing_day: &Range<i64>) -> u64 {
    let hour = start_ms.rem_euclid(DAY_MS) / HOUR_MS;
    let day = days_since_monday(start_ms.div_euclid(DAY_MS));
    let weight = |weights: &[u64], index: i64| usize::try_from(index).map_or(0, |index| weights[index]);
    let percent = if failing_day.contains(&start_ms) { FAILING_DAY_WEIGHT } else { 100 };
    weight(&HOUR_WEIGHTS, hour) * weight(&DAY_WEIGHTS, day) * percent
}

/// 1970-01-01, day 0, was a Thursday.
fn days_since_monday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// The last Wednesday that is at least twenty days before an instant.
pub(super) fn failing_day_before(origin_ms: i64) -> Range<i64> {
    let latest = origin_ms.div_euclid(DAY_MS) - 20;
    let day = latest - (days_since_monday(latest) - WEDNESDAY).rem_euclid(7);
    day * DAY_MS..(day + 1) * DAY_MS
}
