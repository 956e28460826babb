//! A farm in a folder, partly sealed, and questions about it through the service.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use farmtally_cluster::{Address, SparkEngine};
use farmtally_engine::DistributedEngine;
use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationQuery, DisplayName, FarmId, LineCost, NanoUsd, Record, RecordNames, Resources, Session,
    StatisticsTable, Submission, Timestamp, Volume,
};
use farmtally_service::{
    AggregationPage, Caller, Distributed, ManualClock, NumberedSubmission, PageRequest, Role, Service,
    ServiceLimits, StartAggregation, seal,
};
use tempfile::TempDir;

pub(crate) const FARM: FarmId = FarmId::from_bytes([7; 16]);

/// A farm and the service over it.
pub(crate) struct Farm {
    folder: TempDir,
    now: Timestamp,
    limits: ServiceLimits,
    service: Option<Arc<Service>>,
}

impl Farm {
    /// A farm without records, in a service without a distributed engine.
    pub(crate) fn new(now: Timestamp) -> Self {
        let mut farm = Self {
            folder: tempfile::tempdir().unwrap(),
            now,
            limits: ServiceLimits::default(),
            service: None,
        };
        farm.open(None);
        let name = DisplayName::new("Farm").unwrap();
        farm.service().create_farm(FARM, name, "test").unwrap();
        farm
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        self.service.as_ref().unwrap()
    }

    /// Gives the service an engine that is asked about everything that is sealed.
    pub(crate) fn asking(self, address: &Address) -> Self {
        let engine = Arc::new(self.engine(address));
        self.asking_engine(engine)
    }

    pub(crate) fn asking_engine(mut self, engine: Arc<dyn DistributedEngine>) -> Self {
        self.open(Some(Distributed { engine, records_min: 0 }));
        self
    }

    /// An engine that reads this farm's segments.
    pub(crate) fn engine(&self, address: &Address) -> SparkEngine {
        SparkEngine::new(address.clone(), &format!("file://{}", self.folder().display())).unwrap()
    }

    /// Another farm with the same files, in a service without a distributed engine.
    pub(crate) fn copied(&mut self) -> Self {
        self.close();
        let folder = tempfile::tempdir().unwrap();
        let from = self.folder().join(".");
        assert!(Command::new("cp").arg("-r").arg(from).arg(folder.path()).status().unwrap().success());
        let mut copy = Self { folder, now: self.now, limits: self.limits, service: None };
        copy.open(None);
        self.open(None);
        copy
    }

    pub(crate) fn ending_after(mut self, runtime_max: Duration) -> Self {
        self.limits.aggregation_runtime_max = runtime_max;
        self
    }

    fn open(&mut self, distributed: Option<Distributed>) {
        self.close();
        let clock = Arc::new(ManualClock::new(self.now));
        let folder = self.folder.path();
        self.service = Some(Service::open_with_engine(folder, clock, self.limits, distributed).unwrap());
    }

    fn close(&mut self) {
        if let Some(service) = self.service.take() {
            // A run that has just answered may still hold it.
            while Arc::strong_count(&service) > 1 {
                std::thread::yield_now();
            }
        }
    }

    /// Stores records that are as they are said to be.
    pub(crate) fn store(&self, records: &[Record<LineCost>]) {
        self.store_submissions(records.iter().map(submission));
    }

    pub(crate) fn store_submissions(&self, submissions: impl Iterator<Item = Submission>) {
        let mut numbered =
            submissions.map(|submission| NumberedSubmission { line: 1, submission }).peekable();
        while numbered.peek().is_some() {
            let batch = numbered.by_ref().take(10_000).collect();
            let report = self.service().store_batch(FARM, batch).unwrap();
            assert_eq!(report.refused, []);
        }
    }

    pub(crate) fn delete(&self, records: &[Record<LineCost>]) {
        for record in records {
            assert!(self.service().delete(&admin(), FARM, record.id()).unwrap());
        }
    }

    /// Seals everything that has ended.
    pub(crate) fn sealed(mut self) -> Self {
        self.close();
        seal(self.folder()).unwrap();
        self.open(None);
        self
    }

    /// Asks and waits for the end.
    pub(crate) fn ask(&self, query: &AggregationQuery) -> AggregationPage {
        self.end_of(self.begin(query))
    }

    pub(crate) fn begin(&self, query: &AggregationQuery) -> farmtally_model::AggregationId {
        let start = StartAggregation { farm_id: FARM, query: query.clone(), retry_key: None };
        self.service().start_aggregation(&admin(), start).unwrap()
    }

    pub(crate) fn end_of(&self, id: farmtally_model::AggregationId) -> AggregationPage {
        let request = PageRequest { page_size: 1, page_token: None };
        loop {
            let page = self.service().aggregation_page(&admin(), FARM, id, &request).unwrap();
            if page.status != Status::InProgress {
                return page;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The whole answer to a question.
    pub(crate) fn answer(&self, query: &AggregationQuery) -> Arc<StatisticsTable> {
        let page = self.ask(query);
        assert_eq!(page.status, Status::Completed, "{:?} for {query:?}", page.status_message);
        page.table.unwrap()
    }
}

pub(crate) fn admin() -> Caller {
    Caller { access_key_id: "FTAK".to_owned(), role: Role::Admin, farm_id: None }
}

/// The question about those of its queues or fleets that the records name, or none.
pub(crate) fn about_known(
    query: &AggregationQuery,
    records: &[Record<LineCost>],
) -> Option<AggregationQuery> {
    let sessions = || {
        records.iter().filter_map(|record| match record {
            Record::Session(session) => Some(session),
            Record::Volume(_) => None,
        })
    };
    let is_fleet = |fleet_id| {
        records.iter().any(|record| match record {
            Record::Session(session) => session.fleet_id == fleet_id,
            Record::Volume(volume) => volume.fleet_id == fleet_id,
        })
    };
    let resources = match (query.resources().queue_ids(), query.resources().fleet_ids()) {
        (Some(ids), _) => Resources::queues(
            ids.iter().copied().filter(|id| sessions().any(|session| session.queue_id == *id)),
        ),
        (None, ids) => Resources::fleets(ids.unwrap_or_default().iter().copied().filter(|id| is_fleet(*id))),
    };
    let (window, offset, period) = (query.window(), query.offset(), query.period());
    AggregationQuery::new(resources.ok()?, window, offset, period, query.group_by(), query.statistics()).ok()
}

/// The record with a total for everything that is priced by the hour: what is sent has costs, not prices.
pub(crate) fn with_totals(record: &Record<LineCost>) -> Record<LineCost> {
    let total = |cost: LineCost| match cost {
        LineCost::Total(_) => cost,
        LineCost::PerHour(rate) => LineCost::Total(NanoUsd::from_nanos(rate.nanos()).unwrap()),
    };
    record.with_costs(|_, cost| total(cost))
}

/// The record under another id.
pub(crate) fn under_another_id(record: &Record<LineCost>) -> Record<LineCost> {
    let invert = |bytes: [u8; 16]| bytes.map(|byte| !byte);
    match record.clone() {
        Record::Session(session) => {
            let session_id = farmtally_model::SessionId::from_bytes(invert(session.session_id.bytes()));
            Record::Session(Session { session_id, ..session })
        }
        Record::Volume(volume) => {
            let volume_id = farmtally_model::VolumeId::from_bytes(invert(volume.volume_id.bytes()));
            Record::Volume(Volume { volume_id, ..volume })
        }
    }
}

/// What `other` says, under the id of `record` and with a revision that is lower than the one that `record` gets.
pub(crate) fn earlier_telling(
    record: &Record<LineCost>,
    other: &Record<LineCost>,
) -> Option<Record<LineCost>> {
    match (record, other.clone()) {
        (Record::Session(record), Record::Session(other)) => Some(Record::Session(Session {
            session_id: record.session_id,
            revision: record.revision,
            ..other
        })),
        (Record::Volume(record), Record::Volume(other)) => {
            Some(Record::Volume(Volume { volume_id: record.volume_id, revision: record.revision, ..other }))
        }
        _ => None,
    }
}

pub(crate) fn corrected(record: &Record<LineCost>) -> Record<LineCost> {
    match record.clone() {
        Record::Session(session) => Record::Session(Session { revision: session.revision + 1, ..session }),
        Record::Volume(volume) => Record::Volume(Volume { revision: volume.revision + 1, ..volume }),
    }
}

fn submission(record: &Record<LineCost>) -> Submission {
    let total = |cost: LineCost| match cost {
        LineCost::Total(total) => Some(total),
        LineCost::PerHour(_) => None,
    };
    Submission { record: record.with_costs(|_, cost| total(cost)), names: RecordNames::default() }
}
