//! The windows that a window is compared with.
//!
//! A month is compared with the month before, however long that was: windows of whole days are counted on the calendar
//! and all others in milliseconds.

use jiff::civil::DateTime;

use crate::calendar::CalendarUnit;
use crate::time::{TimeRange, Timestamp};
use crate::zone::Zone;

/// What a window is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The window before, as long as this one.
    Previous,
    /// The same window a year earlier.
    Year,
}

impl Comparison {
    /// Every comparison with its word.
    pub const ALL: [(&'static str, Self); 2] = [("previous", Self::Previous), ("year", Self::Year)];

    /// The comparison with a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, comparison)| *comparison)
    }

    /// The window to compare with; none when it would begin before 1970.
    pub fn window(self, zone: &Zone, window: TimeRange) -> Option<TimeRange> {
        match self {
            Self::Previous => window_before(zone, window),
            Self::Year => window_a_year_before(zone, window),
        }
    }
}

/// As many whole months or days before as the window has, or else as long a time.
fn window_before(zone: &Zone, window: TimeRange) -> Option<TimeRange> {
    let (start, end) = (window.start(), window.end());
    let mut units = [CalendarUnit::Month, CalendarUnit::Day].into_iter();
    let before = units.find_map(|unit| Some((unit, whole_units(zone, window, unit)?)));
    let start_before = match before {
        Some((unit, count)) => zone.shifted_start_of(unit, start, -count).ok()?,
        None => Timestamp::from_millis(start.millis() - (end.millis() - start.millis())).ok()?,
    };
    TimeRange::new(start_before, start).ok()
}

/// How many whole units the window is, if it is.
fn whole_units(zone: &Zone, window: TimeRange, unit: CalendarUnit) -> Option<i64> {
    let (start, end) = (window.start(), window.end());
    if zone.start_of(unit, start) != start || zone.start_of(unit, end) != end {
        return None;
    }
    let usual_ms = if unit == CalendarUnit::Month { 2_629_746_000 } else { 86_400_000 };
    let about = (end.millis() - start.millis() + usual_ms / 2) / usual_ms;
    (about - 1..=about + 1).find(|count| zone.shifted_start_of(unit, start, *count) == Ok(end))
}

/// The same dates a year earlier. The 29th of February becomes the 28th.
fn window_a_year_before(zone: &Zone, window: TimeRange) -> Option<TimeRange> {
    let year_before = |at: Timestamp| {
        let text = zone.text(at);
        // The offset behind it is the one of today.
        let local: DateTime = text.get(..19)?.parse().ok()?;
        let moved = local.checked_sub(jiff::Span::new().try_years(1).ok()?).ok()?;
        zone.instant(&moved.to_string()).ok()
    };
    TimeRange::new(year_before(window.start())?, year_before(window.end())?).ok()
}
