//! How an aggregation ends that cannot be answered.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use farmtally_model::aggregation::Status;
use farmtally_model::{AggregationId, CostScaleFactor, Timestamp};
use farmtally_service::{AggregationPage, Clock, ServiceError, ServiceLimits};
use farmtally_store::{Begun, Catalogue, NewAggregation};

use crate::farm::{Elsewhere, FARM, Farm, elsewhere, question};

#[test]
fn what_takes_too_long_is_stopped_and_times_out() {
    let limits =
        ServiceLimits { aggregation_runtime_max: Duration::from_millis(50), ..ServiceLimits::default() };
    let engine = Arc::new(Elsewhere { is_stuck: true, ..elsewhere() });
    let farm = Farm::with_limits(&engine, 1, limits);
    let page = farm.ask();
    assert_eq!(page.status, Status::Timeout, "{:?}", page.status_message);
    assert!(page.table.is_none());
    expect_counts(&farm, [0, 0, 1]);
}

#[test]
fn a_damaged_block_fails_the_aggregation_and_its_file_is_named() {
    let farm = Farm::sealed();
    let derived = farm.folder.path().join(format!("derived/farm={FARM}"));
    let mut files = fs::read_dir(derived).unwrap().map(|entry| entry.unwrap().path());
    let path = files.find(|path| path.extension().is_some_and(|extension| extension == "blocks")).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].iter_mut().for_each(|byte| *byte ^= 1);
    fs::write(&path, bytes).unwrap();
    let name = path.strip_prefix(farm.folder.path()).unwrap();
    farm.expect_refusal(&format!("`{}` is damaged", name.display()));
}

#[test]
fn an_answer_that_cannot_be_kept_fails_the_aggregation_and_the_farm_is_free() {
    let farm = Farm::new(&Arc::new(elsewhere()), u64::MAX);
    let answers = farm.folder.path().join("answers");
    fs::write(&answers, "no folder").unwrap();
    farm.expect_refusal("the server could not keep the result");
    fs::remove_file(&answers).unwrap();
    farm.expect_the_whole_answer();
    expect_counts(&farm, [1, 1, 0]);
}

#[test]
fn a_call_that_is_sent_again_has_the_answer_of_the_first() {
    let farm = Farm::sealed();
    let call = Some([1; 32]);
    let id = farm.start(call).unwrap();
    assert_eq!(farm.end_of(id).status, Status::Completed);
    assert_eq!(farm.start(call).unwrap(), id);
    assert_eq!(farm.ask().status, Status::Completed);
    expect_counts(&farm, [2, 0, 0]);
    assert_eq!(farm.service.counts().aggregations_started, 2);
    assert_eq!(farm.answer_files(), 2);
}

#[test]
fn a_start_that_the_catalogue_refuses_leaves_no_answer() {
    let farm = Farm::sealed();
    let catalogue = Catalogue::open(farm.folder.path()).unwrap();
    let started_at = farm.clock.now();
    let id = AggregationId::from_bytes([0xaa; 16]);
    let begun = catalogue.begin_aggregation(&NewAggregation {
        id,
        farm_id: FARM,
        retry_key: None,
        started_at,
        deadline: Timestamp::from_millis(started_at.millis() + 300_000).unwrap(),
        query: question(),
        cost_scale_factor: CostScaleFactor::ONE,
    });
    assert!(matches!(begun, Ok(Begun::Started)), "{begun:?}");
    let refused = farm.start(None);
    assert!(
        matches!(refused, Err(ServiceError::AggregationRunning { running, .. }) if running == id),
        "{refused:?}"
    );
    assert!(catalogue.end_aggregation(id, Status::Failed, "it was none").unwrap());
    assert_eq!(farm.ask().status, Status::Completed);
    expect_counts(&farm, [1, 0, 0]);
    assert_eq!(farm.answer_files(), 1);
}

#[test]
fn months_that_are_not_kept_are_gone_before_a_question_is_answered() {
    let farm = Farm::sealed();
    let rows = |page: AggregationPage| page.table.unwrap().rows.len();
    assert!(rows(farm.ask()) > 0);
    Catalogue::open(farm.folder.path()).unwrap().set_retention(FARM, Some(1)).unwrap();
    assert!(rows(farm.ask()) > 0, "they are of the month before");
    farm.clock.advance_ms(31 * 86_400_000);
    assert_eq!(rows(farm.ask()), 0);
}

/// Waits until so many aggregations were counted as completed, failed, and timed out: each is counted after it has ended.
fn expect_counts(farm: &Farm, expected: [u64; 3]) {
    let counted = || {
        let counts = farm.service.counts();
        [counts.aggregations_completed, counts.aggregations_failed, counts.aggregations_timed_out]
    };
    let waited = Instant::now();
    while counted() != expected && waited.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(counted(), expected);
}
