//! Aggregations and their states, which outlive the process that runs them.
//!
//! That one aggregation of a farm runs at a time, and that a call sent again finds its own, are unique indexes: no race
//! between threads or processes can break them. A state that has ended is never left, because every change asks for
//! `IN_PROGRESS`.

use std::collections::HashSet;

use farmtally_model::aggregation::Status;
use farmtally_model::{
    AggregationId, AggregationQuery, CostScaleFactor, FarmId, GroupBy, Statistic, StatisticSet,
    StatisticsTable, Timestamp, UsageGroupBy,
};

use super::{Catalogue, questions, row};
use crate::answers::{AnswerChecksum, AnswersThere};
use crate::database::{Connection, Row, params};
use crate::error::{OpenError, StoreError};
use crate::shared;

/// An aggregation that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAggregation {
    /// Its id.
    pub id: AggregationId,
    /// The farm.
    pub farm_id: FarmId,
    /// The same for every attempt of one client call, if the client said which call it is.
    pub retry_key: Option<[u8; 32]>,
    /// When it starts.
    pub started_at: Timestamp,
    /// When it times out.
    pub deadline: Timestamp,
    /// What it asks.
    pub query: AggregationQuery,
    /// The farm's factor when it started.
    pub cost_scale_factor: CostScaleFactor,
}

/// What became of the wish to begin an aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is in progress, and the caller is to run it.
    Started,
    /// An earlier attempt of the same call began this one.
    Retried(AggregationId),
    /// Another one of the farm is in progress.
    Busy {
        /// The other one.
        id: AggregationId,
        /// When it started.
        started_at: Timestamp,
    },
}

/// An aggregation as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregationState {
    /// How far it is.
    pub status: Status,
    /// Why it failed or timed out.
    pub status_message: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it times out, or would have.
    pub deadline: Timestamp,
    /// What its rows are grouped by.
    pub group_by: GroupBy,
    /// What its answer shows.
    pub statistics: StatisticSet,
    /// The farm's factor when it started.
    pub cost_scale_factor: CostScaleFactor,
    /// Rows of its answer; `None` until it is completed.
    pub row_count: Option<u64>,
}

impl Catalogue {
    /// Begins an aggregation unless an attempt of the same call did, or the farm has one in progress.
    ///
    /// In a file that is not synced, so that a power cut may take the aggregation that was begun last; see `docs/durability.md`.
    pub fn begin_aggregation(&self, new: &NewAggregation) -> Result<Begun, StoreError> {
        let database = self.database();
        let attempt = || {
            database.note(|transaction| {
                if let Some(id) = earlier_attempt(transaction, new)? {
                    return Ok(Begun::Retried(id));
                }
                if let Some(busy) = in_progress(transaction, new.farm_id)? {
                    return Ok(busy);
                }
                insert(transaction, new)?;
                match database.node() {
                    Some(node) => shared::own_aggregation(transaction, new.id.bytes(), node)?,
                    None => questions::insert(transaction, new.id, &new.query)?,
                }
                Ok(Begun::Started)
            })
        };
        // Of several servers that find none in progress, the unique index lets one begin; the others look again.
        database.settle(attempt)
    }

    /// Completes an aggregation with its answer. False, and nothing is kept, when it is no longer in progress.
    ///
    /// The answer is written and not synced; see `docs/durability.md`.
    pub fn complete_aggregation(
        &self,
        id: AggregationId,
        table: &StatisticsTable,
    ) -> Result<bool, StoreError> {
        // Asked before the file is written, which may be that of an aggregation that was completed already.
        if !self.database().read(|connection| is_in_progress(connection, id))? {
            return Ok(false);
        }
        let checksum = self.answers.write(id, table)?;
        let completed = self.complete(id, table, checksum);
        // One that was not confirmed may be there, and then its answer has to be.
        let may_be_there = matches!(
            completed,
            Ok(true) | Err(StoreError::Unconfirmed { .. } | StoreError::NotDurable { .. })
        );
        if !may_be_there {
            self.answers.remove(id);
        }
        completed
    }

    /// Completes an aggregation whose answer was shown and cannot be kept, on a disk that does not take it. Whoever reads it later
    /// is told to start it again. False when it is no longer in progress.
    pub fn complete_without_file(
        &self,
        id: AggregationId,
        table: &StatisticsTable,
    ) -> Result<bool, StoreError> {
        self.complete(id, table, [0; 16])
    }

    fn complete(
        &self,
        id: AggregationId,
        table: &StatisticsTable,
        checksum: AnswerChecksum,
    ) -> Result<bool, StoreError> {
        let completed = self.database().write(|transaction| {
            let row_count = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
            Ok(transaction.execute(
                "UPDATE aggregations SET status = 'COMPLETED', row_count = ?2, answer_checksum = ?3
                 WHERE aggregation_id = ?1 AND status = 'IN_PROGRESS'",
                params![id.bytes(), row_count, checksum],
            )? == 1)
        })?;
        Ok(completed.into_inner())
    }

    /// Whether an answer of so many rows may be shown before it is kept: its aggregation is in progress, the next process would answer it
    /// again, and the disk has room enough to expect that it will be kept.
    pub fn may_show_before_keeping(&self, id: AggregationId, row_count: usize) -> Result<bool, StoreError> {
        let may = !self.is_shared() && self.answers.have_room(row_count);
        Ok(may && self.database().read(|connection| is_in_progress(connection, id))?)
    }

    /// Ends an aggregation without an answer. False when it is no longer in progress, or when `status` is not an end
    /// without an answer.
    pub fn end_aggregation(
        &self,
        id: AggregationId,
        status: Status,
        message: &str,
    ) -> Result<bool, StoreError> {
        if !matches!(status, Status::Failed | Status::Timeout) {
            return Ok(false);
        }
        let ended = self.database().write(|transaction| {
            Ok(transaction.execute(
                "UPDATE aggregations SET status = ?2, status_message = ?3
                 WHERE aggregation_id = ?1 AND status = 'IN_PROGRESS'",
                params![id.bytes(), status.as_str(), message],
            )? == 1)
        })?;
        Ok(ended.into_inner())
    }

    /// Times out every aggregation that is in progress at or past its deadline, but for those that somebody here will end, and says
    /// how many.
    pub fn time_out_overdue(
        &self,
        now: Timestamp,
        message: &str,
        is_ended_here: impl Fn(FarmId, AggregationId) -> bool,
    ) -> Result<usize, StoreError> {
        let sql = "SELECT aggregation_id, farm_id FROM aggregations WHERE status = 'IN_PROGRESS' AND deadline <= ?1";
        let overdue: Vec<(AggregationId, FarmId)> = self.database().read(|connection| {
            connection.query(sql, params![now.millis()], |stored| {
                Ok((aggregation_id(stored)?, stored.get(1).map(FarmId::from_bytes)?))
            })
        })?;
        let mut count = 0;
        for (id, farm_id) in overdue {
            if !is_ended_here(farm_id, id) {
                count += usize::from(self.end_aggregation(id, Status::Timeout, message)?);
            }
        }
        Ok(count)
    }

    /// Fails those aggregations in progress of which a program of before did not keep what they ask: the process that ran them is gone.
    pub(crate) fn end_orphans(&self, message: &str) -> Result<usize, StoreError> {
        let ended = self.database().write(|transaction| {
            transaction.execute(
                "UPDATE aggregations SET status = 'FAILED', status_message = ?1
                 WHERE status = 'IN_PROGRESS' AND aggregation_id NOT IN (SELECT aggregation_id FROM aggregation_questions)",
                params![message],
            )
        })?;
        Ok(ended.into_inner())
    }

    /// The state of a farm's aggregation.
    pub fn aggregation(
        &self,
        farm_id: FarmId,
        id: AggregationId,
    ) -> Result<Option<AggregationState>, StoreError> {
        self.database().read(|connection| {
            connection.query_row(
                "SELECT status, status_message, started_at, deadline, group_by, statistics, cost_scale_nanos,
                        row_count
                 FROM aggregations WHERE aggregation_id = ?1 AND farm_id = ?2",
                params![id.bytes(), farm_id.bytes()],
                state_from_row,
            )
        })
    }

    /// The answer of a completed aggregation, verified; `None` when there is none.
    pub fn result(&self, id: AggregationId) -> Result<Option<StatisticsTable>, StoreError> {
        let Some((group_by, row_count, checksum)) = self.kept_answer(id)? else { return Ok(None) };
        let read = self.answers.read(id, group_by, row_count, checksum);
        // One that is forgotten while it is read looks like a damaged one.
        if matches!(read, Err(StoreError::DamagedAnswer { .. })) && self.kept_answer(id)?.is_none() {
            return Ok(None);
        }
        read.map(Some)
    }

    /// What has to be known of the answer of a completed aggregation to read it; `None` when there is no such.
    fn kept_answer(&self, id: AggregationId) -> Result<Option<(GroupBy, u64, AnswerChecksum)>, StoreError> {
        self.database().read(|connection| {
            connection.query_row(
                "SELECT group_by, row_count, answer_checksum FROM aggregations
                 WHERE aggregation_id = ?1 AND status = 'COMPLETED'",
                params![id.bytes()],
                |stored| {
                    let row_count = row_count(stored, 1)?.unwrap_or(0);
                    Ok((row::text(stored, 0, parse_group_by)?, row_count, stored.get(2)?))
                },
            )
        })
    }

    /// Forgets aggregations that started earlier, with their answers, but for those in progress; says how many.
    pub fn purge_aggregations(&self, started_before: Timestamp) -> Result<usize, StoreError> {
        let purged = self.database().write(|transaction| {
            transaction.query::<_, Vec<_>>(
                "DELETE FROM aggregations WHERE started_at < ?1 AND status <> 'IN_PROGRESS'
                 RETURNING aggregation_id",
                params![started_before.millis()],
                aggregation_id,
            )
        })?;
        let purged = purged.into_inner();
        for id in &purged {
            self.answers.remove(*id);
        }
        Ok(purged.len())
    }

    /// Removes from this server's folder what a crash left there on its way to the shared files.
    pub(crate) fn clear_answers(&self) -> Result<(), OpenError> {
        self.answers.clear()
    }

    /// Makes rows and files agree: forgets completed aggregations whose answers are not in the folder, as in a backup, and
    /// removes answers that no aggregation has.
    pub(crate) fn match_answers(&self) -> Result<(), OpenError> {
        let AnswersThere { first, second } = self.answers.list()?;
        let completed = self.database().read(|connection| {
            let sql = "SELECT aggregation_id FROM aggregations WHERE status = 'COMPLETED'";
            connection.query::<_, HashSet<_>>(sql, &[], aggregation_id)
        })?;
        let is_kept = |id: &AggregationId| completed.contains(id) && first.contains(id);
        for id in first.union(&second).filter(|id| !is_kept(id)) {
            self.answers.remove(*id);
        }
        let lost: Vec<_> = completed.difference(&first).copied().collect();
        if !lost.is_empty() {
            let forgotten = self.database().write(|transaction| {
                let sql = "DELETE FROM aggregations WHERE aggregation_id = ?1";
                lost.iter().try_for_each(|id| transaction.execute(sql, params![id.bytes()]).map(drop))?;
                Ok(())
            })?;
            forgotten.into_inner();
        }
        Ok(())
    }
}

fn is_in_progress(connection: &Connection<'_>, id: AggregationId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM aggregations WHERE aggregation_id = ?1 AND status = 'IN_PROGRESS'";
    connection.exists(sql, params![id.bytes()])
}

fn aggregation_id(stored: &Row<'_>) -> Result<AggregationId, StoreError> {
    stored.get(0).map(AggregationId::from_bytes)
}

fn earlier_attempt(
    transaction: &Connection<'_>,
    new: &NewAggregation,
) -> Result<Option<AggregationId>, StoreError> {
    let Some(retry_key) = new.retry_key else { return Ok(None) };
    transaction.query_row(
        "SELECT aggregation_id FROM aggregations WHERE farm_id = ?1 AND retry_key = ?2",
        params![new.farm_id.bytes(), retry_key],
        |stored| stored.get(0).map(AggregationId::from_bytes),
    )
}

fn in_progress(transaction: &Connection<'_>, farm_id: FarmId) -> Result<Option<Begun>, StoreError> {
    transaction.query_row(
        "SELECT aggregation_id, started_at FROM aggregations WHERE farm_id = ?1 AND status = 'IN_PROGRESS'",
        params![farm_id.bytes()],
        |stored| {
            let id = stored.get(0).map(AggregationId::from_bytes)?;
            Ok(Begun::Busy { id, started_at: row::timestamp(stored, 1)? })
        },
    )
}

fn insert(transaction: &Connection<'_>, new: &NewAggregation) -> Result<(), StoreError> {
    let group_by: Vec<_> = new.query.group_by().fields().map(UsageGroupBy::as_str).collect();
    let statistics: Vec<_> = new.query.statistics().iter().map(Statistic::as_str).collect();
    let sql = "INSERT INTO aggregations (aggregation_id, farm_id, retry_key, status, started_at, deadline, group_by,
                                   statistics, cost_scale_nanos)
         VALUES (?1, ?2, ?3, 'IN_PROGRESS', ?4, ?5, ?6, ?7, ?8)";
    transaction.execute(
        sql,
        params![
            new.id.bytes(),
            new.farm_id.bytes(),
            new.retry_key,
            new.started_at.millis(),
            new.deadline.millis(),
            group_by.join(","),
            statistics.join(","),
            row::factor_nanos(new.cost_scale_factor),
        ],
    )?;
    Ok(())
}

fn state_from_row(stored: &Row<'_>) -> Result<AggregationState, StoreError> {
    Ok(AggregationState {
        status: row::text(stored, 0, parse_status)?,
        status_message: stored.get(1)?,
        started_at: row::timestamp(stored, 2)?,
        deadline: row::timestamp(stored, 3)?,
        group_by: row::text(stored, 4, parse_group_by)?,
        statistics: row::text(stored, 5, parse_statistics)?,
        cost_scale_factor: row::cost_scale_factor(stored, 6)?,
        row_count: row_count(stored, 7)?,
    })
}

fn row_count(stored: &Row<'_>, column: usize) -> Result<Option<u64>, StoreError> {
    let count: Option<i64> = stored.get(column)?;
    row::checked(column, count.map(u64::try_from).transpose())
}

/// A column that names something unknown, or a list that breaks its rule.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub(super) struct UnknownWord {
    pub(super) text: String,
    pub(super) what: &'static str,
}

fn parse_status(text: &str) -> Result<Status, UnknownWord> {
    Status::parse(text).ok_or_else(|| UnknownWord { text: text.to_owned(), what: "a status" })
}

pub(super) fn parse_group_by(text: &str) -> Result<GroupBy, UnknownWord> {
    let field = |name| UsageGroupBy::ALL.into_iter().find(|field| field.as_str() == name);
    let fields: Option<Vec<_>> = text.split(',').map(field).collect();
    let group_by = fields.and_then(|fields| GroupBy::new(&fields).ok());
    group_by.ok_or_else(|| UnknownWord { text: text.to_owned(), what: "a list of groupBy fields" })
}

pub(super) fn parse_statistics(text: &str) -> Result<StatisticSet, UnknownWord> {
    let statistic = |name| Statistic::ALL.into_iter().find(|statistic| statistic.as_str() == name);
    let statistics: Option<Vec<_>> = text.split(',').map(statistic).collect();
    let set = statistics.and_then(|statistics| StatisticSet::new(statistics).ok());
    set.ok_or_else(|| UnknownWord { text: text.to_owned(), what: "a list of statistics" })
}
