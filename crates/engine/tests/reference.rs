//! The engine against the slow, obvious aggregator of the test kit, on random farms.
//!
//! `FARMTALLY_CASES=100000 cargo test --release -p farmtally-engine --test reference` runs the long campaign.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_columns::{FarmColumns, FarmSnapshot};
use farmtally_engine::{
    AggregationControl, AggregationError, AggregationLimits, JobNames, MergedGroups, aggregate,
};
use farmtally_model::{AggregationQuery, LineCost, Record, StatisticsTable, Timestamp};
use farmtally_testkit::random::{RandomCase, random_case, random_farm};
use farmtally_testkit::reference;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// Random cases of a normal run, each asked of four arrangements of the same records.
const CASES: u32 = 10_000;

fn config() -> Config {
    let cases = std::env::var("FARMTALLY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let failure_persistence =
        Some(Box::new(FileFailurePersistence::Direct("tests/reference.regressions")) as _);
    Config { cases, failure_persistence, ..Config::default() }
}

fn answer(
    snapshot: &FarmSnapshot,
    query: &AggregationQuery,
    now: Timestamp,
    threads: NonZeroUsize,
) -> Result<StatisticsTable, AggregationError> {
    let limits = AggregationLimits { rows_max: 1_000_000, bytes_max: 1 << 30, threads };
    aggregate(snapshot, query, now, &AggregationControl { limits, cancelled: &AtomicBool::new(false) })
}

/// The same records in batches of `batch`, so that they lie in other blocks.
fn columns(records: &[Record<LineCost>], batch: usize) -> FarmColumns {
    let mut columns = FarmColumns::default();
    for batch in records.chunks(batch) {
        columns.apply(batch, &[]);
    }
    columns
}

fn arrangements(records: &[Record<LineCost>]) -> Vec<FarmColumns> {
    let reversed: Vec<_> = records.iter().rev().cloned().collect();
    vec![columns(records, records.len().max(1)), columns(records, 1), columns(&reversed, 3)]
}

/// The records with foreign ones put in and taken out again.
fn after_removals(records: &[Record<LineCost>], others: &[Record<LineCost>]) -> FarmColumns {
    let others: Vec<_> = others.iter().cloned().map(with_own_identity).collect();
    let mut columns = FarmColumns::default();
    columns.apply(&others, &[]);
    columns.apply(records, &others);
    columns
}

fn with_own_identity(record: Record<LineCost>) -> Record<LineCost> {
    match record {
        Record::Session(mut session) => {
            session.session_id = farmtally_model::SessionId::from_bytes(invert(session.session_id.bytes()));
            Record::Session(session)
        }
        Record::Volume(mut volume) => {
            volume.volume_id = farmtally_model::VolumeId::from_bytes(invert(volume.volume_id.bytes()));
            Record::Volume(volume)
        }
    }
}

fn invert(bytes: [u8; 16]) -> [u8; 16] {
    bytes.map(|byte| !byte)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn engine_agrees_with_the_reference_on_random_farms(
        RandomCase { records, query, now } in random_case(),
        others in random_farm(),
    ) {
        let expected = reference::aggregate(&records, &query, now);
        let mut threads = NonZeroUsize::MIN;
        for columns in arrangements(&records) {
            prop_assert_eq!(&answer(&columns.snapshot(), &query, now, threads).unwrap(), &expected);
            threads = threads.saturating_add(1);
        }
        let corrected = after_removals(&records, &others);
        // Blocks remember what is asked again.
        for _ in 0..4 {
            prop_assert_eq!(&answer(&corrected.snapshot(), &query, now, threads).unwrap(), &expected);
        }
    }
}

/// The answers of parts of a farm, each of which was counted alone, put together.
fn merged(
    whole: &[Record<LineCost>],
    parts: &[Vec<Record<LineCost>>],
    query: &AggregationQuery,
    now: Timestamp,
    limits: AggregationLimits,
) -> Result<StatisticsTable, AggregationError> {
    let job_names = JobNames::of(&columns(whole, 7).snapshot(), query.group_by());
    let mut groups = MergedGroups::new(query, limits, job_names);
    for part in parts {
        groups.add_table(&answer(&columns(part, 4).snapshot(), query, now, NonZeroUsize::MIN)?)?;
    }
    Ok(groups.finish())
}

proptest! {
    #![proptest_config(Config { cases: config().cases.div_ceil(5), ..config() })]

    #[test]
    fn parts_of_a_farm_that_are_counted_alone_have_the_rows_of_the_whole(
        RandomCase { records, query, now } in random_case(),
        places in proptest::collection::vec(0..3_usize, 50),
    ) {
        let mut parts = vec![Vec::new(); 3];
        for (record, place) in records.iter().zip(places.iter().cycle()) {
            parts[*place].push(record.clone());
        }
        let limits = AggregationLimits { rows_max: 1_000_000, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
        let expected = reference::aggregate(&records, &query, now);
        prop_assert_eq!(&merged(&records, &parts, &query, now, limits).unwrap(), &expected);
        if let Some(rows_max) = expected.rows.len().checked_sub(1) {
            let limits = AggregationLimits { rows_max, ..limits };
            let too_many = Err(AggregationError::TooManyRows { rows_max });
            prop_assert_eq!(merged(&records, &parts, &query, now, limits), too_many);
        }
    }
}

#[test]
fn more_rows_than_the_limit_end_the_aggregation() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let case = std::iter::repeat_with(|| random_case().new_tree(&mut runner).unwrap().current())
        .find(|case| reference::aggregate(&case.records, &case.query, case.now).rows.len() > 1)
        .unwrap();
    let rows = reference::aggregate(&case.records, &case.query, case.now).rows.len();
    let snapshot = columns(&case.records, 5).snapshot();
    let with_limit = |rows_max| {
        let limits = AggregationLimits { rows_max, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
        let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
        aggregate(&snapshot, &case.query, case.now, &control)
    };
    assert_eq!(with_limit(rows).unwrap().rows.len(), rows);
    assert_eq!(with_limit(rows - 1), Err(AggregationError::TooManyRows { rows_max: rows - 1 }));
}

#[test]
fn a_cancelled_aggregation_has_no_answer() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let case = random_case().new_tree(&mut runner).unwrap().current();
    let limits = AggregationLimits { rows_max: 1, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(true) };
    let snapshot = columns(&case.records, 5).snapshot();
    assert_eq!(aggregate(&snapshot, &case.query, case.now, &control), Err(AggregationError::Cancelled));
}
