//! The farm that is copied: a server with sessions and a rate card, and what both it and its copy answer.

use std::process::Command;
use std::time::Duration;

use farmtally_service::{Clock, SystemClock};
use farmtally_sigv4::{OutgoingRequest, SecretAccessKey, Signer, body_sha256};
use serde_json::{Value, json};

use crate::door::{Ended, Place, Running};

pub(super) const FARM: &str = "farm-0000000000000000000000000000a05a";

const RATES: &str = r#"
[[rate]]
usage = "COMPUTE"
usdPerHour = "0.25"

[[rate]]
usage = "COMPUTE"
instanceType = "c6i.8xlarge"
usdPerHour = "1.36"

[[rate]]
usage = "COMPUTE"
fleet = "blades"
usdPerHour = "0.75"
"#;

pub(super) fn job_id(job: u32) -> String {
    format!("job-{job:032x}")
}

/// A session of a job. Its members are chosen by its number, so that all kinds occur.
pub(super) fn line(job: u32, session: u32, times: &str) -> String {
    let queue = ["comp", "lighting"][(job % 2) as usize];
    let fleet = ["spot", "blades", "local"][(session % 3) as usize];
    let host = if fleet == "spot" { r#","instanceType":"c6i.8xlarge""# } else { "" };
    let worker = if session.is_multiple_of(4) {
        String::new()
    } else {
        format!(r#","workerId":"worker-{:032x}""#, session % 7)
    };
    let user = ["alice", "bob", "zoë"][(job % 3) as usize];
    format!(
        r#"{{"sessionId":"session-{job:016x}{session:016x}","queueName":"{queue}","fleetName":"{fleet}","jobId":"{}","jobName":"shot {job} \"v1\"","userId":"{user}"{host}{worker},{times}}}"#,
        job_id(job)
    ) + "\n"
}

/// So many jobs with so many sessions each, all of which ended in January of 2026.
pub(super) fn jobs(jobs: u32, sessions: u32) -> String {
    let times = |job: u32, session: u32| {
        let (day, minute, seconds) = (1 + job % 28, session % 60, 60 + (job * 97 + session * 31) % 40_000);
        let (hours, minutes, seconds) = (10 + seconds / 3600, seconds / 60 % 60, seconds % 60);
        let (end_day, hours) = if hours >= 24 { (day + 1, hours - 24) } else { (day, hours) };
        // A minute is added so that no session ends before it starts.
        format!(
            r#""startedAt":"2026-01-{day:02}T09:{minute:02}:00Z","endedAt":"2026-01-{end_day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z""#,
            (job * 37 + session) % 1000
        )
    };
    (1..=jobs)
        .flat_map(|job| (1..=sessions).map(move |session| line(job, session, &times(job, session))))
        .collect()
}

/// A farm with a server.
pub(super) struct Studio {
    place: Place,
    server: Asked,
}

impl Studio {
    pub(super) fn new(sessions: &str) -> Self {
        let place = Place::new();
        place.write("rates.toml", RATES);
        place.write("sessions.jsonl", sessions);
        place.done(&format!("farm create --data-dir data Studio --id {FARM} --cost-scale-factor 1.25"));
        place.done(&format!("import --data-dir data --farm {FARM} --rates rates.toml sessions.jsonl"));
        let server = Asked::of(&place);
        Self { place, server }
    }

    /// Brings more sessions to the farm, through its server.
    pub(super) fn import(&self, sessions: &str) {
        self.place.write("more.jsonl", sessions);
        self.place.done(&format!("import --data-dir data --farm {FARM} more.jsonl"));
    }

    /// Puts every queue and every fleet together.
    pub(super) fn associate(&self) {
        for queue in self.server.ids("queues", "queueId") {
            for fleet in self.fleet_ids() {
                let body = json!({ "queueId": queue, "fleetId": fleet });
                self.server.ask("PUT", &path("/queue-fleet-associations"), Some(&body));
            }
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.server.endpoint
    }

    /// Host and port of the server.
    pub(super) fn address(&self) -> String {
        self.server.host().to_owned()
    }

    pub(super) fn key(&self) -> (String, String) {
        (self.server.access_key_id.clone(), self.server.secret.expose().to_owned())
    }

    /// Another key that may read the farm.
    pub(super) fn new_key(&self) -> (String, String) {
        let output = self.place.command("key create --data-dir data --role reader").output().unwrap();
        exported(&String::from_utf8(output.stdout).unwrap())
    }

    pub(super) fn words(endpoint: &str, more: &str) -> String {
        format!("sync aws --data-dir data --farm {FARM} --endpoint {endpoint} {more}")
    }

    pub(super) fn with_key<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let (id, secret) = self.key();
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret)
    }

    /// The command that copies this farm to another place, at the farm's own rates.
    pub(super) fn command(&self, copy: &Place, endpoint: &str, more: &str) -> Command {
        copy.write("rates.toml", RATES);
        let mut command = copy.command(&Self::words(endpoint, &format!("--rates rates.toml {more}")));
        self.with_key(&mut command);
        command
    }

    pub(super) fn sync(&self, copy: &Place, endpoint: &str, more: &str) -> Ended {
        copy.ended(&self.command(copy, endpoint, more).output().unwrap())
    }

    pub(super) fn sync_without_rates(&self, copy: &Place, more: &str) -> Ended {
        let mut command = copy.command(&Self::words(self.endpoint(), more));
        copy.ended(&self.with_key(&mut command).output().unwrap())
    }

    pub(super) fn masked(&self, ended: &Ended) -> String {
        self.place.masked(&ended.to_string())
    }

    pub(super) fn statistics(&self) -> Vec<Value> {
        self.server.statistics()
    }

    pub(super) fn names(&self) -> Vec<Value> {
        self.server.names()
    }

    pub(super) fn fleet_ids(&self) -> Vec<String> {
        self.server.fleet_ids()
    }
}

/// A server that is asked by signed requests.
pub(super) struct Asked {
    endpoint: String,
    access_key_id: String,
    secret: SecretAccessKey,
    _server: Running,
}

impl Asked {
    /// A server on a place's folder.
    pub(super) fn of(place: &Place) -> Self {
        let server = place.serve("");
        let endpoint = server.first_line.rsplit(' ').next().unwrap().to_owned();
        let output = place.command("env --data-dir data").output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let (access_key_id, secret) = exported(&printed);
        Self { endpoint, access_key_id, secret: SecretAccessKey::new(secret), _server: server }
    }

    fn host(&self) -> &str {
        self.endpoint.split_once("//").unwrap().1
    }

    fn ask(&self, method: &str, target: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret,
            region: "us-west-2",
            service: "deadline",
        };
        let body_sha256 = body_sha256(body.as_bytes());
        let host = self.host();
        let outgoing = OutgoingRequest { method, host, target, headers: &[], body_sha256: &body_sha256 };
        let signing = signer.sign(&outgoing, SystemClock::default().now().millis() / 1000);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.endpoint))
            .header("x-amz-date", signing.x_amz_date)
            .header("authorization", signing.authorization);
        let request = request.body(body.into_bytes()).unwrap();
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build();
        let mut response = config.new_agent().run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        assert!(response.status().is_success(), "{method} {target}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn ids(&self, list: &str, member: &str) -> Vec<String> {
        let answer = self.ask("GET", &path(&format!("/{list}")), None);
        let ids = answer[list].as_array().unwrap().iter();
        ids.map(|entry| entry[member].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn fleet_ids(&self) -> Vec<String> {
        self.ids("fleets", "fleetId")
    }

    /// What people call the farm and everything in it, and what else is copied beside sessions.
    pub(super) fn names(&self) -> Vec<Value> {
        let farm = self.ask("GET", &path(""), None);
        let mut names = vec![farm["displayName"].clone(), farm["costScaleFactor"].clone()];
        for (list, members) in [
            ("queues", ["queueId", "displayName"]),
            ("fleets", ["fleetId", "displayName"]),
            ("queueFleetAssociations", ["queueId", "fleetId"]),
        ] {
            let target = if list == "queueFleetAssociations" { "queue-fleet-associations" } else { list };
            let answer = self.ask("GET", &path(&format!("/{target}")), None);
            let entries = answer[list].as_array().unwrap();
            assert!(!entries.is_empty(), "{list}");
            names.extend(entries.iter().map(|entry| json!(members.map(|member| &entry[member]))));
        }
        for queue in self.ids("queues", "queueId") {
            let answer = self.ask("GET", &path(&format!("/queues/{queue}/jobs")), None);
            let jobs = answer["jobs"].as_array().unwrap().iter();
            let members = ["jobId", "name", "createdBy", "startedAt", "endedAt"];
            names.extend(jobs.map(|job| json!(members.map(|member| &job[member]))));
        }
        names
    }

    /// Cost and time of January 2026, in two ways of looking at them.
    pub(super) fn statistics(&self) -> Vec<Value> {
        let queues = self.ids("queues", "queueId");
        let mut rows = Vec::new();
        for group_by in [["JOB_ID", "INSTANCE_TYPE"], ["USER_ID", "FLEET_ID"]] {
            let body = json!({
                "resourceIds": { "queueIds": queues }, "startTime": "2026-01-01T00:00:00Z",
                "endTime": "2026-02-01T00:00:00Z", "period": "DAILY", "groupBy": group_by,
                "statistics": ["SUM", "MIN", "MAX", "AVG"],
            });
            let started = self.ask("POST", &path("/sessions-statistics-aggregation"), Some(&body));
            let id = started["aggregationId"].as_str().unwrap();
            rows.extend(self.pages(id));
        }
        assert!(rows.len() > 1, "{rows:?}");
        rows
    }

    fn pages(&self, aggregation_id: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut token = String::new();
        loop {
            let target = format!("/sessions-statistics-aggregation?aggregationId={aggregation_id}{token}");
            let page = self.ask("GET", &path(&target), None);
            if page["status"] == "IN_PROGRESS" {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            assert_eq!(page["status"], "COMPLETED", "{page}");
            rows.extend(page["statistics"].as_array().unwrap().iter().cloned());
            let Some(next) = page["nextToken"].as_str() else { return rows };
            token = format!("&nextToken={next}");
        }
    }
}

fn path(rest: &str) -> String {
    format!("/2023-10-12/farms/{FARM}{rest}")
}

/// The key of the lines that a shell would read.
fn exported(printed: &str) -> (String, String) {
    let value = |name: &str| {
        let start = format!("export {name}=");
        let line = printed.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap().trim_matches('\'').to_owned()
    };
    (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"))
}
