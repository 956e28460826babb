//! Jobs, workers and sessions, as they are derived from what was sent.

use serde_json::{Value, json};

use crate::client::Call;
use crate::door::{FARM, Farmtally, sessions};
use crate::records::{id, running_session, session, with};

fn farm_path(rest: &str) -> String {
    format!("/2023-10-12/farms/{FARM}{rest}")
}

fn job_path(queue: u32, job: u32) -> String {
    farm_path(&format!("/queues/{}/jobs/{}", id("queue", queue), id("job", job)))
}

fn worker_path(fleet: u32, worker: u32) -> String {
    farm_path(&format!("/fleets/{}/workers/{}", id("fleet", fleet), id("worker", worker)))
}

/// Job 1 with a session of each outcome and one that runs, and jobs 2 and 3 with one session each.
fn farmtally() -> Farmtally {
    let farmtally = Farmtally::start();
    let of_job = |number: u32, job: u32, changes: Value| {
        let common = json!({ "jobId": id("job", job), "workerId": id("worker", number % 2 + 1),
                             "instanceType": "c6i.8xlarge" });
        with(with(session(number), common), changes)
    };
    farmtally.ingest(&[
        of_job(1, 1, json!({ "outcome": "SUCCEEDED", "startedAt": "2025-11-24T09:00:00Z" })),
        of_job(2, 1, json!({ "outcome": "FAILED" })),
        of_job(3, 1, json!({ "outcome": "RETRIED" })),
        of_job(4, 1, json!({ "outcome": "SUCCEEDED", "endedAt": "2025-11-24T12:00:00Z" })),
        of_job(5, 1, json!({})),
        of_job(
            6,
            2,
            json!({ "jobName": "sh020 sim", "userId": "bob", "outcome": "CANCELED",
                             "startedAt": "2025-11-23T00:00:00Z" }),
        ),
        with(
            session(7),
            json!({ "jobId": id("job", 3), "jobName": "sh030 SIM", "queueId": id("queue", 2),
                                 "fleetId": id("fleet", 2) }),
        ),
        with(running_session(8), json!({ "jobId": id("job", 1), "workerId": id("worker", 1) })),
    ]);
    farmtally
}

#[test]
fn a_job_is_what_its_sessions_add_up_to() {
    let farmtally = farmtally();
    let job = farmtally.call(Call::get(job_path(1, 1))).ok();
    let expected = json!({
        "jobId": id("job", 1), "name": "sh010 comp", "lifecycleStatus": "CREATE_COMPLETE",
        "lifecycleStatusMessage": "known by its sessions", "priority": 50,
        "createdAt": "2025-11-24T09:00:00Z", "createdBy": "alice", "startedAt": "2025-11-24T09:00:00Z",
        "taskRunStatus": "RUNNING", "taskRunStatusCounts": { "RUNNING": 1, "SUCCEEDED": 2, "FAILED": 1 },
        "taskFailureRetryCount": 1,
    });
    assert_eq!(job, expected);
    let ended = with(
        running_session(8),
        json!({ "jobId": id("job", 1), "workerId": id("worker", 1),
                                                 "endedAt": "2025-11-25T23:30:00Z", "outcome": "FAILED" }),
    );
    farmtally.call(sessions(FARM, &[ended])).ok();
    let job = farmtally.call(Call::get(job_path(1, 1))).ok();
    assert_eq!((&job["taskRunStatus"], &job["endedAt"]), (&json!("FAILED"), &json!("2025-11-25T23:30:00Z")));
    assert_eq!(job["taskRunStatusCounts"], json!({ "SUCCEEDED": 2, "FAILED": 2 }));
    farmtally.call(Call::delete(format!("/api/v1/farms/{FARM}/sessions/{}", id("session", 8))));
    let job = farmtally.call(Call::get(job_path(1, 1))).ok();
    assert_eq!((&job["taskRunStatus"], &job["endedAt"]), (&json!("FAILED"), &json!("2025-11-24T12:00:00Z")));
}

#[test]
fn a_job_without_known_outcomes_has_no_status() {
    let farmtally = farmtally();
    let job = farmtally.call(Call::get(job_path(2, 3))).ok();
    assert_eq!((job.get("taskRunStatus"), &job["taskRunStatusCounts"]), (None, &json!({})));
    assert_eq!(job["endedAt"], "2025-11-24T11:00:00Z");
}

#[test]
fn jobs_are_listed_by_queue_and_what_is_not_there_is_named() {
    let farmtally = farmtally();
    let list = |queue, query: &str| {
        farmtally.call(Call::get(farm_path(&format!("/queues/{}/jobs?{query}", id("queue", queue))))).ok()
    };
    let ids = |page: &Value| -> Vec<Value> {
        page["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].clone()).collect()
    };
    assert_eq!(ids(&list(1, "")), [id("job", 1), id("job", 2)]);
    let page = list(1, "maxResults=1");
    assert_eq!(ids(&page), [id("job", 1)]);
    let next = list(1, &format!("maxResults=1&nextToken={}", page["nextToken"].as_str().unwrap()));
    assert_eq!((ids(&next), next.get("nextToken")), (vec![json!(id("job", 2))], None));
    assert_eq!(ids(&list(2, "")), [id("job", 3)]);
    for (path, kind) in [
        (job_path(1, 9), "job"),
        (job_path(2, 1), "job"),
        (job_path(9, 1), "queue"),
        (format!("{}/sessions/{}", job_path(1, 1), id("session", 6)), "session"),
        (worker_path(2, 1), "worker"),
        (worker_path(9, 1), "fleet"),
    ] {
        let body = farmtally.call(Call::get(&path)).error(404, "ResourceNotFoundException");
        assert_eq!(body["resourceType"], kind, "{path}");
    }
}

#[test]
fn the_sessions_of_a_job_are_in_the_order_of_their_starts() {
    let farmtally = farmtally();
    let base = format!("{}/sessions", job_path(1, 1));
    let numbers = [1, 2, 3, 4, 5, 8].map(|number| id("session", number));
    for size in [1, 2, 5, 6, 100] {
        let (mut ids, mut token) = (Vec::new(), String::new());
        loop {
            let page = farmtally.call(Call::get(format!("{base}?maxResults={size}{token}"))).ok();
            let sessions = page["sessions"].as_array().unwrap();
            ids.extend(sessions.iter().map(|session| session["sessionId"].as_str().unwrap().to_owned()));
            let Some(next) = page.get("nextToken") else { break };
            token = format!("&nextToken={}", next.as_str().unwrap());
        }
        assert_eq!(ids, numbers, "in pages of {size}");
    }
    let first = &farmtally.call(Call::get(&base)).ok()["sessions"][0];
    let expected = json!({ "sessionId": id("session", 1), "fleetId": id("fleet", 1), "workerId": id("worker", 2),
                           "startedAt": "2025-11-24T09:00:00Z", "endedAt": "2025-11-24T11:00:00Z",
                           "lifecycleStatus": "ENDED" });
    assert_eq!(first, &expected);
    farmtally.call(Call::get(format!("{base}?nextToken=x"))).error(400, "ValidationException");
}

#[test]
fn a_session_is_found_by_its_id_running_or_ended_and_after_a_restart() {
    let farmtally = farmtally();
    let get = |farmtally: &Farmtally, job: &str, number| {
        farmtally.call(Call::get(format!("{job}/sessions/{}", id("session", number)))).ok()
    };
    let ended = get(&farmtally, &job_path(1, 1), 2);
    assert_eq!(ended["hostProperties"], json!({ "ec2InstanceType": "c6i.8xlarge" }));
    assert_eq!(ended["log"], json!({ "logDriver": "none", "error": "no logs are kept here" }));
    let running = get(&farmtally, &job_path(1, 1), 8);
    assert_eq!((&running["lifecycleStatus"], running.get("endedAt")), (&json!("STARTED"), None));
    let without_worker = get(&farmtally, &job_path(2, 3), 7);
    assert_eq!(without_worker["workerId"], id("worker", 0));
    assert_eq!(without_worker.get("hostProperties"), None);
    let farmtally = farmtally.restart();
    assert_eq!(get(&farmtally, &job_path(1, 1), 2), ended);
    assert_eq!(get(&farmtally, &job_path(1, 1), 8), running);
}

#[test]
fn a_worker_runs_while_it_has_a_running_session() {
    let farmtally = farmtally();
    let worker = farmtally.call(Call::get(worker_path(1, 1))).ok();
    let expected = json!({ "farmId": FARM.to_string(), "fleetId": id("fleet", 1), "workerId": id("worker", 1),
                           "status": "RUNNING", "createdAt": "2025-11-23T00:00:00Z", "createdBy": "tests",
                           "updatedAt": "2025-11-24T12:00:00Z" });
    assert_eq!(with(worker, json!({ "hostProperties": null })), expected);
    let other = farmtally.call(Call::get(worker_path(1, 2))).ok();
    assert_eq!(other["status"], "STOPPED");
    assert_eq!(other["hostProperties"], json!({ "ec2InstanceType": "c6i.8xlarge" }));
    let path = farm_path(&format!("/fleets/{}/workers", id("fleet", 1)));
    assert_eq!(farmtally.call(Call::get(&path)).ok()["workers"].as_array().unwrap().len(), 2);
    let fleet = farmtally.call(Call::get(farm_path(&format!("/fleets/{}", id("fleet", 1))))).ok();
    assert_eq!(fleet["workerCount"], 1, "one of them works");
    let page = farmtally.call(Call::get(format!("{}/sessions?maxResults=2", worker_path(1, 2)))).ok();
    let expected = json!({ "sessionId": id("session", 1), "queueId": id("queue", 1), "jobId": id("job", 1),
                           "startedAt": "2025-11-24T09:00:00Z", "endedAt": "2025-11-24T11:00:00Z",
                           "lifecycleStatus": "ENDED" });
    assert_eq!(page["sessions"][0], expected);
    let token = page["nextToken"].as_str().unwrap();
    let page = farmtally.call(Call::get(format!("{}/sessions?nextToken={token}", worker_path(1, 2)))).ok();
    assert_eq!((page["sessions"].as_array().unwrap().len(), page.get("nextToken")), (1, None));
}

/// The numbers of the jobs that a search finds.
fn search(farmtally: &Farmtally, changes: Value) -> (Vec<u32>, Value) {
    let body = with(json!({ "queueIds": [id("queue", 1), id("queue", 2)], "itemOffset": 0 }), changes);
    let answer = farmtally.call(Call::post(farm_path("/search/jobs"), body.to_string())).ok();
    let number = |job: &Value| {
        u32::from_str_radix(job["jobId"].as_str().unwrap().trim_start_matches("job-"), 16).unwrap()
    };
    (answer["jobs"].as_array().unwrap().iter().map(number).collect(), answer)
}

fn filtered(farmtally: &Farmtally, filters: &Value) -> Vec<u32> {
    search(farmtally, json!({ "filterExpressions": { "operator": "AND", "filters": filters } })).0
}

#[test]
fn jobs_are_searched_by_outcome_name_user_and_time() {
    let farmtally = farmtally();
    let text = |name: &str, operator: &str, value: &str| json!([{ "stringFilter": { "name": name, "operator": operator, "value": value } }]);
    assert_eq!(filtered(&farmtally, &text("TASK_RUN_STATUS", "EQUAL", "CANCELED")), [2]);
    assert_eq!(filtered(&farmtally, &text("TASK_RUN_STATUS", "NOT_EQUAL", "CANCELED")), [1, 3]);
    assert_eq!(filtered(&farmtally, &text("TASK_FAILURE_RETRY_COUNT", "GREATER_THAN", "0")), [1]);
    assert_eq!(filtered(&farmtally, &text("CREATED_BY", "EQUAL", "bob")), [2]);
    assert_eq!(filtered(&farmtally, &json!([{ "searchTermFilter": { "searchTerm": "sim" } }])), [2, 3]);
    let after = json!([{ "dateTimeFilter": { "name": "ENDED_AT", "operator": "GREATER_THAN_EQUAL_TO",
                                             "dateTime": "2025-11-24T11:00:00Z" } }]);
    assert_eq!(filtered(&farmtally, &after), [2, 3]);
    assert_eq!(search(&farmtally, json!({ "queueIds": [id("queue", 2)] })).0, [3]);
}

#[test]
fn times_are_answered_to_the_millisecond_and_found_as_they_were_answered() {
    let farmtally = farmtally();
    let times = json!({ "jobId": id("job", 4), "workerId": id("worker", 4),
                        "startedAt": "2025-11-24T23:08:00.494Z", "endedAt": "2025-11-24T23:09:00.5Z" });
    farmtally.ingest(&[with(session(9), times)]);
    let job = farmtally.call(Call::get(job_path(1, 4))).ok();
    let expected = (&json!("2025-11-24T23:08:00.494Z"), &json!("2025-11-24T23:09:00.5Z"));
    assert_eq!((&job["startedAt"], &job["endedAt"]), expected);
    assert_eq!(job["createdAt"], "2025-11-24T23:08:00.494Z");
    let listed = farmtally.call(Call::get(format!("{}/sessions", job_path(1, 4)))).ok();
    assert_eq!((&listed["sessions"][0]["startedAt"], &listed["sessions"][0]["endedAt"]), expected);
    let found = farmtally.call(Call::get(format!("{}/sessions/{}", job_path(1, 4), id("session", 9)))).ok();
    assert_eq!((&found["startedAt"], &found["endedAt"]), expected);
    let worker = farmtally.call(Call::get(worker_path(1, 4))).ok();
    assert_eq!(worker["createdAt"], "2025-11-24T23:08:00.494Z");
    for (name, time) in [("STARTED_AT", &job["startedAt"]), ("ENDED_AT", &job["endedAt"])] {
        let equal = json!([{ "dateTimeFilter": { "name": name, "operator": "EQUAL", "dateTime": time } }]);
        assert_eq!(filtered(&farmtally, &equal), [4], "{name}");
    }
}

#[test]
fn a_search_is_sorted_and_paged_by_offset() {
    let farmtally = farmtally();
    let newest = json!([{ "fieldSort": { "name": "CREATED_AT", "sortOrder": "DESCENDING" } }]);
    let (jobs, answer) = search(&farmtally, json!({ "sortExpressions": newest, "pageSize": 2 }));
    assert_eq!(
        (jobs, &answer["totalResults"], &answer["nextItemOffset"]),
        (vec![3, 1], &json!(3), &json!(2))
    );
    let (jobs, answer) =
        search(&farmtally, json!({ "sortExpressions": newest, "pageSize": 2, "itemOffset": 2 }));
    assert_eq!((jobs, answer.get("nextItemOffset")), (vec![2], None));
    assert_eq!(answer["jobs"][0]["queueId"], id("queue", 1));
    let bobs_first = json!([{ "userJobsFirst": { "userIdentityId": "bob" } }]);
    assert_eq!(search(&farmtally, json!({ "sortExpressions": bobs_first })).0, [2, 1, 3]);
    let body = json!({ "queueIds": [id("queue", 9)], "itemOffset": 0 });
    farmtally
        .call(Call::post(farm_path("/search/jobs"), body.to_string()))
        .error(404, "ResourceNotFoundException");
}

#[test]
fn workers_are_searched_too() {
    let farmtally = farmtally();
    let search = |filter: Value| {
        let mut body = json!({ "fleetIds": [id("fleet", 1), id("fleet", 2)], "itemOffset": 0 });
        if !filter.is_null() {
            body["filterExpressions"] = json!({ "operator": "AND", "filters": [filter] });
        }
        farmtally.call(Call::post(farm_path("/search/workers"), body.to_string())).ok()
    };
    assert_eq!(search(Value::Null)["totalResults"], 2);
    let running = json!({ "stringFilter": { "name": "STATUS", "operator": "EQUAL", "value": "RUNNING" } });
    let found = search(running);
    assert_eq!(
        (&found["totalResults"], &found["workers"][0]["workerId"]),
        (&json!(1), &json!(id("worker", 1)))
    );
}

#[test]
fn several_are_read_at_once_and_those_that_are_missing_are_named() {
    let farmtally = farmtally();
    let job =
        |number| json!({ "farmId": FARM.to_string(), "queueId": id("queue", 1), "jobId": id("job", number) });
    let session = |number| with(job(1), json!({ "sessionId": id("session", number) }));
    let batch = |what: &str, identifiers: Value| {
        let body = json!({ "identifiers": identifiers }).to_string();
        farmtally.call(Call::post(format!("/2023-10-12/batch-get-{what}"), body)).ok()
    };
    let answer = batch("session", json!([session(1), session(6), session(8)]));
    assert_eq!(answer["sessions"].as_array().unwrap().len(), 2);
    let error = with(
        session(6),
        json!({ "code": "ResourceNotFoundException",
                     "message": format!("session {} does not exist", id("session", 6)) }),
    );
    assert_eq!(answer["errors"], json!([error]));
    let answer = batch("job", json!([job(1), job(9)]));
    assert_eq!(
        (&answer["jobs"][0]["name"], &answer["errors"][0]["jobId"]),
        (&json!("sh010 comp"), &json!(id("job", 9)))
    );
    let worker = json!({ "farmId": id("farm", 1), "fleetId": id("fleet", 1), "workerId": id("worker", 1) });
    let answer = batch("worker", json!([worker]));
    assert_eq!((&answer["workers"], answer["errors"].as_array().unwrap().len()), (&json!([]), 1));
}
