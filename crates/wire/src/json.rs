//! Shapes to bytes and bytes to an object.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::validation::ValidationError;

/// A page of statistics is the largest body; most others fit in the first allocation.
const BODY_BYTES_USUAL: usize = 512;

/// The JSON text of a shape.
pub(crate) fn to_bytes(shape: &impl Serialize) -> Vec<u8> {
    to_bytes_of(shape, BODY_BYTES_USUAL)
}

/// The JSON text of a shape, of about so many bytes.
pub(crate) fn to_bytes_of(shape: &impl Serialize, bytes_usual: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes_usual);
    let written = serde_json::to_writer(&mut body, shape);
    // serde_json fails for a sink that fails and for keys that are no strings, and we have neither.
    debug_assert!(written.is_ok(), "a shape cannot be written: {written:?}");
    body
}

/// An object that is built member by member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape(Map<String, Value>);

impl Shape {
    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member by its text, such as an identifier or an instant.
    pub(crate) fn with_text(self, name: &str, value: impl fmt::Display) -> Self {
        self.with(name, value.to_string())
    }

    /// Adds a member if there is a value for it.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds every member of an object.
    pub(crate) fn with_all(mut self, members: Map<String, Value>) -> Self {
        self.0.extend(members);
        self
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        to_bytes(&self.0)
    }
}

/// The body of a page of a list. `more_after` is the place of the last element that was looked at, if more follow.
pub(crate) fn page(
    name: &str,
    elements: impl Iterator<Item = Shape>,
    more_after: Option<impl fmt::Display>,
) -> Vec<u8> {
    let elements: Vec<Value> = elements.map(Shape::into_value).collect();
    let token = more_after.map(|place| place.to_string());
    Shape::default().with(name, elements).with_some("nextToken", token).into_bytes()
}

/// A value by its text, such as an identifier.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Reads a request body. No body is an object without members, as restJson1 has it.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, ValidationError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            let message = format!("the body is {}; a JSON object is required", kind(&other));
            Err(ValidationError::CannotParse { message })
        }
        Err(error) => Err(ValidationError::CannotParse { message: format!("the body is not JSON: {error}") }),
    }
}

/// What a value is, with its article, for sentences.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(body: &[u8]) -> String {
        object(body).unwrap_err().to_string()
    }

    #[test]
    fn a_body_that_is_no_json_object_cannot_be_parsed() {
        assert_eq!(
            sentence(b"{\"a\":"),
            "the body is not JSON: EOF while parsing a value at line 1 column 5"
        );
        assert_eq!(sentence(b"[]"), "the body is a list; a JSON object is required");
        assert_eq!(sentence(b"null"), "the body is null; a JSON object is required");
        assert!(sentence(b"{} {}").starts_with("the body is not JSON"));
        assert!(sentence(b"{\"a\":\"\xff\"}").starts_with("the body is not JSON"));
        assert!(
            sentence("[".repeat(100_000).as_bytes()).starts_with("the body is not JSON: recursion limit")
        );
    }

    #[test]
    fn no_body_is_an_object_without_members() {
        assert!(object(b"").unwrap().is_empty());
    }
}
