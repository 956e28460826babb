//! The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a job, under a header of `;` comments.
//!
//! All times are seconds after the header's `UnixStartTime`, and a job starts when it has waited: `submit + wait`. A
//! log may list a job's bursts (status 2, 3, 4) under the job's own row; they are left out, or the job would count
//! twice. Some logs use these statuses for rows of their own, and those count.

use std::collections::HashMap;

use farmtally_model::{
    DisplayName, FleetId, JobName, Outcome, Record, RecordNames, Session, Span, Submission, Timestamp,
    UsageLines, UserId,
};

use crate::entry::{Entry, FieldProblem, ReadError, SkipReason, entry};
use crate::foreign_id::{ForeignSource, display_name};
use crate::lines::LineParser;
use crate::record::{compute_line, session_problem};

/// The columns, by the names that the format's definition gives them.
const COLUMNS: [&str; 18] = [
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time used",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user id",
    "group id",
    "executable number",
    "queue number",
    "partition number",
    "preceding job number",
    "think time",
];

const JOB: usize = 0;
const SUBMIT: usize = 1;
const WAIT: usize = 2;
const RUN: usize = 3;
/// The one column that logs fill with decimals.
const CPU_TIME: usize = 5;
const STATUS: usize = 10;
const USER: usize = 11;
const QUEUE: usize = 14;

/// What the format writes for an unknown number.
const UNKNOWN: i64 = -1;

/// The parser of one line.
pub(crate) struct SwfLines {
    header: Header,
    log: Option<Log>,
    /// Number of the last job that had a row for the whole of it.
    whole_job: Option<i64>,
}

impl SwfLines {
    pub(crate) fn new(source_name: Option<String>) -> Self {
        Self { header: Header { source_name, ..Header::default() }, log: None, whole_job: None }
    }
}

impl LineParser for SwfLines {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        if let Some(comment) = text.trim_start().strip_prefix(';') {
            self.header.read(comment);
            return Ok(None);
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        let log = match &mut self.log {
            Some(log) => log,
            none => none.insert(self.header.log()?),
        };
        let job = match Job::parse(text) {
            Ok(job) => job,
            Err(problem) => return Ok(Some(Entry::Rejected(problem.at(line)))),
        };
        let reason = job.skip_reason(self.whole_job);
        if !job.is_burst() {
            self.whole_job = Some(job.number(JOB));
        }
        Ok(Some(match reason {
            Some(reason) => Entry::Skipped { line, reason },
            None => entry(line, log.submission(&job)),
        }))
    }
}

/// What the comments before the first job say.
#[derive(Default)]
struct Header {
    source_name: Option<String>,
    computer: Option<String>,
    installation: Option<String>,
    unix_start_time: Option<i64>,
    queue_names: HashMap<i64, String>,
}

impl Header {
    fn read(&mut self, comment: &str) {
        let Some((label, text)) = comment.split_once(':') else { return };
        let text = text.trim();
        match label.trim() {
            "Computer" if !text.is_empty() => self.computer = Some(text.to_owned()),
            "Installation" if !text.is_empty() => self.installation = Some(text.to_owned()),
            "UnixStartTime" => {
                self.unix_start_time =
                    text.split_ascii_whitespace().next().and_then(|time| time.parse().ok());
            }
            "Queue" => self.read_queue(text),
            _ => {}
        }
    }

    /// `1  default  the queue of ordinary jobs`: the name ends at two spaces or a tab, and the last word on a number
    /// counts.
    fn read_queue(&mut self, text: &str) {
        let Some((number, rest)) = text.split_once(char::is_whitespace) else { return };
        let rest = rest.trim_start_matches([' ', '\t', '-']);
        let name = rest.split(['\t']).next().and_then(|name| name.split("  ").next()).unwrap_or_default();
        if let (Ok(number), false) = (number.parse(), name.is_empty()) {
            self.queue_names.insert(number, name.trim().to_owned());
        }
    }

    /// The log, as far as its jobs need it.
    fn log(&self) -> Result<Log, ReadError> {
        let start = self.unix_start_time.ok_or_else(|| {
            ReadError::header(
                "the header has no UnixStartTime before the first job; without it no job has a date",
            )
        })?;
        let system =
            self.installation.as_deref().or(self.computer.as_deref()).or(self.source_name.as_deref());
        let system = system.unwrap_or("SWF log");
        let source = ForeignSource::new(format!("swf/{system}"));
        Ok(Log {
            start,
            fleet_id: source.fleet(system),
            fleet_name: display_name(system),
            queue_names: self.queue_names.clone(),
            source,
        })
    }
}

/// A log whose header is known.
struct Log {
    start: i64,
    source: ForeignSource,
    fleet_id: FleetId,
    fleet_name: Option<DisplayName>,
    queue_names: HashMap<i64, String>,
}

impl Log {
    fn submission(&self, job: &Job) -> Result<Submission, FieldProblem> {
        // Two logs of one system both count their jobs from 1, and differ in when they start.
        let native_job = format!("{} {}", self.start, job.number(JOB));
        let span = self.span(job)?;
        // Bursts without a row for the whole job are told apart by their start.
        let native_session = if job.is_burst() {
            format!("{native_job} {}", span.started_at().millis())
        } else {
            native_job.clone()
        };
        let session = Session {
            session_id: self.source.session(&native_session),
            queue_id: self.source.queue(&job.number(QUEUE).to_string()),
            fleet_id: self.fleet_id,
            job_id: self.source.job(&native_job),
            job_name: named(JOB, JobName::new(&format!("job {}", job.number(JOB))))?,
            user_id: named(USER, UserId::new(&user(job.number(USER))))?,
            worker_id: None,
            instance_type: None,
            outcome: outcome(job.number(STATUS)),
            span,
            revision: 0,
            usage: UsageLines::new(vec![compute_line(None)]).map_err(|error| session_problem(&error))?,
        };
        let queue = display_name(&self.queue_name(job.number(QUEUE)));
        let names = RecordNames { queue, fleet: self.fleet_name.clone(), user: None };
        Ok(Submission { record: Record::Session(session), names })
    }

    fn queue_name(&self, number: i64) -> String {
        match self.queue_names.get(&number) {
            Some(name) => name.clone(),
            None if number == UNKNOWN => "unknown queue".to_owned(),
            None => format!("queue {number}"),
        }
    }

    fn span(&self, job: &Job) -> Result<Span, FieldProblem> {
        let started = [job.number(SUBMIT), job.number(WAIT)]
            .iter()
            .try_fold(self.start, |sum, part| sum.checked_add(*part));
        let ended = started.and_then(|started| started.checked_add(job.number(RUN)));
        let (started_at, ended_at) = (job.instant(SUBMIT, started)?, job.instant(RUN, ended)?);
        Span::new(started_at, Some(ended_at)).map_err(|error| job.problem(RUN, error))
    }
}

/// The 18 numbers of one job.
struct Job([i64; COLUMNS.len()]);

impl Job {
    fn parse(text: &str) -> Result<Self, FieldProblem> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        if fields.len() != COLUMNS.len() {
            let message = format!("the row has {} columns; {} are needed", fields.len(), COLUMNS.len());
            return Err(FieldProblem::row(text, message));
        }
        let mut numbers = [UNKNOWN; COLUMNS.len()];
        for (index, field) in fields.into_iter().enumerate() {
            numbers[index] = number(index, field)?;
        }
        Ok(Self(numbers))
    }

    const fn number(&self, column: usize) -> i64 {
        self.0[column]
    }

    /// Whether the row may be only a part of a job.
    fn is_burst(&self) -> bool {
        matches!(self.number(STATUS), 2..=4)
    }

    fn skip_reason(&self, whole_job: Option<i64>) -> Option<SkipReason> {
        if self.is_burst() && whole_job == Some(self.number(JOB)) {
            Some(SkipReason::PartialExecution)
        } else if self.number(SUBMIT) == UNKNOWN || self.number(WAIT) == UNKNOWN {
            Some(SkipReason::StartUnknown)
        } else if self.number(RUN) == UNKNOWN {
            Some(SkipReason::RunTimeUnknown)
        } else {
            None
        }
    }

    fn instant(&self, column: usize, seconds: Option<i64>) -> Result<Timestamp, FieldProblem> {
        let millis = seconds.and_then(|seconds| seconds.checked_mul(1000));
        let instant = millis.and_then(|millis| Timestamp::from_millis(millis).ok());
        instant.ok_or_else(|| self.problem(column, "the job lies outside the years 1970 to 2999"))
    }

    fn problem(&self, column: usize, message: impl std::fmt::Display) -> FieldProblem {
        FieldProblem::new(COLUMNS[column], &self.number(column).to_string(), message)
    }
}

fn number(column: usize, field: &str) -> Result<i64, FieldProblem> {
    let whole = match field.split_once('.') {
        Some((whole, decimals))
            if column == CPU_TIME && decimals.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        _ => field,
    };
    whole
        .parse()
        .map_err(|_| FieldProblem::new(COLUMNS[column], field, format!("{field:?} is not a whole number")))
}

fn named<T>(column: usize, name: Result<T, farmtally_model::TextError>) -> Result<T, FieldProblem> {
    name.map_err(|error| FieldProblem::new(COLUMNS[column], "", error))
}

fn user(number: i64) -> String {
    if number == UNKNOWN { "unknown".to_owned() } else { format!("user{number}") }
}

const fn outcome(status: i64) -> Option<Outcome> {
    match status {
        0 | 4 => Some(Outcome::Failed),
        1 | 3 => Some(Outcome::Succeeded),
        5 => Some(Outcome::Canceled),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
