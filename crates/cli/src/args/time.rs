//! Instants and periods in flags.

use std::time::Duration;

use farmtally_model::{TimeRange, Timestamp};
use farmtally_service::Month;

/// A date, which is its first instant in UTC, or a time with an offset.
pub(super) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let time = if text.len() == "2026-01-01".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Timestamp::parse_exact(&time).map_err(|_| {
        format!("{text:?} is not a date such as 2026-01-01 or a time such as 2026-01-01T08:00:00Z")
    })
}

pub(super) fn parse_period(text: &str) -> Result<TimeRange, String> {
    match text.split_once("..") {
        None => {
            let month: Month = text.parse().map_err(|error| format!("{error}, nor two dates with `..`"))?;
            month.range().map_err(|error| error.to_string())
        }
        Some((start, end)) => TimeRange::new(parse_instant(start)?, parse_instant(end)?)
            .map_err(|_| format!("{end} is not after {start}")),
    }
}

/// Longest time between two passes: a week.
const PAUSE_MAX: Duration = Duration::from_hours(7 * 24);

/// Reads a time between two passes, such as 60s, 5m or 1h.
pub(super) fn parse_pause(text: &str, least: Duration) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let seconds = units
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*seconds));
    let pause = seconds.map(Duration::from_secs).filter(|pause| (least..=PAUSE_MAX).contains(pause));
    pause.ok_or_else(|| {
        let least = least.as_secs();
        format!(
            "it is a number of seconds, minutes or hours from {least}s up to a week, such as 60s, 5m or 1h"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_passes_has_a_unit_and_a_bound() {
        let parse = |text| parse_pause(text, Duration::from_secs(10));
        assert_eq!(parse("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(parse("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse("168h"), Ok(Duration::from_hours(168)));
        for text in ["", "5", "m", "5d", "-5m", "9s", "0h", "5é", "169h", "99999999999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_is_a_month_or_two_dates() {
        let month = parse_period("2026-02").unwrap();
        assert_eq!(parse_period("2026-02-01..2026-03-01"), Ok(month));
        for text in ["2026", "2026-02-01", "2026-02-01..2026-02-01", "2026-02..2026-03"] {
            assert!(parse_period(text).is_err(), "{text}");
        }
    }
}
