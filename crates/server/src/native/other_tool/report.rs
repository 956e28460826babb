//! A question as a command of this program.

use farmtally_wire::native::Filter;

use super::Subject;
use crate::refusal::Refusal;
use crate::shell_word::quoted;

/// The command, a flag a line.
pub(super) fn command(subject: &Subject<'_>) -> Result<String, Refusal> {
    let query = subject.query;
    let mut flags = vec![("data-dir", subject.folder.clone()), ("farm", subject.farm_id.to_string())];
    let single = [
        ("last", &query.last),
        ("in", &query.within),
        ("from", &query.from),
        ("to", &query.to),
        ("time-zone", &query.time_zone),
        ("period", &query.period),
        ("compare", &query.compare),
    ];
    flags.extend(single.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    for by in &query.group_by {
        flags.push(("by", by.parameter()?));
    }
    for pattern in &query.patterns {
        flags.push(("pattern", pattern.parameter("patterns")?));
    }
    flags.extend(query.filters.iter().flat_map(Filter::parameters).map(|text| ("where", text)));
    if !query.statistics.is_empty() {
        flags.push(("stat", query.statistics.join(",")));
    }
    flags.extend(query.top.map(|top| ("top", top.to_string())));
    match query.top_by.as_deref() {
        Some("runtime") => flags.push(("metric", "hours".to_owned())),
        Some(metric) => flags.push(("metric", metric.to_owned())),
        None => {}
    }
    let mut words: Vec<String> =
        flags.iter().map(|(name, value)| format!("--{name} {}", quoted(value))).collect();
    if query.top.is_some() && query.other == Some(false) {
        words.push("--no-other".to_owned());
    }
    Ok(format!("farmtally report {}", words.join(" \\\n    ")))
}
