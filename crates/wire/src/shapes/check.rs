//! A value against its shape: everything that is wrong is noted under the name of its place.

use farmtally_model::Timestamp;
use serde_json::{Map, Number, Value};

use super::{Bounds, Member, Pattern, Shape};
use crate::excerpt::quoted;
use crate::json::kind;
use crate::validation::Problems;

impl Shape {
    /// The value as far as the model knows it, unless something in it breaks a rule.
    pub(crate) fn read(&self, name: &str, value: &Value, problems: &mut Problems) -> Option<Value> {
        match self {
            Self::Text(bounds, pattern) => {
                let text = text(name, value, problems)?;
                read_text(name, text, *bounds, *pattern, problems)
            }
            Self::Enum(choices) => read_choice(name, text(name, value, problems)?, choices, problems),
            Self::Integer(bounds) => match value.as_i64() {
                Some(number) => read_integer(name, number, *bounds, problems),
                None => refuse_kind(name, value, "a whole number", problems),
            },
            Self::Number(bounds) => read_number(name, value, *bounds, problems),
            Self::Timestamp => read_timestamp(name, text(name, value, problems)?, problems),
            Self::List(bounds, of) => read_list(name, value, *bounds, of, problems),
            Self::Map(bounds, key, of) => read_map(name, value, *bounds, (key, of), problems),
            Self::Structure(members) => read_structure(name, value, members, problems),
            Self::Union(members) => read_union(name, value, members, problems),
        }
    }

    /// The value of a text from a path, a query or a header, where numbers are texts too.
    pub(crate) fn read_text(&self, name: &str, text: &str, problems: &mut Problems) -> Option<Value> {
        let Self::Integer(bounds) = self else {
            return self.read(name, &Value::from(text), problems);
        };
        // `parse` alone would take a leading plus sign.
        match text.parse().ok().filter(|_| !text.starts_with('+')) {
            Some(number) => read_integer(name, number, *bounds, problems),
            None => {
                problems.refuse(name, format!("{} is not a whole number{}", quoted(text), within(*bounds)))
            }
        }
    }
}

fn read_text(
    name: &str,
    text: &str,
    bounds: Bounds,
    pattern: Option<&Pattern>,
    problems: &mut Problems,
) -> Option<Value> {
    check_count(name, text.chars().count(), "characters", bounds, problems)?;
    match pattern {
        Some(pattern) if !pattern.matches(text) => {
            problems.refuse(name, format!("{} does not match {}", quoted(text), pattern.text))
        }
        _ => Some(Value::from(text)),
    }
}

fn read_choice(name: &str, text: &str, choices: &[&str], problems: &mut Problems) -> Option<Value> {
    if choices.contains(&text) {
        return Some(Value::from(text));
    }
    problems.refuse(name, format!("{} is not one of {}", quoted(text), choices.join(", ")))
}

fn read_integer(name: &str, number: i64, bounds: Bounds, problems: &mut Problems) -> Option<Value> {
    let Bounds(least, most) = bounds;
    // The model's integers have 32 bits, also those without bounds.
    let (least, most) = (least.unwrap_or(i32::MIN.into()), most.unwrap_or(i32::MAX.into()));
    if (least..=most).contains(&number) {
        return Some(Value::from(number));
    }
    problems.refuse(name, format!("{number} is given; {least} to {most} are allowed"))
}

fn read_number(name: &str, value: &Value, bounds: Bounds, problems: &mut Problems) -> Option<Value> {
    let Some(number) = value.as_f64().filter(|number| number.is_finite()) else {
        return refuse_kind(name, value, "a number", problems);
    };
    let Bounds(least, most) = bounds;
    #[expect(clippy::cast_precision_loss, reason = "the bounds of the model are far below 2^53")]
    let is_within =
        least.is_none_or(|least| number >= least as f64) && most.is_none_or(|most| number <= most as f64);
    if !is_within {
        return problems.refuse(name, format!("{number} is given; a number{} is allowed", within(bounds)));
    }
    Number::from_f64(number).map(Value::Number)
}

fn read_timestamp(name: &str, text: &str, problems: &mut Problems) -> Option<Value> {
    match Timestamp::parse(text) {
        Ok(timestamp) => Some(Value::from(timestamp.to_string())),
        Err(error) => problems.refuse(name, error.to_string()),
    }
}

fn read_list(
    name: &str,
    value: &Value,
    bounds: Bounds,
    of: &Shape,
    problems: &mut Problems,
) -> Option<Value> {
    let Value::Array(elements) = value else {
        return refuse_kind(name, value, "a list", problems);
    };
    // A list of the wrong length is not looked into, so that the number of problems stays small whatever is sent.
    check_count(name, elements.len(), "elements", bounds, problems)?;
    let read = elements.iter().enumerate();
    let read: Vec<_> =
        read.map(|(index, element)| of.read(&format!("{name}[{index}]"), element, problems)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
}

fn read_map(
    name: &str,
    value: &Value,
    bounds: Bounds,
    (key_shape, value_shape): (&Shape, &Shape),
    problems: &mut Problems,
) -> Option<Value> {
    let Value::Object(pairs) = value else {
        return refuse_kind(name, value, "an object", problems);
    };
    check_count(name, pairs.len(), "pairs", bounds, problems)?;
    let pairs = pairs.iter().filter(|(_, value)| !value.is_null());
    let read: Vec<_> = pairs
        .map(|(key, value)| {
            let place = format!("{name}.{key}");
            key_shape.read_text(&place, key, problems)?;
            Some((key.clone(), value_shape.read(&place, value, problems)?))
        })
        .collect();
    read.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn read_structure(name: &str, value: &Value, members: &[Member], problems: &mut Problems) -> Option<Value> {
    let Value::Object(values) = value else {
        return refuse_kind(name, value, "an object", problems);
    };
    let mut read = Map::new();
    let mut is_right = true;
    for member in members {
        let place = format!("{name}.{}", member.name);
        let value = values.get(member.name).filter(|value| !value.is_null());
        let value = match value {
            None if member.is_required => problems.refuse_missing(&place),
            None => continue,
            Some(value) => member.shape.read(&place, value, problems),
        };
        is_right &= value.is_some();
        read.extend(value.map(|value| (member.name.to_owned(), value)));
    }
    is_right.then_some(Value::Object(read))
}

fn read_union(name: &str, value: &Value, members: &[Member], problems: &mut Problems) -> Option<Value> {
    let Value::Object(values) = value else {
        return refuse_kind(name, value, "an object", problems);
    };
    let is_present = |name: &str| values.get(name).is_some_and(|value| !value.is_null());
    let known = members.iter().filter(|member| is_present(member.name)).count();
    if known == 1 && values.values().filter(|value| !value.is_null()).count() == 1 {
        return read_structure(name, value, members, problems);
    }
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    problems.refuse(name, format!("exactly one of {} is required", names.join(", ")))
}

fn text<'value>(name: &str, value: &'value Value, problems: &mut Problems) -> Option<&'value str> {
    value.as_str().or_else(|| refuse_kind(name, value, "a string", problems))
}

fn check_count(name: &str, count: usize, noun: &str, bounds: Bounds, problems: &mut Problems) -> Option<()> {
    let Bounds(least, most) = bounds;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if least.is_none_or(|least| count >= least) && most.is_none_or(|most| count <= most) {
        return Some(());
    }
    problems.refuse(name, format!("{count} {noun} are given; {} are allowed", span(bounds)))
}

fn span(Bounds(least, most): Bounds) -> String {
    match (least, most) {
        (least, Some(most)) => format!("{} to {most}", least.unwrap_or(0)),
        (Some(least), None) => format!("{least} or more"),
        (None, None) => "any number".to_owned(),
    }
}

/// ` from 1 to 100`, to follow a noun.
fn within(bounds: Bounds) -> String {
    match bounds {
        Bounds(None, None) => String::new(),
        bounds => format!(" from {}", span(bounds)),
    }
}

fn refuse_kind<T>(name: &str, found: &Value, required: &str, problems: &mut Problems) -> Option<T> {
    problems.refuse(name, format!("{} is given; {required} is required", kind(found)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operation::Operation;
    use crate::shapes::Place;

    static NAME: Shape = Shape::Text(Bounds(Some(1), Some(3)), Some(&PATTERN));
    static PATTERN: Pattern = Pattern::new("[a-z]+|1");
    static COUNT: Shape = Shape::Integer(Bounds(Some(1), Some(9)));
    static NAMES: Shape = Shape::List(Bounds(Some(1), Some(2)), &NAME);
    static BOX: Shape = Shape::Structure(&[
        Member { name: "name", place: Place::Body, is_required: true, shape: &NAME },
        Member { name: "count", place: Place::Body, is_required: false, shape: &COUNT },
        Member { name: "inner", place: Place::Body, is_required: false, shape: &BOX },
    ]);
    static ONE_OF: Shape = Shape::Union(&[
        Member { name: "name", place: Place::Body, is_required: false, shape: &NAME },
        Member { name: "count", place: Place::Body, is_required: false, shape: &COUNT },
    ]);

    #[expect(clippy::needless_pass_by_value, reason = "a test writes its value in place")]
    fn read(shape: &Shape, value: Value) -> Result<Value, String> {
        let mut problems = Problems::default();
        let read = shape.read("x", &value, &mut problems);
        problems.finish(read).map_err(|error| error.to_string())
    }

    #[test]
    fn what_nobody_knows_is_left_out_of_what_is_read() {
        let value = json!({ "name": "a", "count": null, "other": 1, "inner": { "name": "1", "x": 2 } });
        assert_eq!(read(&BOX, value), Ok(json!({ "name": "a", "inner": { "name": "1" } })));
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_place() {
        let value = json!({ "count": 10, "inner": { "name": "ABC", "inner": [] } });
        let sentence = "4 fields are not valid: x.name: a value is required; x.count: 10 is given; 1 to 9 are \
                        allowed; x.inner.name: \"ABC\" does not match [a-z]+|1; x.inner.inner: a list is given; \
                        an object is required";
        assert_eq!(read(&BOX, value), Err(sentence.to_owned()));
    }

    #[test]
    fn a_pattern_is_about_the_whole_text_and_lengths_are_in_characters() {
        for text in ["a", "abc", "1"] {
            assert!(read(&NAME, json!(text)).is_ok(), "{text}");
        }
        for text in ["", "abcd", "a1", "1a", "a\n", "A", "é"] {
            assert!(read(&NAME, json!(text)).is_err(), "{text}");
        }
        assert!(read(&Shape::Text(Bounds(None, Some(1)), None), json!("é")).is_ok());
    }

    #[test]
    fn a_list_of_the_wrong_length_is_not_looked_into() {
        let sentence = "1 field is not valid: x: 3 elements are given; 1 to 2 are allowed";
        assert_eq!(read(&NAMES, json!([1, 2, 3])), Err(sentence.to_owned()));
        assert_eq!(read(&NAMES, json!(["a", "b"])), Ok(json!(["a", "b"])));
        assert!(read(&NAMES, json!(["a", null])).is_err());
    }

    #[test]
    fn a_union_has_exactly_one_member_that_it_knows() {
        assert_eq!(read(&ONE_OF, json!({ "count": 1, "name": null })), Ok(json!({ "count": 1 })));
        for value in [
            json!({}),
            json!({ "count": 1, "name": "a" }),
            json!({ "other": 1 }),
            json!({ "count": 1, "other": 1 }),
        ] {
            let sentence = "1 field is not valid: x: exactly one of name, count is required";
            assert_eq!(read(&ONE_OF, value), Err(sentence.to_owned()));
        }
    }

    #[test]
    fn numbers_are_whole_and_of_32_bits_where_the_model_says_so() {
        for value in [json!(1.5), json!("1"), json!(1.0), json!(0), json!(true)] {
            assert!(read(&COUNT, value).is_err());
        }
        let unbounded = Shape::Integer(Bounds(None, None));
        assert!(read(&unbounded, json!(i64::from(i32::MAX) + 1)).is_err());
        let factor = Shape::Number(Bounds(Some(0), Some(100)));
        assert!(read(&factor, json!(100)).is_ok() && read(&factor, json!(0.5)).is_ok());
        assert!(read(&factor, json!(100.1)).is_err() && read(&factor, json!("1")).is_err());
    }

    /// Every pattern of the model is one that the library understands: none matches a text of control characters, and
    /// one that cannot be compiled would match nothing at all.
    #[test]
    fn every_pattern_of_the_model_compiles() {
        fn visit(shape: &'static Shape, seen: &mut Vec<*const Shape>) {
            if seen.contains(&std::ptr::from_ref(shape)) {
                return;
            }
            seen.push(shape);
            match shape {
                Shape::Text(_, Some(pattern)) => {
                    pattern.matches("");
                    assert!(pattern.compiled.get().unwrap().is_some(), "{}", pattern.text);
                }
                Shape::List(_, of) => visit(of, seen),
                Shape::Map(_, key, of) => {
                    visit(key, seen);
                    visit(of, seen);
                }
                Shape::Structure(members) | Shape::Union(members) => {
                    members.iter().for_each(|member| visit(member.shape, seen));
                }
                _ => {}
            }
        }
        let mut seen = Vec::new();
        for operation in Operation::ALL {
            operation.request_members().iter().for_each(|member| visit(member.shape, &mut seen));
        }
        assert!(seen.len() > 50);
    }
}
