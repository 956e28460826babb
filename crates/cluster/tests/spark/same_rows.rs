//! The rows of the distributed engine are those of the native one, and both are those of the slow reference.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use farmtally_cluster::Address;
use farmtally_columns::FarmColumns;
use farmtally_engine::{AggregationControl, AggregationLimits};
use farmtally_model::{
    AggregationQuery, FleetId, GroupBy, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd,
    Period, QueueId, Record, Resources, Session, SessionId, Span, Statistic, StatisticSet, StatisticsTable,
    TimeRange, Timestamp, Usage, UsageGroupBy, UsageLine, UsageLines, UserId, UtcOffset,
};
use farmtally_testkit::random::{RandomCase, random_case, random_farm};
use farmtally_testkit::reference;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::farm::{Farm, about_known, corrected, earlier_telling, under_another_id, with_totals};

fn native(records: &[Record<LineCost>], query: &AggregationQuery, now: Timestamp) -> StatisticsTable {
    let mut columns = FarmColumns::default();
    columns.apply(records, &[]);
    let limits = AggregationLimits { rows_max: 1_000_000, bytes_max: 1 << 30, threads: NonZeroUsize::MIN };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    farmtally_engine::aggregate(&columns.snapshot(), query, now, &control).unwrap()
}

/// Asks all three and expects one answer, which is returned.
fn check(
    farm: &Farm,
    live: &[Record<LineCost>],
    query: &AggregationQuery,
    now: Timestamp,
) -> Arc<StatisticsTable> {
    let expected = reference::aggregate(live, query, now);
    assert_eq!(native(live, query, now), expected, "the native engine, for {query:?}");
    let found = farm.answer(query);
    assert_eq!(*found, expected, "the distributed engine, for {query:?} at {now} of {live:?}");
    found
}

/// The farm as somebody made it who sealed it in the middle: of the records a third was sealed, a third was sealed with other
/// contents and corrected, a third came later; others were sealed and deleted.
fn laid_out(
    records: &[Record<LineCost>],
    others: &[Record<LineCost>],
    now: Timestamp,
    address: &Address,
) -> (Farm, Vec<Record<LineCost>>) {
    let records: Vec<_> = records.iter().map(with_totals).collect();
    let others: Vec<_> = others.iter().map(with_totals).collect();
    let (mut before, mut after, mut live) = (Vec::new(), Vec::new(), Vec::new());
    for (index, record) in records.iter().enumerate() {
        let earlier = others.get(index).and_then(|other| earlier_telling(record, other));
        match (index % 3, earlier) {
            (0, Some(earlier)) => {
                before.push(earlier);
                after.push(corrected(record));
                live.push(corrected(record));
            }
            (1, _) => {
                after.push(record.clone());
                live.push(record.clone());
            }
            _ => {
                before.push(record.clone());
                live.push(record.clone());
            }
        }
    }
    let deleted: Vec<_> = others.iter().take(5).map(under_another_id).collect();
    let farm = Farm::new(now);
    farm.store(&[before, deleted.clone()].concat());
    let farm = farm.sealed().asking(address);
    farm.store(&after);
    farm.delete(&deleted);
    (farm, live)
}

/// Other farms with each run, or those of a seed.
fn runner() -> TestRunner {
    let seed = std::env::var("FARMTALLY_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let rng = match seed {
        Some(seed) => {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
        }
        None => return TestRunner::new(Config::default()),
    };
    TestRunner::new_with_rng(Config::default(), rng)
}

/// Asks a server about so many random farms, unless `FARMTALLY_CASES` says how many.
pub(crate) fn check_random_farms(address: &Address, usual_cases: usize) {
    let cases =
        std::env::var("FARMTALLY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual_cases);
    let mut runner = runner();
    let (mut asked, mut row_count) = (0, 0);
    while asked < cases {
        let strategy = (random_case(), random_farm());
        let (RandomCase { records, query, now }, others) = strategy.new_tree(&mut runner).unwrap().current();
        let Some(query) = about_known(&query, &records) else { continue };
        let (farm, live) = laid_out(&records, &others, now, address);
        row_count += check(&farm, &live, &query, now).rows.len();
        asked += 1;
    }
    assert!(row_count > cases, "{cases} answers have {row_count} rows together");
}

/// Sessions with licences on three machines over two months, and sixty of 40 days that cost as much as a session can, so that
/// their sums by every dimension pass 64 bits: an engine that adds them in 64 bits has other rows.
fn telling_farm() -> Vec<Record<LineCost>> {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let start = at("2025-10-30T22:17:13.250Z").millis();
    let line = |usage, nanos| UsageLine { usage, cost: LineCost::Total(NanoUsd::from_nanos(nanos).unwrap()) };
    let license = |name: &str| Usage::License { product: LicenseProduct::new(name).unwrap(), quantity: 2 };
    let session = |index: u8, start_ms: i64, length_ms: i64, usage| {
        let bytes = |kind: u8, of: u8| [kind.wrapping_mul(40).wrapping_add(index % of); 16];
        let instant = |ms| Timestamp::from_millis(ms).unwrap();
        Record::Session(Session {
            session_id: SessionId::from_bytes([index; 16]),
            queue_id: QueueId::from_bytes(bytes(1, 2)),
            fleet_id: FleetId::from_bytes(bytes(2, 3)),
            job_id: JobId::from_bytes(bytes(3, 5)),
            job_name: JobName::new(&format!("shot {}'s \"comp\"", index % 7)).unwrap(),
            user_id: UserId::new(["ana", "o'neil", "élodie"][usize::from(index % 3)]).unwrap(),
            worker_id: None,
            instance_type: (!index.is_multiple_of(4))
                .then(|| InstanceType::new(["a", "b", "c"][usize::from(index % 3)]).unwrap()),
            outcome: None,
            span: Span::new(instant(start_ms), Some(instant(start_ms + length_ms))).unwrap(),
            revision: 0,
            usage: UsageLines::new(usage).unwrap(),
        })
    };
    let mut records: Vec<_> = (0..60_u8)
        .map(|index| {
            let mut usage = vec![line(Usage::Compute, 1_234_567_891 * u64::from(index) + 7)];
            if index % 3 == 0 {
                usage.push(line(license("arnold"), 610_000_001));
            }
            if index % 6 == 0 {
                usage.push(line(license("nuke"), 3));
            }
            let length_ms = [0, 1, 1_500_000, 7_200_001, 100_000_003][usize::from(index % 5)];
            session(index, start + i64::from(index) * 86_399_999, length_ms, usage)
        })
        .collect();
    for index in 100..160 {
        let half = NanoUsd::MAX.nanos() / 2;
        let usage = vec![line(Usage::Compute, half), line(license("arnold"), half)];
        records.push(session(index, start, 40 * 86_400_000 + 1, usage));
    }
    records
}

/// Asks a server 70 questions, about every dimension, period and kind of filter.
pub(crate) fn check_every_dimension(address: &Address) {
    let records = telling_farm();
    let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
    let farm = Farm::new(now);
    farm.store(&records);
    let farm = farm.sealed().asking(address);
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let window = TimeRange::new(at("2025-11-03T18:30:00Z"), at("2026-01-11T05:30:00Z")).unwrap();
    let short = TimeRange::new(at("2025-11-03T18:30:00Z"), at("2025-11-12T05:30:00Z")).unwrap();
    let offset = UtcOffset::parse("UTC+05:30").unwrap();
    let queues = Resources::queues([40, 41].map(|byte| QueueId::from_bytes([byte; 16]))).unwrap();
    let fleets = Resources::fleets([80, 82].map(|byte| FleetId::from_bytes([byte; 16]))).unwrap();
    let statistics = StatisticSet::new(Statistic::ALL).unwrap();
    for (index, first) in UsageGroupBy::ALL.into_iter().enumerate() {
        let second = UsageGroupBy::ALL[(index + 3) % UsageGroupBy::ALL.len()];
        for period in
            [None, Some(Period::Hourly), Some(Period::Daily), Some(Period::Weekly), Some(Period::Monthly)]
        {
            let window = if period == Some(Period::Hourly) { short } else { window };
            for (resources, fields) in [(&queues, vec![first]), (&fleets, vec![first, second])] {
                let group_by = GroupBy::new(&fields).unwrap();
                let query =
                    AggregationQuery::new(resources.clone(), window, offset, period, group_by, statistics)
                        .unwrap();
                let table = check(&farm, &records, &query, now);
                let is_wide = table.rows.iter().any(|row| row.cost.sum > i64::MAX.unsigned_abs().into());
                assert!(is_wide || period.is_some() || fields.len() > 1, "no sum by {first} passes 64 bits");
            }
        }
    }
}
