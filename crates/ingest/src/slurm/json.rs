//! Slurm's accounting as `sacct --json` and slurmrestd print it.
//!
//! A job is written as the row that `--parsable2` would have for it, so that both forms mean the same and make the same
//! ids. Where the versions of the data parser differ, all spellings are read: a number may be plain or an object with
//! `set` and `number`, a state may be a text or a list, a job may have its user or only its association's.

use std::io::BufRead;

use serde_json::Value;

use super::{EXTENSION, Form, PLAIN, SlurmRow};
use crate::entry::{Entry, FieldProblem, ReadError, entry, excerpt};
use crate::json_objects::{JsonObject, JsonObjects};

/// The lists that are read: the jobs, and what Slurm could not do.
const LISTS: &[&str] = &["jobs", "errors"];
const ERRORS: usize = 1;

/// The jobs of a document.
pub(crate) struct SlurmJsonEntries<R> {
    objects: JsonObjects<R>,
}

impl<R: BufRead> SlurmJsonEntries<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { objects: JsonObjects::new(reader, LISTS) }
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some(object) = self.objects.next_object()? else { return Ok(None) };
        if object.key == ERRORS {
            return Err(slurm_error(&object));
        }
        Ok(Some(job(&object)))
    }
}

impl<R: BufRead> Iterator for SlurmJsonEntries<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// A document with an error may lack jobs, and a bill that lacks jobs looks like any other.
fn slurm_error(object: &JsonObject) -> ReadError {
    let value: Value = serde_json::from_slice(&object.bytes).unwrap_or_default();
    let said = ["description", "error"].iter().find_map(|name| value.get(name)?.as_str());
    ReadError::header(format!("Slurm says that it failed: {}", excerpt(said.unwrap_or("without a reason"))))
}

fn job(object: &JsonObject) -> Entry {
    let line = object.line;
    let job: Value = match serde_json::from_slice(&object.bytes) {
        Ok(job) => job,
        Err(error) => {
            let text = String::from_utf8_lossy(&object.bytes);
            return Entry::Rejected(FieldProblem::row(&text, format!("not a JSON object: {error}")).at(line));
        }
    };
    let fields: Vec<String> = PLAIN[..PLAIN.len() - 1]
        .iter()
        .chain(&EXTENSION)
        .chain(&PLAIN[PLAIN.len() - 1..])
        .map(|name| field(&job, name))
        .collect();
    let row = SlurmRow { form: Form::Extended, fields: fields.iter().map(String::as_str).collect() };
    match row.skip_reason() {
        Some(reason) => Entry::Skipped { line, reason },
        None => entry(line, row.submission()),
    }
}

/// What `--parsable2` has in a field, of those that anybody asks for.
fn field(job: &Value, name: &str) -> String {
    match name {
        "jobid" => job_id(job),
        "jobidraw" => number(job, "/job_id").map(|id| id.to_string()).unwrap_or_default(),
        "cluster" => text(job, &["/cluster", "/association/cluster"]),
        "partition" => text(job, &["/partition"]),
        "user" => text(job, &["/user", "/association/user"]),
        "uid" => number(job, "/user_id").map(|id| id.to_string()).unwrap_or_default(),
        "start" => instant(job, "/time/start"),
        "end" => instant(job, "/time/end"),
        "state" => state(job),
        "nnodes" => nodes(job).map(|nodes| nodes.to_string()).unwrap_or_default(),
        "ncpus" => tres(job, "cpu").map(|count| count.to_string()).unwrap_or_default(),
        "alloctres" => allocated(job),
        "nodelist" => text(job, &["/nodes"]),
        "licenses" => text(job, &["/licenses"]),
        "sluid" => text(job, &["/sluid"]),
        "jobname" => text(job, &["/name"]),
        _ => String::new(),
    }
}

/// `1002_7` for a task of an array, `1002+1` for a part of a heterogeneous job, or the job's number.
fn job_id(job: &Value) -> String {
    let whole = |place: &str| number(job, place).filter(|id| *id > 0);
    if let Some(array) = whole("/array/job_id") {
        let task = number(job, "/array/task_id").map(|task| task.to_string());
        return format!("{array}_{}", task.unwrap_or_default());
    }
    if let Some(first) = whole("/het/job_id") {
        return format!("{first}+{}", number(job, "/het/job_offset").unwrap_or(0));
    }
    whole("/job_id").map(|id| id.to_string()).unwrap_or_default()
}

/// A number that is plain, or an object that may say that it is not set.
fn number(job: &Value, place: &str) -> Option<i64> {
    let value = job.pointer(place)?;
    if let Value::Object(members) = value {
        let is_set = members.get("set").and_then(Value::as_bool).unwrap_or(true);
        let is_infinite = members.get("infinite").and_then(Value::as_bool).unwrap_or(false);
        return members.get("number").and_then(Value::as_i64).filter(|_| is_set && !is_infinite);
    }
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn text(job: &Value, places: &[&str]) -> String {
    let found = places.iter().filter_map(|place| job.pointer(place)?.as_str()).find(|text| !text.is_empty());
    found.unwrap_or_default().to_owned()
}

/// Seconds since 1970 as `sacct` prints them with `TZ=UTC`; zero is unknown.
fn instant(job: &Value, place: &str) -> String {
    let seconds = number(job, place).filter(|seconds| *seconds > 0);
    let millis = seconds.and_then(|seconds| seconds.checked_mul(1000));
    let Some(millis) = millis else { return "Unknown".to_owned() };
    match farmtally_model::Timestamp::from_millis(millis) {
        Ok(instant) => instant.to_string().trim_end_matches('Z').to_owned(),
        // It is refused with the digits that were sent.
        Err(_) => (millis / 1000).to_string(),
    }
}

fn state(job: &Value) -> String {
    let current = job.pointer("/state/current").or_else(|| job.pointer("/job_state"));
    let states: Vec<&str> = match current {
        Some(Value::String(state)) => vec![state],
        Some(Value::Array(states)) => states.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    // Flags such as COMPLETING stand beside the state itself, and a requeued run has both its end and its flag.
    let known = states.iter().find(|state| super::outcome(state).is_some());
    let requeued = states.iter().find(|state| **state == "REQUEUED");
    requeued.or(known).or(states.first()).copied().unwrap_or_default().to_owned()
}

fn nodes(job: &Value) -> Option<i64> {
    number(job, "/allocation_nodes").or_else(|| tres(job, "node")).filter(|nodes| *nodes > 0)
}

/// The count of an allocated resource of a type.
fn tres(job: &Value, kind: &str) -> Option<i64> {
    let allocated = job.pointer("/tres/allocated")?.as_array()?;
    let found =
        allocated.iter().find(|resource| resource.get("type").and_then(Value::as_str) == Some(kind))?;
    number(found, "/count")
}

/// `gres/gpu:a100=2` and so on, as far as machines are told by them.
fn allocated(job: &Value) -> String {
    let Some(allocated) = job.pointer("/tres/allocated").and_then(Value::as_array) else {
        return String::new();
    };
    let resources = allocated.iter().filter_map(|resource| {
        let (kind, count) = (resource.get("type")?.as_str()?, number(resource, "/count")?);
        Some(match resource.get("name").and_then(Value::as_str).unwrap_or_default() {
            "" => format!("{kind}={count}"),
            name => format!("{kind}/{name}={count}"),
        })
    });
    resources.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Format, Input, Options, open};
    use crate::slurm::tests::SAMPLE;
    use farmtally_model::{Record, Submission};

    const JSON: &str = include_str!("../../../../tests/data/slurm.json");

    fn read(format: Format, text: &str) -> Result<Vec<Entry>, ReadError> {
        let input = Input::Stream(Box::new(std::io::Cursor::new(text.to_owned())));
        open(format, input, Options::default())?.collect()
    }

    fn submissions(entries: Vec<Entry>) -> Vec<Submission> {
        let submissions = entries.into_iter().filter_map(|entry| match entry {
            Entry::Submission { submission, .. } => Some(submission),
            _ => None,
        });
        submissions.collect()
    }

    #[test]
    fn the_same_jobs_are_the_same_sessions_in_both_forms() {
        let rows = submissions(read(Format::Slurm, SAMPLE).unwrap());
        let jobs = submissions(read(Format::SlurmJson, JSON).unwrap());
        // The jobs 1001, 1002_7, 1002_8 and 1011 are in both.
        assert_eq!(jobs[..4], rows[..4]);
    }

    #[test]
    fn jobs_that_never_ran_are_left_out_and_steps_are_part_of_theirs() {
        let entries = read(Format::SlurmJson, JSON).unwrap();
        assert_eq!(entries.len(), 7);
        assert_eq!(entries.iter().filter(|entry| matches!(entry, Entry::Skipped { .. })).count(), 1);
        let Entry::Rejected(reject) = &entries[6] else { panic!("{entries:?}") };
        assert_eq!(reject.field, "end");
    }

    #[test]
    fn licences_and_the_run_id_are_read() {
        let submissions = submissions(read(Format::SlurmJson, JSON).unwrap());
        let Record::Session(session) = &submissions[4].record else { panic!() };
        let uses: Vec<String> = session.usage.as_slice().iter().map(|line| line.usage.to_string()).collect();
        assert_eq!(uses, ["COMPUTE", "LICENSE maya"]);
        let source = crate::ForeignSource::new("slurm/fjord");
        assert_eq!(session.session_id, source.session("sluid s2V6TQ1"));
        assert_eq!(session.job_id, source.job("2001"));
    }

    #[test]
    fn an_error_of_slurm_is_not_taken_for_an_empty_farm() {
        let text =
            r#"{"jobs":[],"errors":[{"description":"Unable to connect to database","error_number":-1}]}"#;
        let error = read(Format::SlurmJson, text).unwrap_err().to_string();
        assert!(error.contains("Unable to connect to database"), "{error}");
    }
}
