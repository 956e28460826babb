//! Pricing: a record as it was sent becomes a record with costs.
//!
//! A session that spans a change of rates pays each rate for its own part of the time. The parts are added as exact
//! fractions and cut to whole nano-dollars once, so that an unneeded edge on the card never changes a bill.

use farmtally_model::{
    DisplayName, FleetId, HourlyRate, InstanceType, LineCost, NanoUsd, Record, RecordNames, Session,
    SessionError, Span, Submission, Timestamp, Usage, UsageType, Volume,
};

use super::{FleetSelector, Rate, RateCard, Selector};

const MILLIS_PER_HOUR: u128 = 3_600_000;

// The sum of a line's parts, rate times time times quantity, fits even when each is at its bound: this does not
// compile otherwise.
#[expect(clippy::cast_sign_loss, reason = "a timestamp is never negative")]
const _: u128 = HourlyRate::MAX.nanos() as u128 * Timestamp::MAX.millis() as u128 * u32::MAX as u128;

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedRecord {
    /// The record with its costs.
    pub record: Record<LineCost>,
    /// The names that came with it.
    pub names: RecordNames,
    /// Usage lines that came without a cost and for which no rate was valid in part or all of their time. That time
    /// is free.
    pub unpriced_lines: u32,
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
        let (record, unpriced_lines) = match record {
            Record::Session(session) => {
                let fleet = self.fleet(session.fleet_id, &names, fleet_name);
                self.price_session(session, fleet)?
            }
            Record::Volume(volume) => {
                let fleet = self.fleet(volume.fleet_id, &names, fleet_name);
                self.price_volume(&volume, fleet)?
            }
        };
        Ok(PricedRecord { record, names, unpriced_lines })
    }

    fn fleet(
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
    ) -> Result<(Record<LineCost>, u32), SessionError> {
        let mut pricing = Pricing {
            card: self,
            fleet,
            instance_type: session.instance_type.clone(),
            span: session.span,
            unpriced_lines: 0,
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
        Ok((Record::Session(session), pricing.unpriced_lines))
    }

    fn price_volume(
        &self,
        volume: &Volume<Option<NanoUsd>>,
        fleet: Fleet,
    ) -> Result<(Record<LineCost>, u32), SessionError> {
        let mut pricing =
            Pricing { card: self, fleet, instance_type: None, span: volume.span, unpriced_lines: 0 };
        let cost = pricing.line(&Priced::VOLUME, volume.cost)?;
        let volume = Volume {
            volume_id: volume.volume_id,
            fleet_id: volume.fleet_id,
            span: volume.span,
            revision: volume.revision,
            cost,
        };
        Ok((Record::Volume(volume), pricing.unpriced_lines))
    }
}

/// A fleet with its name, if a rate could ask for it and somebody knows it.
struct Fleet {
    id: FleetId,
    name: Option<DisplayName>,
}

/// What is to be priced.
struct Priced<'a> {
    usage_type: UsageType,
    license_product: Option<&'a str>,
    quantity: u32,
}

impl<'a> Priced<'a> {
    const VOLUME: Self = Self { usage_type: UsageType::PersistentVolume, license_product: None, quantity: 1 };

    fn of(usage: &'a Usage) -> Self {
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
struct Pricing<'a> {
    card: &'a RateCard,
    fleet: Fleet,
    instance_type: Option<InstanceType>,
    span: Span,
    unpriced_lines: u32,
}

impl Pricing<'_> {
    fn line(&mut self, priced: &Priced<'_>, given: Option<NanoUsd>) -> Result<LineCost, SessionError> {
        if let Some(cost) = given {
            return Ok(LineCost::Total(cost));
        }
        let rates = self.rates(priced);
        let (cost, complete) = match self.span.ended_at() {
            None => running_cost(&rates, self.span.started_at()),
            Some(ended_at) => ended_cost(&rates, self.span.started_at(), ended_at, priced.quantity)?,
        };
        self.unpriced_lines += u32::from(!complete);
        Ok(cost)
    }

    /// The rates for this use, whenever they are valid.
    fn rates(&self, priced: &Priced<'_>) -> Vec<&Rate> {
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
}

fn winner<'a>(rates: &[&'a Rate], instant: Timestamp) -> Option<&'a Rate> {
    rates.iter().copied().filter(|rate| rate.is_valid_at(instant)).max_by_key(|rate| rate.claim())
}

/// The cost of a running record, and whether a rate was found for it.
fn running_cost(rates: &[&Rate], started_at: Timestamp) -> (LineCost, bool) {
    match winner(rates, started_at) {
        // The quantity is applied where the cost is read, because a rate is for one.
        Some(rate) => (LineCost::PerHour(rate.usd_per_hour), true),
        None => (LineCost::Total(NanoUsd::ZERO), false),
    }
}

/// The cost of an ended record, and whether every part of its time had a rate.
fn ended_cost(
    rates: &[&Rate],
    started_at: Timestamp,
    ended_at: Timestamp,
    quantity: u32,
) -> Result<(LineCost, bool), SessionError> {
    if started_at == ended_at {
        return Ok((LineCost::Total(NanoUsd::ZERO), winner(rates, started_at).is_some()));
    }
    let (mut rate_millis, mut complete) = (0_u128, true);
    for part in edges(rates, started_at, ended_at).windows(2) {
        match winner(rates, part[0]) {
            Some(rate) => {
                rate_millis += u128::from(rate.usd_per_hour.nanos()) * duration_ms(part[0], part[1]);
            }
            None => complete = false,
        }
    }
    let nanos = rate_millis * u128::from(quantity) / MILLIS_PER_HOUR;
    let cost = u64::try_from(nanos).ok().and_then(|nanos| NanoUsd::from_nanos(nanos).ok());
    cost.map(|cost| (LineCost::Total(cost), complete)).ok_or(SessionError::TotalTooLarge)
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

fn duration_ms(start: Timestamp, end: Timestamp) -> u128 {
    u128::from(end.millis().abs_diff(start.millis()))
}
