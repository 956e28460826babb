//! The values of a dimension, for whoever picks one.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use farmtally_model::question::FilteredBy;
use farmtally_model::{Dimension, FarmId, Outcome, UsageType};

use super::error::UsageError;
use super::names::NamedValue;
use super::{Asked, UsageNames};
use crate::access::Caller;
use crate::service::Service;

/// Which values are asked for.
#[derive(Debug, Clone)]
pub struct ValuesRequest {
    /// Of what.
    pub by: FilteredBy,
    /// What the name or the id begins with, in any case; nothing for all.
    pub prefix: String,
    /// What the name or the id has in it, in any case; nothing for all.
    pub contains: String,
    /// Most values.
    pub limit: usize,
}

/// Values by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundValues {
    /// The first of them.
    pub values: Vec<NamedValue>,
    /// Whether there are more.
    pub more: bool,
}

impl Service {
    /// The values that a farm has of a dimension, by name.
    pub fn usage_values(
        &self,
        caller: &Caller,
        farm_id: FarmId,
        request: &ValuesRequest,
        cancelled: &AtomicBool,
    ) -> Result<FoundValues, UsageError> {
        let asked = self.asked(caller, farm_id)?;
        let (prefix, contains) = (request.prefix.to_lowercase(), request.contains.to_lowercase());
        let is_wanted = |text: &str| {
            let text = text.to_lowercase();
            text.starts_with(&prefix) && text.contains(&contains)
        };
        let mut found = BTreeMap::new();
        for value in asked.values(&request.by) {
            if is_wanted(&value.name) || is_wanted(&value.id) {
                found.insert((value.name.to_lowercase(), value.id.clone()), value);
            }
            if cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(UsageError::Cancelled);
            }
        }
        let more = found.len() > request.limit;
        Ok(FoundValues { values: found.into_values().take(request.limit).collect(), more })
    }
}

impl Asked<'_> {
    fn values<'s>(&'s self, by: &'s FilteredBy) -> Box<dyn Iterator<Item = NamedValue> + 's> {
        let (registry, snapshot) = (&self.registry, &self.snapshot);
        let text = |text: &str| NamedValue::new(&text, None::<&String>);
        match by {
            FilteredBy::Pattern(pattern) => Box::new(
                snapshot.jobs().iter().filter_map(move |job| pattern.capture(job.name.as_str()).map(text)),
            ),
            FilteredBy::Dimension(dimension) => match dimension {
                Dimension::Queue => {
                    Box::new(registry.queues.iter().map(|(id, name)| NamedValue::new(id, Some(name))))
                }
                Dimension::Fleet => {
                    Box::new(registry.fleets.iter().map(|(id, name)| NamedValue::new(id, Some(name))))
                }
                Dimension::User => {
                    Box::new(registry.users.iter().map(|(id, name)| NamedValue::new(id, name.as_ref())))
                }
                Dimension::Job => {
                    Box::new(snapshot.jobs().iter().map(|job| UsageNames::job(job.job_id, &job.name)))
                }
                Dimension::JobName => {
                    Box::new(snapshot.jobs().iter().map(move |job| text(job.name.as_str())))
                }
                Dimension::InstanceType => {
                    let kinds = snapshot.instance_types().iter().flatten();
                    Box::new(kinds.map(move |kind| text(kind.as_str())))
                }
                Dimension::LicenseProduct => {
                    Box::new(snapshot.products().iter().map(move |product| text(product.as_str())))
                }
                Dimension::Worker => {
                    let workers = snapshot.workers().iter().flatten();
                    Box::new(workers.map(|id| NamedValue::new(id, None::<&String>)))
                }
                Dimension::UsageType => {
                    let known = [UsageType::Compute, UsageType::License, UsageType::PersistentVolume];
                    Box::new(known.into_iter().map(move |known| text(known.as_str())))
                }
                Dimension::Outcome => Box::new(Outcome::ALL.into_iter().map(move |(name, _)| text(name))),
            },
        }
    }
}
