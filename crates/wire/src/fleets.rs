//! ListFleets.
//!
//! The service model demands worker counts and machine capabilities of every fleet. farmtally keeps sessions and starts no
//! workers, so it shows every fleet as managed by the customer, with no workers of its own and the smallest machine
//! that the model allows.

use farmtally_model::{DisplayName, FarmId, FleetId, Timestamp};
use serde::Serialize;

use crate::excerpt::quoted;
use crate::fields::{farm_id, one_of};
use crate::json::{self, Text};
use crate::paging::{ListPosition, list_position};
use crate::principal::check_principal_id;
use crate::query_string::QueryString;
use crate::timestamp::WireTimestamp;
use crate::validation::{Problems, ValidationError};

/// The state of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetStatus {
    /// Usable. Every fleet is in this status.
    Active,
    /// Being created.
    CreateInProgress,
    /// Being changed.
    UpdateInProgress,
    /// Could not be created.
    CreateFailed,
    /// Could not be changed.
    UpdateFailed,
    /// Stopped by the service.
    Suspended,
}

impl FleetStatus {
    /// Every status, in the order of the service model.
    pub const ALL: [Self; 6] = [
        Self::Active,
        Self::CreateInProgress,
        Self::UpdateInProgress,
        Self::CreateFailed,
        Self::UpdateFailed,
        Self::Suspended,
    ];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::CreateInProgress => "CREATE_IN_PROGRESS",
            Self::UpdateInProgress => "UPDATE_IN_PROGRESS",
            Self::CreateFailed => "CREATE_FAILED",
            Self::UpdateFailed => "UPDATE_FAILED",
            Self::Suspended => "SUSPENDED",
        }
    }
}

/// A fleet as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Fleet<'a> {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its id.
    pub fleet_id: FleetId,
    /// What people call it.
    pub display_name: &'a DisplayName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: &'a str,
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
    /// Only fleets in this status are asked for; with any but [`FleetStatus::Active`] the list is empty.
    pub status: Option<FleetStatus>,
}

/// Reads the farm id of the path, percent-decoded, and the query, still percent-encoded and without its `?`.
pub fn parse_list_fleets(farm_label: &str, raw_query: &str) -> Result<ListFleetsRequest, ValidationError> {
    let query = QueryString::new(raw_query);
    let mut problems = Problems::default();
    let farm_id = farm_id(farm_label, &mut problems);
    let position = list_position(query, &mut problems);
    let display_name = display_name(query, &mut problems);
    let status = status(query, &mut problems);
    check_principal_id(query, &mut problems);
    let request = farm_id.zip(position).map(|(farm_id, position)| ListFleetsRequest {
        farm_id,
        position,
        display_name,
        status,
    });
    problems.finish(request)
}

fn display_name(query: QueryString<'_>, problems: &mut Problems) -> Option<DisplayName> {
    let text = query.parameter("displayName", problems)?;
    DisplayName::new(&text).ok().or_else(|| {
        let (length, max) = (text.chars().count(), DisplayName::LENGTH_MAX);
        let message = format!("{} has {length} characters; 1 to {max} are allowed", quoted(&text));
        problems.refuse("displayName", message)
    })
}

fn status(query: QueryString<'_>, problems: &mut Problems) -> Option<FleetStatus> {
    let text = query.parameter("status", problems)?;
    one_of("status", &text, &FleetStatus::ALL.map(|status| (status.as_str(), status)), problems)
}

/// The body of a page of fleets. `more_after` is the last fleet that was looked at, if fleets follow it.
pub fn write_fleets_page(fleets: &[Fleet<'_>], more_after: Option<FleetId>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ListFleetsResponse<'a> {
        fleets: Vec<FleetSummary<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<Text<FleetId>>,
    }
    let fleets = fleets.iter().map(FleetSummary::new).collect();
    json::to_bytes(&ListFleetsResponse { fleets, next_token: more_after.map(Text) })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FleetSummary<'a> {
    fleet_id: Text<FleetId>,
    farm_id: Text<FarmId>,
    display_name: &'a str,
    status: &'static str,
    worker_count: u32,
    min_worker_count: u32,
    max_worker_count: u32,
    configuration: Configuration,
    created_at: WireTimestamp,
    created_by: &'a str,
}

impl<'a> FleetSummary<'a> {
    fn new(fleet: &Fleet<'a>) -> Self {
        Self {
            fleet_id: Text(fleet.fleet_id),
            farm_id: Text(fleet.farm_id),
            display_name: fleet.display_name.as_str(),
            status: FleetStatus::Active.as_str(),
            worker_count: 0,
            min_worker_count: 0,
            max_worker_count: 0,
            configuration: Configuration::SMALLEST,
            created_at: WireTimestamp(fleet.created_at),
            created_by: fleet.created_by,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    customer_managed: CustomerManaged,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomerManaged {
    mode: &'static str,
    worker_capabilities: WorkerCapabilities,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkerCapabilities {
    v_cpu_count: AtLeast,
    #[serde(rename = "memoryMiB")]
    memory_mib: AtLeast,
    os_family: &'static str,
    cpu_architecture_type: &'static str,
}

#[derive(Serialize)]
struct AtLeast {
    min: u32,
}

impl Configuration {
    /// The least of what the service model allows.
    const SMALLEST: Self = Self {
        customer_managed: CustomerManaged {
            mode: "NO_SCALING",
            worker_capabilities: WorkerCapabilities {
                v_cpu_count: AtLeast { min: 1 },
                memory_mib: AtLeast { min: 512 },
                os_family: "LINUX",
                cpu_architecture_type: "x86_64",
            },
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const FARM: &str = "farm-abababababababababababababababab";

    #[test]
    fn fleets_are_asked_for_by_farm_name_status_and_page() {
        let fleet_id = FleetId::from_bytes([7; 16]);
        let query = format!("displayName=big%20iron+gpu&status=ACTIVE&maxResults=3&nextToken={fleet_id}");
        let request = parse_list_fleets(FARM, &query).unwrap();
        assert_eq!(request.farm_id, FarmId::from_bytes([0xab; 16]));
        assert_eq!((request.position.page_size.get(), request.position.after), (3, Some(fleet_id)));
        assert_eq!(request.display_name, Some(DisplayName::new("big iron+gpu").unwrap()));
        assert_eq!(request.status, Some(FleetStatus::Active));
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let error = parse_list_fleets("nope", "displayName=&status=active&maxResults=x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "4 fields are not valid: farmId: \"nope\" does not match farm-[0-9a-f]{32}; maxResults: \"x\" is not a whole \
             number from 1 to 100; displayName: \"\" has 0 characters; 1 to 100 are allowed; status: \"active\" is not \
             one of ACTIVE, CREATE_IN_PROGRESS, UPDATE_IN_PROGRESS, CREATE_FAILED, UPDATE_FAILED, SUSPENDED"
        );
    }

    #[test]
    fn a_fleet_is_active_and_managed_by_the_customer() {
        let name = DisplayName::new("gpu").unwrap();
        let fleet = Fleet {
            farm_id: FarmId::from_bytes([0xab; 16]),
            fleet_id: FleetId::from_bytes([1; 16]),
            display_name: &name,
            created_at: Timestamp::MIN,
            created_by: "cli",
        };
        assert_eq!(
            String::from_utf8(write_fleets_page(&[fleet], None)).unwrap(),
            concat!(
                r#"{"fleets":[{"fleetId":"fleet-01010101010101010101010101010101","#,
                r#""farmId":"farm-abababababababababababababababab","displayName":"gpu","status":"ACTIVE","#,
                r#""workerCount":0,"minWorkerCount":0,"maxWorkerCount":0,"configuration":{"customerManaged":"#,
                r#"{"mode":"NO_SCALING","workerCapabilities":{"vCpuCount":{"min":1},"memoryMiB":{"min":512},"#,
                r#""osFamily":"LINUX","cpuArchitectureType":"x86_64"}}},"createdAt":"1970-01-01T00:00:00Z","#,
                r#""createdBy":"cli"}]}"#
            )
        );
    }
}
