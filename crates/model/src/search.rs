//! Filters and sorts of a search: which of many things are meant, and in which order.
//!
//! The service's model says what a filter looks like and not which fields there are, so that whatever is searched names
//! its own. A field that a thing has no value for matches no comparison but those that ask for a difference, and comes
//! last in every order.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::time::Timestamp;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text, compared by its bytes.
    Text,
    /// An instant.
    Time,
    /// A whole number.
    Number,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// An instant.
    Time(Timestamp),
    /// A whole number.
    Number(i64),
}

/// Something that can be searched.
pub trait Searched {
    /// The fields that can be filtered and sorted by.
    const FIELDS: &'static [(&'static str, FieldKind)];

    /// The value of one of the fields, if there is one.
    fn value(&self, field: &str) -> Option<FieldValue<'_>>;

    /// The text in which search terms are looked for.
    fn searched_text(&self) -> Cow<'_, str>;

    /// Whoever it belongs to, if it belongs to somebody.
    fn owner(&self) -> Option<&str>;
}

/// How a value is compared with those that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Greater or the same.
    GreaterThanEqualTo,
    /// Greater.
    GreaterThan,
    /// Less or the same.
    LessThanEqualTo,
    /// Less.
    LessThan,
    /// The same as one of several.
    AnyEquals,
    /// The same as none of several.
    AllNotEquals,
}

impl Comparison {
    /// Every comparison with its text on the wire.
    pub const ALL: [(&'static str, Self); 8] = [
        ("EQUAL", Self::Equal),
        ("NOT_EQUAL", Self::NotEqual),
        ("GREATER_THAN_EQUAL_TO", Self::GreaterThanEqualTo),
        ("GREATER_THAN", Self::GreaterThan),
        ("LESS_THAN_EQUAL_TO", Self::LessThanEqualTo),
        ("LESS_THAN", Self::LessThan),
        ("ANY_EQUALS", Self::AnyEquals),
        ("ALL_NOT_EQUALS", Self::AllNotEquals),
    ];

    /// Whether the comparison asks for a difference, which is also what no value at all is.
    const fn is_negative(self) -> bool {
        matches!(self, Self::NotEqual | Self::AllNotEquals)
    }

    /// Whether it holds, given how the value compares with each of those that are asked for.
    fn holds(self, mut orders: impl Iterator<Item = Option<Ordering>>) -> bool {
        match self {
            Self::Equal | Self::AnyEquals => orders.any(|order| order == Some(Ordering::Equal)),
            Self::NotEqual | Self::AllNotEquals => orders.all(|order| order != Some(Ordering::Equal)),
            Self::GreaterThanEqualTo => orders.all(|order| order.is_some_and(Ordering::is_ge)),
            Self::GreaterThan => orders.all(|order| order.is_some_and(Ordering::is_gt)),
            Self::LessThanEqualTo => orders.all(|order| order.is_some_and(Ordering::is_le)),
            Self::LessThan => orders.all(|order| order.is_some_and(Ordering::is_lt)),
        }
    }
}

/// What something has to be like to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A time compares with an instant.
    Time {
        /// The field.
        field: String,
        /// How.
        comparison: Comparison,
        /// The instant.
        instant: Timestamp,
    },
    /// A text or number compares with one or several texts.
    Text {
        /// The field.
        field: String,
        /// How.
        comparison: Comparison,
        /// The texts.
        values: Vec<String>,
    },
    /// A job parameter compares with a text. Nothing here has parameters, so that only a difference holds.
    Parameter(Comparison),
    /// A text occurs, whichever case its letters have.
    Contains(String),
    /// Each word of a text occurs, whichever case its letters have.
    Fuzzy(String),
    /// A filter of its own.
    Group(Filter),
}

/// Conditions that have to hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Whether all of them have to hold, or one of them is enough.
    pub needs_all: bool,
    /// The conditions, at least one.
    pub conditions: Vec<Condition>,
}

impl Filter {
    /// Whether something is meant.
    pub fn matches(&self, searched: &impl Searched) -> bool {
        let mut conditions = self.conditions.iter();
        if self.needs_all {
            conditions.all(|condition| condition.holds(searched))
        } else {
            conditions.any(|condition| condition.holds(searched))
        }
    }
}

impl Condition {
    fn holds(&self, searched: &impl Searched) -> bool {
        match self {
            Self::Time { field, comparison, instant } => match searched.value(field) {
                Some(FieldValue::Time(time)) => comparison.holds([Some(time.cmp(instant))].into_iter()),
                _ => comparison.is_negative(),
            },
            Self::Text { field, comparison, values } => match searched.value(field) {
                None => comparison.is_negative(),
                Some(value) => comparison.holds(values.iter().map(|text| compare_with_text(&value, text))),
            },
            Self::Parameter(comparison) => comparison.is_negative(),
            Self::Contains(term) => searched.searched_text().to_lowercase().contains(&term.to_lowercase()),
            Self::Fuzzy(term) => {
                let text = searched.searched_text().to_lowercase();
                term.to_lowercase().split_whitespace().all(|word| text.contains(word))
            }
            Self::Group(filter) => filter.matches(searched),
        }
    }
}

fn compare_with_text(value: &FieldValue<'_>, text: &str) -> Option<Ordering> {
    match value {
        FieldValue::Text(value) => Some(value.as_ref().cmp(text)),
        FieldValue::Number(number) => text.parse().ok().map(|other| number.cmp(&other)),
        FieldValue::Time(time) => Timestamp::parse(text).ok().map(|other| time.cmp(&other)),
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort {
    /// By a field.
    Field {
        /// The field.
        field: String,
        /// From the greatest to the least.
        is_descending: bool,
    },
    /// What belongs to this user comes before the rest.
    UserFirst(String),
    /// By a job parameter, which nothing here has.
    Parameter,
}

/// How two things stand to each other under several keys, of which the first that tells decides.
pub fn compare<T: Searched>(one: &T, other: &T, sorts: &[Sort]) -> Ordering {
    let orders = sorts.iter().map(|sort| match sort {
        Sort::Parameter => Ordering::Equal,
        Sort::UserFirst(user) => {
            let is_other = |searched: &T| searched.owner() != Some(user);
            is_other(one).cmp(&is_other(other))
        }
        Sort::Field { field, is_descending } => {
            match (one.value(field), other.value(field)) {
                (Some(one), Some(other)) if *is_descending => compare_values(&other, &one),
                (Some(one), Some(other)) => compare_values(&one, &other),
                // What has no value comes last.
                (one, other) => one.is_none().cmp(&other.is_none()),
            }
        }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

fn compare_values(one: &FieldValue<'_>, other: &FieldValue<'_>) -> Ordering {
    match (one, other) {
        (FieldValue::Text(one), FieldValue::Text(other)) => one.cmp(other),
        (FieldValue::Time(one), FieldValue::Time(other)) => one.cmp(other),
        (FieldValue::Number(one), FieldValue::Number(other)) => one.cmp(other),
        // A field has one kind.
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy)]
    struct Take(&'static str, Option<i64>, i64);

    impl Searched for Take {
        const FIELDS: &'static [(&'static str, FieldKind)] =
            &[("NAME", FieldKind::Text), ("ENDED_AT", FieldKind::Time), ("PRIORITY", FieldKind::Number)];

        fn value(&self, field: &str) -> Option<FieldValue<'_>> {
            match field {
                "NAME" => Some(FieldValue::Text(self.0.into())),
                "ENDED_AT" => self.1.map(|millis| FieldValue::Time(at(millis))),
                _ => Some(FieldValue::Number(self.2)),
            }
        }

        fn searched_text(&self) -> Cow<'_, str> {
            self.0.into()
        }

        fn owner(&self) -> Option<&str> {
            Some(&self.0[..1])
        }
    }

    const TAKES: [Take; 4] = [
        Take("a 1 Comp", Some(10), 50),
        Take("b 2", None, 9),
        Take("c 3 comp", Some(20), 100),
        Take("d", Some(10), 50),
    ];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn found(condition: Condition) -> String {
        let filter = Filter { needs_all: true, conditions: vec![condition] };
        TAKES.iter().filter(|take| filter.matches(*take)).map(|take| &take.0[..1]).collect()
    }

    fn text(field: &str, comparison: Comparison, values: &[&str]) -> Condition {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::Text { field: field.to_owned(), comparison, values }
    }

    fn time(comparison: Comparison, millis: i64) -> Condition {
        Condition::Time { field: "ENDED_AT".to_owned(), comparison, instant: at(millis) }
    }

    #[test]
    fn every_comparison_means_what_it_says() {
        use Comparison::{
            AllNotEquals, AnyEquals, Equal, GreaterThan, GreaterThanEqualTo, LessThan, LessThanEqualTo,
            NotEqual,
        };
        assert_eq!(found(time(Equal, 10)), "ad");
        assert_eq!(found(time(GreaterThan, 10)), "c");
        assert_eq!(found(time(GreaterThanEqualTo, 10)), "acd");
        assert_eq!(found(time(LessThan, 20)), "ad");
        assert_eq!(found(time(LessThanEqualTo, 20)), "acd");
        assert_eq!(found(time(NotEqual, 10)), "bc", "what never ended did not end then");
        assert_eq!(found(text("NAME", AnyEquals, &["d", "b 2", "x"])), "bd");
        assert_eq!(found(text("NAME", AllNotEquals, &["d", "b 2"])), "ac");
        assert_eq!(found(text("PRIORITY", GreaterThan, &["9"])), "acd", "numbers compare as numbers");
        assert_eq!(found(text("PRIORITY", GreaterThan, &["x"])), "");
    }

    #[test]
    fn terms_are_found_in_any_case_and_groups_nest() {
        assert_eq!(found(Condition::Contains("COMP".to_owned())), "ac");
        assert_eq!(found(Condition::Contains("3 co".to_owned())), "c");
        assert_eq!(found(Condition::Fuzzy("comp A".to_owned())), "a");
        let either = vec![time(Comparison::GreaterThan, 10), Condition::Contains("2".to_owned())];
        assert_eq!(found(Condition::Group(Filter { needs_all: false, conditions: either })), "bc");
        assert_eq!(found(Condition::Parameter(Comparison::Equal)), "");
        assert_eq!(found(Condition::Parameter(Comparison::NotEqual)), "abcd");
    }

    fn sorted(sorts: &[Sort]) -> String {
        let mut takes = TAKES;
        takes.sort_by(|one, other| compare(one, other, sorts));
        takes.iter().map(|take| &take.0[..1]).collect()
    }

    fn by(field: &str, is_descending: bool) -> Sort {
        Sort::Field { field: field.to_owned(), is_descending }
    }

    #[test]
    fn the_first_key_that_tells_decides_and_what_has_no_value_comes_last() {
        assert_eq!(sorted(&[by("ENDED_AT", false), by("NAME", true)]), "dacb");
        assert_eq!(sorted(&[by("ENDED_AT", true), by("NAME", false)]), "cadb");
        assert_eq!(sorted(&[by("PRIORITY", true)]), "cadb");
        assert_eq!(sorted(&[Sort::Parameter, Sort::UserFirst("c".to_owned())]), "cabd");
    }
}
