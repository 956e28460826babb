//! SearchJobs and SearchWorkers: filters, sorts and pages by offset.
//!
//! The model says what filters look like and not which fields there are. Ours are the members of the summaries in capital
//! letters, such as CREATED_AT, which is how the service's own clients spell them.

use farmtally_model::search::{Comparison, Condition, FieldKind, Filter, Searched, Sort};
use farmtally_model::{FarmId, Timestamp};
use serde_json::Value;
use std::str::FromStr;

use crate::excerpt::quoted;
use crate::json::Shape;
use crate::request::CheckedRequest;
use crate::validation::{Problems, ValidationError};

/// Most results that a search can be paged through, and that it counts.
pub const SEARCH_RESULTS_MAX: usize = 10_000;
/// Results of a page unless the request says otherwise.
const PAGE_SIZE_USUAL: usize = 100;

/// A checked search in some queues or fleets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest<I> {
    /// The farm.
    pub farm_id: FarmId,
    /// The queues or fleets to search in.
    pub within: Vec<I>,
    /// What has to be found.
    pub filter: Option<Filter>,
    /// In which order.
    pub sorts: Vec<Sort>,
    /// How many results come before the page.
    pub offset: usize,
    /// Most results of the page.
    pub page_size: usize,
}

/// Reads a search for something whose fields are those of `T`, within `queueIds` or `fleetIds`.
pub fn parse_search<T: Searched, I: FromStr<Err: std::fmt::Display> + PartialEq>(
    request: &CheckedRequest,
    within: &str,
) -> Result<SearchRequest<I>, ValidationError> {
    let mut problems = Problems::default();
    let filter = request.value("filterExpressions");
    let filter = filter.map(|value| read_filter("filterExpressions", value, T::FIELDS, &mut problems));
    let sorts = list(request.value("sortExpressions")).enumerate();
    let sorts = sorts.map(|(index, value)| {
        read_sort(&format!("sortExpressions[{index}]"), value, T::FIELDS, &mut problems)
    });
    let sorts = sorts.collect();
    problems.finish(Some(()))?;
    Ok(SearchRequest {
        farm_id: request.required("farmId")?,
        within: ids(request, within)?,
        filter,
        sorts,
        offset: size(request, "itemOffset").unwrap_or(0),
        page_size: size(request, "pageSize").unwrap_or(PAGE_SIZE_USUAL),
    })
}

/// Ids that are given twice count once.
fn ids<I: FromStr<Err: std::fmt::Display> + PartialEq>(
    request: &CheckedRequest,
    name: &str,
) -> Result<Vec<I>, ValidationError> {
    let mut ids = Vec::new();
    for text in list(request.value(name)).filter_map(Value::as_str) {
        let id = text.parse().map_err(|error| ValidationError::field(name, &format!("{error}")))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn size(request: &CheckedRequest, name: &str) -> Option<usize> {
    usize::try_from(request.integer(name)?).ok()
}

type Fields = [(&'static str, FieldKind)];

fn read_filter(place: &str, value: &Value, fields: &Fields, problems: &mut Problems) -> Filter {
    let filters = list(value.get("filters")).enumerate();
    let conditions = filters
        .map(|(index, value)| read_condition(&format!("{place}.filters[{index}]"), value, fields, problems));
    let conditions = conditions.collect();
    Filter { needs_all: text(value, "operator") == "AND", conditions }
}

/// The shape was checked before: exactly one member of a union is there, and its required members are.
fn read_condition(place: &str, value: &Value, fields: &Fields, problems: &mut Problems) -> Condition {
    let Some((kind, value)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Condition::Fuzzy(String::new());
    };
    let place = format!("{place}.{kind}");
    let comparison = comparison(value);
    match kind.as_str() {
        "dateTimeFilter" => {
            let instant = Timestamp::parse(text(value, "dateTime")).unwrap_or(Timestamp::MIN);
            let field = field(&place, value, fields, Some(FieldKind::Time), problems);
            Condition::Time { field, comparison, instant }
        }
        "stringFilter" => {
            let values = vec![text(value, "value").to_owned()];
            Condition::Text { field: field(&place, value, fields, None, problems), comparison, values }
        }
        "stringListFilter" => {
            let values = list(value.get("values")).filter_map(Value::as_str).map(str::to_owned).collect();
            Condition::Text { field: field(&place, value, fields, None, problems), comparison, values }
        }
        "parameterFilter" => Condition::Parameter(comparison),
        "groupFilter" => Condition::Group(read_filter(&place, value, fields, problems)),
        _ if text(value, "matchType") == "CONTAINS" => {
            Condition::Contains(text(value, "searchTerm").to_owned())
        }
        _ => Condition::Fuzzy(text(value, "searchTerm").to_owned()),
    }
}

fn comparison(value: &Value) -> Comparison {
    let name = text(value, "operator");
    let found = Comparison::ALL.iter().find(|(text, _)| *text == name);
    found.map_or(Comparison::Equal, |(_, comparison)| *comparison)
}

fn read_sort(place: &str, value: &Value, fields: &Fields, problems: &mut Problems) -> Sort {
    if let Some(sort) = value.get("fieldSort") {
        let is_descending = text(sort, "sortOrder") == "DESCENDING";
        return Sort::Field {
            field: field(&format!("{place}.fieldSort"), sort, fields, None, problems),
            is_descending,
        };
    }
    match value.get("userJobsFirst") {
        Some(first) => Sort::UserFirst(text(first, "userIdentityId").to_owned()),
        None => Sort::Parameter,
    }
}

/// The name of a field, which has to be one of the fields and, for a filter of times, a time.
fn field(
    place: &str,
    value: &Value,
    fields: &Fields,
    kind: Option<FieldKind>,
    problems: &mut Problems,
) -> String {
    let name = text(value, "name");
    let fits = |of: FieldKind| kind.is_none_or(|kind| kind == of);
    if !fields.iter().any(|(field, of)| *field == name && fits(*of)) {
        let names: Vec<&str> = fields.iter().filter(|(_, of)| fits(*of)).map(|(field, _)| *field).collect();
        let message = format!("{} is not one of {}", quoted(name), names.join(", "));
        problems.refuse::<()>(format!("{place}.name"), message);
    }
    name.to_owned()
}

fn text<'value>(value: &'value Value, name: &str) -> &'value str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// The body of a page of results.
pub(crate) fn search_answer<I>(
    name: &str,
    found: impl Iterator<Item = Shape>,
    search: &SearchRequest<I>,
    total: usize,
) -> Vec<u8> {
    let total = total.min(SEARCH_RESULTS_MAX);
    let found: Vec<Value> = found.map(Shape::into_value).collect();
    let next = search.offset.saturating_add(found.len());
    let next = (next < total && !found.is_empty()).then_some(next);
    Shape::default()
        .with(name, found)
        .with_some("nextItemOffset", next)
        .with("totalResults", total)
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::request;
    use farmtally_model::QueueId;
    use farmtally_model::search::FieldValue;
    use serde_json::json;
    use std::borrow::Cow;

    struct Job;

    impl Searched for Job {
        const FIELDS: &'static [(&'static str, FieldKind)] =
            &[("NAME", FieldKind::Text), ("CREATED_AT", FieldKind::Time)];
        fn value(&self, _: &str) -> Option<FieldValue<'_>> {
            None
        }
        fn searched_text(&self) -> Cow<'_, str> {
            "".into()
        }
        fn owner(&self) -> Option<&str> {
            None
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a test writes its value in place")]
    fn parse(body: Value) -> Result<SearchRequest<QueueId>, String> {
        let mut whole = json!({ "queueIds": [QueueId::from_bytes([1; 16]).to_string()], "itemOffset": 0 });
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let request = request(Operation::SearchJobs, whole).map_err(|error| error.to_string())?;
        parse_search::<Job, QueueId>(&request, "queueIds").map_err(|error| error.to_string())
    }

    #[test]
    fn the_search_of_the_services_own_command_line_is_understood() {
        let sort = json!([{ "fieldSort": { "name": "CREATED_AT", "sortOrder": "DESCENDING" } }]);
        let search = parse(json!({ "itemOffset": 5, "pageSize": 5, "sortExpressions": sort })).unwrap();
        assert_eq!((search.offset, search.page_size, search.filter), (5, 5, None));
        let by_start = Sort::Field { field: "CREATED_AT".to_owned(), is_descending: true };
        assert_eq!(search.sorts, [by_start]);
    }

    #[test]
    fn filters_of_every_kind_are_read_to_the_bottom() {
        let filters = json!([
            { "dateTimeFilter": { "name": "CREATED_AT", "operator": "LESS_THAN", "dateTime": "1970-01-01T00:00:01Z" } },
            { "groupFilter": { "operator": "OR", "filters": [
                { "stringListFilter": { "name": "NAME", "operator": "ANY_EQUALS", "values": ["a", "b"] } },
                { "searchTermFilter": { "searchTerm": "x", "matchType": "CONTAINS" } },
                { "searchTermFilter": { "searchTerm": "y" } } ] } },
            { "parameterFilter": { "name": "any", "operator": "EQUAL", "value": "1" } } ]);
        let search =
            parse(json!({ "filterExpressions": { "operator": "AND", "filters": filters } })).unwrap();
        let text = Condition::Text {
            field: "NAME".to_owned(),
            comparison: Comparison::AnyEquals,
            values: vec!["a".to_owned(), "b".to_owned()],
        };
        let group = vec![text, Condition::Contains("x".to_owned()), Condition::Fuzzy("y".to_owned())];
        let time = Condition::Time {
            field: "CREATED_AT".to_owned(),
            comparison: Comparison::LessThan,
            instant: Timestamp::from_millis(1000).unwrap(),
        };
        let conditions = vec![
            time,
            Condition::Group(Filter { needs_all: false, conditions: group }),
            Condition::Parameter(Comparison::Equal),
        ];
        assert_eq!(search.filter, Some(Filter { needs_all: true, conditions }));
    }

    #[test]
    fn a_field_that_does_not_exist_is_named_with_those_that_do() {
        let filter = json!({ "operator": "AND", "filters": [
            { "dateTimeFilter": { "name": "NAME", "operator": "EQUAL", "dateTime": "2025-11-24T00:00:00Z" } } ] });
        let sorts = json!([{ "fieldSort": { "name": "created_at", "sortOrder": "ASCENDING" } }]);
        let error = parse(json!({ "filterExpressions": filter, "sortExpressions": sorts })).unwrap_err();
        let expected = "2 fields are not valid: filterExpressions.filters[0].dateTimeFilter.name: \"NAME\" is not \
                        one of CREATED_AT; sortExpressions[0].fieldSort.name: \"created_at\" is not one of NAME, \
                        CREATED_AT";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_page_says_how_many_there_are_and_where_the_next_one_begins() {
        let answer = |offset, count, total| -> Value {
            let search = SearchRequest { offset, ..parse(json!({})).unwrap() };
            let found = (0..count).map(|_| Shape::default());
            serde_json::from_slice(&search_answer("jobs", found, &search, total)).unwrap()
        };
        assert_eq!(answer(0, 0, 0), json!({ "jobs": [], "totalResults": 0 }));
        assert_eq!(answer(2, 2, 5)["nextItemOffset"], 4);
        assert_eq!(answer(4, 1, 5).get("nextItemOffset"), None);
        assert_eq!(
            answer(9_900, 100, 20_000),
            json!({ "jobs": vec![json!({}); 100], "totalResults": 10_000 })
        );
    }
}
