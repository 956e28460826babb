//! A calendar month in UTC, the unit in which bills come and exports are cut.

use std::fmt;
use std::str::FromStr;

use farmtally_model::{TimeError, TimeRange, Timestamp};

/// A month of the years 1970 to 2999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    /// 1 to 12.
    month: u8,
}

/// A text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a month of the years 1970 to 2999, such as 2026-01")]
pub struct MonthError {
    /// The text that was given.
    text: String,
}

impl Month {
    /// The month that an instant is in.
    pub fn of(instant: Timestamp) -> Self {
        // The text of an instant begins with its year and month, and cannot be read wrongly.
        Self::read(&instant.to_string()).unwrap_or(Self { year: 1970, month: 1 })
    }

    fn read(text: &str) -> Option<Self> {
        let year = text.get(..4)?.parse().ok().filter(|year| (1970..3000).contains(year))?;
        let month = text.get(5..7)?.parse().ok().filter(|month| (1..=12).contains(month))?;
        (text.as_bytes().get(4) == Some(&b'-')).then_some(Self { year, month })
    }

    /// The month after.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    /// The first instant.
    pub fn start(self) -> Timestamp {
        Timestamp::parse(&format!("{self}-01T00:00:00Z")).unwrap_or(Timestamp::MAX)
    }

    /// The first instant after; the last that there is for the last month that there is.
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    /// From the first instant to the end.
    pub fn range(self) -> Result<TimeRange, TimeError> {
        TimeRange::new(self.start(), self.end())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let month = Self::read(text).filter(|_| text.len() == 7);
        month.ok_or_else(|| MonthError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_goes_from_its_first_instant_to_that_of_the_next() {
        let month: Month = "2025-12".parse().unwrap();
        assert_eq!(month.start().to_string(), "2025-12-01T00:00:00Z");
        assert_eq!(month.end().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(Month::of(month.start()), month);
        assert_eq!(Month::of(month.end()), month.next());
        assert_eq!(Month::of(Timestamp::MAX).end(), Timestamp::MAX);
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "1969-12",
            "3000-01",
            "2026-01-01",
            "2026/01",
            "é026-01",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
