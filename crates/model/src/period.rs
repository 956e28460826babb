//! Calendar periods at an offset from UTC, and the buckets that they cut a window into.
//!
//! A bucket is found by arithmetic, never by walking: hours, days and weeks have one width at a fixed offset, and months
//! are looked up in a short sorted list. The first and the last bucket are clipped to the window.

use crate::time::{TimeRange, Timestamp, UtcOffset};

/// The calendar unit that statistics are cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Clock hours.
    Hourly,
    /// Calendar days.
    Daily,
    /// Weeks that begin on Monday.
    Weekly,
    /// Calendar months.
    Monthly,
}

impl Period {
    /// Every period, in the order of the service model.
    pub const ALL: [Self; 4] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
        }
    }
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970-01-01 was a Thursday, so the Monday before it is three days earlier.
const FIRST_MONDAY_MS: i64 = -3 * DAY_MS;

/// The buckets of one window, numbered from the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    window: TimeRange,
    edges: Edges,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Edges {
    /// One bucket, the window itself.
    Window,
    /// Buckets of one width, the first of which begins at `origin_ms` (at or before the window's start).
    Uniform { origin_ms: i64, width_ms: i64 },
    /// Starts of the months in the window after the first one.
    Months(Vec<i64>),
}

impl Buckets {
    /// Cuts a window at the edges of the period's units on a clock at `offset`; without a period it stays whole.
    pub fn new(window: TimeRange, period: Option<Period>, offset: UtcOffset) -> Self {
        let start_ms = window.start().millis();
        let uniform = |anchor_ms: i64, width_ms: i64| {
            let anchor_ms = anchor_ms - offset.millis();
            Edges::Uniform { origin_ms: start_ms - (start_ms - anchor_ms).rem_euclid(width_ms), width_ms }
        };
        let edges = match period {
            None => Edges::Window,
            Some(Period::Hourly) => uniform(0, HOUR_MS),
            Some(Period::Daily) => uniform(0, DAY_MS),
            Some(Period::Weekly) => uniform(FIRST_MONDAY_MS, WEEK_MS),
            Some(Period::Monthly) => Edges::Months(month_starts_inside(window, offset)),
        };
        Self { window, edges }
    }

    /// The window that was cut.
    pub fn window(&self) -> TimeRange {
        self.window
    }

    /// Number of buckets, at least one.
    pub fn len(&self) -> usize {
        match &self.edges {
            Edges::Window => 1,
            Edges::Uniform { .. } => self.index_of(self.window.end().millis() - 1) + 1,
            Edges::Months(starts) => starts.len() + 1,
        }
    }

    /// Never true: a window is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The bucket that contains an instant of the window, given in milliseconds.
    #[inline]
    pub fn index_of(&self, millis: i64) -> usize {
        debug_assert!((self.window.start().millis()..self.window.end().millis()).contains(&millis));
        match &self.edges {
            Edges::Window => 0,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative inside the window, and a thousand years have fewer than 2^32 hours"
            )]
            Edges::Uniform { origin_ms, width_ms } => ((millis - origin_ms) / width_ms) as usize,
            Edges::Months(starts) => starts.partition_point(|start| *start <= millis),
        }
    }

    /// Start of a bucket in milliseconds, clipped to the window.
    #[inline]
    pub fn start_ms(&self, index: usize) -> i64 {
        let window_start = self.window.start().millis();
        match &self.edges {
            Edges::Window => window_start,
            #[expect(clippy::cast_possible_wrap, reason = "an index of a bucket is below 2^32")]
            Edges::Uniform { origin_ms, width_ms } => window_start.max(origin_ms + index as i64 * width_ms),
            Edges::Months(starts) => index.checked_sub(1).map_or(window_start, |before| starts[before]),
        }
    }

    /// End of a bucket in milliseconds (the first instant after it), clipped to the window.
    #[inline]
    pub fn end_ms(&self, index: usize) -> i64 {
        let window_end = self.window.end().millis();
        match &self.edges {
            Edges::Window => window_end,
            #[expect(clippy::cast_possible_wrap, reason = "an index of a bucket is below 2^32")]
            Edges::Uniform { origin_ms, width_ms } => {
                window_end.min(origin_ms + (index as i64 + 1) * width_ms)
            }
            Edges::Months(starts) => starts.get(index).copied().unwrap_or(window_end),
        }
    }

    /// A bucket as a range of time.
    pub fn range(&self, index: usize) -> TimeRange {
        let start = Timestamp::from_millis_clamped(self.start_ms(index));
        let end = Timestamp::from_millis_clamped(self.end_ms(index));
        TimeRange::new(start, end).unwrap_or(self.window)
    }
}

/// Month starts strictly inside the window, as seen on a clock at `offset`, in UTC milliseconds.
fn month_starts_inside(window: TimeRange, offset: UtcOffset) -> Vec<i64> {
    let (start_ms, end_ms) = (window.start().millis(), window.end().millis());
    let (mut year, mut month) = civil_month((start_ms + offset.millis()).div_euclid(DAY_MS));
    let mut starts = Vec::new();
    loop {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let next_ms = days_before_month(year, month) * DAY_MS - offset.millis();
        if next_ms >= end_ms {
            return starts;
        }
        starts.push(next_ms);
    }
}

/// Days from 1970-01-01 to the first of a month, in the proleptic Gregorian calendar.
fn days_before_month(year: i64, month: i64) -> i64 {
    // Counted in years that begin in March, so that the leap day is the last day of a year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days_before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days_before_year + (153 * month + 2) / 5 - 719_468
}

/// Year and month that contain a day counted from 1970-01-01.
fn civil_month(day: i64) -> (i64, i64) {
    // A guess that is never late, corrected forward by at most a few months.
    let (mut year, mut month) = (1970 + day.div_euclid(366).min(day.div_euclid(365)), 1);
    while days_before_month(year + 1, 1) <= day {
        year += 1;
    }
    while month < 12 && days_before_month(year, month + 1) <= day {
        month += 1;
    }
    (year, month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil;
    use proptest::prelude::*;

    fn range(start: &str, end: &str) -> TimeRange {
        TimeRange::new(Timestamp::parse(start).unwrap(), Timestamp::parse(end).unwrap()).unwrap()
    }

    fn cut(start: &str, end: &str, period: Period, offset: &str) -> Vec<String> {
        let buckets = Buckets::new(range(start, end), Some(period), UtcOffset::parse(offset).unwrap());
        (0..buckets.len()).map(|index| buckets.range(index).start().to_string()).collect()
    }

    #[test]
    fn weekly_period_starts_on_monday() {
        assert_eq!(
            cut("2025-11-26T00:00:00Z", "2025-12-09T00:00:00Z", Period::Weekly, "UTC+00:00"),
            ["2025-11-26T00:00:00Z", "2025-12-01T00:00:00Z", "2025-12-08T00:00:00Z"]
        );
    }

    #[test]
    fn months_begin_on_the_local_calendar() {
        assert_eq!(
            cut("2024-01-31T05:00:00Z", "2024-03-01T08:00:00Z", Period::Monthly, "UTC-08:00"),
            ["2024-01-31T05:00:00Z", "2024-02-01T08:00:00Z"]
        );
    }

    #[test]
    fn days_at_a_half_hour_offset_begin_at_half_past() {
        assert_eq!(
            cut("2025-11-24T10:30:00Z", "2025-11-25T18:30:00Z", Period::Daily, "UTC+05:30"),
            ["2025-11-24T10:30:00Z", "2025-11-24T18:30:00Z"]
        );
    }

    #[test]
    fn without_a_period_the_window_is_one_bucket() {
        let window = range("2025-11-24T10:00:00Z", "2025-11-25T18:00:00Z");
        let buckets = Buckets::new(window, None, UtcOffset::UTC);
        assert_eq!((buckets.len(), buckets.range(0)), (1, window));
    }

    /// The start of the unit that contains an instant, by another library's calendar.
    fn unit_start(millis: i64, period: Period, offset: UtcOffset) -> i64 {
        let local = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
            + jiff::SignedDuration::from_millis(millis + offset.millis());
        let date = local.date();
        let start = match period {
            Period::Hourly => date.at(local.hour(), 0, 0, 0),
            Period::Daily => date.at(0, 0, 0, 0),
            Period::Weekly => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                (date - jiff::SignedDuration::from_hours(24 * back)).at(0, 0, 0, 0)
            }
            Period::Monthly => date.first_of_month().at(0, 0, 0, 0),
        };
        let since_epoch = start.duration_since(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
        i64::try_from(since_epoch.as_millis()).unwrap() - offset.millis()
    }

    proptest! {
        #[test]
        fn buckets_tile_the_window_on_the_calendar(
            start in 86_400_000_i64..32_000_000_000_000,
            length in 1_i64..100_000_000_000,
            at in 0_i64..1_000_000,
            half_hours in -39_i16..=39,
            period in prop::sample::select(vec![Period::Hourly, Period::Daily, Period::Weekly, Period::Monthly]),
        ) {
            let (hours, half) = (half_hours.abs() / 2, half_hours.abs() % 2 * 30);
            let sign = if half_hours < 0 { '-' } else { '+' };
            let offset = UtcOffset::parse(&format!("UTC{sign}{hours:02}:{half:02}")).unwrap();
            let window = TimeRange::new(
                Timestamp::from_millis(start).unwrap(), Timestamp::from_millis(start + length).unwrap()).unwrap();
            let buckets = Buckets::new(window, Some(period), offset);
            let instant = start + at * length / 1_000_000;
            let index = buckets.index_of(instant);
            prop_assert!(buckets.start_ms(index) <= instant && instant < buckets.end_ms(index));
            prop_assert_eq!(buckets.start_ms(index), start.max(unit_start(instant, period, offset)));
            prop_assert_eq!(buckets.start_ms(0), start);
            prop_assert_eq!(buckets.end_ms(buckets.len() - 1), start + length);
            if index > 0 {
                prop_assert_eq!(buckets.end_ms(index - 1), buckets.start_ms(index));
            }
        }
    }
}
