//! From the names in a question to the ids behind them.
//!
//! A name that several have means all of them, and a name that nobody has is an error and not an empty answer: it is
//! mistyped more often than not. That goes for instance types and licensed products too, which are their own ids. Any other
//! id is taken as it is, whether the farm knows it or not.

use farmtally_columns::FarmSnapshot;
use farmtally_ingest::nearest_name;
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
            Dimension::InstanceType => {
                let known = self.snapshot.instance_types().iter().flatten();
                used(place, "instance type", known, InstanceType::as_str, FilterTerm::InstanceType)
            }
            Dimension::LicenseProduct => {
                let known = self.snapshot.products().iter();
                used(place, "licensed product", known, LicenseProduct::as_str, FilterTerm::LicenseProduct)
            }
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
    let found = called(named, |(_, name)| name.as_str(), place.text);
    if !found.is_empty() {
        return Ok(found.into_iter().map(|(id, _)| term(id.clone())).collect());
    }
    let names = named.iter().map(|(_, name)| name.as_str()).collect();
    let hint = offered(place.text, names).unwrap_or_else(|| format!("no {kind} has a name; use ids"));
    Err(place.error(format!("no {kind} of the farm has this id or name")).hint(hint))
}

/// The values of that name that a session of the farm has had.
fn used<'a, V: Clone + 'a>(
    place: &Place<'_>,
    kind: &str,
    known: impl Iterator<Item = &'a V>,
    as_str: impl Fn(&V) -> &str,
    term: impl Fn(V) -> FilterTerm,
) -> Terms {
    let known: Vec<&V> = known.collect();
    let found = called(&known, |value| as_str(value), place.text);
    if !found.is_empty() {
        return Ok(found.into_iter().map(|value| term((*value).clone())).collect());
    }
    let hint = offered(place.text, known.iter().map(|value| as_str(value)).collect())
        .unwrap_or_else(|| format!("no session of the farm has had any {kind}"));
    Err(place.error(format!("no session of the farm has had this {kind}")).hint(hint))
}

/// Which names there are, the one first that was probably meant if not all of them have room; nothing where there is none.
fn offered(text: &str, mut names: Vec<&str>) -> Option<String> {
    names.sort_unstable();
    names.dedup();
    let rest = if names.len() > OFFERED_MAX { " and others" } else { "" };
    let nearest = nearest_name(text, &names);
    let first = nearest.filter(|nearest| !names.iter().take(OFFERED_MAX).any(|name| name == nearest));
    let shown: Vec<&str> = first.into_iter().chain(names.iter().copied()).take(OFFERED_MAX).collect();
    (!shown.is_empty()).then(|| format!("there is {}{rest}", shown.join(", ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_meant_as_it_is_written_or_else_in_any_case() {
        let products: Vec<_> =
            ["maya", "Maya", "Nuke"].iter().map(|text| LicenseProduct::new(text).unwrap()).collect();
        let meant = |text: &str| {
            let place = Place { field: "where", text };
            used(
                &place,
                "licensed product",
                products.iter(),
                LicenseProduct::as_str,
                FilterTerm::LicenseProduct,
            )
        };
        let terms = |some: &[usize]| -> Vec<_> {
            some.iter().map(|at| FilterTerm::LicenseProduct(products[*at].clone())).collect()
        };
        assert_eq!(meant("Maya").unwrap(), terms(&[1]), "as in the names of queues");
        assert_eq!(meant("MAYA").unwrap(), terms(&[0, 1]));
        assert_eq!(meant("nuke").unwrap(), terms(&[2]));
        assert!(meant("houdini").is_err());
    }

    #[test]
    fn names_are_offered_by_the_alphabet_and_the_nearest_of_many_first() {
        assert_eq!(offered("x", Vec::new()), None);
        assert_eq!(offered("b", vec!["b2", "a", "b2"]).unwrap(), "there is a, b2");
        let many: Vec<String> = (10..30).map(|number| format!("c6i.{number}xlarge")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(
            offered("c6i.29xlrge", names.clone())
                .unwrap()
                .starts_with("there is c6i.29xlarge, c6i.10xlarge, ")
        );
        assert!(offered("nuke", names).unwrap().ends_with(", c6i.17xlarge and others"));
    }
}
