//! Flamenco's stream of events as JSON Lines, such as `mosquitto_sub -v` writes of its MQTT topics.
//!
//! A session is told when it ends, and those that are still open at the end of the stream are told then. A stream that grows
//! is read on from there, with what was open.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::sync::PoisonError;
use std::vec;

use serde::Deserialize;

use farmtally_model::{Outcome, Timestamp};

use super::{ACTIVE, FlamencoJob, SharedFlamencoNames, TaskRun, Worker, outcome};
use crate::entry::{Entry, FieldProblem, ReadError, entry, excerpt};
use crate::lines::{LineEntries, LineParser};

/// The sessions of a stream.
pub(crate) struct FlamencoEvents<R> {
    lines: LineEntries<R, Events>,
    still_open: Option<vec::IntoIter<Entry>>,
    /// Whether more may be appended, so that what is not there yet may come.
    may_grow: bool,
}

impl<R: BufRead> FlamencoEvents<R> {
    pub(crate) fn new(reader: R, names: Option<SharedFlamencoNames>, may_grow: bool) -> Self {
        let events = Events {
            names: names.unwrap_or_default(),
            learned: HashMap::new(),
            open: HashMap::new(),
            seen: Seen::default(),
        };
        Self { lines: LineEntries::new(reader, events), still_open: None, may_grow }
    }
}

impl<R: BufRead> Iterator for FlamencoEvents<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.still_open.is_none() {
            if let Some(next) = self.lines.next() {
                return Some(next);
            }
            if let Some(problem) = self.lines.parser().seen.problem(self.may_grow) {
                return Some(Err(problem));
            }
            self.still_open = Some(self.lines.parser().still_open().into_iter());
        }
        let next = self.still_open.as_mut()?.next();
        if next.is_none() {
            self.still_open = None;
        }
        next.map(Ok)
    }
}

/// What the events so far say.
struct Events {
    names: SharedFlamencoNames,
    /// Jobs by their UUIDs, as their own events tell them.
    learned: HashMap<String, FlamencoJob>,
    /// By the UUID of the task.
    open: HashMap<String, Open>,
    seen: Seen,
}

/// What kind of lines there were, so that a file of something else is told.
#[derive(Default)]
struct Seen {
    /// Lines with anything on them.
    lines: u64,
    /// Lines with a JSON object.
    objects: u64,
    /// Events of a task or a job.
    events: u64,
    /// The first line, and its text.
    first: Option<(u64, String)>,
}

impl Seen {
    /// That there was text and nothing of Flamenco's in it. A stream that grows may begin with events of other kinds.
    fn problem(&self, may_grow: bool) -> Option<ReadError> {
        let (line, text) = self.first.as_ref()?;
        if self.events > 0 || (may_grow && self.objects > 0) {
            return None;
        }
        Some(ReadError::header(format!(
            "none of its {} lines is an event of Flamenco, which is a JSON object with id, status and updated, such as \
             `mosquitto_sub -t 'flamenco/#'` prints; line {line} is {text:?}. For the logs of tasks name the folder that has \
             job-*/*/task-*.txt",
            self.lines
        )))
    }
}

struct Open {
    line: u64,
    job: String,
    worker: Option<Worker>,
    started_at: Timestamp,
}

/// A task's event, or a job's; other events have none of these members.
#[derive(Deserialize)]
struct Event {
    id: Option<String>,
    job_id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    job_type: Option<String>,
    status: Option<String>,
    previous_status: Option<String>,
    updated: Option<String>,
    worker: Option<EventWorker>,
}

#[derive(Deserialize)]
struct EventWorker {
    uuid: String,
    name: String,
}

impl LineParser for Events {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        self.seen.lines += 1;
        self.seen.first.get_or_insert_with(|| (line, excerpt(text)));
        // `mosquitto_sub -v` puts the topic in front.
        let Some(start) = text.find('{') else { return Ok(None) };
        let event: Event = match serde_json::from_str(&text[start..]) {
            Ok(event) => {
                self.seen.objects += 1;
                event
            }
            Err(error) => {
                let problem = FieldProblem::row(text, format!("not an event of Flamenco: {error}"));
                return Ok(Some(Entry::Rejected(problem.at(line))));
            }
        };
        Ok(self.take(line, &event).unwrap_or_else(|problem| Some(Entry::Rejected(problem.at(line)))))
    }
}

impl Events {
    fn take(&mut self, line: u64, event: &Event) -> Result<Option<Entry>, FieldProblem> {
        let Event { id: Some(id), status: Some(status), updated: Some(updated), .. } = event else {
            return Ok(None);
        };
        self.seen.events += 1;
        let Some(job) = &event.job_id else {
            self.learn(event, id);
            return Ok(None);
        };
        let (is_active, was_active) = (status == ACTIVE, event.previous_status.as_deref() == Some(ACTIVE));
        if is_active == was_active {
            return Ok(None);
        }
        let instant =
            Timestamp::parse(updated).map_err(|error| FieldProblem::new("updated", updated, error))?;
        // An open session whose end was missed ended before this event; when, nobody knows but this.
        let ended = self.close(id, Some(instant), outcome(status).filter(|_| was_active));
        if is_active {
            let worker = event
                .worker
                .as_ref()
                .map(|worker| Worker { uuid: worker.uuid.clone(), name: worker.name.clone() });
            let open = Open { line, job: job.clone(), worker, started_at: instant };
            self.open.insert(id.clone(), open);
        }
        Ok(ended)
    }

    /// Takes a job's name and type from its event, for when the database does not tell them.
    fn learn(&mut self, event: &Event, id: &str) {
        if let (Some(name), Some(job_type)) = (&event.name, &event.job_type) {
            let job =
                || FlamencoJob { name: name.clone(), job_type: job_type.clone(), ..FlamencoJob::default() };
            self.learned.entry(id.to_owned()).or_insert_with(job);
        }
    }

    fn close(&mut self, task: &str, ended_at: Option<Timestamp>, outcome: Option<Outcome>) -> Option<Entry> {
        let open = self.open.remove(task)?;
        Some(self.session(task, &open, ended_at, outcome))
    }

    fn session(
        &self,
        task: &str,
        open: &Open,
        ended_at: Option<Timestamp>,
        outcome: Option<Outcome>,
    ) -> Entry {
        let Open { line, job, worker, started_at } = open;
        let run = TaskRun { job, task, worker: worker.as_ref(), started_at: *started_at, ended_at, outcome };
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        entry(*line, run.submission(names.jobs.get(job).or_else(|| self.learned.get(job))))
    }

    /// The sessions that still run, in the order in which they began.
    fn still_open(&self) -> Vec<Entry> {
        let tasks: BTreeMap<u64, (&String, &Open)> =
            self.open.iter().map(|(task, open)| (open.line, (task, open))).collect();
        tasks.values().map(|(task, open)| self.session(task, open, None, None)).collect()
    }
}
