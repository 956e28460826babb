//! A mapping as TOML has it, and the check of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Mapping;
use super::field::{Field, Wanted};
use super::moment::{MomentReader, RuntimeUnit, Zone};
use super::session::{End, LicenseMapping, Moments, SessionMapping, SkipRule};
use crate::column::Column;
use crate::csv_text::COMMA;
use crate::foreign_id::ForeignSource;
use crate::format::Format;

/// A mapping that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or a key or type that a mapping does not have.
    #[error("line {line} of the mapping: {message}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A key with a value that breaks its rule.
    #[error("{key} of the mapping: {message}")]
    Key {
        /// The key, such as `session.startedAt`.
        key: String,
        /// What is wrong with its value, and what to do.
        message: String,
    },
}

impl MappingError {
    pub(super) fn key(key: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Key { key: key.into(), message: message.to_string() }
    }
}

/// The whole file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MappingForm {
    source: String,
    format: Option<String>,
    delimiter: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    absent: Vec<String>,
    session: SessionForm,
    #[serde(default)]
    license: Vec<LicenseForm>,
    #[serde(default)]
    skip: Vec<SkipForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SessionForm {
    session_id: FieldForm,
    queue_id: Option<FieldForm>,
    queue_name: Option<FieldForm>,
    fleet_id: Option<FieldForm>,
    fleet_name: Option<FieldForm>,
    job_id: Option<FieldForm>,
    job_name: FieldForm,
    user_id: FieldForm,
    user_name: Option<FieldForm>,
    worker_id: Option<FieldForm>,
    instance_type: Option<FieldForm>,
    outcome: Option<FieldForm>,
    started_at: Option<FieldForm>,
    ended_at: Option<FieldForm>,
    runtime: Option<FieldForm>,
    revision: Option<FieldForm>,
    cost_in_usd: Option<FieldForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LicenseForm {
    product: FieldForm,
    quantity: Option<FieldForm>,
    cost_in_usd: Option<FieldForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SkipForm {
    column: String,
    is: Vec<String>,
}

/// One member's source: a column's name, or a table that says more.
pub(super) struct FieldForm(pub(super) FieldTable);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct FieldTable {
    pub(super) column: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) join: Option<String>,
    pub(super) fallback: Vec<String>,
    pub(super) value: Option<String>,
    pub(super) default: Option<String>,
    pub(super) absent: Vec<String>,
    pub(super) map: Option<BTreeMap<String, String>>,
    pub(super) others: Option<String>,
    pub(super) format: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) split: Option<String>,
    pub(super) decimal_comma: bool,
    pub(super) cut: bool,
}

impl<'de> Deserialize<'de> for FieldForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor;

        impl<'de> Visitor<'de> for FieldVisitor {
            type Value = FieldForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name, or a table such as { column = \"name\" }")
            }

            fn visit_str<E: Error>(self, column: &str) -> Result<FieldForm, E> {
                Ok(FieldForm(FieldTable { column: Some(column.to_owned()), ..FieldTable::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldForm, A::Error> {
                FieldTable::deserialize(MapAccessDeserializer::new(map)).map(FieldForm)
            }
        }

        deserializer.deserialize_any(FieldVisitor)
    }
}

/// Reads and checks a mapping.
pub(super) fn parse(toml: &str) -> Result<Mapping, MappingError> {
    let form: MappingForm = toml::from_str(toml).map_err(|error| toml_error(toml, &error))?;
    let mut wanted = Wanted::new(form.absent);
    let zone = form.zone.as_deref().map(Zone::parse).transpose();
    let zone = zone.map_err(|message| MappingError::key("zone", message))?;
    let licenses = form.license.into_iter().map(|license| license.check(&mut wanted));
    let licenses = licenses.collect::<Result<_, _>>()?;
    let skip = form.skip.into_iter().map(|rule| rule.check(&mut wanted)).collect();
    let session = form.session.check(&mut wanted, zone.as_ref(), source(&form.source)?)?;
    Ok(Mapping {
        format: form.format.as_deref().map(format).transpose()?,
        delimiter: form.delimiter.as_deref().map(delimiter).transpose()?.unwrap_or(COMMA),
        columns: wanted.into_columns(),
        session: SessionMapping { licenses, skip, ..session },
    })
}

fn toml_error(toml: &str, error: &toml::de::Error) -> MappingError {
    let start = error.span().map_or(0, |span| span.start.min(toml.len()));
    let line = toml.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
    MappingError::Toml { line, message: error.message().to_owned() }
}

fn source(name: &str) -> Result<ForeignSource, MappingError> {
    if name.trim().is_empty() {
        return Err(MappingError::key("source", "it is empty; name the system that the file comes from"));
    }
    Ok(ForeignSource::new(format!("mapping/{name}")))
}

fn format(name: &str) -> Result<Format, MappingError> {
    let known = Mapping::FORMATS.into_iter().find(|format| format.as_str() == name);
    known.ok_or_else(|| MappingError::key("format", format!("{name:?} is not one of csv, jsonl, parquet")))
}

fn delimiter(text: &str) -> Result<u8, MappingError> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(MappingError::key(
            "delimiter",
            format!("{text:?} is not one character, such as \";\" or \"\\t\""),
        )),
    }
}

impl SkipForm {
    fn check(self, wanted: &mut Wanted) -> SkipRule {
        SkipRule { place: wanted.place(&self.column), texts: self.is }
    }
}

impl LicenseForm {
    fn check(self, wanted: &mut Wanted) -> Result<LicenseMapping, MappingError> {
        Ok(LicenseMapping {
            split: self.product.0.split.clone(),
            product: Field::check("license.product", self.product, wanted)?,
            quantity: optional("license.quantity", self.quantity, wanted)?,
            cost: optional("license.costInUsd", self.cost_in_usd, wanted)?,
        })
    }
}

fn optional(key: &str, form: Option<FieldForm>, wanted: &mut Wanted) -> Result<Option<Field>, MappingError> {
    form.map(|form| Field::check(key, form, wanted)).transpose()
}

impl SessionForm {
    fn check(
        self,
        wanted: &mut Wanted,
        zone: Option<&Zone>,
        source: ForeignSource,
    ) -> Result<SessionMapping, MappingError> {
        for (member, one, other) in [
            ("queueId or queueName", &self.queue_id, &self.queue_name),
            ("fleetId or fleetName", &self.fleet_id, &self.fleet_name),
        ] {
            if one.is_none() && other.is_none() {
                return Err(MappingError::key("session", format!("{member} is missing")));
            }
        }
        let moments = moments(self.started_at, self.ended_at, self.runtime, zone, wanted)?;
        let mut fields = Vec::new();
        for (column, form) in [
            (Column::SessionId, Some(self.session_id)),
            (Column::QueueId, self.queue_id),
            (Column::QueueName, self.queue_name),
            (Column::FleetId, self.fleet_id),
            (Column::FleetName, self.fleet_name),
            (Column::JobId, self.job_id),
            (Column::JobName, Some(self.job_name)),
            (Column::UserId, Some(self.user_id)),
            (Column::UserName, self.user_name),
            (Column::WorkerId, self.worker_id),
            (Column::InstanceType, self.instance_type),
            (Column::Outcome, self.outcome),
            (Column::Revision, self.revision),
            (Column::CostInUsd, self.cost_in_usd),
        ] {
            if let Some(form) = form {
                fields.push((column, Field::check(&format!("session.{}", column.name()), form, wanted)?));
            }
        }
        Ok(SessionMapping { source, fields, moments, licenses: vec![], skip: vec![] })
    }
}

fn moments(
    started_at: Option<FieldForm>,
    ended_at: Option<FieldForm>,
    runtime: Option<FieldForm>,
    zone: Option<&Zone>,
    wanted: &mut Wanted,
) -> Result<Moments, MappingError> {
    let mut moment = |key: &str, form: FieldForm| -> Result<(Field, MomentReader), MappingError> {
        let reader = MomentReader::check(form.0.format.as_deref(), form.0.zone.as_deref(), zone);
        let reader = reader.map_err(|message| MappingError::key(key, message))?;
        Ok((Field::check(key, form, wanted)?, reader))
    };
    let started_at = started_at.map(|form| moment("session.startedAt", form)).transpose()?;
    let ended_at = ended_at.map(|form| moment("session.endedAt", form)).transpose()?;
    let mut length = |form: FieldForm| -> Result<(Field, RuntimeUnit), MappingError> {
        let unit = RuntimeUnit::parse(form.0.unit.as_deref());
        let unit = unit.map_err(|message| MappingError::key("session.runtime", message))?;
        Ok((Field::check("session.runtime", form, wanted)?, unit))
    };
    let runtime = runtime.map(&mut length).transpose()?;
    match (started_at, ended_at, runtime) {
        (Some(started_at), None, Some(runtime)) => Ok(Moments::Started(started_at, End::After(runtime))),
        (Some(started_at), Some(ended_at), None) => Ok(Moments::Started(started_at, End::At(ended_at))),
        (Some(started_at), None, None) => Ok(Moments::Started(started_at, End::Unknown)),
        (None, Some(ended_at), Some(runtime)) => Ok(Moments::Ended(ended_at, runtime)),
        (Some(_), Some(_), Some(_)) => Err(MappingError::key(
            "session",
            "startedAt, endedAt and runtime say one thing twice; leave one of them out",
        )),
        (None, _, _) => {
            Err(MappingError::key("session", "startedAt is missing; give it, or endedAt and runtime"))
        }
    }
}
