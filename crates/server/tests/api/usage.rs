//! Questions about usage: what they count, what they refuse, and that they agree with the operations of AWS.

use std::time::Duration;

use farmtally_model::CostScaleFactor;
use farmtally_server::ConnectionLimits;
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, Setup};
use crate::records::{id, running_session, session, volume, with};

/// Where questions about the farm go.
pub(crate) fn path(what: &str) -> String {
    format!("/api/v1/farms/{FARM}/{what}")
}

pub(crate) fn ask(farmtally: &Farmtally, question: &Value) -> Answer {
    farmtally.call(Call::post(path("query"), question.to_string()))
}

pub(crate) fn read(farmtally: &Farmtally, what: &str) -> Answer {
    farmtally.call(Call::get(path(what)))
}

/// Two queues, two users, three instance types, licences, a volume and a running session, with costs of nine decimals.
pub(crate) fn studio() -> Farmtally {
    let farmtally = Farmtally::start();
    farmtally.ingest(&studio_records());
    farmtally
}

fn studio_records() -> Vec<Value> {
    let lit = json!({ "queueName": "lighting", "fleetName": "cpu", "userName": "Alice", "jobName": "abc_sh010_comp",
                      "instanceType": "c6i.8xlarge", "outcome": "SUCCEEDED",
                      "usage": [{ "usageType": "COMPUTE", "costInUsd": "1.234567891" },
                                { "usageType": "LICENSE", "licenseProduct": "arnold", "costInUsd": "0.1" },
                                { "usageType": "LICENSE", "licenseProduct": "nuke", "costInUsd": "0.000000001" }] });
    let fx = json!({ "queueId": id("queue", 2), "queueName": "fx", "userId": "bob", "jobId": id("job", 7),
                     "jobName": "xyz_sh020_fx", "workerId": id("worker", 1), "outcome": "FAILED",
                     "startedAt": "2025-11-24T22:30:00Z", "endedAt": "2025-11-25T01:30:00Z",
                     "usage": [{ "usageType": "COMPUTE", "costInUsd": "10.000000001" }] });
    let short = json!({ "startedAt": "2025-11-25T12:00:00Z", "endedAt": "2025-11-25T12:00:00.500Z", "jobName": "test" });
    vec![with(session(1), lit), with(session(2), fx), with(session(3), short), running_session(4), volume(1)]
}

/// The window of all of it.
const WINDOW: &str = "from=2025-11-24&to=2025-11-26";

#[test]
fn a_question_without_members_asks_for_thirty_days() {
    let farmtally = studio();
    let answer = ask(&farmtally, &json!({})).ok();
    assert_eq!(
        answer["window"],
        json!({ "from": "2025-10-28T00:00:00+00:00", "to": "2025-11-27T00:00:00+00:00", "timeZone": "UTC" })
    );
    assert_eq!(answer["period"], "none");
    assert_eq!(answer["buckets"].as_array().unwrap().len(), 1);
    assert_eq!(
        answer["farm"],
        json!({ "farmId": FARM.to_string(), "displayName": "Comet", "costScaleFactor": "1" })
    );
    assert_eq!(answer["total"]["sessions"], 4);
    assert_eq!(answer["total"]["cost"], json!({ "sum": "12.334567893" }));
    assert_eq!(answer["total"]["runtimeMs"], json!({ "sum": 5 * 3_600_000 + 500 }));
    assert_eq!(answer["groups"][0]["values"], json!([]));
    assert_eq!(
        answer["data"],
        json!({ "firstUsage": "2025-11-24T00:00:00Z", "lastUsage": "2025-11-26T00:00:00Z", "records": 5 })
    );
    assert_eq!(answer["explain"]["asOf"], "2025-11-26T00:00:00Z");
    let blocks = |member: &str| answer["explain"][member].as_u64().unwrap();
    assert!(blocks("blocksRead") + blocks("blocksSkipped") >= 1, "{answer}");
}

#[test]
fn the_query_string_asks_the_same_as_the_body() {
    let farmtally = studio();
    let body = json!({
        "from": "2025-11-24", "to": "2025-11-26", "timeZone": "Europe/Paris", "period": "day",
        "groupBy": ["queue", { "jobName": "^([a-z]+)_", "label": "show" }],
        "filters": [{ "dimension": "user", "exclude": ["carol's"] }, { "dimension": "jobName", "exclude": ["*test*"] }],
        "statistics": ["sum", "avg", "p95"], "top": 1, "topBy": "runtime",
    });
    let mut body = ask(&farmtally, &without_filter_of_nobody(body)).ok();
    let url = "query?from=2025-11-24&to=2025-11-26&timeZone=Europe%2FParis&period=day&by=queue&by=show:%5E(%5Ba-z%5D%2B)_\
               &where=jobName!~*test*&stat=sum,avg,p95&top=1&topBy=runtime";
    let mut url = read(&farmtally, url).ok();
    for answer in [&mut body, &mut url] {
        answer["explain"]["elapsedMicros"] = 0.into();
    }
    assert_eq!(body, url);
    assert_eq!(body["groupBy"], json!(["queue", "show"]));
    assert_eq!(body["groups"][0]["values"][0]["name"], "fx");
    assert_eq!(body["groups"][0]["values"][1], json!({ "id": "xyz", "name": "xyz" }));
    assert_eq!(body["groups"][1]["other"], 1);
}

/// A filter by a user that nobody knows is an error, and this test is about others.
fn without_filter_of_nobody(mut question: Value) -> Value {
    question["filters"].as_array_mut().unwrap().remove(0);
    question
}

#[test]
fn groups_have_names_and_no_value_is_null() {
    let farmtally = studio();
    let answer = read(&farmtally, &format!("query?{WINDOW}&by=queue,user,instanceType,outcome&top=2")).ok();
    let values = |index: usize| answer["groups"][index]["values"].clone();
    let named = |id: &str, name: &str| json!({ "id": id, "name": name });
    assert_eq!(
        values(0),
        json!([named(&id("queue", 2), "fx"), named("bob", "bob"), null, named("FAILED", "FAILED")])
    );
    assert_eq!(values(1)[0], named(&id("queue", 1), "lighting"));
    assert_eq!(values(1)[1], named("alice", "Alice"));
    assert_eq!(answer["groups"][2]["other"], 1, "{answer}");
    let rest =
        read(&farmtally, &format!("query?{WINDOW}&by=queue,user,instanceType,outcome&top=2&other=false"))
            .ok();
    assert_eq!(rest["groups"].as_array().unwrap().len(), 2);
    assert_eq!(rest["total"], answer["total"]);
}

#[test]
fn totals_equal_those_of_the_operations_to_the_nano_dollar() {
    let farmtally = studio();
    let factor = CostScaleFactor::parse("1.1").unwrap();
    farmtally.service.set_cost_scale_factor(FARM, factor, "tests").unwrap();
    for (native, fields) in [
        ("queue", json!(["QUEUE_ID"])),
        ("user,instanceType", json!(["USER_ID", "INSTANCE_TYPE"])),
        ("usageType", json!(["USAGE_TYPE"])),
        ("licenseProduct", json!(["LICENSE_PRODUCT"])),
        ("job,fleet", json!(["JOB_ID", "FLEET_ID"])),
    ] {
        let aws = farmtally.answer(&json!({
            "resourceIds": { "fleetIds": [id("fleet", 1)] },
            "startTime": "2025-11-24T00:00:00Z", "endTime": "2025-11-26T00:00:00Z", "period": "DAILY",
            "groupBy": fields, "statistics": ["SUM", "MIN", "MAX"],
        }));
        let url =
            format!("query?{WINDOW}&period=day&by={native}&stat=sum,min,max&where=fleet={}", id("fleet", 1));
        let ours = read(&farmtally, &url).ok();
        let by_key = |rows: Vec<(String, Value)>| {
            let mut rows = rows;
            rows.sort_by(|one, other| one.0.cmp(&other.0));
            rows
        };
        let aws_rows = aws["statistics"].as_array().unwrap().iter().map(aws_row);
        let our_rows = ours["rows"].as_array().unwrap().iter().map(|row| our_row(&ours, row));
        assert_eq!(by_key(our_rows.collect()), by_key(aws_rows.collect()), "{native}");
    }
}

/// Bucket and values, and the amounts as doubles.
fn aws_row(row: &Value) -> (String, Value) {
    let members = ["queueId", "fleetId", "jobId", "userId", "usageType", "instanceType", "licenseProduct"];
    let mut values: Vec<&str> = members.iter().filter_map(|member| row[*member].as_str()).collect();
    values.sort_unstable();
    let key = format!("{} {}", row["aggregationStartTime"].as_str().unwrap(), values.join(" "));
    let amounts = json!([row["count"], row["costInUsd"], row["runtimeInSeconds"]]);
    (key, amounts)
}

fn our_row(answer: &Value, row: &Value) -> (String, Value) {
    let group = &answer["groups"][usize::try_from(row["group"].as_u64().unwrap()).unwrap()];
    let mut values: Vec<&str> =
        group["values"].as_array().unwrap().iter().filter_map(|value| value["id"].as_str()).collect();
    values.sort_unstable();
    let bucket = &answer["buckets"][usize::try_from(row["bucket"].as_u64().unwrap()).unwrap()];
    let start = bucket["from"].as_str().unwrap().replace("+00:00", "Z");
    let double =
        |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap());
    let of = |name: &str, unit: f64| {
        let statistic = |key: &str| double(&row[name][key]) / unit;
        json!({ "max": statistic("max"), "min": statistic("min"), "sum": statistic("sum") })
    };
    (
        format!("{start} {}", values.join(" ")),
        json!([row["sessions"], of("cost", 1.0), of("runtimeMs", 1000.0)]),
    )
}

#[test]
fn filters_take_names_ids_globs_and_no_value() {
    let farmtally = studio();
    let sessions = |filter: &str| {
        let answer = read(&farmtally, &format!("query?{WINDOW}&{filter}")).ok();
        answer["total"]["sessions"].as_u64().unwrap()
    };
    for (filter, expected) in [
        ("where=queue=lighting", 3),
        ("where=queue=LIGHTING", 3),
        (&format!("where=queue={}", id("queue", 2)) as &str, 1),
        ("where=queue!=lighting", 1),
        ("where=queue=lighting|fx", 4),
        ("where=user=Alice", 3),
        ("where=user=bob", 1),
        ("where=jobName~*_comp", 1),
        ("where=jobName~abc*|xyz*", 2),
        ("where=jobName!~*test*", 3),
        ("where=job=abc_sh010_comp", 1),
        ("where=instanceType=", 3),
        ("where=instanceType=c6i.8xlarge", 1),
        ("where=outcome=failed", 1),
        ("where=outcome=SUCCEEDED&where=queue=fx", 0),
        ("where=usageType=license", 1),
        ("where=licenseProduct=arnold", 1),
        ("where=licenseProduct=Arnold|NUKE", 1),
        ("where=instanceType!=C6I.8xlarge", 3),
        ("where=worker!=", 1),
        ("pattern=show:%5E(%5Ba-z%5D%2B)_&where=show=abc", 1),
        ("pattern=show:%5E(%5Ba-z%5D%2B)_&where=show=", 2),
    ] {
        assert_eq!(sessions(filter), expected, "{filter}");
    }
    // A filter by lines counts their cost and nothing else of the session.
    let license = read(&farmtally, &format!("query?{WINDOW}&where=licenseProduct=nuke")).ok();
    assert_eq!(license["total"]["cost"]["sum"], "0.000000001");
}

#[test]
fn days_are_those_of_the_zone_with_its_summer_time() {
    let farmtally = Farmtally::start();
    let at =
        |number, from: &str, to: &str| with(session(number), json!({ "startedAt": from, "endedAt": to }));
    farmtally.ingest(&[
        at(1, "2025-03-29T22:30:00Z", "2025-03-29T23:30:00Z"),
        at(2, "2025-03-30T21:30:00Z", "2025-03-30T22:30:00Z"),
    ]);
    let url = "query?from=2025-03-29&to=2025-04-01&timeZone=Europe/Paris&period=day";
    let answer = read(&farmtally, url).ok();
    assert_eq!(
        answer["buckets"][1],
        json!({ "from": "2025-03-30T00:00:00+01:00", "to": "2025-03-31T00:00:00+02:00" })
    );
    let rows: Vec<(u64, u64)> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["bucket"].as_u64().unwrap(), row["runtimeMs"]["sum"].as_u64().unwrap()))
        .collect();
    assert_eq!(rows, [(0, 1_800_000), (1, 3_600_000), (2, 1_800_000)]);
}

#[test]
fn a_window_is_compared_with_the_one_before() {
    let farmtally = studio();
    let url = "query?in=2025-11-25&by=queue&compare=previous&period=hour&stat=sum,max";
    let answer = read(&farmtally, url).ok();
    assert_eq!(answer["previousWindow"]["from"], "2025-11-24T00:00:00+00:00");
    assert_eq!(answer["previousBuckets"].as_array().unwrap().len(), 24);
    let group = |name: &str| {
        let groups = answer["groups"].as_array().unwrap();
        groups.iter().find(|group| group["values"][0]["name"] == name).unwrap().clone()
    };
    assert_eq!(group("fx")["total"]["cost"]["sum"], "5.000000001");
    assert_eq!(group("fx")["previous"]["cost"]["sum"], "5");
    assert_eq!(group("lighting")["previous"]["sessions"], 1);
    assert_eq!(answer["previous"]["cost"]["sum"], "6.334567892");
    let rows = answer["previousRows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["bucket"] == 22 && row["runtimeMs"]["sum"] == 1_800_000), "{rows:?}");
    // A group that is gone is still a group.
    let gone =
        read(&farmtally, "query?from=2025-11-25T13:00&to=2025-11-25T14:00&by=user&compare=previous").ok();
    assert_eq!(gone["total"]["sessions"], 0);
    assert_eq!(
        gone["groups"][0]["total"],
        json!({ "sessions": 0, "cost": { "sum": "0" }, "runtimeMs": { "sum": 0 } })
    );
    assert_eq!(gone["groups"][0]["previous"]["sessions"], 1);
    assert_eq!(read(&farmtally, "query?in=1970&compare=year").status, 400);
}

#[test]
fn what_is_not_among_the_first_is_other_in_the_window_before_too() {
    let farmtally = studio();
    let asked = "query?in=2025-11-25&compare=previous&period=day";
    let all = read(&farmtally, asked).ok();
    let first = read(&farmtally, &format!("{asked}&by=queue&top=1")).ok();
    let (fx, other) = (&first["groups"][0], &first["groups"][1]);
    assert_eq!((&fx["values"][0]["name"], &fx["previous"]["cost"]["sum"]), (&json!("fx"), &json!("5")));
    assert_eq!((&other["other"], &other["previous"]["cost"]["sum"]), (&json!(1), &json!("1.334567892")));
    assert_eq!(first["previous"], all["previous"]);
    let costs = |answer: &Value| -> Vec<Value> {
        let rows = answer["previousRows"].as_array().unwrap();
        rows.iter().map(|row| json!([row["bucket"], row["group"], row["cost"]["sum"]])).collect()
    };
    assert_eq!(costs(&first), [json!([0, 0, "5"]), json!([0, 1, "1.334567892"])]);
    assert_eq!(
        read(&farmtally, &format!("{asked}&by=queue&top=1&other=false")).ok()["groups"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // Bob alone has usage in the window, and all that alice had was before it.
    let window = "from=2025-11-25T00:00&to=2025-11-25T14:00&where=jobName!~*test*";
    let asked = format!("query?{window}&by=user&compare=previous&top=1");
    let gone = read(&farmtally, &asked).ok();
    assert_eq!(gone["groups"][0]["values"][0]["id"], "bob");
    assert_eq!(
        (&gone["groups"][1]["other"], &gone["groups"][1]["total"]["sessions"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(gone["groups"][1]["previous"]["sessions"], 1);
    let csv = farmtally.call(Call::get(path(&format!("{asked}&format=csv"))));
    let last = csv.text().lines().last().unwrap();
    assert!(last.starts_with("2025-11-25T00:00:00Z,2025-11-25T14:00:00Z,,,0,,"), "{last}");
}

#[test]
fn what_is_wrong_is_said_with_field_value_and_hint() {
    let farmtally = studio();
    let refused = |what: &str| {
        let answer = read(&farmtally, what);
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        answer.json()
    };
    assert_eq!(
        refused("query?where=queue=lightning"),
        json!({ "message": "filters[0].include[0] \"lightning\": no queue of the farm has this id or name; there is fx, lighting",
                "field": "filters[0].include[0]", "value": "lightning", "hint": "there is fx, lighting" })
    );
    assert_eq!(
        refused("query?where=instanceType=c6i.8xlrge")["message"],
        "filters[0].include[0] \"c6i.8xlrge\": no session of the farm has had this instance type; there is c6i.8xlarge"
    );
    assert_eq!(
        refused("sessions?where=licenseProduct=arnold|nuk")["message"],
        "filters[0].include[1] \"nuk\": no session of the farm has had this licensed product; there is arnold, nuke"
    );
    for (what, field) in [
        ("query?last=30x", "last"),
        ("query?by=colour", "groupBy[0]"),
        ("query?from=2025-02-30&to=2026", "from"),
        ("query?period=hour&from=1970-01-01&to=2026-01-01", "period"),
        ("query?where=outcome=DONE", "filters[0].include[0]"),
        ("query?where=usageType=compte", "filters[0].include[0]"),
        ("query?where=licenseProduct!=maya", "filters[0].exclude[0]"),
        ("query?where=user=", "filters[0]"),
        ("query?where=worker=w1", "filters[0].include[0]"),
        ("query?format=xml", "format"),
        ("query?colour=red", "colour"),
        ("sessions?limit=0", "limit"),
        ("sessions?cursor=x", "cursor"),
        ("values", "dimension"),
        ("values?dimension=colour", "dimension"),
    ] {
        assert_eq!(refused(what)["field"], field, "{what}");
    }
    let twice = farmtally.call(Call::post(path("query?last=1d"), "{}"));
    assert_eq!((twice.status, twice.json()["field"].as_str().unwrap().to_owned()), (400, "query".to_owned()));
    let body = farmtally.call(Call::post(path("query"), "{\"groupBy\":[1]}"));
    assert_eq!(body.json()["field"], "groupBy[0]");
}

#[test]
fn an_answer_beyond_its_limits_is_refused_and_not_cut() {
    let farmtally = studio();
    let answer = read(&farmtally, &format!("query?{WINDOW}&by=user&period=hour&rowsMax=3"));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(
        answer.json()["message"].as_str().unwrap().starts_with("the answer has more than 3 rows (rowsMax)")
    );
    let limits = ConnectionLimits { query_runtime_max: Duration::ZERO, ..ConnectionLimits::default() };
    let hasty = Farmtally::with(Setup { connection_limits: limits, ..Setup::default() });
    let answer = read(&hasty, "query");
    assert_eq!(answer.status, 504, "{}", answer.text());
}

#[test]
fn the_sessions_behind_a_number_add_up_to_it() {
    let farmtally = studio();
    let filter = format!("{WINDOW}&where=queue=lighting");
    let total = read(&farmtally, &format!("query?{filter}")).ok()["total"].clone();
    let mut found: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = read(&farmtally, &format!("sessions?{filter}&limit=1{cursor}")).ok();
        found.extend(page["sessions"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let ids: Vec<&str> = found.iter().map(|session| session["sessionId"].as_str().unwrap()).collect();
    assert_eq!(ids, [&*id("session", 4), &*id("session", 3), &*id("session", 1)]);
    let runtime: u64 = found.iter().map(|session| session["inWindow"]["runtimeMs"].as_u64().unwrap()).sum();
    assert_eq!(
        (found.len() as u64, runtime),
        (total["sessions"].as_u64().unwrap(), total["runtimeMs"]["sum"].as_u64().unwrap())
    );
    let last = &found[2];
    assert_eq!(last["cost"], "1.334567892");
    assert_eq!(last["queue"], json!({ "id": id("queue", 1), "name": "lighting" }));
    assert_eq!(last["user"], json!({ "id": "alice", "name": "Alice" }));
    assert_eq!(last["job"]["name"], "abc_sh010_comp");
    assert_eq!(
        last["usage"][1],
        json!({ "usageType": "LICENSE", "licenseProduct": "arnold", "quantity": 1, "cost": "0.1" })
    );
    assert_eq!(found[0]["endedAt"], Value::Null);
    assert_eq!(found[0]["runtimeMs"], 3_600_000);
}

#[test]
fn sessions_are_a_table_with_a_link_to_the_next() {
    let farmtally = studio();
    let asked = format!("sessions?{WINDOW}&where=queue=lighting&format=csv");
    let (mut target, mut lines) = (path(&format!("{asked}&limit=2")), Vec::new());
    loop {
        let page = farmtally.call(Call::get(&target));
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/csv; charset=utf-8")));
        let text = page.text().to_owned();
        let (head, rows) = text.split_once("\r\n").unwrap();
        assert_eq!(
            head,
            "sessionId,queueId,queueName,fleetId,fleetName,jobId,jobName,userId,userName,workerId,instanceType,outcome,\
             startedAt,endedAt,runtimeSeconds,costInUsd,computeCostInUsd,licenseCostInUsd,licenseProducts,\
             window_runtimeSeconds,window_costInUsd"
        );
        lines.extend(rows.lines().map(str::to_owned));
        let Some(link) = page.header("link") else { break };
        target = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    let last = format!(
        "{},{},lighting,{},cpu,{},abc_sh010_comp,alice,Alice,,c6i.8xlarge,SUCCEEDED,2025-11-24T10:00:00Z,\
         2025-11-24T11:00:00Z,3600,1.334567892,1.234567891,0.100000001,arnold nuke,3600,1.334567892",
        id("session", 1),
        id("queue", 1),
        id("fleet", 1),
        id("job", 1)
    );
    assert_eq!((lines.len(), &lines[2]), (3, &last));
    assert!(
        lines[0].contains(",,,2025-11-25T23:00:00Z,,3600,0,"),
        "a running session has no end: {}",
        lines[0]
    );
    let file = farmtally.call(Call::get(path(&format!("sessions?{WINDOW}&limit=10000&format=parquet"))));
    assert_eq!((file.status, &file.body[..4]), (200, b"PAR1" as &[u8]));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"sessions.parquet\""));
    let too_many = read(&farmtally, &format!("sessions?{WINDOW}&limit=1001"));
    assert_eq!((too_many.status, too_many.json()["field"].as_str()), (400, Some("limit")));
}

#[test]
fn a_session_is_cut_at_the_window_as_the_answer_cuts_it() {
    let farmtally = studio();
    farmtally.service.set_cost_scale_factor(FARM, CostScaleFactor::parse("0.5").unwrap(), "tests").unwrap();
    for hour in 22..24 {
        let window = format!("from=2025-11-24T{hour}:00&to=2025-11-24T{hour}:45&where=user=bob");
        let total = read(&farmtally, &format!("query?{window}")).ok()["total"].clone();
        let sessions = read(&farmtally, &format!("sessions?{window}")).ok();
        let part = &sessions["sessions"][0]["inWindow"];
        assert_eq!(part["cost"], total["cost"]["sum"]);
        assert_eq!(part["runtimeMs"], total["runtimeMs"]["sum"]);
    }
    let license = format!("{WINDOW}&where=licenseProduct=arnold");
    let session = read(&farmtally, &format!("sessions?{license}")).ok()["sessions"][0].clone();
    assert_eq!(
        (session["inWindow"]["cost"].as_str(), session["cost"].as_str()),
        (Some("0.05"), Some("0.667283946"))
    );
}

#[test]
fn pickers_get_values_by_name() {
    let farmtally = studio();
    let values = |what: &str| {
        let answer = read(&farmtally, &format!("values?{what}")).ok();
        let names = answer["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>().join(" "), answer["more"].as_bool().unwrap())
    };
    let all = |names: &str| (names.to_owned(), false);
    assert_eq!(values("dimension=queue"), all("fx lighting"));
    assert_eq!(values("dimension=user"), all("Alice bob"));
    assert_eq!(values("dimension=user&prefix=AL"), all("Alice"));
    assert_eq!(values("dimension=user&limit=1"), ("Alice".to_owned(), true));
    assert_eq!(values("dimension=jobName&contains=sh0"), all("abc_sh010_comp sh010 comp xyz_sh020_fx"));
    assert_eq!(values("dimension=show&pattern=show:%5E(%5Ba-z%5D%2B)_"), all("abc xyz"));
    assert_eq!(values("dimension=licenseProduct"), all("arnold nuke"));
    assert_eq!(values("dimension=instanceType"), all("c6i.8xlarge"));
    assert_eq!(values("dimension=worker"), all(&id("worker", 1)));
    assert_eq!(values("dimension=outcome&prefix=f"), all("FAILED"));
    assert_eq!(values("dimension=usageType&prefix=l"), all("LICENSE"));
}

#[test]
fn the_form_of_an_answer_is_asked_for_by_a_parameter_or_a_header() {
    let farmtally = studio();
    let url = path(&format!("query?{WINDOW}&by=queue"));
    let form = |target: &str, accept: &str| {
        let answer = farmtally.call(Call::get(target).header("accept", accept));
        assert_eq!((answer.status, answer.header("vary")), (200, Some("accept")), "{target} {accept}");
        let file = answer.header("content-disposition").map(str::to_owned);
        (answer.header("content-type").unwrap().split(';').next().unwrap().to_owned(), file)
    };
    let json = ("application/json".to_owned(), None);
    assert_eq!(form(&url, "*/*"), json);
    assert_eq!(form(&url, "text/html, image/png"), json);
    assert_eq!(form(&url, "text/csv;q=0.1, application/json"), json);
    let csv = |accept| form(&url, accept);
    let file = |end: &str| Some(format!("attachment; filename=\"Comet_2025-11-24_2025-11-26_queue.{end}\""));
    assert_eq!(csv("application/json;q=0.5, text/csv"), ("text/csv".to_owned(), file("csv")));
    let by_parameter = |form_name: &str| form(&format!("{url}&format={form_name}"), "text/csv").1;
    assert_eq!((by_parameter("arrow"), by_parameter("parquet")), (file("arrow"), file("parquet")));
    let answer = farmtally.call(Call::get(format!("{url}&format=csv")));
    assert_eq!(
        answer.text(),
        format!(
            "bucketStart,bucketEnd,queueId,queueName,sessions,costInUsd_sum,runtimeSeconds_sum\r\n\
             2025-11-24T00:00:00Z,2025-11-26T00:00:00Z,{},fx,1,10.000000001,10800\r\n\
             2025-11-24T00:00:00Z,2025-11-26T00:00:00Z,{},lighting,3,2.334567892,7200.5\r\n",
            id("queue", 2),
            id("queue", 1)
        )
    );
}

#[test]
fn the_document_and_its_page_are_open_and_have_no_script() {
    let farmtally = Farmtally::start();
    let open = |target: &str| {
        let answer = farmtally.send(&Call::get(target).host("localhost").unsigned());
        assert_eq!(answer.status, 200, "{target}");
        answer
    };
    let document = open("/api/v1/openapi.json").json();
    for asked in crate::matrix::everything_to_ask() {
        let is_native = asked.call.target.starts_with("/api/");
        let is_described =
            document["paths"].to_string().contains(&format!("\"operationId\":\"{}\"", asked.name));
        assert_eq!(is_described, is_native, "{}", asked.name);
    }
    let operations = document["paths"].to_string().matches("\"operationId\"").count();
    let asked = crate::matrix::everything_to_ask();
    let native = asked.iter().filter(|asked| asked.call.target.starts_with("/api/")).count();
    assert_eq!(operations, native + 3, "a native route is not in the matrix");
    let page = open("/api/docs");
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!page.text().contains("<script") && !page.text().contains(" style="), "{}", page.text());
    assert!(
        page.text().contains("id=\"schema-Answer\"") && page.text().contains("/api/v1/farms/{farmId}/query")
    );
    assert_eq!(open("/api/docs.css").header("content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn farms_say_what_they_have() {
    let farmtally = studio();
    let farms = farmtally.call(Call::get("/api/v1/farms")).ok();
    assert_eq!(farms["farms"][0]["displayName"], "Comet");
    assert_eq!(farms["farms"][0]["records"], 5);
    assert_eq!(farms["farms"][0]["firstUsage"], "2025-11-24T00:00:00Z");
    assert_eq!(farms["farms"][1]["records"], 0);
    assert_eq!(farms["farms"][1]["firstUsage"], Value::Null);
}
