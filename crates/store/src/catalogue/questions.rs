//! What aggregations ask, kept in a folder's catalogue: what one process has not answered when it ends, the next one answers.
//!
//! Servers that share a catalogue end the aggregations of one that gives no sign of life, and keep no questions.

use farmtally_model::{
    AggregationId, AggregationQuery, CostScaleFactor, FarmId, FleetId, Period, QueueId, Resources, TimeRange,
    Timestamp, UtcOffset,
};

use super::aggregations::{UnknownWord, parse_group_by, parse_statistics};
use super::{Catalogue, row};
use crate::database::{Connection, Row, params};
use crate::error::StoreError;

/// How often an aggregation is begun again at most, so that one which takes its process along does not do so at every start.
const RESUMED_MAX: u32 = 3;

/// An aggregation in progress whose process has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedAggregation {
    /// Its id.
    pub id: AggregationId,
    /// The farm.
    pub farm_id: FarmId,
    /// When it started.
    pub started_at: Timestamp,
    /// The farm's factor when it started.
    pub cost_scale_factor: CostScaleFactor,
    /// What it asks, unless that cannot be read, or it was begun again so often that it is not to be once more.
    pub query: Option<AggregationQuery>,
}

impl Catalogue {
    /// The aggregations in progress, where no process works on them: in a folder that was just opened. A shared catalogue has none, because
    /// servers end those of each other.
    pub fn interrupted_aggregations(&self) -> Result<Vec<InterruptedAggregation>, StoreError> {
        if self.is_shared() {
            return Ok(Vec::new());
        }
        let sql = "SELECT aggregation_id, farm_id, started_at, cost_scale_nanos, resumed_count, group_by, statistics,
                          resource_kind, resource_ids, window_start, window_end, utc_offset, period
                   FROM aggregations JOIN aggregation_questions USING (aggregation_id)
                   WHERE status = 'IN_PROGRESS'";
        self.database().read(|connection| {
            connection.query(sql, &[], |stored| {
                let resumed_count: u32 = stored.get(4)?;
                Ok(InterruptedAggregation {
                    id: stored.get(0).map(AggregationId::from_bytes)?,
                    farm_id: stored.get(1).map(FarmId::from_bytes)?,
                    started_at: row::timestamp(stored, 2)?,
                    cost_scale_factor: row::cost_scale_factor(stored, 3)?,
                    query: (resumed_count < RESUMED_MAX).then(|| query_from_row(stored).ok()).flatten(),
                })
            })
        })
    }

    /// Notes that an interrupted aggregation is begun again, with another deadline, and says how often it was. `None` when it is no longer
    /// in progress.
    pub fn resume_aggregation(
        &self,
        id: AggregationId,
        deadline: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let resumed = self.database().write(|transaction| {
            let sql =
                "UPDATE aggregations SET deadline = ?2 WHERE aggregation_id = ?1 AND status = 'IN_PROGRESS'";
            if transaction.execute(sql, params![id.bytes(), deadline.millis()])? == 0 {
                return Ok(None);
            }
            let sql = "UPDATE aggregation_questions SET resumed_count = resumed_count + 1 WHERE aggregation_id = ?1";
            transaction.execute(sql, params![id.bytes()])?;
            resumed_count(transaction, id)
        })?;
        Ok(resumed.into_inner())
    }

    /// How often an aggregation was begun again. Each time it may have had another answer.
    pub fn resumed_count(&self, id: AggregationId) -> Result<u32, StoreError> {
        if self.is_shared() {
            return Ok(0);
        }
        Ok(self.database().read(|connection| resumed_count(connection, id))?.unwrap_or(0))
    }
}

fn resumed_count(connection: &Connection<'_>, id: AggregationId) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT resumed_count FROM aggregation_questions WHERE aggregation_id = ?1";
    connection.query_row(sql, params![id.bytes()], |stored| stored.get(0))
}

/// Keeps what an aggregation asks.
pub(super) fn insert(
    transaction: &Connection<'_>,
    id: AggregationId,
    query: &AggregationQuery,
) -> Result<(), StoreError> {
    let (kind, ids) = match (query.resources().queue_ids(), query.resources().fleet_ids()) {
        (Some(ids), _) => (QUEUES, ids.iter().map(|id| id.bytes()).collect::<Vec<_>>()),
        (None, ids) => (FLEETS, ids.unwrap_or_default().iter().map(|id| id.bytes()).collect()),
    };
    let sql = "INSERT INTO aggregation_questions (aggregation_id, resource_kind, resource_ids, window_start, window_end,
                                                  utc_offset, period)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.execute(
        sql,
        params![
            id.bytes(),
            kind,
            ids.concat(),
            query.window().start().millis(),
            query.window().end().millis(),
            query.offset().to_string(),
            query.period().map(Period::as_str),
        ],
    )?;
    Ok(())
}

const QUEUES: &str = "QUEUES";
const FLEETS: &str = "FLEETS";

fn query_from_row(stored: &Row<'_>) -> Result<AggregationQuery, StoreError> {
    let (group_by, statistics) =
        (row::text(stored, 5, parse_group_by)?, row::text(stored, 6, parse_statistics)?);
    let (kind, ids): (String, Vec<u8>) = (stored.get(7)?, stored.get(8)?);
    let ids = ids.as_chunks::<16>().0.iter().copied();
    let resources = if kind == QUEUES {
        Resources::queues(ids.map(QueueId::from_bytes))
    } else {
        Resources::fleets(ids.map(FleetId::from_bytes))
    };
    let window = TimeRange::new(row::timestamp(stored, 9)?, row::timestamp(stored, 10)?);
    let offset = row::text(stored, 11, UtcOffset::parse)?;
    let period = row::optional_text(stored, 12, parse_period)?;
    let (resources, window) = (row::checked(8, resources)?, row::checked(10, window)?);
    row::checked(9, AggregationQuery::new(resources, window, offset, period, group_by, statistics))
}

fn parse_period(text: &str) -> Result<Period, UnknownWord> {
    let period = Period::ALL.into_iter().find(|period| period.as_str() == text);
    period.ok_or_else(|| UnknownWord { text: text.to_owned(), what: "a period" })
}
