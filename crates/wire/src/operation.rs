//! The operations that are served, and how a request line finds its operation.
//!
//! Paths are cut at `/` as they arrived and only then percent-decoded, so that a label with `%2F` in it stays one label.
//! An empty label is a label: clients send `/farms//queues` for an empty farm id, and that caller should read what is
//! wrong with the farm id, not that the operation is unknown.

use percent_encoding::percent_decode_str;

/// An operation of the service that farmtally answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Begins an aggregation.
    StartSessionsStatisticsAggregation,
    /// Reads a page of an aggregation's answer.
    GetSessionsStatisticsAggregation,
    /// Lists farms.
    ListFarms,
    /// Reads one farm.
    GetFarm,
    /// Lists a farm's queues.
    ListQueues,
    /// Lists a farm's fleets.
    ListFleets,
}

/// Where a request line leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To an operation.
    Operation {
        /// The operation.
        operation: Operation,
        /// The farm id as the caller wrote it, percent-decoded and unchecked; empty for [`Operation::ListFarms`].
        farm_label: String,
    },
    /// To none: answer [`crate::WireError::UnknownOperation`].
    UnknownOperation,
}

const FARM_LABEL: &str = "{farmId}";

impl Operation {
    /// Every operation that is served.
    pub const ALL: [Self; 6] = [
        Self::StartSessionsStatisticsAggregation,
        Self::GetSessionsStatisticsAggregation,
        Self::ListFarms,
        Self::GetFarm,
        Self::ListQueues,
        Self::ListFleets,
    ];

    /// The operation's name in the service model.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartSessionsStatisticsAggregation => "StartSessionsStatisticsAggregation",
            Self::GetSessionsStatisticsAggregation => "GetSessionsStatisticsAggregation",
            Self::ListFarms => "ListFarms",
            Self::GetFarm => "GetFarm",
            Self::ListQueues => "ListQueues",
            Self::ListFleets => "ListFleets",
        }
    }

    /// The HTTP method.
    pub const fn method(self) -> &'static str {
        match self {
            Self::StartSessionsStatisticsAggregation => "POST",
            Self::GetSessionsStatisticsAggregation
            | Self::ListFarms
            | Self::GetFarm
            | Self::ListQueues
            | Self::ListFleets => "GET",
        }
    }

    /// The path with its label in braces, as the service model has it.
    pub const fn path_template(self) -> &'static str {
        match self {
            Self::StartSessionsStatisticsAggregation | Self::GetSessionsStatisticsAggregation => {
                "/2023-10-12/farms/{farmId}/sessions-statistics-aggregation"
            }
            Self::ListFarms => "/2023-10-12/farms",
            Self::GetFarm => "/2023-10-12/farms/{farmId}",
            Self::ListQueues => "/2023-10-12/farms/{farmId}/queues",
            Self::ListFleets => "/2023-10-12/farms/{farmId}/fleets",
        }
    }

    /// Finds the operation of a request by its method and its path, still percent-encoded and without the query.
    pub fn route(method: &str, raw_path: &str) -> Route {
        Self::ALL
            .into_iter()
            .filter(|operation| operation.method() == method)
            .find_map(|operation| {
                let raw_label = farm_label(operation.path_template(), raw_path)?;
                // Bytes that are no UTF-8 become U+FFFD, which no farm id has, so validation refuses them.
                let farm_label = percent_decode_str(raw_label).decode_utf8_lossy().into_owned();
                Some(Route::Operation { operation, farm_label })
            })
            .unwrap_or(Route::UnknownOperation)
    }
}

/// What stands in a path where the template has its label (nothing, if it has none), or `None` for another path.
fn farm_label<'path>(template: &str, raw_path: &'path str) -> Option<&'path str> {
    let mut label = "";
    let mut segments = raw_path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected == FARM_LABEL {
            label = segment;
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::{GetFarm, GetSessionsStatisticsAggregation, ListFarms, ListFleets, ListQueues};

    const AGGREGATION: &str = "/2023-10-12/farms/farm-1/sessions-statistics-aggregation";

    fn check(method: &str, path: &str, operation: Operation, farm_label: &str) {
        let expected = Route::Operation { operation, farm_label: farm_label.to_owned() };
        assert_eq!(Operation::route(method, path), expected, "{method} {path}");
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
            let path = operation.path_template().replace(FARM_LABEL, "farm-1");
            let Route::Operation { operation: found, .. } = Operation::route(operation.method(), &path)
            else {
                panic!("{} is not routed", operation.name());
            };
            assert_eq!(found, operation);
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
    }

    #[test]
    fn another_method_or_path_is_an_unknown_operation() {
        for (method, path) in [
            ("DELETE", AGGREGATION),
            ("get", AGGREGATION),
            ("POST", "/2023-10-12/farms"),
            ("GET", "/2023-10-12/farms/farm-1/queues/"),
            ("GET", "/2023-10-12/farms/farm-1/queues/queue-1"),
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
