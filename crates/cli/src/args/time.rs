//! Instants and periods in flags.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_month_or_two_dates() {
        let month = parse_period("2026-02").unwrap();
        assert_eq!(parse_period("2026-02-01..2026-03-01"), Ok(month));
        for text in ["2026", "2026-02-01", "2026-02-01..2026-02-01", "2026-02..2026-03"] {
            assert!(parse_period(text).is_err(), "{text}");
        }
    }
}
