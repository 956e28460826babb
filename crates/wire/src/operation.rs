//! The operations that are served, and how a request line finds its operation.
//!
//! The table below is the one list: name, method, path and what an operation does to a farm. Everything else about an
//! operation is found by its name, and what is not in the table does not exist here.
//!
//! Paths are cut at `/` as they arrived and only then percent-decoded, so that a label with `%2F` in it stays one label.
//! An empty label is a label: clients send `/farms//queues` for an empty farm id, and that caller should read what is
//! wrong with the farm id, not that the operation is unknown.

use percent_encoding::percent_decode_str;

use crate::shapes::{self, Member};

/// What an operation does to a farm. Who may do that is decided elsewhere, by this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Starts or reads an aggregation.
    Statistics,
    /// Reads anything else.
    Read,
    /// Creates, changes or deletes.
    Change,
}

macro_rules! operations {
    ($($name:ident: $method:ident $path:literal $access:ident,)*) => {
        /// An operation of the service that farmtally answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "they are the operations of the service model")]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            /// Every operation that is served.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The operation's name in the service model.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The HTTP method.
            pub const fn method(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($method),)*
                }
            }

            /// The path with its labels in braces, as the service model has it.
            pub const fn path_template(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("/2023-10-12", $path),)*
                }
            }

            /// What it does to a farm.
            pub const fn access(self) -> Access {
                match self {
                    $(Self::$name => Access::$access,)*
                }
            }

            /// The members of its request, as the service model has them.
            pub(crate) fn request_members(self) -> &'static [Member] {
                match self {
                    $(Self::$name => shapes::model::$name,)*
                }
            }
        }
    };
}

operations! {
    StartSessionsStatisticsAggregation: POST "/farms/{farmId}/sessions-statistics-aggregation" Statistics,
    GetSessionsStatisticsAggregation: GET "/farms/{farmId}/sessions-statistics-aggregation" Statistics,

    ListFarms: GET "/farms" Read,
    GetFarm: GET "/farms/{farmId}" Read,
    CreateFarm: POST "/farms" Change,
    UpdateFarm: PATCH "/farms/{farmId}" Change,
    DeleteFarm: DELETE "/farms/{farmId}" Change,

    ListQueues: GET "/farms/{farmId}/queues" Read,
    GetQueue: GET "/farms/{farmId}/queues/{queueId}" Read,
    CreateQueue: POST "/farms/{farmId}/queues" Change,
    UpdateQueue: PATCH "/farms/{farmId}/queues/{queueId}" Change,
    DeleteQueue: DELETE "/farms/{farmId}/queues/{queueId}" Change,

    ListFleets: GET "/farms/{farmId}/fleets" Read,
    GetFleet: GET "/farms/{farmId}/fleets/{fleetId}" Read,
    CreateFleet: POST "/farms/{farmId}/fleets" Change,
    UpdateFleet: PATCH "/farms/{farmId}/fleets/{fleetId}" Change,
    DeleteFleet: DELETE "/farms/{farmId}/fleets/{fleetId}" Change,

    ListQueueFleetAssociations: GET "/farms/{farmId}/queue-fleet-associations" Read,
    GetQueueFleetAssociation: GET "/farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}" Read,
    CreateQueueFleetAssociation: PUT "/farms/{farmId}/queue-fleet-associations" Change,
    UpdateQueueFleetAssociation: PATCH "/farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}" Change,
    DeleteQueueFleetAssociation: DELETE "/farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}" Change,

    ListJobs: GET "/farms/{farmId}/queues/{queueId}/jobs" Read,
    GetJob: GET "/farms/{farmId}/queues/{queueId}/jobs/{jobId}" Read,
    SearchJobs: POST "/farms/{farmId}/search/jobs" Read,
    BatchGetJob: POST "/batch-get-job" Read,

    ListSessions: GET "/farms/{farmId}/queues/{queueId}/jobs/{jobId}/sessions" Read,
    GetSession: GET "/farms/{farmId}/queues/{queueId}/jobs/{jobId}/sessions/{sessionId}" Read,
    ListSessionsForWorker: GET "/farms/{farmId}/fleets/{fleetId}/workers/{workerId}/sessions" Read,
    BatchGetSession: POST "/batch-get-session" Read,

    ListWorkers: GET "/farms/{farmId}/fleets/{fleetId}/workers" Read,
    GetWorker: GET "/farms/{farmId}/fleets/{fleetId}/workers/{workerId}" Read,
    SearchWorkers: POST "/farms/{farmId}/search/workers" Read,
    BatchGetWorker: POST "/batch-get-worker" Read,

    ListTagsForResource: GET "/tags/{resourceArn}" Read,
    TagResource: POST "/tags/{resourceArn}" Change,
    UntagResource: DELETE "/tags/{resourceArn}" Change,
}

/// The labels of a path, as the caller wrote them: percent-decoded and unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(&'static str, String)>);

impl Labels {
    /// The text of a label; empty for one that the path does not have.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(label, _)| *label == name).map_or("", |(_, text)| text)
    }
}

/// Where a request line leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To an operation.
    Operation {
        /// The operation.
        operation: Operation,
        /// The labels of the path.
        labels: Labels,
    },
    /// To none: answer [`crate::WireError::UnknownOperation`].
    UnknownOperation,
}

impl Operation {
    /// Finds the operation of a request by its method and its path, still percent-encoded and without the query.
    pub fn route(method: &str, raw_path: &str) -> Route {
        let of_method = Self::ALL.iter().filter(|operation| operation.method() == method);
        let mut found = of_method.filter_map(|operation| {
            let labels = labels(operation.path_template(), raw_path)?;
            Some(Route::Operation { operation: *operation, labels })
        });
        found.next().unwrap_or(Route::UnknownOperation)
    }
}

/// What stands in a path where the template has its labels, or `None` for another path.
fn labels(template: &'static str, raw_path: &str) -> Option<Labels> {
    let mut labels = Labels::default();
    let mut segments = raw_path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if let Some(name) = expected.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            // Bytes that are no UTF-8 become U+FFFD, which no id has, so validation refuses them.
            labels.0.push((name, percent_decode_str(segment).decode_utf8_lossy().into_owned()));
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{GetFarm, GetSessionsStatisticsAggregation, ListFarms, ListFleets, ListQueues};

    const AGGREGATION: &str = "/2023-10-12/farms/farm-1/sessions-statistics-aggregation";

    fn check(method: &str, path: &str, operation: Operation, farm_label: &str) {
        let Route::Operation { operation: found, labels } = Operation::route(method, path) else {
            panic!("{method} {path} leads nowhere");
        };
        assert_eq!((found, labels.get("farmId")), (operation, farm_label), "{method} {path}");
    }

    #[test]
    fn method_and_path_choose_the_operation() {
        check("POST", AGGREGATION, Operation::StartSessionsStatisticsAggregation, "farm-1");
        check("GET", AGGREGATION, GetSessionsStatisticsAggregation, "farm-1");
        check("GET", "/2023-10-12/farms", ListFarms, "");
        check("GET", "/2023-10-12/farms/farm-1", GetFarm, "farm-1");
        check("GET", "/2023-10-12/farms/farm-1/queues", ListQueues, "farm-1");
        check("GET", "/2023-10-12/farms/farm-1/fleets", ListFleets, "farm-1");
    }

    #[test]
    fn every_operation_is_reached_by_its_own_template() {
        for operation in Operation::ALL {
            let Route::Operation { operation: found, labels } =
                Operation::route(operation.method(), operation.path_template())
            else {
                panic!("{} is not routed", operation.name());
            };
            assert_eq!(found, *operation);
            for (name, text) in labels.0 {
                assert_eq!(text, format!("{{{name}}}"), "{}", operation.name());
            }
        }
    }

    #[test]
    fn what_only_reads_has_a_reading_name_and_the_other_way_round() {
        for operation in Operation::ALL {
            let reads =
                ["List", "Get", "Search", "BatchGet"].iter().any(|verb| operation.name().starts_with(verb));
            let is_read = matches!(operation.access(), Access::Read | Access::Statistics);
            let is_start = *operation == Operation::StartSessionsStatisticsAggregation;
            assert_eq!(is_read, reads || is_start, "{}", operation.name());
        }
    }

    #[test]
    fn an_empty_farm_id_is_a_label_and_not_another_route() {
        check(
            "GET",
            "/2023-10-12/farms//sessions-statistics-aggregation",
            GetSessionsStatisticsAggregation,
            "",
        );
        check("GET", "/2023-10-12/farms//queues", ListQueues, "");
        check("GET", "/2023-10-12/farms/", GetFarm, "");
    }

    #[test]
    fn labels_are_decoded_after_the_path_is_cut() {
        check("GET", "/2023-10-12/farms/a%2Fb%20%C3%A9+c", GetFarm, "a/b é+c");
        check("GET", "/2023-10-12/farms/%FF", GetFarm, "\u{fffd}");
        check("GET", "/2023-10-12/farms/%zz%", GetFarm, "%zz%");
        let arn = "/2023-10-12/tags/arn%3Aaws%3Adeadline%3Aus-west-2%3A1%3Afarm%2Ff%2Fqueue%2Fq";
        let Route::Operation { labels, .. } = Operation::route("GET", arn) else { panic!("no route") };
        assert_eq!(labels.get("resourceArn"), "arn:aws:deadline:us-west-2:1:farm/f/queue/q");
    }

    #[test]
    fn another_method_or_path_is_an_unknown_operation() {
        for (method, path) in [
            ("DELETE", AGGREGATION),
            ("get", AGGREGATION),
            ("PUT", "/2023-10-12/farms"),
            ("POST", "/2023-10-12/farms/farm-1/queues/"),
            ("GET", "/2023-10-12/farms/farm-1/queues/queue-1/"),
            ("GET", "/2023-10-12/farms/farm-1/budgets"),
            ("GET", "/2023-10-12//farms"),
            ("GET", "/2024-01-01/farms"),
            ("GET", "2023-10-12/farms"),
            ("GET", "/"),
            ("GET", ""),
        ] {
            assert_eq!(Operation::route(method, path), Route::UnknownOperation, "{method} {path}");
        }
    }
}
