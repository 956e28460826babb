//! The questions of the explorer and the report command, on a farm whose jobs belong to shows.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::{AggregationControl, AggregationLimits, tabulate};
use farmtally_model::{
    Calendar, CalendarUnit, Dimension, DimensionFilter, FilterTerm, Grouping, JobName, LineCost, NameGlob,
    NamePattern, Outcome, Percentile, Record, TimeRange, Timestamp, Top, UsageQuery, UsageTable, WorkerId,
    Zone,
};
use serde::Serialize;

use crate::asked::median;
use crate::clock::{Cost, measure};
use crate::farm::FarmSession;
use crate::records;

/// Shows that jobs belong to.
const SHOWS: u32 = 24;
const SHOTS: u32 = 700;
const WORKERS_BY_FLEET: u8 = 64;

/// A question and what it is called.
#[derive(Debug)]
struct Explored {
    name: &'static str,
    query: UsageQuery,
}

/// What answering a question took: the line that is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    question: &'static str,
    cpu_ms: f64,
    wall_ms: f64,
    groups: usize,
    rows: usize,
    sessions: u64,
    blocks_read: u64,
    blocks_skipped: u64,
}

/// Asks every question `repeats` times and hands the medians to `each`.
pub(crate) fn time(
    sessions: u64,
    columns: Option<&Path>,
    repeats: usize,
    mut each: impl FnMut(&Timing) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let snapshot = records::snapshot_of(sessions, columns, record)?;
    for Explored { name, query } in questions() {
        let mut costs: Vec<Cost> = Vec::new();
        let mut table = answer(&snapshot, &query);
        for _ in 0..repeats {
            let (answer, cost) = measure(|| answer(&snapshot, &query));
            costs.push(cost);
            table = answer;
        }
        each(&Timing {
            question: name,
            cpu_ms: median(&costs, |cost| cost.cpu_ms),
            wall_ms: median(&costs, |cost| cost.wall_ms),
            groups: table.groups.len(),
            rows: table.rows.len(),
            sessions: table.total.sessions,
            blocks_read: table.figures.blocks_read,
            blocks_skipped: table.figures.blocks_skipped,
        })?;
    }
    Ok(())
}

fn answer(snapshot: &Arc<FarmSnapshot>, query: &UsageQuery) -> UsageTable {
    let limits = AggregationLimits { rows_max: 1 << 24, bytes_max: 4 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    tabulate(snapshot, query, Timestamp::MAX, &control).expect("within limits")
}

/// The benchmark's session, of a job with a name that says its show and shot, on a worker, and with an outcome.
fn record(session: FarmSession) -> Record<LineCost> {
    let (job, worker, fate, fleet) =
        (session.job, session.id[0] % WORKERS_BY_FLEET, session.id[1], session.fleet);
    let Record::Session(mut session) = records::record(session) else { unreachable!("it is a session") };
    let name = format!("show{:02}_sh{:03}_comp", job / 7 % SHOWS, job % SHOTS);
    session.job_name = JobName::new(&name).expect("short");
    let mut worker_id = [0; 16];
    worker_id[..2].copy_from_slice(&[fleet, worker]);
    session.worker_id = Some(WorkerId::from_bytes(worker_id));
    session.outcome = Some(match fate {
        0..=4 => Outcome::Failed,
        5..=9 => Outcome::Canceled,
        _ => Outcome::Succeeded,
    });
    Record::Session(session)
}

fn questions() -> Vec<Explored> {
    let by = |dimensions: &[Dimension]| dimensions.iter().map(|by| Grouping::By(*by)).collect::<Vec<_>>();
    let month = || calendar("2025-11-15", "2025-12-15", Some(CalendarUnit::Day));
    let year = |unit| calendar("2025-01-01", "2026-01-01", unit);
    let one_queue = || only(Dimension::Queue, FilterTerm::Queue(records::queue_id(3)));
    let one_show =
        || only(Dimension::JobName, FilterTerm::JobName(NameGlob::new("show07_*").expect("short")));
    let show = Grouping::ByPattern(NamePattern::new("^(?<show>[a-z0-9]+)_", "show").expect("a pattern"));
    let ask = |calendar, groupings, filters| {
        let query = UsageQuery::new(calendar).grouped_by(groupings).expect("few");
        query.filtered_by(filters).expect("few")
    };
    let top = Some(Top { groups: NonZeroUsize::MIN.saturating_add(8), with_others: true });
    let percentiles = ["p50", "p95", "p99"].map(|text| Percentile::parse(text).expect("one")).to_vec();
    let week = Some(CalendarUnit::Week);
    let day = Some(CalendarUnit::Day);
    let explored = |name, query| Explored { name, query };
    vec![
        explored("30 days, day x queue", ask(month(), by(&[Dimension::Queue]), vec![])),
        explored("year, week x user, one queue", ask(year(week), by(&[Dimension::User]), vec![one_queue()])),
        explored(
            "year, top 9 users of a show",
            ask(year(None), by(&[Dimension::User]), vec![one_show()]).with_top(top),
        ),
        explored(
            "year, week x top 9 users of a show",
            ask(year(week), by(&[Dimension::User]), vec![one_show()]).with_top(top),
        ),
        explored("30 days, day x top 9 users", ask(month(), by(&[Dimension::User]), vec![]).with_top(top)),
        explored(
            "30 days, day x queue, percentiles",
            ask(month(), by(&[Dimension::Queue]), vec![]).with_percentiles(percentiles.clone()).expect("few"),
        ),
        explored(
            "year, percentiles by user, one queue",
            ask(year(None), by(&[Dimension::User]), vec![one_queue()])
                .with_percentiles(percentiles)
                .expect("few"),
        ),
        explored(
            "30 days, day x usage type and outcome",
            ask(month(), by(&[Dimension::UsageType, Dimension::Outcome]), vec![]),
        ),
        explored("year, whole x queue", ask(year(None), by(&[Dimension::Queue]), vec![])),
        explored("year, day x queue", ask(year(day), by(&[Dimension::Queue]), vec![])),
        explored("year, week x show", ask(year(week), vec![show], vec![])),
        explored("year, week x top 9 users", ask(year(week), by(&[Dimension::User]), vec![]).with_top(top)),
        explored("year, whole x top 9 jobs", ask(year(None), by(&[Dimension::Job]), vec![]).with_top(top)),
        explored(
            "year, month x top 9 workers",
            ask(year(Some(CalendarUnit::Month)), by(&[Dimension::Worker]), vec![]).with_top(top),
        ),
    ]
}

fn only(dimension: Dimension, term: FilterTerm) -> DimensionFilter {
    DimensionFilter::new(dimension, Some(vec![term]), vec![]).expect("of the dimension")
}

/// On the clock of Paris, which is moved twice in the year.
fn calendar(from: &str, to: &str, unit: Option<CalendarUnit>) -> Calendar {
    let zone = Zone::parse("Europe/Paris").expect("a zone");
    let at = |text: &str| zone.instant(text).expect("a date");
    Calendar::new(TimeRange::new(at(from), at(to)).expect("in order"), unit, &zone).expect("few buckets")
}
