//! The rate card's TOML form.

use std::collections::HashMap;
use std::fmt::Display;

use toml::{Table, Value};

use farmtally_model::{DisplayName, FleetId, HourlyRate, InstanceType, LicenseProduct, Timestamp, UsageType};

use super::{FleetSelector, Rate, Selector};
use crate::entry::excerpt;
use crate::limits::RATES_MAX;
use crate::record::parse_usage_type;
use crate::suggestion::unknown;

/// A rate card that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateCardError {
    /// Not TOML.
    #[error("line {line} of the rate card is not TOML: {message}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Something that is not a list of rates.
    #[error("{message}; a rate card is a list of [[rate]] tables")]
    NotRates {
        /// What was found.
        message: String,
    },
    /// Too many rates.
    #[error("the rate card has {count} rates; at most {RATES_MAX} are allowed")]
    TooMany {
        /// Rates found.
        count: usize,
    },
    /// A rate with a field that breaks its rule.
    #[error("rate {number}, {field}: {message}")]
    Rate {
        /// The rate's place in the card, from 1.
        number: usize,
        /// The field at fault.
        field: String,
        /// The value that was found, shortened when long; empty when it is missing.
        value: String,
        /// What is wrong with it.
        message: String,
    },
    /// Two rates of which neither is more specific or newer.
    #[error(
        "rates {first} and {second} are for the same use and both valid from {valid_from}; change validFrom of one or remove it"
    )]
    EqualClaim {
        /// Place of the one, from 1.
        first: usize,
        /// Place of the other, from 1.
        second: usize,
        /// When both become valid.
        valid_from: Timestamp,
    },
}

const FIELDS: [&str; 7] =
    ["usage", "fleet", "instanceType", "licenseProduct", "usdPerHour", "validFrom", "validUntil"];

/// The rates of a card, in its order.
pub(super) fn rates(toml: &str) -> Result<Vec<Rate>, RateCardError> {
    let card: Table = toml::from_str(toml).map_err(|error| toml_error(toml, &error))?;
    if let Some(key) = card.keys().find(|key| *key != "rate") {
        return Err(RateCardError::NotRates { message: unknown("key", key, &["rate"]) });
    }
    let tables = match card.get("rate") {
        None => return Ok(vec![]),
        Some(Value::Array(tables)) => tables,
        Some(_) => return Err(RateCardError::NotRates { message: "rate is not a list".to_owned() }),
    };
    if tables.len() > RATES_MAX {
        return Err(RateCardError::TooMany { count: tables.len() });
    }
    let numbered = tables.iter().enumerate().map(|(index, value)| RateTable::new(index + 1, value)?.rate());
    let rates = numbered.collect::<Result<Vec<_>, _>>()?;
    refuse_equal_claims(&rates)?;
    Ok(rates)
}

fn toml_error(toml: &str, error: &toml::de::Error) -> RateCardError {
    let start = error.span().map_or(0, |span| span.start.min(toml.len()));
    let line = toml.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
    RateCardError::Toml { line, message: error.message().to_owned() }
}

fn refuse_equal_claims(rates: &[Rate]) -> Result<(), RateCardError> {
    let mut seen = HashMap::new();
    for (index, rate) in rates.iter().enumerate() {
        if let Some(first) = seen.insert((&rate.selector, rate.valid_from), index + 1) {
            return Err(RateCardError::EqualClaim { first, second: index + 1, valid_from: rate.valid_from });
        }
    }
    Ok(())
}

/// One `[[rate]]`.
struct RateTable<'a> {
    number: usize,
    table: &'a Table,
}

impl<'a> RateTable<'a> {
    fn new(number: usize, value: &'a Value) -> Result<Self, RateCardError> {
        let Value::Table(table) = value else {
            return Err(RateCardError::NotRates { message: format!("rate {number} is not a table") });
        };
        let rate = Self { number, table };
        match table.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            Some(key) => Err(rate.problem(key, unknown("field", key, &FIELDS))),
            None => Ok(rate),
        }
    }

    fn rate(&self) -> Result<Rate, RateCardError> {
        let usage_type = self.required("usage", parse_usage_type)?;
        let selector = Selector {
            usage_type,
            license_product: self.text("licenseProduct", LicenseProduct::new)?,
            instance_type: self.text("instanceType", InstanceType::new)?,
            fleet: self.text("fleet", fleet)?,
        };
        self.refuse_foreign_fields(usage_type)?;
        let usd_per_hour = self.usd_per_hour()?;
        let valid_from = self.instant("validFrom")?.unwrap_or(Timestamp::MIN);
        let valid_until = self.instant("validUntil")?;
        if valid_until.is_some_and(|until| until <= valid_from) {
            return Err(self.problem("validUntil", format!("validUntil is not after validFrom {valid_from}")));
        }
        Ok(Rate { selector, usd_per_hour, valid_from, valid_until })
    }

    fn refuse_foreign_fields(&self, usage_type: UsageType) -> Result<(), RateCardError> {
        let foreign = match usage_type {
            UsageType::Compute => &["licenseProduct"][..],
            UsageType::License => &[],
            UsageType::PersistentVolume => &["licenseProduct", "instanceType"],
        };
        match foreign.iter().find(|field| self.table.contains_key(**field)) {
            Some(field) => {
                Err(self.problem(field, format!("{field} does not belong to a {} rate", usage_type.as_str())))
            }
            None => Ok(()),
        }
    }

    fn usd_per_hour(&self) -> Result<HourlyRate, RateCardError> {
        let text = match self.table.get("usdPerHour") {
            None => return Err(self.problem("usdPerHour", "usdPerHour is missing")),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Integer(dollars)) => dollars.to_string(),
            Some(Value::Float(_)) => {
                return Err(self
                    .problem("usdPerHour", "a number with decimals must be in quotes, to be kept exactly"));
            }
            Some(_) => return Err(self.problem("usdPerHour", "usdPerHour is not a decimal number in quotes")),
        };
        HourlyRate::parse(&text).map_err(|error| self.problem("usdPerHour", error))
    }

    fn instant(&self, field: &str) -> Result<Option<Timestamp>, RateCardError> {
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

    fn required<T, E: Display>(
        &self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, RateCardError> {
        self.text(field, parse)?.ok_or_else(|| self.problem(field, format!("{field} is missing")))
    }

    fn text<T, E: Display>(
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

    fn problem(&self, field: &str, message: impl Display) -> RateCardError {
        RateCardError::Rate {
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

/// A fleet's id, or else its name.
fn fleet(text: &str) -> Result<FleetSelector, farmtally_model::TextError> {
    match FleetId::parse(text) {
        Ok(id) => Ok(FleetSelector::Id(id)),
        Err(_) => DisplayName::new(text).map(FleetSelector::Name),
    }
}
