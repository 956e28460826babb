//! Jobs and their names.
//!
//! A job goes by the name that its latest-started session gives it. That has to be a fact about the sessions that are
//! there, not about the order in which they came or what was there before, or else an answer would change with a restart.
//! So every name of a job has a code of its own, and a removal that takes the latest session of a name makes its sessions
//! be looked through again, if the job has another name to choose.

use farmtally_model::{JobId, JobName};
use hashbrown::{HashMap, HashSet};

use crate::dictionary::Values;

/// A job and the name that it goes by. Codes of several names of one job show the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job.
    pub job_id: JobId,
    /// The name that its latest-started session gives it; of several, the greatest by its bytes.
    pub name: JobName,
}

/// The sessions that call a job by one name.
#[derive(Debug)]
struct Naming {
    name: JobName,
    sessions: u64,
    latest_start_ms: i64,
    /// False once the session that started last may be gone.
    is_latest_known: bool,
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

/// Codes by job and name.
#[derive(Debug, Default)]
pub(crate) struct JobDictionary {
    codes: HashMap<JobId, Vec<u32>>,
    namings: Vec<Naming>,
    jobs: Values<Job>,
    /// Jobs with several names whose sessions have changed.
    unsettled: HashSet<JobId>,
}

impl JobDictionary {
    /// The code of a job under a name, which is given one if it has none.
    pub(crate) fn code(&mut self, job_id: JobId, name: &JobName) -> u32 {
        let codes = self.codes.entry(job_id).or_default();
        let known = codes.iter().find(|code| self.namings[**code as usize].name == *name);
        if let Some(code) = known {
            return *code;
        }
        let code = self.jobs.push(Job { job_id, name: name.clone() });
        codes.push(code);
        let latest_start_ms = i64::MIN;
        self.namings.push(Naming { name: name.clone(), sessions: 0, latest_start_ms, is_latest_known: true });
        code
    }

    /// Notes a session that was put in under a code.
    pub(crate) fn add_session(&mut self, code: u32, start_ms: i64) {
        let naming = &mut self.namings[code as usize];
        naming.sessions += 1;
        naming.latest_start_ms = naming.latest_start_ms.max(start_ms);
        self.note_change(code);
    }

    /// Notes a session that was taken out from under a code.
    pub(crate) fn remove_session(&mut self, code: u32, start_ms: i64) {
        let naming = &mut self.namings[code as usize];
        naming.sessions = naming.sessions.saturating_sub(1);
        naming.is_latest_known &= start_ms < naming.latest_start_ms;
        self.note_change(code);
    }

    fn note_change(&mut self, code: u32) {
        let job_id = self.jobs.get(code).job_id;
        if self.codes.get(&job_id).is_some_and(|codes| codes.len() > 1) {
            self.unsettled.insert(job_id);
        }
    }

    /// Chooses the names of the jobs that have several. `sessions` gives code and start of every session that is there.
    pub(crate) fn settle<I: Iterator<Item = (u32, i64)>>(&mut self, sessions: impl Fn() -> I) {
        for job_id in std::mem::take(&mut self.unsettled) {
            let codes = self.codes.get(&job_id).cloned().unwrap_or_default();
            self.find_latest_starts(&codes, &sessions);
            let live =
                codes.iter().map(|code| &self.namings[*code as usize]).filter(|naming| naming.sessions > 0);
            let Some(name) = live.max_by_key(|naming| (naming.latest_start_ms, &naming.name)) else {
                continue;
            };
            let name = name.name.clone();
            for code in codes.into_iter().filter(|code| self.jobs.get(*code).name != name).collect::<Vec<_>>()
            {
                self.jobs.get_mut(code).name = name.clone();
            }
        }
    }

    fn find_latest_starts<I: Iterator<Item = (u32, i64)>>(
        &mut self,
        codes: &[u32],
        sessions: impl Fn() -> I,
    ) {
        for code in codes.iter().copied() {
            let naming = &mut self.namings[code as usize];
            if !naming.is_latest_known {
                let starts = sessions().filter(|(of, _)| *of == code).map(|(_, start_ms)| start_ms);
                naming.latest_start_ms = starts.max().unwrap_or(i64::MIN);
                naming.is_latest_known = true;
            }
        }
    }

    /// Everything that is needed to restore the dictionary, in the order of codes, as if some sessions, given by code and
    /// start, were not there.
    pub(crate) fn entries_without(&self, sessions: impl Iterator<Item = (u32, i64)>) -> Vec<JobEntry> {
        let entry = |(job, naming): (&Job, &Naming)| JobEntry {
            job_id: job.job_id,
            name: naming.name.clone(),
            sessions: naming.sessions,
            latest_start_ms: naming.latest_start_ms,
            is_latest_known: naming.is_latest_known,
        };
        let mut entries: Vec<_> = self.jobs.iter().zip(&self.namings).map(entry).collect();
        for (code, start_ms) in sessions {
            let entry = &mut entries[code as usize];
            entry.sessions = entry.sessions.saturating_sub(1);
            entry.is_latest_known &= start_ms < entry.latest_start_ms;
        }
        entries
    }

    /// The dictionary with these entries, in the order of their codes; `None` when one occurs twice. The names of jobs with
    /// several are not settled yet.
    pub(crate) fn restore(entries: Vec<JobEntry>) -> Option<Self> {
        let mut jobs = Self::default();
        jobs.codes.reserve(entries.len());
        for (code, entry) in entries.into_iter().enumerate() {
            if jobs.code(entry.job_id, &entry.name) as usize != code {
                return None;
            }
            let naming = &mut jobs.namings[code];
            naming.sessions = entry.sessions;
            naming.latest_start_ms = entry.latest_start_ms;
            naming.is_latest_known = entry.is_latest_known;
        }
        let several = jobs.codes.iter().filter(|(_, codes)| codes.len() > 1);
        jobs.unsettled = several.map(|(job_id, _)| *job_id).collect();
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
