//! Farms, queues and fleets as people create, change, tag, put together and delete them.

use farmtally_model::{CostScaleFactor, FarmId, FleetId, QueueId};
use farmtally_store::{
    Association, AssociationDeletion, AssociationFilter, ClientCall, Created, Deletion, NamedResource,
    NewResource, ResourceChange, ResourceId, Tagged, Tags,
};

use crate::access::{Action, Caller};
use crate::error::{ResourceName, ServiceError};
use crate::sealing::random_bytes;
use crate::service::Service;

impl Service {
    /// The queues or fleets of a farm, by id, after `after`.
    pub fn resources<I: ResourceId>(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        after: Option<I>,
        limit: usize,
    ) -> Result<Vec<NamedResource<I>>, ServiceError> {
        self.farm(caller, farm_id)?;
        Ok(self.store.catalogue().resources(farm_id, after, limit)?)
    }

    /// A queue or fleet of a farm.
    pub fn resource<I: ResourceId>(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        id: I,
    ) -> Result<NamedResource<I>, ServiceError> {
        self.farm(caller, farm_id)?;
        self.existing(farm_id, id)
    }

    /// Creates a queue or fleet, once for each call.
    pub fn create_resource<I: ResourceId>(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        new: &NewResource,
        call: Option<&ClientCall>,
    ) -> Result<I, ServiceError> {
        self.manage(caller, farm_id)?;
        let id = I::from_bytes(random_id()?);
        created(self.store.catalogue().create(farm_id, id, new, call, self.now())?, call)
    }

    /// Changes a queue or fleet. `change` sees it as it is; when it refuses, nothing changes.
    pub fn change_resource<I: ResourceId, E>(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        id: I,
        change: impl FnOnce(&NamedResource<I>) -> Result<ResourceChange, E>,
    ) -> Result<Result<(), E>, ServiceError> {
        self.manage(caller, farm_id)?;
        let changed =
            self.store.catalogue().change(farm_id, id, &caller.access_key_id, self.now(), change)?;
        changed.ok_or(ServiceError::NotFound(name(farm_id, id)))
    }

    /// Deletes a queue or fleet that nothing needs.
    pub fn delete_resource<I: ResourceId>(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        id: I,
    ) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        deleted(self.store.delete_resource(farm_id, id)?, name(farm_id, id))
    }

    /// Creates a farm, once for each call.
    pub fn create_farm_once(
        &self,
        caller: &Caller,
        new: &NewResource,
        factor: CostScaleFactor,
        call: Option<&ClientCall>,
    ) -> Result<FarmId, ServiceError> {
        caller.may(Action::ManageFarm)?;
        if let Some(farm_id) = caller.farm_id {
            return Err(ServiceError::OneFarmOnly { access_key_id: caller.access_key_id.clone(), farm_id });
        }
        let farm_id = FarmId::from_bytes(random_id()?);
        created(self.store.catalogue().create_farm_once(farm_id, new, factor, call, self.now())?, call)
    }

    /// Changes a farm.
    pub fn change_farm(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        change: &ResourceChange,
    ) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        self.store.catalogue().change_farm(farm_id, change, &caller.access_key_id, self.now())?;
        Ok(())
    }

    /// Deletes a farm that has nothing in it.
    pub fn delete_farm(&self, caller: &Caller, farm_id: FarmId) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        let deletion = self.store.delete_farm(farm_id)?;
        deleted(deletion, ResourceName::Farm(farm_id))?;
        self.results.forget_farm(farm_id);
        self.shown.forget(|answer| answer.farm_id == farm_id);
        Ok(())
    }

    /// The tags of a farm, queue or fleet.
    pub fn tags(&self, caller: &Caller, tagged: Tagged) -> Result<Tags, ServiceError> {
        caller.require_on(Action::ReadFarm, tagged.farm_id())?;
        self.existing_tagged(tagged)?;
        Ok(self.store.catalogue().tags(tagged)?)
    }

    /// Changes the tags of a farm, queue or fleet, which may have `tags_max` of them.
    pub fn change_tags(
        &self,
        caller: &Caller,
        tagged: Tagged,
        tags_max: usize,
        change: impl FnOnce(&mut Tags),
    ) -> Result<(), ServiceError> {
        self.manage(caller, tagged.farm_id())?;
        self.existing_tagged(tagged)?;
        self.store.catalogue().change_tags(tagged, |tags| {
            change(tags);
            match tags.len() {
                count if count > tags_max => Err(ServiceError::TooManyTags { count, max: tags_max }),
                _ => Ok(()),
            }
        })?
    }

    /// A farm's associations, by queue and fleet, after `after`.
    pub fn associations(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        filter: AssociationFilter,
        after: Option<(QueueId, FleetId)>,
        limit: usize,
    ) -> Result<Vec<Association>, ServiceError> {
        self.farm(caller, farm_id)?;
        if let Some(queue_id) = filter.queue_id {
            self.existing(farm_id, queue_id)?;
        }
        if let Some(fleet_id) = filter.fleet_id {
            self.existing(farm_id, fleet_id)?;
        }
        Ok(self.store.catalogue().associations(farm_id, filter, after, limit)?)
    }

    /// The association of a queue and a fleet.
    pub fn association(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        (queue_id, fleet_id): (QueueId, FleetId),
    ) -> Result<Association, ServiceError> {
        self.farm(caller, farm_id)?;
        let found = self.store.catalogue().association(farm_id, queue_id, fleet_id)?;
        found.ok_or(ServiceError::NotFound(ResourceName::Association(queue_id, fleet_id)))
    }

    /// Puts a queue and a fleet together.
    pub fn associate(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        (queue_id, fleet_id): (QueueId, FleetId),
    ) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        self.existing(farm_id, queue_id)?;
        self.existing(farm_id, fleet_id)?;
        let by = &caller.access_key_id;
        Ok(self.store.catalogue().associate(farm_id, queue_id, fleet_id, by, self.now())?)
    }

    /// Starts or stops an association.
    pub fn set_association_active(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        key: (QueueId, FleetId),
        is_active: bool,
    ) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        let by = &caller.access_key_id;
        if self.store.catalogue().set_association_active(farm_id, key, is_active, by, self.now())? {
            return Ok(());
        }
        Err(ServiceError::NotFound(ResourceName::Association(key.0, key.1)))
    }

    /// Takes a queue and a fleet apart whose association is stopped.
    pub fn dissociate(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        (queue_id, fleet_id): (QueueId, FleetId),
    ) -> Result<(), ServiceError> {
        self.manage(caller, farm_id)?;
        let association = ResourceName::Association(queue_id, fleet_id);
        match self.store.catalogue().dissociate(farm_id, queue_id, fleet_id)? {
            AssociationDeletion::Deleted => Ok(()),
            AssociationDeletion::Missing => Err(ServiceError::NotFound(association)),
            AssociationDeletion::Active => Err(ServiceError::Active(association)),
        }
    }

    /// A queue or fleet of a farm that the caller may see.
    pub(crate) fn existing<I: ResourceId>(
        &self,
        farm_id: FarmId,
        id: I,
    ) -> Result<NamedResource<I>, ServiceError> {
        let found = self.store.catalogue().resource(farm_id, id)?;
        found.ok_or_else(|| ServiceError::NotFound(name(farm_id, id)))
    }

    fn existing_tagged(&self, tagged: Tagged) -> Result<(), ServiceError> {
        match tagged {
            Tagged::Farm(farm_id) => self.existing_farm(farm_id).map(drop),
            Tagged::Queue(farm_id, queue_id) => self.existing(farm_id, queue_id).map(drop),
            Tagged::Fleet(farm_id, fleet_id) => self.existing(farm_id, fleet_id).map(drop),
        }
    }

    /// Refuses whoever may not change the farm, and a farm that does not exist.
    fn manage(&self, caller: &Caller, farm_id: FarmId) -> Result<(), ServiceError> {
        caller.require_on(Action::ManageFarm, farm_id)?;
        self.existing_farm(farm_id).map(drop)
    }
}

fn random_id() -> Result<[u8; 16], ServiceError> {
    random_bytes::<16>().map_err(ServiceError::internal)
}

fn name<I: ResourceId>(farm_id: FarmId, id: I) -> ResourceName {
    match I::tagged(farm_id, id) {
        Tagged::Farm(farm_id) => ResourceName::Farm(farm_id),
        Tagged::Queue(_, queue_id) => ResourceName::Queue(queue_id),
        Tagged::Fleet(_, fleet_id) => ResourceName::Fleet(fleet_id),
    }
}

fn created<I>(created: Created<I>, call: Option<&ClientCall>) -> Result<I, ServiceError> {
    match created {
        Created::Once(id) => Ok(id),
        Created::OtherCall => {
            let token = call.map(|call| call.token.clone()).unwrap_or_default();
            Err(ServiceError::OtherCall { token })
        }
    }
}

fn deleted(deletion: Deletion, resource: ResourceName) -> Result<(), ServiceError> {
    match deletion {
        Deletion::Deleted => Ok(()),
        Deletion::Missing => Err(ServiceError::NotFound(resource)),
        Deletion::InUse(reason) => Err(ServiceError::InUse { resource, reason }),
    }
}
