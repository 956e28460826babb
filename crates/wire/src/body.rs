//! Members of a request body: present or not, of the right JSON type, of the right length.
//!
//! A member that is `null` counts as absent, and a member that nobody knows is ignored, both as restJson1 has it.

use serde_json::{Map, Value};

use crate::json::kind;
use crate::validation::Problems;

/// A JSON object and where it stands in the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'body> {
    members: &'body Map<String, Value>,
}

impl<'body> Members<'body> {
    pub(crate) const fn new(members: &'body Map<String, Value>) -> Self {
        Self { members }
    }

    /// A member's value, unless it is absent.
    pub(crate) fn optional(self, name: &str) -> Option<&'body Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A member's value; its absence is a problem.
    pub(crate) fn required(self, name: &str, problems: &mut Problems) -> Option<&'body Value> {
        self.optional(name).or_else(|| problems.refuse_missing(name))
    }

    /// Name and value of every member that is not absent.
    pub(crate) fn present(self) -> impl Iterator<Item = (&'body str, &'body Value)> {
        self.members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }
}

/// A member that has to be an object.
pub(crate) fn object<'body>(
    name: &str,
    value: &'body Value,
    problems: &mut Problems,
) -> Option<Members<'body>> {
    match value {
        Value::Object(members) => Some(Members::new(members)),
        other => refuse_type(name, other, "an object", problems),
    }
}

/// A member that has to be a string.
pub(crate) fn text<'body>(
    name: impl Into<String>,
    value: &'body Value,
    problems: &mut Problems,
) -> Option<&'body str> {
    match value {
        Value::String(text) => Some(text),
        other => refuse_type(name, other, "a string", problems),
    }
}

/// What a list may hold: 1 to `max` of something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListBounds {
    /// What the elements are called in a sentence, in the plural.
    pub(crate) noun: &'static str,
    pub(crate) max: usize,
}

/// A member that has to be a list of strings, each read by `read` under a name such as `groupBy[1]`.
///
/// A list of the wrong length is not looked into, so that the number of problems stays small whatever is sent.
pub(crate) fn texts<T>(
    name: &str,
    value: &Value,
    ListBounds { noun, max }: ListBounds,
    problems: &mut Problems,
    mut read: impl FnMut(String, &str, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Array(elements) = value else {
        return refuse_type(name, value, "a list", problems);
    };
    if elements.is_empty() || elements.len() > max {
        return problems.refuse(name, format!("{} {noun} are given; 1 to {max} are allowed", elements.len()));
    }
    let mut values = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let name = format!("{name}[{index}]");
        let value = text(name.as_str(), element, problems).and_then(|text| read(name, text, problems));
        values.extend(value);
    }
    (values.len() == elements.len()).then_some(values)
}

fn refuse_type<T>(
    name: impl Into<String>,
    found: &Value,
    required: &str,
    problems: &mut Problems,
) -> Option<T> {
    problems.refuse(name, format!("{} is given; {required} is required", kind(found)))
}
