//! Which rate card made a stored price, and how.
//!
//! Every card that a farm had is kept. The one that priced a record is the latest that gives the very costs that are
//! stored; a record whose price no card gives says so, and is never given another price for that.

use farmtally_ingest::{LineExplanation, RateCard, rate_card_id};
use farmtally_model::{FarmId, FleetId, LineCost, Record, RecordId, RecordNames, Timestamp};
use farmtally_store::{RateCardVersion, StoredRecord};

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
        let fleet_name = |fleet_id: FleetId| names.get(&fleet_id).cloned();
        let versions = self.store.catalogue().rate_card_versions(farm_id)?;
        for version in versions.into_iter().rev() {
            // A card that an earlier program took and this one does not read has made no price that this one knows.
            let Ok(card) = RateCard::parse(&version.text) else { continue };
            let lines = card.explain(&explanation.stored.record, &RecordNames::default(), &fleet_name);
            if let Ok(lines) = lines
                && gives_what_is_stored(&lines, &explanation.stored)
            {
                explanation.note(&version, lines);
            }
        }
        Ok(Some(explanation))
    }
}

impl Explanation {
    fn note(&mut self, version: &RateCardVersion, lines: Vec<LineExplanation>) {
        if self.card.is_some() {
            self.same_as.push(version.version);
            return;
        }
        let id = rate_card_id(&version.text);
        self.card = Some(ExplainingCard { version: version.version, id, set_at: version.set_at, lines });
    }
}

fn gives_what_is_stored(lines: &[LineExplanation], stored: &StoredRecord) -> bool {
    let costs: Vec<LineCost> = match &stored.record {
        Record::Session(session) => session.usage.as_slice().iter().map(|line| line.cost).collect(),
        Record::Volume(volume) => vec![volume.cost],
    };
    let given = stored.given.as_deref().unwrap_or_default();
    let mut compared = lines.iter().zip(costs).zip(given);
    compared.all(|((line, cost), given)| *given || line.cost == cost)
}
