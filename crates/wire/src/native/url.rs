//! A question as a query string, for links and for `curl`.
//!
//! Values are decoded by RFC 3986, so that a `+` is a plus. In `by`, a pattern stands for itself behind its label, and may
//! hold anything but be first of several: a comma in it would end it, and such patterns are given as a `by` of their own.

use farmtally_model::Dimension;
use farmtally_model::question::{QuestionError, ROWS_MAX, TOP_MAX};

use super::query::{Filter, GroupBy, NamedPattern, Query};
use crate::query_string::decoded_pairs;

/// The parameters of a question, each with whether it may be given several times.
pub const QUERY_PARAMETERS: [(&str, bool); 15] = [
    ("last", false),
    ("in", false),
    ("from", false),
    ("to", false),
    ("timeZone", false),
    ("period", false),
    ("by", true),
    ("pattern", true),
    ("where", true),
    ("stat", true),
    ("top", false),
    ("topBy", false),
    ("other", false),
    ("compare", false),
    ("rowsMax", false),
];

const WHERE_HINT: &str = "write queue=lighting, user!=alice, jobName~*test*, jobName!~*test* or outcome=";

/// Reads a question; `others` are parameters that the route has beside it.
pub fn parse_query_string(raw: &str, others: &[&str]) -> Result<Query, QuestionError> {
    let mut query = Query::default();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in decoded_pairs(raw) {
        let (Some(name), Some(value)) = (name, value) else {
            return Err(QuestionError::new("query", raw, "not percent-encoded UTF-8"));
        };
        if others.contains(&name.as_str()) {
            if seen.contains(&name) {
                return Err(QuestionError::new(name, value, "given twice; once is allowed"));
            }
            seen.push(name);
            continue;
        }
        let Some((_, may_repeat)) = QUERY_PARAMETERS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> =
                QUERY_PARAMETERS.iter().map(|(known, _)| *known).chain(others.iter().copied()).collect();
            let hint = format!("the parameters are {}", known.join(", "));
            return Err(QuestionError::new(name, value, "not a parameter").hint(hint));
        };
        if !may_repeat && seen.contains(&name) {
            return Err(QuestionError::new(name, value, "given twice; once is allowed"));
        }
        read_parameter(&mut query, &name, value)?;
        seen.push(name);
    }
    Ok(query)
}

/// The decoded value of a parameter that is not one of a question.
pub fn parameter(raw: &str, name: &str) -> Result<Option<String>, QuestionError> {
    let value = decoded_pairs(raw).find(|(known, _)| known.as_deref() == Some(name));
    match value {
        None => Ok(None),
        Some((_, Some(value))) => Ok(Some(value)),
        Some((_, None)) => Err(QuestionError::new(name, raw, "not percent-encoded UTF-8")),
    }
}

fn read_parameter(query: &mut Query, name: &str, value: String) -> Result<(), QuestionError> {
    match name {
        "last" => query.last = Some(value),
        "in" => query.within = Some(value),
        "from" => query.from = Some(value),
        "to" => query.to = Some(value),
        "timeZone" => query.time_zone = Some(value),
        "period" => query.period = Some(value),
        "by" => read_by(query, &value)?,
        "pattern" => query.patterns.push(named_pattern("pattern", &value)?),
        "where" => read_where(query, &value)?,
        "stat" => query.statistics.extend(value.split(',').map(str::to_owned)),
        "top" => query.top = Some(number("top", &value, TOP_MAX)?),
        "topBy" => query.top_by = Some(value),
        "other" => query.other = Some(truth("other", &value)?),
        "compare" => query.compare = Some(value),
        _ => query.rows_max = Some(number("rowsMax", &value, ROWS_MAX)?),
    }
    Ok(())
}

fn number(name: &str, value: &str, most: usize) -> Result<u64, QuestionError> {
    value.parse().map_err(|_| {
        QuestionError::new(name, value, "not a whole number above zero")
            .hint(format!("write one from 1 to {most}"))
    })
}

fn truth(name: &str, value: &str) -> Result<bool, QuestionError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(QuestionError::new(name, value, "neither true nor false")),
    }
}

/// `queue,user`, or one pattern with its label, which may have commas in it.
fn read_by(query: &mut Query, value: &str) -> Result<(), QuestionError> {
    if value.contains(':') {
        if let Some((_, last)) = value.rsplit_once(',')
            && (Dimension::parse(last).is_some() || is_pattern(last))
        {
            let message = "a pattern is given with others, and a comma in it is its own";
            return Err(
                QuestionError::new("by", value, message).hint("give the pattern by a `by` of its own")
            );
        }
        query.group_by.push(GroupBy::Pattern(named_pattern("by", value)?));
        return Ok(());
    }
    let names = value.split(',').filter(|name| !name.is_empty());
    query.group_by.extend(names.map(|name| GroupBy::Dimension(name.to_owned())));
    Ok(())
}

/// Whether a text begins with a label: `shot:sh[0-9]+`.
fn is_pattern(text: &str) -> bool {
    let label = text.split_once(':').map_or("", |(label, _)| label);
    !label.is_empty() && label.chars().all(|character| character.is_alphanumeric() || character == '_')
}

fn named_pattern(parameter: &str, value: &str) -> Result<NamedPattern, QuestionError> {
    match value.split_once(':') {
        Some((label, pattern)) if !label.contains(',') => {
            Ok(NamedPattern { label: label.to_owned(), job_name: pattern.to_owned() })
        }
        Some(_) => Err(QuestionError::new(parameter, value, "a pattern is given with others")
            .hint("give it by a parameter of its own")),
        None => {
            Err(QuestionError::new(parameter, value, "not a label and a pattern")
                .hint("write show:^([a-z]+)_"))
        }
    }
}

impl GroupBy {
    /// The same as the parameter `by`.
    pub fn parameter(&self) -> Result<String, QuestionError> {
        match self {
            Self::Dimension(name) => Ok(name.clone()),
            Self::Pattern(pattern) => pattern.parameter("groupBy"),
        }
    }
}

impl NamedPattern {
    /// The same as the parameter `pattern`; `field` is where it stands.
    pub fn parameter(&self, field: &str) -> Result<String, QuestionError> {
        if self.label.contains([':', ',']) {
            let message = "a label with a colon or a comma cannot be written in one word with its pattern";
            return Err(QuestionError::new(field, &self.label, message));
        }
        Ok(format!("{}:{}", self.label, self.job_name))
    }
}

impl Filter {
    /// The same as parameters `where`: one for what is included and one for what is excluded.
    pub fn parameters(&self) -> Vec<String> {
        let sign = if self.dimension == Dimension::JobName.as_str() { '~' } else { '=' };
        let escaped = |value: &Option<String>| {
            value.as_deref().unwrap_or_default().replace('\\', r"\\").replace('|', r"\|")
        };
        let text = |not: &str, values: &[Option<String>]| {
            let values: Vec<String> = values.iter().map(escaped).collect();
            format!("{}{not}{sign}{}", self.dimension, values.join("|"))
        };
        let include = self.include.as_deref().map(|values| text("", values));
        let exclude = (!self.exclude.is_empty()).then(|| text("!", &self.exclude));
        include.into_iter().chain(exclude).collect()
    }
}

/// `dim=value`, `dim!=value`, `jobName~glob` or `jobName!~glob`; several values are divided by `|`, and none is no value. A bar
/// that belongs to a value has a backslash before it, and so has a backslash before a bar or another.
fn read_where(query: &mut Query, value: &str) -> Result<(), QuestionError> {
    let error = |message: &str| QuestionError::new("where", value, message).hint(WHERE_HINT);
    let at = value.find(['=', '~', '!']).ok_or_else(|| error("no comparison"))?;
    let (dimension, rest) = value.split_at(at);
    let (is_excluded, rest) = rest.strip_prefix('!').map_or((false, rest), |rest| (true, rest));
    let (is_glob, text) = match rest.strip_prefix('~') {
        Some(text) => (true, text),
        None => (false, rest.strip_prefix('=').ok_or_else(|| error("no comparison"))?),
    };
    if is_glob && dimension != Dimension::JobName.as_str() {
        return Err(error("only jobName is compared by ~"));
    }
    let values = divided(text).into_iter().map(|value| (!value.is_empty()).then_some(value)).collect();
    let (include, exclude) = if is_excluded { (None, values) } else { (Some(values), Vec::new()) };
    query.filters.push(Filter { dimension: dimension.to_owned(), include, exclude });
    Ok(())
}

fn divided(text: &str) -> Vec<String> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '|' => values.push(std::mem::take(&mut value)),
            '\\' => value.push(characters.next_if(|next| matches!(next, '|' | '\\')).unwrap_or('\\')),
            other => value.push(other),
        }
    }
    values.push(value);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(raw: &str) -> String {
        serde_json::to_string(&parse_query_string(raw, &["format"]).unwrap()).unwrap()
    }

    fn sentence(raw: &str) -> String {
        parse_query_string(raw, &["format"]).unwrap_err().to_string()
    }

    #[test]
    fn a_query_string_is_the_same_document() {
        for (raw, expected) in [
            ("", "{}"),
            ("format=csv&last=30d", r#"{"last":"30d"}"#),
            (
                "in=2026-01&timeZone=Europe%2FParis&period=day&by=queue,user&stat=sum,p95&stat=max&top=9&topBy=runtime&other=false&compare=previous&rowsMax=5",
                r#"{"in":"2026-01","timeZone":"Europe/Paris","period":"day","groupBy":["queue","user"],"statistics":["sum","p95","max"],"top":9,"topBy":"runtime","other":false,"compare":"previous","rowsMax":5}"#,
            ),
            (
                "from=2026-01-01&to=2026-01-02T00:00%2B01:00",
                r#"{"from":"2026-01-01","to":"2026-01-02T00:00+01:00"}"#,
            ),
            (
                "by=queue&by=show:%5E(%5Ba-z%5D%7B1,3%7D)_&pattern=shot:sh%5Cd%2B",
                r#"{"groupBy":["queue",{"jobName":"^([a-z]{1,3})_","label":"show"}],"patterns":[{"jobName":"sh\\d+","label":"shot"}]}"#,
            ),
            (
                "where=queue=lighting&where=user!=alice|bob&where=jobName~*a=b*&where=jobName!~*test*&where=outcome=&where=worker!=",
                r#"{"filters":[{"dimension":"queue","include":["lighting"]},{"dimension":"user","exclude":["alice","bob"]},{"dimension":"jobName","include":["*a=b*"]},{"dimension":"jobName","exclude":["*test*"]},{"dimension":"outcome","include":[null]},{"dimension":"worker","exclude":[null]}]}"#,
            ),
        ] {
            assert_eq!(document(raw), expected, "{raw}");
        }
    }

    #[test]
    fn filters_and_groups_read_back_from_their_parameters() {
        let raw =
            r"by=queue&by=show:^([a-z]{1,3})_&where=queue=a\|b|c\\|&where=jobName!~*sh*|x&where=outcome=";
        let raw = raw.replace('%', "%25");
        let query = parse_query_string(&raw, &[]).unwrap();
        let by = query.group_by.iter().map(|by| format!("by={}", by.parameter().unwrap()));
        let filters = query.filters.iter().flat_map(Filter::parameters).map(|text| format!("where={text}"));
        assert_eq!(by.chain(filters).collect::<Vec<_>>().join("&"), raw);
        let pattern = NamedPattern { label: "a:b".to_owned(), job_name: "x".to_owned() };
        assert!(pattern.parameter("patterns[0]").is_err());
    }

    #[test]
    fn a_bar_in_a_value_has_a_backslash_before_it() {
        for (text, values) in [
            ("a|b", vec!["a", "b"]),
            (r"a\|b", vec!["a|b"]),
            (r"a\\|b", vec![r"a\", "b"]),
            (r"a\b\", vec![r"a\b\"]),
            (r"\\\||", vec![r"\|", ""]),
            ("", vec![""]),
        ] {
            assert_eq!(divided(text), values, "{text}");
        }
    }

    #[test]
    fn a_parameter_that_cannot_be_read_is_named() {
        assert_eq!(
            sentence("top=nine"),
            "top \"nine\": not a whole number above zero; write one from 1 to 10000"
        );
        assert!(
            sentence("rowsMax=-1")
                .starts_with("rowsMax \"-1\": not a whole number above zero; write one from 1 to ")
        );
        assert_eq!(sentence("other=1"), "other \"1\": neither true nor false");
        assert_eq!(sentence("last=1d&last=2d"), "last \"2d\": given twice; once is allowed");
        assert!(
            sentence("groupBy=queue")
                .starts_with("groupBy \"queue\": not a parameter; the parameters are last, in")
        );
        assert!(sentence("groupBy=queue").ends_with("rowsMax, format"));
        assert_eq!(sentence("last=%zz"), "query \"last=%zz\": not percent-encoded UTF-8");
        assert!(sentence("where=queue").starts_with("where \"queue\": no comparison; write queue=lighting"));
        assert!(sentence("where=queue~a").contains("only jobName is compared by ~"));
        for raw in ["by=user,show:a", r"by=show:^(\S+) ,queue", "by=show:a{1,3},user", "by=show:a,shot:b"] {
            assert!(sentence(raw).ends_with("give the pattern by a `by` of its own"), "{raw}");
        }
        assert!(sentence("pattern=show").contains("not a label and a pattern"));
    }
}
