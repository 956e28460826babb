//! The same question for another tool, ready to run. The texts are those of the page's "Copy as", by the same templates.

mod aws;
mod sql;

use farmtally_model::FarmId;
use farmtally_model::question::UsageQuestion;
use farmtally_service::Catalogue;
use farmtally_wire::native::{AnswerHead, Query};

use crate::args::Tool;
use crate::data_folder::DataFolder;
use crate::report_error::Failure;
use crate::shell::quoted;

const CURL: &str = include_str!("../../../../../../web/copy.curl.txt");
const PYTHON: &str = include_str!("../../../../../../web/copy.py.txt");
const SHELL: &str = include_str!("../../../../../../web/copy.sh.txt");
const SQL: &str = include_str!("../../../../../../web/copy.sql.txt");

/// What the templates call the data folder.
const FOLDER: &str = "DIR";

/// A question, and what is known of its answer.
pub(super) struct Subject<'a> {
    pub(super) farm_id: FarmId,
    pub(super) query: &'a Query,
    /// The same, read and checked.
    pub(super) question: &'a UsageQuestion,
    /// Window, buckets and factor, as the server understood them.
    pub(super) head: &'a AnswerHead,
    pub(super) folder: &'a DataFolder,
    pub(super) catalogue: &'a Catalogue,
}

/// What a text for a tool leaves out of the question, for people to know.
pub(super) fn left_out(tool: Tool, query: &Query) -> Option<String> {
    if tool == Tool::Curl {
        return None;
    }
    let top = query.top.map(|top| format!("all groups and not only the first {top}"));
    let is_compared = query.compare.as_deref().is_some_and(|compare| compare != "none");
    let compared =
        is_compared.then(|| "the range alone, without the one that it is compared with".to_owned());
    let parts: Vec<String> = top.into_iter().chain(compared).collect();
    (!parts.is_empty())
        .then(|| format!("this asks for {}; `--as curl` asks for all of it", parts.join(", and for ")))
}

/// The text for a tool, or why it cannot be asked this.
pub(super) fn text(tool: Tool, subject: &Subject<'_>) -> Result<String, Failure> {
    let folder = subject.folder.path().to_string_lossy();
    // The folder goes in first, so that what was asked for is never taken for the place of it.
    let in_shell = |template: &str| template.replace(FOLDER, &quoted(&folder));
    Ok(match tool {
        Tool::Boto3 => filled(&in_shell(PYTHON), &aws::values(subject, aws::Spelling::Python)?),
        Tool::Aws => filled(&in_shell(SHELL), &aws::values(subject, aws::Spelling::Shell)?),
        Tool::Curl => filled(&in_shell(CURL), &curl_values(subject)?),
        Tool::Sql => {
            let template = SQL.replace(&format!("'{FOLDER}'"), &sql::text(&folder));
            filled(&template, &sql::values(subject)?)
        }
    })
}

fn curl_values(subject: &Subject<'_>) -> Result<Vec<(&'static str, String)>, Failure> {
    let question = serde_json::to_string(subject.query).map_err(|error| Failure::of(&error))?;
    Ok(vec![("farm", subject.farm_id.to_string()), ("question", quoted(&question).into_owned())])
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
