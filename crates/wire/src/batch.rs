//! Operations that read several things at once: what was found, and beside it what was not.

use serde_json::Value;

use crate::json::Shape;
use crate::request::CheckedRequest;
use crate::validation::ValidationError;

/// What became of one of the things that were asked for.
#[derive(Debug, Clone)]
pub struct Found<K, T> {
    /// What was asked for.
    pub key: K,
    /// What was found, or the sentence that says why it was not.
    pub found: Result<T, String>,
}

/// The identifiers of a request, each of which reads like a request of its own.
pub(crate) fn identifiers<K>(
    request: &CheckedRequest,
    read: impl Fn(&CheckedRequest) -> Result<K, ValidationError>,
) -> Result<Vec<K>, ValidationError> {
    let identifiers = request.value("identifiers").and_then(Value::as_array);
    let identifiers = identifiers.into_iter().flatten().filter_map(Value::as_object);
    identifiers.map(|members| read(&CheckedRequest::of(members.clone()))).collect()
}

pub(crate) fn answer<K, T>(
    name: &str,
    all: &[Found<K, T>],
    key: impl Fn(&K) -> Shape,
    shape: impl Fn(&T) -> Shape,
) -> Vec<u8> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for one in all {
        match &one.found {
            Ok(value) => {
                let Value::Object(members) = shape(value).into_value() else { continue };
                found.push(key(&one.key).with_all(members).into_value());
            }
            Err(message) => {
                let error = key(&one.key).with("code", "ResourceNotFoundException");
                missing.push(error.with("message", message.as_str()).into_value());
            }
        }
    }
    Shape::default().with(name, found).with("errors", missing).into_bytes()
}
