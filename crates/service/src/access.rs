//! Who may do what: one table from role and action to an answer, and nothing allowed that is not in it.

use farmtally_model::FarmId;

use crate::error::ServiceError;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads farms and statistics.
    Reader,
    /// Sends sessions in, and reads nothing.
    Ingester,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role with its text.
    pub const ALL: [(&'static str, Self); 3] =
        [("reader", Self::Reader), ("ingester", Self::Ingester), ("admin", Self::Admin)];

    /// The role with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, role)| *role)
    }

    /// The text of the role.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Ingester => "ingester",
            Self::Admin => "admin",
        }
    }
}

/// What somebody wants to do to a farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start or read an aggregation.
    ReadStatistics,
    /// See the farm: its queues, fleets, jobs, workers and sessions.
    ReadFarm,
    /// Create, change or delete farms, queues and fleets.
    ManageFarm,
    /// Send sessions and volumes in.
    Ingest,
    /// Delete a session or volume.
    Delete,
    /// Price what is stored anew, or spread a bill over it.
    ChangeCosts,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] = [
        Self::ReadStatistics,
        Self::ReadFarm,
        Self::ManageFarm,
        Self::Ingest,
        Self::Delete,
        Self::ChangeCosts,
    ];

    const fn is_allowed_for(self, role: Role) -> bool {
        match (role, self) {
            (Role::Admin, _)
            | (Role::Reader, Self::ReadStatistics | Self::ReadFarm)
            | (Role::Ingester, Self::Ingest) => true,
            (Role::Reader, Self::ManageFarm | Self::Ingest | Self::Delete | Self::ChangeCosts)
            | (
                Role::Ingester,
                Self::ReadStatistics | Self::ReadFarm | Self::ManageFarm | Self::Delete | Self::ChangeCosts,
            ) => false,
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::ReadStatistics => "read statistics",
            Self::ReadFarm => "read farms and what is in them",
            Self::ManageFarm => "create, change or delete farms, queues and fleets",
            Self::Ingest => "send sessions",
            Self::Delete => "delete sessions",
            Self::ChangeCosts => "change the costs of sessions",
        }
    }
}

/// What a caller may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key's role does not allow it.
    Denied { access_key_id: String, role: Role, action: Action },
    /// The key cannot see the farm.
    FarmNotVisible(FarmId),
}

/// Whoever signed a request, as their key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key.
    pub access_key_id: String,
    /// What the key is for.
    pub role: Role,
    /// The only farm that the key can see, or `None` for all.
    pub farm_id: Option<FarmId>,
}

impl Caller {
    /// Whether the caller's key can see a farm at all.
    pub fn sees(&self, farm_id: FarmId) -> bool {
        self.farm_id.is_none_or(|only| only == farm_id)
    }

    /// Refuses what the role does not allow, whichever farm it is about.
    pub fn may(&self, action: Action) -> Result<(), ServiceError> {
        Ok(self.require(action)?)
    }

    pub(crate) fn require(&self, action: Action) -> Result<(), Refusal> {
        if action.is_allowed_for(self.role) {
            Ok(())
        } else {
            Err(Refusal::Denied { access_key_id: self.access_key_id.clone(), role: self.role, action })
        }
    }

    /// Refuses what the role does not allow, and a farm that the key cannot see.
    pub(crate) fn require_on(&self, action: Action, farm_id: FarmId) -> Result<(), Refusal> {
        self.require(action)?;
        if self.sees(farm_id) { Ok(()) } else { Err(Refusal::FarmNotVisible(farm_id)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, farm_id: Option<FarmId>) -> Caller {
        Caller { access_key_id: "FTAK".into(), role, farm_id }
    }

    #[test]
    fn each_role_may_do_its_own_work_and_nothing_else() {
        let allowed =
            |role| Action::ALL.into_iter().filter(move |action| caller(role, None).require(*action).is_ok());
        assert_eq!(allowed(Role::Reader).collect::<Vec<_>>(), [Action::ReadStatistics, Action::ReadFarm]);
        assert_eq!(allowed(Role::Ingester).collect::<Vec<_>>(), [Action::Ingest]);
        assert_eq!(allowed(Role::Admin).collect::<Vec<_>>(), Action::ALL);
    }

    #[test]
    fn a_key_of_one_farm_sees_no_other() {
        let (mine, other) = (FarmId::from_bytes([1; 16]), FarmId::from_bytes([2; 16]));
        let caller = caller(Role::Admin, Some(mine));
        assert!(caller.require_on(Action::ReadFarm, mine).is_ok());
        let refusal = caller.require_on(Action::ReadFarm, other).unwrap_err();
        assert_eq!(refusal, Refusal::FarmNotVisible(other));
    }
}
