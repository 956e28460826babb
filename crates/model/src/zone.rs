//! Time zones: clocks on walls, with their summer times.
//!
//! Zones come from a database inside the program and never from the machine, so that a question has one answer wherever it
//! is asked. A clock that is moved makes days of 23 and 25 hours, and once in a while a day that does not exist; every
//! function here says what it does then.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use crate::calendar::CalendarUnit;
use crate::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;

/// A zone, or a time on its clock, that we cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Neither the name of a zone nor an offset.
    #[error(
        "{value:?} is no time zone; use an IANA name such as Europe/Paris, or an offset such as UTC+05:30"
    )]
    Unknown {
        /// The text that was given.
        value: String,
    },
    /// Not a date, a local date and time, or an instant.
    #[error(
        "{value:?} is no date such as 2026-01-31, local time such as 2026-01-31T14:00, or instant such as \
         2026-01-31T13:00:00Z"
    )]
    Unreadable {
        /// The text that was given.
        value: String,
    },
    /// An instant outside the years that farmtally keeps.
    #[error("{value} is outside the years 1970 to 2999")]
    OutOfRange {
        /// What was asked for.
        value: String,
    },
}

/// A time zone by its IANA name, or a fixed offset from UTC. Zones of one name are equal.
#[derive(Clone)]
pub struct Zone {
    name: String,
    clock: TimeZone,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), clock: TimeZone::UTC }
    }

    /// The zone with an IANA name, in any case, or `UTC`, `UTC+05:45` and the like: hours and minutes ahead of UTC, at most
    /// 23:59.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        if text.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        if let Some(offset) = fixed_offset(text) {
            return Ok(Self { name: text.to_owned(), clock: TimeZone::fixed(offset) });
        }
        let unknown = || ZoneError::Unknown { value: text.to_owned() };
        let clock = TimeZoneDatabase::bundled().get(text).map_err(|_| unknown())?;
        let name = clock.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { name, clock })
    }

    /// The IANA name, or `UTC+05:45`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far the zone's clock is ahead of UTC at an instant, in milliseconds.
    pub fn offset_ms(&self, instant: Timestamp) -> i64 {
        i64::from(self.clock.to_offset(library_instant(instant.millis())).seconds()) * 1_000
    }

    /// The first instant of the unit that contains an instant.
    ///
    /// A day begins at the first instant of its date, and so do weeks, months, quarters and years with their first day. An
    /// hour begins on the full hour, or where the clock was moved in the middle of one.
    pub fn start_of(&self, unit: CalendarUnit, instant: Timestamp) -> Timestamp {
        let millis = instant.millis();
        let start_ms = match unit {
            CalendarUnit::Hour => self.start_of_hour(millis),
            _ => self.start_of_dates(unit, millis),
        };
        Timestamp::from_millis_clamped(start_ms)
    }

    /// The first instant of the unit that lies `by` units after (or before) the one that contains an instant. Hours are
    /// counted in hours that pass, all others on the calendar.
    pub fn shifted_start_of(
        &self,
        unit: CalendarUnit,
        instant: Timestamp,
        by: i64,
    ) -> Result<Timestamp, ZoneError> {
        let out_of_range =
            || ZoneError::OutOfRange { value: format!("the {unit} that is {by} after {instant}") };
        let start = self.start_of(unit, instant);
        let start_ms = if unit == CalendarUnit::Hour {
            let shifted_ms = by.checked_mul(HOUR_MS).and_then(|by_ms| start.millis().checked_add(by_ms));
            shifted_ms.ok_or_else(out_of_range)?
        } else {
            let first = unit.first_date(self.date_at(start.millis()));
            self.start_of_date(unit.shifted(first, by).ok_or_else(out_of_range)?)
        };
        Timestamp::from_millis(start_ms).map_err(|_| out_of_range())
    }

    /// The instant that a text means here: a date (its first instant), a local date and time, or an instant with its own
    /// offset. A local time that was skipped is read as if the clock had not been moved, and of one that came twice the
    /// first is taken. Digits beyond the millisecond are cut off.
    pub fn instant(&self, text: &str) -> Result<Timestamp, ZoneError> {
        let unreadable = || ZoneError::Unreadable { value: text.to_owned() };
        if text.contains('[') {
            return Err(unreadable());
        }
        let instant = if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            instant
        } else {
            let local: DateTime = text.parse().map_err(|_| unreadable())?;
            self.clock.to_zoned(local).map_err(|_| unreadable())?.timestamp()
        };
        let millis = instant.as_nanosecond().div_euclid(1_000_000);
        let timestamp = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millis(millis).ok());
        timestamp.ok_or_else(|| ZoneError::OutOfRange { value: text.to_owned() })
    }

    /// An instant as the zone's clock shows it, with its offset: `2026-01-31T14:00:00+01:00`.
    pub fn text(&self, instant: Timestamp) -> String {
        let instant = library_instant(instant.millis());
        instant.display_with_offset(self.clock.to_offset(instant)).to_string()
    }

    /// The first instant of the unit after the one that begins at, or contains, `millis`.
    pub(crate) fn next_start(&self, unit: CalendarUnit, millis: i64) -> i64 {
        if unit == CalendarUnit::Hour {
            return self.end_of_hour(millis);
        }
        let mut date = unit.first_date(self.date_at(millis));
        loop {
            // A day that the zone skipped begins when the next one does.
            let Some(next) = unit.shifted(date, 1) else { return i64::MAX };
            let start_ms = self.start_of_date(next);
            if start_ms > millis {
                return start_ms;
            }
            date = next;
        }
    }

    fn start_of_dates(&self, unit: CalendarUnit, millis: i64) -> i64 {
        let mut date = unit.first_date(self.date_at(millis));
        let mut start_ms = self.start_of_date(date);
        // Where the clock was moved back over midnight, the old date comes again after the new one has begun.
        while let Some(next) = unit.shifted(date, 1)
            && let next_ms = self.start_of_date(next)
            && next_ms <= millis
        {
            (date, start_ms) = (next, next_ms);
        }
        start_ms
    }

    fn start_of_hour(&self, millis: i64) -> i64 {
        let offset_ms = self.offset_ms_at(millis);
        let full_hour_ms = millis - (millis + offset_ms).rem_euclid(HOUR_MS);
        if self.offset_ms_at(full_hour_ms) == offset_ms {
            return full_hour_ms;
        }
        let moved =
            self.clock.preceding(library_instant(millis + 1)).map(|moved| moved.timestamp().as_millisecond());
        moved
            .take_while(|moved_ms| *moved_ms > full_hour_ms)
            .find(|moved_ms| self.offset_ms_at(moved_ms - 1) != offset_ms)
            .unwrap_or(full_hour_ms)
    }

    fn end_of_hour(&self, millis: i64) -> i64 {
        let offset_ms = self.offset_ms_at(millis);
        let full_hour_ms = millis - (millis + offset_ms).rem_euclid(HOUR_MS) + HOUR_MS;
        if self.offset_ms_at(full_hour_ms - 1) == offset_ms {
            return full_hour_ms;
        }
        let moved =
            self.clock.following(library_instant(millis)).map(|moved| moved.timestamp().as_millisecond());
        moved
            .take_while(|moved_ms| *moved_ms < full_hour_ms)
            .find(|moved_ms| self.offset_ms_at(*moved_ms) != offset_ms)
            .unwrap_or(full_hour_ms)
    }

    fn offset_ms_at(&self, millis: i64) -> i64 {
        i64::from(self.clock.to_offset(library_instant(millis)).seconds()) * 1_000
    }

    fn date_at(&self, millis: i64) -> Date {
        self.clock.to_datetime(library_instant(millis)).date()
    }

    /// The first instant of a date; of a date that was skipped, the first of the next one.
    fn start_of_date(&self, date: Date) -> i64 {
        let start = self.clock.to_zoned(date.at(0, 0, 0, 0));
        start.map_or(i64::MAX, |start| start.timestamp().as_millisecond())
    }
}

/// Milliseconds since 1970 as the library has them. All that we ask for lie within its years.
fn library_instant(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn fixed_offset(text: &str) -> Option<Offset> {
    let [b'U' | b'u', b'T' | b't', b'C' | b'c', sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text.as_bytes()
    else {
        return None;
    };
    let digit = |digit: &u8| digit.is_ascii_digit().then(|| i32::from(digit - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok()
}

impl CalendarUnit {
    /// The first date of the unit that contains a date.
    fn first_date(self, date: Date) -> Date {
        match self {
            Self::Hour | Self::Day => date,
            Self::Week => {
                let days_since_monday = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(SignedDuration::from_hours(24 * days_since_monday)).unwrap_or(date)
            }
            Self::Month => date.first_of_month(),
            Self::Quarter => {
                let first = (date.month() - 1) / 3 * 3 + 1;
                Date::new(date.year(), first, 1).unwrap_or(date)
            }
            Self::Year => date.first_of_year(),
        }
    }

    /// The first date of the unit `by` units after one that begins on `first`.
    fn shifted(self, first: Date, by: i64) -> Option<Date> {
        // Further than a thousand years is further than any date that we keep.
        let by = i32::try_from(by).ok().filter(|by| by.abs() <= 500_000)?;
        let none = jiff::Span::new();
        let span = match self {
            Self::Hour | Self::Day => none.try_days(by),
            Self::Week => none.try_weeks(by),
            Self::Month => none.try_months(by),
            Self::Quarter => none.try_months(by * 3),
            Self::Year => none.try_years(by),
        };
        first.checked_add(span.ok()?).ok()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn zones_have_iana_names_in_any_case_or_any_offset_in_minutes() {
        assert_eq!(zone("europe/paris").name(), "Europe/Paris");
        assert_eq!(zone("utc"), Zone::utc());
        assert_eq!(zone("UTC+05:45").offset_ms(at("2026-01-01T00:00:00Z")), 345 * 60_000);
        assert_eq!(zone("UTC-03:30").text(at("2026-01-01T00:00:00Z")), "2025-12-31T20:30:00-03:30");
        for text in ["", "Europe/Atlantis", "UTC+24:00", "UTC+05:60", "+05:30", "UTC+5", "CEST5"] {
            assert!(matches!(Zone::parse(text), Err(ZoneError::Unknown { .. })), "{text}");
        }
    }

    #[test]
    fn a_text_is_a_date_a_local_time_or_an_instant() {
        let paris = zone("Europe/Paris");
        let read = |text: &str| paris.text(paris.instant(text).unwrap());
        assert_eq!(read("2026-01-31"), "2026-01-31T00:00:00+01:00");
        assert_eq!(read("2026-07-14T12:30"), "2026-07-14T12:30:00+02:00");
        assert_eq!(read("2026-07-14T12:30:00Z"), "2026-07-14T14:30:00+02:00");
        // Skipped, and the first of two.
        assert_eq!(read("2026-03-29T02:30"), "2026-03-29T03:30:00+02:00");
        assert_eq!(read("2026-10-25T02:30"), "2026-10-25T02:30:00+02:00");
        for text in ["", "yesterday", "2026-02-30", "2026-01-31[UTC]", "26-01-31"] {
            assert!(matches!(paris.instant(text), Err(ZoneError::Unreadable { .. })), "{text}");
        }
        assert!(matches!(paris.instant("1969-12-31"), Err(ZoneError::OutOfRange { .. })));
    }

    #[test]
    fn units_begin_on_the_local_calendar() {
        let paris = zone("Europe/Paris");
        let instant = at("2026-08-19T22:30:00Z");
        let start = |unit| paris.text(paris.start_of(unit, instant));
        assert_eq!(start(CalendarUnit::Hour), "2026-08-20T00:00:00+02:00");
        assert_eq!(start(CalendarUnit::Day), "2026-08-20T00:00:00+02:00");
        assert_eq!(start(CalendarUnit::Week), "2026-08-17T00:00:00+02:00");
        assert_eq!(start(CalendarUnit::Month), "2026-08-01T00:00:00+02:00");
        assert_eq!(start(CalendarUnit::Quarter), "2026-07-01T00:00:00+02:00");
        assert_eq!(start(CalendarUnit::Year), "2026-01-01T00:00:00+01:00");
        let shifted = |unit, by| paris.text(paris.shifted_start_of(unit, instant, by).unwrap());
        assert_eq!(shifted(CalendarUnit::Day, -29), "2026-07-22T00:00:00+02:00");
        assert_eq!(shifted(CalendarUnit::Quarter, -2), "2026-01-01T00:00:00+01:00");
        assert_eq!(shifted(CalendarUnit::Year, 1), "2027-01-01T00:00:00+01:00");
        assert_eq!(shifted(CalendarUnit::Hour, -24), "2026-08-19T00:00:00+02:00");
        assert!(paris.shifted_start_of(CalendarUnit::Year, instant, -60).is_err());
        assert!(paris.shifted_start_of(CalendarUnit::Hour, instant, i64::MAX).is_err());
    }

    #[test]
    fn a_day_that_the_zone_skipped_begins_with_the_next_one() {
        let apia = zone("Pacific/Apia");
        let start = |text: &str| apia.text(apia.instant(text).unwrap());
        assert_eq!(start("2011-12-29"), "2011-12-29T00:00:00-10:00");
        assert_eq!(start("2011-12-31"), "2011-12-31T00:00:00+14:00");
        let last = apia.instant("2011-12-29").unwrap();
        assert_eq!(
            apia.next_start(CalendarUnit::Day, last.millis()),
            apia.instant("2011-12-31").unwrap().millis()
        );
    }
}
