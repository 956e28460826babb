//! A first mapping for a file that nobody has described yet: what each column probably is, and what is missing.
//!
//! It is a guess for a person to read, so every line shows a value of the file beside it, and whatever is doubtful says
//! CHECK. What it guesses from is the first rows alone.

mod guess;
mod moments;
mod sample;
mod words;

use std::fmt::Write;

use self::guess::{Guess, guess};
use self::sample::{Sample, SampledColumn};
use super::Mapping;
use crate::entry::ReadError;
use crate::format::{Format, Input};

/// Longest value of the file that is shown in a comment, in characters.
const SHOWN_CHARS_MAX: usize = 48;

/// Drafts a mapping in TOML for a file, whose name without its ending names the source.
pub fn draft_mapping(format: Format, input: Input, name: &str) -> Result<String, ReadError> {
    if !Mapping::FORMATS.contains(&format) {
        return Err(ReadError::header(format!(
            "{format} needs no mapping; a mapping is for csv, jsonl and parquet"
        )));
    }
    let sample = Sample::take(format, input)?;
    if sample.columns.is_empty() {
        return Err(ReadError::header("the file has no columns"));
    }
    let guess = guess(&sample);
    let mut draft = Draft { text: String::new(), sample: &sample };
    // Writing to a text cannot fail.
    draft.write(format, name, &guess).unwrap_or_default();
    Ok(draft.text)
}

struct Draft<'a> {
    text: String,
    sample: &'a Sample,
}

impl Draft<'_> {
    fn write(&mut self, format: Format, name: &str, guess: &Guess) -> std::fmt::Result {
        self.head(format, name, guess)?;
        writeln!(self.text, "\n[session]")?;
        for line in &guess.lines {
            if let Some(note) = &line.note {
                writeln!(self.text, "# CHECK: {note}")?;
            }
            let shown = line.column.map(|column| self.shown(column)).unwrap_or_default();
            let comment = if line.is_missing { "# " } else { "" };
            writeln!(self.text, "{comment}{} = {}{shown}", line.member, line.value)?;
        }
        if let Some(license) = &guess.license {
            writeln!(
                self.text,
                "\n# Licences that a session held, each a line of usage beside the worker's own."
            )?;
            let shown = self.shown(license.column);
            writeln!(self.text, "[[license]]\nproduct = {}{shown}", license.value)?;
            if let Some(cost) = license.beside_cost {
                let cost = quoted(&self.sample.columns[cost].name);
                writeln!(
                    self.text,
                    "# CHECK: does {cost} have the cost of these in it already? Then take the # off costInUsd below, and no rate"
                )?;
                let alone = if license.is_split {
                    ""
                } else {
                    " Where a column has it alone, write costInUsd = that column's name."
                };
                writeln!(self.text, "# card prices them a second time.{alone}")?;
                writeln!(self.text, "# costInUsd = {{ value = \"0\" }}")?;
            }
        }
        self.unused(guess)?;
        self.missing(guess)
    }

    fn head(&mut self, format: Format, name: &str, guess: &Guess) -> std::fmt::Result {
        let rows = self.sample.rows;
        writeln!(self.text, "# A mapping drafted from the first {rows} rows. Read it, correct it, then:")?;
        writeln!(self.text, "#   farmtally import --data-dir DIR --farm NAME --mapping THIS --dry-run FILE")?;
        writeln!(self.text, "# What each key means: docs/connectors/tables.md")?;
        writeln!(self.text)?;
        writeln!(
            self.text,
            "# Names the system that the file comes from. Ids are made under it: changing it later"
        )?;
        writeln!(self.text, "# counts every session a second time.")?;
        writeln!(self.text, "source = {}", quoted(name))?;
        writeln!(self.text, "format = {}", quoted(format.as_str()))?;
        if format == Format::Csv && self.sample.delimiter != ',' {
            writeln!(self.text, "delimiter = {}", quoted(&self.sample.delimiter.to_string()))?;
        }
        if guess.needs_zone {
            writeln!(
                self.text,
                "# CHECK: the times have no offset. Where did the clock hang, such as \"Europe/Oslo\"?"
            )?;
            writeln!(self.text, "zone = \"UTC\"")?;
        }
        if !guess.absent.is_empty() {
            let absent: Vec<String> = guess.absent.iter().map(|text| quoted(text)).collect();
            writeln!(self.text, "# These stand for an empty cell.")?;
            writeln!(self.text, "absent = [{}]", absent.join(", "))?;
        }
        Ok(())
    }

    fn shown(&self, column: usize) -> String {
        let column = &self.sample.columns[column];
        match column.first() {
            Some(text) => format!("  # such as {}", shortened(text)),
            None => "  # empty in the first rows".to_owned(),
        }
    }

    fn unused(&mut self, guess: &Guess) -> std::fmt::Result {
        let is_unused = |(index, _): &(usize, &SampledColumn)| !guess.used.contains(index);
        let unused: Vec<_> = self.sample.columns.iter().enumerate().filter(is_unused).collect();
        if unused.is_empty() {
            return Ok(());
        }
        writeln!(self.text, "\n# Columns that feed nothing yet:")?;
        for (index, column) in unused {
            let (filled, rows) = (column.present(), self.sample.rows);
            let shown = self.shown(index);
            writeln!(self.text, "#   {}: {filled} of {rows} rows{shown}", quoted(&column.name))?;
        }
        Ok(())
    }

    fn missing(&mut self, guess: &Guess) -> std::fmt::Result {
        if guess.missing.is_empty() {
            return Ok(());
        }
        writeln!(self.text, "\n# What the file does not seem to tell:")?;
        guess.missing.iter().try_for_each(|line| writeln!(self.text, "#   {line}"))
    }
}

/// The text as TOML has it: what JSON escapes reads the same there, and TOML escapes one character more.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A value on one line, without what could leave the comment.
fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}
