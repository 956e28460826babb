//! How a card comes to a price: the rates, the quantities and the one division, for whoever has to check a bill by hand.
//!
//! It goes the way of pricing and keeps what pricing forgets, so that the two cannot disagree.

use farmtally_model::{
    DisplayName, FleetId, HourlyRate, LineCost, Record, RecordNames, SessionError, Span, Timestamp, UsageLine,
};

use super::price::{DENOMINATOR, Part, Priced, Pricing, cost, numerator, per_hour};
use super::{FleetSelector, Rate, RateCard};

/// How a line's price comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineExplanation {
    /// What was used, such as `COMPUTE` or `LICENSE nuke`.
    pub usage: String,
    /// Licences held; 1 for everything else.
    pub quantity: u32,
    /// The time, cut where rates begin or end. A running record has one part, which begins and ends at its start.
    pub parts: Vec<RatePart>,
    /// The exact cost times [`LineExplanation::DENOMINATOR`], in nano-dollars: the parts' price times milliseconds, added
    /// up, times the quantity. For a running record, zero.
    pub numerator: u128,
    /// What this card makes of the line.
    pub cost: LineCost,
}

impl LineExplanation {
    /// Nano-dollars of [`LineExplanation::numerator`] in one nano-dollar.
    pub const DENOMINATOR: u128 = DENOMINATOR;
}

/// A part of a line's time, with its rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatePart {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after.
    pub until: Timestamp,
    /// Milliseconds between them.
    pub duration_ms: u64,
    /// The rate's place in the card, from 1; `None` when no rate was valid.
    pub rate: Option<usize>,
    /// What the rate is for, in the words of the card.
    pub selector: String,
    /// What is added up; empty when no rate was valid.
    pub charges: Vec<Charge>,
    /// What the sum is multiplied by, in millionths.
    pub factor_millionths: u64,
}

/// A price and how many of its unit are paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The field of the card, such as `usdPerCoreHour`.
    pub field: &'static str,
    /// The price of one.
    pub usd: HourlyRate,
    /// How many, in thousandths; `None` when the card does not say, and then the part is free.
    pub quantity_thousandths: Option<u64>,
}

impl RateCard {
    /// How this card prices each line of a record, in the order of the lines.
    pub fn explain(
        &self,
        record: &Record<LineCost>,
        names: &RecordNames,
        fleet_name: &dyn Fn(FleetId) -> Option<DisplayName>,
    ) -> Result<Vec<LineExplanation>, SessionError> {
        match record {
            Record::Session(session) => {
                let pricing = Pricing {
                    card: self,
                    fleet: self.fleet(session.fleet_id, names, fleet_name),
                    instance_type: session.instance_type.clone(),
                    span: session.span,
                    unpriced: Vec::new(),
                };
                let explained =
                    |line: &UsageLine<LineCost>| pricing.explain(&line.usage, &Priced::of(&line.usage));
                session.usage.as_slice().iter().map(explained).collect()
            }
            Record::Volume(volume) => {
                let fleet = self.fleet(volume.fleet_id, names, fleet_name);
                let pricing = Pricing {
                    card: self,
                    fleet,
                    instance_type: None,
                    span: volume.span,
                    unpriced: Vec::new(),
                };
                Ok(vec![pricing.explain(&"PERSISTENT_VOLUME", &Priced::VOLUME)?])
            }
        }
    }
}

impl Pricing<'_> {
    fn explain(&self, usage: &dyn ToString, priced: &Priced<'_>) -> Result<LineExplanation, SessionError> {
        let rates = self.rates(priced);
        let parts = self.parts(&rates, end_of(self.span));
        let total = match self.span.ended_at() {
            Some(_) => LineCost::Total(cost(&parts, priced.quantity)?),
            None => match parts[0].hour.price {
                Some(Ok(price)) => LineCost::PerHour(per_hour(price)?),
                _ => LineCost::Total(farmtally_model::NanoUsd::ZERO),
            },
        };
        Ok(LineExplanation {
            usage: usage.to_string(),
            quantity: priced.quantity,
            numerator: numerator(&parts, priced.quantity)?.unwrap_or_default(),
            parts: parts.iter().map(|part| self.explained(part)).collect(),
            cost: total,
        })
    }

    fn explained(&self, part: &Part<'_>) -> RatePart {
        let rate = part.hour.rate;
        let charge = |rate: &Rate| {
            let charges = rate.price.parts.iter().map(|(unit, usd)| Charge {
                field: unit.field(),
                usd: *usd,
                quantity_thousandths: rate.price.quantity_thousandths(*unit, self.machine().as_ref()),
            });
            charges.collect()
        };
        RatePart {
            from: part.from,
            until: part.until,
            duration_ms: part.duration_ms(),
            rate: rate.map(|rate| rate.number),
            selector: rate.map(Rate::words).unwrap_or_default(),
            charges: rate.map(charge).unwrap_or_default(),
            factor_millionths: rate.map_or(super::unit::FACTOR_ONE, |rate| rate.price.factor_millionths),
        }
    }
}

/// A running record is explained at its start.
fn end_of(span: Span) -> Timestamp {
    span.ended_at().unwrap_or(span.started_at())
}

impl Rate {
    /// What the rate is for, in the words of the card.
    fn words(&self) -> String {
        let mut words = vec![self.selector.usage_type.as_str().to_owned()];
        words.extend(
            self.selector.license_product.as_ref().map(|product| format!("licenseProduct {product}")),
        );
        words.extend(self.selector.instance_type.as_ref().map(|kind| format!("instanceType {kind}")));
        words.extend(self.selector.fleet.as_ref().map(|fleet| match fleet {
            FleetSelector::Id(id) => format!("fleet {id}"),
            FleetSelector::Name(name) => format!("fleet {name}"),
        }));
        if self.valid_from != Timestamp::MIN {
            words.push(format!("validFrom {}", self.valid_from));
        }
        words.extend(self.valid_until.map(|until| format!("validUntil {until}")));
        words.join(", ")
    }
}
