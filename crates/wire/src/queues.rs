//! ListQueues.

use farmtally_model::{DisplayName, FarmId, QueueId, Timestamp};
use serde::Serialize;

use crate::fields::{farm_id, one_of};
use crate::json::{self, Text};
use crate::paging::{ListPosition, list_position};
use crate::principal::check_principal_id;
use crate::query_string::QueryString;
use crate::timestamp::WireTimestamp;
use crate::validation::{Problems, ValidationError};

/// What a queue is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStatus {
    /// Nothing is being scheduled. Every queue is in this status, because farmtally schedules nothing.
    Idle,
    /// Jobs are being scheduled.
    Scheduling,
    /// Something, such as a budget, keeps jobs from being scheduled.
    SchedulingBlocked,
}

impl QueueStatus {
    /// Every status, in the order of the service model.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Scheduling, Self::SchedulingBlocked];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Scheduling => "SCHEDULING",
            Self::SchedulingBlocked => "SCHEDULING_BLOCKED",
        }
    }
}

/// A queue as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Queue<'a> {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its id.
    pub queue_id: QueueId,
    /// What people call it.
    pub display_name: &'a DisplayName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: &'a str,
}

/// A checked request for queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQueuesRequest {
    /// The farm.
    pub farm_id: FarmId,
    /// Which page.
    pub position: ListPosition<QueueId>,
    /// Only queues in this status are asked for; with any but [`QueueStatus::Idle`] the list is empty.
    pub status: Option<QueueStatus>,
}

/// Reads the farm id of the path, percent-decoded, and the query, still percent-encoded and without its `?`.
pub fn parse_list_queues(farm_label: &str, raw_query: &str) -> Result<ListQueuesRequest, ValidationError> {
    let query = QueryString::new(raw_query);
    let mut problems = Problems::default();
    let farm_id = farm_id(farm_label, &mut problems);
    let position = list_position(query, &mut problems);
    let status = status(query, &mut problems);
    check_principal_id(query, &mut problems);
    let request =
        farm_id.zip(position).map(|(farm_id, position)| ListQueuesRequest { farm_id, position, status });
    problems.finish(request)
}

fn status(query: QueryString<'_>, problems: &mut Problems) -> Option<QueueStatus> {
    let text = query.parameter("status", problems)?;
    one_of("status", &text, &QueueStatus::ALL.map(|status| (status.as_str(), status)), problems)
}

/// The body of a page of queues. `more_after` is the last queue of the page, if queues follow it.
pub fn write_queues_page(queues: &[Queue<'_>], more_after: Option<QueueId>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ListQueuesResponse<'a> {
        queues: Vec<QueueSummary<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<Text<QueueId>>,
    }
    let queues = queues.iter().map(QueueSummary::new).collect();
    json::to_bytes(&ListQueuesResponse { queues, next_token: more_after.map(Text) })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueueSummary<'a> {
    farm_id: Text<FarmId>,
    queue_id: Text<QueueId>,
    display_name: &'a str,
    status: &'static str,
    default_budget_action: &'static str,
    created_at: WireTimestamp,
    created_by: &'a str,
}

impl<'a> QueueSummary<'a> {
    fn new(queue: &Queue<'a>) -> Self {
        Self {
            farm_id: Text(queue.farm_id),
            queue_id: Text(queue.queue_id),
            display_name: queue.display_name.as_str(),
            status: QueueStatus::Idle.as_str(),
            // There are no budgets here, so reaching one has no consequence.
            default_budget_action: "NONE",
            created_at: WireTimestamp(queue.created_at),
            created_by: queue.created_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FARM: &str = "farm-abababababababababababababababab";

    #[test]
    fn queues_are_asked_for_by_farm_status_and_page() {
        let queue_id = QueueId::from_bytes([7; 16]);
        let request =
            parse_list_queues(FARM, &format!("status=IDLE&maxResults=3&nextToken={queue_id}")).unwrap();
        assert_eq!(request.farm_id, FarmId::from_bytes([0xab; 16]));
        assert_eq!((request.position.page_size.get(), request.position.after), (3, Some(queue_id)));
        assert_eq!(request.status, Some(QueueStatus::Idle));
        assert_eq!(parse_list_queues(FARM, "").unwrap().status, None);
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let error = parse_list_queues("nope", "status=BUSY&maxResults=101").unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 fields are not valid: farmId: \"nope\" does not match farm-[0-9a-f]{32}; maxResults: 101 is given; 1 to \
             100 are allowed; status: \"BUSY\" is not one of IDLE, SCHEDULING, SCHEDULING_BLOCKED"
        );
    }

    #[test]
    fn a_queue_is_idle_and_has_no_budget() {
        let name = DisplayName::new("lighting").unwrap();
        let queue = Queue {
            farm_id: FarmId::from_bytes([0xab; 16]),
            queue_id: QueueId::from_bytes([1; 16]),
            display_name: &name,
            created_at: Timestamp::MIN,
            created_by: "cli",
        };
        assert_eq!(
            String::from_utf8(write_queues_page(&[queue], Some(queue.queue_id))).unwrap(),
            concat!(
                r#"{"queues":[{"farmId":"farm-abababababababababababababababab","#,
                r#""queueId":"queue-01010101010101010101010101010101","displayName":"lighting","status":"IDLE","#,
                r#""defaultBudgetAction":"NONE","createdAt":"1970-01-01T00:00:00Z","createdBy":"cli"}],"#,
                r#""nextToken":"queue-01010101010101010101010101010101"}"#
            )
        );
    }
}
