//! The catalogue: everything in the folder that is not a session.
//!
//! It may be opened without the folder's lock, beside a running server, so that keys can be made and settings read by the
//! command line. Each call is one transaction; those that write are synced when they return.

mod access_keys;
mod aggregations;
mod associations;
mod budgets;
pub(crate) mod changes;
mod client_calls;
mod farms;
mod rate_cards;
mod resources;
mod retention;
pub(crate) mod row;
mod schema;
mod settings;
mod spread_bills;
mod tags;

use std::path::Path;

use crate::answers::AnswerFiles;
use crate::audit::AuditLog;
use crate::database::Database;
use crate::error::{OpenError, StoreError};
use crate::folder::{self, MasterKey};

pub use access_keys::StoredAccessKey;
pub use aggregations::{AggregationState, Begun, NewAggregation};
pub use associations::{Association, AssociationDeletion, AssociationFilter};
pub use budgets::{Budget, Passed, Webhook};
pub use changes::{Deletion, NewResource, ResourceChange};
pub use client_calls::{ClientCall, Created};
pub use farms::{Farm, NewFarm};
pub use rate_cards::RateCardVersion;
pub use resources::{NamedResource, ResourceId};
pub use spread_bills::SpreadBill;
pub use tags::{Tagged, Tags};

/// The registry, rate cards, access keys, aggregations and settings of a folder.
#[derive(Debug)]
pub struct Catalogue {
    database: Database,
    master_key: MasterKey,
    answers: AnswerFiles,
    audit: AuditLog,
}

impl Catalogue {
    /// Opens the catalogue of a folder, creating both if they are not there. The folder's lock is not needed.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        folder::create(dir)?;
        let _creation = folder::hold_for_creation(dir)?;
        let master_key = folder::master_key(dir)?;
        let path = folder::catalogue_file(dir)?;
        let database = Database::open_file(&path, |connection| schema::prepare(connection, &path))?;
        let (answers, audit) = (AnswerFiles::new(dir), AuditLog::in_folder(dir));
        Ok(Self { database, master_key, answers, audit })
    }

    /// Copies the catalogue, as it is at one instant, into a file that is not there.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        drop(
            folder::new_private_file(path)
                .map_err(|error| StoreError::file(path.display().to_string(), &error))?,
        );
        self.database().copy_to(path)
    }

    /// The key under which secrets are sealed.
    pub fn master_key(&self) -> MasterKey {
        self.master_key.clone()
    }

    /// Who changed what in the folder.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}
