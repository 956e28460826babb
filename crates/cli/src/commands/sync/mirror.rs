//! What a farm is beside its sessions, written into the catalogue as the service tells it.
//!
//! The service decides: a name or a cost scale factor that was changed here becomes the service's again. Nothing is ever
//! deleted, because sessions may need it; an association that the service does not have any more is stopped.

use std::collections::{HashMap, HashSet};

use farmtally_deadline::{Association, Farm, Fleet, Queue};
use farmtally_model::{DisplayName, FarmId, FleetId, QueueId, Timestamp};
use farmtally_service::{
    AssociationFilter, Catalogue, NamedResource, NewFarm, NewResource, ResourceChange, ResourceId, Tags,
};

use crate::farm_reference::CREATED_BY;
use crate::report_error::Failure;

/// What people call the queues and fleets.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) queues: HashMap<QueueId, DisplayName>,
    pub(super) fleets: HashMap<FleetId, DisplayName>,
}

impl Names {
    pub(super) fn of(queues: &[Queue], fleets: &[Fleet]) -> Self {
        Self {
            queues: queues.iter().map(|queue| (queue.queue_id, queue.display_name.clone())).collect(),
            fleets: fleets.iter().map(|fleet| (fleet.fleet_id, fleet.display_name.clone())).collect(),
        }
    }
}

/// Writes a farm's things down.
pub(super) struct Mirror<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) farm_id: FarmId,
    pub(super) now: Timestamp,
}

impl Mirror<'_> {
    /// The farm itself, made if it is not there.
    pub(super) fn farm(&self, farm: &Farm) -> Result<(), Failure> {
        let new = NewFarm {
            farm_id: self.farm_id,
            display_name: farm.display_name.clone(),
            created_by: farm.created_by.clone(),
        };
        let here = self.catalogue.create_farm(&new, self.now)?;
        let change = ResourceChange {
            display_name: Some(&farm.display_name).filter(|name| **name != here.display_name).cloned(),
            description: farm.description.clone().filter(|text| here.description.as_ref() != Some(text)),
            settings: None,
            cost_scale_factor: Some(farm.cost_scale_factor)
                .filter(|factor| *factor != here.cost_scale_factor),
        };
        if change != ResourceChange::default() {
            self.catalogue.change_farm(self.farm_id, &change, CREATED_BY, self.now)?;
        }
        Ok(())
    }

    /// Its queues.
    pub(super) fn queues(&self, queues: &[Queue]) -> Result<(), Failure> {
        let mut queues = queues.iter();
        queues.try_for_each(|queue| {
            self.resource(queue.queue_id, &queue.display_name, &queue.settings, &queue.created_by)
        })
    }

    /// Its fleets.
    pub(super) fn fleets(&self, fleets: &[Fleet]) -> Result<(), Failure> {
        let mut fleets = fleets.iter();
        fleets.try_for_each(|fleet| {
            self.resource(fleet.fleet_id, &fleet.display_name, &fleet.settings, &fleet.created_by)
        })
    }

    fn resource<I: ResourceId>(
        &self,
        id: I,
        name: &DisplayName,
        settings: &str,
        created_by: &str,
    ) -> Result<(), Failure> {
        let Some(here) = self.catalogue.resource(self.farm_id, id)? else {
            let new = NewResource {
                display_name: name.clone(),
                description: None,
                settings: Some(settings.to_owned()),
                tags: Tags::new(),
                created_by: created_by.to_owned(),
            };
            self.catalogue.create(self.farm_id, id, &new, None, self.now)?;
            return Ok(());
        };
        let is_same = here.display_name == *name && here.settings.as_deref() == Some(settings);
        if is_same {
            return Ok(());
        }
        let change = |_: &NamedResource<I>| {
            Ok::<_, std::convert::Infallible>(ResourceChange {
                display_name: Some(name.clone()),
                settings: Some(settings.to_owned()),
                ..ResourceChange::default()
            })
        };
        self.catalogue.change(self.farm_id, id, CREATED_BY, self.now, change)?;
        Ok(())
    }

    /// Which of its fleets work for which queues. One of a queue or fleet that the lists did not have is left out.
    pub(super) fn associations(&self, there: &[Association], names: &Names) -> Result<(), Failure> {
        let here =
            self.catalogue.associations(self.farm_id, AssociationFilter::default(), None, usize::MAX)?;
        let active: HashMap<_, _> =
            here.iter().map(|found| ((found.queue_id, found.fleet_id), found.is_active)).collect();
        for association in there {
            let (queue_id, fleet_id) = (association.queue_id, association.fleet_id);
            if !names.queues.contains_key(&queue_id) || !names.fleets.contains_key(&fleet_id) {
                continue;
            }
            let mut is_active = active.get(&(queue_id, fleet_id)).copied();
            if is_active.is_none() {
                self.catalogue.associate(self.farm_id, queue_id, fleet_id, CREATED_BY, self.now)?;
                is_active = Some(true);
            }
            if is_active != Some(association.is_active) {
                self.set_active((queue_id, fleet_id), association.is_active)?;
            }
        }
        let known: HashSet<_> = there.iter().map(|found| (found.queue_id, found.fleet_id)).collect();
        let gone = active.into_iter().filter(|(key, is_active)| *is_active && !known.contains(key));
        gone.map(|(key, _)| key).try_for_each(|key| self.set_active(key, false))
    }

    fn set_active(&self, key: (QueueId, FleetId), is_active: bool) -> Result<(), Failure> {
        self.catalogue.set_association_active(self.farm_id, key, is_active, CREATED_BY, self.now)?;
        Ok(())
    }
}
