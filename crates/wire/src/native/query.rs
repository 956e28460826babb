//! A question about usage as a JSON document.

use farmtally_model::question::{FilteredBy, QuestionError, UsageQuestion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::check::{check, pattern};

/// A question about usage. Every member may be left out; what is then asked stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Query {
    /// So many hours, days, weeks, months, quarters or years, the running one the last of them: `12h`, `30d`, `8w`, `6mo`,
    /// `2q`, `1y`. The usual window is `30d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "30d")]
    pub last: Option<String>,
    /// A unit of the calendar: `2026`, `2026-Q1`, `2026-01`, `2026-W03`, `2026-01-15`, `today`, `yesterday`, or `this-` or
    /// `last-` before `week`, `month`, `quarter` or `year`.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01")]
    pub within: Option<String>,
    /// The first instant of the window: a date, a local date and time, or an instant. Needs `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first instant after the window. Needs `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// An IANA name or `UTC±hh:mm`; `UTC` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Paris")]
    pub time_zone: Option<String>,
    /// `none`, `hour`, `day`, `week`, `month`, `quarter`, `year`, or `auto` for at most ninety buckets; `none` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "day")]
    pub period: Option<String>,
    /// At most eight dimensions and patterns. Without any there is one group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<GroupBy>,
    /// Patterns that filters name by their labels, beside those of `groupBy`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<NamedPattern>,
    /// What has to hold; all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// `sum`, `avg`, `min`, `max` and percentiles such as `p50`, `p95` and `p99.9`; `sum` without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<String>,
    /// How many groups are shown, 1 to 10,000; all without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<u64>,
    /// By which total groups are ranked: `cost`, `runtime` or `sessions`; `cost` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_by: Option<String>,
    /// Whether the groups that `top` leaves out are one more group; true without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<bool>,
    /// `previous` for the window before, `year` for the same window a year earlier, `none` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
    /// Most rows of the answer, 1 to 1,000,000; an answer that would have more is refused. 100,000 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_max: Option<u64>,
}

/// One thing to group by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum GroupBy {
    /// A dimension: `queue`, `fleet`, `job`, `jobName`, `user`, `usageType`, `instanceType`, `licenseProduct`, `worker` or
    /// `outcome`; or the label of one of the `patterns`.
    Dimension(String),
    /// What a pattern takes out of the names of jobs.
    Pattern(NamedPattern),
}

/// A regular expression over the names of jobs. What its first group matches, or all of it without a group, is the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedPattern {
    /// The regular expression, at most 512 bytes.
    #[schema(example = "^(?<show>[a-z0-9]+)_")]
    pub job_name: String,
    /// What the value is called, 1 to 64 characters.
    #[schema(example = "show")]
    pub label: String,
}

/// Something that has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// A dimension, or the label of a pattern.
    #[schema(example = "queue")]
    pub dimension: String,
    /// The values of which one has to be there: ids or names, or globs with `*` for `jobName`; null for no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<Option<String>>>,
    /// The values that must not be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Option<String>>,
}

impl Query {
    /// Reads the JSON body of a request. No body is the question without members.
    pub fn parse(body: &[u8]) -> Result<Self, QuestionError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let document: Value = serde_json::from_slice(body)
            .map_err(|error| QuestionError::missing("body", format!("not JSON: {error}")))?;
        if !document.is_object() {
            return Err(QuestionError::new("body", document, "not a JSON object"));
        }
        serde_path_to_error::deserialize(&document).map_err(|error| shape_error(&document, &error))
    }

    /// The pattern with a label.
    pub(super) fn pattern(&self, label: &str) -> Result<FilteredBy, QuestionError> {
        pattern(self, label)
    }

    /// The question, if every member is what it has to be.
    pub fn check(&self) -> Result<UsageQuestion, QuestionError> {
        check(self)
    }
}

/// What stands where a member of another shape should.
fn shape_error(document: &Value, error: &serde_path_to_error::Error<serde_json::Error>) -> QuestionError {
    let field = error.path().to_string();
    let found =
        field.split('.').flat_map(|part| part.split('[')).try_fold(document, |value, part| {
            match part.strip_suffix(']') {
                Some(index) => value.get(index.parse::<usize>().ok()?),
                None => value.get(part),
            }
        });
    let message = match error.inner().to_string() {
        message if message.contains("untagged enum GroupBy") => {
            "neither a dimension nor an object with jobName and label".to_owned()
        }
        message => message,
    };
    match found {
        Some(found) => QuestionError::new(field, found, message),
        None => QuestionError::missing(if field == "." { "body".to_owned() } else { field }, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(body: &str) -> String {
        Query::parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_document_reads_back() {
        let text = r#"{"in":"2026-01","timeZone":"Europe/Paris","period":"day","groupBy":["queue",{"jobName":"^a","label":"show"}],"filters":[{"dimension":"queue","include":["lighting",null]},{"dimension":"jobName","exclude":["*test*"]}],"statistics":["sum","p95"],"top":9,"topBy":"cost","other":false,"compare":"previous","rowsMax":5}"#;
        let query = Query::parse(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&query).unwrap(), text);
        assert_eq!(Query::parse(b" \n").unwrap(), Query::default());
    }

    #[test]
    fn a_member_of_another_shape_is_named_with_what_stands_there() {
        assert_eq!(
            sentence(r#"{"groupBy":["queue",3]}"#),
            "groupBy[1] \"3\": neither a dimension nor an object with jobName and label"
        );
        assert!(
            sentence(r#"{"top":"nine"}"#).starts_with("top \"\\\"nine\\\"\": invalid type: string \"nine\"")
        );
        assert!(sentence(r#"{"top":-1}"#).starts_with("top \"-1\": invalid value: integer `-1`"));
        assert!(
            sentence(r#"{"filters":[{"dimension":"queue","include":[1]}]}"#)
                .starts_with("filters[0].include[0]")
        );
        assert!(
            sentence(r#"{"groupby":["queue"]}"#)
                .contains("unknown field `groupby`, expected one of `last`, `in`")
        );
        assert_eq!(sentence("[]"), "body \"[]\": not a JSON object");
        assert!(sentence("{").starts_with("body: not JSON: EOF"));
    }
}
