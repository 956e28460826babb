//! Farms, queues and fleets as people create, change and delete them, beside those that records bring.

use farmtally_model::{CostScaleFactor, DisplayName, FarmId, Timestamp};

use super::client_calls::{self, ClientCall, Created};
use super::resources::{NamedResource, ResourceId, resource};
use super::tags::{self, Tagged, Tags};
use super::{Catalogue, farms, row, settings};
use crate::database::{Connection, params};
use crate::error::StoreError;

/// What somebody says about a farm, queue or fleet that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResource {
    /// What people will call it.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Option<String>,
    /// Everything else that was said, as one text that is kept as it is.
    pub settings: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Who creates it.
    pub created_by: String,
}

/// What is to change about a farm, queue or fleet. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceChange {
    /// Another name.
    pub display_name: Option<DisplayName>,
    /// Another description.
    pub description: Option<String>,
    /// Other settings, whole.
    pub settings: Option<String>,
    /// Another scale factor; of farms alone.
    pub cost_scale_factor: Option<CostScaleFactor>,
}

/// What became of the wish to delete something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Deleted,
    /// There was none.
    Missing,
    /// Something needs it; a sentence for people says what.
    InUse(String),
}

impl Catalogue {
    /// Creates a queue or fleet of a farm, which has to be there, once for each call.
    pub fn create<I: ResourceId>(
        &self,
        farm_id: FarmId,
        id: I,
        new: &NewResource,
        call: Option<&ClientCall>,
        now: Timestamp,
    ) -> Result<Created<I>, StoreError> {
        let created = self.database().write(|transaction| {
            once(transaction, call, id.bytes(), now, || {
                insert(transaction, farm_id, id, new, now)?;
                tags::insert(transaction, I::tagged(farm_id, id), &new.tags)
            })
        })?;
        Ok(match created.into_inner() {
            Created::Once(bytes) => Created::Once(I::from_bytes(bytes)),
            Created::OtherCall => Created::OtherCall,
        })
    }

    /// Creates a farm, once for each call.
    pub fn create_farm_once(
        &self,
        farm_id: FarmId,
        new: &NewResource,
        factor: CostScaleFactor,
        call: Option<&ClientCall>,
        now: Timestamp,
    ) -> Result<Created<FarmId>, StoreError> {
        let created = self.database().write(|transaction| {
            once(transaction, call, farm_id.bytes(), now, || {
                farms::insert(transaction, farm_id, new, factor, now)?;
                tags::insert(transaction, Tagged::Farm(farm_id), &new.tags)
            })
        })?;
        Ok(match created.into_inner() {
            Created::Once(bytes) => Created::Once(FarmId::from_bytes(bytes)),
            Created::OtherCall => Created::OtherCall,
        })
    }

    /// Changes a queue or fleet. `change` sees it as it is and decides in the same transaction; when it refuses, nothing
    /// changes. `None` when there is no such queue or fleet.
    pub fn change<I: ResourceId, E>(
        &self,
        farm_id: FarmId,
        id: I,
        by: &str,
        now: Timestamp,
        change: impl FnOnce(&NamedResource<I>) -> Result<ResourceChange, E>,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let changed = self.database().write(|transaction| {
            let Some(current) = resource(transaction, farm_id, id)? else { return Ok(None) };
            match change(&current) {
                Ok(change) => update(transaction, farm_id, id, &change, (by, now)).map(|()| Some(Ok(()))),
                Err(refusal) => Ok(Some(Err(refusal))),
            }
        })?;
        Ok(changed.into_inner())
    }

    /// Changes a farm. False when there is no such farm.
    pub fn change_farm(
        &self,
        farm_id: FarmId,
        change: &ResourceChange,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.database().write(|transaction| {
            transaction.execute(
                "UPDATE farms SET display_name = coalesce(?2, display_name),
                 description = coalesce(?3, description), cost_scale_nanos = coalesce(?4, cost_scale_nanos),
                 updated_at = ?5, updated_by = ?6 WHERE farm_id = ?1",
                params![
                    farm_id.bytes(),
                    change.display_name.as_ref().map(DisplayName::as_str),
                    change.description,
                    change.cost_scale_factor.map(row::factor_nanos),
                    now.millis(),
                    by
                ],
            )
        })?;
        Ok(changed.into_inner() == 1)
    }
}

/// Creates unless an earlier attempt at the same call has.
fn once(
    transaction: &Connection<'_>,
    call: Option<&ClientCall>,
    id: [u8; 16],
    now: Timestamp,
    create: impl FnOnce() -> Result<(), StoreError>,
) -> Result<Created<[u8; 16]>, StoreError> {
    if let Some(call) = call {
        if let Some(earlier) = client_calls::earlier(transaction, call, now)? {
            return Ok(earlier);
        }
        client_calls::remember(transaction, call, id, now)?;
    }
    create()?;
    Ok(Created::Once(id))
}

fn insert<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    id: I,
    new: &NewResource,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection.execute(
        &format!(
            "INSERT INTO {} (farm_id, id, given_name, description, settings, created_at, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            I::TABLE
        ),
        params![
            farm_id.bytes(),
            id.bytes(),
            new.display_name.as_str(),
            new.description,
            new.settings,
            now.millis(),
            new.created_by
        ],
    )?;
    Ok(())
}

fn update<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    id: I,
    change: &ResourceChange,
    (by, now): (&str, Timestamp),
) -> Result<(), StoreError> {
    let sql = &format!(
            "UPDATE {} SET given_name = coalesce(?3, given_name), description = coalesce(?4, description),
             settings = coalesce(?5, settings), updated_at = ?6, updated_by = ?7 WHERE farm_id = ?1 AND id = ?2",
            I::TABLE
        );
    connection.execute(
        sql,
        params![
            farm_id.bytes(),
            id.bytes(),
            change.display_name.as_ref().map(DisplayName::as_str),
            change.description,
            change.settings,
            now.millis(),
            by
        ],
    )?;
    Ok(())
}

/// Deletes a queue or fleet for which the caller found no records.
pub(crate) fn delete<I: ResourceId>(
    connection: &Connection<'_>,
    farm_id: FarmId,
    id: I,
) -> Result<Deletion, StoreError> {
    let count = connection.count(
        &format!("SELECT count(*) FROM queue_fleet_associations WHERE farm_id = ?1 AND {} = ?2", I::COLUMN),
        params![farm_id.bytes(), id.bytes()],
    )?;
    if count > 0 {
        return Ok(Deletion::InUse(format!("it has {count} queue-fleet associations; delete them first")));
    }
    tags::delete(connection, I::tagged(farm_id, id))?;
    let deleted = connection.execute(
        &format!("DELETE FROM {} WHERE farm_id = ?1 AND id = ?2", I::TABLE),
        params![farm_id.bytes(), id.bytes()],
    )?;
    Ok(if deleted == 1 { Deletion::Deleted } else { Deletion::Missing })
}

/// Deletes a farm in which the caller found no records, and everything that is kept for it.
pub(crate) fn delete_farm(connection: &Connection<'_>, farm_id: FarmId) -> Result<Deletion, StoreError> {
    for kind in ["queues", "fleets"] {
        let count = connection
            .count(&format!("SELECT count(*) FROM {kind} WHERE farm_id = ?1"), params![farm_id.bytes()])?;
        if count > 0 {
            return Ok(Deletion::InUse(format!("it still contains {count} {kind}; delete them first")));
        }
    }
    let is_sealed = connection.exists("SELECT 1 FROM seals WHERE farm_id = ?1", params![farm_id.bytes()])?;
    if is_sealed {
        let reason = "it keeps the sealed history of what was deleted, which the folder's own checks need";
        return Ok(Deletion::InUse(reason.to_owned()));
    }
    // Keys that are for this farm alone stay: they see nothing any more, and their owner may want to know them.
    for table in [
        "tags",
        "users",
        "rate_cards",
        "rate_card_versions",
        "spread_bills",
        "budgets",
        "retention",
        "aggregations",
        "batches",
        "batch_heads",
    ] {
        connection.execute(&format!("DELETE FROM {table} WHERE farm_id = ?1"), params![farm_id.bytes()])?;
    }
    settings::delete_of_farm(connection, farm_id)?;
    let deleted = connection.execute("DELETE FROM farms WHERE farm_id = ?1", params![farm_id.bytes()])?;
    Ok(if deleted == 1 { Deletion::Deleted } else { Deletion::Missing })
}
