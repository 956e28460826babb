//! A question as SQL over the Parquet files of the folder, in which a session is cut at the buckets as the engine cuts it.

use farmtally_wire::native::{Filter, GroupBy, NamedPattern, Query};
use jiff::Timestamp;

use super::Subject;

/// A text of SQL.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// What fills the template.
pub(super) fn values(subject: &Subject<'_>) -> Vec<(&'static str, String)> {
    let (query, head) = (subject.query, subject.head);
    let factor = &head.farm.cost_scale_factor;
    let groups: Vec<Expression> = query.group_by.iter().flat_map(|by| expressions(query, by)).collect();
    let buckets = head
        .buckets
        .iter()
        .filter_map(|bucket| Some(format!("({}, {})", millis(&bucket.from)?, millis(&bucket.to)?)));
    vec![
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
        ("where", conditions(query)),
        ("statistic", statistics(&head.statistics, factor)),
    ]
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

fn conditions(query: &Query) -> String {
    let is_by_product =
        query.group_by.iter().any(|by| matches!(by, GroupBy::Dimension(name) if name == "licenseProduct"))
            || query.filters.iter().any(|filter| filter.dimension == "licenseProduct");
    let product = is_by_product.then(|| "usageType = 'LICENSE'".to_owned());
    let filters = query.filters.iter().flat_map(|filter| conditions_of(query, filter));
    product
        .into_iter()
        .chain(filters)
        .map(|condition| format!("\n        AND {condition}"))
        .collect::<Vec<_>>()
        .concat()
}

fn conditions_of(query: &Query, filter: &Filter) -> Vec<String> {
    let any = |values: &[Option<String>]| {
        let each: Vec<String> =
            values.iter().map(|value| condition(query, &filter.dimension, value.as_deref())).collect();
        format!("({})", each.join(" OR "))
    };
    let include = filter.include.as_ref().map(|values| any(values));
    let exclude = (!filter.exclude.is_empty()).then(|| format!("{} IS NOT TRUE", any(&filter.exclude)));
    include.into_iter().chain(exclude).collect()
}

fn condition(query: &Query, dimension: &str, value: Option<&str>) -> String {
    let of_groups = query.group_by.iter().filter_map(|by| match by {
        GroupBy::Pattern(pattern) => Some(pattern),
        GroupBy::Dimension(_) => None,
    });
    let pattern = query.patterns.iter().chain(of_groups).find(|pattern| pattern.label == dimension);
    let (id, name) = columns(dimension);
    let id = pattern.map_or_else(|| id.to_owned(), extracted);
    match value {
        None => format!("{id} IS NULL"),
        Some(glob) if dimension == "jobName" && glob.contains('*') => {
            let escaped = glob.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_").replace('*', "%");
            format!(r"jobName ILIKE {} ESCAPE '\'", text(&escaped))
        }
        Some(value) => {
            let named = name.map(|name| format!(" OR {name} = {}", text(value))).unwrap_or_default();
            format!("({id} = {}{named})", text(value))
        }
    }
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
