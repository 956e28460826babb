//! An import that stores nothing, and prices everything as it would be priced.

use std::collections::HashMap;

use farmtally_ingest::RateCard;
use farmtally_model::{DisplayName, FleetId};
use farmtally_service::{Catalogue, Farm, NumberedSubmission};

use super::batch::{BatchOutcome, RefusedRecord};
use crate::farm_reference::FarmReference;
use crate::report_error::Failure;

/// The rates that would be used.
pub(super) struct DryRun {
    card: RateCard,
    fleet_names: HashMap<FleetId, DisplayName>,
}

impl DryRun {
    /// With new rates, or with those of the farm if there is one.
    pub(super) fn new(
        catalogue: Option<&Catalogue>,
        farm: &FarmReference,
        new_rates: Option<RateCard>,
    ) -> Result<Self, Failure> {
        let known = match catalogue {
            Some(catalogue) => farm.find(catalogue)?.map(|farm| (catalogue, farm)),
            None => None,
        };
        let Some((catalogue, farm)) = known else {
            return Ok(Self { card: new_rates.unwrap_or_default(), fleet_names: HashMap::new() });
        };
        let fleets = catalogue.fleets(farm.farm_id, None, usize::MAX)?;
        let fleet_names = fleets.into_iter().map(|fleet| (fleet.id, fleet.display_name)).collect();
        let card = new_rates.map_or_else(|| rate_card(catalogue, &farm), Ok)?;
        Ok(Self { card, fleet_names })
    }

    /// What would be refused, and what would have no price.
    pub(super) fn price(&self, batch: Vec<NumberedSubmission>) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        for NumberedSubmission { line, submission } in batch {
            let record_id = submission.record.id();
            match self.card.price(submission, &|fleet_id| self.fleet_names.get(&fleet_id).cloned()) {
                Ok(priced) => priced.unpriced.iter().for_each(|name| outcome.unpriced.add(name, 1)),
                Err(error) => outcome.refused.push(RefusedRecord::of(line, record_id, error.to_string())),
            }
        }
        outcome
    }
}

fn rate_card(catalogue: &Catalogue, farm: &Farm) -> Result<RateCard, Failure> {
    let text = catalogue.rate_card(farm.farm_id)?.unwrap_or_default();
    RateCard::parse(&text).map_err(|error| Failure::caused("cannot use the farm's rate card", &error))
}
