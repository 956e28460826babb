//! From the names in a question to the ids behind them.
//!
//! A name that several have means all of them, and a name that nobody has is an error and not an empty answer: it is
//! mistyped more often than not. An id is taken as it is, whether the farm knows it or not.

use farmtally_columns::FarmSnapshot;
use farmtally_model::question::{AskedFilter, AskedValue, FilteredBy, QuestionError};
use farmtally_model::{
    Dimension, DimensionFilter, FilterTerm, FleetId, InstanceType, JobId, LicenseProduct, NameGlob, Outcome,
    QueueId, UsageType, WorkerId,
};

use super::names::{Registry, called};

/// Most names that an error offers.
const OFFERED_MAX: usize = 8;

/// Whoever knows the names.
pub(super) struct Resolver<'a> {
    pub(super) registry: &'a Registry,
    pub(super) snapshot: &'a FarmSnapshot,
}

/// A value of a filter, and where it stands.
struct Place<'a> {
    field: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn error(&self, message: impl Into<String>) -> QuestionError {
        QuestionError::new(self.field, self.text, message)
    }
}

type Terms = Result<Vec<FilterTerm>, QuestionError>;

impl Resolver<'_> {
    pub(super) fn filters(&self, filters: &[AskedFilter]) -> Result<Vec<DimensionFilter>, QuestionError> {
        filters.iter().map(|filter| self.filter(filter)).collect()
    }

    fn filter(&self, filter: &AskedFilter) -> Result<DimensionFilter, QuestionError> {
        let terms = |member: &str, values: &[AskedValue]| {
            let numbered = values.iter().enumerate();
            let terms = numbered.map(|(index, value)| {
                self.terms(&format!("{}.{member}[{index}]", filter.field), &filter.by, value)
            });
            terms.collect::<Result<Vec<_>, _>>().map(|terms| terms.concat())
        };
        let include = filter.include.as_ref().map(|values| terms("include", values)).transpose()?;
        let exclude = terms("exclude", &filter.exclude)?;
        DimensionFilter::new(filter.by.dimension(), include, exclude)
            .map_err(|error| QuestionError::missing(filter.field.as_str(), error.to_string()))
    }

    fn terms(&self, field: &str, by: &FilteredBy, value: &AskedValue) -> Terms {
        match (by, value) {
            (FilteredBy::Pattern(pattern), value) => {
                let text = match value {
                    AskedValue::Absent => None,
                    AskedValue::Text(text) => Some(text.clone()),
                };
                Ok(vec![FilterTerm::Captured(pattern.clone(), text)])
            }
            (FilteredBy::Dimension(_), AskedValue::Absent) => Ok(vec![FilterTerm::NoValue]),
            (FilteredBy::Dimension(dimension), AskedValue::Text(text)) => {
                self.dimension_terms(*dimension, &Place { field, text })
            }
        }
    }

    fn dimension_terms(&self, dimension: Dimension, place: &Place<'_>) -> Terms {
        let text = place.text;
        let one = |term: FilterTerm| Ok(vec![term]);
        match dimension {
            Dimension::Queue => match QueueId::parse(text) {
                Ok(id) => one(FilterTerm::Queue(id)),
                Err(_) => ids_of_name(place, "queue", &self.registry.queues, FilterTerm::Queue),
            },
            Dimension::Fleet => match FleetId::parse(text) {
                Ok(id) => one(FilterTerm::Fleet(id)),
                Err(_) => ids_of_name(place, "fleet", &self.registry.fleets, FilterTerm::Fleet),
            },
            Dimension::Job => match JobId::parse(text) {
                Ok(id) => one(FilterTerm::Job(id)),
                Err(_) => self.jobs_of_name(place),
            },
            Dimension::User => self.users(place),
            Dimension::JobName => match NameGlob::new(text) {
                Ok(glob) => one(FilterTerm::JobName(glob)),
                Err(error) => Err(place.error(error.to_string())),
            },
            Dimension::UsageType => usage_type(place),
            Dimension::Outcome => outcome(place),
            Dimension::InstanceType => match InstanceType::new(text) {
                Ok(kind) => one(FilterTerm::InstanceType(kind)),
                Err(error) => Err(place.error(error.to_string())),
            },
            Dimension::LicenseProduct => match LicenseProduct::new(text) {
                Ok(product) => one(FilterTerm::LicenseProduct(product)),
                Err(error) => Err(place.error(error.to_string())),
            },
            Dimension::Worker => match WorkerId::parse(text) {
                Ok(id) => one(FilterTerm::Worker(id)),
                Err(_) => {
                    Err(place.error("not a worker id").hint("workers have no names; write worker-0123…"))
                }
            },
        }
    }

    fn jobs_of_name(&self, place: &Place<'_>) -> Terms {
        let jobs = self.snapshot.jobs().iter().filter(|job| job.name.as_str() == place.text);
        let mut ids: Vec<JobId> = jobs.map(|job| job.job_id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Err(place
                .error("no job has this id or name")
                .hint("filter by jobName to use a glob such as *comp*"));
        }
        Ok(ids.into_iter().map(FilterTerm::Job).collect())
    }

    /// A user's id may be any text, so that ids go before names.
    fn users(&self, place: &Place<'_>) -> Terms {
        let users = &self.registry.users;
        if let Some((id, _)) = users.iter().find(|(id, _)| id.as_str() == place.text) {
            return Ok(vec![FilterTerm::User(id.clone())]);
        }
        ids_of_name(place, "user", &self.registry.named_users(), FilterTerm::User)
    }
}

/// The ids of a name, or which names there are.
fn ids_of_name<I: Clone>(
    place: &Place<'_>,
    kind: &str,
    named: &[(I, farmtally_model::DisplayName)],
    term: impl Fn(I) -> FilterTerm,
) -> Terms {
    let ids = called(named, place.text);
    if !ids.is_empty() {
        return Ok(ids.into_iter().cloned().map(term).collect());
    }
    let error = place.error(format!("no {kind} of the farm has this id or name"));
    let mut names: Vec<&str> = named.iter().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let is_cut = names.len() > OFFERED_MAX;
    names.truncate(OFFERED_MAX);
    Err(match names.as_slice() {
        [] => error.hint(format!("no {kind} has a name; use ids")),
        names => {
            error.hint(format!("there is {}{}", names.join(", "), if is_cut { " and others" } else { "" }))
        }
    })
}

fn usage_type(place: &Place<'_>) -> Terms {
    let known = [UsageType::Compute, UsageType::License, UsageType::PersistentVolume];
    let found = known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(place.text));
    match found {
        Some(usage_type) => Ok(vec![FilterTerm::UsageType(usage_type)]),
        None => Err(place.error("not a usage type").hint("write COMPUTE, LICENSE or PERSISTENT_VOLUME")),
    }
}

fn outcome(place: &Place<'_>) -> Terms {
    if let Some(outcome) = Outcome::parse(&place.text.to_ascii_uppercase()) {
        return Ok(vec![FilterTerm::Outcome(outcome)]);
    }
    let known: Vec<&str> = Outcome::ALL.iter().map(|(name, _)| *name).collect();
    Err(place.error("not an outcome").hint(format!("write {}", known.join(", "))))
}
