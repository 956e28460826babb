//! A question for another tool, as a text that runs as it stands: a script for boto3, commands, or SQL.
//!
//! The question is asked here first, so that a text has the ids, the window and the buckets that the answer has, and is
//! refused where the tool would answer something else. The page's "Copy as" and `farmtally report --as` both ask for it.

mod aws;
mod report;
mod sql;

use std::sync::atomic::AtomicBool;

use farmtally_model::question::{QuestionError, UsageQuestion};
use farmtally_model::{FarmId, Top};
use farmtally_service::{Service, UsageAnswer};
use farmtally_wire::native::{Query, parameter};
use http::StatusCode;

use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::shell_word::quoted;

/// What the data folder is called where nobody says where it is.
const FOLDER: &str = "DIR";
/// Most bytes of a folder's path.
const FOLDER_BYTES_MAX: usize = 4_096;

/// A tool that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Boto3,
    Aws,
    Curl,
    Report,
    Sql,
}

/// Every tool with its word for the parameter `format`.
pub(super) const TOOLS: [(Tool, &str); 5] = [
    (Tool::Boto3, "boto3"),
    (Tool::Aws, "aws"),
    (Tool::Curl, "curl"),
    (Tool::Report, "report"),
    (Tool::Sql, "sql"),
];

impl Tool {
    /// The tool that a request asks for, if it asks for one.
    pub(super) fn of_request(request: &VerifiedRequest) -> Option<Self> {
        let word = request.raw_query().split('&').find_map(|pair| pair.strip_prefix("format="))?;
        TOOLS.iter().find(|(_, known)| *known == word).map(|(tool, _)| *tool)
    }
}

/// What a text is made of.
struct Subject<'a> {
    service: &'a Service,
    request: &'a VerifiedRequest,
    farm_id: FarmId,
    query: &'a Query,
    question: &'a UsageQuestion,
    /// Window, buckets, filters and factor, as they were understood.
    answer: &'a UsageAnswer,
    folder: String,
    cancelled: &'a AtomicBool,
}

/// Answers with the text for a tool, or says why the tool cannot be asked.
pub(super) fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    query: &Query,
    tool: Tool,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let folder = folder(request)?;
    let question = query.check()?;
    // One group: nobody looks at the numbers.
    let top = question.top.map(|top| Top { groups: std::num::NonZeroUsize::MIN, ..top });
    let few = UsageQuestion { top, compare: None, ..question.clone() };
    let answer = service.usage(request.caller(), farm_id, &few, cancelled)?;
    let subject =
        Subject { service, request, farm_id, query, question: &question, answer: &answer, folder, cancelled };
    let text = match tool {
        Tool::Boto3 => filled(include_str!("boto3.txt"), &aws::values(&subject, aws::Spelling::Python)?),
        Tool::Aws => filled(include_str!("aws.txt"), &aws::values(&subject, aws::Spelling::Shell)?),
        Tool::Curl => filled(include_str!("curl.txt"), &curl_values(&subject)?),
        Tool::Report => report::command(&subject)?,
        Tool::Sql => filled(include_str!("sql.txt"), &sql::values(&subject)?),
    };
    Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", text))
}

/// The data folder that the text is to name.
fn folder(request: &VerifiedRequest) -> Result<String, QuestionError> {
    let folder = parameter(request.raw_query(), "folder")?.unwrap_or_else(|| FOLDER.to_owned());
    if folder.is_empty() || folder.len() > FOLDER_BYTES_MAX || folder.chars().any(char::is_control) {
        let message = format!("a path has 1 to {FOLDER_BYTES_MAX} bytes and no control characters");
        return Err(QuestionError::new("folder", folder, message));
    }
    Ok(folder)
}

fn curl_values(subject: &Subject<'_>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let question = serde_json::to_string(subject.query).map_err(Refusal::internal)?;
    Ok(vec![
        ("farm", subject.farm_id.to_string()),
        ("folder", quoted(&subject.folder).into_owned()),
        ("question", quoted(&question).into_owned()),
    ])
}

/// A template with its places filled, each once: what fills one is not looked into again.
fn filled(template: &str, values: &[(&'static str, String)]) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template.trim_end();
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, place)| Some((before, place.split_once("}}")?)))
    {
        text.push_str(before);
        let value = values.iter().find(|(known, _)| *known == name);
        text.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_place_in_it_stays_as_it_is() {
        let values = [("a", "{{b}}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(filled("1 {{a}} 2 {{b}}{{c}}\n", &values), "1 {{b}} 2 x");
        assert_eq!(filled("no places {{", &values), "no places {{");
    }
}
