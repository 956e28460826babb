//! A request with every rule of the service model checked, whichever operation it is for.
//!
//! Members come from four places and are asked for by one name. What comes out of here is right as far as the model can
//! say; the types of this crate's requests add what their own types know.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::json;
use crate::operation::{Labels, Operation};
use crate::page_size::PageSize;
use crate::paging::ListPosition;
use crate::query_string::QueryString;
use crate::shapes::{Member, Place, Shape};
use crate::validation::{Problems, ValidationError};

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The labels of the path.
    pub labels: &'a Labels,
    /// What follows the `?`, still percent-encoded.
    pub raw_query: &'a str,
    /// The value of `X-Amz-Client-Token`, if the client sent one.
    pub client_token: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// A request whose members are as the service model wants them. It has no member that the model does not know.
#[derive(Debug, Clone)]
pub struct CheckedRequest {
    members: Map<String, Value>,
}

impl CheckedRequest {
    /// Checks a request of an operation. Fails with everything that is wrong with it.
    pub fn read(operation: Operation, received: &Received<'_>) -> Result<Self, ValidationError> {
        let shape = operation.request_members();
        let has_body = shape.iter().any(|member| member.place == Place::Body);
        let body = if has_body { json::object(received.body)? } else { Map::new() };
        let mut problems = Problems::default();
        let mut members = Map::new();
        for member in shape {
            let value = read_member(member, received, &body, &mut problems);
            members.extend(value.map(|value| (member.name.to_owned(), value)));
        }
        problems.finish(Some(Self { members }))
    }

    /// A member, if it was given.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// A part of a checked request, as a request of its own.
    pub(crate) fn of(members: Map<String, Value>) -> Self {
        Self { members }
    }

    /// Every member that was given.
    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// A text, if it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// A value that a text stands for, if it was given. The model's rule and the type's own are the same for all but a
    /// few, so that this hardly ever fails.
    pub(crate) fn optional<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ValidationError> {
        let parsed = self.text(name).map(str::parse).transpose();
        parsed.map_err(|error| ValidationError::field(name, &format!("{error}")))
    }

    /// A value that a text stands for.
    pub(crate) fn required<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, ValidationError> {
        self.optional(name)?.ok_or_else(|| ValidationError::field(name, "a value is required"))
    }

    /// A whole number, if it was given.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.value(name)?.as_i64()
    }

    /// The page of a list that is asked for.
    pub(crate) fn position<I: FromStr>(&self) -> Result<ListPosition<I>, ValidationError> {
        let size = self.integer("maxResults").and_then(|size| u32::try_from(size).ok());
        let page_size = size.and_then(|size| PageSize::new(size).ok()).unwrap_or_default();
        // An empty token is the beginning.
        let token = self.text("nextToken").filter(|token| !token.is_empty());
        let after = token.map(crate::paging::parse_token).transpose()?;
        Ok(ListPosition { page_size, after })
    }

    /// The body and the query as one text, the same for the same members. A client's token does not count.
    pub fn content(&self) -> String {
        let members = self.members.iter().filter(|(name, _)| *name != "clientToken");
        let lines: Vec<String> = members.map(|(name, value)| format!("{name}={value}")).collect();
        lines.join("\n")
    }
}

fn read_member(
    member: &Member,
    received: &Received<'_>,
    body: &Map<String, Value>,
    problems: &mut Problems,
) -> Option<Value> {
    let Member { name, place, is_required, shape } = member;
    let text = match place {
        Place::Body => {
            return match body.get(*name).filter(|value| !value.is_null()) {
                Some(value) => shape.read(name, value, problems),
                None if *is_required => problems.refuse_missing(name),
                None => None,
            };
        }
        Place::Label => Some(received.labels.get(name).to_owned()),
        Place::Header => received.client_token.map(str::to_owned),
        Place::Query => {
            let query = QueryString::new(received.raw_query);
            if let Shape::List(_, of) = shape {
                return read_parameters(name, of, query, *is_required, problems);
            }
            query.parameter(name, problems)
        }
    };
    match text {
        Some(text) => shape.read_text(name, &text, problems),
        None if *is_required => problems.refuse_missing(name),
        None => None,
    }
}

/// A list in a query is a parameter that is given several times.
fn read_parameters(
    name: &str,
    of: &Shape,
    query: QueryString<'_>,
    is_required: bool,
    problems: &mut Problems,
) -> Option<Value> {
    let texts = query.parameters(name, problems)?;
    if texts.is_empty() {
        return if is_required { problems.refuse_missing(name) } else { None };
    }
    let read = texts.iter().enumerate();
    let read: Vec<_> =
        read.map(|(index, text)| of.read_text(&format!("{name}[{index}]"), text, problems)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::operation::Route;

    /// An id of every kind, for the labels of paths.
    fn label(name: &str) -> String {
        format!("{}-{}", name.trim_end_matches("Id"), "0123456789abcdef".repeat(2))
    }

    fn path(operation: Operation) -> String {
        let segments = operation.path_template().split('/');
        let segments = segments.map(|segment| match segment.strip_prefix('{') {
            Some(name) => label(name.trim_end_matches('}')),
            None => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }

    fn received(
        operation: Operation,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<CheckedRequest, ValidationError> {
        let Route::Operation { labels, .. } = Operation::route(operation.method(), path) else {
            panic!("{path} leads nowhere");
        };
        let received = Received { labels: &labels, raw_query: query, client_token: None, body };
        CheckedRequest::read(operation, &received)
    }

    /// A request with a body and right labels.
    #[expect(clippy::needless_pass_by_value, reason = "a test writes its value in place")]
    pub(crate) fn request(operation: Operation, body: Value) -> Result<CheckedRequest, ValidationError> {
        received(operation, &path(operation), "", body.to_string().as_bytes())
    }

    /// A request with a query; GetFarm has an empty label.
    pub(crate) fn query(operation: Operation, query: &str) -> Result<CheckedRequest, ValidationError> {
        let path =
            if operation == Operation::GetFarm { "/2023-10-12/farms/".to_owned() } else { path(operation) };
        received(operation, &path, query, b"")
    }

    #[test]
    fn members_of_all_places_are_checked_at_once() {
        let error =
            received(Operation::UpdateFarm, "/2023-10-12/farms/nope", "", br#"{"displayName":1,"x":2}"#);
        let sentence = "2 fields are not valid: farmId: \"nope\" does not match farm-[0-9a-f]{32}; \
                        displayName: a number is given; a string is required";
        assert_eq!(error.unwrap_err().to_string(), sentence);
    }

    #[test]
    fn a_body_is_looked_at_where_the_model_has_one() {
        assert!(received(Operation::UpdateFarm, &path(Operation::UpdateFarm), "", b"{").is_err());
        assert!(received(Operation::ListFarms, "/2023-10-12/farms", "", b"{").is_ok());
    }

    #[test]
    fn a_list_in_a_query_is_a_parameter_that_comes_several_times() {
        let request = query(Operation::UntagResource, "tagKeys=a%20b&tagKeys=c").unwrap();
        assert_eq!(crate::tags::parse_tag_keys(&request), ["a b", "c"]);
        let error = query(Operation::UntagResource, "").unwrap_err().to_string();
        assert_eq!(error, "1 field is not valid: tagKeys: a value is required");
    }

    #[test]
    fn the_content_of_a_call_is_the_same_for_the_same_members() {
        let content = |text: &str| {
            let path = path(Operation::CreateQueue);
            received(Operation::CreateQueue, &path, "", text.as_bytes()).unwrap().content()
        };
        let one = content(r#"{"displayName":"a","description":"b"}"#);
        assert_eq!(one, content(r#"{"description":"b", "x": 1, "displayName":"a"}"#));
        assert_ne!(one, content(r#"{"displayName":"a"}"#));
    }
}
