//! One table of the card's TOML, `[[rate]]` or `[[instanceType]]`, with its fields checked by name and kind.

use std::fmt::Display;

use farmtally_model::{HourlyRate, NanoUsd, Timestamp};
use toml::{Table, Value};

use super::parse::RateCardError;
use crate::entry::excerpt;
use crate::suggestion::unknown;

/// One table and its place in the card.
pub(super) struct FieldTable<'a> {
    kind: &'static str,
    number: usize,
    table: &'a Table,
}

impl<'a> FieldTable<'a> {
    /// A table that has no other fields than these.
    pub(super) fn new(
        kind: &'static str,
        number: usize,
        value: &'a Value,
        fields: &[&'static str],
    ) -> Result<Self, RateCardError> {
        let Value::Table(table) = value else {
            return Err(RateCardError::NotRates { message: format!("{kind} {number} is not a table") });
        };
        let fields_of = Self { kind, number, table };
        match table.keys().find(|key| !fields.contains(&key.as_str())) {
            Some(key) => Err(fields_of.problem(key, unknown("field", key, fields))),
            None => Ok(fields_of),
        }
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    /// A price in dollars, if there is one.
    pub(super) fn price(&self, field: &str) -> Result<Option<HourlyRate>, RateCardError> {
        let Some(text) = self.number_text(field)? else { return Ok(None) };
        HourlyRate::parse(&text).map(Some).map_err(|error| self.problem(field, error))
    }

    /// A decimal from 0 to `max` with so many decimals, in units of the last of them.
    pub(super) fn decimal(&self, field: &str, decimals: u32, max: u64) -> Result<Option<u64>, RateCardError> {
        let Some(text) = self.number_text(field)? else { return Ok(None) };
        let nanos = NanoUsd::parse(&text).map_err(|error| self.problem(field, error))?.nanos();
        let unit = 10_u64.pow(9_u32.saturating_sub(decimals));
        if !nanos.is_multiple_of(unit) {
            return Err(self.problem(field, format!("{text} has more than {decimals} decimals; round it")));
        }
        let most = max.saturating_mul(10_u64.pow(decimals));
        match nanos / unit {
            value if value <= most => Ok(Some(value)),
            _ => Err(self.problem(field, format!("{text} is more than {max}"))),
        }
    }

    /// A whole number from 0 to `max`.
    pub(super) fn count(&self, field: &str, max: u32) -> Result<Option<u32>, RateCardError> {
        match self.table.get(field) {
            None => Ok(None),
            Some(Value::Integer(number)) => match u32::try_from(*number) {
                Ok(count) if count <= max => Ok(Some(count)),
                _ => Err(self.problem(field, format!("{number} is not between 0 and {max}"))),
            },
            Some(_) => Err(self.problem(field, format!("{field} is not a whole number"))),
        }
    }

    fn number_text(&self, field: &str) -> Result<Option<String>, RateCardError> {
        match self.table.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(Value::Float(_)) => {
                Err(self.problem(field, "a number with decimals must be in quotes, to be kept exactly"))
            }
            Some(_) => Err(self.problem(field, format!("{field} is not a decimal number in quotes"))),
        }
    }

    pub(super) fn instant(&self, field: &str) -> Result<Option<Timestamp>, RateCardError> {
        let (text, has_offset) = match self.table.get(field) {
            None => return Ok(None),
            Some(Value::String(text)) => (text.clone(), text.len() > DATE_LENGTH),
            Some(Value::Datetime(time)) if time.date.is_some() => (time.to_string(), time.offset.is_some()),
            Some(_) => return Err(self.problem(field, format!("{field} is not a date or time"))),
        };
        // A date is its first instant, and a time without an offset is UTC.
        let text = match (text.len(), has_offset) {
            (DATE_LENGTH, _) => format!("{text}T00:00:00Z"),
            (_, true) => text,
            (_, false) => format!("{text}Z"),
        };
        Timestamp::parse_exact(&text).map(Some).map_err(|error| self.problem(field, error))
    }

    pub(super) fn required<T, E: Display>(
        &self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, RateCardError> {
        self.text(field, parse)?.ok_or_else(|| self.problem(field, format!("{field} is missing")))
    }

    pub(super) fn text<T, E: Display>(
        &self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, RateCardError> {
        match self.table.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => parse(text).map(Some).map_err(|error| self.problem(field, error)),
            Some(_) => Err(self.problem(field, format!("{field} is not a text in quotes"))),
        }
    }

    pub(super) fn problem(&self, field: &str, message: impl Display) -> RateCardError {
        RateCardError::Field {
            kind: self.kind,
            number: self.number,
            field: excerpt(field),
            value: self.table.get(field).map(shown).unwrap_or_default(),
            message: message.to_string(),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => excerpt(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// Characters of `2025-11-24`.
const DATE_LENGTH: usize = 10;
