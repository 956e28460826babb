//! The two parameters that every paged operation has: `maxResults` and `nextToken`.

use std::str::FromStr;

use crate::excerpt::quoted;
use crate::page_size::PageSize;
use crate::query_string::QueryString;
use crate::validation::{Problems, ValidationError};

/// Most characters of a page token.
pub const NEXT_TOKEN_LENGTH_MAX: usize = 4096;

/// The size of the page that is asked for.
pub(crate) fn page_size(query: QueryString<'_>, problems: &mut Problems) -> Option<PageSize> {
    let Some(text) = query.parameter("maxResults", problems) else {
        return Some(PageSize::default());
    };
    // `parse` alone would take a leading plus sign.
    let number = if text.starts_with('+') { None } else { text.parse().ok() };
    let Some(number) = number else {
        return problems
            .refuse("maxResults", format!("{} is not a whole number from 1 to 100", quoted(&text)));
    };
    match PageSize::new(number) {
        Ok(page_size) => Some(page_size),
        Err(error) => problems.refuse("maxResults", error.to_string()),
    }
}

/// The token of the page that is asked for; none, or an empty one, means the first page.
pub(crate) fn next_token(query: QueryString<'_>, problems: &mut Problems) -> Option<String> {
    let token = query.parameter("nextToken", problems).filter(|token| !token.is_empty())?;
    let length = token.chars().count();
    if length > NEXT_TOKEN_LENGTH_MAX {
        let message = format!("{length} characters are given; 0 to {NEXT_TOKEN_LENGTH_MAX} are allowed");
        return problems.refuse("nextToken", message);
    }
    Some(token)
}

/// What a request for a page of a list says about the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPosition<I> {
    /// Most resources of the page.
    pub page_size: PageSize,
    /// The page begins behind this resource; `None` is the beginning. A list's token is the id of the last resource
    /// that was looked at: lists are in the order of ids, and whoever makes up a token learns nothing by it.
    pub after: Option<I>,
}

/// The place that a list's token stands for.
pub(crate) fn parse_token<I: FromStr>(token: &str) -> Result<I, ValidationError> {
    token.parse().map_err(|_| {
        let message = format!(
            "{} is not a token of this list; pass the token of the page before unchanged",
            quoted(token)
        );
        ValidationError::field("nextToken", &message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_size_of(raw_query: &str) -> Result<usize, String> {
        let mut problems = Problems::default();
        let size = page_size(QueryString::new(raw_query), &mut problems);
        problems.finish(size).map(PageSize::get).map_err(|error| error.to_string())
    }

    fn next_token_of(raw_query: &str) -> Result<Option<String>, String> {
        let mut problems = Problems::default();
        let token = next_token(QueryString::new(raw_query), &mut problems);
        problems.finish(Some(token)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_has_100_rows_unless_max_results_says_otherwise() {
        assert_eq!(page_size_of(""), Ok(100));
        assert_eq!(page_size_of("maxResults=7"), Ok(7));
        for raw in ["maxResults=0", "maxResults=101", "maxResults=1000"] {
            assert!(page_size_of(raw).unwrap_err().ends_with("is given; 1 to 100 are allowed"), "{raw}");
        }
        for raw in [
            "maxResults=",
            "maxResults",
            "maxResults=-1",
            "maxResults=%2B5",
            "maxResults=1.0",
            "maxResults=x",
        ] {
            assert!(page_size_of(raw).unwrap_err().ends_with("is not a whole number from 1 to 100"), "{raw}");
        }
        assert!(page_size_of("maxResults=99999999999").is_err());
    }

    #[test]
    fn an_empty_token_is_the_beginning() {
        assert_eq!(next_token_of(""), Ok(None));
        assert_eq!(next_token_of("nextToken="), Ok(None));
        assert_eq!(next_token_of("nextToken"), Ok(None));
    }

    #[test]
    fn a_token_has_at_most_4096_characters() {
        let longest = "é".repeat(4096);
        assert_eq!(next_token_of(&format!("nextToken={longest}")), Ok(Some(longest)));
        assert_eq!(
            next_token_of(&format!("nextToken={}", "a".repeat(4097))),
            Err("1 field is not valid: nextToken: 4097 characters are given; 0 to 4096 are allowed"
                .to_owned())
        );
    }
}
