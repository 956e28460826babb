//! OpenCue's history in its PostgreSQL: read once, and from then on what is new.
//!
//! A history is read in parts, each in a read-only transaction of its own, so that the number of rows that PostgreSQL counts
//! is that of the rows which it hands out, and an import that breaks off goes on behind its last part. Two facts hurt when
//! discovered late. A row becomes visible when its transaction ends, and is dated with its begin, so that the latest minutes
//! are read again. And OpenCue removes the rows of frames that it could not launch, so that a run that was open and is gone
//! has to be ended.

mod query;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, vec};

use farmtally_ingest::{Entries, Entry, OpenCueFrame, OpenCueLicenses, ReadError};
use farmtally_postgres::{PostgresAddress, PostgresError};

use self::query::{KEYS_PER_QUESTION, Range};
use crate::postgres::Postgres;

/// A history that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenCueError {
    /// PostgreSQL cannot be asked.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The history is switched off, or the database is another program's.
    #[error("{0}")]
    NoHistory(&'static str),
}

/// How far a history was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenCueProgress {
    /// Everything that stopped before this second was read; in seconds since 1970.
    pub read_to: i64,
    /// The second in which the open runs were seen.
    pub seen: i64,
    /// The runs that were open, by `pk_frame_history`.
    pub open: BTreeMap<String, OpenCueFrame>,
}

/// What is known when a part was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCueEnd {
    /// Where the next part begins.
    pub progress: OpenCueProgress,
    /// Whether this was the last part for now.
    pub is_last: bool,
    /// Runs that were open and are gone, told beside the rows that PostgreSQL counted.
    pub gone: u64,
}

/// A part of a history.
pub struct OpenCuePart {
    /// Its runs, and behind them those that were open and are gone.
    pub entries: Entries,
    /// How many rows PostgreSQL counts in it.
    pub rows: u64,
    /// Set once all entries were read.
    pub end: Arc<OnceLock<OpenCueEnd>>,
}

/// A connection to OpenCue's database.
pub struct OpenCue(Postgres);

impl OpenCue {
    /// How long before now rows may still appear unless somebody says otherwise: longer than any transaction that ends a frame.
    pub const LOOK_BACK: Duration = Duration::from_mins(15);

    /// Connects, and sees that there is a history.
    pub fn connect(address: &PostgresAddress) -> Result<Self, OpenCueError> {
        let postgres = Postgres::connect(address)?;
        if !postgres.ask(query::has_history)? {
            return Err(OpenCueError::NoHistory(
                "it has no frame_history and job_history that this user sees; is it the database of OpenCue's Cuebot?",
            ));
        }
        if postgres.ask(query::is_disabled)? {
            return Err(OpenCueError::NoHistory(
                "its table config has DISABLE_HISTORY, so that OpenCue writes no history; remove that row",
            ));
        }
        Ok(Self(postgres))
    }

    /// Begins the next part behind `since`, of some `rows_max` rows: fewer at the end of the history, more where many runs
    /// ended in one second. What stopped within `look_back` is read again, behind `since` or before it.
    pub fn read(
        self,
        since: OpenCueProgress,
        licenses: OpenCueLicenses,
        look_back: Duration,
        rows_max: u32,
    ) -> Result<OpenCuePart, OpenCueError> {
        let postgres = self.0;
        let now = postgres.ask(query::begin)?;
        // Of a copy that lags behind, the latest rows say what time it is there.
        let look_back = i64::try_from(look_back.as_secs()).unwrap_or(i64::MAX);
        let settled_to = now.second.min(now.latest_stop).saturating_sub(look_back);
        let from = since.read_to.min(settled_to.max(0));
        let edge = postgres.ask(|client| query::edge(client, from, settled_to, rows_max))?;
        let range = Range { from, until: edge };
        let rows = postgres.ask(|client| query::open(client, range))?;
        let read_to = edge.unwrap_or(settled_to).max(since.read_to);
        let open = if edge.is_some() { since.open.clone() } else { BTreeMap::new() };
        let seen = if edge.is_some() { since.seen } else { now.second };
        let end = Arc::new(OnceLock::new());
        let part = Part {
            postgres,
            licenses,
            since,
            next: OpenCueEnd {
                progress: OpenCueProgress { read_to, seen, open },
                is_last: edge.is_none(),
                gone: 0,
            },
            end: end.clone(),
            page: Vec::new().into_iter(),
            row: 0,
            is_over: false,
        };
        Ok(OpenCuePart { entries: Entries::new(part), rows, end })
    }
}

/// A part on its way.
struct Part {
    postgres: Postgres,
    licenses: OpenCueLicenses,
    since: OpenCueProgress,
    next: OpenCueEnd,
    end: Arc<OnceLock<OpenCueEnd>>,
    /// Rows that were fetched.
    page: vec::IntoIter<OpenCueFrame>,
    row: u64,
    is_over: bool,
}

impl Part {
    fn next_entry(&mut self) -> Result<Option<Entry>, PostgresError> {
        loop {
            if let Some(frame) = self.page.next() {
                return Ok(Some(self.take(frame)));
            }
            if self.is_over {
                return Ok(None);
            }
            self.page = self.postgres.ask(query::fetch)?.into_iter();
            if self.page.as_slice().is_empty() {
                let gone = self.gone()?;
                self.next.gone = gone.len() as u64;
                self.page = gone.into_iter();
                self.postgres.ask(query::end)?;
                self.is_over = true;
                // It ends once, so that nothing is there yet.
                self.end.set(self.next.clone()).unwrap_or_default();
            }
        }
    }

    fn take(&mut self, frame: OpenCueFrame) -> Entry {
        self.row += 1;
        let entry = frame.entry(self.row, &self.licenses);
        if frame.stopped == 0 {
            self.next.progress.open.insert(frame.pk_frame_history.clone(), frame);
        } else {
            self.next.progress.open.remove(&frame.pk_frame_history);
        }
        entry
    }

    /// Runs that were open and have no row any more, ended.
    fn gone(&mut self) -> Result<Vec<OpenCueFrame>, PostgresError> {
        if !self.next.is_last {
            return Ok(vec![]);
        }
        let absent = |key: &&String| !self.next.progress.open.contains_key(*key);
        let known: Vec<&str> = self.since.open.keys().filter(absent).map(String::as_str).collect();
        let there = self.among(&known, query::FRAMES_AMONG)?;
        let gone: Vec<OpenCueFrame> = known
            .iter()
            .filter(|key| !there.contains(**key))
            .map(|key| self.since.open[*key].clone())
            .collect();
        let jobs: BTreeSet<&str> = gone.iter().map(|frame| frame.pk_job.as_str()).collect();
        let jobs = self.among(&jobs.into_iter().collect::<Vec<_>>(), query::JOBS_AMONG)?;
        let seen = self.since.seen;
        let ended = gone.into_iter().map(|frame| {
            if jobs.contains(&frame.pk_job) { frame.taken_back() } else { frame.ended_unseen(seen) }
        });
        Ok(ended.collect())
    }

    /// Those of many keys that have a row.
    fn among(&self, keys: &[&str], statement: &'static str) -> Result<BTreeSet<String>, PostgresError> {
        let mut found = BTreeSet::new();
        for keys in keys.chunks(KEYS_PER_QUESTION) {
            found.extend(self.postgres.ask(|client| query::among(client, statement, keys))?);
        }
        Ok(found)
    }
}

impl Iterator for Part {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().map_err(|error| ReadError::Io(io::Error::other(error))).transpose()
    }
}
