//! A question about usage as somebody asks it: words for times, names for things.
//!
//! Everything in it was read and is within its bounds, and it means nothing yet: which window `30d` is depends on the
//! instant of the question, and which ids are `lighting` on the farm's registry. [`crate::UsageQuery`] is the same question
//! with both known.

mod compare;
mod error;
mod statistics;
mod words;

use std::num::NonZeroUsize;

use crate::calendar::CalendarUnit;
use crate::dimension::Dimension;
use crate::name_pattern::NamePattern;
use crate::time::TimeRange;
use crate::usage_query::{Grouping, RankBy, Top, count_volumes};
use crate::zone::Zone;

pub use compare::Comparison;
pub use error::QuestionError;
pub use statistics::{AskedStatistic, AskedStatistics};
pub use words::{LAST_UNITS_MAX, NamedSpan, TimeWords};

/// Most rows that an answer may be asked for.
pub const ROWS_MAX: usize = 1_000_000;
/// Rows of an answer that says nothing about it.
pub const ROWS_USUAL: usize = 100_000;
/// Most groups that `top` keeps.
pub const TOP_MAX: usize = 10_000;
/// Most buckets that a period which was not named may cut a window into.
const AUTO_BUCKETS_MAX: usize = 90;

/// A question about usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuestion {
    /// The window, in words.
    pub time: TimeWords,
    /// On whose calendar.
    pub zone: Zone,
    /// What the window is cut into.
    pub period: AskedPeriod,
    /// What makes a group.
    pub groupings: Vec<Grouping>,
    /// What has to hold.
    pub filters: Vec<AskedFilter>,
    /// Which statistics the answer has.
    pub statistics: AskedStatistics,
    /// By which total groups are ranked.
    pub rank_by: RankBy,
    /// How many groups are shown; all without it.
    pub top: Option<Top>,
    /// What the window is compared with, if with anything.
    pub compare: Option<Comparison>,
    /// Most rows of the answer.
    pub rows_max: NonZeroUsize,
}

impl Default for UsageQuestion {
    /// What everything cost in the last thirty days.
    fn default() -> Self {
        Self {
            time: TimeWords::default(),
            zone: Zone::utc(),
            period: AskedPeriod::Whole,
            groupings: Vec::new(),
            filters: Vec::new(),
            statistics: AskedStatistics::default(),
            rank_by: RankBy::Cost,
            top: None,
            compare: None,
            rows_max: NonZeroUsize::new(ROWS_USUAL).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl UsageQuestion {
    /// Whether volumes count, as [`crate::UsageQuery::counts_volumes`] says it of the question with ids.
    pub fn counts_volumes(&self) -> bool {
        count_volumes(&self.groupings, self.filters.iter().map(|filter| filter.by.dimension()))
    }
}

/// What a window is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedPeriod {
    /// It stays whole.
    Whole,
    /// A unit of the calendar.
    Of(CalendarUnit),
    /// The shortest unit that makes at most ninety buckets.
    Auto,
}

impl AskedPeriod {
    /// The unit for a window.
    pub fn unit(self, window: TimeRange) -> Option<CalendarUnit> {
        match self {
            Self::Whole => None,
            Self::Of(unit) => Some(unit),
            Self::Auto => Some(auto_unit(window)),
        }
    }
}

/// Judged by the usual length of each unit, so that the same words have the same unit the whole year.
fn auto_unit(window: TimeRange) -> CalendarUnit {
    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;
    let length_ms = window.end().millis() - window.start().millis();
    let usual = [
        (CalendarUnit::Hour, HOUR_MS),
        (CalendarUnit::Day, DAY_MS),
        (CalendarUnit::Week, 7 * DAY_MS),
        (CalendarUnit::Month, 30 * DAY_MS),
        (CalendarUnit::Quarter, 91 * DAY_MS),
    ];
    let fits = |unit_ms: i64| {
        let buckets = usize::try_from((length_ms + unit_ms / 2) / unit_ms).unwrap_or(usize::MAX);
        buckets <= AUTO_BUCKETS_MAX
    };
    usual.into_iter().find(|(_, unit_ms)| fits(*unit_ms)).map_or(CalendarUnit::Year, |(unit, _)| unit)
}

/// What has to hold for usage to count, by names or ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedFilter {
    /// Where the filter stands in the question, such as `filters[1]`, for errors about it.
    pub field: String,
    /// What it is by.
    pub by: FilteredBy,
    /// The values of which one has to be there; `None` for all.
    pub include: Option<Vec<AskedValue>>,
    /// The values that must not be there.
    pub exclude: Vec<AskedValue>,
}

/// What a filter is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilteredBy {
    /// The values of a dimension.
    Dimension(Dimension),
    /// What a pattern takes out of the names of jobs.
    Pattern(NamePattern),
}

impl FilteredBy {
    /// The dimension whose values are looked at.
    pub const fn dimension(&self) -> Dimension {
        match self {
            Self::Dimension(dimension) => *dimension,
            Self::Pattern(_) => Dimension::JobName,
        }
    }
}

/// A value that a filter looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedValue {
    /// No value.
    Absent,
    /// An id, a name, or a glob for names of jobs.
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn an_automatic_period_makes_about_thirty_to_ninety_buckets() {
        let now = Timestamp::parse("2026-01-21T08:30:00Z").unwrap();
        let unit = |last: &str| {
            let window = TimeWords::last(last).unwrap().window(&Zone::utc(), now).unwrap();
            AskedPeriod::Auto.unit(window).unwrap().as_str()
        };
        for (last, expected) in [
            ("1h", "hour"),
            ("3d", "hour"),
            ("4d", "day"),
            ("30d", "day"),
            ("90d", "day"),
            ("1q", "day"),
            ("4mo", "week"),
            ("1y", "week"),
            ("2y", "month"),
            ("7y", "month"),
            ("8y", "quarter"),
            ("22y", "quarter"),
            ("25y", "year"),
        ] {
            assert_eq!(unit(last), expected, "{last}");
        }
        let window = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert_eq!(AskedPeriod::Auto.unit(window), Some(CalendarUnit::Year));
        assert_eq!(AskedPeriod::Whole.unit(window), None);
    }
}
