//! Buckets found by walking a calendar from unit to unit, as one would on paper.

use farmtally_model::{Period, TimeRange, Timestamp, UtcOffset};
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::certain::certain;

/// A stretch of time in milliseconds since 1970, from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Bucket {
    pub(super) fn range(self) -> TimeRange {
        let [start, end] = [self.start, self.end].map(|millis| certain(Timestamp::from_millis(millis)));
        certain(TimeRange::new(start, end))
    }
}

/// The window cut where a unit of the period begins on a clock at `offset`; without a period it stays whole.
pub(super) fn buckets(window: TimeRange, period: Option<Period>, offset: UtcOffset) -> Vec<Bucket> {
    let window = Bucket { start: window.start().millis(), end: window.end().millis() };
    let Some(period) = period else { return vec![window] };
    let clock = Clock::at(offset);
    let mut unit = start_of_unit(clock.read(window.start), period);
    let mut buckets = Vec::new();
    while clock.instant(unit) < window.end {
        let next = start_of_next_unit(unit, period);
        buckets.push(Bucket {
            start: clock.instant(unit).max(window.start),
            end: clock.instant(next).min(window.end),
        });
        unit = next;
    }
    buckets
}

/// The first moment of the unit that a local time belongs to.
fn start_of_unit(local: DateTime, period: Period) -> DateTime {
    let date = local.date();
    match period {
        Period::Hourly => date.at(local.hour(), 0, 0, 0),
        Period::Daily => date.at(0, 0, 0, 0),
        Period::Weekly => {
            let days_since_monday = i64::from(date.weekday().to_monday_zero_offset());
            (date - days_since_monday.days()).at(0, 0, 0, 0)
        }
        Period::Monthly => date.first_of_month().at(0, 0, 0, 0),
    }
}

fn start_of_next_unit(unit: DateTime, period: Period) -> DateTime {
    match period {
        Period::Hourly => unit + 1.hour(),
        Period::Daily => unit + 1.day(),
        Period::Weekly => unit + 1.week(),
        Period::Monthly => unit + 1.month(),
    }
}

/// A clock on the wall of a farm.
struct Clock(Offset);

impl Clock {
    fn at(offset: UtcOffset) -> Self {
        Self(certain(Offset::from_seconds(i32::from(offset.minutes()) * 60)))
    }

    fn read(&self, millis: i64) -> DateTime {
        self.0.to_datetime(certain(jiff::Timestamp::from_millisecond(millis)))
    }

    fn instant(&self, local: DateTime) -> i64 {
        certain(self.0.to_timestamp(local)).as_millisecond()
    }
}
