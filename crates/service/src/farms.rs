//! The farm's own registry: which farms, queues and fleets there are, and what people call them.

use std::sync::Arc;

use farmtally_ingest::{RateCard, RateCardError};
use farmtally_model::{CostScaleFactor, DisplayName, FarmId};
use farmtally_store::{Farm, NewFarm};

use crate::access::{Action, Caller};
use crate::error::{ResourceName, ServiceError};
use crate::service::Service;

impl Service {
    /// The farms that the caller can see, by id, after `after`.
    pub fn farms(
        &self,
        caller: &Caller,
        after: Option<FarmId>,
        limit: usize,
    ) -> Result<Vec<Farm>, ServiceError> {
        caller.require(Action::ReadFarm)?;
        let catalogue = self.store.catalogue();
        match caller.farm_id {
            None => Ok(catalogue.farms(after, limit)?),
            Some(only) if after.is_some_and(|after| after >= only) => Ok(Vec::new()),
            Some(only) => Ok(catalogue.farm(only)?.into_iter().collect()),
        }
    }

    /// One farm.
    pub fn farm(&self, caller: &Caller, farm_id: FarmId) -> Result<Farm, ServiceError> {
        caller.require_on(Action::ReadFarm, farm_id)?;
        self.existing_farm(farm_id)
    }

    /// Makes a farm, or gives the one that has this id.
    pub fn create_farm(
        &self,
        farm_id: FarmId,
        display_name: DisplayName,
        created_by: &str,
    ) -> Result<Farm, ServiceError> {
        let farm = NewFarm { farm_id, display_name, created_by: created_by.to_owned() };
        Ok(self.store.catalogue().create_farm(&farm, self.now())?)
    }

    /// Sets what the farm's costs are multiplied by whenever they are read, past usage included.
    pub fn set_cost_scale_factor(
        &self,
        farm_id: FarmId,
        factor: CostScaleFactor,
        by: &str,
    ) -> Result<(), ServiceError> {
        if self.store.catalogue().set_cost_scale_factor(farm_id, factor, by, self.now())? {
            Ok(())
        } else {
            Err(ServiceError::NotFound(ResourceName::Farm(farm_id)))
        }
    }

    /// Number of sessions and volumes of a farm.
    pub fn record_count(&self, farm_id: FarmId) -> Result<u64, ServiceError> {
        Ok(self.store.record_count(farm_id)?)
    }

    /// Removes the months that the farm is not to keep any more. When that fails it is tried again with the next call.
    pub(crate) fn retain(&self, farm_id: FarmId) {
        if let Err(error) = self.store.retain(farm_id, self.now()) {
            tracing::warn!(farm = %farm_id, %error, "months that are not to be kept could not be removed");
        }
    }

    pub(crate) fn existing_farm(&self, farm_id: FarmId) -> Result<Farm, ServiceError> {
        let farm = self.store.catalogue().farm(farm_id)?;
        farm.ok_or(ServiceError::NotFound(ResourceName::Farm(farm_id)))
    }

    /// The card that prices the farm's sessions now; an empty one if none was set.
    pub(crate) fn rate_card(&self, farm_id: FarmId) -> Result<Arc<RateCard>, ServiceError> {
        let text = self.store.catalogue().rate_card(farm_id)?.unwrap_or_default();
        let mut cards = self.rate_cards.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(card) = cards.get(&text) {
            return Ok(Arc::clone(card));
        }
        let card: Result<RateCard, RateCardError> = RateCard::parse(&text);
        let card = Arc::new(card.map_err(ServiceError::internal)?);
        cards.insert(text, Arc::clone(&card));
        Ok(card)
    }
}
