//! Filters as masks over the codes of a snapshot: what a filter says about a value is found once for each value.

use std::hash::Hash;

use farmtally_columns::{FarmSnapshot, Job, OUTCOME_CODES, SessionRow, Values, outcome_of};
use farmtally_model::{Dimension, DimensionFilter, FilterTerm, JobId, UsageQuery};
use hashbrown::HashSet;

/// What the sessions that count have to be. Which of their lines count is another question.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) queues: Option<Vec<bool>>,
    pub(crate) fleets: Option<Vec<bool>>,
    pub(crate) jobs: Option<Vec<bool>>,
    pub(crate) users: Option<Vec<bool>>,
    pub(crate) instance_types: Option<Vec<bool>>,
    pub(crate) workers: Option<Vec<bool>>,
    pub(crate) outcomes: Option<Vec<bool>>,
}

impl Filter {
    pub(crate) fn new(snapshot: &FarmSnapshot, query: &UsageQuery) -> Self {
        Self {
            queues: mask(snapshot.queues(), query, Dimension::Queue, |term| match term {
                FilterTerm::Queue(id) => Some(*id),
                _ => None,
            }),
            fleets: mask(snapshot.fleets(), query, Dimension::Fleet, |term| match term {
                FilterTerm::Fleet(id) => Some(*id),
                _ => None,
            }),
            jobs: jobs(snapshot, query),
            users: mask(snapshot.users(), query, Dimension::User, |term| match term {
                FilterTerm::User(id) => Some(id.clone()),
                _ => None,
            }),
            instance_types: mask(
                snapshot.instance_types(),
                query,
                Dimension::InstanceType,
                |term| match term {
                    FilterTerm::InstanceType(name) => Some(Some(name.clone())),
                    FilterTerm::NoValue => Some(None),
                    _ => None,
                },
            ),
            workers: mask(snapshot.workers(), query, Dimension::Worker, |term| match term {
                FilterTerm::Worker(id) => Some(Some(*id)),
                FilterTerm::NoValue => Some(None),
                _ => None,
            }),
            outcomes: outcomes(query),
        }
    }

    pub(crate) fn admits_queue(&self, queue: u32) -> bool {
        admits(self.queues.as_deref(), queue)
    }

    pub(crate) fn admits_fleet(&self, fleet: u32) -> bool {
        admits(self.fleets.as_deref(), fleet)
    }

    /// Whether a session passes.
    pub(crate) fn admits(&self, row: &SessionRow) -> bool {
        self.admits_queue(row.queue)
            && self.admits_fleet(row.fleet)
            && admits(self.jobs.as_deref(), row.job)
            && admits(self.users.as_deref(), row.user)
            && admits(self.instance_types.as_deref(), row.instance_type)
            && admits(self.workers.as_deref(), row.worker)
            && admits(self.outcomes.as_deref(), u32::from(row.outcome))
    }
}

fn admits(mask: Option<&[bool]>, code: u32) -> bool {
    mask.is_none_or(|mask| mask.get(code as usize).copied().unwrap_or(false))
}

fn filters(query: &UsageQuery, dimension: Dimension) -> impl Iterator<Item = &DimensionFilter> {
    query.filters().iter().filter(move |filter| filter.dimension() == dimension)
}

/// For each code of a dictionary whether the filters of a dimension let its value through; `None` when there are none.
/// `value` says which value a term means.
pub(crate) fn mask<V: Clone + Eq + Hash>(
    values: &Values<V>,
    query: &UsageQuery,
    dimension: Dimension,
    value: impl Fn(&FilterTerm) -> Option<V>,
) -> Option<Vec<bool>> {
    let set = |terms: &[FilterTerm]| terms.iter().filter_map(&value).collect::<HashSet<V>>();
    let sets = filters(query, dimension).map(|filter| (filter.include().map(set), set(filter.exclude())));
    let sets: Vec<(Option<HashSet<V>>, HashSet<V>)> = sets.collect();
    let admits = |value: &V| {
        sets.iter().all(|(include, exclude)| {
            include.as_ref().is_none_or(|include| include.contains(value)) && !exclude.contains(value)
        })
    };
    (!sets.is_empty()).then(|| values.iter().map(admits).collect())
}

/// Jobs are filtered by their ids, their names, and by what patterns find in these.
fn jobs(snapshot: &FarmSnapshot, query: &UsageQuery) -> Option<Vec<bool>> {
    let ids = |terms: &[FilterTerm]| -> HashSet<JobId> {
        let id = |term: &FilterTerm| if let FilterTerm::Job(id) = term { Some(*id) } else { None };
        terms.iter().filter_map(id).collect()
    };
    let by_id =
        filters(query, Dimension::Job).map(|filter| (filter.include().map(ids), ids(filter.exclude())));
    let by_id: Vec<(Option<HashSet<JobId>>, HashSet<JobId>)> = by_id.collect();
    let by_name: Vec<&DimensionFilter> = filters(query, Dimension::JobName).collect();
    let passes = |job: &Job| {
        let has_id = by_id.iter().all(|(include, exclude)| {
            include.as_ref().is_none_or(|include| include.contains(&job.job_id))
                && !exclude.contains(&job.job_id)
        });
        has_id && by_name.iter().all(|filter| filter.admits(|term| is_named(term, job.name.as_str())))
    };
    let is_filtered = !by_id.is_empty() || !by_name.is_empty();
    is_filtered.then(|| snapshot.jobs().iter().map(passes).collect())
}

fn is_named(term: &FilterTerm, name: &str) -> bool {
    match term {
        FilterTerm::JobName(glob) => glob.matches(name),
        FilterTerm::Captured(pattern, text) => pattern.capture(name) == text.as_deref(),
        _ => false,
    }
}

fn outcomes(query: &UsageQuery) -> Option<Vec<bool>> {
    filters(query, Dimension::Outcome).next()?;
    let codes = (0..).take(OUTCOME_CODES);
    let passes = |code: u8| {
        let is = |term: &FilterTerm| match term {
            FilterTerm::NoValue => outcome_of(code).is_none(),
            FilterTerm::Outcome(outcome) => outcome_of(code) == Some(*outcome),
            _ => false,
        };
        filters(query, Dimension::Outcome).all(|filter| filter.admits(is))
    };
    Some(codes.map(passes).collect())
}
