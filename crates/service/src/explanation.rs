//! Which rate card made a stored price, and how.
//!
//! Every card that a farm had is kept. The one that priced a record is the latest that gives the very costs that are
//! stored; a record whose price no card gives says so, and is never given another price for that.

use farmtally_ingest::{LineExplanation, RateCard, rate_card_id};
use farmtally_model::{DisplayName, FarmId, FleetId, LineCost, Record, RecordId, RecordNames, Timestamp};
use farmtally_store::{CostOrigin, RateCardVersion, StoredRecord};

use crate::error::ServiceError;
use crate::service::Service;

/// Where a record's costs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The record as it is stored.
    pub stored: StoredRecord,
    /// The card that made the costs that did not come with the record.
    pub card: Option<ExplainingCard>,
    /// Other versions that give the same costs.
    pub same_as: Vec<u32>,
}

/// A version of the rate card, and how it prices the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainingCard {
    /// Its number.
    pub version: u32,
    /// Its id, made of its text.
    pub id: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// How it prices each line, in the order of the record's lines; those that came with a cost, too.
    pub lines: Vec<LineExplanation>,
    /// What the fleet must have been called then, if it has another name now.
    pub fleet_then: Option<FleetThen>,
}

/// Another name of a fleet than it has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetThen {
    /// One that the card names.
    Called(DisplayName),
    /// None that the card names.
    Otherwise,
}

impl Service {
    /// Explains the costs of a stored record; `None` when there is no such record.
    pub fn explain(&self, farm_id: FarmId, id: RecordId) -> Result<Option<Explanation>, ServiceError> {
        let Some(stored) = self.stored_record(farm_id, id)? else { return Ok(None) };
        let mut explanation = Explanation { stored, card: None, same_as: Vec::new() };
        if !explanation.stored.is_priced() {
            return Ok(Some(explanation));
        }
        let names = self.names_of_fleets(farm_id)?;
        let name = names.get(&fleet_of(&explanation.stored.record));
        let versions = self.store.catalogue().rate_card_versions(farm_id)?;
        let cards: Vec<(RateCardVersion, RateCard)> = versions
            .into_iter()
            .rev()
            // A card that an earlier program took and this one does not read has made no price that this one knows.
            .filter_map(|version| RateCard::parse(&version.text).ok().map(|card| (version, card)))
            .collect();
        for (version, card) in &cards {
            if let Some(lines) = explanation.by(card, name) {
                explanation.note(version, lines, None);
            }
        }
        if explanation.card.is_none() {
            explanation.look_at_other_names(&cards);
        }
        Ok(Some(explanation))
    }
}

fn fleet_of(record: &Record<LineCost>) -> FleetId {
    match record {
        Record::Session(session) => session.fleet_id,
        Record::Volume(volume) => volume.fleet_id,
    }
}

impl Explanation {
    /// How a card prices the record, its fleet having a name, if that gives what is stored.
    fn by(&self, card: &RateCard, name: Option<&DisplayName>) -> Option<Vec<LineExplanation>> {
        let lines = card.explain(&self.stored.record, &RecordNames::default(), &|_| name.cloned()).ok()?;
        gives_what_is_stored(&lines, &self.stored).then_some(lines)
    }

    /// A rate that names a fleet made its price by the name that the fleet had then.
    fn look_at_other_names(&mut self, cards: &[(RateCardVersion, RateCard)]) {
        for (version, card) in cards {
            let names: Vec<DisplayName> = card.fleet_names().into_iter().cloned().collect();
            let called = names
                .iter()
                .find_map(|name| Some((self.by(card, Some(name))?, FleetThen::Called(name.clone()))));
            let otherwise = || Some((self.by(card, None)?, FleetThen::Otherwise));
            if let Some((lines, fleet_then)) = called.or_else(otherwise) {
                self.note(version, lines, Some(fleet_then));
            }
        }
    }

    fn note(
        &mut self,
        version: &RateCardVersion,
        lines: Vec<LineExplanation>,
        fleet_then: Option<FleetThen>,
    ) {
        if self.card.is_some() {
            self.same_as.push(version.version);
            return;
        }
        let id = rate_card_id(&version.text);
        self.card =
            Some(ExplainingCard { version: version.version, id, set_at: version.set_at, lines, fleet_then });
    }
}

fn gives_what_is_stored(lines: &[LineExplanation], stored: &StoredRecord) -> bool {
    let costs: Vec<LineCost> = match &stored.record {
        Record::Session(session) => session.usage.as_slice().iter().map(|line| line.cost).collect(),
        Record::Volume(volume) => vec![volume.cost],
    };
    let origins = stored.origins.as_deref().unwrap_or_default();
    let mut compared = lines.iter().zip(costs).zip(origins);
    compared.all(|((line, cost), origin)| *origin != CostOrigin::Priced || line.cost == cost)
}
