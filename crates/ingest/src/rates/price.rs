//! Pricing: a record as it was sent becomes a record with costs.
//!
//! A session that spans a change of rates pays each rate for its own part of the time. The parts are added as exact
//! fractions and cut to whole nano-dollars once, so that an unneeded edge on the card never changes a bill.

use std::borrow::Cow;

use farmtally_model::{
    DisplayName, FleetId, HourlyRate, InstanceType, LineCost, NanoUsd, Record, RecordNames, Session,
    SessionError, Span, Submission, Timestamp, Usage, UsageType, Volume,
};

use super::machine::Machine;
use super::unit::{HourPrice, NoPrice};
use super::{FleetSelector, Rate, RateCard, Selector};

/// What the sum of price times milliseconds times licences is divided by, once for each line.
pub(super) const DENOMINATOR: u128 = 3_600_000 * HourPrice::DENOMINATOR;

// A sum that does not fit belongs to a cost that cannot be kept, so that it can be refused as one: this does not compile
// otherwise.
const _: () = assert!(u128::MAX / DENOMINATOR > NanoUsd::MAX.nanos() as u128);

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedRecord {
    /// The record with its costs.
    pub record: Record<LineCost>,
    /// The names that came with it.
    pub names: RecordNames,
    /// Usage lines that came without a cost and for which no rate was valid in part or all of their time, each once, as
    /// people would look for them on the card. That time costs nothing.
    pub unpriced: Vec<Cow<'static, str>>,
}

impl RateCard {
    /// Prices what came without a cost. `fleet_name` knows the fleets that the submission does not name itself.
    ///
    /// The cost of a running record is its rate, so that it grows until the record ends. Costs that add up to more
    /// than [`NanoUsd::MAX`] are refused.
    pub fn price(
        &self,
        submission: Submission,
        fleet_name: &dyn Fn(FleetId) -> Option<DisplayName>,
    ) -> Result<PricedRecord, SessionError> {
        let Submission { record, names } = submission;
        let (record, unpriced) = match record {
            Record::Session(session) => {
                let fleet = self.fleet(session.fleet_id, &names, fleet_name);
                self.price_session(session, fleet)?
            }
            Record::Volume(volume) => {
                let fleet = self.fleet(volume.fleet_id, &names, fleet_name);
                self.price_volume(&volume, fleet)?
            }
        };
        Ok(PricedRecord { record, names, unpriced })
    }

    pub(super) fn fleet(
        &self,
        id: FleetId,
        names: &RecordNames,
        fleet_name: &dyn Fn(FleetId) -> Option<DisplayName>,
    ) -> Fleet {
        let name = || names.fleet.clone().or_else(|| fleet_name(id));
        Fleet { id, name: if self.names_fleets { name() } else { None } }
    }

    fn price_session(
        &self,
        session: Session<Option<NanoUsd>>,
        fleet: Fleet,
    ) -> Result<(Record<LineCost>, Vec<Cow<'static, str>>), SessionError> {
        let mut pricing = Pricing {
            card: self,
            fleet,
            instance_type: session.instance_type.clone(),
            span: session.span,
            unpriced: Vec::new(),
        };
        let usage = session.usage.map_costs(|usage, cost| pricing.line(&Priced::of(usage), cost))?;
        usage.check_total()?;
        let session = Session {
            session_id: session.session_id,
            queue_id: session.queue_id,
            fleet_id: session.fleet_id,
            job_id: session.job_id,
            job_name: session.job_name,
            user_id: session.user_id,
            worker_id: session.worker_id,
            instance_type: session.instance_type,
            outcome: session.outcome,
            span: session.span,
            revision: session.revision,
            usage,
        };
        Ok((Record::Session(session), pricing.unpriced))
    }

    fn price_volume(
        &self,
        volume: &Volume<Option<NanoUsd>>,
        fleet: Fleet,
    ) -> Result<(Record<LineCost>, Vec<Cow<'static, str>>), SessionError> {
        let mut pricing =
            Pricing { card: self, fleet, instance_type: None, span: volume.span, unpriced: Vec::new() };
        let cost = pricing.line(&Priced::VOLUME, volume.cost)?;
        let volume = Volume {
            volume_id: volume.volume_id,
            fleet_id: volume.fleet_id,
            span: volume.span,
            revision: volume.revision,
            cost,
        };
        Ok((Record::Volume(volume), pricing.unpriced))
    }
}

/// A fleet with its name, if a rate could ask for it and somebody knows it.
pub(super) struct Fleet {
    id: FleetId,
    name: Option<DisplayName>,
}

/// What is to be priced.
pub(super) struct Priced<'a> {
    usage_type: UsageType,
    license_product: Option<&'a str>,
    pub(super) quantity: u32,
}

impl<'a> Priced<'a> {
    pub(super) const VOLUME: Self =
        Self { usage_type: UsageType::PersistentVolume, license_product: None, quantity: 1 };

    pub(super) fn of(usage: &'a Usage) -> Self {
        match usage {
            Usage::Compute => Self { usage_type: UsageType::Compute, license_product: None, quantity: 1 },
            Usage::License { product, quantity } => Self {
                usage_type: UsageType::License,
                license_product: Some(product.as_str()),
                quantity: *quantity,
            },
        }
    }
}

/// The pricing of one record.
pub(super) struct Pricing<'a> {
    pub(super) card: &'a RateCard,
    pub(super) fleet: Fleet,
    pub(super) instance_type: Option<InstanceType>,
    pub(super) span: Span,
    pub(super) unpriced: Vec<Cow<'static, str>>,
}

impl Pricing<'_> {
    fn line(&mut self, priced: &Priced<'_>, given: Option<NanoUsd>) -> Result<LineCost, SessionError> {
        if let Some(cost) = given {
            return Ok(LineCost::Total(cost));
        }
        let rates = self.rates(priced);
        let (cost, complete) = match self.span.ended_at() {
            None => self.running_cost(&rates)?,
            Some(ended_at) => {
                let parts = self.parts(&rates, ended_at);
                (LineCost::Total(cost(&parts, priced.quantity)?), parts.iter().all(Part::is_priced))
            }
        };
        if !complete {
            self.unpriced.push(self.named(priced));
        }
        Ok(cost)
    }

    /// What has no price, as people would look for it on the card. Without a card there is nothing to look for.
    fn named(&self, priced: &Priced<'_>) -> Cow<'static, str> {
        let usage_type = priced.usage_type.as_str();
        match (priced.license_product, &self.instance_type) {
            _ if self.card.is_empty() => usage_type.into(),
            (Some(product), _) => format!("{usage_type} {product}").into(),
            (None, Some(instance_type)) => format!("{usage_type} on {instance_type}").into(),
            (None, None) => usage_type.into(),
        }
    }

    /// The rates for this use, whenever they are valid.
    pub(super) fn rates(&self, priced: &Priced<'_>) -> Vec<&Rate> {
        let keys = [None, self.instance_type.clone()];
        let keys = if self.instance_type.is_some() { &keys[..] } else { &keys[..1] };
        let rates = keys.iter().filter_map(|key| self.card.by_instance_type.get(key)).flatten();
        rates.filter(|rate| self.matches(&rate.selector, priced)).collect()
    }

    fn matches(&self, selector: &Selector, priced: &Priced<'_>) -> bool {
        let fleet_matches = match &selector.fleet {
            None => true,
            Some(FleetSelector::Id(id)) => *id == self.fleet.id,
            Some(FleetSelector::Name(name)) => self.fleet.name.as_ref() == Some(name),
        };
        let product = selector.license_product.as_ref();
        let product_matches = product.is_none_or(|product| Some(product.as_str()) == priced.license_product);
        selector.usage_type == priced.usage_type && fleet_matches && product_matches
    }

    /// What is known about the machine.
    pub(super) fn machine(&self) -> Option<Machine> {
        Machine::of(self.instance_type.as_ref()?, &self.card.machines)
    }

    fn hour_at<'a>(&self, rates: &[&'a Rate], instant: Timestamp) -> Hour<'a> {
        let rate = winner(rates, instant);
        Hour { rate, price: rate.map(|rate| rate.price.hour(self.machine().as_ref())) }
    }

    /// The cost of a running record, and whether a rate was found for it.
    fn running_cost(&self, rates: &[&Rate]) -> Result<(LineCost, bool), SessionError> {
        match self.hour_at(rates, self.span.started_at()).known()? {
            // The quantity is applied where the cost is read, because a rate is for one.
            Some(price) => Ok((LineCost::PerHour(per_hour(price)?), true)),
            None => Ok((LineCost::Total(NanoUsd::ZERO), false)),
        }
    }

    /// The record's time, cut where rates begin or end. One instant is a part of no length.
    pub(super) fn parts<'a>(&self, rates: &[&'a Rate], ended_at: Timestamp) -> Vec<Part<'a>> {
        let edges = edges(rates, self.span.started_at(), ended_at);
        let part = |from, until| Part { from, until, hour: self.hour_at(rates, from) };
        match edges[..] {
            [instant] => vec![part(instant, instant)],
            _ => edges.windows(2).map(|edge| part(edge[0], edge[1])).collect(),
        }
    }
}

/// The rate of an instant, and what it makes of an hour.
pub(super) struct Hour<'a> {
    pub(super) rate: Option<&'a Rate>,
    pub(super) price: Option<Result<HourPrice, NoPrice>>,
}

impl Hour<'_> {
    /// The price, if there is a rate that can be computed.
    fn known(&self) -> Result<Option<HourPrice>, SessionError> {
        match self.price {
            Some(Ok(price)) => Ok(Some(price)),
            Some(Err(NoPrice::TooLarge)) => Err(SessionError::TotalTooLarge),
            Some(Err(NoPrice::Unknown(_))) | None => Ok(None),
        }
    }
}

/// A piece of a record's time with one rate.
pub(super) struct Part<'a> {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) hour: Hour<'a>,
}

impl Part<'_> {
    fn is_priced(&self) -> bool {
        matches!(self.hour.price, Some(Ok(_)))
    }

    pub(super) fn duration_ms(&self) -> u64 {
        self.until.millis().abs_diff(self.from.millis())
    }
}

/// What an hour costs while a record runs, cut to whole nano-dollars.
pub(super) fn per_hour(price: HourPrice) -> Result<HourlyRate, SessionError> {
    let nanos = u64::try_from(price.get() / HourPrice::DENOMINATOR).ok();
    nanos.and_then(|nanos| HourlyRate::from_nanos(nanos).ok()).ok_or(SessionError::TotalTooLarge)
}

/// What the parts cost together, cut to whole nano-dollars once.
pub(super) fn cost(parts: &[Part<'_>], quantity: u32) -> Result<NanoUsd, SessionError> {
    let nanos = numerator(parts, quantity)?.map(|numerator| numerator / DENOMINATOR);
    let cost = nanos.and_then(|nanos| u64::try_from(nanos).ok()).map(NanoUsd::from_nanos);
    cost.and_then(Result::ok).ok_or(SessionError::TotalTooLarge)
}

/// The exact cost times [`DENOMINATOR`]; `None` when it does not fit, and then the cost cannot be kept either.
pub(super) fn numerator(parts: &[Part<'_>], quantity: u32) -> Result<Option<u128>, SessionError> {
    let mut sum = Some(0_u128);
    for part in parts {
        if let Some(price) = part.hour.known()? {
            let added = price.get().checked_mul(u128::from(part.duration_ms()));
            sum = sum.and_then(|sum| sum.checked_add(added?));
        }
    }
    Ok(sum.and_then(|sum| sum.checked_mul(u128::from(quantity))))
}

fn winner<'a>(rates: &[&'a Rate], instant: Timestamp) -> Option<&'a Rate> {
    rates.iter().copied().filter(|rate| rate.is_valid_at(instant)).max_by_key(|rate| rate.claim())
}

/// Start, end, and every instant between them at which a rate begins or ceases to be valid.
fn edges(rates: &[&Rate], started_at: Timestamp, ended_at: Timestamp) -> Vec<Timestamp> {
    let changes = rates.iter().flat_map(|rate| [Some(rate.valid_from), rate.valid_until]).flatten();
    let inside = changes.filter(|edge| started_at < *edge && *edge < ended_at);
    let mut edges: Vec<Timestamp> = inside.chain([started_at, ended_at]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}
