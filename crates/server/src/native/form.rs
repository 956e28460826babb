//! In which form an answer goes out.

use farmtally_model::question::QuestionError;
use farmtally_service::UsageAnswer;
use http::HeaderValue;
use http::header::ACCEPT;

use crate::gate::VerifiedRequest;

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The whole answer, as a JSON object.
    Json,
    /// The rows, with a header line, by RFC 4180.
    Csv,
    /// The rows, as a stream of Arrow IPC.
    Arrow,
    /// The rows, as a Parquet file.
    Parquet,
}

/// Every form with its word, which also ends the names of its files, and its media type.
const FORMS: [(Form, &str, &str); 4] = [
    (Form::Json, "json", "application/json"),
    (Form::Csv, "csv", "text/csv; charset=utf-8"),
    (Form::Arrow, "arrow", "application/vnd.apache.arrow.stream"),
    (Form::Parquet, "parquet", "application/vnd.apache.parquet"),
];

impl Form {
    /// The form with this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        FORMS.iter().find(|(_, known, _)| *known == word).map(|(form, ..)| *form)
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        FORMS.iter().find(|(form, ..)| *form == self).map_or("", |(_, word, _)| word)
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        FORMS.iter().find(|(form, ..)| *form == self).map_or("", |(_, _, media_type)| media_type)
    }

    /// The form that a request asks for: by the parameter `format`, else by `Accept`, else JSON.
    pub(crate) fn of_request(request: &VerifiedRequest) -> Result<Self, QuestionError> {
        let parameter = request.raw_query().split('&').find_map(|pair| pair.strip_prefix("format="));
        match parameter {
            Some(word) => Self::parse(word).ok_or_else(|| {
                let words: Vec<&str> = FORMS.iter().map(|(_, word, _)| *word).collect();
                QuestionError::new("format", word, "not a form of answers")
                    .hint(format!("write {}", words.join(", ")))
            }),
            None => Ok(request.headers().get(ACCEPT).map_or(Self::Json, Self::accepted)),
        }
    }

    /// The first form of the most wanted ones. Whoever wants only what we have not gets JSON, which says so itself.
    fn accepted(accept: &HeaderValue) -> Self {
        let wanted = accept.to_str().unwrap_or_default().split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next()?.to_ascii_lowercase();
            let (form, ..) =
                FORMS.iter().find(|(_, _, known)| known.split(';').next() == Some(&media_type))?;
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            Some((*form, weight))
        });
        let best = wanted.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.filter(|(_, weight)| *weight > 0.0).map_or(Self::Json, |(form, _)| form)
    }
}

/// What a file with the answer may be called: farm, window and groups, in characters that every system takes.
pub(crate) fn file_name(answer: &UsageAnswer, form: Form) -> String {
    let window = answer.table.calendar.window();
    let day = |at| answer.zone.text(at).get(..10).unwrap_or_default().to_owned();
    let (from, to) = (day(window.start()), day(window.end()));
    let by = if answer.group_by.is_empty() { "all".to_owned() } else { answer.group_by.join("-") };
    let name = format!("{}_{from}_{to}_{by}", answer.farm.display_name);
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let name: String =
        name.chars().map(|character| if is_plain(character) { character } else { '-' }).collect();
    format!("{name}.{}", form.as_str())
}
