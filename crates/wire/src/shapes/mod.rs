//! The shapes of requests as data, and the one place that checks a value against one.
//!
//! The rules of the service model are not written down by hand for each operation: `model` holds them as the model has
//! them, and [`Shape::read`] follows them. What is read is only what the model knows: members that nobody knows and
//! members that are `null` are left out, so that a value which was read can be kept and sent back.

mod check;
#[expect(non_upper_case_globals, reason = "the names are those of the service model")]
#[rustfmt::skip]
pub(crate) mod model;

use std::sync::OnceLock;

use regex_lite::Regex;

/// Least and most: characters of a text, elements of a list or a map, or the value of a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds(pub(crate) Option<i64>, pub(crate) Option<i64>);

/// Where a member stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Label,
    Query,
    Header,
    Body,
}

/// A member of a request or of an object in it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) is_required: bool,
    pub(crate) shape: &'static Shape,
}

/// What a value has to be.
#[derive(Debug)]
pub(crate) enum Shape {
    Text(Bounds, Option<&'static Pattern>),
    Enum(&'static [&'static str]),
    Integer(Bounds),
    Number(Bounds),
    Timestamp,
    List(Bounds, &'static Self),
    Map(Bounds, &'static Self, &'static Self),
    Structure(&'static [Member]),
    /// An object with exactly one of the members.
    Union(&'static [Member]),
}

/// A pattern that a text has to match as a whole.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&format!("^(?:{})$", self.text)).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}
