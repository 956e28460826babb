//! The service's documents as they are read, without a service: the way in for whoever has bytes and wants to know what a
//! copy would make of them.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answers::{
    AssociationsPage, Farm, FleetsPage, JobsPage, Page, QueuesPage, RawFarm, SessionsBatch, SessionsFound,
    SessionsPage,
};
use crate::credentials::Credentials;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The answer to `GetFarm`.
    Farm,
    /// A page of `ListQueues`.
    Queues,
    /// A page of `ListFleets`.
    Fleets,
    /// A page of `ListQueueFleetAssociations`.
    Associations,
    /// A page of `ListJobs`.
    Jobs,
    /// A page of `ListSessions`.
    Sessions,
    /// Credentials of a container, an instance or a program.
    Credentials,
}

impl Document {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Farm,
        Self::Queues,
        Self::Fleets,
        Self::Associations,
        Self::Jobs,
        Self::Sessions,
        Self::Credentials,
    ];

    /// Reads a document, and gives the number of its entries; or what is wrong with it.
    pub fn read(self, bytes: &[u8]) -> Result<usize, String> {
        match self {
            Self::Farm => json::<RawFarm>(bytes).and_then(Farm::read).map(|_| 1),
            Self::Queues => page::<QueuesPage>(bytes),
            Self::Fleets => page::<FleetsPage>(bytes),
            Self::Associations => page::<AssociationsPage>(bytes),
            Self::Jobs => page::<JobsPage>(bytes),
            Self::Sessions => page::<SessionsPage>(bytes),
            Self::Credentials => {
                let found = Credentials::from_json(&json::<Value>(bytes)?);
                found.map(|_| 1).ok_or_else(|| "no credentials".to_owned())
            }
        }
    }
}

/// Reads the answer to a wish for several sessions.
pub fn read_sessions(bytes: &[u8]) -> Result<SessionsFound, String> {
    let SessionsBatch { sessions, errors } = json(bytes)?;
    Ok(SessionsFound { sessions, missing: errors })
}

fn page<P: Page + DeserializeOwned>(bytes: &[u8]) -> Result<usize, String> {
    json::<P>(bytes)?.into_parts().map(|(entries, _)| entries.len())
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}
