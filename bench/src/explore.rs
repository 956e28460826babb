//! What clicks in the explorer cost the engine alone: the questions of a chart and of its table, one after the other.
//!
//! `bench/explorer` measures the same over HTTP, where both run at once.

use farmtally_columns::FarmSnapshot;
use farmtally_engine::{AggregationControl, AggregationLimits, tabulate, tabulate_beside};
use farmtally_model::{
    Calendar, CalendarUnit, Dimension, DimensionFilter, FilterTerm, Grouping, Percentile, TimeRange,
    Timestamp, Top, UsageQuery, Zone,
};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use crate::clock::{Cost, measure};
use crate::records::queue_id;

const ZONE: &str = "Europe/Paris";
const MONTH: (&str, &str) = ("2025-11-01", "2025-12-01");
const MONTH_BEFORE: (&str, &str) = ("2025-10-01", "2025-11-01");
const YEAR: (&str, &str) = ("2025-01-01", "2026-01-01");
const YEAR_BEFORE: (&str, &str) = ("2024-01-01", "2025-01-01");
const GROUPS_IN_CHART: usize = 9;
const GROUPS_IN_TABLE: usize = 200;

/// What a click took: the line that is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Explored {
    click: String,
    cpu_ms: f64,
    wall_ms: f64,
    wall_ms_max: f64,
    rows: usize,
}

/// Makes each click with `only` in its name so many times, and gives the medians.
pub(crate) fn explore<'a>(
    snapshot: &'a FarmSnapshot,
    repeats: usize,
    only: &'a str,
) -> impl Iterator<Item = Explored> + 'a {
    clicks().into_iter().filter(move |click| click.name.contains(only)).map(move |click| {
        let mut rows = 0;
        let mut costs: Vec<Cost> = (0..repeats.max(1))
            .map(|_| {
                let (found, cost) = measure(|| click.make(snapshot));
                rows = found;
                cost
            })
            .collect();
        costs.sort_by(|one, other| one.cpu_ms.total_cmp(&other.cpu_ms));
        let cpu_ms = costs[costs.len() / 2].cpu_ms;
        costs.sort_by(|one, other| one.wall_ms.total_cmp(&other.wall_ms));
        let wall_ms = costs[costs.len() / 2].wall_ms;
        let wall_ms_max = costs.last().map_or(wall_ms, |cost| cost.wall_ms);
        Explored { click: click.name, cpu_ms, wall_ms, wall_ms_max, rows }
    })
}

/// The questions of a chart and of its table, and the window that the chart is compared with.
struct Click {
    name: String,
    chart: UsageQuery,
    before: Calendar,
    table: UsageQuery,
}

impl Click {
    fn make(&self, snapshot: &FarmSnapshot) -> usize {
        let limits =
            AggregationLimits { rows_max: 1 << 24, bytes_max: usize::MAX, threads: NonZeroUsize::MIN };
        let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
        let chart = tabulate_beside(snapshot, &self.chart, &self.before, Timestamp::MAX, &control);
        let table = tabulate(snapshot, &self.table, Timestamp::MAX, &control);
        chart.expect("within limits").0.rows.len() + table.expect("within limits").rows.len()
    }
}

fn clicks() -> Vec<Click> {
    use Dimension::{InstanceType, Job, LicenseProduct, Queue, User};
    let mut clicks = Vec::new();
    for (name, window, before, unit) in [
        ("a month", MONTH, MONTH_BEFORE, CalendarUnit::Day),
        ("a year", YEAR, YEAR_BEFORE, CalendarUnit::Week),
    ] {
        let mut add = |by: &[Dimension], percentile: Option<&str>, filter: Option<u8>| {
            let names: Vec<&str> = by.iter().map(|by| by.as_str()).collect();
            let of = filter.map_or("", |_| " of a queue");
            let name = format!("{name}{of} by {}{}", names.join(" and "), percentile.unwrap_or_default());
            let question = |calendar, top| question(calendar, by, percentile, filter, top);
            let chart = question(calendar(window, Some(unit)), GROUPS_IN_CHART);
            let table = question(calendar(window, None), GROUPS_IN_TABLE);
            clicks.push(Click { name, chart, before: calendar(before, Some(unit)), table });
        };
        for by in
            [&[Queue] as &[Dimension], &[User], &[Job], &[InstanceType], &[LicenseProduct], &[Queue, User]]
        {
            add(by, None, None);
        }
        add(&[User], None, Some(3));
        add(&[Queue], Some("p95"), None);
    }
    let hours =
        |window| question(calendar(window, Some(CalendarUnit::Hour)), &[], None, None, GROUPS_IN_CHART);
    clicks.push(Click {
        name: "the week by hour of a month".to_owned(),
        chart: hours(MONTH),
        before: calendar(MONTH_BEFORE, Some(CalendarUnit::Hour)),
        table: question(calendar(MONTH, None), &[Queue], None, None, GROUPS_IN_TABLE),
    });
    clicks
}

fn question(
    calendar: Calendar,
    by: &[Dimension],
    percentile: Option<&str>,
    filter: Option<u8>,
    top: usize,
) -> UsageQuery {
    let groupings = by.iter().map(|by| Grouping::By(*by)).collect();
    let filter = filter.map(|code| {
        let queue = Some(vec![FilterTerm::Queue(queue_id(code))]);
        DimensionFilter::new(Dimension::Queue, queue, Vec::new()).expect("a queue is of queues")
    });
    let percentiles = percentile.map(|text| Percentile::parse(text).expect("a percentile"));
    let top = NonZeroUsize::new(top).map(|groups| Top { groups, with_others: true });
    let query = UsageQuery::new(calendar).grouped_by(groupings).expect("few groupings");
    let query = query.filtered_by(filter.into_iter().collect()).expect("few filters");
    query.with_percentiles(percentiles.into_iter().collect()).expect("few percentiles").with_top(top)
}

fn calendar((from, to): (&str, &str), unit: Option<CalendarUnit>) -> Calendar {
    let zone = Zone::parse(ZONE).expect("a zone");
    let at = |text: &str| zone.instant(text).expect("a date");
    let window = TimeRange::new(at(from), at(to)).expect("ascending dates");
    Calendar::new(window, unit, &zone).expect("few buckets")
}
