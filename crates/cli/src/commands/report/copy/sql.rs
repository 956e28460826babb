//! A question as SQL over the Parquet files of the folder, in which a session is cut at the buckets as the engine cuts it.

use farmtally_model::{Dimension, Grouping};
use farmtally_service::ids_called;
use farmtally_wire::native::{Filter, GroupBy, NamedPattern, Query};
use jiff::Timestamp;

use super::Subject;
use crate::report_error::Failure;

/// A text of SQL.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// What fills the template.
pub(super) fn values(subject: &Subject<'_>) -> Result<Vec<(&'static str, String)>, Failure> {
    let (query, head) = (subject.query, subject.head);
    let factor = &head.farm.cost_scale_factor;
    let groups: Vec<Expression> = query.group_by.iter().flat_map(|by| expressions(query, by)).collect();
    let buckets = head
        .buckets
        .iter()
        .filter_map(|bucket| Some(format!("({}, {})", millis(&bucket.from)?, millis(&bucket.to)?)));
    Ok(vec![
        ("farm", subject.farm_id.to_string()),
        ("factor", factor.clone()),
        ("buckets", buckets.collect::<Vec<_>>().join(",\n    ")),
        (
            "groups",
            groups
                .iter()
                .map(|group| format!("{} AS {}, ", group.value, group.name))
                .collect::<Vec<_>>()
                .concat(),
        ),
        ("names", groups.iter().map(Expression::shown).collect::<Vec<_>>().concat()),
        ("records", records(subject).to_owned()),
        ("where", conditions(subject)?),
        ("statistic", statistics(&head.statistics, factor)),
    ])
}

/// A column of a group.
struct Expression {
    value: String,
    name: String,
    /// Whether it is the name of what another column is the id of; the greatest stands for all.
    is_name: bool,
}

impl Expression {
    fn key(column: &str) -> Self {
        Self { value: column.to_owned(), name: column.to_owned(), is_name: false }
    }

    fn shown(&self) -> String {
        if self.is_name { format!("max({0}) AS {0}, ", self.name) } else { format!("{}, ", self.name) }
    }
}

fn expressions(query: &Query, by: &GroupBy) -> Vec<Expression> {
    let name = match by {
        GroupBy::Pattern(pattern) => return vec![pattern_expression(pattern)],
        GroupBy::Dimension(name) => name,
    };
    if let Some(pattern) = query.patterns.iter().find(|pattern| pattern.label == *name) {
        return vec![pattern_expression(pattern)];
    }
    let (id, shown) = columns(name);
    let named = shown.map(|column| Expression {
        value: format!("max({column})"),
        name: column.to_owned(),
        is_name: true,
    });
    std::iter::once(Expression::key(id)).chain(named).collect()
}

fn pattern_expression(pattern: &NamedPattern) -> Expression {
    let name = format!("\"{}\"", pattern.label.replace('"', "\"\""));
    Expression { value: extracted(pattern), name, is_name: false }
}

/// What a pattern takes out of the name of a job: its first group, or all that it matches.
fn extracted(pattern: &NamedPattern) -> String {
    let has_group = pattern.job_name.replace("\\(", "").replace("(?:", "").contains('(');
    format!("nullif(regexp_extract(jobName, {}, {}), '')", text(&pattern.job_name), u8::from(has_group))
}

/// The columns of a dimension's id and name.
fn columns(dimension: &str) -> (&str, Option<&'static str>) {
    match dimension {
        "queue" => ("queueId", Some("queueName")),
        "fleet" => ("fleetId", Some("fleetName")),
        "job" => ("jobId", Some("jobName")),
        "user" => ("userId", None),
        "worker" => ("workerId", None),
        other => (other, None),
    }
}

/// Which records count: sessions, and persistent volumes, which have no session, where the answer has them.
fn records(subject: &Subject<'_>) -> &'static str {
    if subject.question.counts_volumes() { "true" } else { "sessionId IS NOT NULL" }
}

fn conditions(subject: &Subject<'_>) -> Result<String, Failure> {
    let question = subject.question;
    let is_by_product = question.groupings.contains(&Grouping::By(Dimension::LicenseProduct))
        || question.filters.iter().any(|filter| filter.by.dimension() == Dimension::LicenseProduct);
    let mut conditions = Vec::new();
    if is_by_product {
        conditions.push("usageType = 'LICENSE'".to_owned());
    }
    for filter in &subject.query.filters {
        if let Some(values) = &filter.include {
            conditions.push(any(subject, filter, values)?);
        }
        if !filter.exclude.is_empty() {
            conditions.push(format!("{} IS NOT TRUE", any(subject, filter, &filter.exclude)?));
        }
    }
    let lines = conditions.into_iter().map(|condition| format!("\n        AND {condition}"));
    Ok(lines.collect::<Vec<_>>().concat())
}

/// That one of the values is there.
fn any(subject: &Subject<'_>, filter: &Filter, values: &[Option<String>]) -> Result<String, Failure> {
    let conditions = values.iter().map(|value| condition(subject, &filter.dimension, value.as_deref()));
    Ok(format!("({})", conditions.collect::<Result<Vec<_>, _>>()?.join(" OR ")))
}

/// That a value is there. Names are looked up as the server does it: they are ids in the files.
fn condition(subject: &Subject<'_>, dimension: &str, value: Option<&str>) -> Result<String, Failure> {
    let query = subject.query;
    let of_groups = query.group_by.iter().filter_map(|by| match by {
        GroupBy::Pattern(pattern) => Some(pattern),
        GroupBy::Dimension(_) => None,
    });
    let pattern = query.patterns.iter().chain(of_groups).find(|pattern| pattern.label == dimension);
    let column = pattern.map_or_else(|| columns(dimension).0.to_owned(), extracted);
    let Some(value) = value else { return Ok(format!("{column} IS NULL")) };
    Ok(match (pattern, Dimension::parse(dimension)) {
        (Some(_), _) | (_, None) => format!("{column} = {}", text(value)),
        (None, Some(Dimension::JobName)) => {
            let escaped =
                value.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_").replace('*', "%");
            format!(r"jobName ILIKE {} ESCAPE '\'", text(&escaped))
        }
        (None, Some(Dimension::Job)) => format!("(jobId = {0} OR jobName = {0})", text(value)),
        // Their words are in capitals, in any case in a question.
        (None, Some(Dimension::UsageType | Dimension::Outcome)) => {
            format!("{column} = {}", text(&value.to_uppercase()))
        }
        (None, Some(dimension)) => {
            let ids = ids_called(subject.catalogue, subject.farm_id, dimension, value)?;
            format!("{column} IN ({})", ids.iter().map(|id| text(id)).collect::<Vec<_>>().join(", "))
        }
    })
}

/// Every statistic but the sum, which the template has.
fn statistics(names: &[String], factor: &str) -> String {
    let cost = format!("nanos * {factor} / 1000000000");
    let column = |name: &String| match name.strip_prefix('p') {
        Some(percentile) => {
            format!(",\n    quantile_disc({cost}, {percentile} / 100.0) AS \"costInUsd_{name}\"")
        }
        None => format!(",\n    {name}({cost}) AS costInUsd_{name}"),
    };
    names.iter().filter(|name| *name != "sum").map(column).collect::<Vec<_>>().concat()
}

fn millis(instant: &str) -> Option<i64> {
    instant.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}
