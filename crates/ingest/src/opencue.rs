//! OpenCue: one session for each run of a frame, as a row of `frame_history` has it.
//!
//! Reading the database is somebody else's work. The facts that hurt when discovered late: `str_state` says RUNNING for
//! ever, so that the exit status alone tells how a run ended; cores are counted in hundredths; times are whole seconds,
//! where zero means that the frame still runs; and what a row says about its end must follow from the row alone, because a
//! session that ended is never changed by reading it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use farmtally_model::{
    FleetId, InstanceType, JobName, LicenseProduct, NanoUsd, Outcome, Record, RecordNames, Session, Span,
    Submission, Timestamp, Usage, UsageLine, UsageLines, UserId,
};

use crate::entry::{Entry, FieldProblem, SkipReason, entry};
use crate::foreign_id::{ForeignSource, display_name};
use crate::record::{SentLine, compute_line, session_problem};

/// The allocation of a frame whose host nobody knows any more.
const UNKNOWN_ALLOCATION: &str = "unknown";
/// Hundredths in a core.
const CORE_POINTS: i32 = 100;

/// A run of a frame: a row of `frame_history`, and what other tables say about its job, layer and allocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCueFrame {
    /// `pk_frame_history`.
    pub pk_frame_history: String,
    /// `pk_job`.
    pub pk_job: String,
    /// `str_host`.
    pub host: Option<String>,
    /// `int_cores`, in hundredths of a core.
    pub cores: i32,
    /// `int_gpus`.
    pub gpus: i32,
    /// `int_exit_status`; 0 is success.
    pub exit_status: i32,
    /// Whether the run ended because its work was saved, to go on later: `int_checkpoint_count`.
    pub is_checkpoint: bool,
    /// `int_ts_started`, in seconds since 1970.
    pub started: i64,
    /// `int_ts_stopped`, in seconds since 1970; 0 while the frame runs.
    pub stopped: i64,
    /// The job, unless its row is gone.
    pub job: Option<OpenCueJob>,
    /// Services of the layer, `str_services`.
    pub services: Option<String>,
    /// The frame's allocation, or else that of its host.
    pub allocation: Option<OpenCueAllocation>,
}

/// A row of `job_history`, with its show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCueJob {
    /// `str_name`.
    pub name: String,
    /// `str_user`.
    pub user: String,
    /// `pk_show`.
    pub pk_show: String,
    /// The show's `str_name`, unless its row is gone.
    pub show: Option<String>,
}

/// A row of `alloc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCueAllocation {
    /// `pk_alloc`.
    pub pk_alloc: String,
    /// `str_name`.
    pub name: Option<String>,
    /// `b_billable`: what is not billable costs nothing.
    pub is_billable: bool,
}

/// Licensed products by the service of a layer that holds one, such as `arnold`.
pub type OpenCueLicenses = BTreeMap<String, LicenseProduct>;

impl OpenCueFrame {
    /// The session of this run, under the number of its row.
    pub fn entry(&self, row: u64, licenses: &OpenCueLicenses) -> Entry {
        if self.started == 0 {
            return Entry::Skipped { line: row, reason: SkipReason::NeverStarted };
        }
        entry(row, self.submission(licenses))
    }

    /// The same run as one that took no time, for a row that was there and is gone while its job is still there: OpenCue
    /// removes the runs of frames that it could not launch.
    #[must_use]
    pub fn taken_back(self) -> Self {
        Self { stopped: self.started, exit_status: FRAME_CLEARED, ..self }
    }

    /// The same run as one that ended, nobody knows how, when it was last seen: its row went with the history of its job.
    /// `seen` is in seconds since 1970.
    #[must_use]
    pub fn ended_unseen(self, seen: i64) -> Self {
        Self { stopped: seen.max(self.started), exit_status: UNKNOWN, ..self }
    }

    fn submission(&self, licenses: &OpenCueLicenses) -> Result<Submission, FieldProblem> {
        let source = ForeignSource::new("opencue");
        let job = self.job.as_ref().ok_or_else(|| {
            let message = "its job has no row in job_history, so that its show and user are unknown";
            FieldProblem::new("pk_job", &self.pk_job, message)
        })?;
        let session = Session {
            session_id: source.session_of_uuid(&self.pk_frame_history),
            queue_id: source.queue_of_uuid(&job.pk_show),
            fleet_id: self.fleet_id(&source),
            job_id: source.job_of_uuid(&self.pk_job),
            job_name: JobName::new(&job.name)
                .map_err(|error| FieldProblem::new("job_history.str_name", &job.name, error))?,
            user_id: UserId::new(&job.user)
                .map_err(|error| FieldProblem::new("job_history.str_user", &job.user, error))?,
            worker_id: self.host.as_deref().map(|host| source.worker(host)),
            instance_type: InstanceType::new(&self.booked()).ok(),
            outcome: self.outcome(),
            span: self.span()?,
            revision: 0,
            usage: UsageLines::new(self.usage(licenses)).map_err(|error| session_problem(&error))?,
        };
        let queue = display_name(job.show.as_deref().unwrap_or(&job.pk_show));
        let fleet = display_name(self.allocation_name());
        Ok(Submission { record: Record::Session(session), names: RecordNames { queue, fleet, user: None } })
    }

    fn fleet_id(&self, source: &ForeignSource) -> FleetId {
        let pk_alloc = self.allocation.as_ref().map(|allocation| allocation.pk_alloc.as_str());
        pk_alloc.map_or_else(|| source.fleet(UNKNOWN_ALLOCATION), |pk_alloc| source.fleet_of_uuid(pk_alloc))
    }

    fn allocation_name(&self) -> &str {
        let Some(allocation) = &self.allocation else { return UNKNOWN_ALLOCATION };
        allocation.name.as_deref().unwrap_or(&allocation.pk_alloc)
    }

    /// What the frame had of its host, which it shared with others: `c4`, `c1.5`, `c8g1`.
    fn booked(&self) -> String {
        let (whole, points) = (self.cores / CORE_POINTS, self.cores % CORE_POINTS);
        let points = format!("{points:02}");
        let points = points.trim_end_matches('0');
        let cores = if points.is_empty() { format!("c{whole}") } else { format!("c{whole}.{points}") };
        if self.gpus > 0 { format!("{cores}g{}", self.gpus) } else { cores }
    }

    /// Nothing while it runs, and nothing where OpenCue took a running frame away without a report of its end.
    const fn outcome(&self) -> Option<Outcome> {
        match self.exit_status {
            _ if self.stopped == 0 => None,
            0 => Some(Outcome::Succeeded),
            _ if self.is_checkpoint => Some(Outcome::Preempted),
            UNKNOWN => None,
            KILL_FAILED => Some(Outcome::Canceled),
            SKIP_RETRY | FRAME_CLEARED | ORPHAN | HOST_DOWN => Some(Outcome::Retried),
            _ => Some(Outcome::Failed),
        }
    }

    fn span(&self) -> Result<Span, FieldProblem> {
        let started_at = instant("int_ts_started", self.started)?;
        let ended_at = (self.stopped != 0).then(|| instant("int_ts_stopped", self.stopped)).transpose()?;
        Span::new(started_at, ended_at)
            .map_err(|error| FieldProblem::new("int_ts_stopped", &self.stopped.to_string(), error))
    }

    /// The worker's own line, and one for each product that a service of the layer holds.
    fn usage(&self, licenses: &OpenCueLicenses) -> Vec<SentLine> {
        let is_free = self.allocation.as_ref().is_some_and(|allocation| !allocation.is_billable);
        let cost = is_free.then(|| NanoUsd::parse("0").ok()).flatten();
        let services = self.services.as_deref().unwrap_or_default().split([',', '|']).map(str::trim);
        let mut products: Vec<&LicenseProduct> =
            services.filter_map(|service| licenses.get(service)).collect();
        products.sort_unstable();
        products.dedup();
        let mut lines = vec![compute_line(cost)];
        lines.extend(products.into_iter().map(|product| {
            let usage = Usage::License { product: product.clone(), quantity: 1 };
            UsageLine { usage, cost }
        }));
        lines
    }
}

/// Exit status of a run that nobody reported the end of.
const UNKNOWN: i32 = -1;
/// Exit status of a frame that is to be tried again without counting as tried.
const SKIP_RETRY: i32 = 286;
/// Exit status of a frame that could not be launched, before OpenCue removes its run.
const FRAME_CLEARED: i32 = 299;
/// Exit status of a frame whose process nobody looked after any more.
const ORPHAN: i32 = 301;
/// Exit status of a frame that somebody killed and whose host did not answer.
const KILL_FAILED: i32 = 302;
/// Exit status of a frame whose host went down.
const HOST_DOWN: i32 = 399;

fn instant(column: &'static str, seconds: i64) -> Result<Timestamp, FieldProblem> {
    let millis = seconds.saturating_mul(1000);
    Timestamp::from_millis(millis).map_err(|error| FieldProblem::new(column, &seconds.to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> OpenCueFrame {
        OpenCueFrame {
            pk_frame_history: "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0".to_owned(),
            pk_job: "aaaaaaaa-0000-0000-0000-000000000001".to_owned(),
            host: Some("render01".to_owned()),
            cores: 400,
            gpus: 0,
            exit_status: 0,
            is_checkpoint: false,
            started: 1_764_021_787,
            stopped: 1_764_025_080,
            job: Some(OpenCueJob {
                name: "fjord-sh010-alice_comp_v12".to_owned(),
                user: "alice".to_owned(),
                pk_show: "bbbbbbbb-0000-0000-0000-000000000001".to_owned(),
                show: Some("fjord".to_owned()),
            }),
            services: Some("arnold,shell".to_owned()),
            allocation: Some(OpenCueAllocation {
                pk_alloc: "cccccccc-0000-0000-0000-000000000001".to_owned(),
                name: Some("local.general".to_owned()),
                is_billable: true,
            }),
        }
    }

    fn session(frame: &OpenCueFrame) -> (Session<Option<NanoUsd>>, RecordNames) {
        let licenses = OpenCueLicenses::from([("arnold".to_owned(), LicenseProduct::new("arnold").unwrap())]);
        match frame.entry(1, &licenses) {
            Entry::Submission {
                submission: Submission { record: Record::Session(session), names }, ..
            } => (session, names),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_run_of_a_frame_is_a_session_of_its_show_and_allocation() {
        let (session, names) = session(&frame());
        assert_eq!(session.session_id.to_string(), "session-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        assert_eq!(session.queue_id.to_string(), "queue-bbbbbbbb000000000000000000000001");
        assert_eq!(session.fleet_id.to_string(), "fleet-cccccccc000000000000000000000001");
        assert_eq!(
            (session.outcome, session.instance_type.unwrap().as_str()),
            (Some(Outcome::Succeeded), "c4")
        );
        assert_eq!(names.fleet.unwrap().as_str(), "local.general");
        let uses: Vec<_> =
            session.usage.as_slice().iter().map(|line| (line.usage.to_string(), line.cost)).collect();
        assert_eq!(uses, [("COMPUTE".to_owned(), None), ("LICENSE arnold".to_owned(), None)]);
    }

    #[test]
    fn what_is_not_billable_costs_nothing_and_what_runs_has_no_outcome() {
        let mut free = frame();
        free.allocation.as_mut().unwrap().is_billable = false;
        (free.stopped, free.exit_status, free.cores, free.gpus) = (0, -1, 150, 2);
        let (session, _) = session(&free);
        assert_eq!(session.usage.as_slice()[0].cost.unwrap().nanos(), 0);
        assert_eq!((session.span.ended_at(), session.outcome), (None, None));
        assert_eq!(session.instance_type.unwrap().as_str(), "c1.5g2");
    }

    #[test]
    fn a_run_that_was_taken_back_took_no_time() {
        let (session, _) = session(&OpenCueFrame { stopped: 0, exit_status: -1, ..frame() }.taken_back());
        assert_eq!(session.span.ended_at(), Some(session.span.started_at()));
        assert_eq!(session.outcome, Some(Outcome::Retried));
    }

    #[test]
    fn a_run_that_went_with_its_job_ended_when_it_was_last_seen() {
        let open = OpenCueFrame { stopped: 0, exit_status: -1, ..frame() };
        let (session, _) = session(&open.clone().ended_unseen(open.started + 600));
        assert_eq!(session.span.ended_at().unwrap().millis(), (open.started + 600) * 1000);
        assert_eq!(session.outcome, None);
        assert_eq!(open.clone().ended_unseen(7).stopped, open.started, "never before its start");
    }

    #[test]
    fn the_exit_status_says_how_a_run_ended() {
        let ended = |exit_status, is_checkpoint| {
            session(&OpenCueFrame { exit_status, is_checkpoint, ..frame() }).0.outcome
        };
        for (status, outcome) in [
            (0, Some(Outcome::Succeeded)),
            (1, Some(Outcome::Failed)),
            (33, Some(Outcome::Failed)),
            (256, Some(Outcome::Failed)),
            (286, Some(Outcome::Retried)),
            (301, Some(Outcome::Retried)),
            (302, Some(Outcome::Canceled)),
            (399, Some(Outcome::Retried)),
            (-1, None),
        ] {
            assert_eq!(ended(status, false), outcome, "{status}");
        }
        assert_eq!(ended(1, true), Some(Outcome::Preempted));
        assert_eq!(ended(0, true), Some(Outcome::Succeeded));
    }

    #[test]
    fn a_run_without_its_job_is_refused_by_name() {
        let Entry::Rejected(reject) =
            (OpenCueFrame { job: None, ..frame() }).entry(7, &OpenCueLicenses::new())
        else {
            panic!("it was taken")
        };
        assert_eq!((reject.line, reject.field.as_str()), (7, "pk_job"));
        assert_eq!(frame().allocation_name(), "local.general");
        let unknown = OpenCueFrame { allocation: None, ..frame() };
        assert_eq!(unknown.allocation_name(), "unknown");
    }
}
