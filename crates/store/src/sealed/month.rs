//! A calendar month in UTC, by which segments are laid in folders and taken out again.

use std::fmt;

use farmtally_model::Timestamp;

/// Months since January of the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Month(i64);

const DAY_MS: i64 = 24 * 3_600_000;

impl Month {
    /// The month that an instant is in.
    pub(crate) fn of(instant: Timestamp) -> Self {
        // Years are counted from March, so that the day that comes and goes is the last of its year.
        let days = instant.millis().div_euclid(DAY_MS) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        Self((era * 400 + year_of_era) * 12 + month_from_march + 2)
    }

    /// The month with this text, such as `2025-11`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
        let parsed = (1..=12).contains(&month).then_some(Self(year * 12 + month - 1))?;
        (parsed.to_string() == text).then_some(parsed)
    }

    /// The month so many months before.
    pub(crate) const fn before(self, months: u32) -> Self {
        Self(self.0 - months as i64)
    }

    /// Its first instant, in milliseconds since 1970.
    pub(crate) fn start_ms(self) -> i64 {
        let from_march = self.0 - 2;
        let (year, month_from_march) = (from_march.div_euclid(12), from_march.rem_euclid(12));
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * month_from_march + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY_MS
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        for millis in (0..=Timestamp::MAX.millis()).step_by(11 * 24 * 3_599_999) {
            let instant = Timestamp::from_millis(millis).unwrap();
            let month = Month::of(instant);
            assert_eq!(month.to_string(), instant.to_string()[..7]);
            assert_eq!(Month::parse(&month.to_string()), Some(month));
            let start = Timestamp::from_millis(month.start_ms()).unwrap();
            assert_eq!(start.to_string(), format!("{month}-01T00:00:00Z"));
        }
        assert_eq!(Month::parse("2025-13"), None);
        assert_eq!(Month::parse("2025-1"), None);
    }

    #[test]
    fn months_before_cross_years() {
        assert_eq!(Month::parse("2026-02").unwrap().before(14).to_string(), "2024-12");
    }
}
