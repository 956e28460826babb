//! Whatever arrives, reading it never panics: there is a request that obeys the service model, or a list of problems
//! that is not empty and can be written.

use farmtally_model::{RESOURCES_MAX, UtcOffset};
use farmtally_wire::{
    CheckedRequest, NEXT_TOKEN_LENGTH_MAX, Operation, Received, Route, ValidationError, WireError, parse_get,
    parse_start,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const FARM: &str = "farm-0123456789abcdef0123456789abcdef";

/// What every refusal has to be: a 400 with a sentence, and with fields unless nothing could be parsed.
fn check_refusal(error: ValidationError) {
    if let ValidationError::Fields(problems) = &error {
        assert!(!problems.is_empty(), "a refusal without a reason");
        assert!(problems.len() < 40 && problems.iter().all(|problem| problem.message.len() < 2000));
    }
    let error = WireError::from(error);
    let body: Option<Value> = serde_json::from_slice(&error.body()).ok();
    let message = body.as_ref().and_then(|body| body["message"].as_str());
    assert_eq!(error.status(), 400);
    assert!(message.is_some_and(|message| !message.is_empty()), "{body:?}");
}

fn check_start(farm_label: &str, body: &[u8]) {
    match parse_start(farm_label, body) {
        Ok(request) => {
            let query = request.query;
            let resources = query.resources();
            let count =
                resources.queue_ids().map_or(0, <[_]>::len) + resources.fleet_ids().map_or(0, <[_]>::len);
            assert!((1..=RESOURCES_MAX).contains(&count));
            assert!(query.window().start() < query.window().end());
            assert_eq!(UtcOffset::parse(&query.offset().to_string()), Ok(query.offset()));
        }
        Err(error) => check_refusal(error),
    }
}

/// Values that are right, nearly right, or of another type, for any member.
fn member() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        prop::sample::select(vec![
            "HOURLY",
            "YEARLY",
            "UTC+05:30",
            "UTC+8",
            "2025-11-24T10:00:00Z",
            "2025-11-24T10:30:00Z",
            "2025-11-25T10:00:00Z",
            "2999-12-31T23:00:00Z",
            "9999-12-31T23:00:00Z",
            "JOB_ID",
            "USER_ID",
            "SUM",
            "AVG",
            "queue-0123456789abcdef0123456789abcdef",
            "fleet-0123456789abcdef0123456789abcdef",
            "",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 16, 12, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            2 => (prop::sample::select(vec!["queueIds", "fleetIds", "jobIds"]), inner.clone())
                .prop_map(|(name, value)| json!({ name: value })),
            1 => (inner.clone(), inner).prop_map(|(queues, fleets)| json!({ "queueIds": queues, "fleetIds": fleets })),
        ]
    })
}

/// A good body in which one to three members are something else.
fn nearly_good_body() -> impl Strategy<Value = Value> {
    let names = vec![
        "resourceIds",
        "startTime",
        "endTime",
        "timezone",
        "period",
        "groupBy",
        "statistics",
        "somethingElse",
    ];
    prop::collection::vec((prop::sample::select(names), member()), 1..=3).prop_map(|changes| {
        let mut body = json!({
            "resourceIds": { "queueIds": ["queue-0123456789abcdef0123456789abcdef"] },
            "startTime": "2025-11-24T10:00:00Z",
            "endTime": "2025-11-25T18:00:00Z",
            "groupBy": ["USER_ID"],
            "statistics": ["SUM"],
        });
        for (name, value) in changes {
            body[name] = value;
        }
        body
    })
}

/// A query of parameters that exist, with values that are right or anything.
fn raw_query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "aggregationId",
        "maxResults",
        "nextToken",
        "principalId",
        "status",
        "displayName",
        "other",
        "%zz",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "92b35143f2d04641979bc9b777232f38",
            "7",
            "1000",
            "IDLE",
            "ACTIVE",
            "a%2Bb",
            "%FF",
            "%"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec((name, value), 0..5).prop_map(|parameters| {
        let parameters: Vec<_> =
            parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        parameters.join("&")
    })
}

fn check_query(farm_label: &str, raw_query: &str) {
    match parse_get(farm_label, raw_query) {
        Ok(request) => {
            assert!((1..=100).contains(&request.page_size.get()));
            let token = request.next_token;
            assert!(token.is_none_or(|token| (1..=NEXT_TOKEN_LENGTH_MAX).contains(&token.chars().count())));
        }
        Err(error) => check_refusal(error),
    }
}

/// A request of any operation, with the same text for every label of its path.
fn check_any(label: &str, raw_query: &str, body: &[u8]) {
    for operation in Operation::ALL {
        let segments = operation.path_template().split('/');
        let path: Vec<_> =
            segments.map(|segment| if segment.starts_with('{') { label } else { segment }).collect();
        let Route::Operation { labels, .. } = Operation::route(operation.method(), &path.join("/")) else {
            continue;
        };
        let received = Received { labels: &labels, raw_query, client_token: Some(label), body };
        if let Err(error) = CheckedRequest::read(*operation, &received) {
            check_refusal(error);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_a_refusal(label: String, body: Vec<u8>) {
        check_start(&label, &body);
        check_start(FARM, &body);
        check_any(&label, "", &body);
    }

    #[test]
    fn any_change_of_a_good_body_is_a_request_or_a_refusal(
            body in nearly_good_body(),
            cut in any::<prop::sample::Index>(),
        ) {
        let text = body.to_string();
        check_start(FARM, text.as_bytes());
        check_any(FARM, "", text.as_bytes());
        check_start(FARM, &text.as_bytes()[..cut.index(text.len())]);
    }

    #[test]
    fn any_query_is_a_request_or_a_refusal(known in raw_query(), any_text: String, label: String) {
        check_query(FARM, &known);
        check_query(FARM, &any_text);
        check_query(&label, &known);
        check_any(FARM, &known, b"");
        check_any(&label, &any_text, b"{}");
    }

    #[test]
    fn any_path_is_an_operation_or_unknown(method in "GET|POST|PUT", path: String, label: String) {
        let _: Route = Operation::route(&method, &path);
        let _: Route = Operation::route(&method, &format!("/2023-10-12/farms/{label}/queues"));
    }
}
