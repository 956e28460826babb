//! Sessions in: priced, stored once, and only then acknowledged.

use std::collections::{BTreeMap, HashMap};

use farmtally_ingest::{PricedRecord, RateCard};
use farmtally_model::{DisplayName, FarmId, FleetId, RecordId, Submission};
use farmtally_store::{PricedSubmission, Refusal, fingerprint, is_worth_segments};

use crate::access::{Action, Caller};
use crate::error::ServiceError;
use crate::service::Service;

/// A submission and where it stood in its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedSubmission {
    /// Line or row, from 1.
    pub line: u64,
    /// What was sent.
    pub submission: Submission,
}

/// A submission that was not stored, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSubmission {
    /// Line or row of its source, from 1.
    pub line: u64,
    /// Which record.
    pub record_id: RecordId,
    /// Why, for whoever sent it.
    pub message: String,
}

impl RefusedSubmission {
    /// What the store refused, of a batch whose records stood in these lines.
    pub(crate) fn new(lines: &[u64], refusal: &Refusal) -> Self {
        let Refusal { index, reason } = refusal;
        Self { line: lines[*index], record_id: reason.id(), message: reason.to_string() }
    }
}

/// What became of a batch. It exists only after the batch is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngestReport {
    /// Records that are new.
    pub stored: u64,
    /// Records that took the place of an earlier state of themselves.
    pub replaced: u64,
    /// Records that were there already.
    pub unchanged: u64,
    /// Records that were not stored.
    pub refused: Vec<RefusedSubmission>,
    /// Usage lines without a cost for which the rate card has no rate; they cost nothing.
    pub unpriced: UnpricedUses,
}

/// What has no rate on the card, and how many usage lines it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnpricedUses(BTreeMap<String, u64>);

impl UnpricedUses {
    /// Most uses that are told apart.
    const MAX: usize = 20;
    const OTHERS: &str = "others";

    /// Adds so many lines of a use.
    pub fn add(&mut self, use_name: &str, lines: u64) {
        let is_new = !self.0.contains_key(use_name);
        let key = if is_new && self.0.len() >= Self::MAX { Self::OTHERS } else { use_name };
        match self.0.get_mut(key) {
            Some(known) => *known += lines,
            None => drop(self.0.insert(key.to_owned(), lines)),
        }
    }

    /// Adds all of another.
    pub fn add_all(&mut self, other: &Self) {
        other.uses().for_each(|(name, lines)| self.add(name, lines));
    }

    /// All lines together.
    pub fn lines(&self) -> u64 {
        self.0.values().sum()
    }

    /// Each use with its lines, by name.
    pub fn uses(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, lines)| (name.as_str(), *lines))
    }
}

impl Service {
    /// Stores a batch for a caller.
    pub fn ingest(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        batch: Vec<NumberedSubmission>,
    ) -> Result<IngestReport, ServiceError> {
        caller.require_on(Action::Ingest, farm_id)?;
        self.existing_farm(farm_id)?;
        self.store_batch(farm_id, batch)
    }

    /// Stores a batch for the owner of the folder. A large one is written straight into segments.
    pub fn store_batch(
        &self,
        farm_id: FarmId,
        batch: Vec<NumberedSubmission>,
    ) -> Result<IngestReport, ServiceError> {
        self.retain(farm_id);
        let mut report = IngestReport::default();
        let (lines, priced) = self.price_batch(farm_id, batch, &mut report)?;
        let receipt = if is_worth_segments(&priced) {
            self.store.append_straight(farm_id, priced, self.now())?
        } else {
            self.store.append(farm_id, &priced, self.now())?
        };
        let receipt = receipt.into_inner();
        report.stored = receipt.stored;
        report.replaced = receipt.replaced;
        report.unchanged = receipt.unchanged;
        report.refused.extend(receipt.refused.iter().map(|refusal| RefusedSubmission::new(&lines, refusal)));
        report.refused.sort_by_key(|refused| refused.line);
        self.counters.batch_stored(&report);
        Ok(report)
    }

    /// Takes a session or volume out. False when it is not there.
    pub fn delete(&self, caller: &Caller, farm_id: FarmId, id: RecordId) -> Result<bool, ServiceError> {
        caller.require_on(Action::Delete, farm_id)?;
        self.existing_farm(farm_id)?;
        Ok(self.store.delete(farm_id, id, self.now())?.into_inner())
    }

    /// Prices what can be priced; what cannot is refused in the report. The lines belong to the priced records.
    fn price_batch(
        &self,
        farm_id: FarmId,
        batch: Vec<NumberedSubmission>,
        report: &mut IngestReport,
    ) -> Result<(Vec<u64>, Vec<PricedSubmission>), ServiceError> {
        let rate_card = self.rate_card(farm_id)?;
        let fleet_names = self.fleet_names(farm_id, &rate_card)?;
        let fleet_name = |fleet_id: FleetId| fleet_names.get(&fleet_id).cloned();
        let mut lines = Vec::with_capacity(batch.len());
        let mut priced_batch = Vec::with_capacity(batch.len());
        for NumberedSubmission { line, submission } in batch {
            let fingerprint = fingerprint(&submission.record);
            let record_id = submission.record.id();
            match rate_card.price(submission, &fleet_name) {
                Ok(priced) => {
                    priced.unpriced.iter().for_each(|name| report.unpriced.add(name, 1));
                    lines.push(line);
                    let PricedRecord { record, names, .. } = priced;
                    priced_batch.push(PricedSubmission { record, fingerprint, names, amendment: None });
                }
                Err(error) => {
                    report.refused.push(RefusedSubmission { line, record_id, message: error.to_string() });
                }
            }
        }
        Ok((lines, priced_batch))
    }

    /// Names of the farm's fleets, if there is a rate card that may ask for them.
    fn fleet_names(
        &self,
        farm_id: FarmId,
        rate_card: &RateCard,
    ) -> Result<HashMap<FleetId, DisplayName>, ServiceError> {
        if rate_card.is_empty() {
            return Ok(HashMap::new());
        }
        self.names_of_fleets(farm_id)
    }

    /// Sets the card that prices sessions that arrive from now on; what is stored keeps its price.
    pub fn set_rate_card(&self, farm_id: FarmId, text: &str) -> Result<(), RateCardRefused> {
        RateCard::parse_new(text).map_err(RateCardRefused::Invalid)?;
        let stored = self.existing_farm(farm_id).and_then(|_| {
            self.store.catalogue().set_rate_card(farm_id, text, self.now()).map_err(ServiceError::from)
        });
        stored.map_err(RateCardRefused::Service)
    }
}

/// Why a rate card was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RateCardRefused {
    /// The card is not right.
    #[error(transparent)]
    Invalid(farmtally_ingest::RateCardError),
    /// It could not be stored.
    #[error(transparent)]
    Service(ServiceError),
}
