//! One pass: the farm as it is now, and the sessions of the jobs that are not over.

use std::collections::HashMap;

use farmtally_deadline::{CallError, Client, SessionKey, SessionsFound, Surroundings};
use farmtally_ingest::RateCard;
use farmtally_model::JobId;
use farmtally_service::Catalogue;

use super::marks::{self, JobMark};
use super::mirror::{Mirror, Names};
use super::plan::{PlannedJob, is_settled};
use super::reading::Reader;
use super::source::failed;
use super::storing::Storing;
use super::tally::Tally;
use crate::args::sync::SyncAwsArguments;
use crate::commands::rates::read_rate_card;
use crate::patience::Patience;
use crate::report_error::Failure;
use crate::talk::tell;

pub(super) struct Pass<'a> {
    pub(super) arguments: &'a SyncAwsArguments,
    pub(super) client: &'a Client,
    pub(super) patience: &'a Patience,
    /// Whether none came before it: rates are set once, and may be changed while a copy follows.
    pub(super) is_first: bool,
}

/// What was found out before sessions are read.
struct Plan {
    names: Names,
    /// The card of a dry run.
    card: Option<RateCard>,
    jobs: Vec<PlannedJob>,
    /// Jobs that were read before and are not listed any more.
    gone: Vec<(JobId, JobMark)>,
}

impl Pass<'_> {
    /// Copies what there is to copy.
    pub(super) fn run(&self, tally: &mut Tally) -> Result<(), Failure> {
        let rates = self.arguments.rates.as_deref().filter(|_| self.is_first || self.arguments.dry_run);
        let rates = rates.map(read_rate_card).transpose()?;
        // Before the folder is touched: a wrong id or key should leave nothing behind.
        let farm = self.client.farm(self.arguments.farm).map_err(|error| failed(&error))?;
        let is_there = !self.arguments.dry_run || self.arguments.folder.exists()?;
        let catalogue = is_there.then(|| self.arguments.folder.catalogue()).transpose()?;
        let (text, card) = rates.unzip();
        if let Some(catalogue) = catalogue.as_ref().filter(|_| !self.arguments.dry_run) {
            self.mirror(catalogue).farm(&farm)?;
            if let Some(text) = text {
                catalogue.set_rate_card(self.arguments.farm, &text, self.patience.now())?;
            }
        }
        let plan = self.plan(catalogue.as_ref(), card, tally)?;
        self.copy(plan, catalogue.as_ref(), tally)
    }

    fn mirror<'b>(&self, catalogue: &'b Catalogue) -> Mirror<'b> {
        Mirror { catalogue, farm_id: self.arguments.farm, now: self.patience.now() }
    }

    /// Copies queues, fleets and associations, and finds out which jobs are to be read.
    fn plan(
        &self,
        catalogue: Option<&Catalogue>,
        card: Option<RateCard>,
        tally: &mut Tally,
    ) -> Result<Plan, Failure> {
        let failed = |error: CallError| failed(&error);
        let queues = self.client.queues(self.arguments.farm).map_err(failed)?;
        let fleets = self.client.fleets(self.arguments.farm).map_err(failed)?;
        let associations = self.client.associations(self.arguments.farm).map_err(failed)?;
        let names = Names::of(&queues, &fleets);
        let mut marks = HashMap::new();
        if let Some(catalogue) = catalogue {
            marks = marks::load(catalogue, self.arguments.farm)?;
            if !self.arguments.dry_run {
                let mirror = self.mirror(catalogue);
                mirror.queues(&queues)?;
                mirror.fleets(&fleets)?;
                mirror.associations(&associations, &names)?;
            }
        }
        let mut jobs = Vec::new();
        for queue in &queues {
            for job in self.client.jobs(self.arguments.farm, queue.queue_id).map_err(failed)? {
                tally.jobs += 1;
                let mark = marks.remove(&job.job_id);
                let is_known = mark.as_ref().is_some_and(|mark| is_settled(&job, mark));
                if !is_known || self.arguments.full {
                    jobs.push(PlannedJob { queue_id: queue.queue_id, job, mark });
                }
            }
        }
        let mut gone: Vec<_> = marks.into_iter().collect();
        gone.sort_unstable_by_key(|(job_id, _)| *job_id);
        Ok(Plan { names, card, jobs, gone })
    }

    fn copy(&self, plan: Plan, catalogue: Option<&Catalogue>, tally: &mut Tally) -> Result<(), Failure> {
        let Plan { names, card, jobs, gone } = plan;
        let reader = Reader {
            client: self.client,
            patience: self.patience,
            farm_id: self.arguments.farm,
            threads: usize::from(self.arguments.concurrency),
        };
        let mut storing = Storing::new(self.arguments, catalogue, self.patience, names, card, tally);
        let read = reader.read(&jobs, |reading| storing.take(&jobs[reading.index], reading));
        let read = read.and_then(|()| take_gone(gone, reader, &mut storing));
        // What was read before something went wrong is stored all the same.
        storing.finish().and(read)
    }
}

/// Sessions that ran, of jobs that are not listed any more. The service may still know when they ended.
fn take_gone(
    gone: Vec<(JobId, JobMark)>,
    reader: Reader<'_>,
    storing: &mut Storing<'_>,
) -> Result<(), Failure> {
    let mut lost = 0;
    for (job_id, mark) in gone {
        if mark.running.is_empty() {
            storing.forget(job_id);
            continue;
        }
        let queue_id = mark.queue_id;
        let key =
            |id: &farmtally_model::SessionId| SessionKey { queue_id, job_id, session_id: id.to_string() };
        let keys: Vec<_> = mark.running.iter().map(key).collect();
        let SessionsFound { sessions, missing } = reader.get(&keys).map_err(|error| failed(&error))?;
        lost += missing.len();
        storing.take_left_behind(job_id, mark, &sessions)?;
    }
    if lost > 0 {
        tell(format_args!(
            "warning: {lost} sessions run here and are gone at the source, with their job; nobody knows when they \
             ended, and their cost grows until somebody deletes them or sends their end"
        ));
    }
    Ok(())
}
