//! What was read, on its way into the folder: sessions first, and then the marks that say so.
//!
//! Sessions and their marks are one value ([`Unstored`]) until they are stored, so that no mark outlives sessions that were
//! not taken: a mark without its sessions is a job that nobody reads again.

use std::collections::BTreeSet;
use std::mem::take;

use farmtally_deadline::{JobFacts, Refusal, SessionDetail, Surroundings, submission};
use farmtally_ingest::RateCard;
use farmtally_model::{JobId, Record, SessionId, Timestamp};
use farmtally_service::{Catalogue, NumberedSubmission};

use super::marks::{self, JobMark};
use super::mirror::Names;
use super::plan::PlannedJob;
use super::reading::JobReading;
use super::tally::Tally;
use crate::args::sync::SyncAwsArguments;
use crate::commands::import::destination::Destination;
use crate::farm_reference::FarmReference;
use crate::patience::Patience;
use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Longest time that something waits to be stored, in milliseconds: a copy that is killed loses no more work than this.
const STORED_WITHIN_MS: i64 = 10_000;
/// Refusals that are told one by one.
const REFUSALS_TOLD: u64 = 20;

/// A copy's way into the folder.
pub(super) struct Storing<'a> {
    pub(super) arguments: &'a SyncAwsArguments,
    pub(super) catalogue: Option<&'a Catalogue>,
    pub(super) patience: &'a Patience,
    pub(super) names: Names,
    /// The card of a dry run.
    pub(super) card: Option<RateCard>,
    pub(super) tally: &'a mut Tally,
    /// Opened when there is something to store, because nobody else may have the folder then.
    destination: Option<Destination>,
    unstored: Unstored,
    stored_at: Timestamp,
}

/// What was read and is not stored: sessions, and what is to be written down of their jobs afterwards.
#[derive(Default)]
struct Unstored {
    batch: Vec<NumberedSubmission>,
    marks: Vec<(JobId, JobMark)>,
    forgotten: Vec<JobId>,
}

impl<'a> Storing<'a> {
    pub(super) fn new(
        arguments: &'a SyncAwsArguments,
        catalogue: Option<&'a Catalogue>,
        patience: &'a Patience,
        names: Names,
        card: Option<RateCard>,
        tally: &'a mut Tally,
    ) -> Self {
        Self {
            arguments,
            catalogue,
            patience,
            names,
            card,
            tally,
            destination: None,
            unstored: Unstored::default(),
            stored_at: patience.now(),
        }
    }

    /// Takes what was read of a job.
    pub(super) fn take(&mut self, planned: &PlannedJob, reading: JobReading) -> Result<(), Failure> {
        self.tally.jobs_read += 1;
        self.tally.found += reading.found;
        self.tally.unchanged += reading.still_running.len() as u64;
        let facts = JobFacts {
            queue_id: planned.queue_id,
            job_id: planned.job_id(),
            name: planned.name(),
            created_by: &planned.job.created_by,
            queue_name: None,
        };
        let mut running = reading.still_running;
        running.extend(self.take_sessions(&facts, &reading.sessions));
        reading.refused.iter().for_each(|refusal| self.refuse(refusal));
        // A session that was listed and not given may be given the next time, so that its job is not over.
        let is_whole = reading.refused.is_empty();
        let mark = JobMark {
            queue_id: planned.queue_id,
            name: planned.name().to_owned(),
            created_by: planned.job.created_by.clone(),
            state: if is_whole { planned.job.state.clone() } else { String::new() },
            read_at: reading.read_at,
            running,
        };
        self.unstored.marks.push((planned.job_id(), mark));
        self.store_if_due()
    }

    /// Takes sessions that ran when they were read before, of a job that is not listed any more.
    pub(super) fn take_left_behind(
        &mut self,
        job_id: JobId,
        mark: JobMark,
        sessions: &[SessionDetail],
    ) -> Result<(), Failure> {
        let ended: Vec<_> = sessions.iter().filter(|session| session.ended_at.is_some()).cloned().collect();
        self.tally.found += ended.len() as u64;
        let facts = JobFacts {
            queue_id: mark.queue_id,
            job_id,
            name: &mark.name,
            created_by: &mark.created_by,
            queue_name: None,
        };
        self.take_sessions(&facts, &ended);
        let has_ended: BTreeSet<_> =
            ended.iter().filter_map(|session| SessionId::parse(&session.session_id).ok()).collect();
        let running: BTreeSet<_> = mark.running.difference(&has_ended).copied().collect();
        if running.is_empty() {
            self.unstored.forgotten.push(job_id);
        } else {
            self.unstored.marks.push((job_id, JobMark { running, ..mark }));
        }
        self.store_if_due()
    }

    /// Forgets a job that is not listed any more and of which nothing runs.
    pub(super) fn forget(&mut self, job_id: JobId) {
        self.unstored.forgotten.push(job_id);
    }

    /// Stores what is left.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.store()?;
        let untold = self.tally.refused.saturating_sub(REFUSALS_TOLD);
        if untold > 0 {
            tell(format_args!("warning: {untold} sessions more were refused"));
        }
        Ok(())
    }

    /// Sessions of a job, and which of them run.
    fn take_sessions(&mut self, job: &JobFacts<'_>, sessions: &[SessionDetail]) -> Vec<SessionId> {
        let mut running = Vec::new();
        let mut refused = Vec::new();
        let job = JobFacts { queue_name: self.names.queues.get(&job.queue_id), ..*job };
        for session in sessions {
            match submission(session, &job, |fleet_id| self.names.fleets.get(&fleet_id)) {
                Ok(submission) => {
                    if let Record::Session(session) = &submission.record
                        && session.span.ended_at().is_none()
                    {
                        running.push(session.session_id);
                    }
                    let line = self.unstored.batch.len() as u64 + 1;
                    self.unstored.batch.push(NumberedSubmission { line, submission });
                }
                Err(refusal) => refused.push(refusal),
            }
        }
        for refusal in refused {
            self.refuse(&refusal);
        }
        running
    }

    fn store_if_due(&mut self) -> Result<(), Failure> {
        let waited = self.patience.now().millis() - self.stored_at.millis();
        let is_due = self.unstored.batch.len() >= self.arguments.batch as usize || waited >= STORED_WITHIN_MS;
        if is_due { self.store() } else { Ok(()) }
    }

    /// Stores the sessions, and then the marks. When sessions are not taken, the marks go with them.
    fn store(&mut self) -> Result<(), Failure> {
        let Unstored { batch, marks, forgotten } = take(&mut self.unstored);
        for batch in in_parts(batch, self.arguments.batch as usize) {
            self.store_batch(batch)?;
        }
        if let Some(catalogue) = self.catalogue.filter(|_| !self.arguments.dry_run) {
            marks::save(catalogue, self.arguments.farm, &marks, &forgotten)?;
        }
        self.stored_at = self.patience.now();
        Ok(())
    }

    fn store_batch(&mut self, batch: Vec<NumberedSubmission>) -> Result<(), Failure> {
        let count = batch.len() as u64;
        let outcome = self.destination()?.store(batch)?;
        self.tally.add(count, &outcome);
        let told = outcome.records();
        if told != count && !self.arguments.dry_run {
            return Err(Failure::failed(format!("{count} sessions were sent, and the answer is of {told}")));
        }
        for refused in &outcome.refused {
            self.tell_refusal(&refused.value, &refused.field, &refused.message);
        }
        Ok(())
    }

    fn destination(&mut self) -> Result<&Destination, Failure> {
        if self.destination.is_none() {
            self.destination = Some(self.open()?);
        }
        self.destination.as_ref().ok_or_else(|| Failure::failed("the folder is not open"))
    }

    fn open(&mut self) -> Result<Destination, Failure> {
        let (folder, farm_id) = (&self.arguments.folder, self.arguments.farm);
        match self.catalogue {
            Some(catalogue) if !self.arguments.dry_run => Destination::of_farm(folder, catalogue, farm_id),
            _ => Destination::nowhere(folder, &FarmReference::Id(farm_id), self.card.take()),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.tally.refused += 1;
        self.tell_refusal(&refusal.session_id, refusal.field, &refusal.message);
    }

    fn tell_refusal(&mut self, session_id: &str, field: &str, message: &str) {
        self.tally.refusals_told += 1;
        if self.tally.refusals_told <= REFUSALS_TOLD {
            tell(format_args!("warning: {}, {field}: {}", one_line(session_id), one_line(message)));
        }
    }
}

/// The batch in parts of at most so many, each numbered from 1.
fn in_parts(batch: Vec<NumberedSubmission>, most: usize) -> Vec<Vec<NumberedSubmission>> {
    let mut parts: Vec<Vec<NumberedSubmission>> = Vec::new();
    for NumberedSubmission { submission, .. } in batch {
        if parts.last().is_none_or(|part| part.len() >= most) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(NumberedSubmission { line: part.len() as u64 + 1, submission });
        }
    }
    parts
}
