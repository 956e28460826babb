//! The sessions behind a number: one by one, with what each of them put in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use farmtally_engine::latest_ended;
use farmtally_model::question::UsageQuestion;
use farmtally_model::{
    Calendar, Dimension, DimensionFilter, FarmId, FilterTerm, JobId, JobName, LineCost, Session, TimeRange,
    Timestamp, Usage, UsageLine, UsageType, Zone, accrued,
};
use farmtally_store::{Farm, SessionPosition, SessionSearch};

use super::error::UsageError;
use super::names::UsageNames;
use crate::access::Caller;
use crate::error::ServiceError;
use crate::service::Service;

/// How often sessions are looked for that were changed between two looks.
const READINGS_MAX: usize = 16;

/// Which sessions are asked for: window and filters of a question, and a place in their order.
#[derive(Debug, Clone)]
pub struct SessionsRequest<'a> {
    /// The question whose window and filters count.
    pub question: &'a UsageQuestion,
    /// Only sessions behind this one.
    pub before: Option<SessionPosition>,
    /// Most sessions.
    pub limit: usize,
}

/// Sessions, newest first.
#[derive(Debug, Clone)]
pub struct FoundSessions {
    /// The farm, with the factor by which its costs are multiplied.
    pub farm: Farm,
    /// The zone of the question.
    pub zone: Zone,
    /// The window.
    pub window: TimeRange,
    /// The sessions.
    pub sessions: Vec<FoundSession>,
    /// Whether there are more behind the last.
    pub more: bool,
    /// What people call their queues, fleets and users.
    pub names: UsageNames,
}

/// A session and what it put in.
#[derive(Debug, Clone)]
pub struct FoundSession {
    /// The session, as it is stored.
    pub session: Session<LineCost>,
    /// How long it has run.
    pub runtime_ms: u64,
    /// What each of its lines has cost in nano-dollars, in their order.
    pub line_nanos: Vec<u64>,
    /// The part that lies in the window.
    pub in_window: InWindow,
}

/// The part of a session that lies in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InWindow {
    /// How long it ran there.
    pub runtime_ms: u64,
    /// What the lines that pass the filters cost there, in nano-dollars.
    pub cost_nanos: u64,
}

impl Service {
    /// The sessions that have a part in the window of a question and pass its filters.
    pub fn usage_sessions(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        request: &SessionsRequest<'_>,
        cancelled: &AtomicBool,
    ) -> Result<FoundSessions, UsageError> {
        for _ in 0..READINGS_MAX {
            if let Some(found) = self.read_sessions(caller, farm_id, request, cancelled)? {
                return Ok(found);
            }
        }
        let differ = "the sessions of the farm are not those that its columns have";
        Err(ServiceError::internal(differ).into())
    }

    /// The sessions, or `None` when some were changed between the look at the columns and the look at the records.
    fn read_sessions(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        request: &SessionsRequest<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Option<FoundSessions>, UsageError> {
        let asked = self.asked(caller, farm_id)?;
        let question = request.question;
        let window = question.time.window(&question.zone, asked.now)?;
        let query = asked.query(question, Calendar::whole(window))?;
        let started_before = request.before.map(|before| before.started_at);
        // One more tells whether there are more.
        let limit = request.limit.saturating_add(1);
        let ended = latest_ended(&asked.snapshot, &query, started_before, limit, cancelled)
            .map_err(|error| UsageError::of_engine(&error, self, farm_id))?;
        let filters = query.filters();
        let job_names = job_names(&asked.snapshot, filters);
        let test = Test { window, now: asked.now, filters, job_names: &job_names };
        let search = SessionSearch {
            ended: &ended.spans,
            before: request.before,
            limit,
            wanted: &|session| test.judge(session).is_some(),
            cancelled,
        };
        let found = self.store.sessions_behind(farm_id, &search).map_err(ServiceError::from)?;
        if cancelled.load(Ordering::Relaxed) {
            return Err(UsageError::Cancelled);
        }
        if found.ended < ended.count {
            return Ok(None);
        }
        let mut sessions = found.sessions;
        let more = sessions.len() > request.limit;
        sessions.truncate(request.limit);
        let sessions =
            sessions.into_iter().filter_map(|session| test.judge(&session).map(|found| found.of(session)));
        Ok(Some(FoundSessions {
            zone: question.zone.clone(),
            window,
            sessions: sessions.collect(),
            more,
            names: asked.registry.all_names(),
            farm: asked.farm,
        }))
    }
}

/// The names that jobs go by, where a filter asks for names.
fn job_names(
    snapshot: &farmtally_columns::FarmSnapshot,
    filters: &[DimensionFilter],
) -> Option<HashMap<JobId, JobName>> {
    let is_asked = filters.iter().any(|filter| filter.dimension() == Dimension::JobName);
    is_asked.then(|| snapshot.jobs().iter().map(|job| (job.job_id, job.name.clone())).collect())
}

/// What a session has to be.
struct Test<'a> {
    window: TimeRange,
    now: Timestamp,
    filters: &'a [DimensionFilter],
    job_names: &'a Option<HashMap<JobId, JobName>>,
}

/// What is known of a session that was found.
struct Judged {
    runtime_ms: u64,
    line_nanos: Vec<u64>,
    in_window: InWindow,
}

impl Judged {
    fn of(self, session: Session<LineCost>) -> FoundSession {
        let Self { runtime_ms, line_nanos, in_window } = self;
        FoundSession { session, runtime_ms, line_nanos, in_window }
    }
}

impl Test<'_> {
    /// The session's part in the window, if it has one and passes every filter.
    fn judge(&self, session: &Session<LineCost>) -> Option<Judged> {
        let start_ms = session.span.started_at().millis();
        let end_ms = session.span.ended_at().unwrap_or(self.now).millis();
        // One that runs and starts at this instant or later has no part in anything yet.
        let is_running = session.span.ended_at().is_none();
        if end_ms < start_ms || (is_running && end_ms == start_ms) {
            return None;
        }
        let (from_ms, to_ms) = (self.window.start().millis(), self.window.end().millis());
        let (low_ms, high_ms) = (start_ms.max(from_ms), end_ms.min(to_ms));
        let is_empty = start_ms == end_ms;
        let is_inside = if is_empty { (from_ms..to_ms).contains(&start_ms) } else { high_ms > low_ms };
        if !is_inside || !self.passes(session) {
            return None;
        }
        let elapsed = |from: i64, to: i64| u64::try_from(to - from).unwrap_or(0);
        let runtime_ms = elapsed(start_ms, end_ms);
        let lines = session.usage.as_slice();
        let line_nanos: Vec<u64> = lines.iter().map(|line| line_nanos(line, runtime_ms)).collect();
        let counted = lines.iter().zip(&line_nanos).filter(|(line, _)| self.line_passes(line));
        let mut counted = counted.map(|(_, nanos)| *nanos).peekable();
        counted.peek()?;
        let piece = |nanos: u64| {
            if is_empty {
                return nanos;
            }
            let until = |at_ms: i64| accrued(nanos, elapsed(start_ms, at_ms), runtime_ms);
            until(high_ms) - until(low_ms)
        };
        let cost_nanos = counted.map(piece).sum();
        let in_window = InWindow { runtime_ms: elapsed(low_ms.min(high_ms), high_ms), cost_nanos };
        Some(Judged { runtime_ms, line_nanos, in_window })
    }

    fn passes(&self, session: &Session<LineCost>) -> bool {
        let of_session = self.filters.iter().filter(|filter| !filter.dimension().is_of_lines());
        let job_name = || {
            let known = self.job_names.as_ref().and_then(|names| names.get(&session.job_id));
            known.unwrap_or(&session.job_name).as_str()
        };
        of_session.into_iter().all(|filter| {
            filter.admits(|term| match term {
                FilterTerm::Queue(id) => *id == session.queue_id,
                FilterTerm::Fleet(id) => *id == session.fleet_id,
                FilterTerm::Job(id) => *id == session.job_id,
                FilterTerm::JobName(glob) => glob.matches(job_name()),
                FilterTerm::Captured(pattern, text) => pattern.capture(job_name()) == text.as_deref(),
                FilterTerm::User(id) => *id == session.user_id,
                FilterTerm::InstanceType(kind) => session.instance_type.as_ref() == Some(kind),
                FilterTerm::Worker(id) => session.worker_id == Some(*id),
                FilterTerm::Outcome(outcome) => session.outcome == Some(*outcome),
                FilterTerm::NoValue => match filter.dimension() {
                    Dimension::InstanceType => session.instance_type.is_none(),
                    Dimension::Worker => session.worker_id.is_none(),
                    Dimension::Outcome => session.outcome.is_none(),
                    _ => false,
                },
                FilterTerm::UsageType(_) | FilterTerm::LicenseProduct(_) => false,
            })
        })
    }

    fn line_passes(&self, line: &UsageLine<LineCost>) -> bool {
        let of_lines = self.filters.iter().filter(|filter| filter.dimension().is_of_lines());
        let (usage_type, product) = match &line.usage {
            Usage::Compute => (UsageType::Compute, None),
            Usage::License { product, .. } => (UsageType::License, Some(product)),
        };
        of_lines.into_iter().all(|filter| {
            filter.admits(|term| match term {
                FilterTerm::UsageType(wanted) => *wanted == usage_type,
                FilterTerm::LicenseProduct(wanted) => product == Some(wanted),
                FilterTerm::NoValue => product.is_none(),
                _ => false,
            })
        })
    }
}

/// What a line has cost, in nano-dollars.
fn line_nanos(line: &UsageLine<LineCost>, runtime_ms: u64) -> u64 {
    let quantity = match &line.usage {
        Usage::Compute => 1,
        Usage::License { quantity, .. } => *quantity,
    };
    match line.cost {
        LineCost::Total(total) => total.nanos(),
        LineCost::PerHour(rate) => {
            rate.cost_of(runtime_ms, quantity).unwrap_or(farmtally_model::NanoUsd::MAX).nanos()
        }
    }
}
