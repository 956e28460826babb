//! A question to people, checked: a window cut by a calendar, any number of groups, filters, percentiles and the best few.
//!
//! It is more than the AWS operations can ask ([`crate::AggregationQuery`]) and means the same by every word that both have.
//! `docs/semantics.md` says which sessions and lines count.

use std::fmt;
use std::num::NonZeroUsize;

use crate::calendar::Calendar;
use crate::dimension::Dimension;
use crate::ids::{FleetId, JobId, QueueId, WorkerId};
use crate::name_pattern::{NameGlob, NamePattern};
use crate::session::{Outcome, UsageType};
use crate::text::{InstanceType, LicenseProduct, UserId};

/// Most groupings of one question.
pub const GROUPINGS_MAX: usize = 8;
/// Most filters of one question, and most terms of all of them together.
pub const FILTERS_MAX: usize = 32;
/// Most terms of all filters together.
pub const TERMS_MAX: usize = 1_000;
/// Most percentiles of one question.
pub const PERCENTILES_MAX: usize = 8;

/// A question that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageQueryError {
    /// Too many groupings.
    #[error("the question is grouped by {count} things; at most {GROUPINGS_MAX} are allowed")]
    TooManyGroupings {
        /// Groupings found.
        count: usize,
    },
    /// The same dimension or label twice.
    #[error("the question is grouped by {name} twice; each dimension and label is allowed once")]
    GroupingTwice {
        /// The dimension or label.
        name: String,
    },
    /// Too many filters.
    #[error("the question has {count} filters; at most {FILTERS_MAX} are allowed")]
    TooManyFilters {
        /// Filters found.
        count: usize,
    },
    /// Too many values in the filters.
    #[error("the filters have {count} values; at most {TERMS_MAX} together are allowed")]
    TooManyTerms {
        /// Values found.
        count: usize,
    },
    /// A value of one dimension in the filter of another.
    #[error("a filter by {dimension} has a value of another kind: {term}")]
    TermOfOtherKind {
        /// What the filter is by.
        dimension: Dimension,
        /// The value.
        term: FilterTerm,
    },
    /// A filter by something that every session has, for those that have none.
    #[error("a filter by {dimension} asks for no value, but every session has one")]
    AlwaysHasValue {
        /// What the filter is by.
        dimension: Dimension,
    },
    /// Too many percentiles.
    #[error("the question has {count} percentiles; at most {PERCENTILES_MAX} are allowed")]
    TooManyPercentiles {
        /// Percentiles found.
        count: usize,
    },
    /// Not a percentile.
    #[error("{value:?} is no percentile; use p0 to p100 with at most three decimals, such as p99.9")]
    NoPercentile {
        /// The text that was given.
        value: String,
    },
}

/// One thing that a question is grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// The values of a dimension.
    By(Dimension),
    /// What a pattern takes out of the names of jobs; no value where it does not match.
    ByPattern(NamePattern),
}

impl Grouping {
    /// The dimension's name or the pattern's label.
    pub fn name(&self) -> &str {
        match self {
            Self::By(dimension) => dimension.as_str(),
            Self::ByPattern(pattern) => pattern.label(),
        }
    }
}

/// One value that a filter looks for. Names of jobs are those that jobs go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterTerm {
    /// No value: no instance type, worker, outcome or licensed product, or a name in which a pattern finds nothing.
    NoValue,
    /// A queue.
    Queue(QueueId),
    /// A fleet.
    Fleet(FleetId),
    /// A job.
    Job(JobId),
    /// Jobs whose name fits a glob.
    JobName(NameGlob),
    /// Jobs in whose name a pattern finds this text or, with `None`, nothing: one group of [`Grouping::ByPattern`].
    Captured(NamePattern, Option<String>),
    /// A user.
    User(UserId),
    /// A usage type.
    UsageType(UsageType),
    /// A kind of machine.
    InstanceType(InstanceType),
    /// A licensed product.
    LicenseProduct(LicenseProduct),
    /// A worker.
    Worker(WorkerId),
    /// An outcome.
    Outcome(Outcome),
}

impl FilterTerm {
    /// The dimension of the term; "no value" has none.
    pub const fn dimension(&self) -> Option<Dimension> {
        Some(match self {
            Self::NoValue => return None,
            Self::Queue(_) => Dimension::Queue,
            Self::Fleet(_) => Dimension::Fleet,
            Self::Job(_) => Dimension::Job,
            Self::JobName(_) | Self::Captured(..) => Dimension::JobName,
            Self::User(_) => Dimension::User,
            Self::UsageType(_) => Dimension::UsageType,
            Self::InstanceType(_) => Dimension::InstanceType,
            Self::LicenseProduct(_) => Dimension::LicenseProduct,
            Self::Worker(_) => Dimension::Worker,
            Self::Outcome(_) => Dimension::Outcome,
        })
    }
}

impl fmt::Display for FilterTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue => f.write_str("no value"),
            Self::Queue(id) => id.fmt(f),
            Self::Fleet(id) => id.fmt(f),
            Self::Job(id) => id.fmt(f),
            Self::JobName(glob) => f.write_str(glob.as_str()),
            Self::Captured(pattern, Some(text)) => write!(f, "{}={text}", pattern.label()),
            Self::Captured(pattern, None) => write!(f, "{}=", pattern.label()),
            Self::User(id) => id.fmt(f),
            Self::UsageType(usage_type) => f.write_str(usage_type.as_str()),
            Self::InstanceType(text) => text.fmt(f),
            Self::LicenseProduct(text) => text.fmt(f),
            Self::Worker(id) => id.fmt(f),
            Self::Outcome(outcome) => f.write_str(outcome.as_str()),
        }
    }
}

/// What a dimension has to be: one of the values that are included, if there is such a list, and none of those that are
/// excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DimensionFilter {
    dimension: Dimension,
    include: Option<Vec<FilterTerm>>,
    exclude: Vec<FilterTerm>,
}

impl DimensionFilter {
    /// Checks that the terms are of the dimension. `include` without a value lets nothing through, which is what a name
    /// that nothing has should do; `None` lets everything through that is not excluded.
    pub fn new(
        dimension: Dimension,
        include: Option<Vec<FilterTerm>>,
        exclude: Vec<FilterTerm>,
    ) -> Result<Self, UsageQueryError> {
        for term in include.iter().flatten().chain(&exclude) {
            match term.dimension() {
                None if !can_be_absent(dimension) => {
                    return Err(UsageQueryError::AlwaysHasValue { dimension });
                }
                Some(other) if other != dimension => {
                    return Err(UsageQueryError::TermOfOtherKind { dimension, term: term.clone() });
                }
                _ => {}
            }
        }
        Ok(Self { dimension, include, exclude })
    }

    /// What the filter is by.
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// The values of which one has to be there; `None` for all.
    pub fn include(&self) -> Option<&[FilterTerm]> {
        self.include.as_deref()
    }

    /// The values that must not be there.
    pub fn exclude(&self) -> &[FilterTerm] {
        &self.exclude
    }

    /// Whether a value passes, given whether a term is what it is.
    pub fn admits(&self, is: impl Fn(&FilterTerm) -> bool) -> bool {
        self.include.as_ref().is_none_or(|terms| terms.iter().any(&is)) && !self.exclude.iter().any(is)
    }

    fn term_count(&self) -> usize {
        self.include.as_ref().map_or(0, Vec::len) + self.exclude.len()
    }
}

fn can_be_absent(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::InstanceType | Dimension::LicenseProduct | Dimension::Worker | Dimension::Outcome
    )
}

/// A percentile by the nearest rank, in thousandths of a percent: the least amount that at least so many of all amounts do
/// not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(u32);

impl Percentile {
    /// 100 %.
    pub const THOUSANDTHS_MAX: u32 = 100_000;

    /// Reads `p50`, `p99.9` or `p99.999`.
    pub fn parse(text: &str) -> Result<Self, UsageQueryError> {
        Self::read(text).ok_or_else(|| UsageQueryError::NoPercentile { value: text.to_owned() })
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('p')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || whole.len() > 3 || fraction.len() > 3 {
            return None;
        }
        let thousandths =
            whole.parse::<u32>().ok()? * 1_000 + format!("{fraction:0<3}").parse::<u32>().ok()?;
        (thousandths <= Self::THOUSANDTHS_MAX).then_some(Self(thousandths))
    }

    /// In thousandths of a percent, at most [`Self::THOUSANDTHS_MAX`].
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// The place of the percentile among `count` ascending amounts, from zero; the first for none.
    pub fn place(self, count: usize) -> usize {
        let rank = (u128::from(self.0) * count as u128).div_ceil(u128::from(Self::THOUSANDTHS_MAX));
        usize::try_from(rank).unwrap_or(count).saturating_sub(1)
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 1_000, format!("{:03}", self.0 % 1_000));
        match fraction.trim_end_matches('0') {
            "" => write!(f, "p{whole}"),
            fraction => write!(f, "p{whole}.{fraction}"),
        }
    }
}

/// By which total groups are ranked, greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RankBy {
    /// Their cost.
    #[default]
    Cost,
    /// Their runtime.
    Runtime,
    /// The number of their sessions.
    Sessions,
}

/// How many groups are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Top {
    /// So many of the first.
    pub groups: NonZeroUsize,
    /// Whether all further ones are shown as one group; otherwise they are only in the total.
    pub with_others: bool,
}

/// A checked question. The parts are public words; [`UsageQuery::new`] is the only way to join them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    calendar: Calendar,
    groupings: Vec<Grouping>,
    filters: Vec<DimensionFilter>,
    percentiles: Vec<Percentile>,
    rank_by: RankBy,
    top: Option<Top>,
}

impl UsageQuery {
    /// A question about a window, with everything in one group. The other parts are added to it.
    pub fn new(calendar: Calendar) -> Self {
        Self {
            calendar,
            groupings: Vec::new(),
            filters: Vec::new(),
            percentiles: Vec::new(),
            rank_by: RankBy::default(),
            top: None,
        }
    }

    /// Groups by at most [`GROUPINGS_MAX`] different things, in this order.
    pub fn grouped_by(self, groupings: Vec<Grouping>) -> Result<Self, UsageQueryError> {
        let count = groupings.len();
        if count > GROUPINGS_MAX {
            return Err(UsageQueryError::TooManyGroupings { count });
        }
        let is_repeated = |(index, grouping): &(usize, &Grouping)| {
            groupings[..*index].iter().any(|earlier| earlier.name() == grouping.name())
        };
        if let Some((_, grouping)) = groupings.iter().enumerate().find(is_repeated) {
            return Err(UsageQueryError::GroupingTwice { name: grouping.name().to_owned() });
        }
        Ok(Self { groupings, ..self })
    }

    /// Counts only what passes every filter.
    pub fn filtered_by(self, filters: Vec<DimensionFilter>) -> Result<Self, UsageQueryError> {
        if filters.len() > FILTERS_MAX {
            return Err(UsageQueryError::TooManyFilters { count: filters.len() });
        }
        let count = filters.iter().map(DimensionFilter::term_count).sum();
        if count > TERMS_MAX {
            return Err(UsageQueryError::TooManyTerms { count });
        }
        Ok(Self { filters, ..self })
    }

    /// Finds these percentiles of costs and runtimes, in this order.
    pub fn with_percentiles(self, percentiles: Vec<Percentile>) -> Result<Self, UsageQueryError> {
        let count = percentiles.len();
        if count > PERCENTILES_MAX {
            return Err(UsageQueryError::TooManyPercentiles { count });
        }
        Ok(Self { percentiles, ..self })
    }

    /// Ranks groups by this total.
    #[must_use]
    pub fn ranked_by(self, rank_by: RankBy) -> Self {
        Self { rank_by, ..self }
    }

    /// Shows only the first groups; `None` for all.
    #[must_use]
    pub fn with_top(self, top: Option<Top>) -> Self {
        Self { top, ..self }
    }

    /// The window and its buckets.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// What makes a group.
    pub fn groupings(&self) -> &[Grouping] {
        &self.groupings
    }

    /// What has to hold.
    pub fn filters(&self) -> &[DimensionFilter] {
        &self.filters
    }

    /// The percentiles.
    pub fn percentiles(&self) -> &[Percentile] {
        &self.percentiles
    }

    /// By which total groups are ranked.
    pub fn rank_by(&self) -> RankBy {
        self.rank_by
    }

    /// How many groups are shown; `None` for all.
    pub fn top(&self) -> Option<Top> {
        self.top
    }

    /// Whether the question is grouped by a dimension.
    pub fn is_grouped_by(&self, dimension: Dimension) -> bool {
        self.groupings.contains(&Grouping::By(dimension))
    }

    /// Whether volumes count: grouped by usage type but not by licensed product, and not filtered by anything that volumes
    /// do not have.
    pub fn counts_volumes(&self) -> bool {
        count_volumes(&self.groupings, self.filters.iter().map(DimensionFilter::dimension))
    }
}

/// The rule of [`UsageQuery::counts_volumes`].
pub(crate) fn count_volumes(
    groupings: &[Grouping],
    mut filtered_by: impl Iterator<Item = Dimension>,
) -> bool {
    groupings.contains(&Grouping::By(Dimension::UsageType))
        && !groupings.contains(&Grouping::By(Dimension::LicenseProduct))
        && filtered_by.all(Dimension::is_of_volumes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{TimeRange, Timestamp};

    fn question() -> UsageQuery {
        UsageQuery::new(Calendar::whole(TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap()))
    }

    fn user(name: &str) -> FilterTerm {
        FilterTerm::User(UserId::new(name).unwrap())
    }

    #[test]
    fn a_percentile_is_the_least_amount_that_enough_amounts_do_not_exceed() {
        let place = |text: &str, count| Percentile::parse(text).unwrap().place(count);
        assert_eq!([place("p0", 10), place("p10", 10), place("p50", 10), place("p100", 10)], [0, 0, 4, 9]);
        assert_eq!([place("p50", 1), place("p50", 2), place("p50", 3), place("p95", 20)], [0, 0, 1, 18]);
        assert_eq!([place("p99.9", 1000), place("p99.9", 1001), place("p99.999", 3)], [998, 999, 2]);
        for text in ["p50", "p99.9", "p99.999", "p0.5", "p100"] {
            assert_eq!(Percentile::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "50", "p", "p.5", "p5.", "p101", "p100.001", "p1.0001", "p-1", "p1e1", "p0001"] {
            assert!(Percentile::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn groupings_are_few_and_different() {
        let show = |label: &str| Grouping::ByPattern(NamePattern::new("^[a-z]+", label).unwrap());
        let user = Grouping::By(Dimension::User);
        assert!(question().grouped_by(vec![show("show"), user.clone(), show("shot")]).is_ok());
        let error = question().grouped_by(vec![show("user"), user.clone()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the question is grouped by user twice; each dimension and label is allowed once"
        );
        let nine = Dimension::ALL[..9].iter().map(|dimension| Grouping::By(*dimension)).collect();
        assert_eq!(question().grouped_by(nine), Err(UsageQueryError::TooManyGroupings { count: 9 }));
    }

    #[test]
    fn a_filter_has_values_of_its_own_kind_and_no_value_only_where_there_can_be_none() {
        let filter = |dimension, term| DimensionFilter::new(dimension, Some(vec![term]), vec![]);
        assert!(filter(Dimension::User, user("alice")).is_ok());
        let error = filter(Dimension::Queue, user("alice")).unwrap_err();
        assert_eq!(error.to_string(), "a filter by queue has a value of another kind: alice");
        assert!(filter(Dimension::Worker, FilterTerm::NoValue).is_ok());
        assert!(matches!(
            filter(Dimension::User, FilterTerm::NoValue),
            Err(UsageQueryError::AlwaysHasValue { .. })
        ));
    }

    #[test]
    fn nothing_passes_an_empty_list_and_everything_a_missing_one() {
        let passes = |include, exclude| {
            DimensionFilter::new(Dimension::User, include, exclude)
                .unwrap()
                .admits(|term| *term == user("alice"))
        };
        assert!(passes(None, vec![]) && passes(Some(vec![user("bob"), user("alice")]), vec![user("bob")]));
        assert!(!passes(Some(vec![]), vec![]) && !passes(None, vec![user("alice")]));
    }

    #[test]
    fn volumes_count_where_their_hours_are_apart_and_no_filter_is_about_sessions() {
        let by = |dimensions: &[Dimension]| {
            question().grouped_by(dimensions.iter().map(|by| Grouping::By(*by)).collect()).unwrap()
        };
        let with = |query: UsageQuery, dimension| {
            let filter = DimensionFilter::new(dimension, None, vec![]).unwrap();
            query.filtered_by(vec![filter]).unwrap()
        };
        let usage_type = by(&[Dimension::UsageType, Dimension::Queue]);
        assert!(usage_type.counts_volumes() && with(usage_type.clone(), Dimension::Fleet).counts_volumes());
        assert!(!with(usage_type, Dimension::User).counts_volumes());
        assert!(!by(&[Dimension::Fleet]).counts_volumes());
        assert!(!by(&[Dimension::UsageType, Dimension::LicenseProduct]).counts_volumes());
    }
}
