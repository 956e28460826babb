//! ListFarms and GetFarm.

use farmtally_model::exact::ratio_to_f64;
use farmtally_model::{CostScaleFactor, DisplayName, FarmId, Timestamp};
use serde::Serialize;

use crate::fields;
use crate::json::{self, Text};
use crate::paging::{ListPosition, list_position};
use crate::principal::check_principal_id;
use crate::query_string::QueryString;
use crate::timestamp::WireTimestamp;
use crate::validation::{Problems, ValidationError};

/// A farm as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Farm<'a> {
    /// Its id.
    pub farm_id: FarmId,
    /// What people call it.
    pub display_name: &'a DisplayName,
    /// What people say about it, at most 100 characters; only GetFarm shows it.
    pub description: Option<&'a str>,
    /// What its costs are multiplied by; only GetFarm shows it.
    pub cost_scale_factor: CostScaleFactor,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: &'a str,
    /// When it was last changed, if it ever was.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last, if anybody did.
    pub updated_by: Option<&'a str>,
}

/// A checked request for farms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFarmsRequest {
    /// Which page.
    pub position: ListPosition<FarmId>,
}

/// Reads the query, still percent-encoded and without its `?`.
pub fn parse_list_farms(raw_query: &str) -> Result<ListFarmsRequest, ValidationError> {
    let query = QueryString::new(raw_query);
    let mut problems = Problems::default();
    let position = list_position(query, &mut problems);
    check_principal_id(query, &mut problems);
    problems.finish(position.map(|position| ListFarmsRequest { position }))
}

/// Reads the farm id of the path, percent-decoded.
pub fn parse_get_farm(farm_label: &str) -> Result<FarmId, ValidationError> {
    let mut problems = Problems::default();
    let farm_id = fields::farm_id(farm_label, &mut problems);
    problems.finish(farm_id)
}

/// The body of a page of farms. `more_after` is the last farm of the page, if farms follow it.
pub fn write_farms_page(farms: &[Farm<'_>], more_after: Option<FarmId>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ListFarmsResponse<'a> {
        farms: Vec<FarmSummary<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<Text<FarmId>>,
    }
    let farms = farms.iter().map(FarmSummary::new).collect();
    json::to_bytes(&ListFarmsResponse { farms, next_token: more_after.map(Text) })
}

/// The body of one farm.
pub fn write_farm(farm: &Farm<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct GetFarmResponse<'a> {
        #[serde(flatten)]
        summary: FarmSummary<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        cost_scale_factor: f64,
    }
    json::to_bytes(&GetFarmResponse {
        summary: FarmSummary::new(farm),
        description: farm.description,
        cost_scale_factor: ratio_to_f64(u128::from(farm.cost_scale_factor.nanos()), 1, SCALE_UNIT),
    })
}

/// Units of a scale factor in a whole.
const SCALE_UNIT: u128 = 1_000_000_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FarmSummary<'a> {
    farm_id: Text<FarmId>,
    display_name: &'a str,
    created_at: WireTimestamp,
    created_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<WireTimestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<&'a str>,
}

impl<'a> FarmSummary<'a> {
    fn new(farm: &Farm<'a>) -> Self {
        Self {
            farm_id: Text(farm.farm_id),
            display_name: farm.display_name.as_str(),
            created_at: WireTimestamp(farm.created_at),
            created_by: farm.created_by,
            updated_at: farm.updated_at.map(WireTimestamp),
            updated_by: farm.updated_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: FarmId = FarmId::from_bytes([0xab; 16]);
    const ID_TEXT: &str = "farm-abababababababababababababababab";

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    fn farm(display_name: &DisplayName) -> Farm<'_> {
        Farm {
            farm_id: ID,
            display_name,
            description: None,
            cost_scale_factor: CostScaleFactor::ONE,
            created_at: Timestamp::parse("2025-11-24T22:03:07.120Z").unwrap(),
            created_by: "cli",
            updated_at: None,
            updated_by: None,
        }
    }

    #[test]
    fn a_page_of_farms_is_asked_for_by_size_and_token() {
        let request = parse_list_farms("").unwrap();
        assert_eq!((request.position.page_size.get(), request.position.after), (100, None));
        let request = parse_list_farms(&format!("maxResults=2&nextToken={ID_TEXT}")).unwrap();
        assert_eq!((request.position.page_size.get(), request.position.after), (2, Some(ID)));
    }

    #[test]
    fn every_bad_parameter_of_a_list_is_named() {
        let error =
            parse_list_farms("maxResults=0&nextToken=nope&principalId=alice").unwrap_err().to_string();
        let expected = "3 fields are not valid: maxResults: 0 is given; 1 to 100 are allowed; nextToken: \"nope\" is not \
            a token of this list; pass the token of the page before unchanged; principalId: \"alice\" does not match ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_farm_id_of_a_path_matches_its_pattern() {
        assert_eq!(parse_get_farm(ID_TEXT).unwrap(), ID);
        assert_eq!(
            parse_get_farm("").unwrap_err().to_string(),
            "1 field is not valid: farmId: \"\" does not match farm-[0-9a-f]{32}"
        );
    }

    #[test]
    fn farms_are_listed_with_a_token_only_when_more_follow() {
        let name = DisplayName::new("Studio").unwrap();
        let summary = r#"{"farmId":"farm-abababababababababababababababab","displayName":"Studio","createdAt":"2025-11-24T22:03:07Z","createdBy":"cli"}"#;
        assert_eq!(text(write_farms_page(&[farm(&name)], None)), format!(r#"{{"farms":[{summary}]}}"#));
        assert_eq!(
            text(write_farms_page(&[farm(&name)], Some(ID))),
            format!(r#"{{"farms":[{summary}],"nextToken":"{ID_TEXT}"}}"#)
        );
        assert_eq!(text(write_farms_page(&[], None)), r#"{"farms":[]}"#);
    }

    #[test]
    fn a_farm_is_shown_with_its_scale_factor() {
        let name = DisplayName::new("Studio").unwrap();
        assert_eq!(
            text(write_farm(&farm(&name))),
            r#"{"farmId":"farm-abababababababababababababababab","displayName":"Studio","createdAt":"2025-11-24T22:03:07Z","createdBy":"cli","costScaleFactor":1.0}"#
        );
        let changed = Farm {
            description: Some("the \"old\" one"),
            cost_scale_factor: CostScaleFactor::parse("0.85").unwrap(),
            updated_at: Some(Timestamp::MIN),
            updated_by: Some("AKIA"),
            ..farm(&name)
        };
        assert!(text(write_farm(&changed)).ends_with(
            r#""updatedAt":"1970-01-01T00:00:00Z","updatedBy":"AKIA","description":"the \"old\" one","costScaleFactor":0.85}"#
        ));
    }
}
