//! From flags to the document that the native API is asked with.
//!
//! Flags have the words of the API's query string, so that they are put together as one and read by the reader that the
//! server has too: what is wrong is said in the same words, with the flag in the place of the member.

use farmtally_model::question::QuestionError;
use farmtally_wire::native::{BOTH_ENDS_HINT, Query, parse_query_string};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::args::{Metric, QuestionArguments};
use crate::report_error::Failure;

/// Most rows of an answer, as many as the API gives at all.
const ROWS_MAX: u64 = 1_000_000;

/// [`BOTH_ENDS_HINT`] in flags.
const BOTH_ENDS_IN_FLAGS: &str = "give both: `--from 2026-01-01 --to 2026-02-01` is January";

/// What does not stand for itself in a query string (RFC 3986).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The document; with `needs_sum` the sum is in it, whatever else is asked for.
pub(super) fn query(asked: &QuestionArguments, metric: Metric, needs_sum: bool) -> Result<Query, Failure> {
    let read = parse_query_string(&query_string(&pairs(asked)), &[]);
    let mut query = read.map_err(|error| not_understood(&error))?;
    query.rows_max = Some(ROWS_MAX);
    query.top_by = Some(rank_name(metric).to_owned());
    let lacks_sum = !query.statistics.is_empty() && !query.statistics.iter().any(|name| name == "sum");
    if needs_sum && lacks_sum {
        query.statistics.push("sum".to_owned());
    }
    query.check().map_err(|error| not_understood(&error))?;
    Ok(query)
}

/// What the API calls a metric.
pub(super) const fn rank_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Cost => "cost",
        Metric::Hours => "runtime",
        Metric::Sessions => "sessions",
    }
}

/// The flags as the parameters of a query string.
pub(super) fn pairs(asked: &QuestionArguments) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<(&'static str, String)> = Vec::new();
    let single = [
        ("last", &asked.last),
        ("in", &asked.within),
        ("from", &asked.from),
        ("to", &asked.to),
        ("timeZone", &asked.time_zone),
        ("period", &asked.period),
        ("compare", &asked.compare),
        ("top", &asked.top),
    ];
    pairs.extend(single.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    pairs.extend(asked.by.iter().map(|by| ("by", by.clone())));
    pairs.extend(asked.pattern.iter().map(|pattern| ("pattern", pattern.clone())));
    pairs.extend(asked.conditions.iter().map(|condition| ("where", full_name(condition))));
    pairs.extend(asked.stat.iter().map(|stat| ("stat", stat.clone())));
    if asked.no_other {
        pairs.push(("other", "false".to_owned()));
    }
    pairs
}

/// `job~glob` is about the names of jobs, whose ids nobody writes with stars.
fn full_name(condition: &str) -> String {
    match condition.strip_prefix("job") {
        Some(rest) if rest.starts_with('~') || rest.starts_with("!~") => format!("jobName{rest}"),
        _ => condition.to_owned(),
    }
}

/// The parameters as a query string.
pub(super) fn query_string(pairs: &[(&'static str, String)]) -> String {
    let encoded = pairs.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)));
    encoded.collect::<Vec<_>>().join("&")
}

/// The flag that a member of the question came from.
pub(super) fn flag_of(field: &str) -> Option<&'static str> {
    let member = field.split(['[', '.']).next().unwrap_or_default();
    Some(match member {
        "last" => "--last",
        "in" => "--in",
        "from" => "--from",
        "to" => "--to",
        "timeZone" => "--time-zone",
        "period" => "--period",
        "by" | "groupBy" => "--by",
        "pattern" | "patterns" => "--pattern",
        "where" | "filters" => "--where",
        "stat" | "statistics" => "--stat",
        "top" => "--top",
        "compare" => "--compare",
        _ => return None,
    })
}

pub(super) fn not_understood(error: &QuestionError) -> Failure {
    let flag = flag_of(&error.field).unwrap_or(&error.field);
    let given = error.value.as_ref().map_or_else(|| flag.to_owned(), |value| format!("{flag} {value}"));
    let failure = Failure::usage(format!("`{given}`: {}", error.message));
    match error.hint.as_deref() {
        Some(BOTH_ENDS_HINT) => failure.hint(BOTH_ENDS_IN_FLAGS),
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command, ReportArguments};
    use clap::Parser;

    fn arguments(words: &[&str]) -> ReportArguments {
        let all = ["farmtally", "report", "--data-dir", "data"].iter().chain(words);
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Report(arguments) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    fn document(words: &[&str]) -> String {
        let ReportArguments { question, metric, limits, .. } = arguments(words);
        let query = query(&question, metric, limits.fail_over.is_some()).unwrap();
        serde_json::to_string(&query).unwrap()
    }

    #[test]
    fn flags_become_the_document() {
        assert_eq!(document(&[]), r#"{"topBy":"cost","rowsMax":1000000}"#);
        assert_eq!(
            document(&[
                "--by",
                "queue,user",
                "--by",
                "show:^(a|b),",
                "--last",
                "6mo",
                "--tz",
                "Europe/Paris",
                "--top",
                "9",
                "--no-other"
            ]),
            r#"{"last":"6mo","timeZone":"Europe/Paris","groupBy":["queue","user",{"jobName":"^(a|b),","label":"show"}],"top":9,"topBy":"cost","other":false,"rowsMax":1000000}"#
        );
        assert_eq!(
            document(&[
                "--where",
                "job~*=é+*",
                "--where",
                "user!=a|b",
                "--metric",
                "hours",
                "--stat",
                "p95,max",
                "--fail-over",
                "5",
                "--compare",
                "year"
            ]),
            r#"{"filters":[{"dimension":"jobName","include":["*=é+*"]},{"dimension":"user","exclude":["a","b"]}],"statistics":["p95","max","sum"],"topBy":"runtime","compare":"year","rowsMax":1000000}"#
        );
    }

    #[test]
    fn a_job_by_its_id_stays_one() {
        assert_eq!(full_name("job=job-1"), "job=job-1");
        assert_eq!(full_name("job!~*x"), "jobName!~*x");
        assert_eq!(full_name("jobName~*x"), "jobName~*x");
    }

    #[test]
    fn every_member_has_its_flag() {
        for (field, flag) in
            [("groupBy[1]", "--by"), ("filters[0].include[2]", "--where"), ("timeZone", "--time-zone")]
        {
            assert_eq!(flag_of(field), Some(flag));
        }
        assert_eq!(flag_of("rowsMax"), None);
    }
}
