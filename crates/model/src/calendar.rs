//! The buckets of a question to people: calendar units on the clock of a zone, as explicit edges.
//!
//! Unlike [`crate::Buckets`], which count on a clock that never moves, these know summer times, so that they have no common
//! width: a day has 23 to 25 hours. A window is cut once, here, and from then on only edges matter.

use std::fmt;
use std::sync::Arc;

use crate::time::{TimeRange, Timestamp};
use crate::zone::Zone;

/// Most buckets of one question.
pub const BUCKETS_MAX: usize = 100_000;

/// The calendar unit that a window is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CalendarUnit {
    /// Clock hours. Where a clock is moved inside an hour, that hour ends and another begins.
    Hour,
    /// Days.
    Day,
    /// Weeks that begin on Monday.
    Week,
    /// Months.
    Month,
    /// Quarters, of which the first begins on the first of January.
    Quarter,
    /// Years.
    Year,
}

impl CalendarUnit {
    /// Every unit, shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The word for it: `hour`, `day` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The unit with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == text)
    }
}

impl fmt::Display for CalendarUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A window that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// More buckets than a question may have.
    #[error(
        "the window has more than {BUCKETS_MAX} buckets of one {unit}; ask for a shorter window or a longer period"
    )]
    TooManyBuckets {
        /// The unit that was asked for.
        unit: CalendarUnit,
    },
    /// Edges that do not ascend, or fewer than two.
    #[error("the edges of the buckets do not ascend; at least two different instants in order are needed")]
    NotAscending,
}

/// A window and the buckets that it is cut into, numbered from the oldest. They cover the window without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    window: TimeRange,
    /// Start of the first bucket, then the end of each.
    edges_ms: Arc<[i64]>,
}

impl Calendar {
    /// Cuts a window where a unit begins on the clock of a zone; without a unit it stays whole. The first and the last
    /// bucket are clipped to the window.
    pub fn new(window: TimeRange, unit: Option<CalendarUnit>, zone: &Zone) -> Result<Self, CalendarError> {
        let (start_ms, end_ms) = (window.start().millis(), window.end().millis());
        let mut edges_ms = vec![start_ms];
        if let Some(unit) = unit {
            let mut edge_ms = zone.next_start(unit, start_ms);
            while edge_ms < end_ms {
                if edges_ms.len() >= BUCKETS_MAX {
                    return Err(CalendarError::TooManyBuckets { unit });
                }
                edges_ms.push(edge_ms);
                edge_ms = zone.next_start(unit, edge_ms);
            }
        }
        edges_ms.push(end_ms);
        Ok(Self { window, edges_ms: edges_ms.into() })
    }

    /// The window, in one bucket.
    pub fn whole(window: TimeRange) -> Self {
        Self { window, edges_ms: [window.start().millis(), window.end().millis()].into() }
    }

    /// Buckets between instants that ascend.
    pub fn from_edges(edges: &[Timestamp]) -> Result<Self, CalendarError> {
        let [first, .., last] = edges else { return Err(CalendarError::NotAscending) };
        if !edges.is_sorted_by(|earlier, later| earlier < later) {
            return Err(CalendarError::NotAscending);
        }
        let window = TimeRange::new(*first, *last).map_err(|_| CalendarError::NotAscending)?;
        Ok(Self { window, edges_ms: edges.iter().map(|edge| edge.millis()).collect() })
    }

    /// The window that was cut.
    pub fn window(&self) -> TimeRange {
        self.window
    }

    /// Number of buckets, at least one.
    pub fn len(&self) -> usize {
        self.edges_ms.len() - 1
    }

    /// Never true: a window is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Start of the first bucket and the end of each, in milliseconds since 1970, ascending.
    pub fn edges_ms(&self) -> &[i64] {
        &self.edges_ms
    }

    /// The bucket that contains an instant of the window, given in milliseconds since 1970.
    pub fn index_of(&self, millis: i64) -> usize {
        self.edges_ms.partition_point(|edge| *edge <= millis).clamp(1, self.len()) - 1
    }

    /// A bucket by its number.
    pub fn bucket(&self, index: usize) -> TimeRange {
        let at = |edge: usize| Timestamp::from_millis_clamped(self.edges_ms[edge]);
        TimeRange::new(at(index), at(index + 1)).unwrap_or(self.window)
    }

    /// The buckets, oldest first.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = TimeRange> + '_ {
        (0..self.len()).map(|index| self.bucket(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn calendar(zone: &str, from: &str, to: &str, unit: CalendarUnit) -> Vec<String> {
        let zone = Zone::parse(zone).unwrap();
        let window = TimeRange::new(zone.instant(from).unwrap(), zone.instant(to).unwrap()).unwrap();
        let calendar = Calendar::new(window, Some(unit), &zone).unwrap();
        calendar.edges_ms().iter().map(|edge| zone.text(Timestamp::from_millis(*edge).unwrap())).collect()
    }

    #[test]
    fn days_are_as_long_as_the_clock_says() {
        let edges = calendar("Europe/Paris", "2026-03-28T12:00", "2026-03-31", CalendarUnit::Day);
        assert_eq!(
            edges,
            [
                "2026-03-28T12:00:00+01:00",
                "2026-03-29T00:00:00+01:00",
                "2026-03-30T00:00:00+02:00",
                "2026-03-31T00:00:00+02:00"
            ]
        );
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_hours_and_one_that_is_skipped_is_none() {
        let edges = calendar("Europe/Paris", "2026-10-25T01:00", "2026-10-25T04:00", CalendarUnit::Hour);
        assert_eq!(
            edges,
            [
                "2026-10-25T01:00:00+02:00",
                "2026-10-25T02:00:00+02:00",
                "2026-10-25T02:00:00+01:00",
                "2026-10-25T03:00:00+01:00",
                "2026-10-25T04:00:00+01:00"
            ]
        );
        let edges = calendar("Europe/Paris", "2026-03-29T01:00", "2026-03-29T04:00", CalendarUnit::Hour);
        let expected =
            ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"];
        assert_eq!(edges, expected);
    }

    #[test]
    fn an_hour_in_which_the_clock_is_moved_by_half_an_hour_is_two() {
        // Lord Howe Island, where at two o'clock it is half past one again.
        let edges =
            calendar("Australia/Lord_Howe", "2026-04-05T01:00", "2026-04-05T03:00", CalendarUnit::Hour);
        assert_eq!(
            edges,
            [
                "2026-04-05T01:00:00+11:00",
                "2026-04-05T01:30:00+10:30",
                "2026-04-05T02:00:00+10:30",
                "2026-04-05T03:00:00+10:30"
            ]
        );
    }

    #[test]
    fn midnights_that_do_not_exist_and_days_that_were_skipped_leave_no_empty_bucket() {
        let cairo = calendar("Africa/Cairo", "2026-04-23", "2026-04-25", CalendarUnit::Day);
        assert_eq!(cairo[1], "2026-04-24T01:00:00+03:00");
        let apia = calendar("Pacific/Apia", "2011-12-29", "2012-01-01", CalendarUnit::Day);
        assert_eq!(apia.len(), 3);
    }

    #[test]
    fn quarters_and_years_begin_in_january() {
        let quarters = calendar("Asia/Kathmandu", "2025-11-15", "2026-08-01", CalendarUnit::Quarter);
        assert_eq!(
            quarters,
            [
                "2025-11-15T00:00:00+05:45",
                "2026-01-01T00:00:00+05:45",
                "2026-04-01T00:00:00+05:45",
                "2026-07-01T00:00:00+05:45",
                "2026-08-01T00:00:00+05:45"
            ]
        );
        assert_eq!(calendar("UTC", "2024-02-29", "2026-02-01", CalendarUnit::Year).len(), 4);
    }

    #[test]
    fn more_buckets_than_a_question_may_have_are_refused() {
        let window = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        let error = Calendar::new(window, Some(CalendarUnit::Hour), &Zone::utc()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the window has more than 100000 buckets of one hour; ask for a shorter window or a longer period"
        );
        assert_eq!(Calendar::from_edges(&[Timestamp::MIN]), Err(CalendarError::NotAscending));
        assert_eq!(Calendar::from_edges(&[Timestamp::MIN; 2]), Err(CalendarError::NotAscending));
    }

    proptest! {
        #[test]
        fn buckets_tile_the_window_and_agree_with_the_start_of_their_unit(
            start in 0_i64..1_900_000_000_000,
            length in 1_i64..200 * 86_400_000,
            at in 0_i64..1_000_000,
            unit in prop::sample::select(CalendarUnit::ALL.to_vec()),
            zone in prop::sample::select(vec![
                "UTC", "Europe/Paris", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
                "Africa/Monrovia", "Pacific/Apia", "Africa/Cairo", "America/Havana", "UTC+12:34",
            ]),
        ) {
            let zone = Zone::parse(zone).unwrap();
            let start = Timestamp::from_millis(start).unwrap();
            let window = TimeRange::new(start, Timestamp::from_millis(start.millis() + length).unwrap()).unwrap();
            let calendar = Calendar::new(window, Some(unit), &zone).unwrap();
            prop_assert!(calendar.edges_ms().is_sorted_by(|earlier, later| earlier < later));
            let instant = Timestamp::from_millis(start.millis() + at * length / 1_000_000).unwrap();
            let index = calendar.index_of(instant.millis());
            let bucket = calendar.bucket(index);
            prop_assert!(bucket.start() <= instant && instant < bucket.end());
            prop_assert_eq!(bucket.start(), zone.start_of(unit, instant).max(window.start()));
        }
    }
}
