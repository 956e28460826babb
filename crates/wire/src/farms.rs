//! ListFarms, GetFarm, CreateFarm, UpdateFarm and DeleteFarm.

use farmtally_model::exact::ratio_to_f64;
use farmtally_model::{CostScaleFactor, FarmId};

use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::resource::{NewResource, Resource, ResourcePatch};
use crate::validation::ValidationError;

/// A farm as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Farm<'a> {
    /// Its id.
    pub farm_id: FarmId,
    /// What all resources have.
    pub resource: Resource<'a>,
    /// What its costs are multiplied by; only GetFarm shows it.
    pub cost_scale_factor: CostScaleFactor,
}

/// Which page of farms is asked for.
pub fn parse_list_farms(request: &CheckedRequest) -> Result<ListPosition<FarmId>, ValidationError> {
    request.position()
}

/// The farm of a request whose path has one.
pub fn farm_id(request: &CheckedRequest) -> Result<FarmId, ValidationError> {
    request.required("farmId")
}

/// A farm that is to be, and what its costs are multiplied by.
pub fn parse_create_farm(
    request: &CheckedRequest,
) -> Result<(NewResource, CostScaleFactor), ValidationError> {
    let factor = cost_scale_factor(request)?.unwrap_or(CostScaleFactor::ONE);
    Ok((NewResource::of(request)?, factor))
}

/// What is to change about a farm.
pub fn parse_update_farm(
    request: &CheckedRequest,
) -> Result<(ResourcePatch, Option<CostScaleFactor>), ValidationError> {
    Ok((ResourcePatch::of(request)?, cost_scale_factor(request)?))
}

/// A factor is kept exactly, so that one with more digits than that is refused and not rounded.
fn cost_scale_factor(request: &CheckedRequest) -> Result<Option<CostScaleFactor>, ValidationError> {
    let Some(number) = request.value("costScaleFactor").and_then(serde_json::Value::as_f64) else {
        return Ok(None);
    };
    match CostScaleFactor::parse(&number.to_string()) {
        Ok(factor) => Ok(Some(factor)),
        Err(error) => Err(ValidationError::field("costScaleFactor", &error.to_string())),
    }
}

/// The body of a page of farms. `more_after` is the last farm of the page, if farms follow it.
pub fn write_farms_page(farms: &[Farm<'_>], more_after: Option<FarmId>) -> Vec<u8> {
    json::page("farms", farms.iter().map(summary), more_after)
}

/// The body of one farm.
pub fn write_farm(farm: &Farm<'_>) -> Vec<u8> {
    summary(farm)
        .with_some("description", farm.resource.description)
        .with("costScaleFactor", ratio_to_f64(u128::from(farm.cost_scale_factor.nanos()), 1, SCALE_UNIT))
        .into_bytes()
}

/// The body that says which farm was created.
pub fn write_created_farm(farm_id: FarmId) -> Vec<u8> {
    Shape::default().with_text("farmId", farm_id).into_bytes()
}

/// The body of an operation that has nothing to say.
pub fn write_nothing() -> Vec<u8> {
    Shape::default().into_bytes()
}

/// Units of a scale factor in a whole.
const SCALE_UNIT: u128 = 1_000_000_000;

fn summary(farm: &Farm<'_>) -> Shape {
    let mut settings = farm.resource.settings();
    farm.resource
        .summary()
        .with_text("farmId", farm.farm_id)
        .with_some("kmsKeyArn", settings.take("kmsKeyArn"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::{query, request};
    use crate::resource::tests::resource;
    use farmtally_model::Timestamp;
    use serde_json::{Value, json};

    const ID: &str = "farm-0123456789abcdef0123456789abcdef";

    fn farm_id_of(number: u8) -> FarmId {
        FarmId::from_bytes([number; 16])
    }

    fn json_of(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn farms_are_listed_with_a_token_only_when_more_follow() {
        let name = "north".parse().unwrap();
        let farm = Farm {
            farm_id: farm_id_of(1),
            resource: resource(&name),
            cost_scale_factor: CostScaleFactor::ONE,
        };
        let summary = json!({ "displayName": "north", "createdAt": "2025-11-24T22:00:00Z",
                              "createdBy": "olga", "farmId": farm_id_of(1).to_string() });
        assert_eq!(json_of(&write_farms_page(&[farm], None)), json!({ "farms": [summary] }));
        let page = json_of(&write_farms_page(&[farm], Some(farm_id_of(1))));
        assert_eq!(page["nextToken"], farm_id_of(1).to_string());
        assert_eq!(json_of(&write_farms_page(&[], None)), json!({ "farms": [] }));
    }

    #[test]
    fn a_farm_is_shown_with_its_scale_factor() {
        let name = "north".parse().unwrap();
        let resource = Resource {
            description: Some("all of it"),
            settings: Some(r#"{"kmsKeyArn":"arn:x"}"#),
            updated_at: Some(Timestamp::parse("2025-11-25T00:00:00.5Z").unwrap()),
            updated_by: Some("otto"),
            ..resource(&name)
        };
        let cost_scale_factor = CostScaleFactor::parse("0.1").unwrap();
        let body = json_of(&write_farm(&Farm { farm_id: farm_id_of(1), resource, cost_scale_factor }));
        let expected = json!({ "displayName": "north", "createdAt": "2025-11-24T22:00:00Z", "createdBy": "olga",
                               "updatedAt": "2025-11-25T00:00:00Z", "updatedBy": "otto", "kmsKeyArn": "arn:x",
                               "farmId": farm_id_of(1).to_string(), "description": "all of it",
                               "costScaleFactor": 0.1 });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_page_of_farms_is_asked_for_by_size_and_token() {
        let position = |raw: &str| parse_list_farms(&query(Operation::ListFarms, raw)?);
        let first = position("").unwrap();
        assert_eq!((first.page_size.get(), first.after), (100, None));
        let next = position(&format!("maxResults=7&nextToken={ID}")).unwrap();
        assert_eq!((next.page_size.get(), next.after), (7, Some(ID.parse().unwrap())));
        assert_eq!(position("nextToken=").unwrap().after, None);
        let error = position("nextToken=nope").unwrap_err().to_string();
        assert!(error.contains("\"nope\" is not a token of this list"), "{error}");
    }

    #[test]
    fn every_bad_parameter_of_a_list_is_named() {
        let error = query(Operation::ListFarms, "maxResults=0&principalId=alice").unwrap_err().to_string();
        assert!(
            error.starts_with("2 fields are not valid: maxResults: 0 is given; 1 to 100 are allowed"),
            "{error}"
        );
        assert!(error.contains("principalId: \"alice\" does not match"), "{error}");
    }

    #[test]
    fn a_farm_id_of_a_path_matches_its_pattern() {
        let error = query(Operation::GetFarm, "").unwrap_err().to_string();
        assert_eq!(error, "1 field is not valid: farmId: \"\" does not match farm-[0-9a-f]{32}");
    }

    #[test]
    fn a_scale_factor_is_taken_as_it_is_or_not_at_all() {
        let factor = |number: Value| {
            let request =
                request(Operation::CreateFarm, json!({ "displayName": "x", "costScaleFactor": number }));
            request.and_then(|request| parse_create_farm(&request)).map(|(_, factor)| factor.nanos())
        };
        assert_eq!(factor(json!(0.1)).unwrap(), 100_000_000);
        assert_eq!(factor(json!(100)).unwrap(), 100_000_000_000);
        assert_eq!(factor(Value::Null).unwrap(), 1_000_000_000);
        for refused in [json!(100.5), json!(-1), json!(1e-12), json!("1")] {
            assert!(factor(refused.clone()).is_err(), "{refused}");
        }
    }
}
