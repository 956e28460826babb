//! ListFleets, GetFleet, CreateFleet, UpdateFleet and DeleteFleet.
//!
//! The service model demands a role, worker counts and machine capabilities of every fleet. Sessions do not tell them, so
//! that a fleet which nobody described is shown with the neutral values below: managed by the customer, on the smallest
//! machine that the model allows.

use farmtally_model::{DisplayName, FarmId, FleetId};
use serde_json::{Value, json};

use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::resource::Resource;
use crate::validation::ValidationError;

/// The status of every fleet: it is there, and nothing is done to it.
const FLEET_STATUS: &str = "ACTIVE";

/// The role of a fleet for which nobody named one.
const NO_ROLE: &str = "arn:aws:iam::000000000000:role/none";

/// A fleet as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Fleet<'a> {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its id.
    pub fleet_id: FleetId,
    /// What all resources have.
    pub resource: Resource<'a>,
    /// Number of its workers that are at work.
    pub worker_count: usize,
}

/// A checked request for fleets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFleetsRequest {
    /// The farm.
    pub farm_id: FarmId,
    /// Which page.
    pub position: ListPosition<FleetId>,
    /// Only fleets with exactly this name are asked for.
    pub display_name: Option<DisplayName>,
    /// Whether only fleets in another status than ACTIVE are asked for, of which there are none.
    pub is_for_none: bool,
}

/// Which fleets are asked for.
pub fn parse_list_fleets(request: &CheckedRequest) -> Result<ListFleetsRequest, ValidationError> {
    Ok(ListFleetsRequest {
        farm_id: request.required("farmId")?,
        position: request.position()?,
        display_name: request.optional("displayName")?,
        is_for_none: request.text("status").is_some_and(|status| status != FLEET_STATUS),
    })
}

/// The fleet of a request whose path has one, and its farm.
pub fn parse_fleet(request: &CheckedRequest) -> Result<(FarmId, FleetId), ValidationError> {
    Ok((request.required("farmId")?, request.required("fleetId")?))
}

/// The body of a page of fleets. `more_after` is the last fleet that was looked at, if fleets follow it.
pub fn write_fleets_page(fleets: &[Fleet<'_>], more_after: Option<FleetId>) -> Vec<u8> {
    json::page("fleets", fleets.iter().map(summary), more_after)
}

/// The body of one fleet.
pub fn write_fleet(fleet: &Fleet<'_>) -> Vec<u8> {
    summary(fleet)
        .with_some("description", fleet.resource.description)
        .with("roleArn", NO_ROLE)
        .with_all(fleet.resource.settings().into_members())
        .into_bytes()
}

/// The body that says which fleet was created.
pub fn write_created_fleet(fleet_id: FleetId) -> Vec<u8> {
    Shape::default().with_text("fleetId", fleet_id).into_bytes()
}

fn summary(fleet: &Fleet<'_>) -> Shape {
    let mut settings = fleet.resource.settings();
    let mut count = |name| settings.take(name).unwrap_or_else(|| 0.into());
    let (least, most) = (count("minWorkerCount"), count("maxWorkerCount"));
    fleet
        .resource
        .summary()
        .with_text("farmId", fleet.farm_id)
        .with_text("fleetId", fleet.fleet_id)
        .with("status", FLEET_STATUS)
        .with("workerCount", fleet.worker_count)
        .with("minWorkerCount", least)
        .with("maxWorkerCount", most)
        .with("configuration", settings.take("configuration").unwrap_or_else(neutral_configuration))
}

fn neutral_configuration() -> Value {
    json!({ "customerManaged": {
        "mode": "NO_SCALING",
        "workerCapabilities": { "vCpuCount": { "min": 1 }, "memoryMiB": { "min": 512 }, "osFamily": "LINUX",
                                "cpuArchitectureType": "x86_64" },
    } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::query;
    use crate::resource::tests::resource;

    fn shown(settings: Option<&str>) -> Value {
        let name = "cpu".parse().unwrap();
        let resource = Resource { settings, ..resource(&name) };
        let (farm_id, fleet_id) = (FarmId::from_bytes([1; 16]), FleetId::from_bytes([2; 16]));
        serde_json::from_slice(&write_fleet(&Fleet { farm_id, fleet_id, resource, worker_count: 3 })).unwrap()
    }

    #[test]
    fn a_fleet_that_nobody_described_is_shown_with_neutral_values() {
        let capabilities = json!({ "vCpuCount": { "min": 1 }, "memoryMiB": { "min": 512 }, "osFamily": "LINUX",
                                   "cpuArchitectureType": "x86_64" });
        let expected = json!({ "displayName": "cpu", "createdAt": "2025-11-24T22:00:00Z", "createdBy": "olga",
            "farmId": FarmId::from_bytes([1; 16]).to_string(), "fleetId": FleetId::from_bytes([2; 16]).to_string(),
            "status": "ACTIVE", "workerCount": 3, "minWorkerCount": 0, "maxWorkerCount": 0,
            "configuration": { "customerManaged": { "mode": "NO_SCALING", "workerCapabilities": capabilities } },
            "roleArn": "arn:aws:iam::000000000000:role/none" });
        assert_eq!(shown(None), expected);
    }

    #[test]
    fn a_fleet_is_shown_as_it_was_described() {
        let body = shown(Some(
            r#"{"roleArn":"arn:x","maxWorkerCount":9,"configuration":{"a":1},"hostConfiguration":{"b":2}}"#,
        ));
        assert_eq!((&body["roleArn"], &body["maxWorkerCount"]), (&json!("arn:x"), &json!(9)));
        assert_eq!((&body["configuration"]["a"], &body["hostConfiguration"]["b"]), (&json!(1), &json!(2)));
    }

    #[test]
    fn fleets_are_asked_for_by_farm_name_status_and_page() {
        let list = |raw| parse_list_fleets(&query(Operation::ListFleets, raw).unwrap()).unwrap();
        assert_eq!(list("displayName=cpu%201").display_name, Some("cpu 1".parse().unwrap()));
        assert!(!list("status=ACTIVE").is_for_none && list("status=SUSPENDED").is_for_none);
        let error = query(Operation::ListFleets, "displayName=&status=active").unwrap_err().to_string();
        assert!(error.contains("displayName: 0 characters are given; 1 to 100 are allowed"), "{error}");
        assert!(error.contains("status: \"active\" is not one of"), "{error}");
    }
}
