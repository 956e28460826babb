//! The rate card's TOML form.

use std::collections::HashMap;

use farmtally_model::{DisplayName, FleetId, InstanceType, LicenseProduct, Timestamp, UsageType};
use toml::{Table, Value};

use super::machine::{Machine, THOUSANDTHS};
use super::table::FieldTable;
use super::unit::{FACTOR_MAX, FACTOR_ONE, NoPrice, Price, Unit};
use super::{FleetSelector, Rate, Selector};
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
    /// A card that prices nothing.
    #[error("the rate card has no rate; a rate is a [[rate]] table with a usage and a price")]
    NoRates,
    /// Too many rates or instance types.
    #[error("the rate card has {count} {kind}s; at most {RATES_MAX} are allowed")]
    TooMany {
        /// `rate` or `instanceType`.
        kind: &'static str,
        /// Tables found.
        count: usize,
    },
    /// A rate or instance type with a field that breaks its rule.
    #[error("{kind} {number}, {field}: {message}")]
    Field {
        /// `rate` or `instanceType`.
        kind: &'static str,
        /// The table's place in the card, from 1.
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

const RATE: &str = "rate";
const INSTANCE_TYPE: &str = "instanceType";

const RATE_FIELDS: [&str; 15] = [
    "usage",
    "fleet",
    "instanceType",
    "licenseProduct",
    "usdPerHour",
    "usdPerCoreHour",
    "usdPerGhzHour",
    "usdPerGpuHour",
    "usdPerNodeHour",
    "usdPerGbHour",
    "usdPerGbMonth",
    "volumeGb",
    "factor",
    "validFrom",
    "validUntil",
];

const INSTANCE_TYPE_FIELDS: [&str; 6] = ["name", "cores", "ghz", "gpus", "nodes", "memoryGb"];

/// What a card says.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The rates, in the order of the card.
    pub(super) rates: Vec<Rate>,
    pub(super) machines: HashMap<InstanceType, Machine>,
}

/// Reads a card.
pub(super) fn card(toml: &str) -> Result<Parsed, RateCardError> {
    let card: Table = toml::from_str(toml).map_err(|error| toml_error(toml, &error))?;
    if let Some(key) = card.keys().find(|key| ![RATE, INSTANCE_TYPE].contains(&key.as_str())) {
        return Err(RateCardError::NotRates { message: unknown("key", key, &[RATE, INSTANCE_TYPE]) });
    }
    let machines = machines(tables(&card, INSTANCE_TYPE)?)?;
    let numbered = tables(&card, RATE)?.iter().enumerate();
    let rates = numbered.map(|(index, value)| rate(index + 1, value, &machines));
    let rates = rates.collect::<Result<Vec<_>, _>>()?;
    refuse_equal_claims(&rates)?;
    Ok(Parsed { rates, machines })
}

/// The tables of a list.
fn tables<'a>(card: &'a Table, kind: &'static str) -> Result<&'a [Value], RateCardError> {
    match card.get(kind) {
        None => Ok(&[]),
        Some(Value::Array(tables)) if tables.len() > RATES_MAX => {
            Err(RateCardError::TooMany { kind, count: tables.len() })
        }
        Some(Value::Array(tables)) => Ok(tables),
        Some(_) => Err(RateCardError::NotRates { message: format!("{kind} is not a list") }),
    }
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

fn machines(tables: &[Value]) -> Result<HashMap<InstanceType, Machine>, RateCardError> {
    let mut machines = HashMap::with_capacity(tables.len());
    for (index, value) in tables.iter().enumerate() {
        let table = FieldTable::new(INSTANCE_TYPE, index + 1, value, &INSTANCE_TYPE_FIELDS)?;
        let name = table.required("name", InstanceType::new)?;
        let machine = machine(&table)?;
        if machines.insert(name.clone(), machine).is_some() {
            return Err(table.problem("name", format!("the card describes `{name}` twice; remove one")));
        }
    }
    Ok(machines)
}

fn machine(table: &FieldTable<'_>) -> Result<Machine, RateCardError> {
    let ghz = table.decimal("ghz", 3, Machine::GHZ_MAX.into())?;
    let cores = table.count("cores", Machine::COUNT_MAX)?;
    let machine = Machine {
        cores_thousandths: cores.map(|cores| u64::from(cores) * THOUSANDTHS),
        ghz_thousandths: ghz.and_then(|ghz| ghz.try_into().ok()),
        gpus: table.count("gpus", Machine::COUNT_MAX)?,
        nodes: table.count("nodes", Machine::COUNT_MAX)?,
        memory_gb_thousandths: table.decimal("memoryGb", 3, Machine::GB_MAX.into())?,
    };
    if machine.ghz_thousandths.is_some() && cores.is_none() {
        return Err(table.problem("cores", "cores is missing; ghz is the clock of each of them"));
    }
    Ok(machine)
}

fn rate(
    number: usize,
    value: &Value,
    machines: &HashMap<InstanceType, Machine>,
) -> Result<Rate, RateCardError> {
    let table = FieldTable::new(RATE, number, value, &RATE_FIELDS)?;
    let usage_type = table.required("usage", parse_usage_type)?;
    let selector = Selector {
        usage_type,
        license_product: table.text("licenseProduct", LicenseProduct::new)?,
        instance_type: table.text("instanceType", InstanceType::new)?,
        fleet: table.text("fleet", fleet)?,
    };
    refuse_foreign_fields(&table, usage_type)?;
    let price = price(&table, usage_type)?;
    if let Some(instance_type) = &selector.instance_type {
        let machine = Machine::of(instance_type, machines);
        refuse_unknown_quantities(&table, &price, instance_type, machine.as_ref())?;
    }
    let valid_from = table.instant("validFrom")?.unwrap_or(Timestamp::MIN);
    let valid_until = table.instant("validUntil")?;
    if valid_until.is_some_and(|until| until <= valid_from) {
        return Err(table.problem("validUntil", format!("validUntil is not after validFrom {valid_from}")));
    }
    Ok(Rate { number: table.number(), selector, price, valid_from, valid_until })
}

/// Fields that a rate for such usage cannot have.
const fn foreign_fields(usage_type: UsageType) -> &'static [&'static str] {
    match usage_type {
        UsageType::Compute => &["licenseProduct", "volumeGb"],
        UsageType::License => &["volumeGb", "usdPerGhzHour", "usdPerGbHour", "usdPerGbMonth"],
        UsageType::PersistentVolume => &[
            "licenseProduct",
            "instanceType",
            "usdPerCoreHour",
            "usdPerGhzHour",
            "usdPerGpuHour",
            "usdPerNodeHour",
        ],
    }
}

fn refuse_foreign_fields(table: &FieldTable<'_>, usage_type: UsageType) -> Result<(), RateCardError> {
    match foreign_fields(usage_type).iter().find(|field| table.has(field)) {
        Some(field) => {
            let message = format!("{field} does not belong to a {} rate", usage_type.as_str());
            Err(table.problem(field, message))
        }
        None => Ok(()),
    }
}

fn price(table: &FieldTable<'_>, usage_type: UsageType) -> Result<Price, RateCardError> {
    let mut parts = Vec::new();
    for (field, unit) in Unit::ALL {
        parts.extend(table.price(field)?.map(|usd| (unit, usd)));
    }
    if parts.is_empty() {
        let foreign = foreign_fields(usage_type);
        let fields = Unit::ALL.map(|(field, _)| field).into_iter().filter(|field| !foreign.contains(field));
        let fields: Vec<&str> = fields.collect();
        let message = format!("a price is missing; give one or more of {}", fields.join(", "));
        return Err(table.problem("price", message));
    }
    let volume_gb_thousandths = table.decimal("volumeGb", 3, Machine::GB_MAX.into())?;
    let by_gb = parts.iter().find(|(unit, _)| matches!(unit, Unit::GbHour | Unit::GbMonth));
    match by_gb {
        Some((unit, _)) if usage_type == UsageType::PersistentVolume && volume_gb_thousandths.is_none() => {
            let message = format!("volumeGb is missing; {} needs the size of each volume", unit.field());
            Err(table.problem("volumeGb", message))
        }
        _ => {
            let factor_millionths = table.decimal("factor", 6, FACTOR_MAX)?.unwrap_or(FACTOR_ONE);
            Ok(Price { parts, factor_millionths, volume_gb_thousandths })
        }
    }
}

/// A rate for one instance type must be one that can be computed.
fn refuse_unknown_quantities(
    table: &FieldTable<'_>,
    price: &Price,
    instance_type: &InstanceType,
    machine: Option<&Machine>,
) -> Result<(), RateCardError> {
    let has_gpus = machine.is_some_and(|machine| machine.gpus.is_some());
    let is_by_gpu = price.parts.iter().any(|(unit, _)| *unit == Unit::GpuHour);
    let found = match price.hour(machine) {
        Ok(_) if is_by_gpu && !has_gpus => Err(NoPrice::Unknown(Unit::GpuHour)),
        found => found,
    };
    match found {
        Ok(_) => Ok(()),
        Err(NoPrice::TooLarge) => {
            Err(table.problem(price.parts[0].0.field(), "an hour of it costs more than 1000000 USD"))
        }
        Err(NoPrice::Unknown(unit)) => {
            let message = format!(
                "the card does not say how many {} a `{instance_type}` has; add it to an [[instanceType]]",
                unit.noun()
            );
            Err(table.problem(unit.field(), message))
        }
    }
}

/// A fleet's id, or else its name.
fn fleet(text: &str) -> Result<FleetSelector, farmtally_model::TextError> {
    match FleetId::parse(text) {
        Ok(id) => Ok(FleetSelector::Id(id)),
        Err(_) => DisplayName::new(text).map(FleetSelector::Name),
    }
}
