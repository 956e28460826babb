//! A farm of a few sessions, most of them sealed, and an engine elsewhere that counts those as a test wants it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use farmtally_columns::FarmColumns;
use farmtally_engine::{
    AggregationControl, AggregationLimits, DistributedEngine, DistributedError, MergedGroups, SealedRecords,
    Seen,
};
use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationId, AggregationQuery, DisplayName, FarmId, FleetId, GroupBy, JobId, JobName, LineCost,
    NanoUsd, Period, QueueId, Record, RecordNames, Resources, Session, SessionId, Span, Statistic,
    StatisticSet, Submission, TimeRange, Timestamp, Usage, UsageGroupBy, UsageLine, UsageLines, UserId,
    UtcOffset,
};
use farmtally_service::{
    AggregationPage, Caller, Distributed, ManualClock, NumberedSubmission, PageRequest, Role, Service,
    ServiceError, ServiceLimits, StartAggregation, seal,
};
use farmtally_testkit::reference;
use tempfile::TempDir;

pub(crate) const FARM: FarmId = FarmId::from_bytes([7; 16]);
const HOUR_MS: i64 = 3_600_000;

/// What an engine says instead of what it saw.
pub(crate) type Lie = fn(Seen) -> Result<Seen, DistributedError>;

/// An engine elsewhere that counts the records that it is given by its test, and says of them what the test wants.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) records: Vec<Record<LineCost>>,
    pub(crate) lies: Option<Lie>,
    pub(crate) cannot_answer: bool,
    /// It answers nobody, until it is told to stop.
    pub(crate) is_stuck: bool,
    pub(crate) asked: AtomicU32,
    /// What it was told of the last question.
    pub(crate) told: Mutex<Option<SealedRecords>>,
}

impl DistributedEngine for Elsewhere {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn can_answer(&self, _: &AggregationQuery, _: &SealedRecords) -> bool {
        !self.cannot_answer
    }

    fn aggregate(
        &self,
        query: &AggregationQuery,
        records: &SealedRecords,
        groups: &mut MergedGroups,
        cancelled: &AtomicBool,
    ) -> Result<Seen, DistributedError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.told.lock().unwrap() = Some(records.clone());
        if self.is_stuck {
            while !cancelled.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            return Err(DistributedError::Cancelled);
        }
        let mut columns = FarmColumns::default();
        columns.apply(&self.records, &[]);
        let limits = AggregationLimits { rows_max: 1000, bytes_max: 1 << 20, threads: NonZeroUsize::MIN };
        let control = AggregationControl { limits, cancelled };
        groups.add_table(&farmtally_engine::aggregate(&columns.snapshot(), query, now(), &control)?)?;
        let seen = Seen { line_count: self.records.len() as u128, cost_nanos: cost(&self.records) };
        self.lies.map_or(Ok(seen), |lie| lie(seen))
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2025-12-01T00:00:00Z").unwrap()
}

fn cost_of(number: u32) -> u64 {
    1_000_003 * u64::from(number) + 1
}

pub(crate) fn cost(records: &[Record<LineCost>]) -> u128 {
    let mut sum = 0;
    for record in records {
        let Record::Session(session) = record else { continue };
        for line in session.usage.as_slice() {
            if let LineCost::Total(total) = line.cost {
                sum += u128::from(total.nanos());
            }
        }
    }
    sum
}

/// A session of 90 minutes with one line.
fn session<C>(number: u32, revision: u32, cost: impl Fn(NanoUsd) -> C) -> Session<C> {
    let start = Timestamp::parse("2025-11-24T22:15:00Z").unwrap().millis() + i64::from(number) * HOUR_MS;
    let at = |ms| Timestamp::from_millis(ms).unwrap();
    let cost = cost(NanoUsd::from_nanos(cost_of(number)).unwrap());
    Session {
        session_id: SessionId::from_bytes(u128::from(number).to_be_bytes()),
        queue_id: QueueId::from_bytes([1; 16]),
        fleet_id: FleetId::from_bytes([2; 16]),
        job_id: JobId::from_bytes([3; 16]),
        job_name: JobName::new("sh010 comp").unwrap(),
        user_id: UserId::new(["ana", "bo"][number as usize % 2]).unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: Span::new(at(start), Some(at(start + HOUR_MS * 3 / 2))).unwrap(),
        revision,
        usage: UsageLines::new(vec![UsageLine { usage: Usage::Compute, cost }]).unwrap(),
    }
}

pub(crate) fn records(numbers: impl IntoIterator<Item = u32>) -> Vec<Record<LineCost>> {
    numbers.into_iter().map(|number| Record::Session(session(number, 0, LineCost::Total))).collect()
}

/// Forty sealed sessions, of which one was corrected and one deleted, and ten that are not sealed.
pub(crate) struct Farm {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
}

impl Farm {
    pub(crate) fn new(engine: &Arc<Elsewhere>, records_min: u64) -> Self {
        Self::with_limits(engine, records_min, ServiceLimits::default())
    }

    pub(crate) fn with_limits(engine: &Arc<Elsewhere>, records_min: u64, limits: ServiceLimits) -> Self {
        let folder = sealed_folder();
        let engine: Arc<dyn DistributedEngine> = Arc::<Elsewhere>::clone(engine);
        let clock = Arc::new(ManualClock::new(now()));
        let service = open(&folder, &clock, limits, Some(Distributed { engine, records_min }));
        store(
            &service,
            [session(3, 1, Some)].into_iter().chain((40..50).map(|number| session(number, 0, Some))),
        );
        assert!(service.delete(&admin(), FARM, records([4])[0].id()).unwrap());
        Self { folder, clock, service }
    }

    /// The forty sealed sessions alone, which the store has no reason to write anew.
    pub(crate) fn sealed() -> Self {
        let folder = sealed_folder();
        let clock = Arc::new(ManualClock::new(now()));
        let service = open(&folder, &clock, ServiceLimits::default(), None);
        Self { folder, clock, service }
    }

    pub(crate) fn ask(&self) -> AggregationPage {
        self.end_of(self.start(None).unwrap())
    }

    pub(crate) fn start(&self, retry_key: Option<[u8; 32]>) -> Result<AggregationId, ServiceError> {
        let start = StartAggregation { farm_id: FARM, query: question(), retry_key };
        self.service.start_aggregation(&admin(), start)
    }

    pub(crate) fn answer_files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("answers")).map_or(0, Iterator::count)
    }

    pub(crate) fn end_of(&self, id: AggregationId) -> AggregationPage {
        let asked = Instant::now();
        loop {
            let request = PageRequest { page_size: 1, page_token: None };
            let page = self.service.aggregation_page(&admin(), FARM, id, &request).unwrap();
            if page.status != Status::InProgress {
                return page;
            }
            assert!(asked.elapsed() < Duration::from_mins(1), "the aggregation does not end");
            thread::yield_now();
        }
    }

    pub(crate) fn expect_the_whole_answer(&self) {
        let live = records((0..50).filter(|number| *number != 4));
        let page = self.ask();
        assert_eq!(page.status, Status::Completed, "{:?}", page.status_message);
        assert_eq!(*page.table.unwrap(), reference::aggregate(&live, &question(), now()));
    }

    pub(crate) fn expect_refusal(&self, reason: &str) {
        let page = self.ask();
        let message = page.status_message.unwrap_or_default();
        assert_eq!(page.status, Status::Failed, "{message}");
        assert!(page.table.is_none() && message.contains(reason), "{message}");
    }
}

fn sealed_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let service = open(&folder, &Arc::new(ManualClock::new(now())), ServiceLimits::default(), None);
    service.create_farm(FARM, DisplayName::new("Farm").unwrap(), "test").unwrap();
    store(&service, (0..40).map(|number| session(number, 0, Some)));
    drop(service);
    seal(folder.path()).unwrap();
    folder
}

fn open(
    folder: &TempDir,
    clock: &Arc<ManualClock>,
    limits: ServiceLimits,
    distributed: Option<Distributed>,
) -> Arc<Service> {
    let clock = Arc::<ManualClock>::clone(clock);
    Service::open_with_engine(folder.path(), clock, limits, distributed).unwrap()
}

fn store(service: &Arc<Service>, sessions: impl IntoIterator<Item = Session<Option<NanoUsd>>>) {
    let submission = |session| Submission { record: Record::Session(session), names: RecordNames::default() };
    let batch =
        sessions.into_iter().map(|session| NumberedSubmission { line: 1, submission: submission(session) });
    assert_eq!(service.store_batch(FARM, batch.collect()).unwrap().refused, []);
}

fn admin() -> Caller {
    Caller { access_key_id: "FTAK".to_owned(), role: Role::Admin, farm_id: None }
}

pub(crate) fn question() -> AggregationQuery {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let window = TimeRange::new(at("2025-11-24T23:00:00Z"), at("2025-11-30T00:00:00Z")).unwrap();
    let queues = Resources::queues([QueueId::from_bytes([1; 16])]).unwrap();
    let group_by = GroupBy::new(&[UsageGroupBy::UserId, UsageGroupBy::JobId]).unwrap();
    let statistics = StatisticSet::new(Statistic::ALL).unwrap();
    AggregationQuery::new(queues, window, UtcOffset::UTC, Some(Period::Daily), group_by, statistics).unwrap()
}

/// The engine over the sealed records that are live.
pub(crate) fn elsewhere() -> Elsewhere {
    Elsewhere { records: records((0..40).filter(|number| ![3, 4].contains(number))), ..Elsewhere::default() }
}
