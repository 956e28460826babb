//! A question as SQL over the Parquet files of the folder, in which a session is cut at the buckets as the engine cuts it.
//!
//! Filters are those that the answer was made with: names are ids by then, and words are in their own case. DuckDB finds by
//! RE2 and the server by another library; [`extracted`] says what is done where they differ.

use farmtally_model::question::AskedStatistic;
use farmtally_model::{Dimension, DimensionFilter, FilterTerm, Grouping, NamePattern};

use super::Subject;
use crate::refusal::Refusal;

/// A text of SQL.
fn text(value: &(impl ToString + ?Sized)) -> String {
    format!("'{}'", value.to_string().replace('\'', "''"))
}

/// What fills the template.
pub(super) fn values(subject: &Subject<'_>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let answer = subject.answer;
    let factor = answer.farm.cost_scale_factor.to_string();
    let groups = groups(&answer.groupings)?;
    let buckets = answer.table.calendar.buckets();
    let buckets = buckets.map(|bucket| format!("({}, {})", bucket.start().millis(), bucket.end().millis()));
    Ok(vec![
        ("farm", subject.farm_id.to_string()),
        ("folder", text(&subject.folder)),
        ("buckets", buckets.collect::<Vec<_>>().join(",\n    ")),
        (
            "groups",
            groups
                .iter()
                .flat_map(|group| [group.value.as_str(), " AS ", group.name.as_str(), ", "])
                .collect::<String>(),
        ),
        ("names", groups.iter().map(|group| group.shown.as_str()).collect::<String>()),
        ("records", records(subject).to_owned()),
        ("where", conditions(subject)?),
        ("statistics", statistics(subject, &factor)),
        ("factor", factor),
    ])
}

/// A column of a group.
struct Column {
    /// What makes it of a line.
    value: String,
    /// What it is called until the last step.
    name: String,
    /// How the last step shows it.
    shown: String,
}

fn groups(groupings: &[Grouping]) -> Result<Vec<Column>, Refusal> {
    let mut columns = Vec::new();
    for (index, grouping) in groupings.iter().enumerate() {
        match grouping {
            Grouping::By(dimension) => {
                let (id, name) = names(*dimension);
                columns.push(Column { value: id.to_owned(), name: id.to_owned(), shown: format!("{id}, ") });
                // An id has one name; of several the greatest stands for all.
                columns.extend(name.map(|name| Column {
                    value: format!("max({name})"),
                    name: name.to_owned(),
                    shown: format!("max({name}) AS {name}, "),
                }));
            }
            Grouping::ByPattern(pattern) => {
                // A label may be called like any column, until nothing else is.
                let name = format!("part{index}");
                let label = pattern.label().replace('"', "\"\"");
                let shown = format!("{name} AS \"{label}\", ");
                columns.push(Column { value: extracted(pattern)?, name, shown });
            }
        }
    }
    Ok(columns)
}

/// What a dimension is called in the files, with the column of its name.
fn names(dimension: Dimension) -> (&'static str, Option<&'static str>) {
    match dimension {
        Dimension::Queue => ("queueId", Some("queueName")),
        Dimension::Fleet => ("fleetId", Some("fleetName")),
        Dimension::Job => ("jobId", Some("jobName")),
        Dimension::User => ("userId", None),
        Dimension::Worker => ("workerId", None),
        other => (other.as_str(), None),
    }
}

/// What a pattern takes out of the name of a job: its first group, or all that it matches.
///
/// RE2 takes `\w`, `\d`, `\s` and `\b` for ASCII, so that a name beyond it stops the query. What RE2 reads as something else
/// is refused here; what it cannot read at all, it refuses itself.
fn extracted(pattern: &NamePattern) -> Result<String, Refusal> {
    let expression = pattern.as_str().replace("(?<", "(?P<");
    if has_sets_of_sets(&expression) {
        let message = format!(
            "SQL cannot be asked this: DuckDB reads the set in the pattern {expression:?} as another one"
        );
        return Err(Refusal::cannot_be_asked(
            message,
            "write the set without [, && , -- and ~~ inside, or ask by curl or farmtally report",
        ));
    }
    let found = format!(
        "nullif(regexp_extract(jobName, {}, {}), '')",
        text(&expression),
        u8::from(pattern.has_group())
    );
    let differences: Vec<&str> = DIFFERENCES
        .iter()
        .filter(|(classes, _)| has_class(&expression, classes))
        .map(|(_, condition)| *condition)
        .collect();
    if differences.is_empty() {
        return Ok(found);
    }
    let problem = text(
        "a job has a name beyond ASCII, in which DuckDB does not find what the pattern finds; ask farmtally report",
    );
    Ok(format!("CASE WHEN {} THEN error({problem}) ELSE {found} END", differences.join(" OR ")))
}

/// Classes of patterns that RE2 takes for ASCII, and the names in which that is another answer.
const DIFFERENCES: [(&str, &str); 3] = [
    ("wWbB", "regexp_matches(jobName, '[^ -~]')"),
    ("dD", r"regexp_matches(regexp_replace(jobName, '[0-9]', '', 'g'), '\p{Nd}')"),
    (
        "sS",
        r"regexp_matches(jobName, '[\x0B\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]')",
    ),
];

/// Whether an expression has one of these classes.
fn has_class(expression: &str, classes: &str) -> bool {
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next().is_some_and(|next| classes.contains(next)) {
            return true;
        }
    }
    false
}

/// Whether a set has another in it, or one that is subtracted or shared.
fn has_sets_of_sets(expression: &str) -> bool {
    let mut characters = expression.chars().peekable();
    let mut is_inside = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '[' if is_inside => {
                if characters.peek() != Some(&':') {
                    return true;
                }
                // A class such as [:alpha:], which both know.
                while characters.next().is_some_and(|next| next != ']') {}
            }
            '[' => {
                is_inside = true;
                characters.next_if_eq(&'^');
                characters.next_if_eq(&']');
            }
            ']' => is_inside = false,
            '&' | '-' | '~' if is_inside && characters.peek() == Some(&character) => return true,
            _ => {}
        }
    }
    false
}

/// Which records count: sessions, and persistent volumes, which have no session, where the answer has them.
fn records(subject: &Subject<'_>) -> &'static str {
    if subject.question.counts_volumes() { "true" } else { "sessionId IS NOT NULL" }
}

fn conditions(subject: &Subject<'_>) -> Result<String, Refusal> {
    let mut conditions = Vec::new();
    // Grouped by product, licences are all there is. A filter by one leaves the machine's own line, which has none.
    if subject.answer.groupings.contains(&Grouping::By(Dimension::LicenseProduct)) {
        conditions.push("usageType = 'LICENSE'".to_owned());
    }
    for filter in &subject.answer.filters {
        if let Some(terms) = filter.include() {
            conditions.push(any(filter, terms)?);
        }
        if !filter.exclude().is_empty() {
            conditions.push(format!("{} IS NOT TRUE", any(filter, filter.exclude())?));
        }
    }
    Ok(conditions.into_iter().flat_map(|condition| ["\n        AND ".to_owned(), condition]).collect())
}

/// That one of the values is there.
fn any(filter: &DimensionFilter, terms: &[FilterTerm]) -> Result<String, Refusal> {
    let (column, _) = names(filter.dimension());
    let conditions = terms.iter().map(|term| {
        Ok(match term {
            FilterTerm::NoValue => format!("{column} IS NULL"),
            FilterTerm::Captured(pattern, None) => format!("{} IS NULL", extracted(pattern)?),
            FilterTerm::Captured(pattern, Some(found)) => {
                format!("{} = {}", extracted(pattern)?, text(found))
            }
            FilterTerm::JobName(glob) => {
                format!("regexp_matches(jobName, {})", text(&format!("(?is){}", glob.expression())))
            }
            other => format!("{column} = {}", text(other)),
        })
    });
    Ok(format!("({})", conditions.collect::<Result<Vec<_>, Refusal>>()?.join(" OR ")))
}

/// Every statistic but the sum, which the template has.
fn statistics(subject: &Subject<'_>, factor: &str) -> String {
    let amounts = [
        ("costInUsd", format!("nanos * {factor} / 1000000000")),
        ("runtimeSeconds", "runtimeMs / 1000".to_owned()),
    ];
    let column = |statistic: AskedStatistic| {
        let name = statistic.to_string();
        amounts.each_ref().map(|(unit, amount)| match statistic {
            AskedStatistic::Percentile(percentile) => {
                let thousandths = percentile.thousandths();
                format!(
                    ",\n    quantile_disc({amount}, {}.{:05}) AS \"{unit}_{name}\"",
                    thousandths / 100_000,
                    thousandths % 100_000
                )
            }
            AskedStatistic::Of(_) => format!(",\n    {name}({amount}) AS {unit}_{name}"),
        })
    };
    let asked = subject.answer.statistics.iter().filter(|statistic| statistic.to_string() != "sum");
    asked.flat_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_is_read_in_two_ways_is_told_from_others() {
        for expression in ["[a&&b]", "[[a]b]", "x[^]--b]", "[a~~b]"] {
            assert!(has_sets_of_sets(expression), "{expression}");
        }
        for expression in [r"^([a-z]+)_", r"[[:alpha:]x]", r"\[a&&b", "a--b", r"[\[x]", "[]a-z]+&&"] {
            assert!(!has_sets_of_sets(expression), "{expression}");
        }
        assert!(has_class(r"^(\w+)", "wW") && !has_class(r"\\w", "wW") && !has_class(r"\d", "wW"));
    }
}
