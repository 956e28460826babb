//! What people call things: the farm's registry, and the names that an answer needs of it.

use std::collections::HashMap;
use std::hash::Hash;

use farmtally_model::{
    DimensionValue, DisplayName, FarmId, FleetId, GroupMembers, JobId, JobName, QueueId, UsageTable, UserId,
};
use farmtally_store::Catalogue;

use crate::error::ServiceError;

/// The queues, fleets and users of a farm with their names.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) queues: Vec<(QueueId, DisplayName)>,
    pub(super) fleets: Vec<(FleetId, DisplayName)>,
    pub(super) users: Vec<(UserId, Option<DisplayName>)>,
}

impl Registry {
    pub(super) fn load(catalogue: &Catalogue, farm_id: FarmId) -> Result<Self, ServiceError> {
        Ok(Self {
            queues: queues(catalogue, farm_id)?,
            fleets: fleets(catalogue, farm_id)?,
            users: catalogue.users(farm_id)?,
        })
    }

    /// The names of the values that occur in an answer.
    pub(super) fn names_for(&self, table: &UsageTable) -> UsageNames {
        let mut names = UsageNames::default();
        let (queues, fleets, users) = (by_id(&self.queues), by_id(&self.fleets), by_id(&self.users));
        let values = table.groups.iter().filter_map(|group| match &group.members {
            GroupMembers::Values(values) => Some(values.iter().flatten()),
            GroupMembers::Others { .. } => None,
        });
        for value in values.flatten() {
            match value {
                DimensionValue::Queue(id) => note(&mut names.queues, &queues, id),
                DimensionValue::Fleet(id) => note(&mut names.fleets, &fleets, id),
                DimensionValue::User(id) => {
                    if let Some(Some(name)) = users.get(id) {
                        names.users.insert(id.clone(), name.clone());
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// The users that have a name.
    pub(super) fn named_users(&self) -> Vec<(UserId, DisplayName)> {
        named_users(&self.users)
    }

    /// All names.
    pub(super) fn all_names(&self) -> UsageNames {
        UsageNames {
            queues: self.queues.iter().cloned().collect(),
            fleets: self.fleets.iter().cloned().collect(),
            users: self.named_users().into_iter().collect(),
        }
    }
}

fn queues(catalogue: &Catalogue, farm_id: FarmId) -> Result<Vec<(QueueId, DisplayName)>, ServiceError> {
    let queues = catalogue.queues(farm_id, None, usize::MAX)?;
    Ok(queues.into_iter().map(|queue| (queue.id, queue.display_name)).collect())
}

fn fleets(catalogue: &Catalogue, farm_id: FarmId) -> Result<Vec<(FleetId, DisplayName)>, ServiceError> {
    let fleets = catalogue.fleets(farm_id, None, usize::MAX)?;
    Ok(fleets.into_iter().map(|fleet| (fleet.id, fleet.display_name)).collect())
}

fn named_users(users: &[(UserId, Option<DisplayName>)]) -> Vec<(UserId, DisplayName)> {
    users.iter().filter_map(|(id, name)| Some((id.clone(), name.clone()?))).collect()
}

/// Whatever has a name as it is written or, if nothing has that, in any case.
pub(super) fn called<'a, T>(all: &'a [T], name_of: impl Fn(&T) -> &str, text: &str) -> Vec<&'a T> {
    let with =
        |has: &dyn Fn(&str) -> bool| -> Vec<&'a T> { all.iter().filter(|one| has(name_of(one))).collect() };
    let exact = with(&|name| name == text);
    if !exact.is_empty() {
        return exact;
    }
    let lower = text.to_lowercase();
    with(&|name| name.to_lowercase() == lower)
}

fn by_id<K: Eq + Hash, N>(named: &[(K, N)]) -> HashMap<&K, &N> {
    named.iter().map(|(id, name)| (id, name)).collect()
}

fn note<K: Eq + Hash + Copy>(names: &mut HashMap<K, DisplayName>, known: &HashMap<&K, &DisplayName>, id: &K) {
    if let Some(name) = known.get(id) {
        names.insert(*id, (*name).clone());
    }
}

/// What people call the values of an answer.
#[derive(Debug, Clone, Default)]
pub struct UsageNames {
    queues: HashMap<QueueId, DisplayName>,
    fleets: HashMap<FleetId, DisplayName>,
    users: HashMap<UserId, DisplayName>,
}

/// An id and a name; the same text twice where there is but one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedValue {
    /// The id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

impl NamedValue {
    pub(super) fn new(id: &impl ToString, name: Option<&impl ToString>) -> Self {
        let id = id.to_string();
        let name = name.map_or_else(|| id.clone(), ToString::to_string);
        Self { id, name }
    }
}

impl UsageNames {
    /// A value by its id and name.
    pub fn named(&self, value: &DimensionValue) -> NamedValue {
        match value {
            DimensionValue::Queue(id) => self.queue(*id),
            DimensionValue::Fleet(id) => self.fleet(*id),
            DimensionValue::User(id) => self.user(id),
            DimensionValue::Job(id, name) => Self::job(*id, name),
            other => NamedValue::new(other, None::<&String>),
        }
    }

    /// A queue.
    pub fn queue(&self, id: QueueId) -> NamedValue {
        NamedValue::new(&id, self.queues.get(&id))
    }

    /// A fleet.
    pub fn fleet(&self, id: FleetId) -> NamedValue {
        NamedValue::new(&id, self.fleets.get(&id))
    }

    /// A user.
    pub fn user(&self, id: &UserId) -> NamedValue {
        NamedValue::new(id, self.users.get(id))
    }

    /// A job.
    pub fn job(id: JobId, name: &JobName) -> NamedValue {
        NamedValue::new(&id, Some(name))
    }
}
