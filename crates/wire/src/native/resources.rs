//! Farms, values for pickers, and the sessions behind a number.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Named, Window};
use crate::json;

/// The farms that the caller may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Farms {
    /// By id.
    pub farms: Vec<FarmSummary>,
}

/// A farm and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FarmSummary {
    /// Its id.
    pub farm_id: String,
    /// What people call it.
    pub display_name: String,
    /// What its costs are multiplied by.
    pub cost_scale_factor: String,
    /// Sessions and volumes; null when the farm's records cannot be read at the moment.
    pub records: Option<u64>,
    /// When its first usage began, in UTC; null without any.
    pub first_usage: Option<String>,
    /// When its last usage ended, in UTC; for usage that goes on, the present.
    pub last_usage: Option<String>,
}

/// Values of a dimension, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Values {
    /// The first of them.
    pub values: Vec<Named>,
    /// Whether there are more.
    pub more: bool,
}

/// Sessions behind a number, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sessions {
    /// The window that was asked about.
    pub window: Window,
    /// The sessions that have a part in it, by their start, newest first.
    pub sessions: Vec<SessionRow>,
    /// What to give as `cursor` for those behind the last; left out when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    /// Its id.
    pub session_id: String,
    /// Its queue.
    pub queue: Named,
    /// Its fleet.
    pub fleet: Named,
    /// Its job.
    pub job: Named,
    /// Whoever submitted the job.
    pub user: Named,
    /// Its worker, where the source knows it.
    pub worker: Option<Named>,
    /// The kind of machine, where the source knows it.
    pub instance_type: Option<String>,
    /// How it ended, where the source knows it.
    pub outcome: Option<String>,
    /// When it started, in UTC.
    pub started_at: String,
    /// When it ended, in UTC; null while it runs.
    pub ended_at: Option<String>,
    /// How long it has run, in milliseconds.
    pub runtime_ms: u64,
    /// What it has cost, in US dollars after the farm's scale factor, exactly.
    pub cost: String,
    /// What it has cost by what it was for.
    pub usage: Vec<SessionUsage>,
    /// The part of it that lies in the window.
    pub in_window: InWindow,
}

/// A usage line of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionUsage {
    /// `COMPUTE` or `LICENSE`.
    pub usage_type: String,
    /// The product of a licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_product: Option<String>,
    /// How many licences it held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// What it has cost.
    pub cost: String,
}

/// The part of a session that lies in a window. Only the lines count that pass the filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InWindow {
    /// How long it ran there, in milliseconds.
    pub runtime_ms: u64,
    /// What it cost there.
    pub cost: String,
}

/// The JSON text of any of these.
pub fn write_resource(resource: &impl Serialize) -> Vec<u8> {
    json::to_bytes(resource)
}
