//! ListFarms, GetFarm, ListQueues and ListFleets.

use farmtally_service::Role;
use serde_json::{Value, json};

use crate::client::Call;
use crate::door::{FARM, Farmtally, NOW, OTHER_FARM};
use crate::records::{id, session, with};

fn list(farmtally: &Farmtally, what: &str, query: &str) -> Value {
    farmtally.call(Call::get(format!("/2023-10-12/farms/{FARM}/{what}?{query}"))).ok()
}

/// The ids of all pages.
fn walk(farmtally: &Farmtally, path: &str, member: &str, id_member: &str, size: usize) -> Vec<String> {
    let (mut ids, mut query) = (Vec::new(), format!("maxResults={size}"));
    loop {
        let page = farmtally.call(Call::get(format!("{path}?{query}"))).ok();
        let items = page[member].as_array().unwrap();
        ids.extend(items.iter().map(|item| item[id_member].as_str().unwrap().to_owned()));
        let Some(token) = page.get("nextToken") else { return ids };
        assert_eq!(items.len(), size, "a page that is not the last is full");
        query = format!("maxResults={size}&nextToken={}", token.as_str().unwrap());
    }
}

/// A farm with seven queues and seven fleets, the names of some known.
fn farmtally() -> Farmtally {
    let farmtally = Farmtally::start();
    let lines: Vec<Value> = (1..=7)
        .map(|number| {
            let names = json!({ "queueId": id("queue", number), "fleetId": id("fleet", number),
                                "queueName": format!("q{number}"), "fleetName": format!("f{number}") });
            with(session(number), names)
        })
        .collect();
    farmtally.ingest(&lines);
    farmtally
}

#[test]
fn get_farm_has_the_scale_factor_that_lists_leave_out() {
    let farmtally = Farmtally::start();
    let farm = farmtally.call(Call::get(format!("/2023-10-12/farms/{FARM}"))).ok();
    let summary =
        json!({ "farmId": FARM.to_string(), "displayName": "Comet", "createdAt": NOW, "createdBy": "tests" });
    assert_eq!(farm, with(summary.clone(), json!({ "costScaleFactor": 1.0 })));
    let farms = farmtally.call(Call::get("/2023-10-12/farms")).ok();
    assert_eq!(farms["farms"][0], summary);
    assert_eq!(farms["farms"].as_array().unwrap().len(), 2);
}

#[test]
fn a_key_of_one_farm_sees_that_farm_alone() {
    let farmtally = Farmtally::start();
    let key = farmtally.create_key(Role::Reader, Some(OTHER_FARM));
    let farms = farmtally.call_as(&key, Call::get("/2023-10-12/farms?maxResults=1")).ok();
    assert_eq!(farms["farms"].as_array().unwrap().len(), 1);
    assert_eq!(farms["farms"][0]["farmId"], OTHER_FARM.to_string());
    assert_eq!(farms.get("nextToken"), None);
    farmtally.call_as(&key, Call::get(format!("/2023-10-12/farms/{OTHER_FARM}/queues"))).ok();
}

#[test]
fn queues_and_fleets_have_the_names_that_came_with_the_sessions() {
    let farmtally = farmtally();
    let queue = list(&farmtally, "queues", "maxResults=1")["queues"][0].clone();
    assert_eq!((&queue["queueId"], &queue["displayName"]), (&json!(id("queue", 1)), &json!("q1")));
    assert_eq!((&queue["status"], &queue["defaultBudgetAction"]), (&json!("IDLE"), &json!("NONE")));
    let fleet = list(&farmtally, "fleets", "maxResults=1")["fleets"][0].clone();
    assert_eq!((&fleet["fleetId"], &fleet["displayName"]), (&json!(id("fleet", 1)), &json!("f1")));
}

#[test]
fn lists_are_the_same_in_pages_of_any_size() {
    let farmtally = farmtally();
    let base = format!("/2023-10-12/farms/{FARM}");
    for size in [1, 3, 7, 100] {
        let queues = walk(&farmtally, &format!("{base}/queues"), "queues", "queueId", size);
        assert_eq!(queues, (1..=7).map(|number| id("queue", number)).collect::<Vec<_>>());
        let fleets = walk(&farmtally, &format!("{base}/fleets"), "fleets", "fleetId", size);
        assert_eq!(fleets, (1..=7).map(|number| id("fleet", number)).collect::<Vec<_>>());
        let farms = walk(&farmtally, "/2023-10-12/farms", "farms", "farmId", size);
        assert_eq!(farms, [FARM.to_string(), OTHER_FARM.to_string()]);
    }
}

#[test]
fn a_token_that_is_not_of_the_list_is_refused() {
    let farmtally = farmtally();
    let base = format!("/2023-10-12/farms/{FARM}");
    for (path, token) in [
        ("/2023-10-12/farms".to_owned(), id("queue", 1)),
        (format!("{base}/queues"), id("fleet", 1)),
        (format!("{base}/queues"), "nope".into()),
        (format!("{base}/fleets"), "%00".into()),
        (format!("{base}/fleets"), "a".repeat(4097)),
    ] {
        let call = Call::get(format!("{path}?nextToken={token}"));
        let body = farmtally.call(call).error(400, "ValidationException");
        assert_eq!(body["fieldList"][0]["name"], "nextToken", "{path}");
    }
}

#[test]
fn filters_leave_out_what_does_not_match() {
    let farmtally = farmtally();
    let count = |what: &str, query: &str| list(&farmtally, what, query)[what].as_array().unwrap().len();
    assert_eq!((count("queues", "status=IDLE"), count("queues", "status=SCHEDULING")), (7, 0));
    assert_eq!((count("fleets", "status=ACTIVE"), count("fleets", "status=SUSPENDED")), (7, 0));
    assert_eq!((count("fleets", "displayName=f3"), count("fleets", "displayName=f")), (1, 0));
}

#[test]
fn queues_and_fleets_of_a_farm_that_does_not_exist_are_not_found() {
    let farmtally = Farmtally::start();
    for what in ["queues", "fleets"] {
        let call = Call::get(format!("/2023-10-12/farms/{}/{what}", id("farm", 9)));
        let body = farmtally.call(call).error(404, "ResourceNotFoundException");
        assert_eq!(body["resourceId"], id("farm", 9));
    }
}
