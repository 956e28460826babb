//! The rate card: what an hour of each kind of usage costs, and since when.
//!
//! The most specific rate wins: one for the product before one for any, then one for the instance type, then one for
//! the fleet (by id before by name); among equals the one that became valid last. A card is parsed once and cannot
//! hold two rates of equal claim.

mod explain;
mod machine;
mod parse;
mod price;
mod table;
mod unit;

use std::collections::{BTreeSet, HashMap};

use farmtally_model::{DisplayName, FleetId, InstanceType, LicenseProduct, Timestamp, UsageType};
use sha2::{Digest, Sha256};

pub use explain::{Charge, LineExplanation, RatePart};
pub use parse::RateCardError;
pub use price::PricedRecord;

use machine::Machine;
use parse::Parsed;
use unit::Price;

/// The rates of a farm.
#[derive(Debug, Clone, Default)]
pub struct RateCard {
    /// Most rates name an instance type, and a usage line has only one.
    by_instance_type: HashMap<Option<InstanceType>, Vec<Rate>>,
    /// What an hour on each kind of machine is made of.
    machines: HashMap<InstanceType, Machine>,
    /// Whether any rate knows its fleet by name only.
    names_fleets: bool,
}

/// The id of a rate card: the first sixteen hexadecimal digits of the SHA-256 of its text.
///
/// Two cards with the same text are the same card, whenever they were set.
pub fn rate_card_id(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    format!("{first:016x}")
}

impl RateCard {
    /// Reads a card in TOML.
    pub fn parse(toml: &str) -> Result<Self, RateCardError> {
        parse::card(toml).map(Self::of)
    }

    /// Reads a card that a farm is to have from now on. One that prices nothing was hardly meant.
    pub fn parse_new(toml: &str) -> Result<Self, RateCardError> {
        let card = Self::parse(toml)?;
        if card.is_empty() { Err(RateCardError::NoRates) } else { Ok(card) }
    }

    /// Number of rates.
    pub fn len(&self) -> usize {
        self.by_instance_type.values().map(Vec::len).sum()
    }

    /// Whether nothing can be priced.
    pub fn is_empty(&self) -> bool {
        self.by_instance_type.is_empty()
    }

    /// The fleets that rates name by what people call them, each once.
    pub fn fleet_names(&self) -> BTreeSet<&DisplayName> {
        let rates = self.by_instance_type.values().flatten();
        let named = rates.filter_map(|rate| match &rate.selector.fleet {
            Some(FleetSelector::Name(name)) => Some(name),
            Some(FleetSelector::Id(_)) | None => None,
        });
        named.collect()
    }

    /// The fleets that rates name by their ids, each once.
    pub fn fleet_ids(&self) -> BTreeSet<FleetId> {
        let rates = self.by_instance_type.values().flatten();
        let named = rates.filter_map(|rate| match &rate.selector.fleet {
            Some(FleetSelector::Id(id)) => Some(*id),
            Some(FleetSelector::Name(_)) | None => None,
        });
        named.collect()
    }

    fn of(parsed: Parsed) -> Self {
        let mut card = Self { machines: parsed.machines, ..Self::default() };
        for rate in parsed.rates {
            card.names_fleets |= matches!(rate.selector.fleet, Some(FleetSelector::Name(_)));
            card.by_instance_type.entry(rate.selector.instance_type.clone()).or_default().push(rate);
        }
        card
    }
}

/// One price.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rate {
    /// Its place in the card, from 1.
    number: usize,
    selector: Selector,
    price: Price,
    valid_from: Timestamp,
    /// The first instant at which it is no longer valid.
    valid_until: Option<Timestamp>,
}

/// What a price is for; what is absent matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Selector {
    usage_type: UsageType,
    license_product: Option<LicenseProduct>,
    instance_type: Option<InstanceType>,
    fleet: Option<FleetSelector>,
}

/// A fleet, as the card names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum FleetSelector {
    Id(FleetId),
    Name(DisplayName),
}

impl Rate {
    fn is_valid_at(&self, instant: Timestamp) -> bool {
        self.valid_from <= instant && self.valid_until.is_none_or(|until| instant < until)
    }

    /// Rates for one use are compared by this; the greatest wins.
    fn claim(&self) -> (bool, bool, u8, Timestamp) {
        let fleet = match self.selector.fleet {
            None => 0,
            Some(FleetSelector::Name(_)) => 1,
            Some(FleetSelector::Id(_)) => 2,
        };
        let (product, instance_type) = (&self.selector.license_product, &self.selector.instance_type);
        (product.is_some(), instance_type.is_some(), fleet, self.valid_from)
    }
}

#[cfg(test)]
mod tests;
