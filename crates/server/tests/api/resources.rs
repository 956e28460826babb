//! Farms, queues and fleets that are created, read, changed, tagged, put together and deleted.

use farmtally_service::Role;
use serde_json::{Value, json};

use crate::client::Call;
use crate::door::{FARM, Farmtally, NOW, OTHER_FARM, get};
use crate::records::{id, question, session};

const ROLE: &str = "arn:aws:iam::123456789012:role/render";

fn farm_path(rest: &str) -> String {
    format!("/2023-10-12/farms/{FARM}{rest}")
}

fn post(path: impl Into<String>, body: &Value) -> Call {
    Call::post(path, body.to_string())
}

fn patch(path: impl Into<String>, body: &Value) -> Call {
    Call { method: "PATCH", ..post(path, body) }
}

fn put(path: impl Into<String>, body: &Value) -> Call {
    Call { method: "PUT", ..post(path, body) }
}

fn create_queue(farmtally: &Farmtally, body: &Value) -> String {
    let created = farmtally.call(post(farm_path("/queues"), body)).ok();
    created["queueId"].as_str().unwrap().to_owned()
}

fn fleet() -> Value {
    json!({
        "displayName": "gpu", "roleArn": ROLE, "maxWorkerCount": 8,
        "configuration": { "customerManaged": { "mode": "NO_SCALING", "workerCapabilities": {
            "vCpuCount": { "min": 16, "max": 64 }, "memoryMiB": { "min": 65536 }, "osFamily": "LINUX",
            "cpuArchitectureType": "x86_64" } } },
    })
}

fn create_fleet(farmtally: &Farmtally) -> String {
    let created = farmtally.call(post(farm_path("/fleets"), &fleet())).ok();
    created["fleetId"].as_str().unwrap().to_owned()
}

#[test]
fn a_queue_is_shown_as_it_was_created_and_changed() {
    let farmtally = Farmtally::start();
    let body = json!({ "displayName": "comp", "description": "for comp", "roleArn": ROLE, "nobodyKnows": 1,
                       "jobRunAsUser": { "runAs": "WORKER_AGENT_USER" } });
    let queue_id = create_queue(&farmtally, &body);
    let path = farm_path(&format!("/queues/{queue_id}"));
    let key = farmtally.key.access_key_id.clone();
    let created = json!({ "farmId": FARM.to_string(), "queueId": queue_id, "displayName": "comp",
                          "description": "for comp", "roleArn": ROLE, "status": "IDLE",
                          "jobRunAsUser": { "runAs": "WORKER_AGENT_USER" }, "defaultBudgetAction": "NONE",
                          "createdAt": NOW, "createdBy": key });
    assert_eq!(farmtally.call(Call::get(&path)).ok(), created);
    let change = json!({ "description": "", "defaultBudgetAction": "STOP_SCHEDULING_AND_COMPLETE_TASKS",
                         "allowedStorageProfileIdsToAdd": [id("sp", 1)] });
    assert_eq!(farmtally.call(patch(&path, &change)).ok(), json!({}));
    let changed = farmtally.call(Call::get(&path)).ok();
    assert_eq!(changed["description"], "");
    assert_eq!(changed["defaultBudgetAction"], "STOP_SCHEDULING_AND_COMPLETE_TASKS");
    assert_eq!(changed["allowedStorageProfileIds"], json!([id("sp", 1)]));
    assert_eq!((&changed["displayName"], &changed["roleArn"]), (&json!("comp"), &json!(ROLE)));
    assert_eq!((&changed["updatedAt"], &changed["updatedBy"]), (&json!(NOW), &json!(key)));
    let listed = farmtally.call(Call::get(farm_path("/queues"))).ok();
    assert_eq!(listed["queues"][0]["defaultBudgetAction"], "STOP_SCHEDULING_AND_COMPLETE_TASKS");
}

#[test]
fn a_fleet_is_shown_as_it_was_created_and_changed() {
    let farmtally = Farmtally::start();
    let path = farm_path(&format!("/fleets/{}", create_fleet(&farmtally)));
    let shown = farmtally.call(Call::get(&path)).ok();
    for name in ["displayName", "roleArn", "maxWorkerCount", "configuration"] {
        assert_eq!(shown[name], fleet()[name]);
    }
    assert_eq!((&shown["workerCount"], &shown["minWorkerCount"]), (&json!(0), &json!(0)));
    farmtally.call(patch(&path, &json!({ "minWorkerCount": 3, "displayName": "GPU" }))).ok();
    let shown = farmtally.call(Call::get(&path)).ok();
    assert_eq!((&shown["minWorkerCount"], &shown["displayName"]), (&json!(3), &json!("GPU")));
    assert_eq!(shown["configuration"], fleet()["configuration"]);
    let body =
        farmtally.call(patch(&path, &json!({ "minWorkerCount": 9 }))).error(400, "ValidationException");
    assert_eq!(body["fieldList"][0]["name"], "minWorkerCount");
    assert_eq!(
        farmtally.call(Call::get(&path)).ok()["minWorkerCount"],
        3,
        "a refused change changes nothing"
    );
}

#[test]
fn a_farm_is_shown_as_it_was_created_and_changed() {
    let farmtally = Farmtally::start();
    let body = json!({ "displayName": "North", "costScaleFactor": 0.1, "tags": { "show": "feature" } });
    let farm_id =
        farmtally.call(post("/2023-10-12/farms", &body)).ok()["farmId"].as_str().unwrap().to_owned();
    let path = format!("/2023-10-12/farms/{farm_id}");
    let shown = farmtally.call(Call::get(&path)).ok();
    assert_eq!((&shown["displayName"], &shown["costScaleFactor"]), (&json!("North"), &json!(0.1)));
    farmtally.call(patch(&path, &json!({ "description": "all of it", "costScaleFactor": 2 }))).ok();
    let shown = farmtally.call(Call::get(&path)).ok();
    assert_eq!((&shown["description"], &shown["costScaleFactor"]), (&json!("all of it"), &json!(2.0)));
    assert_eq!(shown["displayName"], "North");
    farmtally.call(Call::delete(&path)).ok();
    farmtally.call(Call::get(&path)).error(404, "ResourceNotFoundException");
}

#[test]
fn a_call_that_is_repeated_with_its_token_creates_nothing_twice() {
    let farmtally = Farmtally::start();
    let call = |name: &str, token: &str| {
        post(farm_path("/queues"), &json!({ "displayName": name })).header("x-amz-client-token", token)
    };
    let create = |name, token| farmtally.call(call(name, token)).ok()["queueId"].clone();
    let first = create("comp", "one");
    assert_eq!(create("comp", "one"), first);
    assert_ne!(create("comp", "two"), first);
    let body = farmtally.call(call("sim", "one")).error(400, "ValidationException");
    assert_eq!(body["fieldList"][0]["name"], "clientToken");
    let other = farmtally.create_key(Role::Admin, None);
    assert_ne!(
        farmtally.call_as(&other, call("comp", "one")).ok()["queueId"],
        first,
        "tokens are a key's own"
    );
    let queues = farmtally.call(Call::get(farm_path("/queues"))).ok();
    assert_eq!(queues["queues"].as_array().unwrap().len(), 3);
}

#[test]
fn what_has_records_is_not_deleted_and_says_why() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    for (kind, path) in [("queue", "/queues/"), ("fleet", "/fleets/")] {
        let path = farm_path(&format!("{path}{}", id(kind, 1)));
        let body = farmtally.call(Call::delete(&path)).error(409, "ConflictException");
        assert_eq!((&body["reason"], &body["resourceType"]), (&json!("RESOURCE_IN_USE"), &json!(kind)));
        assert_eq!(body["resourceId"], id(kind, 1));
        farmtally.call(Call::get(&path)).ok();
    }
    let body = farmtally.call(Call::delete(farm_path(""))).error(400, "ValidationException");
    assert_eq!(body["reason"], "OTHER");
    farmtally.call(Call::delete(format!("/api/v1/farms/{FARM}/sessions/{}", id("session", 1))));
    for (kind, path) in [("queue", "/queues/"), ("fleet", "/fleets/")] {
        let path = farm_path(&format!("{path}{}", id(kind, 1)));
        farmtally.call(Call::delete(&path)).ok();
        farmtally.call(Call::delete(&path)).error(404, "ResourceNotFoundException");
    }
    farmtally.call(Call::delete(farm_path(""))).ok();
    farmtally.call(Call::get(farm_path(""))).error(404, "ResourceNotFoundException");
}

#[test]
fn the_answers_of_a_farm_go_with_it() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let aggregation_id = farmtally.begin(&question());
    assert_eq!(farmtally.wait(&aggregation_id)["status"], "COMPLETED");
    farmtally.call(Call::delete(format!("/api/v1/farms/{FARM}/sessions/{}", id("session", 1))));
    for path in [format!("/queues/{}", id("queue", 1)), format!("/fleets/{}", id("fleet", 1)), String::new()]
    {
        farmtally.call(Call::delete(farm_path(&path))).ok();
    }
    farmtally.call(get(FARM, &aggregation_id, "")).error(404, "ResourceNotFoundException");
}

#[test]
fn a_queue_and_a_fleet_are_put_together_stopped_and_taken_apart() {
    let farmtally = Farmtally::start();
    let (queue, fleet) = (create_queue(&farmtally, &json!({ "displayName": "q" })), create_fleet(&farmtally));
    let base = farm_path("/queue-fleet-associations");
    let both = json!({ "queueId": queue, "fleetId": fleet });
    assert_eq!(farmtally.call(put(&base, &both)).ok(), json!({}));
    farmtally.call(put(&base, &both)).ok();
    let path = format!("{base}/{queue}/{fleet}");
    let shown = farmtally.call(Call::get(&path)).ok();
    let expected = json!({ "queueId": queue, "fleetId": fleet, "status": "ACTIVE", "createdAt": NOW,
                           "createdBy": farmtally.key.access_key_id });
    assert_eq!(shown, expected);
    let body = farmtally.call(Call::delete(&path)).error(409, "ConflictException");
    assert_eq!(body["reason"], "STATUS_CONFLICT");
    let in_use = farmtally.call(Call::delete(farm_path(&format!("/queues/{queue}"))));
    assert_eq!(in_use.error(409, "ConflictException")["reason"], "RESOURCE_IN_USE");
    farmtally.call(patch(&path, &json!({ "status": "STOP_SCHEDULING_AND_COMPLETE_TASKS" }))).ok();
    assert_eq!(farmtally.call(Call::get(&path)).ok()["status"], "STOPPED");
    farmtally.call(Call::delete(&path)).ok();
    farmtally.call(Call::get(&path)).error(404, "ResourceNotFoundException");
    let unknown = json!({ "queueId": queue, "fleetId": id("fleet", 9) });
    let body = farmtally.call(put(&base, &unknown)).error(404, "ResourceNotFoundException");
    assert_eq!(body["resourceType"], "fleet");
}

#[test]
fn associations_are_listed_in_pages_and_by_their_ends() {
    let farmtally = Farmtally::start();
    let queues = ["a", "b"].map(|name| create_queue(&farmtally, &json!({ "displayName": name })));
    let fleets = [(); 3].map(|()| create_fleet(&farmtally));
    let base = farm_path("/queue-fleet-associations");
    for queue in &queues {
        for fleet in &fleets {
            farmtally.call(put(&base, &json!({ "queueId": queue, "fleetId": fleet }))).ok();
        }
    }
    let walk = |filter: &str, size: usize| {
        let (mut count, mut token) = (0, String::new());
        loop {
            let page = farmtally.call(Call::get(format!("{base}?maxResults={size}{filter}{token}"))).ok();
            count += page["queueFleetAssociations"].as_array().unwrap().len();
            let Some(next) = page.get("nextToken") else { return count };
            token = format!("&nextToken={}", next.as_str().unwrap());
        }
    };
    for size in [1, 4, 6, 100] {
        assert_eq!(walk("", size), 6);
        assert_eq!(walk(&format!("&queueId={}", queues[0]), size), 3);
        assert_eq!(walk(&format!("&fleetId={}", fleets[0]), size), 2);
    }
    farmtally.call(Call::get(format!("{base}?nextToken=x"))).error(400, "ValidationException");
    let unknown = Call::get(format!("{base}?queueId={}", id("queue", 9)));
    farmtally.call(unknown).error(404, "ResourceNotFoundException");
}

#[test]
fn tags_are_set_listed_and_taken_away() {
    let farmtally = Farmtally::start();
    let queue = create_queue(&farmtally, &json!({ "displayName": "q", "tags": { "show": "feature" } }));
    let arn = format!("arn:aws:deadline:us-west-2:123456789012:farm/{FARM}/queue/{queue}");
    let path = format!("/2023-10-12/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"));
    let tags = || farmtally.call(Call::get(&path)).ok();
    assert_eq!(tags(), json!({ "tags": { "show": "feature" } }));
    let tagged = farmtally.call(post(&path, &json!({ "tags": { "show": "series", "shot": "10" } })));
    assert_eq!((tagged.status, tagged.body.len()), (204, 0));
    assert_eq!(tags(), json!({ "tags": { "show": "series", "shot": "10" } }));
    let untagged = farmtally.call(Call::delete(format!("{path}?tagKeys=show&tagKeys=other")));
    assert_eq!(untagged.status, 204);
    assert_eq!(tags(), json!({ "tags": { "shot": "10" } }));
    let many: serde_json::Map<_, _> = (0..50).map(|number| (format!("k{number}"), json!(""))).collect();
    let body = farmtally.call(post(&path, &json!({ "tags": many }))).error(400, "ValidationException");
    assert_eq!(body["fieldList"][0]["name"], "tags");
    assert_eq!(tags(), json!({ "tags": { "shot": "10" } }), "a refused change changes nothing");
    let elsewhere = path.replace("queue-", "queue-f");
    farmtally.call(Call::get(elsewhere)).error(400, "ValidationException");
    let other = farmtally.create_key(Role::Admin, Some(OTHER_FARM));
    farmtally.call_as(&other, Call::get(&path)).error(404, "ResourceNotFoundException");
}

#[test]
fn what_was_said_about_a_farm_outlives_a_restart() {
    let farmtally = Farmtally::start();
    let queue = create_queue(&farmtally, &json!({ "displayName": "q", "roleArn": ROLE }));
    let path = farm_path(&format!("/queues/{queue}"));
    let before = farmtally.call(Call::get(&path)).ok();
    let farmtally = farmtally.restart();
    assert_eq!(farmtally.call(Call::get(&path)).ok(), before);
}

#[test]
fn a_key_of_one_farm_makes_no_other() {
    let farmtally = Farmtally::start();
    let key = farmtally.create_key(Role::Admin, Some(FARM));
    let call = post("/2023-10-12/farms", &json!({ "displayName": "mine" }));
    let body = farmtally.call_as(&key, call).error(403, "AccessDeniedException");
    assert!(body["message"].as_str().unwrap().contains("alone and may not create farms"));
}
