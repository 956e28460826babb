//! Instants and lengths of time in the ways that other systems write them.

use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use farmtally_model::Timestamp;

use crate::cell::Cell;
use crate::entry::excerpt;

/// Where a wall clock hung whose times have no offset.
#[derive(Clone)]
pub(super) struct Zone(TimeZone);

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({:?})", self.0.iana_name())
    }
}

impl Zone {
    /// A zone of the time zone database, such as `Europe/Oslo`, `UTC`, or an offset such as `+05:30`.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let offset = name.strip_prefix("UTC").unwrap_or(name);
        if let Some(seconds) = offset_seconds(offset) {
            return Offset::from_seconds(seconds)
                .map(|offset| Self(offset.to_time_zone()))
                .map_err(|_| format!("{name:?} is beyond a day"));
        }
        TimeZoneDatabase::bundled().get(name).map(Self).map_err(|_| {
            format!("{name:?} is neither a zone such as Europe/Oslo nor an offset such as +01:00")
        })
    }

    /// The instant at which the clock shows this time: the earlier one where it shows it twice, and where it skips it
    /// the time that it would have shown.
    fn instant(&self, time: DateTime) -> Result<Timestamp, String> {
        let zoned = self.0.to_ambiguous_zoned(time).compatible().map_err(|error| error.to_string())?;
        Timestamp::from_millis(zoned.timestamp().as_millisecond()).map_err(|error| error.to_string())
    }
}

/// Seconds of `+05:30`, or of nothing at all, which is UTC.
fn offset_seconds(text: &str) -> Option<i32> {
    if text.is_empty() || text == "Z" {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes) * 60)
}

/// How a member's instants are written.
#[derive(Debug, Clone)]
pub(super) struct MomentReader {
    form: MomentForm,
    zone: Option<Zone>,
}

#[derive(Debug, Clone)]
enum MomentForm {
    /// ISO 8601, with an offset or without.
    Iso,
    /// A number of units since 1970, with so many of them in a second.
    Epoch { per_second: u32 },
    /// A pattern of `strptime`.
    Pattern(String),
}

impl MomentReader {
    /// Reads the keys `format` and `zone`; the mapping's own zone is for members that name none.
    pub(super) fn check(
        format: Option<&str>,
        zone: Option<&str>,
        usual_zone: Option<&Zone>,
    ) -> Result<Self, String> {
        let form = match format {
            None | Some("iso") => MomentForm::Iso,
            Some("epoch-s") => MomentForm::Epoch { per_second: 1 },
            Some("epoch-ms") => MomentForm::Epoch { per_second: 1_000 },
            Some("epoch-us") => MomentForm::Epoch { per_second: 1_000_000 },
            Some("epoch-ns") => MomentForm::Epoch { per_second: 1_000_000_000 },
            Some(pattern) if pattern.contains('%') => MomentForm::Pattern(pattern.to_owned()),
            Some(other) => {
                return Err(format!(
                    "format {other:?} is not one of iso, epoch-s, epoch-ms, epoch-us, epoch-ns, nor a pattern such \
                     as %d.%m.%Y %H:%M:%S"
                ));
            }
        };
        let zone = zone.map(Zone::parse).transpose()?.or_else(|| usual_zone.cloned());
        Ok(Self { form, zone })
    }

    /// The instant of a cell.
    pub(super) fn read(&self, cell: &Cell<'_>) -> Result<Timestamp, String> {
        match (cell, &self.form) {
            (Cell::Instant(instant), _) => Ok(*instant),
            (Cell::WallTime(shown), _) => self.on_the_wall(*shown),
            (cell, MomentForm::Epoch { per_second }) => epoch(cell.to_string().trim(), *per_second),
            (cell, MomentForm::Iso) => self.iso(cell.to_string().trim()),
            (cell, MomentForm::Pattern(pattern)) => self.pattern(pattern, cell.to_string().trim()),
        }
    }

    /// The Parquet type for a wall clock's time; taken as UTC where no zone is given, as everywhere.
    fn on_the_wall(&self, shown: Timestamp) -> Result<Timestamp, String> {
        let Some(zone) = &self.zone else { return Ok(shown) };
        let civil = jiff::Timestamp::from_millisecond(shown.millis()).map_err(|error| error.to_string())?;
        zone.instant(Offset::UTC.to_datetime(civil))
    }

    fn iso(&self, text: &str) -> Result<Timestamp, String> {
        let error = match Timestamp::parse(text) {
            Ok(instant) => return Ok(instant),
            Err(error) => error,
        };
        let Some(time) = text.parse::<DateTime>().ok().filter(|_| !has_offset(text)) else {
            return Err(if has_offset(text) {
                error.to_string()
            } else {
                let shown = excerpt(text);
                format!(
                    "{shown:?} is not an ISO 8601 time; give its form, such as format = \"%d.%m.%Y %H:%M\""
                )
            });
        };
        self.civil(text, time)
    }

    fn civil(&self, text: &str, time: DateTime) -> Result<Timestamp, String> {
        match &self.zone {
            Some(zone) => zone.instant(time),
            None => Err(format!(
                "{:?} has no offset from UTC; give its zone, such as zone = \"UTC\"",
                excerpt(text)
            )),
        }
    }

    fn pattern(&self, pattern: &str, text: &str) -> Result<Timestamp, String> {
        let mismatch = || format!("{:?} does not match the format {pattern:?}", excerpt(text));
        let parts = strtime::parse(pattern, text).map_err(|_| mismatch())?;
        if let Ok(instant) = parts.to_timestamp() {
            return Timestamp::from_millis(instant.as_millisecond()).map_err(|error| error.to_string());
        }
        self.civil(text, parts.to_datetime().map_err(|_| mismatch())?)
    }
}

/// Whether a text that may be read as a wall clock's time says more: its offset would be passed over.
fn has_offset(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.contains(['Z', 'z', '+', '-', '['])
}

fn epoch(text: &str, per_second: u32) -> Result<Timestamp, String> {
    let millis = scaled(text, 1_000, i128::from(per_second))
        .ok_or_else(|| format!("{:?} is not a number of time units since 1970", excerpt(text)))?;
    Timestamp::from_millis(millis).map_err(|error| error.to_string())
}

/// The unit of a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuntimeUnit {
    /// A number of these, each so many milliseconds.
    Millis(u32),
    /// `[[days-]hours:]minutes:seconds`.
    Clock,
}

impl RuntimeUnit {
    pub(super) fn parse(unit: Option<&str>) -> Result<Self, String> {
        match unit {
            Some("ms") => Ok(Self::Millis(1)),
            Some("s") => Ok(Self::Millis(1_000)),
            Some("min") => Ok(Self::Millis(60_000)),
            Some("h") => Ok(Self::Millis(3_600_000)),
            Some("clock") => Ok(Self::Clock),
            Some(other) => Err(format!("unit {other:?} is not one of ms, s, min, h, clock")),
            None => Err("unit is missing; give one of ms, s, min, h, clock".to_owned()),
        }
    }

    /// Milliseconds; digits beyond are cut off.
    pub(super) fn read(self, text: &str) -> Result<i64, String> {
        let millis = match self {
            Self::Millis(unit) => scaled(text, i128::from(unit), 1),
            Self::Clock => clock(text),
        };
        let expected = match self {
            Self::Millis(_) => "a number that is not negative",
            Self::Clock => "a length of time such as 1:05:30 or 2-01:05:30",
        };
        millis.ok_or_else(|| format!("{:?} is not {expected}", excerpt(text)))
    }
}

fn clock(text: &str) -> Option<i64> {
    let (days, time) = text.split_once('-').unwrap_or(("0", text));
    let mut parts = time.rsplit(':');
    let seconds = scaled(parts.next()?, 1_000, 1)?;
    let minutes: u32 = parts.next()?.parse().ok()?;
    let hours: u32 = parts.next().map_or(Ok(0), str::parse).ok()?;
    let days: u32 = days.parse().ok()?;
    if parts.next().is_some() || seconds >= 60_000 || minutes >= 60 {
        return None;
    }
    let minutes = (i64::from(days) * 24 + i64::from(hours)) * 60 + i64::from(minutes);
    Some(minutes * 60_000 + seconds)
}

/// A decimal that is not negative, times one number and divided by another, cut to a whole; no float on the way.
fn scaled(text: &str, times: i128, divided_by: i128) -> Option<i64> {
    /// Digits that fit, times a day in milliseconds, into 128 bits.
    const DIGITS_MAX: usize = 28;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, fraction].concat();
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || digits.len() > DIGITS_MAX {
        return None;
    }
    let number: i128 = digits.parse().ok()?;
    let decimals = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    i64::try_from(number.checked_mul(times)?.div_euclid(decimals.checked_mul(divided_by)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn read(format: Option<&str>, zone: Option<&str>, text: &str) -> Result<String, String> {
        let zone = zone.map(|zone| Zone::parse(zone).unwrap());
        let reader = MomentReader::check(format, None, zone.as_ref())?;
        reader.read(&Cell::Untyped(Cow::Borrowed(text))).map(|instant| instant.to_string())
    }

    #[test]
    fn an_offset_in_the_text_goes_before_the_zone() {
        let zone = Some("Europe/Oslo");
        assert_eq!(read(None, zone, "2025-07-01T12:00:00Z").unwrap(), "2025-07-01T12:00:00Z");
        assert_eq!(read(None, zone, "2025-07-01T12:00:00+02:00").unwrap(), "2025-07-01T10:00:00Z");
        assert_eq!(read(None, zone, "2025-07-01 12:00:00").unwrap(), "2025-07-01T10:00:00Z");
        assert_eq!(read(None, zone, "2025-01-01 12:00:00.25").unwrap(), "2025-01-01T11:00:00.25Z");
    }

    #[test]
    fn a_wall_clock_without_a_zone_is_refused_with_what_to_do() {
        let message = read(None, None, "2025-07-01 12:00:00").unwrap_err();
        assert!(message.contains("give its zone"), "{message}");
        assert!(read(None, None, "yesterday").unwrap_err().contains("ISO 8601"));
        for zone in [None, Some("Europe/Oslo")] {
            let message = read(None, zone, "20.11.2026 09:15").unwrap_err();
            assert!(
                message.contains("not an ISO 8601 time") && message.contains("give its form"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_hour_that_a_clock_shows_twice_is_its_first() {
        // 2025-10-26, 03:00 summer time became 02:00 winter time in Oslo.
        assert_eq!(read(None, Some("Europe/Oslo"), "2025-10-26 02:30:00").unwrap(), "2025-10-26T00:30:00Z");
        // 2025-03-30, 02:00 became 03:00.
        assert_eq!(read(None, Some("Europe/Oslo"), "2025-03-30 02:30:00").unwrap(), "2025-03-30T01:30:00Z");
    }

    #[test]
    fn epochs_have_units_and_lose_only_what_a_millisecond_cannot_hold() {
        for (format, text) in [
            ("epoch-s", "1764021787.1209"),
            ("epoch-ms", "1764021787120"),
            ("epoch-us", "1764021787120999"),
            ("epoch-ns", "1764021787120999999"),
        ] {
            assert_eq!(read(Some(format), None, text).unwrap(), "2025-11-24T22:03:07.12Z", "{format}");
        }
        assert!(read(Some("epoch-s"), None, "1764021787120").unwrap_err().contains("1970 to 2999"));
        assert!(read(Some("epoch-s"), None, "-5").unwrap_err().contains("not a number"));
    }

    #[test]
    fn a_pattern_reads_what_no_standard_has() {
        let pattern = Some("%d.%m.%Y %H:%M:%S");
        assert_eq!(
            read(pattern, Some("Asia/Kolkata"), "24.11.2025 22:03:07").unwrap(),
            "2025-11-24T16:33:07Z"
        );
        assert_eq!(
            read(Some("%m/%d/%Y %I:%M %p %z"), None, "11/24/2025 10:03 PM +0100").unwrap(),
            "2025-11-24T21:03:00Z"
        );
        assert!(read(pattern, Some("UTC"), "11/24/2025").unwrap_err().contains("does not match"));
        assert!(read(Some("epoch"), None, "1").unwrap_err().contains("epoch-ms"));
    }

    #[test]
    fn zones_are_names_or_offsets() {
        assert_eq!(read(None, Some("UTC+05:30"), "2025-11-24 05:30:00").unwrap(), "2025-11-24T00:00:00Z");
        assert_eq!(read(None, Some("-08:00"), "2025-11-24 00:00:00").unwrap(), "2025-11-24T08:00:00Z");
        assert!(Zone::parse("Oslo").is_err());
    }

    #[test]
    fn runtimes_have_units() {
        let read = |unit, text| RuntimeUnit::parse(Some(unit)).unwrap().read(text);
        assert_eq!(read("s", "90.5"), Ok(90_500));
        assert_eq!(read("h", "0.5"), Ok(1_800_000));
        assert_eq!(read("clock", "1:05:30"), Ok(3_930_000));
        assert_eq!(read("clock", "2-00:00:01.5"), Ok(172_801_500));
        assert_eq!(read("clock", "05:30"), Ok(330_000));
        for text in ["", "-1", "1:60:00", "1:00:60", "x"] {
            assert!(read("clock", text).is_err(), "{text}");
        }
        assert!(read("s", "1e3").is_err());
        assert!(RuntimeUnit::parse(None).unwrap_err().contains("ms, s, min, h, clock"));
    }
}
