//! The query strings of the lists: values for pickers, and the sessions behind a number.

use farmtally_model::Dimension;
use farmtally_model::question::{FilteredBy, QuestionError};

use super::query::Query;
use super::url::{parameter, parse_query_string};
use crate::sessions::SessionPlace;

/// Most values of one list.
pub const VALUES_MAX: usize = 1_000;
/// Values of a list that is asked for without a number.
const VALUES_USUAL: usize = 20;
/// Most sessions of one list.
pub const SESSIONS_MAX: usize = 1_000;
/// Most sessions of one table, which has less about each.
pub const SESSIONS_IN_TABLE_MAX: usize = 10_000;
/// Sessions of a list that is asked for without a number.
const SESSIONS_USUAL: usize = 100;

/// The parameters of a list of values.
pub const VALUES_PARAMETERS: [&str; 4] = ["dimension", "prefix", "contains", "limit"];
/// The parameters of a list of sessions, beside those of a question.
pub const SESSIONS_PARAMETERS: [&str; 3] = ["limit", "cursor", "format"];

/// Which values are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesQuery {
    /// Of what.
    pub by: FilteredBy,
    /// What the name or the id begins with.
    pub prefix: String,
    /// What the name or the id has in it.
    pub contains: String,
    /// Most values.
    pub limit: usize,
}

/// Which sessions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionsQuery {
    /// The question whose window and filters count.
    pub query: Query,
    /// The session behind which the list goes on.
    pub cursor: Option<SessionPlace>,
    /// Most sessions.
    pub limit: usize,
}

/// Reads `dimension=user&prefix=al&limit=20`; a pattern is given by `pattern` and named by its label.
pub fn parse_values_query(raw: &str) -> Result<ValuesQuery, QuestionError> {
    let query = parse_query_string(raw, &VALUES_PARAMETERS)?;
    let dimension = parameter(raw, "dimension")?.ok_or_else(|| {
        QuestionError::missing("dimension", "a value is required").hint("write dimension=user")
    })?;
    let by = match Dimension::parse(&dimension) {
        Some(dimension) => FilteredBy::Dimension(dimension),
        None => query.pattern(&dimension)?,
    };
    Ok(ValuesQuery {
        by,
        prefix: parameter(raw, "prefix")?.unwrap_or_default(),
        contains: parameter(raw, "contains")?.unwrap_or_default(),
        limit: limit(raw, VALUES_USUAL, VALUES_MAX)?,
    })
}

/// Reads the parameters of a question, `cursor`, and `limit` up to a number. What groups and statistics a question has is of no
/// matter here.
pub fn parse_sessions_query(raw: &str, limit_max: usize) -> Result<SessionsQuery, QuestionError> {
    let cursor = parameter(raw, "cursor")?;
    let cursor = cursor.map(|text| {
        let error = || {
            QuestionError::new("cursor", &text, "not a cursor").hint("give the nextCursor of the list before")
        };
        text.parse().map_err(|()| error())
    });
    Ok(SessionsQuery {
        query: parse_query_string(raw, &SESSIONS_PARAMETERS)?,
        cursor: cursor.transpose()?,
        limit: limit(raw, SESSIONS_USUAL, limit_max)?,
    })
}

fn limit(raw: &str, usual: usize, max: usize) -> Result<usize, QuestionError> {
    let Some(text) = parameter(raw, "limit")? else { return Ok(usual) };
    match text.parse() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(QuestionError::new("limit", text, format!("1 to {max} are allowed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_a_dimension_or_a_pattern() {
        let values = parse_values_query("dimension=user&prefix=al&limit=5").unwrap();
        assert_eq!(values.by, FilteredBy::Dimension(Dimension::User));
        assert_eq!((values.prefix.as_str(), values.contains.as_str(), values.limit), ("al", "", 5));
        let values = parse_values_query("dimension=show&pattern=show:%5Ea").unwrap();
        assert!(matches!(values.by, FilteredBy::Pattern(_)));
        for (raw, sentence) in [
            ("", "dimension: a value is required; write dimension=user"),
            ("dimension=user&limit=0", "limit \"0\": 1 to 1000 are allowed"),
            ("dimension=user&limit=1001", "limit \"1001\": 1 to 1000 are allowed"),
            ("dimension=user&dimension=queue", "dimension \"queue\": given twice; once is allowed"),
        ] {
            assert_eq!(parse_values_query(raw).unwrap_err().to_string(), sentence, "{raw}");
        }
        assert!(parse_values_query("dimension=colour").unwrap_err().to_string().contains("not a dimension"));
    }

    #[test]
    fn sessions_have_the_parameters_of_a_question_and_a_place() {
        let place = "1764000000123.session-07070707070707070707070707070707";
        let sessions =
            parse_sessions_query(&format!("in=2026-01&where=queue=a&cursor={place}"), SESSIONS_MAX).unwrap();
        assert_eq!((sessions.limit, sessions.query.filters.len()), (100, 1));
        assert_eq!(sessions.cursor.unwrap().to_string(), place);
        let error = parse_sessions_query("limit=1001", SESSIONS_MAX).unwrap_err();
        assert_eq!(error.to_string(), "limit \"1001\": 1 to 1000 are allowed");
        assert_eq!(parse_sessions_query("limit=1001", SESSIONS_IN_TABLE_MAX).unwrap().limit, 1001);
        let error = parse_sessions_query("cursor=x", SESSIONS_MAX).unwrap_err();
        assert_eq!(error.to_string(), "cursor \"x\": not a cursor; give the nextCursor of the list before");
    }
}
