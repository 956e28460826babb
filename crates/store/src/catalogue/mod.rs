//! The catalogue: everything in the folder that is not a session.
//!
//! It may be opened without the folder's lock, beside a running server, so that keys can be made and settings read by the
//! command line. Each call is one transaction; those that write are synced when they return, but for the one that begins an aggregation.

mod access_keys;
mod aggregations;
mod associations;
mod budgets;
pub(crate) mod changes;
mod client_calls;
mod farms;
mod questions;
mod rate_cards;
mod resources;
mod retention;
pub(crate) mod row;
mod schema;
mod settings;
mod spread_bills;
mod tags;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use farmtally_model::FarmId;

use crate::answers::AnswerFiles;
use crate::audit::AuditLog;
use crate::batches;
use crate::database::Database;
use crate::error::{OpenError, StoreError};
use crate::folder::{self, MasterKey};
use crate::location::{SharedPlaces, StoreLocation};
use crate::objects::{Objects, shown};
use crate::sealed::{Manifest, Segment};
use crate::shared;
use crate::shared_format::OURS;

pub use access_keys::StoredAccessKey;
pub(crate) use schema::{Table, tables};

pub use aggregations::{AggregationState, Begun, NewAggregation};
pub use associations::{Association, AssociationDeletion, AssociationFilter};
pub use budgets::{Budget, Passed, Webhook};
pub use changes::{Deletion, NewResource, ResourceChange};
pub use client_calls::{ClientCall, Created};
pub use farms::{Farm, NewFarm};
pub use questions::InterruptedAggregation;
pub use rate_cards::RateCardVersion;
pub use resources::{NamedResource, ResourceId};
pub use spread_bills::SpreadBill;
pub use tags::{Tagged, Tags};

/// A digest of the master key, in a shared catalogue.
const MASTER_KEY_CHECK: &str = "master-key-check";

/// What marks the shared files of a catalogue: a setting, and a file among them.
const STORE_ID: &str = "store-id";

/// What becomes of the aggregations of a server that gives no sign of life.
const ABANDONED: &str = "the server that ran this aggregation stopped or lost its database; start it again";

/// The registry, rate cards, access keys, aggregations and settings of a folder.
#[derive(Debug)]
pub struct Catalogue {
    database: Database,
    master_key: MasterKey,
    answers: AnswerFiles,
    audit: AuditLog,
    /// Where a shared store has its files.
    objects: Option<Arc<Objects>>,
}

impl Catalogue {
    /// Opens the catalogue of a folder, creating both if they are not there. The folder's lock is not needed.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_at(&StoreLocation::of_folder(dir)?)
    }

    pub(crate) fn open_at(location: &StoreLocation) -> Result<Self, OpenError> {
        let dir = location.path();
        folder::create(dir)?;
        let _creation = folder::hold_for_creation(dir)?;
        match location.places() {
            None => Self::in_folder(dir),
            Some(places) => Self::in_shared(dir, places),
        }
    }

    fn in_folder(dir: &Path) -> Result<Self, OpenError> {
        let master_key = folder::master_key(dir)?;
        let path = folder::catalogue_file(dir)?;
        let database =
            Database::open_file(&path, |connection, file| schema::prepare(connection, &path, file))?;
        let (answers, audit) = (AnswerFiles::new(dir, None), AuditLog::in_folder(dir));
        Ok(Self { database, master_key, answers, audit, objects: None })
    }

    /// Writes the catalogue of a folder anew as SQLite reads it, with checksums of what its pages are now. For an owner who knows
    /// why they do not match: another program had it open.
    pub(crate) fn trust(dir: &Path) -> Result<(), OpenError> {
        let _creation = folder::hold_for_creation(dir)?;
        let path = folder::catalogue_file(dir)?;
        Database::write_trusted_anew(&path, |connection, file| schema::prepare(connection, &path, file))
    }

    /// The segments of all farms.
    pub(crate) fn segments(&self) -> Result<Vec<(FarmId, Segment)>, StoreError> {
        self.database.read(|connection| {
            let mut segments = Vec::new();
            for farm_id in batches::farms(connection)? {
                let manifest = Manifest::load(connection, farm_id)?.manifest;
                segments.extend(manifest.segments().map(|segment| (farm_id, segment.clone())));
            }
            Ok(segments)
        })
    }

    /// A shared catalogue that is empty is made, and its files are marked as its own.
    fn in_shared(dir: &Path, places: &SharedPlaces) -> Result<Self, OpenError> {
        let database = Database::connect(&places.catalogue, OURS)?;
        let master_key = shared_key(&database, dir)?;
        let objects = Arc::new(Objects::at(&places.segments)?);
        match_segments(&database, &objects, &shown(&places.segments))?;
        let answers = AnswerFiles::new(dir, Some(Arc::clone(&objects)));
        Ok(Self { database, master_key, answers, audit: AuditLog::in_folder(dir), objects: Some(objects) })
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

    /// Whether other servers may use it at the same time.
    pub const fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    pub(crate) const fn objects(&self) -> Option<&Arc<Objects>> {
        self.objects.as_ref()
    }

    /// Refuses to copy tables of which this program does not know all.
    pub(crate) fn refuse_newer_tables(&self) -> Result<(), OpenError> {
        if !self.database.is_shared() {
            return Ok(());
        }
        let sql = "SELECT version FROM catalogue_format";
        let (found, known) = (self.database.read(|connection| connection.count(sql, &[]))?, OURS.version());
        if found > known { Err(OpenError::NewerFormat { found, known }) } else { Ok(()) }
    }

    /// Tells the other servers that this one lives, and ends what those left behind that live no more.
    pub(crate) fn beat(&self) -> Result<(), StoreError> {
        let Some(node) = self.database.node() else { return Ok(()) };
        let abandoned = self.database.pulse(|connection| {
            shared::beat(connection, node, OURS.version())?;
            shared::end_abandoned(connection, ABANDONED)
        })?;
        if abandoned > 0 {
            tracing::warn!(abandoned, "aggregations of a server that gives no sign of life were timed out");
        }
        Ok(())
    }

    /// Tells the other servers that this one ends.
    pub(crate) fn depart(&self) -> Result<(), StoreError> {
        let Some(node) = self.database.node() else { return Ok(()) };
        self.database.pulse(|connection| shared::depart(connection, node))
    }
}

/// The key of this server, which has to be the one that the secrets of the catalogue are sealed under.
fn shared_key(database: &Database, dir: &Path) -> Result<MasterKey, OpenError> {
    let known = database.read(|connection| settings::get(connection, MASTER_KEY_CHECK))?;
    if known.is_some() && !folder::has_master_key(dir) {
        return Err(folder::other_key(dir, "is missing"));
    }
    let key = folder::master_key(dir)?;
    let check =
        Sha256::new().chain_update(b"farmtally master key").chain_update(key.expose_secret()).finalize();
    let known = database.write(|connection| settings::get_or_put(connection, MASTER_KEY_CHECK, &check))?;
    if known.into_inner() == check[..] {
        Ok(key)
    } else {
        Err(folder::other_key(dir, "is not the key that this catalogue's secrets are sealed under"))
    }
}

/// Sees that the shared files are those of the catalogue: a folder that is not mounted looks like an empty one.
fn match_segments(database: &Database, objects: &Objects, address: &str) -> Result<(), OpenError> {
    let mut fresh = [0; 16];
    getrandom::fill(&mut fresh).map_err(|error| StoreError::Database { cause: error.to_string() })?;
    let fresh = format!("{:032x}", u128::from_be_bytes(fresh));
    let id = database.write(|connection| {
        let id = settings::get_or_put(connection, STORE_ID, fresh.as_bytes())?;
        let is_empty = !connection.exists("SELECT 1 FROM segments LIMIT 1", &[])?;
        Ok((id, is_empty))
    })?;
    let (id, is_empty) = id.into_inner();
    let other =
        |reason: &str| OpenError::OtherSegments { address: address.to_owned(), reason: reason.to_owned() };
    match objects.get(STORE_ID)? {
        Some(found) if found == id[..] => Ok(()),
        Some(_) => Err(other("its `store-id` is that of another catalogue")),
        None if is_empty => Ok(objects.put(STORE_ID, &id)?),
        None => Err(other("its `store-id` is missing; is it mounted?")),
    }
}
