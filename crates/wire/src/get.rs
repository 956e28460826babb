//! GetSessionsStatisticsAggregation: which page of which answer.

use farmtally_model::{AggregationId, FarmId};

use crate::fields::{farm_id, identifier};
use crate::page_size::PageSize;
use crate::paging::{next_token, page_size};
use crate::query_string::QueryString;
use crate::validation::{Problems, ValidationError};

/// A checked request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRequest {
    /// The farm.
    pub farm_id: FarmId,
    /// The aggregation.
    pub aggregation_id: AggregationId,
    /// Most rows of the page.
    pub page_size: PageSize,
    /// Where the page begins, as an earlier page said it; `None` is the beginning.
    pub next_token: Option<String>,
}

/// Reads the farm id of the path, percent-decoded, and the query, still percent-encoded and without its `?`.
///
/// Fails with everything that is wrong with the request. Whether the token is one of ours is not looked at.
pub fn parse_get(farm_label: &str, raw_query: &str) -> Result<GetRequest, ValidationError> {
    let query = QueryString::new(raw_query);
    let mut problems = Problems::default();
    let farm_id = farm_id(farm_label, &mut problems);
    let aggregation_id = aggregation_id(query, &mut problems);
    let page_size = page_size(query, &mut problems);
    let next_token = next_token(query, &mut problems);
    let request = farm_id.zip(aggregation_id).zip(page_size).map(|((farm_id, aggregation_id), page_size)| {
        GetRequest { farm_id, aggregation_id, page_size, next_token }
    });
    problems.finish(request)
}

fn aggregation_id(query: QueryString<'_>, problems: &mut Problems) -> Option<AggregationId> {
    let text = query.required("aggregationId", problems)?;
    identifier("aggregationId", &text, AggregationId::PATTERN, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FARM: &str = "farm-0123456789abcdef0123456789abcdef";
    const ID: &str = "92b35143f2d04641979bc9b777232f38";

    fn sentence(farm_label: &str, raw_query: &str) -> String {
        parse_get(farm_label, raw_query).unwrap_err().to_string()
    }

    #[test]
    fn a_page_is_asked_for_by_farm_and_aggregation() {
        let request = parse_get(FARM, &format!("aggregationId={ID}")).unwrap();
        assert_eq!(request.farm_id.to_string(), FARM);
        assert_eq!(request.aggregation_id.to_string(), ID);
        assert_eq!((request.page_size.get(), request.next_token), (100, None));
    }

    #[test]
    fn page_size_and_token_are_read() {
        let request = parse_get(FARM, &format!("nextToken=a%2Bb+c&aggregationId={ID}&maxResults=7")).unwrap();
        assert_eq!((request.page_size.get(), request.next_token.as_deref()), (7, Some("a+b+c")));
    }

    #[test]
    fn parameters_that_nobody_knows_are_ignored() {
        assert!(parse_get(FARM, &format!("a=1&a=2&aggregationId={ID}&farmId=nope")).is_ok());
    }

    #[test]
    fn the_aggregation_id_is_required_once_and_has_32_digits() {
        assert_eq!(sentence(FARM, ""), "1 field is not valid: aggregationId: a value is required");
        assert_eq!(
            sentence(FARM, "aggregationId=nope"),
            "1 field is not valid: aggregationId: \"nope\" does not match [0-9a-f]{32}"
        );
        assert_eq!(
            sentence(FARM, "aggregationId="),
            "1 field is not valid: aggregationId: \"\" does not match [0-9a-f]{32}"
        );
        assert_eq!(
            sentence(FARM, &format!("aggregationId={ID}&aggregationId={ID}")),
            "1 field is not valid: aggregationId: the parameter is given 2 times; once is allowed"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let token = "a".repeat(4097);
        assert_eq!(
            sentence("", &format!("maxResults=1000&nextToken={token}")),
            "4 fields are not valid: farmId: \"\" does not match farm-[0-9a-f]{32}; aggregationId: a value is \
             required; maxResults: 1000 is given; 1 to 100 are allowed; nextToken: 4097 characters are given; \
             0 to 4096 are allowed"
        );
    }

    #[test]
    fn a_bad_token_alone_is_refused() {
        assert!(parse_get(FARM, &format!("aggregationId={ID}&nextToken=%FF")).is_err());
    }
}
