//! The column scan and its plain twin on farms that are large enough for stretches, summaries, lists and threads.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmColumns;
use farmtally_model::{
    AggregationQuery, FleetId, GroupBy, InstanceType, JobId, JobName, LicenseProduct, LineCost, NanoUsd,
    Period, QueueId, Record, Resources, Session, SessionId, Span, Statistic, StatisticSet, StatisticsTable,
    TimeRange, Timestamp, Usage, UsageGroupBy, UsageLine, UsageLines, UserId, UtcOffset, WorkerId,
};

use crate::block_scan::{Scratch, scan_block};
use crate::lanes::{Lanes, PieceChunk};
use crate::limits::{AggregationControl, AggregationLimits};
use crate::piece_memory;
use crate::plan::AggregationPlan;
use crate::rollup_scan;
use crate::sink::PieceSink;
use crate::steps::BlockStep;
use crate::wide::WideGroups;
use crate::{finish, scan};

const HOUR_MS: u64 = 3_600_000;

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn id(&mut self, kinds: u64) -> [u8; 16] {
        // Not in the order of their arrival.
        let kind = self.below(kinds).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&kind.to_be_bytes());
        bytes
    }
}

pub(crate) fn session(numbers: &mut Numbers, index: u64) -> Record<LineCost> {
    let cost = |nanos| LineCost::Total(NanoUsd::from_nanos(nanos).unwrap());
    let start_ms = 1_760_000_000_000 + index * 900_000 + numbers.below(7_200_000);
    let runtime_ms = match numbers.below(20) {
        0 => 0,
        1 => numbers.below(60 * HOUR_MS),
        2 => (1 + numbers.below(4)) * 1_800_000,
        _ => 1 + numbers.below(2 * HOUR_MS),
    };
    let mut lines = vec![UsageLine { usage: Usage::Compute, cost: cost(numbers.below(3_000_000_000)) }];
    for product in 0..numbers.below(8).saturating_sub(4) {
        let product = LicenseProduct::new(&format!("product {product}")).unwrap();
        let usage = Usage::License { product, quantity: 1 };
        lines.push(UsageLine { usage, cost: cost(numbers.below(900_000_000)) });
    }
    if numbers.below(40) == 0 && lines.len() > 1 {
        lines.remove(0);
    }
    let at = |millis: u64| Timestamp::from_millis(i64::try_from(millis).unwrap()).unwrap();
    let mut session_id = [0; 16];
    session_id[..8].copy_from_slice(&index.to_be_bytes());
    let job_id = numbers.id(60);
    Record::Session(Session {
        session_id: SessionId::from_bytes(session_id),
        queue_id: QueueId::from_bytes(numbers.id(4)),
        fleet_id: FleetId::from_bytes(numbers.id(3)),
        job_id: JobId::from_bytes(job_id),
        job_name: JobName::new(&format!("show{}_comp", job_id[0] % 5)).unwrap(),
        user_id: UserId::new(&format!("user {}", numbers.below(25))).unwrap(),
        worker_id: (!index.is_multiple_of(7))
            .then(|| WorkerId::from_bytes([u8::try_from(index % 90).unwrap(); 16])),
        instance_type: Some(InstanceType::new(&format!("type {}", numbers.below(5))).unwrap()),
        outcome: farmtally_model::Outcome::ALL
            .get(usize::try_from(index % 6).unwrap())
            .map(|(_, outcome)| *outcome),
        span: Span::new(at(start_ms), Some(at(start_ms + runtime_ms))).unwrap(),
        revision: 0,
        usage: UsageLines::new(lines).unwrap(),
    })
}

/// Some 8,000 sessions over three months in several blocks, a few of them removed again.
pub(crate) fn farm() -> FarmColumns {
    let (mut columns, records) = farm_in_blocks_of(700);
    columns.apply(&[], &records[2_000..2_010]);
    columns
}

/// Some 8,000 sessions over three months in blocks of so many.
pub(crate) fn farm_in_blocks_of(sessions: usize) -> (FarmColumns, Vec<Record<LineCost>>) {
    let mut numbers = Numbers(0x5eed);
    let records: Vec<_> = (0..8_000).map(|index| session(&mut numbers, index)).collect();
    let mut columns = FarmColumns::default();
    for records in records.chunks(sessions) {
        columns.apply(records, &[]);
        columns.seal();
    }
    (columns, records)
}

/// So many sessions of one block, each of ten years.
pub(crate) fn lasting_farm(count: u64) -> FarmColumns {
    let mut numbers = Numbers(0x5eed);
    let lasting = |index| match session(&mut numbers, index) {
        Record::Session(session) => {
            let start = session.span.started_at();
            let end = Timestamp::from_millis_clamped(start.millis() + 10 * 365 * 24 * 3_600_000);
            Record::Session(Session { span: Span::new(start, Some(end)).unwrap(), ..session })
        }
        volume @ Record::Volume(_) => volume,
    };
    let records: Vec<_> = (0..count).map(lasting).collect();
    let mut columns = FarmColumns::default();
    columns.apply(&records, &[]);
    columns
}

pub(crate) fn questions() -> Vec<AggregationQuery> {
    let queues = [0, 1, 3].map(|kind: u64| kind.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let ids = queues.map(|kind| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&kind.to_be_bytes());
        bytes
    });
    let resources = [
        Resources::queues(ids.map(QueueId::from_bytes)).unwrap(),
        Resources::fleets(ids[..2].iter().map(|id| FleetId::from_bytes(*id))).unwrap(),
    ];
    let window = |start, end| {
        TimeRange::new(Timestamp::parse(start).unwrap(), Timestamp::parse(end).unwrap()).unwrap()
    };
    let windows = [
        window("2025-10-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        window("2025-11-03T00:00:00Z", "2025-11-05T00:00:00Z"),
    ];
    let periods =
        [None, Some(Period::Monthly), Some(Period::Weekly), Some(Period::Daily), Some(Period::Hourly)];
    let fields = UsageGroupBy::ALL;
    let groups = fields.into_iter().flat_map(|first| {
        let second = fields.into_iter().filter(move |second| *second != first);
        second.map(move |second| vec![first, second]).chain([vec![first]])
    });
    let groups: Vec<GroupBy> = groups.map(|fields| GroupBy::new(&fields).unwrap()).collect();
    let statistics = StatisticSet::new(Statistic::ALL).unwrap();
    let mut questions = Vec::new();
    for (index, group_by) in groups.into_iter().enumerate() {
        for period in periods {
            let (resources, window) = (resources[index % 2].clone(), windows[usize::from(index % 3 == 0)]);
            let offset = UtcOffset::UTC;
            questions.push(
                AggregationQuery::new(resources, window, offset, period, group_by, statistics).unwrap(),
            );
        }
    }
    questions
}

pub(crate) fn table(plan: &AggregationPlan<'_>, is_plain: bool, threads: usize) -> StatisticsTable {
    let limits = AggregationLimits {
        rows_max: 1 << 24,
        bytes_max: 1 << 30,
        threads: NonZeroUsize::new(threads).unwrap(),
    };
    let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
    let found = if is_plain {
        let mut wide = WideGroups::default();
        let views: Vec<_> = plan.snapshot.blocks().iter().collect();
        scan::add_all_plainly(plan, &views, &mut wide, &control).unwrap();
        scan::Found { outputs: Vec::new(), outputs_overlap: false, wide }
    } else {
        scan::scan(plan, &control).unwrap()
    };
    finish::finish(plan, found, &control).unwrap()
}

#[test]
fn columns_summaries_lists_and_threads_give_the_same_bits_as_the_plain_path() {
    let snapshot = farm().snapshot();
    assert!(snapshot.blocks().len() >= 12 && snapshot.blocks().iter().any(|view| !view.is_whole()));
    let mut rows: BTreeMap<bool, usize> = BTreeMap::new();
    let [mut rolled_up, mut remembered]: [BTreeMap<String, usize>; 2] = Default::default();
    let mut beside_others = 0;
    for query in questions() {
        let plan = || AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let plain = table(&plan(), true, 1);
        *rows.entry(query.period().is_some()).or_default() += plain.rows.len();
        // Rollups are made when a question is asked again, and are there from the fourth time on. Where none is worth it, pieces are
        // remembered after that.
        for threads in [1, 3, 3, 1, 3, 1, 3] {
            assert_eq!(table(&plan(), false, threads), plain, "{query:?} on {threads} threads");
        }
        let mut plan = plan();
        let fields = || query.group_by().fields().map(|field| format!("{field:?}")).collect::<Vec<_>>();
        if rollup_scan::answer_a_part(&plan) {
            *rolled_up.entry(fields().join(" ")).or_default() += 1;
        }
        let [found, not_found] = piece_memory::remembered(&plan);
        if found > 0 {
            *remembered.entry(fields().join(" ")).or_default() += found;
            beside_others += not_found;
        }
        snapshot.forget_asked();
        plan.lanes = None;
        assert_eq!(table(&plan, false, 1), plain, "{query:?} without vector kernels");
    }
    assert!(rows[&true] > 100_000 && rows[&false] > 1_000, "{rows:?}");
    assert!(rolled_up.len() >= 14 && rolled_up.contains_key("JobId"), "{rolled_up:?}");
    assert!(remembered.len() >= 6 && beside_others > 0, "{remembered:?} {beside_others}");
}

/// Counts the pieces of each bucket and key.
#[derive(Default)]
struct Counted {
    expected: usize,
    pieces: HashMap<(u32, u64), usize>,
}

impl PieceSink for Counted {
    fn expect_pieces(&mut self, pieces: usize) {
        self.expected = pieces;
    }

    fn add(&mut self, bucket: u32, key: u64, _: u64, _: u32) {
        *self.pieces.entry((bucket, key)).or_default() += 1;
    }

    fn add_chunk(&mut self, _: Lanes, pieces: &PieceChunk) {
        for (bucket, key, cost_nanos, runtime_ms) in pieces.iter() {
            self.add(bucket, key.into(), cost_nanos.into(), runtime_ms);
        }
    }
}

/// Narrow sums count in 20 bits, and wrap without a word when there are more pieces.
#[test]
fn no_group_gets_more_pieces_of_a_block_than_were_announced() {
    let snapshot = farm().snapshot();
    let (mut seen, mut lines) = (0, 0);
    for query in questions() {
        let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let all = 0..plan.buckets.len();
        for view in snapshot.blocks() {
            let mut sink = Counted::default();
            let step = BlockStep { view, summed: [false; 2], details: None };
            scan_block(&plan, &all, &step, &mut Scratch::new(), &mut sink);
            let most = sink.pieces.values().copied().max().unwrap_or(0);
            assert!(most <= sink.expected, "{most} of {} for {query:?}", sink.expected);
            seen = seen.max(most);
            lines += usize::from(sink.expected > view.block().len());
        }
    }
    assert!(seen > 100 && lines > 0, "{seen}, {lines}");
}
