//! Words for a window of time: `30d`, `2026-01`, `last-month`, or a beginning and an end.
//!
//! A word means something only on somebody's calendar and at some instant, so that reading it and resolving it are two
//! steps: the first needs nothing, the second a time zone and the instant of the question.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::error::QuestionError;
use crate::calendar::CalendarUnit;
use crate::time::{TimeRange, Timestamp};
use crate::zone::{Zone, ZoneError};

/// Most units that `last` counts.
pub const LAST_UNITS_MAX: u32 = 10_000;
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2999;
const LAST_HINT: &str = "write 12h, 30d, 8w, 6mo or 1y";
const IN_HINT: &str = "write 2026, 2026-Q1, 2026-01, 2026-W03, 2026-01-15, today, yesterday, or this- or last- before \
                       week, month, quarter or year";
const POINT_HINT: &str = "write 2026-01-31, 2026-01-31T18:00 or 2026-01-31T18:00:00Z";

/// A window of time, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeWords {
    /// So many whole units, the running one the last of them.
    Last {
        /// How many, at least one.
        count: u32,
        /// Of which.
        unit: CalendarUnit,
    },
    /// One unit of the calendar.
    In(NamedSpan),
    /// From a point up to, but not including, another.
    Between {
        /// The first instant inside: a date, a local date and time, or an instant.
        from: String,
        /// The first instant after.
        to: String,
    },
}

/// One unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedSpan {
    /// The unit that begins on a day.
    Beginning(CalendarUnit, Date),
    /// The running unit, or one before it.
    Running {
        /// Which unit.
        unit: CalendarUnit,
        /// How many units ago: 0 is the running one.
        ago: u8,
    },
}

impl Default for TimeWords {
    /// The last thirty days.
    fn default() -> Self {
        Self::Last { count: 30, unit: CalendarUnit::Day }
    }
}

impl TimeWords {
    /// Reads `30d` and the like.
    pub fn last(text: &str) -> Result<Self, QuestionError> {
        let refuse = |message: String| Err(QuestionError::new("last", text, message).hint(LAST_HINT));
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, suffix) = text.split_at(digits);
        let unit = match suffix {
            "h" => CalendarUnit::Hour,
            "d" => CalendarUnit::Day,
            "w" => CalendarUnit::Week,
            "mo" => CalendarUnit::Month,
            "q" => CalendarUnit::Quarter,
            "y" => CalendarUnit::Year,
            _ => return refuse("not a number of hours, days, weeks, months or years".to_owned()),
        };
        match count.parse() {
            Ok(count @ 1..=LAST_UNITS_MAX) => Ok(Self::Last { count, unit }),
            _ => refuse(format!("1 to {LAST_UNITS_MAX} units are allowed")),
        }
    }

    /// Reads `2026-01`, `last-month` and the like.
    pub fn within(text: &str) -> Result<Self, QuestionError> {
        let unreadable = || QuestionError::new("in", text, "not a word for a time").hint(IN_HINT);
        if let Some(span) = running_span(text) {
            return Ok(Self::In(span));
        }
        let (unit, begin) = beginning_span(text).ok_or_else(unreadable)?;
        if !YEARS.contains(&begin.year()) && unit != CalendarUnit::Week {
            return Err(QuestionError::new("in", text, "outside the years 1970 to 2999"));
        }
        Ok(Self::In(NamedSpan::Beginning(unit, begin)))
    }

    /// A beginning and an end, which are read when the zone is known.
    pub fn between(from: &str, to: &str) -> Self {
        Self::Between { from: from.to_owned(), to: to.to_owned() }
    }

    /// The window on somebody's calendar at an instant.
    pub fn window(&self, zone: &Zone, now: Timestamp) -> Result<TimeRange, QuestionError> {
        let (field, value, start, end) = match self {
            Self::Last { count, unit } => {
                let value = format!("{count} {unit}");
                let shifted = |by| shifted("last", &value, zone, *unit, now, by);
                ("last", value.clone(), shifted(1 - i64::from(*count))?, shifted(1)?)
            }
            Self::In(NamedSpan::Running { unit, ago }) => {
                let ago = i64::from(*ago);
                let value = format!("{unit} {ago} before this one");
                let shifted = |by| shifted("in", &value, zone, *unit, now, by);
                ("in", value.clone(), shifted(-ago)?, shifted(1 - ago)?)
            }
            Self::In(NamedSpan::Beginning(unit, first)) => {
                let start = first_instant(zone, *first)?;
                let end = zone.shifted_start_of(*unit, start, 1).unwrap_or(Timestamp::MAX);
                ("in", first.to_string(), start, end)
            }
            Self::Between { from, to } => {
                ("to", to.clone(), point("from", from, zone)?, point("to", to, zone)?)
            }
        };
        TimeRange::new(start, end).map_err(|_| {
            let message =
                format!("the window would begin at {start} and end at {end}; it has to end after it begins");
            QuestionError::new(field, value, message)
        })
    }
}

fn shifted(
    field: &str,
    value: &str,
    zone: &Zone,
    unit: CalendarUnit,
    now: Timestamp,
    by: i64,
) -> Result<Timestamp, QuestionError> {
    let outside = |_| QuestionError::new(field, value, "reaches outside the years 1970 to 2999");
    zone.shifted_start_of(unit, now, by).map_err(outside)
}

/// The first instant of a day. Where local clocks are ahead, 1970 began before our first instant.
fn first_instant(zone: &Zone, day: Date) -> Result<Timestamp, QuestionError> {
    let text = day.to_string();
    let Ok(start) = zone.instant(&text) else {
        return Ok(if day.year() <= 1970 { Timestamp::MIN } else { Timestamp::MAX });
    };
    if zone.text(start).starts_with(&text) {
        return Ok(start);
    }
    Err(QuestionError::new("in", text, format!("a day that {zone} skipped")))
}

fn point(field: &str, text: &str, zone: &Zone) -> Result<Timestamp, QuestionError> {
    zone.instant(text).map_err(|error| match error {
        ZoneError::OutOfRange { .. } => QuestionError::new(field, text, "outside the years 1970 to 2999"),
        _ => QuestionError::new(field, text, "not a date, a local date and time, or an instant")
            .hint(POINT_HINT),
    })
}

fn running_span(text: &str) -> Option<NamedSpan> {
    let (unit, ago) = match text {
        "today" => (CalendarUnit::Day, 0),
        "yesterday" => (CalendarUnit::Day, 1),
        _ => {
            let (which, unit) = text.split_once('-')?;
            let ago = match which {
                "this" => 0,
                "last" => 1,
                _ => return None,
            };
            (
                CalendarUnit::parse(unit)
                    .filter(|unit| !matches!(unit, CalendarUnit::Hour | CalendarUnit::Day))?,
                ago,
            )
        }
    };
    Some(NamedSpan::Running { unit, ago })
}

fn beginning_span(text: &str) -> Option<(CalendarUnit, Date)> {
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let parts: Vec<&str> = text.split('-').collect();
    let year: i16 = number(parts[0], 4)?;
    let first = |month: i16| Date::new(year, i8::try_from(month).ok()?, 1).ok();
    match parts.as_slice() {
        [_] => Some((CalendarUnit::Year, first(1)?)),
        [_, part] => match (part.strip_prefix('Q'), part.strip_prefix('W')) {
            (Some(quarter), _) => {
                let quarter = number(quarter, 1).filter(|quarter| (1..=4).contains(quarter))?;
                Some((CalendarUnit::Quarter, first(quarter * 3 - 2)?))
            }
            (_, Some(week)) => {
                let week = i8::try_from(number(week, 2)?).ok()?;
                let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?;
                Some((CalendarUnit::Week, monday.date()))
            }
            _ => Some((CalendarUnit::Month, first(number(part, 2)?)?)),
        },
        [_, month, day] => {
            let (month, day) = (i8::try_from(number(month, 2)?).ok()?, i8::try_from(number(day, 2)?).ok()?);
            Some((CalendarUnit::Day, Date::new(year, month, day).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
