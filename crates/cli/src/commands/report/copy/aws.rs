//! A question as the operation of AWS can be asked it, or what about it that operation does not know.

use farmtally_model::Dimension;
use farmtally_service::ids_called;
use farmtally_wire::native::{Filter, GroupBy};
use serde_json::json;

use super::Subject;
use crate::report_error::Failure;

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Python,
    Shell,
}

const GROUPS: [(&str, &str); 7] = [
    ("queue", "QUEUE_ID"),
    ("fleet", "FLEET_ID"),
    ("job", "JOB_ID"),
    ("user", "USER_ID"),
    ("usageType", "USAGE_TYPE"),
    ("instanceType", "INSTANCE_TYPE"),
    ("licenseProduct", "LICENSE_PRODUCT"),
];
const PERIODS: [(&str, &str); 5] =
    [("none", ""), ("hour", "HOURLY"), ("day", "DAILY"), ("week", "WEEKLY"), ("month", "MONTHLY")];
const STATISTICS: [&str; 4] = ["sum", "avg", "min", "max"];
/// Most queues or fleets of a question.
const RESOURCES_MAX: usize = 10;

/// What fills the templates.
pub(super) fn values(
    subject: &Subject<'_>,
    spelling: Spelling,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut problems = Vec::new();
    let groups = groups(subject, &mut problems);
    let period = period(subject, &mut problems);
    let statistics = statistics(subject, &mut problems);
    let offset = offset(subject, &mut problems);
    let resources = resources(subject, &mut problems)?;
    if !problems.is_empty() {
        return Err(Failure::usage(format!("AWS's operation cannot be asked this: {}", problems.join("; ")))
            .hint("`--as curl` and `--as sql` can"));
    }
    let (list, period) = match spelling {
        Spelling::Python => {
            let period =
                if period.is_empty() { String::new() } else { format!("\n    period=\"{period}\",") };
            ((|words: &[String]| json!(words).to_string()) as fn(&[String]) -> String, period)
        }
        Spelling::Shell => {
            let period = if period.is_empty() { String::new() } else { format!(" --period {period}") };
            ((|words: &[String]| words.join(" ")) as fn(&[String]) -> String, period)
        }
    };
    let window = &subject.head.window;
    Ok(vec![
        ("farm", subject.farm_id.to_string()),
        ("resources", resources),
        ("start", window.from.clone()),
        ("end", window.to.clone()),
        ("offset", offset),
        ("groupBy", list(&groups)),
        ("statistics", list(&statistics)),
        ("period", period),
    ])
}

fn groups(subject: &Subject<'_>, problems: &mut Vec<String>) -> Vec<String> {
    let asked = &subject.query.group_by;
    if !(1..=2).contains(&asked.len()) {
        problems.push("it groups by one or two dimensions".to_owned());
    }
    let mut groups = Vec::new();
    for by in asked {
        let name = match by {
            GroupBy::Dimension(name) => name,
            GroupBy::Pattern(pattern) => &pattern.label,
        };
        match GROUPS.iter().find(|(known, _)| known == name) {
            Some((_, wire)) if matches!(by, GroupBy::Dimension(_)) => groups.push((*wire).to_owned()),
            _ => problems.push(format!("it cannot group by {name}")),
        }
    }
    groups
}

fn period(subject: &Subject<'_>, problems: &mut Vec<String>) -> &'static str {
    let found = PERIODS.iter().find(|(known, _)| *known == subject.head.period);
    if found.is_none() {
        problems.push(format!("it has no period of a {}", subject.head.period));
    }
    found.map_or("", |(_, wire)| *wire)
}

fn statistics(subject: &Subject<'_>, problems: &mut Vec<String>) -> Vec<String> {
    let names = &subject.head.statistics;
    if names.iter().any(|name| !STATISTICS.contains(&name.as_str())) {
        problems.push("it has no percentiles".to_owned());
    }
    names.iter().map(|name| name.to_uppercase()).collect()
}

/// The one offset of the whole range, of whole or half hours.
fn offset(subject: &Subject<'_>, problems: &mut Vec<String>) -> String {
    let head = subject.head;
    let ends = [&head.window.from, &head.window.to];
    let instants = head.buckets.iter().map(|bucket| &bucket.from).chain(ends);
    let mut offsets: Vec<&str> = instants.map(|instant| offset_of(instant)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let is_whole = ends.iter().all(|instant| instant.get(14..19) == Some("00:00"));
    match offsets.as_slice() {
        [offset] if is_whole && (offset.ends_with(":00") || offset.ends_with(":30")) => {
            format!("UTC{offset}")
        }
        _ => {
            problems.push(
                "it takes one offset of whole or half hours from UTC and a range of whole hours, and the clock changes in \
                 this range or is another one"
                    .to_owned(),
            );
            String::new()
        }
    }
}

fn offset_of(instant: &str) -> &str {
    if instant.ends_with('Z') {
        "+00:00"
    } else {
        instant.get(instant.len().saturating_sub(6)..).unwrap_or("")
    }
}

/// The queues or fleets of the filter, or all queues; all fleets where persistent volumes count, which belong to fleets.
fn resources(subject: &Subject<'_>, problems: &mut Vec<String>) -> Result<String, Failure> {
    let filter = match subject.query.filters.as_slice() {
        [] => None,
        [filter] if is_of_resources(filter) => Some(filter),
        _ => {
            problems.push("it filters by some queues or by some fleets, and by nothing else".to_owned());
            return Ok(String::new());
        }
    };
    let without_filter = if subject.question.counts_volumes() { Dimension::Fleet } else { Dimension::Queue };
    let kind = filter.and_then(|filter| Dimension::parse(&filter.dimension)).unwrap_or(without_filter);
    let mut ids = Vec::new();
    match filter {
        None => ids = all(subject, kind)?,
        Some(filter) => {
            for value in filter.include.iter().flatten().flatten() {
                ids.extend(ids_called(subject.catalogue, subject.farm_id, kind, value)?);
            }
        }
    }
    ids.sort_unstable();
    ids.dedup();
    if !(1..=RESOURCES_MAX).contains(&ids.len()) {
        problems.push(format!("it asks about one to ten {kind}s, and these are {}", ids.len()));
    }
    Ok(json!({ format!("{kind}Ids"): ids }).to_string())
}

fn is_of_resources(filter: &Filter) -> bool {
    let values = filter.include.iter().flatten();
    ["queue", "fleet"].contains(&filter.dimension.as_str())
        && filter.exclude.is_empty()
        && values.flatten().next().is_some()
}

/// The ids of all queues or fleets.
fn all(subject: &Subject<'_>, kind: Dimension) -> Result<Vec<String>, Failure> {
    Ok(if kind == Dimension::Fleet {
        let fleets = subject.catalogue.fleets(subject.farm_id, None, usize::MAX)?;
        fleets.iter().map(|fleet| fleet.id.to_string()).collect()
    } else {
        let queues = subject.catalogue.queues(subject.farm_id, None, usize::MAX)?;
        queues.iter().map(|queue| queue.id.to_string()).collect()
    })
}
