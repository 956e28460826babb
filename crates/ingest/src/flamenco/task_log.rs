//! The log that Flamenco keeps of each task: its own lines begin with a time, the worker's lines with anything.

use std::io::{self, BufRead, Read};

use farmtally_model::{Outcome, Timestamp};

use super::{ACTIVE, FlamencoNames, TaskRun, Worker, outcome};
use crate::entry::{Entry, entry};
use crate::limits::LINE_BYTES_MAX;

const ASSIGNED: &str = "Task assigned to worker ";
const CHANGED: &str = "task changed status ";

/// The sessions of a task by its log, which is the file `job-<first 4 digits>/<job>/task-<task>.txt` of Flamenco's
/// storage. One that nothing closed is still running.
pub fn flamenco_task_log(
    job: &str,
    task: &str,
    reader: impl BufRead,
    names: &FlamencoNames,
) -> io::Result<Vec<Entry>> {
    let mut log = TaskLog { job, task, names, worker: None, open: None, last: None, entries: Vec::new() };
    let (mut reader, mut bytes, mut line) = (reader, Vec::new(), 0);
    // A renderer may print anything, and lines of any length: what is no line of Flamenco's is passed over.
    while reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)? > 0 {
        line += 1;
        log.take(line, String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    log.close(None, None);
    Ok(log.entries)
}

struct TaskLog<'a> {
    job: &'a str,
    task: &'a str,
    names: &'a FlamencoNames,
    worker: Option<Worker>,
    open: Option<Open>,
    /// The time of the last line.
    last: Option<Timestamp>,
    entries: Vec<Entry>,
}

/// A session that has not ended yet.
struct Open {
    line: u64,
    started_at: Timestamp,
    worker: Option<Worker>,
}

impl TaskLog<'_> {
    fn take(&mut self, line: u64, text: &str) {
        let Some((time, said)) = text.split_once(' ') else { return };
        let Ok(instant) = Timestamp::parse(time) else { return };
        if let Some(worker) = said.strip_prefix(ASSIGNED).and_then(worker) {
            // The end of the run before this one was never written; it cannot have gone on longer than its log.
            self.close(self.last, None);
            self.worker = Some(worker);
        } else if let Some((from, to)) = said.strip_prefix(CHANGED).and_then(|rest| rest.split_once(" -> ")) {
            self.change(line, instant, from, to);
        }
        self.last = Some(instant);
    }

    fn change(&mut self, line: u64, instant: Timestamp, from: &str, to: &str) {
        if to == ACTIVE {
            self.close(self.last, None);
            self.open = Some(Open { line, started_at: instant, worker: self.worker.take() });
        } else if from == ACTIVE {
            self.close(Some(instant), outcome(to));
        }
    }

    /// Ends the open session, if there is one; without an end it is still running.
    fn close(&mut self, ended_at: Option<Timestamp>, outcome: Option<Outcome>) {
        let Some(Open { line, started_at, worker }) = self.open.take() else { return };
        let run = TaskRun {
            job: self.job,
            task: self.task,
            worker: worker.as_ref(),
            started_at,
            ended_at,
            outcome,
        };
        self.entries.push(entry(line, run.submission(self.names.jobs.get(self.job))));
    }
}

/// `render01 (uuid)`; a name may have brackets of its own.
fn worker(text: &str) -> Option<Worker> {
    let (name, uuid) = text.strip_suffix(')')?.rsplit_once(" (")?;
    Some(Worker { uuid: uuid.to_owned(), name: name.to_owned() })
}
