//! Flamenco's storage and database: the logs of all tasks in a folder, and the names of the jobs in SQLite.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use farmtally_ingest::{Entries, Entry, FlamencoJob, FlamencoNames, ReadError, flamenco_task_log};
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::Value;

/// Flamenco's database cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read it as Flamenco's database: {0}")]
pub struct FlamencoError(#[from] rusqlite::Error);

/// Names of jobs, most of them of a database that Flamenco may be writing.
const JOBS: &str = "SELECT j.uuid, j.name, j.job_type, j.metadata, t.uuid, t.name \
                    FROM jobs j LEFT JOIN worker_tags t ON t.id = j.worker_tag_id";

/// Reads what Flamenco's database knows of its jobs.
pub fn flamenco_names(path: &Path) -> Result<FlamencoNames, FlamencoError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    let mut statement = database.prepare(JOBS)?;
    let jobs = statement.query_map([], job)?.collect::<Result<_, _>>()?;
    Ok(FlamencoNames { jobs })
}

fn job(row: &Row<'_>) -> rusqlite::Result<(String, FlamencoJob)> {
    let metadata: Option<Vec<u8>> = match row.get_ref(3)? {
        rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => {
            Some(bytes.to_vec())
        }
        _ => None,
    };
    let metadata: Value = serde_json::from_slice(&metadata.unwrap_or_default()).unwrap_or_default();
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let tag: (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let job = FlamencoJob {
        name: row.get(1)?,
        job_type: row.get(2)?,
        user: text("user.name").or(text("user.email")).map(str::to_owned),
        project: text("project").map(str::to_owned),
        tag: tag.0.map(|uuid| (uuid.clone(), tag.1.unwrap_or(uuid))),
    };
    Ok((row.get(0)?, job))
}

/// The sessions of every task that has a log in Flamenco's storage, job by job in the order of their UUIDs.
pub fn flamenco_task_logs(storage: &Path, names: FlamencoNames) -> io::Result<Entries> {
    let mut logs = Vec::new();
    for prefix in folders(storage, |name| name.starts_with("job-"))? {
        for job in folders(&prefix, is_uuid)? {
            logs.extend(task_logs(&job)?);
        }
    }
    if logs.is_empty() {
        let message = "it has no job-*/*/task-*.txt; name the folder in which Flamenco keeps its jobs";
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let logs = TaskLogs { logs: logs.into_iter(), names: Arc::new(names), current: vec![].into_iter() };
    Ok(Entries::new(logs))
}

/// The log of one task.
struct TaskLog {
    job: String,
    task: String,
    path: PathBuf,
}

fn folders(parent: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && is_wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn task_logs(folder: &Path) -> io::Result<Vec<TaskLog>> {
    let job = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let task = name.strip_prefix("task-").and_then(|rest| rest.strip_suffix(".txt"));
        if let Some(task) = task.filter(|task| is_uuid(task)) {
            found.push(TaskLog { job: job.clone(), task: task.to_owned(), path: path.clone() });
        }
    }
    found.sort_unstable_by(|one, other| one.task.cmp(&other.task));
    Ok(found)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

struct TaskLogs {
    logs: vec::IntoIter<TaskLog>,
    names: Arc<FlamencoNames>,
    current: vec::IntoIter<Entry>,
}

impl TaskLogs {
    /// The sessions of a log; one whose job was deleted meanwhile took its log with it.
    fn read(&self, log: &TaskLog) -> io::Result<Vec<Entry>> {
        match File::open(&log.path) {
            Ok(file) => flamenco_task_log(&log.job, &log.task, BufReader::new(file), &self.names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            Err(error) => Err(error),
        }
    }
}

impl Iterator for TaskLogs {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.current.next() {
                return Some(Ok(entry));
            }
            let log = self.logs.next()?;
            match self.read(&log) {
                Ok(entries) => self.current = entries.into_iter(),
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farmtally_model::Record;

    const JOB: &str = "e8fbdbb8-6ec1-4d25-8d7a-6e1a1e4c8b11";
    const TAG: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

    fn storage() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/flamenco")
    }

    /// A database with the columns of Flamenco's that are read.
    fn database(folder: &Path) -> PathBuf {
        let path = folder.join("flamenco-manager.sqlite");
        let database = Connection::open(&path).unwrap();
        let schema = "CREATE TABLE worker_tags (id integer PRIMARY KEY, uuid varchar(36), name varchar(64));
            CREATE TABLE jobs (id integer PRIMARY KEY, uuid varchar(36), name varchar(64), job_type varchar(32),
                               metadata jsonb, worker_tag_id integer);";
        database.execute_batch(schema).unwrap();
        database.execute("INSERT INTO worker_tags VALUES (1, ?1, 'gpu')", [TAG]).unwrap();
        let metadata = r#"{"project":"Fjord","user.name":"alice"}"#;
        let insert = "INSERT INTO jobs VALUES (1, ?1, 'sh010 light', 'simple-blender-render', ?2, 1)";
        database.execute(insert, [JOB, metadata]).unwrap();
        database.execute("INSERT INTO jobs VALUES (2, 'other', 'no metadata', 'x', '{}', NULL)", []).unwrap();
        path
    }

    #[test]
    fn names_come_from_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let names = flamenco_names(&database(folder.path())).unwrap();
        let job = &names.jobs[JOB];
        assert_eq!(
            (job.name.as_str(), job.user.as_deref(), job.project.as_deref()),
            ("sh010 light", Some("alice"), Some("Fjord"))
        );
        assert_eq!(job.tag, Some((TAG.to_owned(), "gpu".to_owned())));
        assert_eq!((&names.jobs["other"].user, &names.jobs["other"].tag), (&None, &None));
        let error = flamenco_names(&storage().join("events.jsonl")).unwrap_err().to_string();
        assert!(error.contains("Flamenco's database"), "{error}");
    }

    #[test]
    fn every_log_of_the_storage_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let names = flamenco_names(&database(folder.path())).unwrap();
        let entries: Vec<Entry> =
            flamenco_task_logs(&storage(), names).unwrap().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 2);
        let Entry::Submission { submission, .. } = &entries[0] else { panic!("{entries:?}") };
        let Record::Session(session) = &submission.record else { panic!("{entries:?}") };
        assert_eq!(session.job_name.as_str(), "sh010 light");
    }

    #[test]
    fn a_folder_of_something_else_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = flamenco_task_logs(folder.path(), FlamencoNames::default()).unwrap_err().to_string();
        assert!(error.contains("no job-*"), "{error}");
    }
}
