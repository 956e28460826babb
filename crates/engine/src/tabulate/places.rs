//! Places: what a grouping tells apart, as numbers. Codes that mean the same have one place.

use farmtally_columns::{FarmSnapshot, Job, OUTCOME_CODES, Ranks, Values, outcome_of};
use farmtally_model::{DimensionValue, GROUPINGS_MAX, Grouping, NamePattern, UsageType};
use hashbrown::HashMap;
use std::sync::Arc;

use crate::tabulate::plan::{Source, TabulationPlan};
use crate::tabulate::slots::Slots;

/// The place of "no value".
pub(crate) const NO_VALUE: u32 = u32::MAX;

/// A place that was not looked for yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// The places of a group, one for each grouping; the rest are zero.
pub(crate) type Places = [u32; GROUPINGS_MAX];

/// Usage types as codes.
pub(crate) const COMPUTE: u32 = 0;
pub(crate) const LICENSE: u32 = 1;
pub(crate) const PERSISTENT_VOLUME: u32 = 2;
const USAGE_TYPES: usize = 3;

/// Finds places by codes, and values by places. What has to be computed of names is computed once for each job that occurs.
#[derive(Debug)]
pub(crate) struct PlaceFinder<'a> {
    snapshot: &'a FarmSnapshot,
    groupings: Vec<OfGrouping<'a>>,
}

#[derive(Debug)]
enum OfGrouping<'a> {
    Jobs(Arc<Ranks>),
    Texts(JobTexts<'a>),
    /// The code is the place, except for one that means "no value".
    Codes(Source, Option<u32>),
}

impl<'a> PlaceFinder<'a> {
    pub(crate) fn new(plan: &TabulationPlan<'a>) -> Self {
        let snapshot = plan.snapshot;
        let absent = |code: Option<usize>| code.and_then(|code| u32::try_from(code).ok());
        let of_grouping = |(source, grouping): (&Source, &'a Grouping)| match (source, grouping) {
            (Source::Job, _) => OfGrouping::Jobs(snapshot.job_ranks()),
            (Source::JobText, Grouping::ByPattern(pattern)) => {
                OfGrouping::Texts(JobTexts::new(snapshot.jobs(), Some(pattern)))
            }
            (Source::JobText, Grouping::By(_)) => OfGrouping::Texts(JobTexts::new(snapshot.jobs(), None)),
            (Source::InstanceType, _) => {
                let code = snapshot.instance_types().iter().position(Option::is_none);
                OfGrouping::Codes(Source::InstanceType, absent(code))
            }
            (Source::Worker, _) => {
                OfGrouping::Codes(Source::Worker, absent(snapshot.workers().iter().position(Option::is_none)))
            }
            (Source::Outcome, _) => OfGrouping::Codes(Source::Outcome, Some(0)),
            (source, _) => OfGrouping::Codes(*source, None),
        };
        let groupings = plan.sources.iter().zip(plan.query.groupings()).map(of_grouping).collect();
        Self { snapshot, groupings }
    }

    /// One by which every code is its own place, of a question by dimensions.
    pub(crate) fn of_codes(plan: &TabulationPlan<'a>) -> Self {
        let groupings = plan.sources.iter().map(|source| OfGrouping::Codes(*source, None)).collect();
        Self { snapshot: plan.snapshot, groupings }
    }

    /// The place of a code (a job's, where the grouping is by its name) in one of the groupings.
    pub(crate) fn place(&mut self, grouping: usize, code: u32) -> u32 {
        match &mut self.groupings[grouping] {
            OfGrouping::Jobs(ranks) => ranks.by_code()[code as usize],
            OfGrouping::Texts(texts) => texts.place(code),
            OfGrouping::Codes(_, Some(absent)) if *absent == code => NO_VALUE,
            OfGrouping::Codes(..) => code,
        }
    }

    /// No group yet.
    pub(crate) fn open_slots(&self) -> Slots {
        Slots::open(self.groupings.iter().map(|grouping| self.len(grouping)))
    }

    /// How many places a grouping has beside "no value", if that is known.
    fn len(&self, of: &OfGrouping<'_>) -> Option<usize> {
        Some(match of {
            OfGrouping::Jobs(ranks) => ranks.codes().len(),
            OfGrouping::Texts(_) => return None,
            OfGrouping::Codes(source, _) => match source {
                Source::Queue => self.snapshot.queues().len(),
                Source::Fleet => self.snapshot.fleets().len(),
                Source::Job | Source::JobText => self.snapshot.jobs().len(),
                Source::User => self.snapshot.users().len(),
                Source::InstanceType => self.snapshot.instance_types().len(),
                Source::Product => self.snapshot.products().len(),
                Source::Worker => self.snapshot.workers().len(),
                Source::Outcome => OUTCOME_CODES,
                Source::UsageType => USAGE_TYPES,
            },
        })
    }

    /// The values of a group.
    pub(crate) fn values(&self, places: &Places) -> Vec<Option<DimensionValue>> {
        let values = self.groupings.iter().zip(places);
        values.map(|(of, place)| (*place != NO_VALUE).then(|| self.value(of, *place)).flatten()).collect()
    }

    fn value(&self, of: &OfGrouping<'_>, place: u32) -> Option<DimensionValue> {
        Some(match of {
            OfGrouping::Jobs(ranks) => {
                let job = self.snapshot.jobs().get(ranks.codes()[place as usize]);
                DimensionValue::Job(job.job_id, job.name.clone())
            }
            OfGrouping::Texts(texts) => texts.value(place),
            OfGrouping::Codes(source, _) => match source {
                Source::Queue => DimensionValue::Queue(*self.snapshot.queues().get(place)),
                Source::Fleet => DimensionValue::Fleet(*self.snapshot.fleets().get(place)),
                Source::User => DimensionValue::User(self.snapshot.users().get(place).clone()),
                Source::InstanceType => {
                    DimensionValue::InstanceType(self.snapshot.instance_types().get(place).clone()?)
                }
                Source::Product => {
                    DimensionValue::LicenseProduct(self.snapshot.products().get(place).clone())
                }
                Source::Worker => DimensionValue::Worker((*self.snapshot.workers().get(place))?),
                Source::Outcome => DimensionValue::Outcome(outcome_of(u8::try_from(place).ok()?)?),
                Source::UsageType => DimensionValue::UsageType(match place {
                    COMPUTE => UsageType::Compute,
                    LICENSE => UsageType::License,
                    _ => UsageType::PersistentVolume,
                }),
                Source::Job | Source::JobText => return None,
            },
        })
    }
}

/// The names of jobs, or what a pattern takes out of them, numbered as they are met.
#[derive(Debug)]
struct JobTexts<'a> {
    jobs: &'a Values<Job>,
    pattern: Option<&'a NamePattern>,
    by_job: Vec<u32>,
    by_text: HashMap<&'a str, u32>,
    /// A job with each text.
    examples: Vec<u32>,
}

impl<'a> JobTexts<'a> {
    fn new(jobs: &'a Values<Job>, pattern: Option<&'a NamePattern>) -> Self {
        let by_job = vec![UNKNOWN; jobs.len()];
        Self { jobs, pattern, by_job, by_text: HashMap::new(), examples: Vec::new() }
    }

    fn place(&mut self, job: u32) -> u32 {
        let known = self.by_job[job as usize];
        if known != UNKNOWN {
            return known;
        }
        let place = self.text(job).map_or(NO_VALUE, |text| {
            let next = u32::try_from(self.examples.len()).unwrap_or(UNKNOWN);
            let place = *self.by_text.entry(text).or_insert(next);
            if place == next {
                self.examples.push(job);
            }
            place
        });
        self.by_job[job as usize] = place;
        place
    }

    fn text(&self, job: u32) -> Option<&'a str> {
        let name = self.jobs.get(job).name.as_str();
        match self.pattern {
            Some(pattern) => pattern.capture(name),
            None => Some(name),
        }
    }

    fn value(&self, place: u32) -> DimensionValue {
        let job = self.examples[place as usize];
        match self.pattern {
            Some(_) => DimensionValue::Captured(self.text(job).unwrap_or_default().into()),
            None => DimensionValue::JobName(self.jobs.get(job).name.clone()),
        }
    }
}
