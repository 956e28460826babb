//! Jobs and their names.
//!
//! A job goes by the name that its latest-started session gives it. That has to be a fact about the sessions that are
//! there, not about the order in which they came or what was there before, or else an answer would change with a restart.
//! So every name of a job has a code of its own, and a removal that takes the latest session of a name makes its sessions
//! be looked through again, if the job has another name to choose.

use std::hash::BuildHasher as _;

use farmtally_model::{JobId, JobName};
use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable};

use crate::dictionary::Values;
use crate::restore::JobSessions;

/// A job and the name that it goes by. Codes of several names of one job show the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job.
    pub job_id: JobId,
    /// The name that its latest-started session gives it; of several, the greatest by its bytes.
    pub name: JobName,
}

/// The sessions that call a job by one name.
#[derive(Debug, Clone, Copy)]
struct Naming {
    sessions: u64,
    latest_start_ms: i64,
}

/// A job under one of its names, as it is kept to restore the dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEntry {
    /// The job.
    pub job_id: JobId,
    /// The name that some sessions give it.
    pub name: JobName,
    /// Number of these sessions.
    pub sessions: u64,
    /// Latest start of these sessions, in milliseconds since 1970.
    pub latest_start_ms: i64,
    /// False when the session that started last may be gone, so that the rest has to be looked through.
    pub is_latest_known: bool,
}

impl JobEntry {
    /// A job under a name that no session has yet.
    pub const fn without_sessions(job_id: JobId, name: JobName) -> Self {
        Self { job_id, name, sessions: 0, latest_start_ms: i64::MIN, is_latest_known: true }
    }
}

/// Codes by job and name.
///
/// A farm may have many millions of jobs, and nearly all of them one name. So what a job takes is its value, its naming, and a
/// code in a table that leads to the value; whatever is only needed for several names is kept for those that have them.
#[derive(Debug, Default)]
pub(crate) struct JobDictionary {
    /// The first code of each job, by the job behind the code.
    first_codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
    jobs: Values<Job>,
    namings: Vec<Naming>,
    /// Codes of namings whose session that started last may be gone.
    latest_unknown: HashSet<u32>,
    /// All codes of the jobs with several names, ascending.
    several: HashMap<JobId, Vec<u32>>,
    /// The names of these codes, whatever the job goes by.
    several_names: HashMap<u32, JobName>,
    /// Jobs with several names whose sessions have changed.
    unsettled: HashSet<JobId>,
}

impl JobDictionary {
    /// The code of a job under a name, which is given one if it has none.
    pub(crate) fn code(&mut self, job_id: JobId, name: &JobName) -> u32 {
        let Some(first) = self.first_code(job_id) else { return self.push_first(job_id, name) };
        let codes = self.several.get(&job_id).map_or(std::slice::from_ref(&first), Vec::as_slice);
        if let Some(known) = codes.iter().copied().find(|code| self.name(*code) == name) {
            return known;
        }
        let first_name = self.name(first).clone();
        let code = self.push(job_id, name);
        let codes = self.several.entry(job_id).or_insert_with(|| vec![first]);
        codes.push(code);
        self.several_names.insert(first, first_name);
        self.several_names.insert(code, name.clone());
        code
    }

    fn push_first(&mut self, job_id: JobId, name: &JobName) -> u32 {
        let code = self.push(job_id, name);
        let hash = |code: &u32| self.hasher.hash_one(self.jobs.get(*code).job_id);
        self.first_codes.insert_unique(hash(&code), code, hash);
        code
    }

    fn push(&mut self, job_id: JobId, name: &JobName) -> u32 {
        self.namings.push(Naming { sessions: 0, latest_start_ms: i64::MIN });
        self.jobs.push(Job { job_id, name: name.clone() })
    }

    fn first_code(&self, job_id: JobId) -> Option<u32> {
        let is_it = |code: &u32| self.jobs.get(*code).job_id == job_id;
        self.first_codes.find(self.hasher.hash_one(job_id), is_it).copied()
    }

    /// The name that a code was given for.
    fn name(&self, code: u32) -> &JobName {
        self.several_names.get(&code).unwrap_or_else(|| &self.jobs.get(code).name)
    }

    /// Notes a session that was put in under a code.
    pub(crate) fn add_session(&mut self, code: u32, start_ms: i64) {
        self.add_sessions(JobSessions { code, sessions: 1, latest_start_ms: start_ms });
    }

    /// Notes sessions that were put in under a code.
    pub(crate) fn add_sessions(&mut self, added: JobSessions) {
        let naming = &mut self.namings[added.code as usize];
        naming.sessions += added.sessions;
        naming.latest_start_ms = naming.latest_start_ms.max(added.latest_start_ms);
        self.note_change(added.code);
    }

    /// Notes a session that was taken out from under a code.
    pub(crate) fn remove_session(&mut self, code: u32, start_ms: i64) {
        let naming = &mut self.namings[code as usize];
        naming.sessions = naming.sessions.saturating_sub(1);
        if start_ms >= naming.latest_start_ms {
            self.latest_unknown.insert(code);
        }
        self.note_change(code);
    }

    fn note_change(&mut self, code: u32) {
        if self.several_names.contains_key(&code) {
            self.unsettled.insert(self.jobs.get(code).job_id);
        }
    }

    /// Chooses the names of the jobs that have several. `sessions` gives code and start of every session that is there.
    pub(crate) fn settle<I: Iterator<Item = (u32, i64)>>(&mut self, sessions: impl Fn() -> I) {
        for job_id in std::mem::take(&mut self.unsettled) {
            let codes = self.several.get(&job_id).cloned().unwrap_or_default();
            self.find_latest_starts(&codes, &sessions);
            let live = codes.iter().map(|code| (self.namings[*code as usize], self.name(*code)));
            let live = live.filter(|(naming, _)| naming.sessions > 0);
            let Some((_, name)) = live.max_by_key(|(naming, name)| (naming.latest_start_ms, *name)) else {
                continue;
            };
            let name = name.clone();
            for code in codes {
                if self.jobs.get(code).name != name {
                    self.jobs.get_mut(code).name = name.clone();
                }
            }
        }
    }

    fn find_latest_starts<I: Iterator<Item = (u32, i64)>>(
        &mut self,
        codes: &[u32],
        sessions: impl Fn() -> I,
    ) {
        for code in codes.iter().copied() {
            if self.latest_unknown.remove(&code) {
                let starts = sessions().filter(|(of, _)| *of == code).map(|(_, start_ms)| start_ms);
                self.namings[code as usize].latest_start_ms = starts.max().unwrap_or(i64::MIN);
            }
        }
    }

    /// Everything that is needed to restore the dictionary, in the order of codes, as if some sessions, given by code and
    /// start, were not there.
    pub(crate) fn entries_without(&self, sessions: impl Iterator<Item = (u32, i64)>) -> Vec<JobEntry> {
        let mut entries: Vec<_> = self.entries_from(0).collect();
        for (entry, naming) in entries.iter_mut().zip(&self.namings) {
            (entry.sessions, entry.latest_start_ms) = (naming.sessions, naming.latest_start_ms);
        }
        for code in &self.latest_unknown {
            entries[*code as usize].is_latest_known = false;
        }
        for (code, start_ms) in sessions {
            let entry = &mut entries[code as usize];
            entry.sessions = entry.sessions.saturating_sub(1);
            entry.is_latest_known &= start_ms < entry.latest_start_ms;
        }
        entries
    }

    /// The jobs under their names from a code on, without their sessions.
    pub(crate) fn entries_from(&self, code: usize) -> impl Iterator<Item = JobEntry> {
        let codes = u32::try_from(code).unwrap_or(u32::MAX)..;
        let entry =
            |(code, job): (u32, &Job)| JobEntry::without_sessions(job.job_id, self.name(code).clone());
        codes.zip(self.jobs.iter_from(code)).map(entry)
    }

    /// The dictionary with these entries, in the order of their codes; `None` when one occurs twice. The names of jobs with
    /// several are not settled yet.
    pub(crate) fn restore(entries: Vec<JobEntry>) -> Option<Self> {
        let mut jobs = Self::default();
        jobs.namings.reserve(entries.len());
        // There is nothing yet that would have to be hashed again.
        jobs.first_codes.reserve(entries.len(), |_| 0);
        for (expected, entry) in (0..).zip(entries) {
            let code = jobs.code(entry.job_id, &entry.name);
            if code != expected {
                return None;
            }
            let JobEntry { sessions, latest_start_ms, is_latest_known, .. } = entry;
            jobs.namings[code as usize] = Naming { sessions, latest_start_ms };
            if !is_latest_known {
                jobs.latest_unknown.insert(code);
            }
        }
        jobs.unsettled = jobs.several.keys().copied().collect();
        Some(jobs)
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// The jobs by code.
    pub(crate) fn values(&self) -> Values<Job> {
        self.jobs.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOB: JobId = JobId::from_bytes([1; 16]);

    /// Names as numbers, so that the greatest is obvious.
    fn name(number: u8) -> JobName {
        JobName::new(&format!("take {number}")).unwrap()
    }

    proptest! {
        #[test]
        fn a_job_goes_by_the_name_of_its_latest_session_whatever_came_and_went_before(
            steps in prop::collection::vec((any::<bool>(), 0_u8..3, 0_i64..6), 1..40),
        ) {
            let mut jobs = JobDictionary::default();
            let mut live: Vec<(u8, i64)> = Vec::new();
            for (remove, number, start_ms) in steps {
                let code = jobs.code(JOB, &name(number));
                let place = live.iter().position(|session| *session == (number, start_ms));
                if let Some(place) = place.filter(|_| remove) {
                    live.remove(place);
                    jobs.remove_session(code, start_ms);
                } else {
                    live.push((number, start_ms));
                    jobs.add_session(code, start_ms);
                }
                let coded: Vec<(u32, i64)> =
                    live.iter().map(|(number, start_ms)| (jobs.code(JOB, &name(*number)), *start_ms)).collect();
                jobs.settle(|| coded.iter().copied());
                if let Some((number, _)) = live.iter().max_by_key(|(number, start_ms)| (*start_ms, *number)) {
                    prop_assert!(jobs.values().iter().all(|job| job.name == name(*number)));
                }
            }
        }
    }
}
