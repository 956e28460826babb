//! A question as the operation of AWS can be asked it, or what about it that operation does not know.

use farmtally_model::question::{AskedStatistic, FilteredBy};
use farmtally_model::{Dimension, DimensionFilter, Grouping};
use farmtally_service::ValuesRequest;
use serde_json::json;

use super::Subject;
use crate::refusal::Refusal;
use crate::shell_word::quoted;

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Python,
    Shell,
}

const PERIODS: [(&str, &str); 5] =
    [("none", ""), ("hour", "HOURLY"), ("day", "DAILY"), ("week", "WEEKLY"), ("month", "MONTHLY")];
/// Most queues or fleets of a question.
const RESOURCES_MAX: usize = 10;
/// Most queues or fleets that are counted, to say how many there are.
const COUNTED_MAX: usize = 10_000;

/// What fills the templates.
pub(super) fn values(
    subject: &Subject<'_>,
    spelling: Spelling,
) -> Result<Vec<(&'static str, String)>, Refusal> {
    let mut problems = Vec::new();
    let groups = groups(subject, &mut problems);
    let period = period(subject, &mut problems);
    let statistics = statistics(subject, &mut problems);
    let offset = offset(subject, &mut problems);
    let resources = resources(subject, &mut problems)?;
    if !problems.is_empty() {
        let message = format!("AWS's operation cannot be asked this: {}", problems.join("; "));
        return Err(Refusal::cannot_be_asked(message, "curl, farmtally report and SQL can be"));
    }
    let list = |words: &[String]| match spelling {
        Spelling::Python => json!(words).to_string(),
        Spelling::Shell => words.join(" "),
    };
    let period = match (period, spelling) {
        ("", _) => String::new(),
        (period, Spelling::Python) => format!("\n    period=\"{period}\","),
        (period, Spelling::Shell) => format!(" --period {period}"),
    };
    let (window, zone) = (subject.answer.table.calendar.window(), &subject.answer.zone);
    Ok(vec![
        ("farm", subject.farm_id.to_string()),
        ("folder", quoted(&subject.folder).into_owned()),
        ("resources", resources),
        ("start", zone.text(window.start())),
        ("end", zone.text(window.end())),
        ("offset", offset),
        ("groupBy", list(&groups)),
        ("statistics", list(&statistics)),
        ("period", period),
    ])
}

fn groups(subject: &Subject<'_>, problems: &mut Vec<String>) -> Vec<String> {
    let groupings = &subject.answer.groupings;
    if !(1..=2).contains(&groupings.len()) {
        problems.push("it groups by one or two dimensions".to_owned());
    }
    let mut groups = Vec::new();
    for grouping in groupings {
        match grouping {
            Grouping::By(dimension) => match name(*dimension) {
                Some(name) => groups.push(name.to_owned()),
                None => problems.push(format!("it cannot group by {dimension}")),
            },
            Grouping::ByPattern(_) => problems.push("it cannot group by part of a job name".to_owned()),
        }
    }
    groups
}

const fn name(dimension: Dimension) -> Option<&'static str> {
    Some(match dimension {
        Dimension::Queue => "QUEUE_ID",
        Dimension::Fleet => "FLEET_ID",
        Dimension::Job => "JOB_ID",
        Dimension::User => "USER_ID",
        Dimension::UsageType => "USAGE_TYPE",
        Dimension::InstanceType => "INSTANCE_TYPE",
        Dimension::LicenseProduct => "LICENSE_PRODUCT",
        Dimension::JobName | Dimension::Worker | Dimension::Outcome => return None,
    })
}

fn period(subject: &Subject<'_>, problems: &mut Vec<String>) -> &'static str {
    let asked = subject.answer.unit.map_or("none", |unit| unit.as_str());
    let found = PERIODS.iter().find(|(known, _)| *known == asked);
    if found.is_none() {
        problems.push(format!("it has no period of a {asked}"));
    }
    found.map_or("", |(_, name)| *name)
}

fn statistics(subject: &Subject<'_>, problems: &mut Vec<String>) -> Vec<String> {
    let asked = &subject.answer.statistics;
    if asked.iter().any(|statistic| matches!(statistic, AskedStatistic::Percentile(_))) {
        problems.push("it has no percentiles".to_owned());
    }
    asked.iter().map(|statistic| statistic.to_string().to_uppercase()).collect()
}

/// The one offset of the whole range, of whole or half hours.
fn offset(subject: &Subject<'_>, problems: &mut Vec<String>) -> String {
    let (calendar, zone) = (&subject.answer.table.calendar, &subject.answer.zone);
    let ends = [calendar.window().start(), calendar.window().end()].map(|at| zone.text(at));
    let buckets = calendar.buckets().map(|bucket| zone.text(bucket.start()));
    let mut offsets: Vec<String> = buckets.chain(ends.clone()).map(|instant| offset_of(&instant)).collect();
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

fn offset_of(instant: &str) -> String {
    let offset = if instant.ends_with('Z') {
        "+00:00"
    } else {
        instant.get(instant.len().saturating_sub(6)..).unwrap_or("")
    };
    offset.to_owned()
}

/// The queues or fleets of the filter, or all queues; all fleets where persistent volumes count, which belong to fleets.
fn resources(subject: &Subject<'_>, problems: &mut Vec<String>) -> Result<String, Refusal> {
    let (kind, mut ids) = match subject.answer.filters.as_slice() {
        [] => {
            let kind = if subject.question.counts_volumes() { Dimension::Fleet } else { Dimension::Queue };
            (kind, all(subject, kind)?)
        }
        [filter] if is_of_resources(filter) => (
            filter.dimension(),
            filter.include().unwrap_or_default().iter().map(ToString::to_string).collect(),
        ),
        _ => {
            problems.push("it filters by some queues or by some fleets, and by nothing else".to_owned());
            return Ok(String::new());
        }
    };
    ids.sort_unstable();
    ids.dedup();
    if !(1..=RESOURCES_MAX).contains(&ids.len()) {
        problems.push(format!("it asks about one to ten {kind}s, and these are {}", ids.len()));
    }
    Ok(json!({ format!("{kind}Ids"): ids }).to_string())
}

fn is_of_resources(filter: &DimensionFilter) -> bool {
    [Dimension::Queue, Dimension::Fleet].contains(&filter.dimension())
        && filter.include().is_some()
        && filter.exclude().is_empty()
}

/// The ids of all queues or fleets.
fn all(subject: &Subject<'_>, kind: Dimension) -> Result<Vec<String>, Refusal> {
    let asked = ValuesRequest {
        by: FilteredBy::Dimension(kind),
        prefix: String::new(),
        contains: String::new(),
        limit: COUNTED_MAX,
    };
    let found =
        subject.service.usage_values(subject.request.caller(), subject.farm_id, &asked, subject.cancelled)?;
    Ok(found.values.into_iter().map(|value| value.id).collect())
}
