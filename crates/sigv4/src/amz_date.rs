//! The one time format of Signature Version 4: `20261121T012557Z`, sixteen characters, UTC, whole seconds.

use std::fmt;

const SECONDS_PER_DAY: i64 = 86_400;
/// `0000-01-01T00:00:00Z`: what comes before it has no four-digit year.
const UNIX_SECONDS_MIN: i64 = -62_167_219_200;
/// `9999-12-31T23:59:59Z`.
const UNIX_SECONDS_MAX: i64 = 253_402_300_799;

/// A moment as an `X-Amz-Date` header writes it; prints as `20261121T012557Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AmzDate {
    unix_seconds: i64,
}

impl AmzDate {
    /// Reads exactly `yyyymmddThhmmssZ`; anything else, the 30th of February and a leap second included, is
    /// `None`.
    pub fn parse(value: &str) -> Option<Self> {
        let bytes: &[u8; 16] = value.as_bytes().try_into().ok()?;
        let days = days_since_1970(number(&bytes[0..4])?, number(&bytes[4..6])?, number(&bytes[6..8])?);
        let (hour, minute, second) =
            (number(&bytes[9..11])?, number(&bytes[11..13])?, number(&bytes[13..15])?);
        let date = Self { unix_seconds: days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second };
        // A month 13 or a minute 60 has moved on into its neighbour and prints as another date; the same
        // comparison sees to the `T` and the `Z`.
        (date.to_string() == value).then_some(date)
    }

    /// The moment `unix_seconds` after 1970 began, or the nearest one that four digits of year can write.
    pub fn from_unix_seconds(unix_seconds: i64) -> Self {
        Self { unix_seconds: unix_seconds.clamp(UNIX_SECONDS_MIN, UNIX_SECONDS_MAX) }
    }

    /// Seconds since 1970 began, UTC.
    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// The moment this many seconds later, or earlier when negative.
    #[must_use]
    pub(crate) fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_seconds(self.unix_seconds.saturating_add(seconds))
    }

    /// The day alone, `yyyymmdd`, as the credential scope names it.
    pub(crate) fn day(self) -> String {
        let (year, month, day) = civil_date(self.unix_seconds.div_euclid(SECONDS_PER_DAY));
        format!("{year:04}{month:02}{day:02}")
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second_of_day = self.unix_seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        write!(formatter, "{}T{hour:02}{minute:02}{second:02}Z", self.day())
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. The year is taken to begin in March, so that the
/// leap day is its last day and the months before it have lengths that one line describes. (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms".)
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_since_1970`]: year, month, day.
fn civil_date(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_from_1970() {
        assert_eq!(AmzDate::parse("19700101T000000Z").map(AmzDate::unix_seconds), Some(0));
        assert_eq!(AmzDate::parse("20150830T123600Z").map(AmzDate::unix_seconds), Some(1_440_938_160));
        assert_eq!(AmzDate::parse("19691231T235959Z").map(AmzDate::unix_seconds), Some(-1));
    }

    #[test]
    fn what_does_not_exist_is_not_a_date() {
        for value in [
            "",
            "20150830",
            "2015-08-30T12:36:00Z",
            "20150830t123600Z",
            "20150830T123600z",
            "20150830 123600Z",
            "20150830T123600+",
            "20150830T1236 0Z",
            "+0150830T123600Z",
            "20151330T123600Z",
            "20150030T123600Z",
            "20150800T123600Z",
            "20150229T123600Z",
            "19000229T123600Z",
            "20150431T123600Z",
            "20150830T240000Z",
            "20150830T236000Z",
            "20150830T235960Z",
            "20150830T12360éZ",
        ] {
            assert_eq!(AmzDate::parse(value), None, "{value}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_prints_as_it_was_read() {
        let mut days = 0;
        for year in 1900..2300 {
            for (month, length) in (1..).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                let leap_day = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                for day in 1..=length + i64::from(leap_day) {
                    let text = format!("{year:04}{month:02}{day:02}T235959Z");
                    let date = AmzDate::parse(&text).expect(&text);
                    assert_eq!(date.to_string(), text);
                    days += 1;
                    assert_eq!(date.unix_seconds(), (days - 25_567) * SECONDS_PER_DAY - 1, "{text}");
                }
            }
        }
        assert_eq!(days, 146_097);
    }

    #[test]
    fn a_time_outside_four_digit_years_becomes_the_nearest_inside() {
        assert_eq!(AmzDate::from_unix_seconds(i64::MAX).to_string(), "99991231T235959Z");
        assert_eq!(AmzDate::from_unix_seconds(i64::MIN).to_string(), "00000101T000000Z");
        assert_eq!(
            AmzDate::from_unix_seconds(i64::MAX).plus_seconds(i64::MAX).to_string(),
            "99991231T235959Z"
        );
    }
}
