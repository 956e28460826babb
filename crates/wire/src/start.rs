//! StartSessionsStatisticsAggregation: the body of a question, checked into an [`AggregationQuery`].
//!
//! A body that is no JSON object cannot be parsed. Everything else, a wrong JSON type included, is a problem of its
//! field, because a caller can be told which one it was.

use farmtally_model::{
    AggregationId, AggregationQuery, FarmId, FleetId, GroupBy, Period, QueryError, QueueId, RESOURCES_MAX,
    Resources, Statistic, StatisticSet, TimeError, TimeRange, Timestamp, UsageGroupBy, UtcOffset,
};
use serde::Serialize;
use serde_json::Value;

use crate::body::{ListBounds, Members, object, text, texts};
use crate::excerpt::quoted;
use crate::fields::{farm_id, identifier, one_of};
use crate::json::{self, Text};
use crate::validation::{Problems, ValidationError};

const RESOURCE_BOUNDS: ListBounds = ListBounds { noun: "ids", max: RESOURCES_MAX };
const GROUP_BY_BOUNDS: ListBounds = ListBounds { noun: "fields", max: 2 };
const STATISTICS_BOUNDS: ListBounds = ListBounds { noun: "statistics", max: Statistic::ALL.len() };

/// A checked question to a farm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRequest {
    /// The farm that is asked.
    pub farm_id: FarmId,
    /// The question.
    pub query: AggregationQuery,
}

/// Reads the farm id of the path, percent-decoded, and the body.
///
/// Fails with everything that is wrong with the request. Whether farm, queues and fleets exist is not looked at.
pub fn parse_start(farm_label: &str, body: &[u8]) -> Result<StartRequest, ValidationError> {
    let members = json::object(body)?;
    let mut problems = Problems::default();
    let farm_id = farm_id(farm_label, &mut problems);
    let query = query(Members::new(&members), &mut problems);
    let request = farm_id.zip(query).map(|(farm_id, query)| StartRequest { farm_id, query });
    problems.finish(request)
}

/// The answer to an accepted question.
pub fn write_start(aggregation_id: AggregationId) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct StartResponse {
        aggregation_id: Text<AggregationId>,
    }
    json::to_bytes(&StartResponse { aggregation_id: Text(aggregation_id) })
}

/// Reads every member before any of them can end the reading, so that all problems are noted.
fn query(body: Members<'_>, problems: &mut Problems) -> Option<AggregationQuery> {
    let resources = resources(body, problems);
    let offset = offset(body, problems);
    let window = window(body, offset, problems);
    let period = period(body, problems);
    let group_by = group_by(body, problems);
    let statistics = statistics(body, problems);
    let query = AggregationQuery::new(resources?, window?, offset?, period, group_by?, statistics?);
    kept("startTime", query, problems)
}

fn resources(body: Members<'_>, problems: &mut Problems) -> Option<Resources> {
    let value = body.required("resourceIds", problems)?;
    let union = object("resourceIds", value, problems)?;
    let members: Vec<_> = union.present().collect();
    match members[..] {
        [("queueIds", ids)] => {
            let ids = identifiers::<QueueId>("resourceIds.queueIds", ids, QueueId::PATTERN, problems)?;
            kept("resourceIds.queueIds", Resources::queues(ids), problems)
        }
        [("fleetIds", ids)] => {
            let ids = identifiers::<FleetId>("resourceIds.fleetIds", ids, FleetId::PATTERN, problems)?;
            kept("resourceIds.fleetIds", Resources::fleets(ids), problems)
        }
        [(unknown, _)] => {
            let message = format!("{} is not one of queueIds, fleetIds", quoted(unknown));
            problems.refuse("resourceIds", message)
        }
        _ => {
            let message =
                format!("{} members are given; exactly one of queueIds, fleetIds is required", members.len());
            problems.refuse("resourceIds", message)
        }
    }
}

fn identifiers<T: std::str::FromStr>(
    name: &str,
    value: &Value,
    pattern: &str,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    texts(name, value, RESOURCE_BOUNDS, problems, |name, text, problems| {
        identifier(name, text, pattern, problems)
    })
}

/// Without a `timezone` the calendar is UTC's.
fn offset(body: Members<'_>, problems: &mut Problems) -> Option<UtcOffset> {
    let Some(value) = body.optional("timezone") else {
        return Some(UtcOffset::UTC);
    };
    let text = text("timezone", value, problems)?;
    UtcOffset::parse(text).ok().or_else(|| {
        let message = format!("{} does not match UTC[-+][01][0-9]:(30|00), such as UTC-08:00", quoted(text));
        problems.refuse("timezone", message)
    })
}

fn window(body: Members<'_>, offset: Option<UtcOffset>, problems: &mut Problems) -> Option<TimeRange> {
    let start = hour("startTime", body, offset, problems);
    let end = hour("endTime", body, offset, problems);
    let (start, end) = (start?, end?);
    TimeRange::new(start, end)
        .ok()
        .or_else(|| problems.refuse("endTime", format!("{end} is not after startTime {start}")))
}

/// A time on the hour; while the offset is in doubt, the hour is not judged.
fn hour(
    name: &str,
    body: Members<'_>,
    offset: Option<UtcOffset>,
    problems: &mut Problems,
) -> Option<Timestamp> {
    let value = body.required(name, problems)?;
    let time = time(name, value, problems)?;
    match offset {
        Some(offset) if !offset.is_whole_hour(time) => {
            let message = format!(
                "{time} is not a whole hour at {offset}; minutes, seconds and fractions must be zero there"
            );
            problems.refuse(name, message)
        }
        _ => Some(time),
    }
}

fn time(name: &str, value: &Value, problems: &mut Problems) -> Option<Timestamp> {
    if let Value::Number(number) = value {
        let message =
            format!("{number} is a number; an ISO 8601 string is required, such as \"2025-11-24T22:00:00Z\"");
        return problems.refuse(name, message);
    }
    let text = text(name, value, problems)?;
    match Timestamp::parse_exact(text) {
        Ok(time) => Some(time),
        Err(error) => problems.refuse(name, format!("{} {}", quoted(text), time_rule(&error))),
    }
}

/// The rule that a text broke, as the rest of a sentence that begins with the text.
fn time_rule(error: &TimeError) -> &'static str {
    match error {
        TimeError::OutOfRange { .. } => "is outside the years 1970 to 2999",
        TimeError::TooPrecise { .. } => "is more precise than a millisecond",
        TimeError::Unreadable { .. } | TimeError::EmptyRange { .. } | TimeError::Offset { .. } => {
            "is not an ISO 8601 time with an offset, such as 2025-11-24T22:00:00Z"
        }
    }
}

fn period(body: Members<'_>, problems: &mut Problems) -> Option<Period> {
    let value = body.optional("period")?;
    let text = text("period", value, problems)?;
    one_of("period", text, &Period::ALL.map(|period| (period.as_str(), period)), problems)
}

fn group_by(body: Members<'_>, problems: &mut Problems) -> Option<GroupBy> {
    let value = body.required("groupBy", problems)?;
    let choices = UsageGroupBy::ALL.map(|field| (field.as_str(), field));
    let fields = texts("groupBy", value, GROUP_BY_BOUNDS, problems, |name, text, problems| {
        one_of(name, text, &choices, problems)
    })?;
    match GroupBy::new(&fields) {
        Err(QueryError::GroupByRepeated { field }) => {
            problems.refuse("groupBy", format!("{field} is given twice; each field is allowed once"))
        }
        other => kept("groupBy", other, problems),
    }
}

/// A statistic given twice counts once.
fn statistics(body: Members<'_>, problems: &mut Problems) -> Option<StatisticSet> {
    let value = body.required("statistics", problems)?;
    let choices = Statistic::ALL.map(|statistic| (statistic.as_str(), statistic));
    let statistics = texts("statistics", value, STATISTICS_BOUNDS, problems, |name, text, problems| {
        one_of(name, text, &choices, problems)
    })?;
    kept("statistics", StatisticSet::new(statistics), problems)
}

/// What the model made of a member, or the model's own sentence as the member's problem.
fn kept<T>(name: &str, result: Result<T, QueryError>, problems: &mut Problems) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => problems.refuse(name, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FARM: &str = "farm-0123456789abcdef0123456789abcdef";

    fn queue(digit: char) -> String {
        format!("queue-{}", digit.to_string().repeat(32))
    }

    /// A body that is accepted.
    fn good() -> Value {
        json!({
            "resourceIds": { "queueIds": [queue('0')] },
            "startTime": "2025-11-24T10:00:00Z",
            "endTime": "2025-11-25T18:00:00Z",
            "groupBy": ["USER_ID"],
            "statistics": ["SUM"],
        })
    }

    /// The good body with some members replaced.
    fn good_but(changes: &Value) -> Value {
        let mut body = good();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    fn parse(body: &Value) -> Result<AggregationQuery, ValidationError> {
        parse_start(FARM, body.to_string().as_bytes()).map(|request| request.query)
    }

    fn accepted(changes: &Value) -> AggregationQuery {
        parse(&good_but(changes)).unwrap()
    }

    /// Checks that the changes make exactly these fields wrong.
    fn check_refused(changes: &Value, expected: &[(&str, &str)]) {
        let Err(ValidationError::Fields(problems)) = parse(&good_but(changes)) else {
            panic!("{changes} is accepted or cannot be parsed");
        };
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.name.as_str(), problem.message.as_str())).collect();
        assert_eq!(found, expected, "{changes}");
    }

    #[test]
    fn a_question_with_every_member_is_read() {
        let request = parse_start(
            FARM,
            good_but(&json!({
                "resourceIds": { "queueIds": null, "fleetIds": [format!("fleet-{}", "a".repeat(32))] },
                "timezone": "UTC-08:00", "period": "WEEKLY",
                "groupBy": ["JOB_ID", "LICENSE_PRODUCT"], "statistics": ["AVG", "MIN", "MAX", "SUM"],
            }))
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        let query = &request.query;
        assert_eq!(request.farm_id.to_string(), FARM);
        assert_eq!(query.resources().fleet_ids(), Some(&[FleetId::from_bytes([0xaa; 16])][..]));
        assert_eq!(query.window().start().to_string(), "2025-11-24T10:00:00Z");
        assert_eq!(query.window().end().to_string(), "2025-11-25T18:00:00Z");
        assert_eq!(query.offset().to_string(), "UTC-08:00");
        assert_eq!(query.period(), Some(Period::Weekly));
        assert_eq!(
            query.group_by(),
            GroupBy::new(&[UsageGroupBy::JobId, UsageGroupBy::LicenseProduct]).unwrap()
        );
        assert_eq!(query.statistics(), StatisticSet::new(Statistic::ALL).unwrap());
    }

    #[test]
    fn without_period_and_timezone_the_window_is_whole_and_in_utc() {
        for changes in [json!({}), json!({ "period": null, "timezone": null })] {
            let query = accepted(&changes);
            assert_eq!((query.period(), query.offset()), (None, UtcOffset::UTC));
        }
    }

    #[test]
    fn every_text_of_the_models_enums_is_accepted() {
        for period in Period::ALL {
            assert_eq!(accepted(&json!({ "period": period.as_str() })).period(), Some(period));
        }
        for field in UsageGroupBy::ALL {
            assert!(accepted(&json!({ "groupBy": [field.as_str()] })).group_by().contains(field));
        }
        for statistic in Statistic::ALL {
            let query = accepted(&json!({ "statistics": [statistic.as_str()] }));
            assert!(query.statistics().iter().eq([statistic]));
        }
    }

    #[test]
    fn members_that_nobody_knows_are_ignored() {
        assert_eq!(accepted(&json!({ "colour": [{}], "farmId": 7 })), accepted(&json!({})));
    }

    #[test]
    fn a_missing_or_null_member_that_is_required_is_named() {
        for name in ["resourceIds", "startTime", "endTime", "groupBy", "statistics"] {
            check_refused(&json!({ name: null }), &[(name, "a value is required")]);
            let mut body = good();
            body.as_object_mut().unwrap().remove(name);
            assert_eq!(parse(&body).unwrap_err(), ValidationError::field(name, "a value is required"));
        }
    }

    #[test]
    fn no_body_lacks_every_required_member() {
        let Err(ValidationError::Fields(problems)) = parse_start(FARM, b"") else { panic!("accepted") };
        let names: Vec<_> = problems.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(names, ["resourceIds", "startTime", "endTime", "groupBy", "statistics"]);
    }

    #[test]
    fn a_body_that_is_no_json_object_cannot_be_parsed() {
        for body in [&b"{"[..], b"[]", b"null", b"\xff", b"{\"period\":\"\\ud800\"}", b"{\"period\":1e999}"] {
            assert!(matches!(parse_start(FARM, body), Err(ValidationError::CannotParse { .. })), "{body:?}");
        }
    }

    #[test]
    fn a_wrong_json_type_is_a_problem_of_its_field() {
        for (changes, name, message) in [
            (json!({ "resourceIds": [] }), "resourceIds", "a list is given; an object is required"),
            (
                json!({ "resourceIds": { "queueIds": "queue-1" } }),
                "resourceIds.queueIds",
                "a string is given; a list is required",
            ),
            (
                json!({ "resourceIds": { "queueIds": [queue('0'), null] } }),
                "resourceIds.queueIds[1]",
                "null is given; a string is required",
            ),
            (json!({ "startTime": {} }), "startTime", "an object is given; a string is required"),
            (json!({ "timezone": 8 }), "timezone", "a number is given; a string is required"),
            (json!({ "period": true }), "period", "a boolean is given; a string is required"),
            (json!({ "groupBy": "USER_ID" }), "groupBy", "a string is given; a list is required"),
            (json!({ "statistics": [1] }), "statistics[0]", "a number is given; a string is required"),
        ] {
            check_refused(&changes, &[(name, message)]);
        }
    }

    #[test]
    fn a_number_is_no_timestamp() {
        for (value, message) in
            [(json!(1_763_978_400), "1763978400"), (json!(1_763_978_400.5), "1763978400.5")]
        {
            let message = format!(
                "{message} is a number; an ISO 8601 string is required, such as \"2025-11-24T22:00:00Z\""
            );
            check_refused(&json!({ "startTime": value }), &[("startTime", &message)]);
        }
    }

    #[test]
    fn resource_ids_are_exactly_one_of_queues_and_fleets() {
        let both = json!({ "resourceIds": { "queueIds": [queue('0')], "fleetIds": [] } });
        let sentence = "2 members are given; exactly one of queueIds, fleetIds is required";
        check_refused(&both, &[("resourceIds", sentence)]);
        let sentence = "0 members are given; exactly one of queueIds, fleetIds is required";
        check_refused(&json!({ "resourceIds": {} }), &[("resourceIds", sentence)]);
        check_refused(
            &json!({ "resourceIds": { "queueIds": null, "fleetIds": null } }),
            &[("resourceIds", sentence)],
        );
        let unknown = json!({ "resourceIds": { "jobIds": ["job-1"] } });
        check_refused(&unknown, &[("resourceIds", "\"jobIds\" is not one of queueIds, fleetIds")]);
    }

    #[test]
    fn one_to_ten_ids_are_allowed_counted_as_they_were_sent() {
        let ten = json!({ "resourceIds": { "queueIds": vec![queue('7'); 10] } });
        assert_eq!(accepted(&ten).resources().queue_ids().unwrap().len(), 1);
        for member in ["queueIds", "fleetIds"] {
            for count in [0, 11, 100_000] {
                let name = format!("resourceIds.{member}");
                let message = format!("{count} ids are given; 1 to 10 are allowed");
                check_refused(&json!({ "resourceIds": { member: vec![0; count] } }), &[(&name, &message)]);
            }
        }
    }

    #[test]
    fn an_id_that_does_not_match_its_pattern_is_named_by_its_place() {
        check_refused(
            &json!({ "resourceIds": { "queueIds": [queue('a'), "nope", queue('b'), queue('C')] } }),
            &[
                ("resourceIds.queueIds[1]", "\"nope\" does not match queue-[0-9a-f]{32}"),
                (
                    "resourceIds.queueIds[3]",
                    &format!("\"{}\" does not match queue-[0-9a-f]{{32}}", queue('C')),
                ),
            ],
        );
        check_refused(
            &json!({ "resourceIds": { "fleetIds": ["x".repeat(5000)] } }),
            &[(
                "resourceIds.fleetIds[0]",
                &format!("\"{}\"… does not match fleet-[0-9a-f]{{32}}", "x".repeat(64)),
            )],
        );
    }

    #[test]
    fn the_farm_id_of_the_path_is_checked_with_the_rest() {
        for label in ["", "nope", "farm-", "queue-0123456789abcdef0123456789abcdef"] {
            let message = format!("\"{label}\" does not match farm-[0-9a-f]{{32}}");
            let error = parse_start(label, good().to_string().as_bytes()).unwrap_err();
            assert_eq!(error, ValidationError::field("farmId", &message));
        }
    }

    #[test]
    fn group_by_has_one_or_two_different_fields() {
        let fields = "QUEUE_ID, FLEET_ID, JOB_ID, USER_ID, USAGE_TYPE, INSTANCE_TYPE, LICENSE_PRODUCT";
        for (value, name, message) in [
            (json!([]), "groupBy", "0 fields are given; 1 to 2 are allowed".to_owned()),
            (
                json!(["JOB_ID", "USER_ID", "QUEUE_ID"]),
                "groupBy",
                "3 fields are given; 1 to 2 are allowed".to_owned(),
            ),
            (
                json!(["JOB_ID", "JOB_ID"]),
                "groupBy",
                "JOB_ID is given twice; each field is allowed once".to_owned(),
            ),
            (json!(["JOB_ID", "job_id"]), "groupBy[1]", format!("\"job_id\" is not one of {fields}")),
        ] {
            check_refused(&json!({ "groupBy": value }), &[(name, &message)]);
        }
    }

    #[test]
    fn statistics_are_one_to_four_and_may_repeat() {
        assert!(accepted(&json!({ "statistics": ["SUM", "SUM"] })).statistics().iter().eq([Statistic::Sum]));
        let sentence = "0 statistics are given; 1 to 4 are allowed";
        check_refused(&json!({ "statistics": [] }), &[("statistics", sentence)]);
        let sentence = "5 statistics are given; 1 to 4 are allowed";
        check_refused(
            &json!({ "statistics": ["SUM", "SUM", "SUM", "SUM", "SUM"] }),
            &[("statistics", sentence)],
        );
        let sentence = "\"MEDIAN\" is not one of SUM, MIN, MAX, AVG";
        check_refused(&json!({ "statistics": ["MEDIAN"] }), &[("statistics[0]", sentence)]);
    }

    #[test]
    fn the_timezone_matches_its_pattern() {
        for text in ["", "UTC", "UTC+8", "UTC+8.", "UTC+05:45", "UTC+20:00", "Z", "Europe/Paris", "utc+01:00"]
        {
            let message = format!("\"{text}\" does not match UTC[-+][01][0-9]:(30|00), such as UTC-08:00");
            check_refused(&json!({ "timezone": text }), &[("timezone", &message)]);
        }
    }

    #[test]
    fn the_end_is_after_the_start() {
        for end in ["2025-11-24T10:00:00Z", "2025-11-24T11:00:00+01:00", "2024-11-24T10:00:00Z"] {
            let end_utc = Timestamp::parse(end).unwrap();
            let message = format!("{end_utc} is not after startTime 2025-11-24T10:00:00Z");
            check_refused(&json!({ "endTime": end }), &[("endTime", &message)]);
        }
    }

    #[test]
    fn times_are_whole_hours_in_the_requested_offset() {
        let half_past = json!({ "startTime": "2025-11-24T18:30:00Z", "endTime": "2025-11-25T18:30:00Z", "timezone": "UTC+05:30" });
        assert_eq!(accepted(&half_past).offset().minutes(), 330);
        let rule = "minutes, seconds and fractions must be zero there";
        check_refused(
            &json!({ "startTime": "2025-11-24T18:00:00Z", "endTime": "2025-11-25T18:00:00Z", "timezone": "UTC+05:30" }),
            &[
                ("startTime", &format!("2025-11-24T18:00:00Z is not a whole hour at UTC+05:30; {rule}")),
                ("endTime", &format!("2025-11-25T18:00:00Z is not a whole hour at UTC+05:30; {rule}")),
            ],
        );
        for text in ["2025-11-24T10:15:00Z", "2025-11-24T10:00:01Z", "2025-11-24T10:00:00.001Z"] {
            let message = format!("{text} is not a whole hour at UTC+00:00; {rule}");
            check_refused(&json!({ "startTime": text }), &[("startTime", &message)]);
        }
    }

    #[test]
    fn times_are_iso_8601_from_1970_to_2999() {
        let unreadable = "is not an ISO 8601 time with an offset, such as 2025-11-24T22:00:00Z";
        for (text, rule) in [
            ("", unreadable),
            ("yesterday", unreadable),
            ("2025-11-24", unreadable),
            ("2025-11-24T10:00:00", unreadable),
            ("1763978400", unreadable),
            ("1969-12-31T23:00:00Z", "is outside the years 1970 to 2999"),
            ("3000-01-01T00:00:00Z", "is outside the years 1970 to 2999"),
            ("2025-11-24T10:00:00.000000001Z", "is more precise than a millisecond"),
        ] {
            check_refused(&json!({ "startTime": text }), &[("startTime", &format!("\"{text}\" {rule}"))]);
        }
    }

    #[test]
    fn an_offset_and_a_zero_fraction_in_a_time_are_fine() {
        let query = accepted(&json!({ "startTime": "2025-11-24T02:00:00.000000-08:00" }));
        assert_eq!(query.window().start().to_string(), "2025-11-24T10:00:00Z");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let body = good_but(&json!({
            "resourceIds": { "queueIds": ["nope"] }, "endTime": 5, "timezone": "UTC+8", "period": "YEARLY",
            "groupBy": [], "statistics": null, "startTime": "2025-11-24T10:30:00Z",
        }));
        let error = parse_start("nope", body.to_string().as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "7 fields are not valid: farmId: \"nope\" does not match farm-[0-9a-f]{32}; resourceIds.queueIds[0]: \
             \"nope\" does not match queue-[0-9a-f]{32}; timezone: \"UTC+8\" does not match \
             UTC[-+][01][0-9]:(30|00), such as UTC-08:00; endTime: 5 is a number; an ISO 8601 string is required, \
             such as \"2025-11-24T22:00:00Z\"; period: \"YEARLY\" is not one of HOURLY, DAILY, WEEKLY, MONTHLY; \
             groupBy: 0 fields are given; 1 to 2 are allowed; statistics: a value is required"
        );
    }

    #[test]
    fn the_answer_is_the_aggregation_id() {
        let body = write_start(AggregationId::from_bytes([0x9b; 16]));
        assert_eq!(body, br#"{"aggregationId":"9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b"}"#);
    }
}
