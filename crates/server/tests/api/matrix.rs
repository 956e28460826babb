//! The whole matrix: every signed route by every role on every kind of farm.
//!
//! The routes come from the router's own lists. What a role may do comes from the names of the operations, which is a
//! second opinion to the table in `service::access`: a new operation that is let through by mistake is found here.

use farmtally_service::Role;
use farmtally_wire::Operation;
use serde_json::{Value, json};

use crate::client::{Answer, Call, Key};
use crate::door::{FARM, Farmtally, OTHER_FARM};
use crate::records::{id, question};

/// A request of everything that can be asked, and what asking for it takes.
pub(crate) struct Asked {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To read a farm or its statistics.
    Read,
    /// To send records in.
    Send,
    /// To change something.
    Change,
}

impl Need {
    /// By the verbs of the service: what a name begins with says whether it changes something.
    fn of_operation(name: &str) -> Self {
        let reads = ["List", "Get", "BatchGet", "Search", "StartSessionsStatisticsAggregation"];
        if reads.iter().any(|verb| name.starts_with(verb)) { Self::Read } else { Self::Change }
    }

    fn is_met_by(self, role: Role) -> bool {
        match role {
            Role::Reader => self == Self::Read,
            Role::Ingester => self == Self::Send,
            Role::Admin => true,
        }
    }
}

/// Everything that needs a signature, asked of [`FARM`].
pub(crate) fn everything_to_ask() -> Vec<Asked> {
    let operations = Operation::ALL.iter().map(|operation| Asked {
        name: operation.name(),
        call: Call::new(operation.method(), path(operation.path_template())),
        need: Need::of_operation(operation.name()),
    });
    let native = |name, call, need| Asked { name, call, need };
    let farm = format!("/api/v1/farms/{FARM}");
    let native = [
        native("SendSessions", Call::new("POST", format!("{farm}/sessions")), Need::Send),
        native("AmendCosts", Call::new("POST", format!("{farm}/costs")), Need::Change),
        native("DeleteSession", Call::delete(format!("{farm}/sessions/{}", id("session", 1))), Need::Change),
        native("DeleteVolume", Call::delete(format!("{farm}/volumes/{}", id("volume", 1))), Need::Change),
        native("ListReadableFarms", Call::get("/api/v1/farms"), Need::Read),
        native("QueryUsage", Call::post(format!("{farm}/query"), "{}"), Need::Read),
        native("QueryUsageByUrl", Call::get(format!("{farm}/query?last=7d&by=user")), Need::Read),
        native("ListUsageValues", Call::get(format!("{farm}/values?dimension=user")), Need::Read),
        native("ListUsageSessions", Call::get(format!("{farm}/sessions")), Need::Read),
    ];
    operations.chain(native).map(Asked::made_valid).collect()
}

/// A template with the farm in its place, and an id of its kind in every other: `{queueId}` becomes `queue-00…01`.
fn path(template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment.strip_prefix('{') {
        None => segment.to_owned(),
        Some("farmId}") => FARM.to_string(),
        Some("resourceArn}") => format!("arn%3Aaws%3Adeadline%3Aus-west-2%3A123456789012%3Afarm%2F{FARM}"),
        Some(label) => id(label.trim_end_matches("Id}"), 1),
    });
    segments.collect::<Vec<_>>().join("/")
}

impl Asked {
    /// With what the operation cannot do without.
    fn made_valid(mut self) -> Self {
        match self.name {
            "StartSessionsStatisticsAggregation" => self.call.body = question().to_string().into_bytes(),
            "GetSessionsStatisticsAggregation" => {
                self.call.target.push_str("?aggregationId=");
                self.call.target.push_str(&"0".repeat(32));
            }
            "UntagResource" => self.call.target.push_str("?tagKeys=show"),
            "CreateFarm" | "CreateQueue" => self.call.body = br#"{"displayName":"new"}"#.to_vec(),
            "UpdateQueueFleetAssociation" => self.call.body = br#"{"status":"ACTIVE"}"#.to_vec(),
            "SearchJobs" | "SearchWorkers" => {
                let (queues, fleets) = ([id("queue", 1)], [id("fleet", 1)]);
                let body = json!({ "queueIds": queues, "fleetIds": fleets, "itemOffset": 0 });
                self.call.body = body.to_string().into_bytes();
            }
            _ => {}
        }
        self
    }

    fn is_about_a_farm(&self) -> bool {
        self.call.target.contains(&FARM.to_string())
    }

    fn of(&self, farm: &str) -> Call {
        Call { target: self.call.target.replace(&FARM.to_string(), farm), ..self.call.clone() }
    }
}

fn error_name(answer: &Answer) -> &str {
    answer.header("x-amzn-errortype").unwrap_or_default()
}

/// The answer without what a caller knows anyway.
fn told(answer: &Answer, farm: &str) -> (u16, String, String) {
    (answer.status, error_name(answer).to_owned(), answer.text().replace(farm, "FARM"))
}

#[test]
fn every_role_does_its_own_work_and_no_other_on_every_route() {
    let farmtally = Farmtally::start();
    for (_, role) in Role::ALL {
        for farm_id in [None, Some(FARM)] {
            let key = farmtally.create_key(role, farm_id);
            for asked in everything_to_ask() {
                let answer = farmtally.call_as(&key, asked.call.clone());
                let is_denied = error_name(&answer) == "AccessDeniedException";
                let case = format!("{} by a {} of {farm_id:?}: {}", asked.name, role.as_str(), answer.text());
                // A key for one farm would not see the farm that it makes.
                let may = asked.need.is_met_by(role) && (asked.name != "CreateFarm" || farm_id.is_none());
                assert_eq!(is_denied, !may, "{case}");
                assert!(answer.status < 500, "{case}");
            }
        }
    }
}

#[test]
fn a_farm_of_somebody_else_looks_like_one_that_does_not_exist_to_every_role_on_every_route() {
    let farmtally = Farmtally::start();
    let (theirs, absent) = (FARM.to_string(), id("farm", 9));
    for (_, role) in Role::ALL {
        let key = farmtally.create_key(role, Some(OTHER_FARM));
        for asked in everything_to_ask().into_iter().filter(Asked::is_about_a_farm) {
            let of_theirs = told(&farmtally.call_as(&key, asked.of(&theirs)), &theirs);
            let of_absent = told(&farmtally.call_as(&key, asked.of(&absent)), &absent);
            assert_eq!(of_theirs, of_absent, "{} by a {}", asked.name, role.as_str());
            assert!(matches!(of_theirs.0, 400..=404), "{}: {of_theirs:?}", asked.name);
        }
    }
}

#[test]
fn a_farm_that_is_hidden_looks_to_its_stranger_as_an_absent_one_looks_to_somebody_who_sees_all() {
    let farmtally = Farmtally::start();
    let key = farmtally.create_key(Role::Admin, Some(OTHER_FARM));
    let (theirs, absent) = (FARM.to_string(), id("farm", 9));
    for asked in everything_to_ask().into_iter().filter(Asked::is_about_a_farm) {
        let of_theirs = told(&farmtally.call_as(&key, asked.of(&theirs)), &theirs);
        let of_absent = told(&farmtally.call(asked.of(&absent)), &absent);
        assert_eq!(of_theirs, of_absent, "{}", asked.name);
    }
}

#[test]
fn no_list_names_a_farm_of_somebody_else() {
    let farmtally = Farmtally::start();
    for (_, role) in Role::ALL {
        let key: Key = farmtally.create_key(role, Some(OTHER_FARM));
        for asked in everything_to_ask().into_iter().filter(|asked| !asked.is_about_a_farm()) {
            let answer = farmtally.call_as(&key, asked.call.clone());
            assert!(!answer.text().contains(&FARM.to_string()), "{}: {}", asked.name, answer.text());
        }
    }
}

#[test]
fn the_names_of_operations_say_whether_they_change_something() {
    for (name, need) in [
        ("ListQueues", Need::Read),
        ("GetFarm", Need::Read),
        ("StartSessionsStatisticsAggregation", Need::Read),
        ("CreateQueue", Need::Change),
        ("UpdateFarm", Need::Change),
        ("StartSomethingElse", Need::Change),
    ] {
        assert_eq!(Need::of_operation(name), need, "{name}");
    }
    let seen: Value = everything_to_ask().len().into();
    assert!(seen.as_u64() >= Some(9), "{seen}");
}
