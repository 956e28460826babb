//! Bills that were spread over the sessions of a fleet: what, when and how much, for whoever asks later.

use farmtally_model::{FarmId, FleetId, NanoUsd, Timestamp};
use rusqlite::params;

use super::{Catalogue, row};
use crate::error::StoreError;

/// A bill that was spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpreadBill {
    /// The fleet whose sessions pay it.
    pub fleet_id: FleetId,
    /// The sessions that ended from here on pay it.
    pub period_start: Timestamp,
    /// The first instant after.
    pub period_end: Timestamp,
    /// Its amount.
    pub amount: NanoUsd,
    /// Sessions that pay.
    pub sessions: u64,
    /// When it was spread.
    pub spread_at: Timestamp,
}

impl Catalogue {
    /// Every bill that was spread over a farm's sessions, the first first.
    pub fn spread_bills(&self, farm_id: FarmId) -> Result<Vec<SpreadBill>, StoreError> {
        self.database().read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT fleet_id, period_start, period_end, bill_nanos, session_count, spread_at
                 FROM spread_bills WHERE farm_id = ?1 ORDER BY number",
            )?;
            let bills = statement.query_map([farm_id.bytes()], |stored| {
                Ok(SpreadBill {
                    fleet_id: stored.get(0).map(FleetId::from_bytes)?,
                    period_start: row::timestamp(stored, 1)?,
                    period_end: row::timestamp(stored, 2)?,
                    amount: row::nano_usd(stored, 3)?,
                    sessions: stored.get::<_, i64>(4)?.cast_unsigned(),
                    spread_at: row::timestamp(stored, 5)?,
                })
            })?;
            Ok(bills.collect::<Result<_, _>>()?)
        })
    }

    /// Notes that a bill was spread.
    pub fn add_spread_bill(&self, farm_id: FarmId, bill: &SpreadBill) -> Result<(), StoreError> {
        let added = self.database().write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO spread_bills
                     (farm_id, number, fleet_id, period_start, period_end, bill_nanos, session_count, spread_at)
                     SELECT ?1, 1 + coalesce((SELECT max(number) FROM spread_bills WHERE farm_id = ?1), 0),
                            ?2, ?3, ?4, ?5, ?6, ?7",
                )?
                .execute(params![
                    farm_id.bytes(),
                    bill.fleet_id.bytes(),
                    bill.period_start.millis(),
                    bill.period_end.millis(),
                    bill.amount.nanos().cast_signed(),
                    bill.sessions.cast_signed(),
                    bill.spread_at.millis(),
                ])?;
            Ok(())
        })?;
        added.into_inner();
        Ok(())
    }
}
