//! Farms.

use farmtally_model::{CostScaleFactor, DisplayName, FarmId, Timestamp};

use super::{Catalogue, NewResource, row};
use crate::database::{Connection, Row, params};
use crate::error::StoreError;

/// A farm that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFarm {
    /// Its id.
    pub farm_id: FarmId,
    /// What people call it.
    pub display_name: DisplayName,
    /// Who creates it.
    pub created_by: String,
}

/// A farm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farm {
    /// Its id.
    pub farm_id: FarmId,
    /// What people call it.
    pub display_name: DisplayName,
    /// What people say about it.
    pub description: Option<String>,
    /// Everything else that was said about it, as one text.
    pub settings: Option<String>,
    /// What its costs are multiplied by when they are read.
    pub cost_scale_factor: CostScaleFactor,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<String>,
}

const SELECT: &str = "SELECT farm_id, display_name, description, cost_scale_nanos, created_at, created_by, \
                      updated_at, updated_by, settings FROM farms";

impl Catalogue {
    /// Creates a farm with the cost scale factor 1. A farm that exists is returned as it is.
    pub fn create_farm(&self, new: &NewFarm, now: Timestamp) -> Result<Farm, StoreError> {
        let created = self.database().write(|transaction| {
            transaction.execute(
                "INSERT INTO farms (farm_id, display_name, cost_scale_nanos, created_at, created_by)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                params![
                    new.farm_id.bytes(),
                    new.display_name.as_str(),
                    row::factor_nanos(CostScaleFactor::ONE),
                    now.millis(),
                    new.created_by,
                ],
            )?;
            farm(transaction, new.farm_id)
        })?;
        created.into_inner().ok_or(StoreError::UnknownFarm { farm_id: new.farm_id })
    }

    /// The farm with an id.
    pub fn farm(&self, farm_id: FarmId) -> Result<Option<Farm>, StoreError> {
        self.database().read(|connection| farm(connection, farm_id))
    }

    /// The farms that people call so, ordered by id.
    pub fn farm_named(&self, name: &DisplayName) -> Result<Vec<Farm>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                &format!("{SELECT} WHERE display_name = ?1 ORDER BY farm_id"),
                params![name.as_str()],
                farm_from_row,
            )
        })
    }

    /// At most `limit` farms behind `after`, ordered by id.
    pub fn farms(&self, after: Option<FarmId>, limit: usize) -> Result<Vec<Farm>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                &format!("{SELECT} WHERE ?1 IS NULL OR farm_id > ?1 ORDER BY farm_id LIMIT ?2"),
                params![after.map(FarmId::bytes), super::resources::row_limit(limit)],
                farm_from_row,
            )
        })
    }

    /// Sets what a farm's costs are multiplied by. False when there is no such farm.
    pub fn set_cost_scale_factor(
        &self,
        farm_id: FarmId,
        factor: CostScaleFactor,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.database().write(|transaction| {
            transaction.execute(
                "UPDATE farms SET cost_scale_nanos = ?2, updated_at = ?3, updated_by = ?4 WHERE farm_id = ?1",
                params![farm_id.bytes(), row::factor_nanos(factor), now.millis(), by],
            )
        })?;
        Ok(changed.into_inner() == 1)
    }
}

pub(super) fn insert(
    connection: &Connection<'_>,
    farm_id: FarmId,
    new: &NewResource,
    factor: CostScaleFactor,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO farms
             (farm_id, display_name, description, settings, cost_scale_nanos, created_at, created_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            farm_id.bytes(),
            new.display_name.as_str(),
            new.description,
            new.settings,
            row::factor_nanos(factor),
            now.millis(),
            new.created_by
        ],
    )?;
    Ok(())
}

fn farm(connection: &Connection<'_>, farm_id: FarmId) -> Result<Option<Farm>, StoreError> {
    connection.query_row(&format!("{SELECT} WHERE farm_id = ?1"), params![farm_id.bytes()], farm_from_row)
}

fn farm_from_row(stored: &Row<'_>) -> Result<Farm, StoreError> {
    Ok(Farm {
        farm_id: stored.get(0).map(FarmId::from_bytes)?,
        display_name: row::text(stored, 1, DisplayName::new)?,
        description: stored.get(2)?,
        cost_scale_factor: row::cost_scale_factor(stored, 3)?,
        created_at: row::timestamp(stored, 4)?,
        created_by: stored.get(5)?,
        updated_at: row::optional_timestamp(stored, 6)?,
        updated_by: stored.get(7)?,
        settings: stored.get(8)?,
    })
}
