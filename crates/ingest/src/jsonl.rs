//! JSON Lines: one session or volume a line.
//!
//! Members are kept as the raw text that was sent until their column says what they may be, so that a cost never
//! passes through a float and a repeated member cannot silently win over the first.

use serde_json::value::RawValue;

use farmtally_model::Submission;

use crate::cell::Cells;
use crate::column::Column;
use crate::entry::{Entry, FieldProblem, ReadError, entry};
use crate::json_members::{Members, json_cell};
use crate::json_sessions::TypedLines;
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
    LineEntries::new(body, JsonLines::default()).filter_map(Result::ok)
}

/// The parser of one line.
#[derive(Default)]
pub(crate) struct JsonLines {
    /// The short way, for lines in which everything is as it should be.
    typed: TypedLines,
}

impl LineParser for JsonLines {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        if let Some(submission) = self.typed.session(text) {
            return Ok(Some(Entry::Submission { line, submission }));
        }
        Ok((!text.trim_ascii().is_empty()).then(|| entry(line, parse_record(text))))
    }
}

/// The record of a line, by the long way.
pub(crate) fn parse_record(text: &str) -> Result<Submission, FieldProblem> {
    let members = Members::parse(text)?;
    if members.has(Column::VolumeId.name()) {
        return volume(&cells(&members, &Column::VOLUME, "a volume", "")?);
    }
    let cells = cells(&members, &Column::SESSION, SESSION, "")?;
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
    let cells = cells(&members, &Column::USAGE, "a usage line", &format!("{path}."))?;
    if cells.get(Column::UsageType).is_none() {
        return Err(cells.missing(Column::UsageType, "; give COMPUTE or LICENSE"));
    }
    usage_line(&cells)
}

/// The members as cells, if each is one of `allowed` and given once.
fn cells<'a>(
    members: &Members<'a>,
    allowed: &[Column],
    owner: &str,
    prefix: &str,
) -> Result<Cells<'a>, FieldProblem> {
    let mut cells = Cells::with_prefix(prefix.to_owned());
    for (index, (name, raw)) in members.iter().enumerate() {
        let problem = |message| FieldProblem::new(format!("{prefix}{name}"), raw.get(), message);
        if members.names().take(index).any(|earlier| earlier == name) {
            return Err(problem(format!("{name} is given twice")));
        }
        match Column::named(name) {
            Some(column) if allowed.contains(&column) => cells.set(column, json_cell(raw)),
            Some(column) => return Err(problem(misplaced(column, owner))),
            None if name == USAGE && owner == SESSION => {}
            None if name == USAGE => return Err(problem(format!("{USAGE} does not belong to {owner}"))),
            None => return Err(problem(unknown("member", name, &Column::names(allowed)))),
        }
    }
    Ok(cells)
}

fn misplaced(column: Column, owner: &str) -> String {
    let name = column.name();
    if owner == SESSION && Column::USAGE.contains(&column) {
        return format!("{name} belongs inside {USAGE}");
    }
    format!("{name} does not belong to {owner}")
}

#[cfg(test)]
mod tests;
