//! The scan of columns and its plain twin on a farm that is large enough for stretches, masks, summaries and tables.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_model::{
    Calendar, CalendarUnit, Dimension, DimensionFilter, FilterTerm, Grouping, InstanceType, LicenseProduct,
    NameGlob, NamePattern, Outcome, Percentile, QueueId, ScanFigures, TimeRange, Timestamp, Top, UsageQuery,
    UsageTable, UsageType, UserId, Zone,
};

use crate::error::AggregationError;
use crate::limits::{AggregationControl, AggregationLimits};
use crate::tabulate::places::PlaceFinder;
use crate::tabulate::plan::TabulationPlan;
use crate::tabulate::scan::Scan;
use crate::tabulate::{finish, rank, rollups, tabulate};
use crate::twin::{farm, farm_in_blocks_of};

fn calendars() -> Vec<Calendar> {
    let calendar = |zone: &str, from: &str, to: &str, unit| {
        let zone = Zone::parse(zone).unwrap();
        let window = TimeRange::new(zone.instant(from).unwrap(), zone.instant(to).unwrap()).unwrap();
        Calendar::new(window, unit, &zone).unwrap()
    };
    let year = ("2025-10-01", "2026-02-01");
    vec![
        calendar("UTC", year.0, year.1, Some(CalendarUnit::Day)),
        calendar("Asia/Kathmandu", year.0, year.1, Some(CalendarUnit::Day)),
        calendar("Europe/Paris", year.0, year.1, Some(CalendarUnit::Month)),
        calendar("UTC", year.0, year.1, None),
        calendar("Europe/Paris", "2025-10-20", "2025-11-05", Some(CalendarUnit::Hour)),
        calendar("UTC", "2025-11-03T00:00:00.001Z", "2025-11-20T17:12:34.567Z", Some(CalendarUnit::Week)),
        calendar("UTC", "2025-11-03T10:17:00Z", "2025-11-03T10:18:00Z", None),
    ]
}

fn groupings() -> Vec<Vec<Grouping>> {
    use Dimension as By;
    let by = |dimensions: &[By]| dimensions.iter().map(|by| Grouping::By(*by)).collect::<Vec<_>>();
    let show = Grouping::ByPattern(NamePattern::new("^(show[0-3])_", "show").unwrap());
    vec![
        by(&[]),
        by(&[By::Queue]),
        by(&[By::Fleet, By::InstanceType]),
        by(&[By::User]),
        by(&[By::Job]),
        by(&[By::User, By::Queue]),
        by(&[By::Job, By::User, By::Worker]),
        vec![show.clone(), Grouping::By(By::JobName)],
        by(&[By::UsageType, By::Queue]),
        by(&[By::LicenseProduct, By::User]),
        by(&[By::LicenseProduct, By::UsageType]),
        by(&[By::Outcome, By::Worker]),
        vec![show, Grouping::By(By::UsageType), Grouping::By(By::Outcome)],
        by(&[
            By::Queue,
            By::Fleet,
            By::Job,
            By::JobName,
            By::User,
            By::InstanceType,
            By::Worker,
            By::Outcome,
        ]),
    ]
}

fn filters() -> Vec<Vec<DimensionFilter>> {
    let with = |dimension, include, exclude| DimensionFilter::new(dimension, include, exclude).unwrap();
    let user = |number: u64| FilterTerm::User(UserId::new(&format!("user {number}")).unwrap());
    let product = FilterTerm::LicenseProduct(LicenseProduct::new("product 0").unwrap());
    let glob = FilterTerm::JobName(NameGlob::new("SHOW1*").unwrap());
    let machine = FilterTerm::InstanceType(InstanceType::new("type 2").unwrap());
    let outcomes = vec![FilterTerm::NoValue, FilterTerm::Outcome(Outcome::Failed)];
    vec![
        vec![],
        vec![with(Dimension::User, Some(vec![user(3), user(4)]), vec![])],
        vec![with(Dimension::Queue, None, vec![FilterTerm::Queue(QueueId::from_bytes([0; 16]))])],
        vec![
            with(Dimension::JobName, Some(vec![glob]), vec![]),
            with(Dimension::InstanceType, None, vec![machine]),
        ],
        vec![with(Dimension::LicenseProduct, None, vec![product.clone()])],
        vec![with(Dimension::LicenseProduct, Some(vec![product]), vec![])],
        vec![with(Dimension::UsageType, Some(vec![FilterTerm::UsageType(UsageType::Compute)]), vec![])],
        vec![
            with(Dimension::Outcome, Some(outcomes), vec![]),
            with(Dimension::Worker, None, vec![FilterTerm::NoValue]),
        ],
        vec![with(Dimension::User, Some(vec![]), vec![])],
    ]
}

fn questions() -> Vec<UsageQuery> {
    let percentiles = ["p50", "p99.9"].map(|text| Percentile::parse(text).unwrap());
    let (filters, mut questions) = (filters(), Vec::new());
    for (index, groupings) in groupings().into_iter().enumerate() {
        for (place, calendar) in calendars().into_iter().enumerate() {
            let number = index * 7 + place;
            let query = UsageQuery::new(calendar).grouped_by(groupings.clone()).unwrap();
            let query = query.filtered_by(filters[number % filters.len()].clone()).unwrap();
            let percentiles = if number % 4 == 1 { percentiles.to_vec() } else { Vec::new() };
            questions.push(query.with_percentiles(percentiles).unwrap());
        }
    }
    questions
}

/// The answer by the plain path, which finds the first groups by their totals.
fn plainly(plan: &TabulationPlan<'_>) -> UsageTable {
    let mut finder = PlaceFinder::new(plan);
    let query = plan.query;
    let mut slots = finder.open_slots();
    if let Some(top) = query.top() {
        let whole = Calendar::whole(query.calendar().window());
        let totals = Scan { plan, calendar: &whole, percentiles: &[] }.run_plainly(slots, &mut finder);
        let ranked = rank::ranked(plan, &finder, &totals);
        slots = totals.slots.only(&ranked[..ranked.len().min(top.groups.get())], top.with_others);
    }
    let scan = Scan { plan, calendar: query.calendar(), percentiles: query.percentiles() };
    let tally = scan.run_plainly(slots, &mut finder);
    finish::finish(plan, &finder, &tally, ScanFigures::default())
}

#[test]
fn columns_masks_tables_and_summaries_give_the_same_bits_as_the_plain_path() {
    let snapshot = farm().snapshot();
    let limits = AggregationLimits { rows_max: 1 << 24, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    let (mut rows, mut skipped) = (0, 0);
    let tops = [
        None,
        Some(Top { groups: NonZeroUsize::MIN, with_others: true }),
        Some(Top { groups: NonZeroUsize::MIN.saturating_add(4), with_others: false }),
    ];
    for (number, query) in questions().into_iter().enumerate() {
        let query = query.with_top(tops[number % 3]);
        let plan = TabulationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let expected = plainly(&plan);
        // Rollups are made for the second question, and are there for the third.
        for _ in 0..3 {
            let table = tabulate(&snapshot, &query, Timestamp::MAX, &control).unwrap();
            rows += table.rows.len();
            skipped += table.figures.blocks_skipped;
            assert_eq!(UsageTable { figures: ScanFigures::default(), ..table }, expected, "{query:?}");
        }
    }
    assert!(rows > 60_000 && skipped > 300, "{rows} rows, {skipped} blocks skipped");
}

#[test]
fn a_whole_window_by_user_or_job_is_answered_by_summaries_with_the_same_bits() {
    let snapshot = farm_in_blocks_of(4_000).0.snapshot();
    let limits = AggregationLimits { rows_max: 1 << 24, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    let show = Grouping::ByPattern(NamePattern::new("^(show[0-3])_", "show").unwrap());
    let whole = calendars().swap_remove(3);
    let by = [Dimension::User, Dimension::Job, Dimension::JobName].map(Grouping::By);
    for grouping in by.into_iter().chain([show]) {
        let query = UsageQuery::new(whole.clone()).grouped_by(vec![grouping]).unwrap();
        let plan = TabulationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let table = tabulate(&snapshot, &query, Timestamp::MAX, &control).unwrap();
        assert!(table.figures.blocks_skipped >= table.figures.blocks_read, "{:?}", table.figures);
        assert_eq!(UsageTable { figures: ScanFigures::default(), ..table }, plainly(&plan), "{query:?}");
    }
}

#[test]
fn what_is_asked_again_is_answered_by_rollups_with_the_same_bits() {
    use Dimension::{Fleet, InstanceType, Job, JobName, Outcome, Queue, User, Worker};
    let snapshot = farm().snapshot();
    let limits = AggregationLimits { rows_max: 1 << 24, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    let by = |dimensions: &[Dimension]| dimensions.iter().map(|by| Grouping::By(*by)).collect::<Vec<_>>();
    let show = Grouping::ByPattern(NamePattern::new("^(show[0-3])_", "show").unwrap());
    let groupings = [
        by(&[]),
        by(&[Queue]),
        by(&[Fleet]),
        by(&[Queue, Fleet]),
        by(&[User]),
        by(&[User, Queue]),
        by(&[Fleet, InstanceType]),
        by(&[Job]),
        by(&[Job, JobName]),
        vec![show, Grouping::By(Queue)],
        by(&[Worker]),
        by(&[Outcome, Queue]),
    ];
    let with = |dimension, include, exclude| DimensionFilter::new(dimension, include, exclude).unwrap();
    let queue = FilterTerm::Queue(QueueId::from_bytes([0; 16]));
    let users = [3, 4].map(|number| FilterTerm::User(UserId::new(&format!("user {number}")).unwrap()));
    let filters = [
        vec![],
        vec![with(Queue, None, vec![queue])],
        vec![with(User, None, users.to_vec())],
        vec![with(Outcome, None, vec![FilterTerm::NoValue])],
    ];
    let top = Top { groups: NonZeroUsize::MIN.saturating_add(2), with_others: true };
    let mut rolled_up = vec![0; groupings.len() * filters.len()];
    // A day in Kathmandu begins inside of a half-hour. Most blocks lie in one month and some in one week, so that rollups of a whole window
    // serve questions by these, and the other way round.
    let order = [2, 3, 5, 1, 3, 2, 5];
    for (round, calendar) in order.map(|place| calendars().swap_remove(place)).into_iter().enumerate() {
        if round == 4 {
            snapshot.forget_asked();
        }
        for (number, (grouping, filters)) in groupings
            .iter()
            .flat_map(|grouping| filters.iter().map(move |filters| (grouping, filters)))
            .enumerate()
        {
            let query = UsageQuery::new(calendar.clone()).grouped_by(grouping.clone()).unwrap();
            let query =
                query.filtered_by(filters.clone()).unwrap().with_top((number % 3 == 1).then_some(top));
            let plan = TabulationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
            let expected = plainly(&plan);
            for _ in 0..3 {
                let table = tabulate(&snapshot, &query, Timestamp::MAX, &control).unwrap();
                assert_eq!(UsageTable { figures: ScanFigures::default(), ..table }, expected, "{query:?}");
            }
            let scan = Scan { plan: &plan, calendar: query.calendar(), percentiles: &[] };
            rolled_up[number] += usize::from(!rollups::find(&scan, &control).unwrap().is_empty());
        }
    }
    // Those that look at two things beside queues or fleets are not, and workers by queue take too much room.
    let never = [14, 15, 19, 23, 25, 26, 27, 30, 31, 34, 35, 38, 39, 41, 42, 43, 46];
    for (number, rolled_up) in rolled_up.iter().enumerate() {
        assert_eq!(*rolled_up > 0, !never.contains(&number), "{number}");
    }
}

/// What becomes of the question that is to make rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    MakesThem,
    HasNoMemory,
    IsCancelled,
}

#[test]
fn whoever_reads_all_rows_pays_for_a_rollup_and_whoever_cannot_make_it_spoils_it_for_nobody() {
    let month = calendars().swap_remove(2);
    let whole = calendars().swap_remove(3);
    let user = FilterTerm::User(UserId::new("user 3").unwrap());
    let one_user = vec![DimensionFilter::new(Dimension::User, Some(vec![user]), vec![]).unwrap()];
    let by = |dimensions: &[Dimension]| dimensions.iter().map(|by| Grouping::By(*by)).collect::<Vec<_>>();
    let users = || by(&[Dimension::User, Dimension::Queue]);
    for (calendar, groupings, filters, maker, made_for) in [
        (&month, by(&[Dimension::User]), one_user, Maker::MakesThem, 1),
        (&month, users(), vec![], Maker::HasNoMemory, 18),
        // Of blocks in one bucket there are summaries, and no row is read.
        (&whole, by(&[Dimension::Queue]), vec![], Maker::HasNoMemory, 18),
        (&month, users(), vec![], Maker::IsCancelled, 2),
        (&whole, by(&[Dimension::Queue]), vec![], Maker::IsCancelled, 2),
    ] {
        let snapshot = farm().snapshot();
        let query =
            UsageQuery::new(calendar.clone()).grouped_by(groupings).unwrap().filtered_by(filters).unwrap();
        let rollups: Vec<_> = (0..20)
            .map(|number| {
                let this = if number == 1 { maker } else { Maker::MakesThem };
                let bytes_max = if this == Maker::HasNoMemory { 1 } else { 1 << 30 };
                let limits = AggregationLimits { rows_max: 1 << 24, bytes_max, threads: NonZeroUsize::MIN };
                let cancelled = AtomicBool::new(this == Maker::IsCancelled);
                let control = AggregationControl { limits, cancelled: &cancelled };
                let plan = TabulationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
                let scan = Scan { plan: &plan, calendar: query.calendar(), percentiles: &[] };
                rollups::find(&scan, &control).map(|found| found.rollups.len())
            })
            .collect();
        let all = rollups[19].clone().unwrap();
        let expected = (0..20).map(|number| match number {
            1 if maker == Maker::IsCancelled => Err(AggregationError::Cancelled),
            number => Ok(if number >= made_for { all } else { 0 }),
        });
        assert!(all > 0 && expected.eq(rollups.iter().cloned()), "{query:?} {maker:?}: {rollups:?}");
    }
}
