//! ListQueues, GetQueue, CreateQueue, UpdateQueue and DeleteQueue.

use farmtally_model::{FarmId, QueueId};

use crate::json::{self, Shape};
use crate::paging::ListPosition;
use crate::request::CheckedRequest;
use crate::resource::{NewResource, Resource, ResourcePatch};
use crate::validation::ValidationError;

/// The status of every queue, because nothing is scheduled here.
const QUEUE_STATUS: &str = "IDLE";

/// A queue as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Queue<'a> {
    /// Its farm.
    pub farm_id: FarmId,
    /// Its id.
    pub queue_id: QueueId,
    /// What all resources have.
    pub resource: Resource<'a>,
}

/// A checked request for queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQueuesRequest {
    /// The farm.
    pub farm_id: FarmId,
    /// Which page.
    pub position: ListPosition<QueueId>,
    /// Whether only queues in another status than IDLE are asked for, of which there are none.
    pub is_for_none: bool,
}

/// Which queues are asked for.
pub fn parse_list_queues(request: &CheckedRequest) -> Result<ListQueuesRequest, ValidationError> {
    Ok(ListQueuesRequest {
        farm_id: request.required("farmId")?,
        position: request.position()?,
        is_for_none: request.text("status").is_some_and(|status| status != QUEUE_STATUS),
    })
}

/// The queue of a request whose path has one, and its farm.
pub fn parse_queue(request: &CheckedRequest) -> Result<(FarmId, QueueId), ValidationError> {
    Ok((request.required("farmId")?, request.required("queueId")?))
}

/// A queue or fleet that is to be, and its farm.
pub fn parse_create(request: &CheckedRequest) -> Result<(FarmId, NewResource), ValidationError> {
    Ok((request.required("farmId")?, NewResource::of(request)?))
}

/// What is to change about a queue or fleet.
pub fn parse_patch(request: &CheckedRequest) -> Result<ResourcePatch, ValidationError> {
    ResourcePatch::of(request)
}

/// The body of a page of queues. `more_after` is the last queue of the page, if queues follow it.
pub fn write_queues_page(queues: &[Queue<'_>], more_after: Option<QueueId>) -> Vec<u8> {
    json::page("queues", queues.iter().map(summary), more_after)
}

/// The body of one queue.
pub fn write_queue(queue: &Queue<'_>) -> Vec<u8> {
    summary(queue)
        .with_some("description", queue.resource.description)
        .with_all(queue.resource.settings().into_members())
        .into_bytes()
}

/// The body that says which queue was created.
pub fn write_created_queue(queue_id: QueueId) -> Vec<u8> {
    Shape::default().with_text("queueId", queue_id).into_bytes()
}

fn summary(queue: &Queue<'_>) -> Shape {
    let action = queue.resource.settings().take("defaultBudgetAction");
    queue
        .resource
        .summary()
        .with_text("farmId", queue.farm_id)
        .with_text("queueId", queue.queue_id)
        .with("status", QUEUE_STATUS)
        .with("defaultBudgetAction", action.unwrap_or_else(|| "NONE".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::{query, request};
    use crate::resource::tests::resource;
    use serde_json::{Value, json};

    #[test]
    fn a_queue_is_idle_and_has_the_budget_action_that_was_set() {
        let name = "comp".parse().unwrap();
        let (farm_id, queue_id) = (FarmId::from_bytes([1; 16]), QueueId::from_bytes([2; 16]));
        let queue = Queue { farm_id, queue_id, resource: resource(&name) };
        let body: Value = serde_json::from_slice(&write_queues_page(&[queue], None)).unwrap();
        let expected = json!({ "displayName": "comp", "createdAt": "2025-11-24T22:00:00Z", "createdBy": "olga",
                               "farmId": farm_id.to_string(), "queueId": queue_id.to_string(), "status": "IDLE",
                               "defaultBudgetAction": "NONE" });
        assert_eq!(body, json!({ "queues": [expected] }));
        let settings =
            Some(r#"{"defaultBudgetAction":"STOP_SCHEDULING_AND_CANCEL_TASKS","roleArn":"arn:x"}"#);
        let queue = Queue { resource: Resource { settings, ..resource(&name) }, ..queue };
        let body: Value = serde_json::from_slice(&write_queue(&queue)).unwrap();
        assert_eq!(body["defaultBudgetAction"], "STOP_SCHEDULING_AND_CANCEL_TASKS");
        assert_eq!(body["roleArn"], "arn:x");
        let page: Value = serde_json::from_slice(&write_queues_page(&[queue], None)).unwrap();
        assert_eq!(page["queues"][0].get("roleArn"), None, "lists do not show it");
    }

    #[test]
    fn queues_are_asked_for_by_farm_status_and_page() {
        let list = |raw| parse_list_queues(&query(Operation::ListQueues, raw).unwrap()).unwrap();
        assert!(!list("").is_for_none && !list("status=IDLE").is_for_none);
        assert!(list("status=SCHEDULING&maxResults=2").is_for_none);
        let error = query(Operation::ListQueues, "status=BUSY&maxResults=x").unwrap_err().to_string();
        assert!(
            error.starts_with("2 fields are not valid: maxResults: \"x\" is not a whole number"),
            "{error}"
        );
        assert!(
            error.contains("status: \"BUSY\" is not one of IDLE, SCHEDULING, SCHEDULING_BLOCKED"),
            "{error}"
        );
    }

    #[test]
    fn what_a_queue_is_created_with_is_checked_to_the_bottom() {
        let body = json!({ "displayName": "", "jobRunAsUser": { "posix": { "user": "Bad", "group": "g" } },
                           "schedulingConfiguration": { "weightedBalanced": { "priorityWeight": -1 } } });
        let error = request(Operation::CreateQueue, body).unwrap_err().to_string();
        for part in [
            "displayName: 0 characters",
            "jobRunAsUser.posix.user: \"Bad\" does not match",
            "jobRunAsUser.runAs: a value is required",
            "schedulingConfiguration.weightedBalanced.priorityWeight: -1 is given",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
