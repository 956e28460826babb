//! Instants, ranges and offsets from UTC.
//!
//! An instant is a whole number of milliseconds since 1970-01-01T00:00:00Z, and always inside the years 1970 to 2999,
//! so that sums and differences of instants never overflow and every instant has a text form.

use std::fmt;

/// A text or number that is not a time we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not an ISO 8601 date and time with an offset.
    #[error("{value:?} is not an ISO 8601 time with an offset, such as 2025-11-24T22:00:00Z")]
    Unreadable {
        /// The text that was given.
        value: String,
    },
    /// An instant outside the years that farmtally keeps.
    #[error("{value} is outside the years 1970 to 2999")]
    OutOfRange {
        /// The instant as it was given.
        value: String,
    },
    /// More precise than the place allows.
    #[error("{value:?} is more precise than a millisecond")]
    TooPrecise {
        /// The text that was given.
        value: String,
    },
    /// A range that ends before, or when, it starts.
    #[error("endTime {end} is not after startTime {start}")]
    EmptyRange {
        /// Where the range starts.
        start: Timestamp,
        /// Where it ends.
        end: Timestamp,
    },
    /// An offset that the service model does not know.
    #[error("{value:?} does not match UTC[-+][01][0-9]:(30|00), such as UTC-08:00")]
    Offset {
        /// The text that was given.
        value: String,
    },
}

/// An instant in whole milliseconds since 1970-01-01T00:00:00Z, from 1970 to the end of 2999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 2999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(32_503_679_999_999);

    /// The instant so many milliseconds after 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Result<Self, TimeError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(TimeError::OutOfRange { value: format!("{millis} ms after 1970") })
        }
    }

    /// The nearest instant to so many milliseconds after 1970-01-01T00:00:00Z that is inside the range.
    pub fn from_millis_clamped(millis: i64) -> Self {
        Self(millis.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads an ISO 8601 time; digits beyond the millisecond are cut off.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        parse_instant(text).map(|(timestamp, _)| timestamp)
    }

    /// Reads an ISO 8601 time and refuses one that is more precise than a millisecond.
    pub fn parse_exact(text: &str) -> Result<Self, TimeError> {
        match parse_instant(text)? {
            (timestamp, 0) => Ok(timestamp),
            _ => Err(TimeError::TooPrecise { value: text.to_owned() }),
        }
    }
}

/// The instant and the nanoseconds that a millisecond cannot hold.
fn parse_instant(text: &str) -> Result<(Timestamp, i32), TimeError> {
    // A zone annotation such as `[Europe/Paris]` is not ISO 8601, and honouring it would need a zone database here.
    let unreadable = || TimeError::Unreadable { value: text.to_owned() };
    if text.contains('[') {
        return Err(unreadable());
    }
    let instant: jiff::Timestamp = text.parse().map_err(|_| unreadable())?;
    let millis = instant.as_nanosecond().div_euclid(1_000_000);
    let timestamp = i64::try_from(millis)
        .ok()
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .ok_or_else(|| TimeError::OutOfRange { value: text.to_owned() })?;
    Ok((timestamp, instant.subsec_nanosecond() % 1_000_000))
}

impl fmt::Display for Timestamp {
    /// `2025-11-24T22:00:00Z`, with a fraction only when there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{instant}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A half-open stretch of time `[start, end)` that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    start: Timestamp,
    end: Timestamp,
}

impl TimeRange {
    /// The time from `start` up to but not including `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, TimeError> {
        if start < end { Ok(Self { start, end }) } else { Err(TimeError::EmptyRange { start, end }) }
    }

    /// The first instant inside.
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after.
    pub const fn end(self) -> Timestamp {
        self.end
    }
}

/// How far local time is ahead of UTC, in whole half hours: the wire's `timezone`, `UTC+08:00`.
///
/// The service model allows `UTC-19:30` to `UTC+19:30`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// No offset.
    pub const UTC: Self = Self { minutes: 0 };

    /// Reads `UTC+05:30` and the like.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::from_pattern(text.as_bytes()).ok_or_else(|| TimeError::Offset { value: text.to_owned() })
    }

    fn from_pattern(text: &[u8]) -> Option<Self> {
        let [b'U', b'T', b'C', sign, tens, units, b':', minutes @ ..] = text else { return None };
        if !matches!(tens, b'0' | b'1') || !units.is_ascii_digit() {
            return None;
        }
        let half_hour = match minutes {
            b"00" => 0,
            b"30" => 30,
            _ => return None,
        };
        let magnitude = i16::from(tens - b'0') * 600 + i16::from(units - b'0') * 60 + half_hour;
        match sign {
            b'+' => Some(Self { minutes: magnitude }),
            b'-' => Some(Self { minutes: -magnitude }),
            _ => None,
        }
    }

    /// Minutes that local time is ahead of UTC.
    pub const fn minutes(self) -> i16 {
        self.minutes
    }

    /// Milliseconds that local time is ahead of UTC.
    pub fn millis(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }

    /// Whether an instant is a whole hour on a clock at this offset.
    pub fn is_whole_hour(self, timestamp: Timestamp) -> bool {
        (timestamp.millis() + self.millis()).rem_euclid(3_600_000) == 0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let magnitude = self.minutes.unsigned_abs();
        write!(f, "UTC{sign}{:02}:{:02}", magnitude / 60, magnitude % 60)
    }
}

impl fmt::Debug for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_first_and_last_millisecond() {
        assert_eq!(Timestamp::MIN.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "2999-12-31T23:59:59.999Z");
        assert!(Timestamp::from_millis(-1).is_err());
        assert!(Timestamp::parse("3000-01-01T00:00:00Z").is_err());
        assert!(Timestamp::parse("1969-12-31T23:59:59.9999Z").is_err());
    }

    #[test]
    fn fractions_beyond_the_millisecond_are_cut_or_refused() {
        let text = "2025-11-24T22:03:07.120999Z";
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), "2025-11-24T22:03:07.12Z");
        assert!(matches!(Timestamp::parse_exact(text), Err(TimeError::TooPrecise { .. })));
    }

    #[test]
    fn offsets_in_a_time_are_honoured_and_a_missing_one_is_refused() {
        let with_offset = Timestamp::parse("2025-11-24T22:00:00-08:00").unwrap();
        assert_eq!(with_offset.to_string(), "2025-11-25T06:00:00Z");
        for text in ["2025-11-24T22:00:00", "2025-11-24", "1732485600", "", "2025-11-24T22:00:00Z[UTC]"] {
            assert!(matches!(Timestamp::parse(text), Err(TimeError::Unreadable { .. })), "{text}");
        }
    }

    #[test]
    fn every_offset_of_the_pattern_reads_back_and_nothing_else_does() {
        for sign in ['+', '-'] {
            for hours in 0..20 {
                for minutes in ["00", "30"] {
                    let text = format!("UTC{sign}{hours:02}:{minutes}");
                    let offset = UtcOffset::parse(&text).unwrap();
                    let expected = if text == "UTC-00:00" { "UTC+00:00" } else { &text };
                    assert_eq!(offset.to_string(), expected);
                }
            }
        }
        for text in [
            "",
            "UTC",
            "UTC+8",
            "UTC+20:00",
            "UTC+05:45",
            "utc+05:00",
            "UTC+05:300",
            "GMT+05:00",
            "UTC 05:00",
        ] {
            assert!(UtcOffset::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_hours_are_judged_on_the_local_clock() {
        let india = UtcOffset::parse("UTC+05:30").unwrap();
        assert!(india.is_whole_hour(Timestamp::parse("2025-11-24T18:30:00Z").unwrap()));
        assert!(!india.is_whole_hour(Timestamp::parse("2025-11-24T18:00:00Z").unwrap()));
    }
}
