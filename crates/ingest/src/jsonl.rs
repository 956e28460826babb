//! JSON Lines: one session or volume a line.
//!
//! Members are kept as the raw text that was sent until their column says what they may be, so that a cost never
//! passes through a float and a repeated member cannot silently win over the first.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use farmtally_model::Submission;

use crate::cell::{Cell, Cells};
use crate::column::Column;
use crate::entry::{Entry, FieldProblem, ReadError, entry};
use crate::lines::{LineEntries, LineParser};
use crate::record::{SentLine, compute_line, session, usage_line, volume};
use crate::suggestion::unknown;

/// The member of a session that holds its usage lines.
const USAGE: &str = "usage";

/// What a session is called in a refusal.
const SESSION: &str = "a session";

/// Reads the lines of a body that is in memory already, by the same rules as a file.
pub fn parse_jsonl(body: &[u8]) -> impl Iterator<Item = Entry> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Bytes in memory cannot fail to come, and JSON Lines has no header.
    LineEntries::new(body, JsonLines).filter_map(Result::ok)
}

/// The parser of one line.
pub(crate) struct JsonLines;

impl LineParser for JsonLines {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        Ok((!text.trim_ascii().is_empty()).then(|| entry(line, parse_record(text))))
    }
}

fn parse_record(text: &str) -> Result<Submission, FieldProblem> {
    let members = Members::parse(text)?;
    if members.has(Column::VolumeId.name()) {
        return volume(&members.cells(&Column::VOLUME, "a volume", "")?);
    }
    let cells = members.cells(&Column::SESSION, SESSION, "")?;
    let usage = match members.get(USAGE) {
        Some(usage) => usage_lines(usage)?,
        None => vec![compute_line(None)],
    };
    session(&cells, usage)
}

fn usage_lines(raw: &RawValue) -> Result<Vec<SentLine>, FieldProblem> {
    let not_a_list = |_| FieldProblem::new(USAGE, raw.get(), "usage is not a list of usage lines");
    let lines: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(not_a_list)?;
    lines.iter().enumerate().map(|(index, line)| parse_usage_line(index, line.get())).collect()
}

fn parse_usage_line(index: usize, text: &str) -> Result<SentLine, FieldProblem> {
    let path = format!("{USAGE}[{index}]");
    let not_an_object = |_| FieldProblem::new(path.clone(), text, "a usage line is a JSON object");
    let members: Members<'_> = serde_json::from_str(text).map_err(not_an_object)?;
    let cells = members.cells(&Column::USAGE, "a usage line", &format!("{path}."))?;
    if cells.get(Column::UsageType).is_none() {
        return Err(cells.missing(Column::UsageType, "; give COMPUTE or LICENSE"));
    }
    usage_line(&cells)
}

/// The members of one JSON object, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn parse(text: &'a str) -> Result<Self, FieldProblem> {
        serde_json::from_str(text).map_err(|error| {
            // A line is all that the parser saw, so that its own line number is always 1.
            let reason = error.to_string().replacen(" at line 1 column ", " at column ", 1);
            FieldProblem::row(text, format!("not a JSON object: {reason}"))
        })
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The member with this name, unless it is null, which is the same as absent.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(member, _)| member == name).map(|(_, raw)| *raw);
        found.filter(|raw| raw.get() != "null")
    }

    /// The members as cells, if each is one of `allowed` and given once.
    fn cells(&self, allowed: &[Column], owner: &str, prefix: &str) -> Result<Cells<'a>, FieldProblem> {
        let mut cells = Cells::with_prefix(prefix.to_owned());
        for (index, (name, raw)) in self.0.iter().enumerate() {
            let problem = |message| FieldProblem::new(format!("{prefix}{name}"), raw.get(), message);
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(problem(format!("{name} is given twice")));
            }
            match Column::named(name) {
                Some(column) if allowed.contains(&column) => cells.set(column, cell(raw)),
                Some(column) => return Err(problem(misplaced(column, owner))),
                None if *name == USAGE && owner == SESSION => {}
                None if *name == USAGE => return Err(problem(format!("{USAGE} does not belong to {owner}"))),
                None => return Err(problem(unknown("member", name, &Column::names(allowed)))),
            }
        }
        Ok(cells)
    }
}

fn misplaced(column: Column, owner: &str) -> String {
    let name = column.name();
    if owner == SESSION && Column::USAGE.contains(&column) {
        return format!("{name} belongs inside {USAGE}");
    }
    format!("{name} does not belong to {owner}")
}

fn cell(raw: &RawValue) -> Option<Cell<'_>> {
    let text = raw.get();
    match text.as_bytes().first() {
        _ if text == "null" => None,
        Some(b'"') => {
            Some(serde_json::from_str(text).map_or(Cell::OtherJson(text), |Text(text)| Cell::Text(text)))
        }
        Some(b'-' | b'0'..=b'9') => Some(Cell::Number(Cow::Borrowed(text))),
        _ => Some(Cell::OtherJson(text)),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("members in braces")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Text(name), raw)) = map.next_entry()? {
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A JSON string, borrowed from the line unless it has escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests;
