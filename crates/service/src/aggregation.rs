//! The life of an aggregation: started once, run in the background, read in pages for an hour.
//!
//! IN_PROGRESS becomes COMPLETED, FAILED or TIMEOUT and never changes again. An answer is shown as soon as it is computed and written
//! down after that, so that a run and its watchdog decide in memory which comes first; where it is written down before, the catalogue's row
//! decides.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use farmtally_engine::{AggregationControl, AggregationError, DistributedError};
use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationId, AggregationQuery, CostScaleFactor, FarmId, GroupBy, Resources, StatisticSet,
    StatisticsTable, Timestamp,
};
use farmtally_store::{AggregationState, Begun, InterruptedAggregation, NewAggregation, StoreError};

use crate::access::{Action, Caller};
use crate::counts::Ended;
use crate::engines::Source;
use crate::error::{ResourceName, ServiceError};
use crate::limits::{AGGREGATION_LIFE_MS, ROW_COUNT_MAX};
use crate::page_token::PageToken;
use crate::result_cache::CompletedAggregation;
use crate::sealing::random_bytes;
use crate::service::Service;
use crate::threads::spawn_thread;
use crate::underway::RunUnderway;
use crate::watchdog::Watch;

/// How long the end of a run waits for the database of a shared catalogue.
const RECORDED_WITHIN: Duration = Duration::from_mins(1);

/// How long an aggregation can be read.
const AGGREGATION_LIFE: Duration = Duration::from_millis(AGGREGATION_LIFE_MS.unsigned_abs());

/// How long a Start waits until the answer before it is written down, which somebody may have seen already.
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);

/// How long it is tried to write the file of an answer that is shown. Then it is kept in memory alone.
const KEPT_WITHIN: Duration = Duration::from_secs(2);

/// Longest run whose answer is shown before it is kept. After a restart whoever has seen it waits while it is computed again.
const SHOWN_FIRST_MAX: Duration = Duration::from_secs(2);

/// How long the end of a run waits for room on the disk before it is tried again.
const RECORDED_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A question and who asks it.
#[derive(Debug, Clone)]
pub struct StartAggregation {
    /// The farm.
    pub farm_id: FarmId,
    /// The question.
    pub query: AggregationQuery,
    /// A digest of the call (key, invocation and body) by which a retry of the same call is known, if the client
    /// sends what it takes.
    pub retry_key: Option<[u8; 32]>,
}

/// One page of an aggregation, or its state while there is nothing to page.
#[derive(Debug, Clone)]
pub struct AggregationPage {
    /// How far the aggregation has come.
    pub status: Status,
    /// Why it failed and what to do, when it failed.
    pub status_message: Option<String>,
    /// The whole answer, once there is one.
    pub table: Option<Arc<StatisticsTable>>,
    /// The rows of this page.
    pub rows: Range<usize>,
    /// What the rows are grouped by.
    pub group_by: GroupBy,
    /// Which statistics were asked for.
    pub statistics: StatisticSet,
    /// What the farm's costs are multiplied by, as it was at Start.
    pub cost_scale_factor: CostScaleFactor,
    /// The token of the next page, if there is one.
    pub next_token: Option<String>,
}

impl AggregationPage {
    fn without_rows(state: AggregationState) -> Self {
        Self {
            status: state.status,
            status_message: state.status_message,
            table: None,
            rows: 0..0,
            group_by: state.group_by,
            statistics: state.statistics,
            cost_scale_factor: state.cost_scale_factor,
            next_token: None,
        }
    }
}

/// Which page of an answer is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// Most rows of the page.
    pub page_size: usize,
    /// The token that the page before gave; the first page has none.
    pub page_token: Option<&'a str>,
}

/// What is said of an aggregation that is not begun again after a restart.
const GIVEN_UP: &str =
    "the server ended while this aggregation ran, several times or for long; start it again";

/// What to do about an answer that is too large, in the words of the service's own documentation.
const REDUCE: &str = "reduce the time frame or the number of queues or fleets, or use a longer period";

impl Service {
    /// Starts an aggregation over every record that was acknowledged before, and gives its id at once.
    pub fn start_aggregation(
        self: &Arc<Self>,
        caller: &Caller,
        start: StartAggregation,
    ) -> Result<AggregationId, ServiceError> {
        let farm_id = start.farm_id;
        caller.require_on(Action::ReadStatistics, farm_id)?;
        let farm = self.existing_farm(farm_id)?;
        self.require_resources(farm_id, start.query.resources())?;
        self.retain(farm_id);
        let now = self.now();
        let aggregation_id = AggregationId::from_bytes(random_bytes().map_err(ServiceError::internal)?);
        let run = Arc::new(AggregationRun {
            service: Arc::clone(self),
            id: aggregation_id,
            farm_id,
            query: start.query,
            cost_scale_factor: farm.cost_scale_factor,
            now,
            resumed_count: 0,
            is_decided: AtomicBool::new(false),
        });
        let early = self.early_underway(farm_id, aggregation_id);
        let early =
            early.map(|underway| run.begin(underway, self.store.snapshot(farm_id).map(Source::Native)));
        self.end_old_aggregations(now)?;
        self.shown.wait(farm_id, WRITTEN_WITHIN.min(self.limits.aggregation_runtime_max / 2));
        match self.store.catalogue().begin_aggregation(&run.as_new(start.retry_key))? {
            Begun::Retried(earlier) => Ok(earlier),
            Begun::Busy { id, started_at } => {
                Err(ServiceError::AggregationRunning { farm_id, running: id, started_at })
            }
            Begun::Started => {
                self.counters.aggregation_started();
                run.go_on(early.unwrap_or_else(|| run.begin_anywhere()));
                Ok(aggregation_id)
            }
        }
    }

    /// Begins again what the process before has not answered when it ended, and says how much that is. Records that came since are
    /// counted, too. To be called once, before anybody is answered.
    pub fn resume_aggregations(self: &Arc<Self>) -> Result<usize, ServiceError> {
        let interrupted = self.store.catalogue().interrupted_aggregations()?;
        let resumed = interrupted.into_iter().filter(|aggregation| {
            self.resume_aggregation(aggregation).unwrap_or_else(|error| {
                tracing::error!(aggregation = %aggregation.id, %error, "cannot be answered again");
                false
            })
        });
        Ok(resumed.count())
    }

    /// Begins one again, or fails it.
    fn resume_aggregation(
        self: &Arc<Self>,
        interrupted: &InterruptedAggregation,
    ) -> Result<bool, ServiceError> {
        let catalogue = self.store.catalogue();
        let InterruptedAggregation { id, farm_id, started_at, cost_scale_factor, ref query } = *interrupted;
        let now = self.now();
        let Some(query) = query.clone().filter(|_| is_within_its_hour(started_at, now)) else {
            if catalogue.end_aggregation(id, Status::Failed, GIVEN_UP)? {
                self.counters.aggregation_ended(Ended::Failed);
            }
            return Ok(false);
        };
        let Some(resumed_count) = catalogue.resume_aggregation(id, self.deadline(now))? else {
            return Ok(false);
        };
        let service = Arc::clone(self);
        let run = AggregationRun {
            service,
            id,
            farm_id,
            query,
            cost_scale_factor,
            now: started_at,
            resumed_count,
            is_decided: AtomicBool::new(false),
        };
        let run = Arc::new(run);
        self.counters.aggregation_started();
        run.go_on(run.begin_anywhere());
        Ok(true)
    }

    /// That an aggregation is on its way, if its answer is to be computed while it is still being written down that it was started: the disk
    /// takes as long as a short answer. Not where the farm is busy here, nor where another server could be working for it, so that those who
    /// are refused cost nothing.
    fn early_underway(&self, farm_id: FarmId, id: AggregationId) -> Option<RunUnderway> {
        let may_run = self.distributed.is_none() && !self.store.catalogue().is_shared();
        may_run.then(|| self.underway.begin_alone(farm_id, id)).flatten()
    }

    fn deadline(&self, now: Timestamp) -> Timestamp {
        let runtime_ms = i64::try_from(self.limits.aggregation_runtime_max.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis_clamped(now.millis().saturating_add(runtime_ms))
    }

    /// Ends aggregations whose run could not record its own end, and forgets those whose hour is over.
    fn end_old_aggregations(&self, now: Timestamp) -> Result<(), ServiceError> {
        let catalogue = self.store.catalogue();
        self.shown.forget(|answer| !is_readable(&answer.state, now));
        let is_ended_here =
            |farm_id, id| self.underway.has(farm_id, id) || self.shown.get(farm_id, id).is_some();
        catalogue.time_out_overdue(now, &self.timeout_message(), is_ended_here)?;
        catalogue.purge_aggregations(Timestamp::from_millis_clamped(now.millis() - AGGREGATION_LIFE_MS))?;
        Ok(())
    }

    fn timeout_message(&self) -> String {
        let seconds = self.limits.aggregation_runtime_max.as_secs();
        format!("the aggregation took longer than {seconds} seconds; {REDUCE}")
    }

    fn require_resources(&self, farm_id: FarmId, resources: &Resources) -> Result<(), ServiceError> {
        let catalogue = self.store.catalogue();
        let missing_queue = match resources.queue_ids() {
            Some(ids) => catalogue.unknown_queues(farm_id, ids)?.first().copied().map(ResourceName::Queue),
            None => None,
        };
        let missing = match resources.fleet_ids() {
            Some(ids) => catalogue.unknown_fleets(farm_id, ids)?.first().copied().map(ResourceName::Fleet),
            None => missing_queue,
        };
        missing.map_or(Ok(()), |missing| Err(ServiceError::NotFound(missing)))
    }

    /// The state of an aggregation, and a page of its answer once it is there.
    pub fn aggregation_page(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        request: &PageRequest<'_>,
    ) -> Result<AggregationPage, ServiceError> {
        if let Some(page) = self.aggregation_page_at_hand(caller, farm_id, aggregation_id, request) {
            return page;
        }
        caller.require_on(Action::ReadStatistics, farm_id)?;
        let now = self.now();
        let token = self.token_of(farm_id, aggregation_id, request, now)?;
        self.underway.wait_if_resumed(farm_id, aggregation_id);
        let state = self.readable_aggregation(farm_id, aggregation_id, now)?;
        // It may have ended since, and is shown before the catalogue knows of it.
        if let Some(page) = self.aggregation_page_at_hand(caller, farm_id, aggregation_id, request) {
            return page;
        }
        if state.status != Status::Completed {
            return Ok(AggregationPage::without_rows(state));
        }
        let completed = self.read_back(farm_id, aggregation_id, state)?;
        self.page_of(farm_id, aggregation_id, completed, token, request.page_size, now)
    }

    /// The same, if memory alone can tell: `None` when the catalogue has to be asked. It never waits for the disk.
    pub fn aggregation_page_at_hand(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        request: &PageRequest<'_>,
    ) -> Option<Result<AggregationPage, ServiceError>> {
        let now = self.now();
        let shown = || self.shown.get(farm_id, aggregation_id);
        let completed = self.results.get(farm_id, aggregation_id).or_else(shown)?;
        if !is_readable(&completed.state, now) || caller.require_on(Action::ReadStatistics, farm_id).is_err()
        {
            return None;
        }
        let token = self.token_of(farm_id, aggregation_id, request, now);
        Some(token.and_then(|token| {
            self.page_of(farm_id, aggregation_id, completed, token, request.page_size, now)
        }))
    }

    /// What becomes ready when an aggregation that this process runs has ended; `None` when there is no such, or none that the
    /// caller may see.
    pub fn end_of_aggregation(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        aggregation_id: AggregationId,
    ) -> Option<impl Future<Output = ()> + use<>> {
        caller.require_on(Action::ReadStatistics, farm_id).ok()?;
        self.underway.end(farm_id, aggregation_id)
    }

    fn token_of(
        &self,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        request: &PageRequest<'_>,
        now: Timestamp,
    ) -> Result<Option<PageToken>, ServiceError> {
        let read = |token| self.page_tokens.read(token, farm_id, aggregation_id, now);
        request.page_token.map(read).transpose()
    }

    /// The rows of an answer, as far as there are so many, and the token of those behind them.
    fn page_of(
        &self,
        farm_id: FarmId,
        aggregation_id: AggregationId,
        completed: CompletedAggregation,
        token: Option<PageToken>,
        page_size: usize,
        now: Timestamp,
    ) -> Result<AggregationPage, ServiceError> {
        let resumed_count = completed.resumed_count;
        if token.is_some_and(|token| token.resumed_count != resumed_count) {
            return Err(ServiceError::InvalidPageToken { reason: RESUMED_SINCE });
        }
        let row_count = completed.table.rows.len();
        let first = token.map_or(0, |token| token.row);
        let rows = first.min(row_count)..first.saturating_add(page_size).min(row_count);
        let next_token = if rows.end < row_count {
            let next = PageToken { row: rows.end, resumed_count };
            Some(self.page_tokens.issue(farm_id, aggregation_id, next, now)?)
        } else {
            None
        };
        let table = Some(completed.table);
        Ok(AggregationPage { table, rows, next_token, ..AggregationPage::without_rows(completed.state) })
    }

    /// An aggregation within its hour. Where there is none, a farm that does not exist is said before it.
    fn readable_aggregation(
        &self,
        farm_id: FarmId,
        id: AggregationId,
        now: Timestamp,
    ) -> Result<AggregationState, ServiceError> {
        let state = self.store.catalogue().aggregation(farm_id, id)?;
        if let Some(state) = state.filter(|state| is_readable(state, now)) {
            return Ok(state);
        }
        self.existing_farm(farm_id)?;
        Err(ServiceError::NotFound(ResourceName::Aggregation(id)))
    }

    /// A completed aggregation that is not at hand any more.
    fn read_back(
        &self,
        farm_id: FarmId,
        id: AggregationId,
        state: AggregationState,
    ) -> Result<CompletedAggregation, ServiceError> {
        let catalogue = self.store.catalogue();
        let table = catalogue.result(id)?;
        let table = Arc::new(table.ok_or(ServiceError::NotFound(ResourceName::Aggregation(id)))?);
        let resumed_count = catalogue.resumed_count(id)?;
        let completed = CompletedAggregation { farm_id, state, table, resumed_count };
        self.results.insert(id, completed.clone());
        Ok(completed)
    }
}

/// Why a page is not given.
const RESUMED_SINCE: &str =
    "is of an answer that was computed again when the server was restarted; read it from its first page";

fn is_readable(state: &AggregationState, now: Timestamp) -> bool {
    is_within_its_hour(state.started_at, now)
}

fn is_within_its_hour(started_at: Timestamp, now: Timestamp) -> bool {
    now.millis() - started_at.millis() < AGGREGATION_LIFE_MS
}

/// One aggregation on its way.
struct AggregationRun {
    service: Arc<Service>,
    id: AggregationId,
    farm_id: FarmId,
    query: AggregationQuery,
    cost_scale_factor: CostScaleFactor,
    /// The instant of Start, at which everything that still runs ends for this question.
    now: Timestamp,
    /// How often it was begun again because its process had ended.
    resumed_count: u32,
    /// Set by the run when its answer is to be shown before it is written down, or else by its watchdog: the catalogue cannot decide
    /// then which came first.
    is_decided: AtomicBool,
}

/// How a run ended.
enum RunEnd {
    Completed(Box<StatisticsTable>),
    Failed(String),
}

/// A run whose thread computes. Before its start is written down it writes nothing, and it ends without a trace when this is dropped.
struct BegunRun {
    start_written: mpsc::Sender<Watch>,
    cancelled: CancelOnDrop,
}

/// Cancels a run that may not go on.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why a run has no answer, before anybody has looked for the cause.
enum Unanswered {
    Records(StoreError),
    Engine(DistributedError),
}

impl AggregationRun {
    /// As the catalogue begins it.
    fn as_new(&self, retry_key: Option<[u8; 32]>) -> NewAggregation {
        NewAggregation {
            id: self.id,
            farm_id: self.farm_id,
            retry_key,
            started_at: self.now,
            deadline: self.service.deadline(self.now),
            query: self.query.clone(),
            cost_scale_factor: self.cost_scale_factor,
        }
    }

    /// Begins to compute, here or on another engine. What that needs takes longer to lay out than a refusal may take.
    fn begin_anywhere(self: &Arc<Self>) -> std::io::Result<BegunRun> {
        let service = &self.service;
        let underway = match self.resumed_count {
            0 => service.underway.begin(self.farm_id, self.id),
            _ => service.underway.begin_again(self.farm_id, self.id),
        };
        let distributed = service.distributed.as_ref();
        self.begin(underway, Source::of(&service.store, distributed, self.farm_id, &self.query))
    }

    /// Begins to compute on a thread of its own.
    fn begin(
        self: &Arc<Self>,
        underway: RunUnderway,
        source: Result<Source, StoreError>,
    ) -> std::io::Result<BegunRun> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (start_written, may_record) = mpsc::channel();
        let runner = {
            let (run, cancelled) = (Arc::clone(self), Arc::clone(&cancelled));
            move || {
                let clock = Instant::now();
                let answer = run.answer(source, &cancelled);
                let ran = clock.elapsed();
                // Whoever waits for the disk for so long gets no answer, whose memory is not held for that.
                if let Ok(watch) = may_record.recv_timeout(run.service.limits.aggregation_runtime_max) {
                    run.service.counters.aggregation_ran(ran);
                    match run.end_of(answer) {
                        RunEnd::Completed(table) if run.decides_to_show(&table, ran) => {
                            drop(watch);
                            run.show_and_record(*table);
                        }
                        end => run.record(end),
                    }
                }
                drop(underway);
            }
        };
        spawn_thread("aggregation", runner)?;
        Ok(BegunRun { start_written, cancelled: CancelOnDrop(cancelled) })
    }

    /// Lets a run go on whose start was written down, with a watchdog beside it.
    fn go_on(self: &Arc<Self>, begun: std::io::Result<BegunRun>) {
        let runtime_max = self.service.limits.aggregation_runtime_max;
        if runtime_max.is_zero() {
            return self.record_timeout();
        }
        let watched = begun.and_then(|BegunRun { start_written, cancelled }| {
            let run = Arc::clone(self);
            let watch = self.service.watchdog.watch(runtime_max, move || {
                if run.decide() {
                    // Written down first, so that the run cannot report its own cancellation as a failure.
                    run.record_timeout();
                    drop(cancelled);
                }
            })?;
            Ok(start_written.send(watch).is_ok())
        });
        let failure = match watched {
            Ok(true) => return,
            Ok(false) => "the server could not compute the answer; its log says why",
            Err(error) => {
                tracing::error!(aggregation = %self.id, %error, "could not start a thread");
                "the server has no thread left to run this aggregation; start it again"
            }
        };
        self.record(RunEnd::Failed(failure.into()));
    }

    fn answer(
        &self,
        source: Result<Source, StoreError>,
        cancelled: &AtomicBool,
    ) -> Result<StatisticsTable, Unanswered> {
        let control = AggregationControl { limits: self.service.limits.of_engine(), cancelled };
        let source = source.map_err(Unanswered::Records)?;
        source.answer(&self.query, self.now, &control).map_err(Unanswered::Engine)
    }

    fn end_of(&self, answer: Result<StatisticsTable, Unanswered>) -> RunEnd {
        match answer {
            Ok(table) => checked_counts(table),
            Err(Unanswered::Records(error)) => {
                tracing::error!(aggregation = %self.id, %error, "the farm's records cannot be read");
                RunEnd::Failed(format!("the farm's records cannot be used: {error}"))
            }
            Err(Unanswered::Engine(error)) => RunEnd::Failed(self.failure(&error)),
        }
    }

    fn failure(&self, error: &DistributedError) -> String {
        match error {
            DistributedError::Limit(
                error @ (AggregationError::TooManyRows { .. } | AggregationError::TooMuchMemory { .. }),
            ) => format!("{error}; {REDUCE}"),
            DistributedError::Limit(error @ AggregationError::Damaged(_)) => {
                tracing::error!(aggregation = %self.id, %error, "a column block is damaged");
                self.service.column_damage(self.farm_id, error)
            }
            DistributedError::Limit(_) | DistributedError::Cancelled => error.to_string(),
            DistributedError::Unreachable { .. }
            | DistributedError::Failed { .. }
            | DistributedError::Malformed { .. }
            | DistributedError::Disagrees { .. } => {
                tracing::error!(aggregation = %self.id, %error, "the distributed engine gave no answer");
                format!("{error}; start it again, and tell the operator of this server if it stays so")
            }
        }
    }

    /// Writes down how the run ended, unless the watchdog was first.
    fn record(&self, end: RunEnd) {
        let catalogue = self.service.store.catalogue();
        let recorded = match end {
            RunEnd::Completed(table) => {
                let completed = while_unavailable(|| catalogue.complete_aggregation(self.id, &table));
                completed.inspect(|completed| {
                    if *completed {
                        self.service.counters.aggregation_ended(Ended::Completed);
                        self.service.results.insert(self.id, self.completed(*table));
                    }
                })
            }
            RunEnd::Failed(message) => self.end(Status::Failed, &message, Ended::Failed),
        };
        if let Err(error) = recorded {
            tracing::error!(aggregation = %self.id, %error, "could not record how the aggregation ended");
            self.record_failure_to_record(&error);
        }
    }

    /// Decides whether the answer is shown before it is written down, which takes longer than many answers. One that was begun again may
    /// have been shown already, and is whatever becomes of its file. No, when it was decided how the run ends.
    fn decides_to_show(&self, table: &StatisticsTable, ran: Duration) -> bool {
        let Self { service, id, resumed_count, .. } = self;
        let catalogue = service.store.catalogue();
        let is_quick =
            || service.distributed.is_none() && ran <= SHOWN_FIRST_MAX && !service.shown.has_kept();
        let may_be =
            || is_quick() && catalogue.may_show_before_keeping(*id, table.rows.len()).unwrap_or(false);
        (*resumed_count > 0 || may_be()) && self.decide()
    }

    /// Takes the decision how the run ends. False when it was taken already.
    fn decide(&self) -> bool {
        !self.is_decided.swap(true, Ordering::AcqRel)
    }

    /// Shows an answer, and writes it down: with its file, or without one on a disk that takes none for seconds.
    fn show_and_record(&self, table: StatisticsTable) {
        let Self { service, id, farm_id, .. } = self;
        let answer = self.completed(table);
        let table = Arc::clone(&answer.table);
        // Before it is shown, so that whoever has seen it finds it counted.
        service.counters.aggregation_ended(Ended::Completed);
        service.shown.show(*id, answer.clone());
        service.underway.has_ended(*farm_id, *id);
        service.results.insert(*id, answer);
        let catalogue = service.store.catalogue();
        let is_said = AtomicBool::new(false);
        let may_pass = |error: &StoreError| {
            if !is_said.swap(true, Ordering::Relaxed) {
                tracing::error!(aggregation = %id, %error, "an answer that is shown could not be written down");
            }
            service.write_failure().is_none()
        };
        let with_file = again_while(may_pass, KEPT_WITHIN, || catalogue.complete_aggregation(*id, &table));
        let has_file = with_file.is_ok();
        let recorded = with_file.or_else(|_| {
            again_while(may_pass, AGGREGATION_LIFE, || catalogue.complete_without_file(*id, &table))
        });
        match recorded {
            Ok(true) if has_file => service.shown.end(*farm_id, *id),
            Ok(true) => service.shown.keep(*farm_id, *id),
            // The farm was deleted.
            Ok(false) => {
                service.shown.end(*farm_id, *id);
                service.results.forget(*id);
            }
            // It is shown for as long as there is somebody to show it.
            Err(_) => {}
        }
    }

    fn completed(&self, table: StatisticsTable) -> CompletedAggregation {
        let state = AggregationState {
            status: Status::Completed,
            status_message: None,
            started_at: self.now,
            deadline: self.service.deadline(self.now),
            group_by: self.query.group_by(),
            statistics: self.query.statistics(),
            cost_scale_factor: self.cost_scale_factor,
            row_count: Some(table.rows.len() as u64),
        };
        let (farm_id, resumed_count) = (self.farm_id, self.resumed_count);
        CompletedAggregation { farm_id, state, table: Arc::new(table), resumed_count }
    }

    /// A result that could not be kept, on a full disk for instance, must not leave the farm blocked.
    fn record_failure_to_record(&self, cause: &StoreError) {
        let message = format!("the server could not keep the result: {cause}");
        // On a full disk there is no room for this either, and the farm is to be free as soon as there is.
        let runtime_max = self.service.limits.aggregation_runtime_max;
        let is_full =
            |error: &StoreError| matches!(error, StoreError::DiskFull | StoreError::WriteRefused { .. });
        let ended = again_while(is_full, runtime_max, || self.end(Status::Failed, &message, Ended::Failed));
        if let Err(error) = ended {
            tracing::error!(aggregation = %self.id, %error, "the aggregation stays IN_PROGRESS until its deadline");
        }
    }

    fn record_timeout(&self) {
        let message = self.service.timeout_message();
        if let Err(error) = self.end(Status::Timeout, &message, Ended::TimedOut) {
            tracing::error!(aggregation = %self.id, %error, "could not record the timeout");
        }
        self.service.underway.has_ended(self.farm_id, self.id);
    }

    /// Ends it, unless it has ended.
    fn end(&self, status: Status, message: &str, how: Ended) -> Result<bool, StoreError> {
        let catalogue = self.service.store.catalogue();
        let ended = while_unavailable(|| catalogue.end_aggregation(self.id, status, message));
        ended.inspect(|has_ended| {
            if *has_ended {
                self.service.counters.aggregation_ended(how);
            }
        })
    }
}

/// Tries again while a shared catalogue's database does not answer: one that is restarted must not leave the farm blocked. What
/// it may have done without a word is not done twice.
fn while_unavailable<T>(mut record: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for _ in 1..RECORDED_WITHIN.as_secs() {
        match record() {
            Err(StoreError::Unavailable { .. }) => sleep(Duration::from_secs(1)),
            other => return other,
        }
    }
    record()
}

/// Tries again while what went wrong may pass, for so long at most.
fn again_while<T>(
    may_pass: impl Fn(&StoreError) -> bool,
    at_most: Duration,
    mut record: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begun = Instant::now();
    loop {
        match record() {
            Err(error) if may_pass(&error) && begun.elapsed() < at_most => sleep(RECORDED_AGAIN_AFTER),
            other => return other,
        }
    }
}

/// The wire carries counts in 32 bits.
fn checked_counts(table: StatisticsTable) -> RunEnd {
    if table.rows.has_count_above(ROW_COUNT_MAX) {
        RunEnd::Failed(format!(
            "a row counts more than {ROW_COUNT_MAX} sessions; use a shorter period or another groupBy field"
        ))
    } else {
        RunEnd::Completed(Box::new(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServiceLimits;
    use farmtally_model::{
        Amounts, DisplayName, GroupValue, GroupValues, QueueId, Statistic, StatisticsRow, TimeRange,
        UsageGroupBy, UsageType, UtcOffset,
    };
    use farmtally_store::{NewResource, Tags};
    use std::fs;
    use std::process::Command;
    use std::thread;

    fn table(count: u64) -> StatisticsTable {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let amounts = Amounts { sum: 0, min: 0, max: 0 };
        let bucket = TimeRange::new(at(0), at(1)).unwrap();
        StatisticsTable {
            group_by: GroupBy::new(&[UsageGroupBy::UsageType]).unwrap(),
            values: [vec![GroupValue::usage_type(UsageType::Compute)].into(), GroupValues::default()],
            rows: [StatisticsRow { bucket, values: [0, 0], count, cost: amounts, runtime: amounts }]
                .into_iter()
                .collect(),
        }
    }

    const FARM: FarmId = FarmId::from_bytes([7; 16]);
    const RUN: AggregationId = AggregationId::from_bytes([1; 16]);

    /// A service of a new folder with an empty farm, and a run that nothing has begun.
    fn service_and_run() -> (tempfile::TempDir, Arc<Service>, Arc<AggregationRun>) {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::parse("2025-12-01T00:00:00Z").unwrap();
        let clock = Arc::new(crate::ManualClock::new(now));
        let service = Service::open(folder.path(), clock, ServiceLimits::default()).unwrap();
        service.create_farm(FARM, DisplayName::new("Farm").unwrap(), "test").unwrap();
        let queue_id = QueueId::from_bytes([1; 16]);
        let queue = NewResource {
            display_name: DisplayName::new("comp").unwrap(),
            description: None,
            settings: None,
            tags: Tags::new(),
            created_by: "test".to_owned(),
        };
        service.store.catalogue().create(FARM, queue_id, &queue, None, now).unwrap();
        let window = TimeRange::new(Timestamp::from_millis(now.millis() - 3_600_000).unwrap(), now).unwrap();
        let query = AggregationQuery::new(
            Resources::queues([queue_id]).unwrap(),
            window,
            UtcOffset::UTC,
            None,
            GroupBy::new(&[UsageGroupBy::UserId]).unwrap(),
            StatisticSet::new(Statistic::ALL).unwrap(),
        );
        let run = Arc::new(AggregationRun {
            service: Arc::clone(&service),
            id: RUN,
            farm_id: FARM,
            query: query.unwrap(),
            cost_scale_factor: CostScaleFactor::ONE,
            now,
            resumed_count: 0,
            is_decided: AtomicBool::new(false),
        });
        (folder, service, run)
    }

    #[test]
    fn a_run_that_was_not_to_be_started_is_cancelled_and_leaves_nothing() {
        let (_folder, service, run) = service_and_run();
        let underway = service.early_underway(FARM, run.id).unwrap();
        let source = service.store.snapshot(FARM).map(Source::Native);
        let begun = run.begin(underway, source).unwrap();
        let other = AggregationId::from_bytes([2; 16]);
        assert!(service.early_underway(FARM, other).is_none(), "one at a time");
        let cancelled = Arc::clone(&begun.cancelled.0);
        drop(begun);
        assert!(cancelled.load(Ordering::Relaxed));
        wait_until("the run ends", || service.early_underway(FARM, other).is_some());
        assert_eq!(service.counts().aggregation_us, 0, "it was not counted");
        assert!(service.store.catalogue().aggregation(FARM, run.id).unwrap().is_none());
    }

    #[test]
    fn a_run_that_has_died_before_its_start_was_written_fails() {
        let (_folder, service, run) = service_and_run();
        let begun = service.store.catalogue().begin_aggregation(&run.as_new(None));
        assert!(matches!(begun, Ok(Begun::Started)));
        let (start_written, _) = mpsc::channel();
        let cancelled = CancelOnDrop(Arc::new(AtomicBool::new(false)));
        run.go_on(Ok(BegunRun { start_written, cancelled }));
        let state = service.store.catalogue().aggregation(FARM, run.id).unwrap().unwrap();
        assert_eq!(state.status, Status::Failed);
        assert!(state.status_message.unwrap().contains("could not compute"));
    }

    fn admin() -> Caller {
        Caller { access_key_id: "FTAK".into(), role: crate::Role::Admin, farm_id: None }
    }

    fn page(service: &Service, token: Option<&str>) -> Result<AggregationPage, ServiceError> {
        let request = PageRequest { page_size: 1, page_token: token };
        service.aggregation_page(&admin(), FARM, RUN, &request)
    }

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let waited = Instant::now();
        while !is_so() {
            assert!(waited.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
            sleep(Duration::from_millis(1));
        }
    }

    fn state(service: &Service) -> AggregationState {
        service.store.catalogue().aggregation(FARM, RUN).unwrap().unwrap()
    }

    /// Writes down that a run was started, and lets it go on.
    fn start(service: &Service, run: &Arc<AggregationRun>) {
        let begun = service.store.catalogue().begin_aggregation(&run.as_new(None)).unwrap();
        assert_eq!(begun, Begun::Started);
        run.go_on(run.begin_anywhere());
    }

    #[test]
    fn an_answer_is_shown_while_it_is_written_down_and_only_the_next_start_waits_for_that() {
        let (folder, service, run) = service_and_run();
        // Whoever writes there waits for somebody who reads.
        let file = folder.path().join("answers").join(RUN.to_string());
        fs::create_dir(file.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        start(&service, &run);
        wait_until("it is shown", || page(&service, None).unwrap().status == Status::Completed);
        service.results.forget(RUN);
        service.end_old_aggregations(state(&service).deadline).unwrap();
        assert_eq!(page(&service, None).unwrap().status, Status::Completed, "whatever is forgotten or late");
        assert_eq!(state(&service).status, Status::InProgress);
        let next = thread::spawn({
            let (service, query) = (Arc::clone(&service), run.query.clone());
            move || {
                let start = StartAggregation { farm_id: FARM, query, retry_key: None };
                service.start_aggregation(&admin(), start)
            }
        });
        sleep(Duration::from_millis(100));
        assert!(!next.is_finished());
        assert_eq!(service.counts().aggregations_completed, 1, "who has seen it finds it counted");
        assert!(!fs::read(&file).unwrap().is_empty());
        next.join().unwrap().unwrap();
        assert_eq!(state(&service).status, Status::Completed);
        assert!(service.shown.get(FARM, RUN).is_none());
    }

    #[test]
    fn an_answer_that_was_shown_and_cannot_be_kept_stays_in_memory() {
        let (folder, service, run) = service_and_run();
        let file = folder.path().join("answers").join(RUN.to_string());
        fs::create_dir_all(&file).unwrap();
        start(&service, &run);
        wait_until("it is written down", || state(&service).status == Status::Completed);
        wait_until("nothing is left to do", || service.shown.has_kept());
        service.results.forget(RUN);
        assert_eq!(page(&service, None).unwrap().status, Status::Completed);
        // Nobody waits for it, and it goes when its hour is over.
        service.shown.wait(FARM, Duration::from_mins(1));
        service
            .end_old_aggregations(Timestamp::from_millis(run.now.millis() + AGGREGATION_LIFE_MS - 1).unwrap())
            .unwrap();
        assert!(service.shown.get(FARM, RUN).is_some());
        service
            .end_old_aggregations(Timestamp::from_millis(run.now.millis() + AGGREGATION_LIFE_MS).unwrap())
            .unwrap();
        assert!(service.shown.get(FARM, RUN).is_none());
    }

    #[test]
    fn an_answer_decides_to_show_if_it_was_quick_and_nobody_decided_before_or_if_it_may_have_been_shown() {
        let (_folder, service, run) = service_and_run();
        assert!(!run.decides_to_show(&table(1), Duration::ZERO), "it is not in progress");
        service.store.catalogue().begin_aggregation(&run.as_new(None)).unwrap();
        assert!(!run.decides_to_show(&table(1), SHOWN_FIRST_MAX + Duration::from_millis(1)));
        assert!(run.decides_to_show(&table(1), SHOWN_FIRST_MAX));
        assert!(!run.decides_to_show(&table(1), Duration::ZERO), "that was decided before");
        let with = |resumed_count| AggregationRun {
            service: Arc::clone(&service),
            id: RUN,
            farm_id: FARM,
            query: run.query.clone(),
            cost_scale_factor: CostScaleFactor::ONE,
            now: run.now,
            resumed_count,
            is_decided: AtomicBool::new(false),
        };
        let long = SHOWN_FIRST_MAX + Duration::from_millis(1);
        assert!(
            with(0).decides_to_show(&table(1), Duration::ZERO) && with(1).decides_to_show(&table(1), long)
        );
        service.shown.show(RUN, run.completed(table(1)));
        assert!(with(0).decides_to_show(&table(1), Duration::ZERO));
        service.shown.keep(FARM, RUN);
        assert!(!with(0).decides_to_show(&table(1), Duration::ZERO), "one is in memory alone");
    }

    #[test]
    fn a_token_from_before_an_answer_was_computed_again_is_refused() {
        let (_folder, service, run) = service_and_run();
        assert_eq!(service.store.catalogue().begin_aggregation(&run.as_new(None)).unwrap(), Begun::Started);
        let token_of = |resumed_count| {
            let page = PageToken { row: 0, resumed_count };
            service.page_tokens.issue(FARM, run.id, page, run.now).unwrap()
        };
        let page = |token: Option<&str>| page(&service, token);
        let (before, after) = (token_of(0), token_of(1));
        assert_eq!(service.resume_aggregations().unwrap(), 1);
        wait_until("it is written down", || state(&service).status == Status::Completed);
        // Of the answer at hand, and of the one that is read back.
        for _ in 0..2 {
            assert_eq!(page(Some(&after)).unwrap().status, Status::Completed);
            let refused = page(Some(&before)).unwrap_err();
            assert!(matches!(refused, ServiceError::InvalidPageToken { reason: RESUMED_SINCE }), "{refused}");
            service.results.forget_farm(FARM);
        }
    }

    #[test]
    fn whoever_waits_for_an_aggregation_that_was_begun_again_sees_it_completed_and_never_in_progress() {
        let (folder, service, run) = service_and_run();
        service.store.catalogue().begin_aggregation(&run.as_new(None)).unwrap();
        let file = folder.path().join("answers").join(RUN.to_string());
        fs::create_dir(file.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        let underway = service.underway.begin_again(FARM, RUN);
        let asking = thread::spawn({
            let service = Arc::clone(&service);
            move || page(&service, None).unwrap().status
        });
        sleep(Duration::from_millis(50));
        assert!(!asking.is_finished());
        let showing = thread::spawn(move || run.show_and_record(table(1)));
        // Nobody reads the file yet, so that the row is not written.
        assert_eq!(asking.join().unwrap(), Status::Completed);
        assert_eq!(state(&service).status, Status::InProgress);
        assert!(!fs::read(&file).unwrap().is_empty());
        showing.join().unwrap();
        assert_eq!(state(&service).status, Status::Completed);
        drop(underway);
    }

    #[test]
    fn an_interrupted_aggregation_whose_hour_is_over_fails() {
        let (_folder, service, run) = service_and_run();
        let started_at = Timestamp::from_millis(run.now.millis() - AGGREGATION_LIFE_MS).unwrap();
        let catalogue = service.store.catalogue();
        catalogue.begin_aggregation(&NewAggregation { started_at, ..run.as_new(None) }).unwrap();
        assert_eq!(service.resume_aggregations().unwrap(), 0);
        let state = catalogue.aggregation(FARM, run.id).unwrap().unwrap();
        assert_eq!((state.status, state.status_message.as_deref()), (Status::Failed, Some(GIVEN_UP)));
        assert_eq!(service.counts().aggregations_failed, 1);
    }

    #[test]
    fn a_count_that_the_wire_cannot_carry_fails_the_aggregation() {
        assert!(matches!(checked_counts(table(ROW_COUNT_MAX)), RunEnd::Completed(_)));
        let RunEnd::Failed(message) = checked_counts(table(ROW_COUNT_MAX + 1)) else {
            panic!("a count beyond 32 bits was let through")
        };
        assert!(message.starts_with("a row counts more than 2147483647 sessions"), "{message}");
    }
}
