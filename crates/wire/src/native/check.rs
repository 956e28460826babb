//! From a document to a question: every member is read, and the first that is wrong is named.

use std::num::NonZeroUsize;

use farmtally_model::question::{
    AskedFilter, AskedPeriod, AskedStatistics, AskedValue, Comparison, FilteredBy, QuestionError, ROWS_MAX,
    ROWS_USUAL, TOP_MAX, TimeWords, UsageQuestion,
};
use farmtally_model::{
    CalendarUnit, Dimension, FILTERS_MAX, GROUPINGS_MAX, Grouping, NamePattern, RankBy, Top, Zone, ZoneError,
};

use super::query::{Filter, GroupBy, NamedPattern, Query};

const DIMENSIONS_HINT: &str = "write queue, fleet, job, jobName, user, usageType, instanceType, licenseProduct, worker, \
                               outcome or the label of a pattern";
const PERIODS_HINT: &str = "write none, hour, day, week, month, quarter, year or auto";
/// What to do about a range that has one end.
pub const BOTH_ENDS_HINT: &str = "give both: from 2026-01-01 with to 2026-02-01 is January";
const ZONE_HINT: &str = "write a name such as Europe/Paris, or UTC+05:30";

/// Makes a question out of a document.
pub(super) fn check(query: &Query) -> Result<UsageQuestion, QuestionError> {
    let patterns = Patterns::read(query)?;
    Ok(UsageQuestion {
        time: time(query)?,
        zone: zone(query.time_zone.as_deref())?,
        period: period(query.period.as_deref())?,
        groupings: groupings(&query.group_by, &patterns)?,
        filters: filters(&query.filters, &patterns)?,
        statistics: AskedStatistics::parse(query.statistics.iter().map(String::as_str))?,
        rank_by: rank_by(query.top_by.as_deref())?,
        top: top(query)?,
        compare: compare(query.compare.as_deref())?,
        rows_max: rows_max(query.rows_max)?,
    })
}

/// The pattern of a document with a label.
pub(super) fn pattern(query: &Query, label: &str) -> Result<FilteredBy, QuestionError> {
    Patterns::read(query)?.dimension_or_pattern("dimension", label)
}

fn time(query: &Query) -> Result<TimeWords, QuestionError> {
    let one_way = "give one of last, in, and from with to";
    match (query.last.as_deref(), query.within.as_deref(), query.from.as_deref(), query.to.as_deref()) {
        (None, None, None, None) => Ok(TimeWords::default()),
        (Some(last), None, None, None) => TimeWords::last(last),
        (None, Some(within), None, None) => TimeWords::within(within),
        (None, None, Some(from), Some(to)) => Ok(TimeWords::between(from, to)),
        (None, None, Some(_), None) => {
            Err(QuestionError::missing("to", "a window from a beginning needs an end").hint(BOTH_ENDS_HINT))
        }
        (None, None, None, Some(_)) => {
            Err(QuestionError::missing("from", "a window to an end needs a beginning").hint(BOTH_ENDS_HINT))
        }
        (Some(last), ..) => {
            Err(QuestionError::new("last", last, "the window is given in two ways").hint(one_way))
        }
        (_, Some(within), ..) => {
            Err(QuestionError::new("in", within, "the window is given in two ways").hint(one_way))
        }
    }
}

fn zone(text: Option<&str>) -> Result<Zone, QuestionError> {
    let Some(text) = text else { return Ok(Zone::utc()) };
    Zone::parse(text).map_err(|error| match error {
        ZoneError::Unknown { .. } => QuestionError::new("timeZone", text, "not a time zone").hint(ZONE_HINT),
        other => QuestionError::new("timeZone", text, other.to_string()),
    })
}

fn period(text: Option<&str>) -> Result<AskedPeriod, QuestionError> {
    match text {
        None | Some("none") => Ok(AskedPeriod::Whole),
        Some("auto") => Ok(AskedPeriod::Auto),
        Some(text) => CalendarUnit::parse(text)
            .map(AskedPeriod::Of)
            .ok_or_else(|| QuestionError::new("period", text, "not a period").hint(PERIODS_HINT)),
    }
}

/// The patterns of a question by their labels.
struct Patterns(Vec<NamePattern>);

impl Patterns {
    fn read(query: &Query) -> Result<Self, QuestionError> {
        let mut patterns = Self(Vec::new());
        for (index, pattern) in query.patterns.iter().enumerate() {
            patterns.add(&format!("patterns[{index}]"), pattern)?;
        }
        for (index, grouping) in query.group_by.iter().enumerate() {
            if let GroupBy::Pattern(pattern) = grouping {
                patterns.add(&format!("groupBy[{index}]"), pattern)?;
            }
        }
        Ok(patterns)
    }

    fn add(
        &mut self,
        field: &str,
        NamedPattern { job_name, label }: &NamedPattern,
    ) -> Result<(), QuestionError> {
        use farmtally_model::PatternError;
        let pattern = NamePattern::new(job_name, label).map_err(|error| match &error {
            PatternError::Label { .. } => {
                QuestionError::new(format!("{field}.label"), label, error.to_string())
            }
            PatternError::Unusable { reason, .. } => QuestionError::new(
                format!("{field}.jobName"),
                job_name,
                format!("no regular expression: {reason}"),
            ),
            PatternError::Length { .. } => {
                QuestionError::new(format!("{field}.jobName"), job_name, error.to_string())
            }
        })?;
        if Dimension::parse(label).is_some() || label == "other" {
            let message = "a label may not be called like a dimension";
            return Err(QuestionError::new(format!("{field}.label"), label, message));
        }
        match self.find(label) {
            Some(other) if *other == pattern => Ok(()),
            Some(_) => {
                let message = "two patterns have this label";
                Err(QuestionError::new(format!("{field}.label"), label, message).hint("give each its own"))
            }
            None => {
                self.0.push(pattern);
                Ok(())
            }
        }
    }

    fn find(&self, label: &str) -> Option<&NamePattern> {
        self.0.iter().find(|pattern| pattern.label() == label)
    }

    fn dimension_or_pattern(&self, field: &str, text: &str) -> Result<FilteredBy, QuestionError> {
        if let Some(dimension) = Dimension::parse(text) {
            return Ok(FilteredBy::Dimension(dimension));
        }
        let pattern = self.find(text).cloned().map(FilteredBy::Pattern);
        pattern.ok_or_else(|| QuestionError::new(field, text, "not a dimension").hint(DIMENSIONS_HINT))
    }
}

fn groupings(group_by: &[GroupBy], patterns: &Patterns) -> Result<Vec<Grouping>, QuestionError> {
    if group_by.len() > GROUPINGS_MAX {
        let message =
            format!("{} things to group by are given; at most {GROUPINGS_MAX} are allowed", group_by.len());
        return Err(QuestionError::missing("groupBy", message));
    }
    let mut groupings: Vec<Grouping> = Vec::new();
    for (index, asked) in group_by.iter().enumerate() {
        let field = format!("groupBy[{index}]");
        let name = match asked {
            GroupBy::Dimension(name) => name,
            GroupBy::Pattern(pattern) => &pattern.label,
        };
        let grouping = match patterns.dimension_or_pattern(&field, name)? {
            FilteredBy::Dimension(dimension) => Grouping::By(dimension),
            FilteredBy::Pattern(pattern) => Grouping::ByPattern(pattern),
        };
        if groupings.contains(&grouping) {
            return Err(QuestionError::new(field, name, "given twice; each is allowed once"));
        }
        groupings.push(grouping);
    }
    Ok(groupings)
}

fn filters(filters: &[Filter], patterns: &Patterns) -> Result<Vec<AskedFilter>, QuestionError> {
    if filters.len() > FILTERS_MAX {
        let message = format!("{} filters are given; at most {FILTERS_MAX} are allowed", filters.len());
        return Err(QuestionError::missing("filters", message));
    }
    let numbered = filters.iter().enumerate();
    numbered.map(|(index, filter)| read_filter(format!("filters[{index}]"), filter, patterns)).collect()
}

fn read_filter(field: String, filter: &Filter, patterns: &Patterns) -> Result<AskedFilter, QuestionError> {
    let by = patterns.dimension_or_pattern(&format!("{field}.dimension"), &filter.dimension)?;
    let include = filter.include.as_deref().map(values);
    if include.as_ref().is_some_and(Vec::is_empty) {
        let message = "no value is given; nothing would count";
        return Err(QuestionError::missing(format!("{field}.include"), message)
            .hint("leave include out for all values"));
    }
    if include.is_none() && filter.exclude.is_empty() {
        return Err(QuestionError::missing(field, "neither include nor exclude has a value"));
    }
    Ok(AskedFilter { field, by, include, exclude: values(&filter.exclude) })
}

fn values(values: &[Option<String>]) -> Vec<AskedValue> {
    values.iter().map(|value| value.clone().map_or(AskedValue::Absent, AskedValue::Text)).collect()
}

fn rank_by(text: Option<&str>) -> Result<RankBy, QuestionError> {
    match text {
        None | Some("cost") => Ok(RankBy::Cost),
        Some("runtime") => Ok(RankBy::Runtime),
        Some("sessions") => Ok(RankBy::Sessions),
        Some(text) => {
            Err(QuestionError::new("topBy", text, "not a rank").hint("write cost, runtime or sessions"))
        }
    }
}

fn top(query: &Query) -> Result<Option<Top>, QuestionError> {
    let Some(top) = query.top else { return Ok(None) };
    let groups = within_bound(top, TOP_MAX).ok_or_else(|| {
        let message = format!("1 to {TOP_MAX} groups are allowed");
        QuestionError::new("top", top, message).hint("leave it out for all groups")
    })?;
    Ok(Some(Top { groups, with_others: query.other.unwrap_or(true) }))
}

fn compare(text: Option<&str>) -> Result<Option<Comparison>, QuestionError> {
    match text {
        None | Some("none") => Ok(None),
        Some(text) => Comparison::parse(text).map(Some).ok_or_else(|| {
            QuestionError::new("compare", text, "not a comparison").hint("write previous, year or none")
        }),
    }
}

fn rows_max(rows_max: Option<u64>) -> Result<NonZeroUsize, QuestionError> {
    let rows_max = rows_max.unwrap_or(ROWS_USUAL as u64);
    within_bound(rows_max, ROWS_MAX)
        .ok_or_else(|| QuestionError::new("rowsMax", rows_max, format!("1 to {ROWS_MAX} rows are allowed")))
}

fn within_bound(number: u64, max: usize) -> Option<NonZeroUsize> {
    usize::try_from(number).ok().filter(|number| *number <= max).and_then(NonZeroUsize::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn checked(document: &Value) -> Result<UsageQuestion, QuestionError> {
        Query::parse(document.to_string().as_bytes())?.check()
    }

    #[track_caller]
    fn refused(document: &Value, sentence: &str) {
        assert_eq!(checked(document).unwrap_err().to_string(), sentence, "{document}");
    }

    #[test]
    fn nothing_at_all_asks_what_everything_cost_in_thirty_days() {
        assert_eq!(checked(&json!({})).unwrap(), UsageQuestion::default());
        let said = json!({ "last": "30d", "timeZone": "UTC", "period": "none", "groupBy": [], "filters": [],
                           "statistics": ["sum"], "topBy": "cost", "compare": "none", "rowsMax": 100_000 });
        assert_eq!(checked(&said).unwrap(), UsageQuestion::default());
    }

    #[test]
    fn every_member_has_its_meaning() {
        let question = checked(&json!({
            "from": "2026-01-01", "to": "2026-02-01T12:00:00Z", "timeZone": "europe/paris", "period": "quarter",
            "groupBy": ["queue", { "jobName": "^([a-z]+)_", "label": "show" }],
            "filters": [{ "dimension": "show", "include": ["abc", null], "exclude": ["test"] }],
            "statistics": ["p95", "avg"], "top": 9, "topBy": "runtime", "other": false, "compare": "year", "rowsMax": 1,
        }))
        .unwrap();
        let show = NamePattern::new("^([a-z]+)_", "show").unwrap();
        assert_eq!(question.zone.name(), "Europe/Paris");
        assert_eq!(question.period, AskedPeriod::Of(CalendarUnit::Quarter));
        assert_eq!(question.groupings, [Grouping::By(Dimension::Queue), Grouping::ByPattern(show.clone())]);
        let [filter] = question.filters.as_slice() else { panic!("{question:?}") };
        assert_eq!((filter.field.as_str(), &filter.by), ("filters[0]", &FilteredBy::Pattern(show)));
        assert_eq!(filter.include, Some(vec![AskedValue::Text("abc".into()), AskedValue::Absent]));
        let top = question.top.unwrap();
        assert_eq!((top.groups.get(), top.with_others, question.rank_by), (9, false, RankBy::Runtime));
        assert_eq!((question.compare, question.rows_max.get()), (Some(Comparison::Year), 1));
    }

    #[test]
    fn a_pattern_can_be_named_for_filters_and_groups() {
        let pattern = json!({ "jobName": "^([a-z]+)_", "label": "show" });
        let question = checked(&json!({
            "patterns": [pattern], "groupBy": ["show"], "filters": [{ "dimension": "show", "exclude": [null] }],
        }));
        assert_eq!(question.unwrap().groupings[0].name(), "show");
        refused(
            &json!({ "patterns": [pattern], "groupBy": [{ "jobName": "^b", "label": "show" }] }),
            "groupBy[0].label \"show\": two patterns have this label; give each its own",
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value_its_bound_and_what_to_do() {
        for (document, sentence) in [
            (
                json!({ "last": "30d", "in": "2026" }),
                "last \"30d\": the window is given in two ways; give one of last, in, and from with to",
            ),
            (
                json!({ "in": "2026", "to": "2026-01-01" }),
                "in \"2026\": the window is given in two ways; give one of last, in, and from with to",
            ),
            (
                json!({ "from": "2026-01-01" }),
                "to: a window from a beginning needs an end; give both: from 2026-01-01 with to 2026-02-01 is January",
            ),
            (
                json!({ "to": "2026-01-01" }),
                "from: a window to an end needs a beginning; give both: from 2026-01-01 with to 2026-02-01 is January",
            ),
            (
                json!({ "timeZone": "Paris" }),
                "timeZone \"Paris\": not a time zone; write a name such as Europe/Paris, or UTC+05:30",
            ),
            (
                json!({ "period": "daily" }),
                "period \"daily\": not a period; write none, hour, day, week, month, quarter, year or auto",
            ),
            (
                json!({ "groupBy": ["queue", "colour"] }),
                "groupBy[1] \"colour\": not a dimension; write queue, fleet, job, jobName, user, usageType, \
                 instanceType, licenseProduct, worker, outcome or the label of a pattern",
            ),
            (
                json!({ "groupBy": ["queue", "queue"] }),
                "groupBy[1] \"queue\": given twice; each is allowed once",
            ),
            (
                json!({ "groupBy": vec!["queue"; 9] }),
                "groupBy: 9 things to group by are given; at most 8 are allowed",
            ),
            (
                json!({ "groupBy": [{ "jobName": "(", "label": "x" }] }),
                "groupBy[0].jobName \"(\": no regular expression: unclosed group",
            ),
            (
                json!({ "groupBy": [{ "jobName": "a", "label": "" }] }),
                "groupBy[0].label \"\": the label has 0 characters; 1 to 64 are allowed",
            ),
            (
                json!({ "groupBy": [{ "jobName": "a", "label": "queue" }] }),
                "groupBy[0].label \"queue\": a label may not be called like a dimension",
            ),
            (
                json!({ "filters": [{ "dimension": "queue", "include": [] }] }),
                "filters[0].include: no value is given; nothing would count; leave include out for all values",
            ),
            (
                json!({ "filters": [{ "dimension": "queue" }] }),
                "filters[0]: neither include nor exclude has a value",
            ),
            (
                json!({ "filters": vec![json!({ "dimension": "queue", "include": ["a"] }); 33] }),
                "filters: 33 filters are given; at most 32 are allowed",
            ),
            (
                json!({ "statistics": ["sum", "median"] }),
                "statistics[1] \"median\": not a statistic; write sum, avg, min, max or a percentile such as p50, p95 \
                 or p99.9",
            ),
            (json!({ "top": 0 }), "top \"0\": 1 to 10000 groups are allowed; leave it out for all groups"),
            (json!({ "topBy": "size" }), "topBy \"size\": not a rank; write cost, runtime or sessions"),
            (
                json!({ "compare": "week" }),
                "compare \"week\": not a comparison; write previous, year or none",
            ),
            (json!({ "rowsMax": 1_000_001 }), "rowsMax \"1000001\": 1 to 1000000 rows are allowed"),
        ] {
            refused(&document, sentence);
        }
    }
}
